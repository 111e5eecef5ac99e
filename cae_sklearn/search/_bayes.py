"""The Bayesian search as a scikit-learn estimator."""

import numbers
import os
import time
from copy import deepcopy

import numpy as np
from sklearn import get_config
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone
from sklearn.metrics import check_scoring, get_scorer_names
from sklearn.utils import get_tags, indexable
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing

from .._sklearn import HasMethods, Interval, StrOptions, _fit_context, is_scored_with_weights
from .._tasks import CallbackSupportMixin, Task, with_callbacks
from ._delegation import BestEstimatorMixin
from ._evaluation import n_samples_of
from ._results import choose, format_results, metric_names

__all__ = ["ResumableBayesSearchCV"]


class ResumableBayesSearchCV(
    BestEstimatorMixin, CallbackSupportMixin, MetaEstimatorMixin, BaseEstimator
):
    """Bayesian search that resumes after a crash and outlives failing candidates.

    It searches as skopt's ``BayesSearchCV`` does [1]_, with these differences:

    - With `checkpoint`, every evaluated point is on disk as soon as its folds are done. The next
      `fit` with the same settings replays the stored points without fitting them, goes on to
      `n_iter` points in total, and ends where an uninterrupted run would have ended.
    - A candidate that raises, or whose score is not finite, gets `error_score` and a
      ``FitFailedWarning``; the optimizer is told the worst mean score so far, and goes on.
    - No point is evaluated twice. When a finite space is used up the search ends early.
    - With ``n_points=1`` the optimizer fits one surrogate a point, not three (see Notes).
    - All points are scored on the same splits, also if `cv` draws them at random.
    - With `asynchronous`, a new point is asked for without waiting for a whole round.
    - `fit` works with metadata routing and with scikit-learn's callbacks (1.9 and later), and
      leaves the search spaces and numpy's global random state as they are.

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
        Points that are evaluated at a time.
    asynchronous : bool, default=False
        Whether a new point is asked for as soon as the oldest of the `n_points` under way is
        evaluated, so that workers need not wait for the last fits of a round (see Notes).
    refit : bool, str or callable, default=True
        Whether to fit the best setting on all data in the end. With several metrics the name of
        the one to optimize. With one metric it may be a function that takes `cv_results_` and
        returns the place of the setting to fit.
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
        Whether `cv_results_` has training scores and their ranks too.
    checkpoint : path-like or None, default=None
        A JSON file, made when missing, in a folder that exists. It stays when the search
        is over: a larger `n_iter` then goes on from there. While a search runs it holds
        ``NAME.lock`` beside the file.

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
    refit_time_ : float
        Seconds of the fit on all data.
    scorer_ : callable or dict of callables
        The scorer; a dict by name if `scoring` names several.
    multimetric_ : bool
        Whether there are several metrics.
    n_splits_ : int
        Number of folds.
    optimizers_ : list of skopt.Optimizer
        One a search space.
    optimizer_results_ : list of scipy.optimize.OptimizeResult
        What the optimizer saw, for skopt's plots; one a search space. ``func_vals`` are negative
        scores.

    Raises
    ------
    ImportError
        If scikit-optimize is missing or broken.
    ValueError
        If `checkpoint` is damaged, is in use by another search (the message names its process),
        or holds another search (the message names what differs); if a score is not finite and
        ``error_score="raise"``; or if every point failed.

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

    **Order.** The settings that are tried depend on `n_points` and `asynchronous`, and not on
    `n_jobs` or on which worker is the faster. In rounds, `n_points` points are asked for at once.
    Asynchronously, point k is asked for when the points up to k - `n_points` are evaluated, with
    these scores known and the others counted as the best so far (a constant liar), each point for
    three surrogates. A worker waits only for the oldest point: with `n_points` a few more than
    the points that the workers hold at a time, hardly ever. If such a search is killed, points
    that were done before the oldest one are evaluated again.

    **What must match** to resume: estimator parameters (but not `memory`, `n_jobs` and `verbose`),
    search spaces, optimizer arguments, folds, scoring, `error_score`, `random_state`, X, y, groups
    and fit parameters (by hash). `n_iter`, `n_points`, `asynchronous` and `n_jobs` may change.

    Not compared: the code of the estimator and the versions of the libraries. An optimizer or a
    callback of Keras is compared by its class and configuration. What does not pickle, such as a
    lambda, is compared by its text.

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

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit"])],
        "search_spaces": [dict, list],
        "optimizer_kwargs": [dict, None],
        "n_iter": [Interval(numbers.Integral, 1, None, closed="left")],
        "scoring": [StrOptions(set(get_scorer_names())), callable, list, tuple, set, dict, None],
        "n_jobs": [numbers.Integral, None],
        "n_points": [Interval(numbers.Integral, 1, None, closed="left")],
        "asynchronous": ["boolean"],
        "refit": ["boolean", str, callable],
        "cv": ["cv_object"],
        "verbose": ["verbose"],
        "pre_dispatch": [numbers.Integral, str],
        "random_state": ["random_state"],
        "error_score": [StrOptions({"raise"}), numbers.Real],
        "return_train_score": ["boolean"],
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
        asynchronous=False,
        refit=True,
        cv=None,
        verbose=0,
        pre_dispatch="2*n_jobs",
        random_state=None,
        error_score=np.nan,
        return_train_score=False,
        checkpoint=None,
    ):
        self.estimator = estimator
        self.search_spaces = search_spaces
        self.optimizer_kwargs = optimizer_kwargs
        self.n_iter = n_iter
        self.scoring = scoring
        self.n_jobs = n_jobs
        self.n_points = n_points
        self.asynchronous = asynchronous
        self.refit = refit
        self.cv = cv
        self.verbose = verbose
        self.pre_dispatch = pre_dispatch
        self.random_state = random_state
        self.error_score = error_score
        self.return_train_score = return_train_score
        self.checkpoint = checkpoint

    def __sklearn_tags__(self):
        tags, inner = super().__sklearn_tags__(), get_tags(self.estimator)
        tags.estimator_type = inner.estimator_type
        tags.classifier_tags = deepcopy(inner.classifier_tags)
        tags.regressor_tags = deepcopy(inner.regressor_tags)
        tags.input_tags.pairwise = inner.input_tags.pairwise
        tags.input_tags.sparse = inner.input_tags.sparse
        return tags

    @property
    def total_iterations(self):
        """Number of points to evaluate over all search spaces."""
        spaces = self.search_spaces
        spaces = [spaces] if isinstance(spaces, dict) else spaces
        return sum(space[1] if isinstance(space, tuple) else self.n_iter for space in spaces)

    def get_metadata_routing(self):
        """Return who gets which metadata: the estimator, the scorer, and the splitter.

        Returns
        -------
        sklearn.utils.metadata_routing.MetadataRouter
            The routing.
        """
        to_fit = MethodMapping().add(caller="fit", callee="fit")
        to_score = MethodMapping().add(caller="fit", callee="score")
        to_split = MethodMapping().add(caller="fit", callee="split")
        return (
            MetadataRouter(owner=type(self).__name__)
            .add(estimator=self.estimator, method_mapping=to_fit)
            .add(
                scorer=self._scorers()[0],
                method_mapping=to_score.add(caller="score", callee="score"),
            )
            .add(splitter=self.cv, method_mapping=to_split)
        )

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=False)
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
        if groups is not None:  # metadata routing rejects what no splitter asked for
            fit_params = {"groups": groups, **fit_params}
        data = {"X": X, "y": y, **fit_params}
        X, y = indexable(X, y)
        metadata = self._route(X, fit_params)
        from ._run import run_search  # late: all else works without scikit-optimize

        task = Task.of_fit(self, 1 + (self.refit is not False), X, y, metadata["fit"])
        run = run_search(self, X, y, metadata, data, callback, task)
        results = format_results(run.settings, run.folds, self.error_score)
        index = choose(self.refit, run.metric(), results)
        if self.refit:
            subtask = task.subtask("refit-with-best-params")
            self._fit_best(run.settings[index], X, y, metadata["fit"], subtask)
        self._keep(run, results, index)
        task.end()
        return self

    def _scorers(self):
        """Return the scorer of all metrics, and what `scorer_` is: a dict if these have names."""
        raises = self.error_score == "raise"
        if self.scoring is None or isinstance(self.scoring, str) or callable(self.scoring):
            scorer = check_scoring(self.estimator, scoring=self.scoring)
            return scorer, scorer
        named = self.scoring if isinstance(self.scoring, dict) else {s: s for s in self.scoring}
        named = {name: check_scoring(self.estimator, scoring=s) for name, s in named.items()}
        return check_scoring(self.estimator, scoring=self.scoring, raise_exc=raises), named

    def _route(self, X, params):
        """Return who gets which metadata, as dicts for `fit`, `score` and `split`."""
        n_samples = n_samples_of(X)
        params = {
            name: indexable(value)[0] if n_samples_of(value) == n_samples else value
            for name, value in params.items()
        }
        if get_config()["enable_metadata_routing"]:
            routed = process_routing(self, "fit", **params)
            return {
                "fit": routed.estimator.fit,
                "score": routed.scorer.score,
                "split": routed.splitter.split,
            }
        groups, weights = params.pop("groups", None), params.get("sample_weight")
        is_weighted = weights is not None and is_scored_with_weights(self._scorers()[0])
        return {
            "fit": params,
            "score": {"sample_weight": weights} if is_weighted else {},
            "split": {"groups": groups},
        }

    def _fit_best(self, params, X, y, fit_params, task):
        # A setting may hold estimators, which stay as they are.
        best = clone(self.estimator).set_params(**clone(params, safe=False))
        start = time.perf_counter()
        with task.fitting(best, X, y, fit_params):
            best.fit(*((X,) if y is None else (X, y)), **fit_params)
        self.refit_time_ = time.perf_counter() - start
        self.best_estimator_ = best
        if hasattr(best, "feature_names_in_"):
            self.feature_names_in_ = best.feature_names_in_
        task.end()

    def _keep(self, run, results, index):
        self.cv_results_ = results
        self.best_index_ = index
        self.best_params_ = results["params"][index]
        if not callable(self.refit):
            self.best_score_ = results[f"mean_test_{run.metric()}"][index]
        self.multimetric_ = metric_names(f for folds in run.folds for f in folds) is not None
        self.n_splits_ = len(run.folds[0])
        self.scorer_ = self._scorers()[1]
        self.optimizers_ = [proposer.optimizer for proposer in run.proposers]
        self.optimizer_results_ = [optimizer.get_result() for optimizer in self.optimizers_]
