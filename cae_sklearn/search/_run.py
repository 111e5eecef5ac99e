"""The loop of a search: ask for points, have them evaluated, keep them, tell their scores."""

import dataclasses
import math
import numbers
import warnings
from collections import deque

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import check_cv

from .._tokens import plain
from . import _skopt
from ._checkpoint import FoldShape, open_checkpoint
from ._evaluation import Evaluator, Job
from ._results import check_metric, mean_score, metric_names
from ._settings import settings

__all__ = ["Run", "run_search"]


def run_search(search, X, y, metadata, data, callback, task):
    """Evaluate the points of a search, stored ones from its checkpoint.

    Parameters
    ----------
    search : ResumableBayesSearchCV
        Has the parameters.
    X, y : array-like
        The data, as they can be indexed.
    metadata : dict of str to dict
        What goes to `fit`, `score` and `split`.
    data : dict
        X, y, groups and fit parameters as the user passed them: the checkpoint compares these.
    callback : callable, list of callable or None
        Those of skopt.
    task : Task
        The task of the whole fit, for scikit-learn's callbacks.

    Returns
    -------
    Run
        With all points.
    """
    spaces = _skopt.check_spaces(search.search_spaces, search.n_iter)
    callbacks = _skopt.check_callback(callback)
    job, metrics = _job(search, X, y, metadata)
    cv = check_cv(search.cv, y, classifier=is_classifier(search.estimator))
    with open_checkpoint(
        search.checkpoint, lambda: settings(search, spaces, cv, data), _seed(search.random_state)
    ) as checkpoint:
        splits = [_places(*split) for split in cv.split(X, y, **metadata["split"])]
        rng = np.random.RandomState(checkpoint.seed)
        options = search.optimizer_kwargs or {}
        proposers = [_skopt.Proposer(space, n_iter, rng, options) for space, n_iter in spaces]
        shape = FoldShape(len(splits), search.return_train_score, metrics)
        stored = checkpoint.stored([proposer.decode for proposer in proposers], shape)
        n_batches = search.n_points if search.asynchronous else 1
        with Evaluator(job, splits, search.n_jobs, search.pre_dispatch, n_batches) as evaluator:
            n_iters = [n_iter for _, n_iter in spaces]
            task = task.subtask("search", n_subtasks=sum(n_iters))
            run = Run(search, proposers, n_iters, checkpoint, stored, evaluator, task, callbacks)
            run.explore()
    return run


def _job(search, X, y, metadata):
    """Return what all fits have in common, and the names of several metrics.

    They are None for a scoring function, which may return one score or a dict of them.
    """
    scorer, named = search._scorers()
    metrics = None if callable(search.scoring) else set(named) if isinstance(named, dict) else set()
    if metrics:
        check_metric(search.refit, list(metrics))
    job = Job(
        estimator=clone(search.estimator),
        X=X,
        y=y,
        scorer=scorer,
        fit_params=metadata["fit"],
        score_params=metadata["score"],
        return_train_score=search.return_train_score,
        error_score=search.error_score,
        verbose=search.verbose,
    )
    return job, metrics


def _places(*split):
    """Return the places of training and test samples, also of masks."""
    split = [np.asarray(part) for part in split]
    return [np.flatnonzero(part) if part.dtype == bool else part for part in split]


def _seed(random_state):
    if random_state is None:  # not from numpy's global generator, whose state stays as it is
        return int(np.random.default_rng().integers(2**31 - 1))
    if isinstance(random_state, numbers.Integral):
        return int(random_state)
    return int(random_state.randint(2**31 - 1))


@dataclasses.dataclass
class _Batch:
    """Points that are under way together: their settings by number, and what comes of them."""

    points: dict
    params: dict
    tasks: dict
    stored: dict
    results: object = ()
    scores: list = dataclasses.field(default_factory=list)


class Run:
    """One fit of a search, from the first point to the last.

    Points are asked for in batches. In rounds, a batch has `n_points` points, and the next one
    is asked for when all of them are evaluated. Asynchronously, a batch has one point, and
    `n_points` batches are under way: when the oldest is evaluated a new one is asked for, with
    the scores of all before it known and those after it not. What is known when a point is asked
    for thus depends on its number alone, and not on which worker is the faster.

    Parameters
    ----------
    search : ResumableBayesSearchCV
        Has the parameters.
    proposers : list of _skopt.Proposer
        One for each search space.
    n_iters : list of int
        Points of each search space.
    checkpoint : _checkpoint.Checkpoint
        Keeps the points.
    stored : list of dict
        The points that it had, by search space and number.
    evaluator : _evaluator.Evaluator
        Fits and scores.
    task : Task
        The task of the search, for scikit-learn's callbacks.
    callbacks : list of callable
        Those of skopt.

    Attributes
    ----------
    settings : list of dict
        The parameters of each point, in the order in which they were asked for.
    folds : list of list of Fold
        Their folds.
    scores : numpy.ndarray
        Their scores; nan for those that failed.
    """

    def __init__(self, search, proposers, n_iters, checkpoint, stored, evaluator, task, callbacks):
        self.search, self.proposers, self.n_iters = search, proposers, n_iters
        self.checkpoint, self.known, self.evaluator = checkpoint, stored, evaluator
        self.task, self.callbacks = task, callbacks
        self.settings, self.folds, self.scores = [], [], np.array([])
        whole = not search.asynchronous
        self.batch_size, self.n_batches = (search.n_points, 1) if whole else (1, search.n_points)

    def explore(self):
        """Evaluate the points of all search spaces."""
        self.task.begin()
        for index in range(len(self.proposers)):
            self._explore_space(index)
        self.task.end()
        self._check_success()

    def _explore_space(self, index):
        proposer, waiting, asked, go_on = self.proposers[index], deque(), 0, True
        first = len(self.settings)
        while waiting or go_on:
            while go_on and len(waiting) < self.n_batches:
                size = min(self.batch_size, self.n_iters[index] - asked)
                batch = self._start(index, first, asked, size, waiting)
                asked += len(batch.points)
                go_on = bool(batch.points)  # or a finite space is used up
                waiting.extend([batch] if go_on else [])
            if waiting:
                batch = waiting.popleft()
                self._finish(index, first, batch)
                told = first + asked - sum(len(other.points) for other in waiting)
                result = proposer.tell(list(batch.points.values()), self.scores[first:told])
                go_on &= not _skopt.eval_callbacks(self.callbacks, result)

    def _start(self, index, first, asked, size, waiting):
        """Ask for points, and start the fits of those that are not stored."""
        proposer, known = self.proposers[index], self.known[index]
        pending = [point for batch in waiting for point in batch.points.values()]
        proposed = proposer.ask(size, pending) if size else []
        points = {}
        for number, place in zip(range(asked, asked + size), range(size), strict=True):
            if number in known:
                points[number] = known[number][0]
            elif place < len(proposed):
                points[number] = proposed[place]
            else:
                break
        batch = _Batch(
            points=points,
            params={n: proposer.params(point) for n, point in points.items()},
            tasks={n: self._begin_point(first + n) for n in points},
            stored={n: known[n][1] for n in points if n in known},
        )
        new = {n: batch.params[n] for n in points if n not in known}
        batch.results = self.evaluator.start(new, batch.tasks)
        self.settings += batch.params.values()
        self.folds += [None] * len(points)
        self.scores = np.append(self.scores, [math.nan] * len(points))
        return batch

    def _begin_point(self, number):
        task = self.task.subtask("point", number, len(self.evaluator.splits))
        task.begin()
        return task

    def _finish(self, index, first, batch):
        """Wait for the folds of a batch; keep and report each point as soon as it is there."""
        for number, folds in batch.stored.items():
            self._enter(first + number, folds)
            batch.tasks[number].end()
            self._report(first + number, is_stored=True)
        for number, folds in batch.results:
            self._enter(first + number, folds)
            values = self.proposers[index].encode(batch.points[number])
            self.checkpoint.add(index, number, plain(batch.params[number]), values, folds)
            batch.tasks[number].end()
            self._report(first + number, is_stored=False)

    def _enter(self, place, folds):
        reason = next(filter(None, (fold.reason() for fold in folds)), None)
        if reason and self.search.error_score == "raise":
            raise ValueError(
                f"A fit went through, but {reason}, and error_score='raise'. Pass "
                "error_score=np.nan to go on without such candidates."
            )
        self.folds[place] = folds
        self.scores[place] = mean_score(folds, self.metric(), self.search.error_score)

    def metric(self):
        """Return the name of the metric that is optimized, as far as it is known."""
        done = (fold for folds in self.folds if folds for fold in folds)
        return check_metric(self.search.refit, metric_names(done))

    def _report(self, place, is_stored):
        """Print a line if verbose; warn of failures if they are new."""
        folds, total = self.folds[place], sum(self.n_iters)
        text = ", ".join(
            f"{name}={value:.3g}" if isinstance(value, float) else f"{name}={value}"
            for name, value in self.settings[place].items()
        )
        if self.search.verbose:
            best = int(np.argmax(np.where(np.isfinite(self.scores), self.scores, -np.inf)))
            seconds = sum(fold.fit_time + fold.score_time for fold in folds)
            print(
                f"point {place + 1}/{total}: {self.scores[place]:.4f}, "
                f"best {self.scores[best]:.4f} (point {best + 1}), "
                f"{seconds:.1f} s{' stored' * is_stored}, {text}",
                flush=True,
            )
        reasons = [reason for fold in folds if (reason := fold.reason())]
        if reasons and not is_stored:
            warnings.warn(
                f"Point {place + 1} of {total} failed in {len(reasons)} of {len(folds)} folds "
                f"({text}); the search goes on. First reason: {reasons[0].rstrip('.')}. Pass "
                "error_score='raise' to stop at failures.",
                FitFailedWarning,
                stacklevel=2,
            )

    def _check_success(self):
        """Raise if there is nothing to choose from."""
        reasons = [fold.reason() for folds in self.folds for fold in folds]
        last = next(filter(None, reversed(reasons)), "").rstrip(".")
        if None not in reasons or not np.isfinite(self.scores).any():
            raise ValueError(
                f"None of the {len(self.scores)} points got a score. The last reason: "
                f"{last}. Pass error_score='raise' to see where, and "
                "delete the checkpoint, if there is one, before the next try."
            )
