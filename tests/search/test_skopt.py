"""What is asked of scikit-optimize: points, spaces, errors."""

import copy

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from skopt import BayesSearchCV, Optimizer
from skopt.learning import GaussianProcessRegressor
from skopt.space import Categorical, Integer

from .toy import GAUSSIAN, QUICK, SPACE, Toy, X, Y, assert_same_results, make


def test_one_point_at_a_time_is_ask_and_tell():
    search = make(optimizer_kwargs=QUICK).fit(X, Y)
    optimizer = Optimizer([SPACE[k] for k in "ab"], random_state=np.random.RandomState(0), **QUICK)
    for i, params in enumerate(search.cv_results_["params"]):
        point = optimizer.ask()
        assert list(params.items()) == [("a", point[0]), ("b", point[1])]
        optimizer.tell(point, -search.cv_results_["mean_test_score"][i])
    (result,) = search.optimizer_results_
    assert_array_equal(result.func_vals, -search.cv_results_["mean_test_score"])
    assert result.x == list(search.best_params_.values())


def test_several_points_at_a_time_are_those_of_skopt():
    params = {"n_points": 3, "cv": 3, "n_iter": 8, "random_state": 5, "optimizer_kwargs": QUICK}
    theirs = BayesSearchCV(Toy(), copy.deepcopy(SPACE), **params).fit(X, Y)
    assert_same_results(make(**params).fit(X, Y).cv_results_, theirs.cv_results_)


def test_one_surrogate_fit_a_point(monkeypatch):
    fits, original = [], GaussianProcessRegressor.fit
    monkeypatch.setattr(
        GaussianProcessRegressor, "fit", lambda *args: fits.append(1) or original(*args)
    )
    make(optimizer_kwargs=GAUSSIAN, n_iter=5).fit(X, Y)
    assert len(fits) == 5 - 3 + 1


def test_finite_space_is_searched_once():
    spaces = {"b": Categorical([1, 2, 3]), "c": Integer(0, 1)}
    for n_points in (1, 4):
        Toy.fits = []
        search = make(spaces=spaces, n_iter=20, n_points=n_points).fit(X, Y)
        points = [tuple(p.values()) for p in search.cv_results_["params"]]
        assert sorted(points) == [(b, c) for b in (1, 2, 3) for c in (0, 1)]
        assert len(Toy.fits) == 6 * 3 + 1


@pytest.mark.parametrize("name", ["GBRT", "gbrt"])
def test_gradient_boosting_is_refused_with_its_reason(name):
    search = make(optimizer_kwargs={"base_estimator": name})
    match = f"'{name}'}} does not work.*takes for no regressor.*Use 'GP'.*n_initial_points=8"
    with pytest.raises(ValueError, match=match):
        search.fit(X, Y)
    assert Toy.fits == []


@pytest.mark.parametrize("name", ["random_state", "dimensions"])
def test_arguments_that_the_search_sets_itself_are_refused(name):
    with pytest.raises(ValueError, match=f"optimizer_kwargs must not have '{name}', got 1"):
        make(optimizer_kwargs={name: 1}).fit(X, Y)


@pytest.mark.parametrize(
    ("spaces", "match"),
    [
        ({}, "search_spaces must name at least one parameter"),
        ([], "search_spaces must name at least one parameter"),
        ([({}, 3)], "search_spaces must name at least one parameter"),
        ([SPACE, 3], "must be a dict, or a list of dict and .dict, int., got 3 among"),
        ([(SPACE, 0)], "must be an int of at least 1, got 0 in search_spaces"),
        ([(SPACE, 2.0)], "must be an int of at least 1, got 2.0 in search_spaces"),
        ({"a": 7}, "The range of 'a' in search_spaces must be .* got 7"),
        (7, "The 'search_spaces' parameter of ResumableBayesSearchCV must be"),
    ],
)
def test_wrong_spaces_are_named(spaces, match):
    with pytest.raises(ValueError, match=match):
        make(spaces=spaces).fit(X, Y)
    assert Toy.fits == []
