"""The search as an estimator."""

import copy
import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone, is_classifier
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import (
    cross_val_score,
)
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from skopt.space import Categorical, Real

from .toy import QUICK, SPACE, X, Y, assert_same_results, make


def test_total_iterations_over_all_spaces():
    assert make(n_iter=8).total_iterations == 8
    assert make(spaces=[SPACE, (SPACE, 3)], n_iter=8).total_iterations == 11


def test_estimator_api(tmp_path):
    spaces = {"a": Real(1e-4, 1e2, prior="log-uniform"), "b": Categorical([1, 2, 3])}
    search = make(spaces=spaces, checkpoint=tmp_path / "c.json", n_iter=4, optimizer_kwargs=QUICK)
    before = copy.deepcopy(search.get_params())
    assert is_classifier(search)
    search.fit(X, Y)
    after = search.get_params()
    assert after.keys() == before.keys()
    assert {"checkpoint", "estimator__a", "n_points"} < after.keys()
    assert not {"fit_params", "iid"} & after.keys()
    assert after["search_spaces"] is spaces
    assert [dim.name for dim in spaces.values()] == [None, None]
    assert repr(after["search_spaces"]) == repr(before["search_spaces"])
    assert after["optimizer_kwargs"] is QUICK
    assert repr(QUICK) == repr(before["optimizer_kwargs"])
    for other in (pickle.loads(pickle.dumps(search)), copy.deepcopy(search)):
        assert_array_equal(other.predict(X), search.predict(X))
        assert_same_results(other.cv_results_, search.cv_results_, times=True)
    scores = cross_val_score(clone(search).set_params(checkpoint=None, n_iter=2), X, Y, cv=2)
    assert np.isfinite(scores).all()


@pytest.mark.parametrize(
    "params",
    [
        {"n_iter": 0},
        {"n_points": 1.5},
        {"checkpoint": 3},
        {"error_score": "worst"},
        {"optimizer_kwargs": 1},
        {"random_state": "a"},
    ],
)
def test_wrong_parameters_are_named(params):
    (name,) = params
    with pytest.raises(ValueError, match=f"The '{name}' parameter of ResumableBayesSearchCV must"):
        make(**params).fit(X, Y)


def test_tuned_pipeline_predicts(tmp_path):
    pipe = Pipeline([("scale", StandardScaler()), ("clf", SGDClassifier(random_state=0))])
    spaces = {"clf__alpha": Real(1e-6, 1e-1, prior="log-uniform"), "clf__l1_ratio": Real(0, 1)}
    search = make(pipe, spaces, n_iter=5, checkpoint=tmp_path / "c.json").fit(X, Y)
    assert search.score(X, Y) > 0.9
