"""The results in scikit-learn's format, and the choice from them."""

import copy
import warnings

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import FitFailedWarning
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.model_selection import (
    GridSearchCV,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from skopt import BayesSearchCV
from skopt.space import Categorical, Real

from .toy import QUICK, Toy, X, Y, assert_same_results, make


def two_scores(estimator, X, y):
    return {"up": estimator.score(X, y), "down": -estimator.score(X, y)}


@pytest.mark.parametrize("stop_at", [1, 7, None])
def test_scoring_function_with_several_scores_may_fail_first(tmp_path, stop_at):
    params = dict(scoring=two_scores, refit="up", return_train_score=True, n_iter=7)
    params["checkpoint"] = tmp_path / "c.json"
    # The first proposal for this seed is among the failing ones.
    probe = make(n_iter=1).fit(X, Y).best_params_["a"]
    search, Toy.fits = make(Toy(fail_above=probe * 0.99), **params), []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FitFailedWarning)
        if stop_at:
            Toy.stop_at = stop_at
            with pytest.raises(KeyboardInterrupt):
                search.fit(X, Y)
            Toy.stop_at = None
        search.fit(X, Y)
    up, down = (search.cv_results_[f"mean_test_{name}"] for name in ("up", "down"))
    assert np.isnan(up[0]) and np.isfinite(up).any()
    assert_array_equal(up, -down)
    assert search.best_score_ == np.nanmax(up)
    assert search.multimetric_
    assert_array_equal(
        search.optimizer_results_[0].func_vals, np.nan_to_num(-up, nan=-np.nanmin(up))
    )


def test_several_metrics(tmp_path):
    estimator, spaces = (
        GaussianNB(),
        {"var_smoothing": Real(1e-9, 1e2, prior="log-uniform")},
    )
    params = dict(scoring=["accuracy", "neg_log_loss"], refit="neg_log_loss", n_iter=5)
    search = make(estimator, spaces, **params, checkpoint=tmp_path / "c.json").fit(X, Y)
    results = search.cv_results_
    assert search.best_score_ == results["mean_test_neg_log_loss"].max()
    assert_array_equal(search.optimizer_results_[0].func_vals, -results["mean_test_neg_log_loss"])
    assert_same_results(clone(search).fit(X, Y).cv_results_, results, times=True)
    with pytest.raises(ValueError, match="refit was 'neg_log_loss', is 'accuracy'"):
        clone(search).set_params(refit="accuracy").fit(X, Y)
    with pytest.raises(ValueError, match="'refit' parameter must be set to a scorer key"):
        make(estimator, spaces, scoring=["accuracy", "neg_log_loss"]).fit(X, Y)


ESTIMATORS = [SVC(C=2), SVC(C=3)]


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"return_train_score": True},
        {"scoring": "f1_macro"},
        {"scoring": ["accuracy", "f1_macro"], "refit": "f1_macro", "return_train_score": True},
        {"scoring": {"x": "accuracy", "y": make_scorer(accuracy_score)}, "refit": "y"},
    ],
)
def test_results_are_those_of_a_grid_search(params):
    pipe = Pipeline([("scale", StandardScaler()), ("clf", SVC())])
    spaces = [
        {"clf__kernel": ["linear", "rbf"], "clf__C": Categorical([0.5, 1.0])},
        {"clf": Categorical(ESTIMATORS), "scale": Categorical(["passthrough", None])},
        {"clf__degree": Categorical([1, 2]), "clf__shrinking": Categorical([True, False])},
    ]
    search = make(pipe, spaces, n_iter=4, **params).fit(X, Y)
    points = [{key: [value] for key, value in p.items()} for p in search.cv_results_["params"]]
    grid = GridSearchCV(pipe, points, cv=3, **params).fit(X, Y)
    ours = {k: v for k, v in search.cv_results_.items() if not k.startswith("rank_train")}
    assert list(ours) == list(grid.cv_results_)
    assert ours["params"] == grid.cv_results_["params"]
    for key, theirs in grid.cv_results_.items():
        if "time" in key or key == "params":
            assert len(ours[key]) == 12
        else:
            assert ours[key].dtype == theirs.dtype, key
            assert type(ours[key]) is type(theirs)
            assert_array_equal(np.ma.getmaskarray(ours[key]), np.ma.getmaskarray(theirs))
            assert_array_equal(ours[key], theirs, err_msg=key)
    assert search.best_index_ == grid.best_index_
    assert search.best_params_ == grid.best_params_
    assert search.best_score_ == grid.best_score_
    assert search.score(X, Y) == grid.score(X, Y)
    assert (search.multimetric_, search.n_splits_) == (grid.multimetric_, grid.n_splits_)
    assert type(search.scorer_) is type(grid.scorer_)
    assert ESTIMATORS[0].C == 2 and not hasattr(ESTIMATORS[0], "classes_")


def test_training_scores_are_ranked_as_in_skopt():
    params = dict(return_train_score=True, n_iter=4, scoring=["accuracy", "f1_macro"])
    params |= dict(n_points=2, refit="accuracy", cv=3, random_state=0, optimizer_kwargs=QUICK)
    spaces = {"var_smoothing": Real(1e-9, 1e2, prior="log-uniform")}
    ours = make(GaussianNB(), spaces, **params).fit(X, Y).cv_results_
    theirs = BayesSearchCV(GaussianNB(), copy.deepcopy(spaces), **params).fit(X, Y).cv_results_
    assert set(ours) == set(theirs)
    for name in ("accuracy", "f1_macro"):
        assert_array_equal(ours[f"rank_train_{name}"], theirs[f"rank_train_{name}"])


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
def test_failed_points_share_the_last_training_rank():
    search = make(Toy(fail_above=0.1), n_iter=10, return_train_score=True).fit(X, Y)
    means = search.cv_results_["mean_train_score"]
    ranks, failed = search.cv_results_["rank_train_score"], np.isnan(means)
    assert failed.sum() > 1
    assert set(ranks[failed]) == {(~failed).sum() + 1}
    assert ranks[np.nanargmax(means)] == 1


def test_refit_may_be_a_function():
    def second(results):
        return int(np.argsort(results["rank_test_score"])[1])

    search = make(refit=second).fit(X, Y)
    assert search.cv_results_["rank_test_score"][search.best_index_] == 2
    assert search.best_estimator_.a == search.best_params_["a"]
    assert not hasattr(search, "best_score_")
    for wrong in (lambda results: 8, lambda results: -1, lambda results: 1.0):
        with pytest.raises(ValueError, match="refit must return the place of a point.*from 0 to 7"):
            make(refit=wrong).fit(X, Y)
    with pytest.raises(ValueError, match="'refit' parameter must be set to a scorer key"):
        make(refit=second, scoring=["accuracy", "f1_macro"]).fit(X, Y)
