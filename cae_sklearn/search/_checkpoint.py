"""The file in which a search keeps its evaluated points."""

import contextlib
import json
import math
import numbers
import os
import secrets
import stat
from pathlib import Path

from ._evaluation import Fold
from ._lock import locked

__all__ = ["Checkpoint", "FoldShape", "open_checkpoint"]

_FORMAT = "cae_sklearn.search checkpoint 1"
_DAMAGE = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


@contextlib.contextmanager
def open_checkpoint(name, settings, seed):
    """Open a checkpoint, or make one, and hold it until the block ends.

    Parameters
    ----------
    name : path-like or None
        The file. With None the points are kept in memory alone.
    settings : callable
        Returns what the stored scores depend on, as a dict of what JSON can hold.
    seed : int
        Seed of a new checkpoint.

    Yields
    ------
    Checkpoint
        With the points and the seed of the file, if it is there.

    Raises
    ------
    FileNotFoundError
        If the folder is missing.
    ValueError
        If the file is damaged or no regular file, belongs to another search, or is in use.
    """
    content = {"format": _FORMAT, "seed": seed, "settings": {}, "points": []}
    if name is None:
        yield Checkpoint(None, name, content)
        return
    path = _checked_path(name)
    content["settings"] = json.loads(json.dumps(settings()))
    with locked(path):
        checkpoint = Checkpoint(path, name, content)
        if path.exists():
            checkpoint.read()
        else:
            checkpoint.write()  # a folder that is read-only shows before the first fit
        yield checkpoint


def _checked_path(name):
    """Return the file behind links, which need not exist; raise if it can be none."""
    if "\0" in os.fsdecode(name):
        raise ValueError(f"checkpoint must be a file name, but {name!r} holds a null character.")
    path = Path(os.path.realpath(name))
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"checkpoint must lie in a folder that exists, but {str(path.parent)!r} is none. "
            "Make it first."
        )
    if path.exists() and not path.is_file():  # to open a pipe or a device may wait for ever
        kind = "a folder" if path.is_dir() else "a pipe, a socket or a device"
        raise ValueError(
            f"checkpoint must be a regular file, but {str(name)!r} is {kind}. Pass another file "
            "name."
        )
    return path


class Checkpoint:
    """The evaluated points of a search, in a file if it has one; see `open_checkpoint`.

    Parameters
    ----------
    path : pathlib.Path or None
        The file, links resolved. None keeps nothing.
    name : path-like
        What the user calls it.
    content : dict
        The format, the seed, the settings of the search and its points, as in the file.
    """

    def __init__(self, path, name, content):
        self.path, self.name, self.content = path, name, content

    @property
    def seed(self):
        """The seed of the proposals."""
        return self.content["seed"]

    def read(self):
        """Take the points and the seed from the file, if it is of the same search."""
        with self._reading():
            content = json.loads(self.path.read_text("utf-8"))
            if content["format"] != _FORMAT:
                raise ValueError(f"its format is {content['format']!r}, not {_FORMAT!r}")
            then = dict(content["settings"])
            _check_int(content["seed"], 2**32, "seed")
            if not isinstance(content["points"], list):
                raise ValueError("its points are no list")
        self._compare(then, self.content["settings"])
        self.content = content

    @contextlib.contextmanager
    def _reading(self):
        try:
            yield
        except _DAMAGE as error:
            raise ValueError(
                f"checkpoint={str(self.name)!r} is damaged or no checkpoint at all "
                f"({type(error).__name__}: {error}). Put back a copy, delete it, or pass another "
                "file name to start anew."
            ) from error

    def _compare(self, then, now):
        names = [name for name in {**then, **now} if then.get(name) != now.get(name)]
        if names:
            changes = (f"{n} was {then.get(n)!r:.120}, is {now.get(n)!r:.120}" for n in names)
            raise ValueError(
                f"checkpoint={str(self.name)!r} holds another search: {'; '.join(changes)}. Pass "
                "the same settings and data to resume it, or another file name to start anew."
            )

    def stored(self, decoders, shape):
        """Return the stored points of each search space.

        Parameters
        ----------
        decoders : list of callable
            One for each search space. It turns the stored values into a point, or raises.
        shape : FoldShape
            What each point must have.

        Returns
        -------
        list of dict of int to (point, list of Fold)
            By number of the point within its space.
        """
        found = [{} for _ in decoders]
        with self._reading():
            for record in self.content["points"]:
                index = _check_int(record["space"], len(decoders), "space")
                numbered = found[index]
                number = _check_int(record.get("number", len(numbered)), math.inf, "number")
                if number in numbered:
                    raise ValueError(f"it has two points number {number}")
                point = decoders[index](record["point"])
                numbered[number] = point, shape.folds(record["folds"])
        return found

    def add(self, index, number, params, values, folds):
        """Keep a point: its space, its number there, and its values as `stored` reads them."""
        if self.path is None:
            return
        record = {"space": index, "number": number, "params": params, "point": values}
        self.content["points"].append({**record, "folds": [_record(fold) for fold in folds]})
        self.write()

    def write(self):
        """Write the file anew.

        Whenever the process dies, a whole file stands under the name: the old or the new one.
        """
        # A new name, so that nobody can have put a link there.
        temporary = self.path.with_name(f"{self.path.name}.{secrets.token_hex(8)}.tmp")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
        try:
            descriptor = os.open(temporary, flags, 0o666)
        except OSError as error:
            raise OSError(
                error.errno,
                f"checkpoint={str(self.path)!r} cannot be written ({error.strerror}). Pass a file "
                "of a short name in a folder where you may write",
            ) from error
        try:
            with open(descriptor, "w", encoding="utf-8") as file:
                with contextlib.suppress(FileNotFoundError):
                    os.chmod(temporary, stat.S_IMODE(os.stat(self.path).st_mode))
                json.dump(self.content, file, indent=1, allow_nan=False)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, self.path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise


def _check_int(value, end, name):
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < end:
        raise ValueError(f"it has the {name} {value!r:.50}")
    return value


class FoldShape:
    """What the stored folds of a search must look like.

    Parameters
    ----------
    n_splits : int
        Folds of a point.
    train : bool
        Whether there are training scores.
    metrics : set of str or None
        Names of the metrics; empty if there is one alone, None if they are not known. Then the
        first fold says them.
    """

    def __init__(self, n_splits, train, metrics):
        self.n_splits, self.train, self.metrics = n_splits, train, metrics

    def folds(self, records):
        """Return the folds; raise an error of many possible kinds if they are damaged."""
        if len(records) != self.n_splits:
            raise ValueError(f"a point has {len(records)} folds, not {self.n_splits}")
        return [self._fold(record) for record in records]

    def _fold(self, record):
        error = record["fit_error"]
        if error is not None and not (isinstance(error, str) and error.strip()):
            raise ValueError(f"a fold has the fit_error {error!r:.50}")
        return Fold(
            test_scores=self._scores(record["test_scores"]),
            train_scores=self._scores(record["train_scores"]) if self.train else None,
            fit_time=_number(record["fit_time"]),
            score_time=_number(record["score_time"]),
            n_test_samples=_check_int(record["n_test_samples"], math.inf, "n_test_samples"),
            error=error,
        )

    def _scores(self, scores):
        if not isinstance(scores, dict):
            return math.nan if scores is None else _number(scores)
        if self.metrics is None:
            self.metrics = set(scores)
        if set(scores) != self.metrics or not scores:
            raise ValueError(f"a fold has the scores {sorted(scores)}")
        return {k: math.nan if v is None else _number(v) for k, v in scores.items()}


def _number(value):
    """Return a finite number as a float."""
    if not isinstance(value, numbers.Real) or isinstance(value, bool):
        raise ValueError(f"{value!r:.50} stands where a number should")
    if not math.isfinite(value):
        raise ValueError(f"{value} stands where a finite number should")
    return float(value)


def _record(fold):
    """Return a fold as JSON can hold it, which knows no nan and no infinity."""
    return {
        "fit_error": fold.error,
        "test_scores": _nulls(fold.test_scores),
        "train_scores": _nulls(fold.train_scores),
        "n_test_samples": fold.n_test_samples,
        "fit_time": fold.fit_time,
        "score_time": fold.score_time,
    }


def _nulls(scores):
    if isinstance(scores, dict):
        return {name: _nulls(score) for name, score in scores.items()}
    return scores if scores is not None and math.isfinite(scores) else None
