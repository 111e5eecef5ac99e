"""A cache for pipelines in which every transformer is fitted once, by one process."""

import inspect
import pickle
import threading
import warnings
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import joblib
from filelock import FileLock, Timeout
from joblib.func_inspect import filter_args
from joblib.memory import (
    FIRST_LINE_TEXT,
    MemorizedFunc,
    NotMemorizedFunc,
    extract_first_line,
)

from ._tokens import stable_hash

__all__ = ["FitOnceMemory"]

PATIENCE = 5.0  # seconds; nobody keeps the lock of the code for more than milliseconds
# Newer releases of filelock would replace locks that the disk refuses, with a warning for each.
HARD = "fallback_to_soft" in inspect.signature(FileLock.__init__).parameters
LOCK_OPTIONS = {"fallback_to_soft": False} if HARD else {}

NOT_LOCKED = (
    "FitOnceMemory cannot lock calls in {folder} ({error}), and works as joblib.Memory: equal "
    "calls that run at the same time each compute. Move the cache to a writable local disk."
)
NOT_COMPARED = (
    "FitOnceMemory cannot compare the arguments of a call, which do not pickle ({error}): such "
    "calls are computed, not cached. Pass functions of a module instead of lambdas; of Keras, a "
    "later release may do."
)
NOT_STORED = (
    "FitOnceMemory cannot store in {folder} ({error}): calls are computed, not cached. "
    "Free some space, or move the cache to a writable disk."
)


class FitOnceMemory(joblib.Memory):
    """A `joblib.Memory` whose calls wait for an equal call that is still under way.

    In a search with ``n_jobs`` > 1 and a plain ``Memory``, a process that needs a
    transformer while another still fits it finds nothing in the cache and fits it again.
    Here it waits for the other, and loads what that has stored. The lock is a file in the
    cache folder; it ends with its process, so that a killed worker blocks nobody.

    Parameters
    ----------
    location : str, path or None
        Folder of the cache. None caches nothing.
    **options
        As for `joblib.Memory`: ``mmap_mode``, ``compress``, ``verbose`` and so on.

    Warns
    -----
    UserWarning
        Once in a process, if the disk refuses locks (some network disks do, and read-only ones):
        the cache then works as `joblib.Memory` does. Also if it can store nothing, or if
        arguments do not pickle, as lambdas: each such call is then computed.

    See Also
    --------
    sklearn.pipeline.Pipeline : Takes it as ``memory``.

    Notes
    -----
    Keras optimizers, callbacks, layers and models among the arguments are compared by class and
    configuration (layers and models by weights too). Their pickles, which ``joblib.Memory``
    compares, change with time.

    No calls wait for each other in a ring. A thread that is inside a cached call waits for no
    other: when it needs an equal call that is under way elsewhere, it computes it itself.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from sklearn.pipeline import Pipeline
    >>> from cae_sklearn import CAEFeaturizer, ElasticNetBNMLPClassifier
    >>> from cae_sklearn.caching import FitOnceMemory
    >>> with TemporaryDirectory() as folder:
    ...     pipeline = Pipeline(
    ...         [("cae", CAEFeaturizer()), ("clf", ElasticNetBNMLPClassifier())],
    ...         memory=FitOnceMemory(folder, verbose=0),
    ...     )
    """

    def __init__(self, location=None, **options):
        try:
            super().__init__(location, **options)
        except OSError as error:  # not even a folder for all functions
            _warn_once(location, NOT_STORED, error)
            super().__init__(None, **options)
        self.options = options

    def __getstate__(self):
        state = super().__getstate__()
        state.pop("store_backend", None)
        return state

    def __getattr__(self, name):
        # after loading: the folder, perhaps of another machine, is made when it is needed
        if name != "store_backend" or "options" not in vars(self):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        self.__init__(self.location, **self.options)
        return self.store_backend

    def cache(self, func=None, ignore=None, **options):
        """Decorate ``func``; see `joblib.Memory.cache`."""
        try:
            cached = super().cache(func, ignore=ignore, **options)
        except OSError as error:  # not even a folder for the function
            _warn_once(self.location, NOT_STORED, error)
            return NotMemorizedFunc(func)
        if type(cached) is not MemorizedFunc:  # a decorator, no location, or a coroutine
            return cached
        return _OneAtATime(cached, Path(self.location) / "locks")


class _OneAtATime(MemorizedFunc):
    """A cached function of joblib's, of which equal calls run one after the other."""

    def __init__(self, cached, locks):
        vars(self).update(vars(cached))
        self.locks = locks

    def __call__(self, *args, **kwargs):
        with self._turn(args, kwargs) as stored:
            return super().__call__(*args, **kwargs) if stored else self.func(*args, **kwargs)

    def call_and_shelve(self, *args, **kwargs):
        """Call, and return a reference to what is cached; see `joblib.Memory`."""
        with self._turn(args, kwargs) as stored:
            if stored:
                reference = super().call_and_shelve(*args, **kwargs)
                if self.check_call_in_cache(*args, **kwargs):  # not where the disk took nothing
                    return reference
            return NotMemorizedFunc(self.func).call_and_shelve(*args, **kwargs)

    def _get_args_id(self, *args, **kwargs):
        """Return a hash of the arguments; joblib's own changes with time for objects of Keras.

        A joblib that asks by another name uses its own hash, and fits more often than needed.
        """
        arguments = filter_args(self.func, self.ignore, args, kwargs)
        return stable_hash(arguments, coerce_mmap=self.mmap_mode is not None)

    @contextmanager
    def _turn(self, args, kwargs):
        """Wait for the turn of this call, and tell whether its result can be stored."""
        name = None
        try:
            name = stable_hash([self.func_id, self._get_args_id(*args, **kwargs)])
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            _warn_once(self.locks, NOT_COMPARED, str(error)[-100:])
        if name is None:
            yield False
            return
        with ExitStack() as stack:
            if (self.locks, NOT_LOCKED) not in _warned:
                try:
                    self._wait(name, stack)
                except (OSError, NotImplementedError) as error:
                    _warn_once(self.locks, NOT_LOCKED, error)
            _inside.calls.append(name)
            stack.callback(_inside.calls.pop)
            yield self._store_code()

    def _wait(self, name, stack):
        """Put the lock of a call onto the stack, unless this thread must not wait for it.

        A thread that waits holds no lock. So there is no ring of threads or processes, each of
        which holds what the next waits for.
        """
        self.locks.mkdir(parents=True, exist_ok=True)
        with FileLock(self.locks / "code.lock", **LOCK_OPTIONS).acquire(timeout=PATIENCE):
            self._store_code()
        lock = FileLock(self.locks / f"{name}.lock", **LOCK_OPTIONS)
        if not _inside.calls:
            stack.enter_context(lock.acquire())
        elif name not in _inside.calls:
            with suppress(Timeout):
                stack.enter_context(lock.acquire(blocking=False))

    def _store_code(self):
        """Store the code of the function, by which other processes trust what is cached.

        joblib itself leaves it out in the second folder that a process uses, and fails where
        the code is damaged or cannot be stored.
        """
        store = self.store_backend
        folder = Path(store.location) / self.func_id
        if (folder, NOT_STORED) in _warned:
            return False
        with suppress(OSError, ValueError):  # missing, or damaged
            if extract_first_line(store.get_cached_func_code([self.func_id]))[0]:
                return True
        code, _, line = self.func_code_info
        try:
            store.store_cached_func_code([self.func_id], f"{FIRST_LINE_TEXT} {line}\n{code}")
        except OSError as error:
            _warn_once(folder, NOT_STORED, error)
            return False
        return True


class _Inside(threading.local):
    """The calls that a thread is in: their names, the outermost first."""

    def __init__(self):
        self.calls = []


_inside = _Inside()
_warned = set()  # (folder, message): each once in a process


def _warn_once(folder, message, error):
    if (folder, message) not in _warned:
        _warned.add((folder, message))
        warnings.warn(message.format(folder=folder, error=error), stacklevel=2)
