"""Fits and scores of settings on the splits of the data, here or in workers."""

import contextlib
import dataclasses
import math
import numbers
import time
import traceback
import warnings
from collections import defaultdict

import numpy as np
from sklearn.base import clone
from sklearn.utils import get_tags
from sklearn.utils.parallel import Parallel, delayed

from .._sklearn import _safe_indexing

__all__ = ["Evaluator", "Fold", "Job", "n_samples_of"]


@dataclasses.dataclass(frozen=True)
class Fold:
    """What one fit on one split gave.

    Scores are a float, or a dict of them if there are several metrics; nan where a fit or a
    scorer failed. `error` is the traceback then.
    """

    test_scores: float | dict
    train_scores: float | dict | None
    fit_time: float
    score_time: float
    n_test_samples: int
    error: str | None = None

    def reason(self):
        """Say why the fold failed, or return None."""
        if self.error:
            return self.error.strip().splitlines()[-1]
        scores = self.test_scores
        scores = scores.values() if isinstance(scores, dict) else [scores]
        bad = [score for score in scores if not math.isfinite(score)]
        return f"the score is {bad[0]}" if bad else None


@dataclasses.dataclass(frozen=True)
class Job:
    """What all fits of a search have in common."""

    estimator: object
    X: object
    y: object
    scorer: object
    fit_params: dict
    score_params: dict
    return_train_score: bool
    error_score: object
    verbose: int

    def run(self, params, train, test, label, task):
        """Fit a setting on one split and score it; return a `Fold`.

        Parameters
        ----------
        params : dict
            The setting.
        train, test : array of int
            Places of the samples.
        label : str
            What to call the fit in the line that ``verbose=2`` prints.
        task : Task
            The task of the callbacks.
        """
        # A setting may hold estimators, which must not be fitted themselves.
        estimator = clone(self.estimator).set_params(**clone(params, safe=False))
        test_scores, train_scores, start = math.nan, math.nan, time.perf_counter()
        try:
            error = self._fit(estimator, train, task)
            fitted = scored = time.perf_counter()
            if error is None:
                test_scores, error = self._score(estimator, test, train)
                scored = time.perf_counter()
                if self.return_train_score:
                    train_scores, train_error = self._score(estimator, train, train)
                    error = error or train_error
        finally:
            task.end()
        fold = Fold(
            test_scores=test_scores,
            train_scores=train_scores if self.return_train_score else None,
            fit_time=fitted - start,
            score_time=scored - fitted,
            n_test_samples=len(test),
            error=error,
        )
        if self.verbose > 1:
            _print(fold, params, label)
        return fold

    def _fit(self, estimator, train, task):
        """Fit, and return the traceback if that fails, or None."""
        X, y, fit_params = self._take(estimator, train, train, self.fit_params)
        try:
            with task.fitting(estimator, X, y, fit_params):
                estimator.fit(*_without_none(X, y), **fit_params)
        except Exception:
            if self.error_score == "raise":
                raise
            return traceback.format_exc()
        return None

    def _take(self, estimator, indices, train, params):
        """Return X, y and the metadata of the samples at these places."""
        X = self.X
        if get_tags(estimator).input_tags.pairwise:  # a kernel: samples against training samples
            X = X[np.ix_(indices, train)]
        else:
            X = _safe_indexing(X, indices)
        n_samples = n_samples_of(self.X)
        taken = {
            name: _safe_indexing(value, indices) if n_samples_of(value) == n_samples else value
            for name, value in params.items()
        }
        return X, None if self.y is None else _safe_indexing(self.y, indices), taken

    def _score(self, estimator, indices, train):
        """Return the scores, and the traceback of a scorer that failed or None."""
        X, y, params = self._take(estimator, indices, train, self.score_params)
        try:
            scores = self.scorer(estimator, *_without_none(X, y), **params)
        except Exception:
            if self.error_score == "raise":
                raise
            return math.nan, traceback.format_exc()
        if not isinstance(scores, dict):
            return _number(scores, "scoring"), None
        # With several metrics scikit-learn gives the traceback in place of a score.
        errors = [score for score in scores.values() if isinstance(score, str)]
        numbers_ = {
            name: math.nan if isinstance(score, str) else _number(score, f"scoring {name!r}")
            for name, score in scores.items()
        }
        return numbers_, errors[0] if errors else None


def _without_none(X, y):
    return (X,) if y is None else (X, y)


def n_samples_of(value):
    """Return the number of samples, or None for what is no series of them."""
    if getattr(value, "shape", None):
        return value.shape[0]
    if isinstance(value, (str, bytes, dict)) or not hasattr(value, "__len__"):
        return None
    return len(value)


def _number(score, name):
    if hasattr(score, "item"):
        with contextlib.suppress(ValueError):
            score = score.item()
    if not isinstance(score, numbers.Real):
        raise ValueError(
            f"{name} must return a number, got {score!r:.100} of type {type(score).__name__}."
        )
    return float(score)


def _print(fold, params, label):
    text = ", ".join(f"{name}={value}" for name, value in sorted(params.items()))
    scores = fold.test_scores
    scores = scores if isinstance(scores, dict) else {"score": scores}
    found = ", ".join(f"{name}={score:.3f}" for name, score in scores.items())
    seconds = fold.fit_time + fold.score_time
    print(f"[CV {label}] {text}; {found}, total time={seconds:.1f}s", flush=True)


class Evaluator:
    """Runs the fits of points: one after the other, or in workers.

    Parameters
    ----------
    job : Job
        What is fitted.
    splits : list of (train, test)
        The folds.
    n_jobs : int or None
        Fits at the same time, as for ``joblib.Parallel``.
    pre_dispatch : int or str
        Fits handed out in advance, as for ``joblib.Parallel``.
    n_batches : int
        Batches of points that may be under way at the same time.
    """

    def __init__(self, job, splits, n_jobs, pre_dispatch, n_batches):
        self.job, self.splits = job, splits
        # One for each batch under way. joblib keeps what it has sent to the workers as long as
        # they are open, so that the images are sent once and not for each point.
        self._idle = [_parallel(n_jobs, pre_dispatch) for _ in range(n_batches)]
        self._open, self._running = contextlib.ExitStack(), []

    def __enter__(self):
        for parallel in self._idle:
            self._open.enter_context(parallel)
        return self

    def __exit__(self, *error):
        with warnings.catch_warnings():  # that fits are given up is known: an error ends them
            warnings.filterwarnings("ignore", category=UserWarning, module="joblib")
            for results in self._running:
                results.close()
            self._open.close()

    def start(self, points, tasks):
        """Start the fits of a batch of points; return an iterator over the finished points.

        Parameters
        ----------
        points : dict of int to dict
            Settings by number.
        tasks : dict of int to Task
            The task of each point.

        Returns
        -------
        iterator of (int, list of Fold)
            The number of a point and its folds, as soon as all of these are there.
        """
        if not points:
            return iter(())
        calls = [
            delayed(_run)(self.job, number, k, params, *split, self._label(number, k), fold_task)
            for number, params in points.items()
            for k, (split, fold_task) in enumerate(
                zip(self.splits, self._fold_tasks(tasks[number]), strict=True)
            )
        ]
        parallel = self._idle.pop()
        results = self._gather(parallel(calls), parallel)
        self._running.append(results)
        return results

    def _gather(self, folds, parallel):
        found = defaultdict(dict)
        for number, k, fold in folds:
            found[number][k] = fold
            if len(found[number]) == len(self.splits):
                yield number, [fold for _, fold in sorted(found.pop(number).items())]
        self._idle.append(parallel)

    def _fold_tasks(self, task):
        return [task.subtask("candidate-split-evaluation", k) for k in range(len(self.splits))]

    def _label(self, number, k):
        return f"{k + 1}/{len(self.splits)} of point {number + 1}"


def _parallel(n_jobs, pre_dispatch):
    try:
        return Parallel(n_jobs, pre_dispatch=pre_dispatch, return_as="generator_unordered")
    except ValueError:  # a backend of the user's that only returns lists
        return Parallel(n_jobs, pre_dispatch=pre_dispatch)


def _run(job, number, k, *arguments):
    return number, k, job.run(*arguments)
