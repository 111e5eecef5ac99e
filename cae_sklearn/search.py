"""Parameter grids, search spaces, and a Bayesian search that survives failures and restarts."""

import contextlib
import copy
import inspect
import json
import math
import numbers
import os
import re
import warnings
from pathlib import Path

import joblib
import numpy as np
import sklearn
from sklearn.exceptions import FitFailedWarning
from skopt import BayesSearchCV
from skopt.callbacks import check_callback
from skopt.space import Categorical, Real, check_dimension
from skopt.utils import eval_callbacks

from ._sklearn import Interval, StrOptions

__all__ = ["ResumableBayesSearchCV", "param_grid", "search_spaces"]

_FORMAT = "cae_sklearn.search checkpoint 1"
# Parameters of an estimator that change how it works, not what it learns.
_NO_EFFECT = {"memory", "n_jobs", "verbose"}


def param_grid(prefix="clf__"):
    """Return the grid over batch size and learning rate for ``GridSearchCV``.

    Parameters
    ----------
    prefix : str, default="clf__"
        What stands before each name: the pipeline step and two underscores, or "" for a bare
        classifier.

    Returns
    -------
    dict of str to list
        Eight settings: `batch_size` 8, 16, 32 or 64, `learning_rate` 0.001 or 0.01.

    See Also
    --------
    search_spaces : The ranges for a Bayesian search.

    Examples
    --------
    >>> from cae_sklearn.search import param_grid
    >>> param_grid()
    {'clf__batch_size': [8, 16, 32, 64], 'clf__learning_rate': [0.001, 0.01]}
    """
    return {
        f"{prefix}batch_size": [8, 16, 32, 64],
        f"{prefix}learning_rate": [0.001, 0.01],
    }


def search_spaces(prefix="clf__"):
    """Return the ranges of batch size, learning rate, alpha and l1_ratio for a Bayesian search.

    Parameters
    ----------
    prefix : str, default="clf__"
        What stands before each name: the pipeline step and two underscores, or "" for a bare
        classifier.

    Returns
    -------
    dict of str to skopt.space.Dimension
        New objects on every call:

        - `batch_size`: one of 8, 16, 32, 64. A category each, since skopt reads a bare list of
          two numbers as a range, and a range would try sizes such as 37.
        - `learning_rate`: log-uniform, 1e-5 to 1e-1. Up to 1, one trial in five would go to
          rates at which Adam diverges.
        - `alpha`: log-uniform, 1e-6 to 1e-1. On a linear scale from 0 to 1, nine trials in ten
          would crush the output layer.
        - `l1_ratio`: uniform, 0 to 1.

    See Also
    --------
    param_grid : The grid for ``GridSearchCV``.
    ResumableBayesSearchCV : The search that takes these ranges.

    Examples
    --------
    >>> from cae_sklearn.search import search_spaces
    >>> spaces = search_spaces()
    >>> sorted(spaces)
    ['clf__alpha', 'clf__batch_size', 'clf__l1_ratio', 'clf__learning_rate']
    >>> spaces["clf__learning_rate"].bounds
    (1e-05, 0.1)
    """
    return {
        f"{prefix}batch_size": Categorical([8, 16, 32, 64]),
        f"{prefix}learning_rate": Real(1e-5, 1e-1, prior="log-uniform"),
        f"{prefix}alpha": Real(1e-6, 1e-1, prior="log-uniform"),
        f"{prefix}l1_ratio": Real(0.0, 1.0),
    }


class ResumableBayesSearchCV(BayesSearchCV):
    """Bayesian search that resumes after a crash and outlives failing candidates.

    It is skopt's ``BayesSearchCV`` [1]_ with five differences:

    - With `checkpoint`, every evaluated point is on disk before the next one starts. The next
      `fit` with the same settings replays the stored points without fitting them, goes on to
      `n_iter` points in total, and ends where an uninterrupted run would have ended.
    - A candidate that raises, or whose score is not finite, gets `error_score` and a
      ``FitFailedWarning``; the optimizer is told the worst mean score so far, and goes on.
    - No point is evaluated twice. When a finite space is used up the search ends early.
    - With ``n_points=1`` the optimizer fits one surrogate a point, not three (see Notes).
    - `fit` works with metadata routing, and leaves the search spaces and numpy's global random
      state as they are.

    Parameters
    ----------
    estimator : estimator object
        What is tuned, commonly a ``Pipeline``.
    search_spaces : dict, list of dict, or list of (dict, int)
        Ranges by parameter name, such as `search_spaces` returns. Several are searched one after
        the other, each for `n_iter` points or the given number.
    optimizer_kwargs : dict, default=None
        Arguments of ``skopt.Optimizer``, such as ``{"base_estimator": "ET"}``.
    n_iter : int, default=50
        Points to evaluate, stored ones included.
    scoring : str, callable, list, tuple or dict, default=None
        As in ``GridSearchCV``. With several metrics `refit` names the one to optimize.
    n_jobs : int, default=1
        Fits that run at the same time: at most `n_points` times the number of folds.
    n_points : int, default=1
        Points proposed at a time. A checkpoint is written when all of them are evaluated.
    refit : bool or str, default=True
        Whether to fit the best setting on all data in the end.
    cv : int, splitter or iterable, default=None
        As in ``GridSearchCV``.
    verbose : int, default=0
        1 prints a line for each point with the best score so far, 2 and more also one for
        each fit.
    pre_dispatch : int or str, default="2*n_jobs"
        Fits handed out to the workers in advance.
    random_state : int, RandomState instance or None, default=None
        Seed of the proposals. None takes a new one from the operating system and, with a
        `checkpoint`, keeps it there.
    error_score : "raise" or float, default=np.nan
        Score of a fold that fails. With nan the whole candidate has the mean score nan in
        `cv_results_` and ranks last. "raise" ends the search with the error.
    return_train_score : bool, default=False
        Whether `cv_results_` has training scores too.
    checkpoint : path-like or None, default=None
        A JSON file, made when missing, in a folder that exists. It stays when the search
        is over: a larger `n_iter` then goes on from there.

    Attributes
    ----------
    cv_results_ : dict of arrays
        As in ``GridSearchCV``, one entry a point, in the order of evaluation.
    best_estimator_ : estimator
        The best setting, fitted on all data. Only with `refit`.
    best_params_ : dict
        The best setting.
    best_score_ : float
        Its mean score over the folds.
    best_index_ : int
        Its place in `cv_results_`.
    optimizer_results_ : list of scipy.optimize.OptimizeResult
        What the optimizer saw, for skopt's plots; one a search space. ``func_vals`` are negative
        scores.

    Raises
    ------
    ValueError
        If `checkpoint` is damaged, or holds another search (the message names what differs);
        if a score is not finite and ``error_score="raise"``; or if every point failed.

    See Also
    --------
    search_spaces : The ranges for the classifier of this package.
    sklearn.model_selection.GridSearchCV : Tries every setting of a grid.

    Notes
    -----
    **Time.** Seconds that the optimizer itself takes a point (points 11 to 30, four parameters,
    one core of an AMD EPYC), and the best noise-free score after 20 and 30 points on a made-up
    accuracy surface over `search_spaces` with a maximum near 0.97 (mean of 24 seeds, standard
    error 0.001 to 0.002 for GP, 0.002 to 0.008 for the others):

    ======================================================  =======  =========  =========
    `optimizer_kwargs`                                      seconds  20 points  30 points
    ======================================================  =======  =========  =========
    skopt's own class, its default                          0.82     0.959      0.962
    None: a Gaussian process ("GP") and "lbfgs"             0.25     0.958      0.960
    ``acq_func="EI"``                                       0.18     0.955      0.958
    ``acq_optimizer="sampling"``                            0.15     0.959      0.964
    the same, ``acq_optimizer_kwargs={"n_points": 2000}``   0.10     0.958      0.964
    ``base_estimator="ET"``                                 0.27     0.945      0.954
    ``base_estimator="RF"``                                 0.27     0.949      0.954
    random points alone                                     0.00     0.929      0.950
    ======================================================  =======  =========  =========

    So keep the Gaussian process: trees are no cheaper and find less. Where fits take less than a
    second, ``{"acq_optimizer": "sampling"}`` saves a little at no cost in a space of few
    dimensions. With `n_points` k > 1, skopt fits k + 2 surrogates for each k points. A
    stored point costs this time again when it is replayed.

    **What must match** to resume: estimator parameters (but not `memory`, `n_jobs` and `verbose`),
    search spaces, optimizer arguments, folds, scoring, `error_score`, `random_state`, X, y, groups
    and fit parameters (by hash). `n_iter`, `n_points` and `n_jobs` may change. Two running searches
    must not share one file.

    Not compared: the code of the estimator and the versions of the libraries. What does not pickle,
    such as a lambda, is compared by its text.

    Categories are numbers, strings, None or estimators. skopt fails on tuples: search strings such
    as "400-64". It reads a list of two numbers as a range: write ``Categorical([8, 64])``.

    References
    ----------
    .. [1] Snoek, Larochelle and Adams, "Practical Bayesian Optimization of Machine Learning
       Algorithms", NeurIPS 2012. https://doi.org/10.48550/arXiv.1206.2944

    Examples
    --------
    >>> from cae_sklearn.search import ResumableBayesSearchCV
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skopt.space import Real
    >>> X, y = load_iris(return_X_y=True)
    >>> spaces = {"C": Real(1e-3, 1e2, prior="log-uniform")}
    >>> search = ResumableBayesSearchCV(
    ...     LogisticRegression(max_iter=1000), spaces, n_iter=5, random_state=0
    ... ).fit(X, y)
    >>> len(search.cv_results_["params"])
    5
    """

    _parameter_constraints = {
        **BayesSearchCV._parameter_constraints,
        "refit": ["boolean", str],
        "n_iter": [Interval(numbers.Integral, 1, None, closed="left")],
        "n_points": [Interval(numbers.Integral, 1, None, closed="left")],
        "optimizer_kwargs": [dict, None],
        "random_state": ["random_state"],
        "error_score": [StrOptions({"raise"}), numbers.Real],
        "checkpoint": [str, os.PathLike, None],
    }

    def __init__(
        self,
        estimator,
        search_spaces,
        *,
        optimizer_kwargs=None,
        n_iter=50,
        scoring=None,
        n_jobs=1,
        n_points=1,
        refit=True,
        cv=None,
        verbose=0,
        pre_dispatch="2*n_jobs",
        random_state=None,
        error_score=np.nan,
        return_train_score=False,
        checkpoint=None,
    ):
        super().__init__(
            estimator,
            search_spaces,
            optimizer_kwargs=optimizer_kwargs,
            n_iter=n_iter,
            scoring=scoring,
            n_jobs=n_jobs,
            n_points=n_points,
            refit=refit,
            cv=cv,
            verbose=verbose,
            pre_dispatch=pre_dispatch,
            random_state=random_state,
            error_score=error_score,
            return_train_score=return_train_score,
        )
        self.checkpoint = checkpoint

    @property
    def total_iterations(self):
        """Number of points to evaluate over all search spaces."""
        return sum(n_iter for _, n_iter in self._spaces())

    def _spaces(self):
        spaces = self.search_spaces
        spaces = [spaces] if isinstance(spaces, dict) else spaces
        return [space if isinstance(space, tuple) else (space, self.n_iter) for space in spaces]

    def fit(self, X, y=None, *, groups=None, callback=None, **fit_params):
        """Search, and fit the best setting on all data.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            Training data.
        y : array-like of shape (n_samples,), default=None
            Targets.
        groups : array-like of shape (n_samples,), default=None
            Groups for splitters that keep them together.
        callback : callable or list of callables, default=None
            Called as in skopt, with the ``OptimizeResult`` after each step, replayed ones
            included. One that returns True ends the search.
        **fit_params : dict
            Passed to the estimator's `fit`, such as `sample_weight`; arrays of n_samples are
            split like X.

        Returns
        -------
        self : object
            The fitted search.
        """
        self._callbacks = check_callback(callback)
        if groups is not None:  # metadata routing rejects what no splitter asked for
            fit_params = {"groups": groups, **fit_params}
        keep = {"X": X, "y": y, **fit_params} if self.checkpoint is not None else {}
        self._data = {name: _token(value) for name, value in keep.items()}
        try:
            # Past skopt's fit, which always passes groups and fails on training scores of nan.
            return super(BayesSearchCV, self).fit(X, y, **fit_params)
        finally:
            del self._data

    def _make_optimizer(self, params_space):
        # skopt writes names and transformers into the dimensions that it is given.
        return super()._make_optimizer({k: copy.copy(dim) for k, dim in params_space.items()})

    def _format_results(self, candidate_params, n_splits, out, more_results=None):
        # A failed fold has one number where a scoring function would have returned a dict.
        names = next((f["test_scores"] for f in out if isinstance(f["test_scores"], dict)), None)
        for fold in out if names else []:
            for key in {"test_scores", "train_scores"} & fold.keys():
                if not isinstance(fold[key], dict):
                    fold[key] = dict.fromkeys(names, fold[key])
        with warnings.catch_warnings():  # it would warn again after every further point
            warnings.filterwarnings("ignore", "One or more of the", UserWarning)
            return super()._format_results(candidate_params, n_splits, out, more_results)

    def _run_search(self, evaluate_candidates, *, callback_ctx=None):
        # Every fit in a worker gets a pickle of self: what grows stays in local variables.
        callbacks = self.__dict__.pop("_callbacks")
        evaluate = _Evaluation(self, evaluate_candidates, callback_ctx)
        ledger = _Ledger(self, evaluate.cv, evaluate.n_splits)
        rng = np.random.RandomState(ledger.content["seed"])
        self.optimizer_kwargs_ = {**(self.optimizer_kwargs or {}), "random_state": rng}
        optimizers = [self._make_optimizer(space) for space, _ in self._spaces()]
        stored = [ledger.stored(i, optimizer.space) for i, optimizer in enumerate(optimizers)]
        scores = np.array([])
        for i, (space, n_iter) in enumerate(self._spaces()):
            optimizer, first = optimizers[i], len(scores)
            while (done := len(optimizer.Xi)) < n_iter:
                n_points = min(self.n_points, n_iter - done)
                known = stored[i][done : done + n_points]
                points = [point for point, _ in known]
                points += _ask(optimizer, n_points)[len(known) :]
                if not points:  # a finite space, used up
                    break
                params = [dict(zip(sorted(space), point, strict=True)) for point in points]
                results, folds = evaluate(params, [folds for _, folds in known])
                new = slice(len(known), None)
                ledger.add(i, optimizer.space, points[new], params[new], folds[new])
                scores = results[f"mean_test_{self._metric(results)}"]
                self._report(params, folds, scores, n_known=len(known))
                if eval_callbacks(callbacks, _tell(optimizer, points, scores[first:])):
                    break
        evaluate.end(scores)
        self.optimizers_ = optimizers
        self._optim_results = [optimizer.get_result() for optimizer in optimizers]

    def _metric(self, results):
        names = {key.removeprefix("mean_test_") for key in results if key.startswith("mean_test_")}
        if names == {"score"}:
            return "score"
        self._check_refit_for_multimetric(names)
        return self.refit

    def _report(self, params, folds, scores, n_known):
        """Warn of failures among the new points; print a line for each point if verbose."""
        best = int(np.argmax(np.where(np.isfinite(scores), scores, -np.inf)))
        for i, point_folds in enumerate(folds):
            number = len(scores) - len(folds) + i
            text = ", ".join(
                f"{name}={value:.3g}" if isinstance(value, float) else f"{name}={value}"
                for name, value in params[i].items()
            )
            reasons = [reason for fold in point_folds if (reason := _failure(fold))]
            if self.verbose:
                took = sum(fold["fit_time"] + fold["score_time"] for fold in point_folds)
                print(
                    f"point {number + 1}/{self.total_iterations}: {scores[number]:.4f}, "
                    f"best {scores[best]:.4f} (point {best + 1}), "
                    f"{took:.1f} s{' stored' * (i < n_known)}, {text}",
                    flush=True,
                )
            if reasons and i >= n_known:
                warnings.warn(
                    f"Point {number + 1} of {self.total_iterations} failed in {len(reasons)} of "
                    f"{len(point_folds)} folds ({text}); the search goes on. First reason: "
                    f"{reasons[0].rstrip('.')}. Pass error_score='raise' to stop at failures.",
                    FitFailedWarning,
                    stacklevel=2,
                )


class _Evaluation:
    """Stands between the search and its fits: stored results go in, new ones come out.

    scikit-learn's ``evaluate_candidates`` runs its fits by ``parallel(tasks)``, a variable of the
    ``fit`` around it. Only there can results enter without a fit, and can the results of failed
    fits be seen before scikit-learn ends the search for them.
    """

    def __init__(self, search, evaluate_candidates, callback_ctx):
        scope = inspect.getclosurevars(evaluate_candidates).nonlocals
        if "parallel" not in scope:
            raise RuntimeError(
                f"scikit-learn {sklearn.__version__} evaluates candidates in another way than "
                "ResumableBayesSearchCV knows (1.6 to 1.9). Use one of these, or BayesSearchCV."
            )
        place = evaluate_candidates.__code__.co_freevars.index("parallel")
        evaluate_candidates.__closure__[place].cell_contents = self._run
        self.parallel = scope["parallel"]
        # Attributes of the search since 1.9, variables before.
        self.cv = scope.get("cv_orig", getattr(search, "_checked_cv_orig", None))
        self.n_splits = scope.get("n_splits", getattr(search, "n_splits_", None))
        self.search, self.evaluate_candidates = search, evaluate_candidates
        self.any_success = False
        n_steps = sum(math.ceil(n / search.n_points) for _, n in search._spaces())
        self.context = callback_ctx and _begin(callback_ctx, search, "search", n_steps, True)

    def __call__(self, params, known):
        """Return the results of all points so far, and the folds of each of these points."""
        search, n_splits = self.search, self.n_splits
        self.known, context = [fold for folds in known for fold in folds], {}
        if self.context:  # scikit-learn >= 1.9
            n_fits = len(params) * n_splits
            context["callback_ctx"] = _begin(self.context, search, "point", n_fits, False)
        # scikit-learn would announce the fits of every point in a line of its own.
        verbose, search.verbose = search.verbose, 0
        try:
            results = self.evaluate_candidates(params, **context)
        finally:
            search.verbose = verbose
        for ctx in context.values():
            ctx.call_on_fit_task_end(estimator=search)
        return results, [self.folds[i : i + n_splits] for i in range(0, len(self.folds), n_splits)]

    def _run(self, tasks):
        tasks = list(tasks)[len(self.known) :]
        self.folds = self.known + (self.parallel(tasks) if tasks else [])
        self.reasons = [_failure(fold) for fold in self.folds]
        self.any_success |= None in self.reasons
        if self.search.error_score == "raise" and any(self.reasons):
            raise ValueError(
                f"A fit went through, but {next(filter(None, self.reasons))}, and "
                "error_score='raise'. Pass error_score=np.nan to go on without such candidates."
            )
        return [_mended(fold, self.search.error_score) for fold in self.folds]

    def end(self, scores):
        """Raise if there is nothing to choose from."""
        if not (self.any_success and np.isfinite(scores).any()):
            raise ValueError(
                f"None of the {len(scores)} points got a score. The last reason: "
                f"{[r for r in self.reasons if r][-1]}. Pass error_score='raise' to see where, "
                "and delete the checkpoint, if there is one, before the next try."
            )
        if self.context:
            self.context.call_on_fit_task_end(estimator=self.search)


class _Ledger:
    """The evaluated points, kept in a file if the search has one."""

    def __init__(self, search, cv, n_splits):
        self.path, self.n_splits, seed = None, n_splits, search.random_state
        if seed is None:  # not from numpy's global generator, whose state stays as it is
            seed = np.random.default_rng().integers(2**31 - 1)
        elif not isinstance(seed, numbers.Integral):
            seed = seed.randint(2**31 - 1)
        self.content = {"format": _FORMAT, "seed": int(seed), "settings": {}, "points": []}
        if search.checkpoint is None:
            return
        self.path = Path(search.checkpoint).absolute()
        self.content["settings"] = json.loads(json.dumps(_settings(search, cv)))
        if not self.path.exists():
            self._write()  # a folder that is missing or read-only shows before the first fit
            return
        with self._reading():
            content = json.loads(self.path.read_text("utf-8"))
            if content["format"] != _FORMAT:
                raise ValueError(f"its format is {content['format']!r}, not {_FORMAT!r}")
            then, content["seed"] = dict(content["settings"]), int(content["seed"])
        self._compare(then, self.content["settings"])
        self.content = content

    @contextlib.contextmanager
    def _reading(self):
        try:
            yield
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise ValueError(
                f"checkpoint={str(self.path)!r} is damaged or no checkpoint at all "
                f"({type(error).__name__}: {error}). Put back a copy, delete it, or pass another "
                "file name to start anew."
            ) from error

    def _compare(self, then, now):
        names = [name for name in {**then, **now} if then.get(name) != now.get(name)]
        if names:
            changes = (f"{n} was {then.get(n)!r:.120}, is {now.get(n)!r:.120}" for n in names)
            raise ValueError(
                f"checkpoint={str(self.path)!r} holds another search: {'; '.join(changes)}. Pass "
                "the same settings and data to resume it, or another file name to start anew."
            )

    def _write(self):
        if not self.path.parent.is_dir():
            raise FileNotFoundError(
                f"checkpoint must lie in a folder that exists, but {str(self.path.parent)!r} is "
                "none. Make it first."
            )
        # Whenever the process dies, a whole file stands under the name: the old or the new one.
        temporary = self.path.with_name(self.path.name + ".tmp")
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump(self.content, file, indent=1, allow_nan=False)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, self.path)

    def stored(self, index, space):
        """Return (point, folds) for each stored point of the search space with this index."""
        with self._reading():
            records = [record for record in self.content["points"] if record["space"] == index]
            return [self._decode(record, space) for record in records]

    def _decode(self, record, space):
        point = [
            dim.categories[value] if isinstance(dim, Categorical) else value
            for dim, value in zip(space.dimensions, record["point"], strict=True)
        ]
        if point not in space:
            raise ValueError(f"the point {point} lies outside the search space")
        folds = [{**fold, "test_scores": _numbers(fold["test_scores"])} for fold in record["folds"]]
        if len(folds) != self.n_splits:
            raise ValueError(f"the point {point} has {len(folds)} folds, not {self.n_splits}")
        for fold in folds:
            if "train_scores" in fold:
                fold["train_scores"] = _numbers(fold["train_scores"])
            fold["fit_time"], fold["score_time"] = (
                float(fold["fit_time"]),
                float(fold["score_time"]),
            )
            fold["fit_error"], fold["n_test_samples"]  # must be there
        return point, folds

    def add(self, index, space, points, params, folds):
        """Keep new points. Categories go by their place, since they may be any object."""
        if self.path is None or not points:
            return
        for point, setting, point_folds in zip(points, params, folds, strict=True):
            place = [
                dim.categories.index(value) if isinstance(dim, Categorical) else value
                for dim, value in zip(space.dimensions, point, strict=True)
            ]
            record = {"space": index, "params": _plain(setting), "point": place}
            self.content["points"].append({**record, "folds": _nulls(point_folds)})
        self._write()


def _begin(context, search, name, n_subtasks, sequential):
    """Open a task of scikit-learn's callbacks (1.9 and later)."""
    context = context.subcontext(
        task_name=name, max_subtasks=n_subtasks, sequential_subtasks=sequential
    )
    return context.call_on_fit_task_begin(estimator=search)


def _ask(optimizer, n_points):
    """Propose new points, as native Python values: fewer, or none, once a finite space is used up.

    ``ask()`` proposes from the surrogate that the last ``tell`` fitted. ``ask(n_points=1)`` fits
    two more, to the same data and to a lie about its own proposal.
    """
    with warnings.catch_warnings():  # skopt warns where it proposes a point for the second time
        warnings.filterwarnings("ignore", "The objective has been evaluated", UserWarning)
        asked = [optimizer.ask()] if n_points == 1 else optimizer.ask(n_points=n_points)
    points = []
    for point in map(_native, asked):
        seen = optimizer.Xi + points
        if point in seen:
            draws = optimizer.space.rvs(n_samples=1000, random_state=optimizer.rng)
            point = next((p for p in map(_native, draws) if p not in seen), None)
        if point is not None:
            points.append(point)
    return points


def _native(point):
    return [value.item() if isinstance(value, np.generic) else value for value in point]


def _tell(optimizer, points, scores):
    """Tell new points; failed ones, old and new, count as the worst mean score so far."""
    values = -np.asarray(scores)
    finite = np.isfinite(values)
    values[~finite] = values[finite].max() if finite.any() else 0.0
    optimizer.yi[:] = values[: -len(points)].tolist()
    return optimizer.tell(points, values[-len(points) :].tolist())


def _failure(fold):
    """Say why a fold failed, or return None."""
    if fold["fit_error"]:
        return fold["fit_error"].strip().splitlines()[-1]
    scores = fold["test_scores"]
    bad = [
        s
        for s in (scores.values() if isinstance(scores, dict) else [scores])
        if not math.isfinite(s)
    ]
    return f"the score is {bad[0]}" if bad else None


def _mended(fold, error_score):
    """Return the fold without error and infinite scores, as scikit-learn may see it."""

    def mend(score):
        return score if math.isfinite(score) else error_score

    scores = fold["test_scores"]
    scores = {k: mend(s) for k, s in scores.items()} if isinstance(scores, dict) else mend(scores)
    return {**fold, "fit_error": None, "test_scores": scores}


def _numbers(scores):
    """Turn null back into nan: JSON knows no nan."""
    if isinstance(scores, dict):
        return {name: _numbers(score) for name, score in scores.items()}
    return math.nan if scores is None else float(scores)


def _nulls(value):
    """Return what `_numbers` undoes."""
    if isinstance(value, dict):
        return {key: _nulls(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_nulls(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _settings(search, cv):
    """Return all that the stored scores and the order of the points depend on, by name."""
    params = search.estimator.get_params()
    named = {id(value) for value in params.values()}
    settings = {"estimator": type(search.estimator).__qualname__}
    for name, value in sorted(params.items()):
        if name.split("__")[-1] not in _NO_EFFECT:
            settings[f"estimator's {name}"] = _plain(value, named)
    for i, (space, _) in enumerate(search._spaces()):
        for name, dim in sorted(space.items()):
            dim = check_dimension(dim)
            ends = [
                getattr(dim, key, None) for key in ("low", "high", "categories", "prior", "base")
            ]
            settings[f"search_spaces {i} {name}"] = _plain([type(dim).__qualname__, *ends])
    settings["cv"] = _token(cv)
    for name in ("scoring", "error_score", "return_train_score", "optimizer_kwargs"):
        settings[name] = _plain(getattr(search, name))
    settings["refit"] = search.refit if isinstance(search.refit, str) else None
    settings["random_state"] = (
        int(search.random_state) if isinstance(search.random_state, numbers.Integral) else None
    )
    return {**settings, **search._data}


def _plain(value, named=()):
    """Return the value as JSON can hold it; estimators whose id is in `named` by their class."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else repr(value)
    if isinstance(value, (list, tuple)):
        return [_plain(item, named) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item, named) for key, item in value.items()}
    if hasattr(value, "get_params") and not isinstance(value, type):
        name = type(value).__qualname__
        return name if id(value) in named else [name, _plain(value.get_params(deep=False))]
    return _token(value)


def _token(value):
    """Return a text that tells the value from others: its looks, and a hash of its content."""
    looks, content = re.sub(" at 0x[0-9a-fA-F]+", "", repr(value))[:80], value
    if hasattr(value, "__array__") or isinstance(value, list):
        with contextlib.suppress(ValueError):  # a ragged list
            # How a table or a memory map holds its numbers makes no difference.
            array = np.asarray(value, order="C")
            looks = f"{array.dtype} array of shape {array.shape}"
            content = [list(getattr(value, "columns", ())), array]
    try:
        return f"{looks} #{joblib.hash(content)[:16]}"
    except Exception:  # a lambda, or whatever else pickle refuses
        return looks
