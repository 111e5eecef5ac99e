"""A cache for pipelines in which every transformer is fitted once, by one process."""

from pathlib import Path

import joblib
from filelock import FileLock
from joblib.func_inspect import filter_args
from joblib.memory import FIRST_LINE_TEXT

__all__ = ["FitOnceMemory"]


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

    See Also
    --------
    sklearn.pipeline.Pipeline : Takes it as ``memory``.

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

    def cache(self, func=None, ignore=None, **options):
        """Decorate ``func``; see `joblib.Memory.cache`."""
        cached = super().cache(func, ignore=ignore, **options)
        if func is None or self.location is None:
            return cached
        return _OneAtATime(func, cached, ignore or [], Path(self.location) / "locks")


class _OneAtATime:
    """A cached function of joblib's, of which equal calls run one after the other."""

    def __init__(self, func, cached, ignore, folder):
        self.func, self.cached, self.ignore, self.folder = func, cached, ignore, folder

    def __call__(self, *args, **kwargs):
        self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self.folder / "code.lock"):
            self._store_code()
        name = joblib.hash(filter_args(self.func, self.ignore, args, kwargs))
        with FileLock(self.folder / f"{name}.lock"):
            return self.cached(*args, **kwargs)

    def __getattr__(self, name):
        if name == "cached":  # not there yet, while this is unpickled
            raise AttributeError(name)
        return getattr(self.cached, name)

    def _store_code(self):
        """Store the code of the function, by which other processes trust what is cached.

        joblib itself leaves it out in the second folder that a process uses.
        """
        store, name = self.cached.store_backend, self.cached.func_id
        try:
            store.get_cached_func_code([name])
        except OSError:
            code, _, line = self.cached.func_code_info
            store.store_cached_func_code([name], f"{FIRST_LINE_TEXT} {line}\n{code}")
