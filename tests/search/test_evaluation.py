"""Fits on splits: workers, metadata, scorers."""

import numpy as np
import pytest
import scipy.sparse
import sklearn
from numpy.testing import assert_array_equal
from sklearn.decomposition import PCA
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import GridSearchCV, GroupKFold, ShuffleSplit
from sklearn.naive_bayes import GaussianNB, MultinomialNB
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.utils.parallel import Parallel
from skopt.space import Categorical, Real

from .toy import Toy, X, Y, assert_same_results, make


@pytest.mark.slow
def test_two_workers_give_the_same(tmp_path):
    pipe = Pipeline([("scale", StandardScaler()), ("clf", GaussianNB())])
    spaces = {"clf__var_smoothing": Real(1e-9, 1e2, prior="log-uniform")}
    params = dict(estimator=pipe, spaces=spaces, n_iter=5, n_points=2, return_train_score=True)
    one = make(**params).fit(X, Y)
    path = tmp_path / "c.json"
    two = make(**params, n_jobs=2, pre_dispatch="n_jobs", checkpoint=path)
    handle = path.open("w")  # a callback that does not pickle
    path.unlink()
    two.fit(X, Y, callback=lambda result: handle.fileno() < 0)
    handle.close()
    assert_same_results(one.cv_results_, two.cv_results_)
    assert_same_results(make(**params, checkpoint=path).fit(X, Y).cv_results_, one.cv_results_)


def test_fit_parameters_and_groups_arrive(tmp_path):
    weights, groups = np.full(len(Y), 2.0), np.arange(len(Y)) % 5
    search = make(cv=GroupKFold(5), n_iter=2, checkpoint=tmp_path / "c.json")
    search.fit(X, Y, groups=groups, sample_weight=weights)
    assert search.n_splits_ == 5
    assert search.best_estimator_.weight_ == 2.0 * len(Y)
    with pytest.raises(ValueError, match="another search: groups was"):
        search.fit(X, Y, groups=(groups + (groups == 0)), sample_weight=weights)
    with pytest.raises(ValueError, match="another search: sample_weight was"):
        search.fit(X, Y, groups=groups, sample_weight=weights + 1)


def test_metadata_routing():
    weights, groups = np.full(len(Y), 2.0), np.arange(len(Y)) % 3
    with sklearn.config_context(enable_metadata_routing=True):
        estimator = Toy().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        search = make(estimator, n_iter=2).fit(X, Y, sample_weight=weights)
        assert search.best_estimator_.weight_ == 2.0 * len(Y)
        splitter = GroupKFold(3)
        make(estimator, n_iter=2, cv=splitter).fit(X, Y, groups=groups, sample_weight=weights)


def test_a_scorer_that_raises_fails_alone():
    def broken(estimator, X, y):
        if estimator.a > 10:
            raise ZeroDivisionError("no samples of this kind")
        return 1.0

    params = dict(n_iter=10, scoring={"good": lambda e, X, y: e.a, "broken": broken})
    with pytest.warns(FitFailedWarning, match="First reason: ZeroDivisionError: no samples"):
        search = make(**params, refit="good", return_train_score=True).fit(X, Y)
    results = search.cv_results_
    failed = results["param_a"].data.astype(float) > 10
    assert 0 < failed.sum() < 10
    assert_array_equal(np.isnan(results["mean_test_broken"]), failed)
    assert_array_equal(np.isnan(results["mean_train_broken"]), failed)
    assert np.isfinite(results["mean_test_good"]).all()
    assert search.best_params_["a"] == max(p["a"] for p in results["params"])
    with pytest.raises(ZeroDivisionError):
        make(**params, refit="good", error_score="raise").fit(X, Y)
    with pytest.warns(FitFailedWarning, match="ZeroDivisionError"):
        alone = make(n_iter=10, scoring=broken).fit(X, Y)
    assert_array_equal(np.isnan(alone.cv_results_["mean_test_score"]), failed)


def test_a_scorer_must_return_a_number():
    with pytest.raises(ValueError, match="scoring must return a number, got 'high' of type str"):
        make(scoring=lambda estimator, X, y: "high").fit(X, Y)
    scores = make(scoring=lambda estimator, X, y: np.float32(0.5)).fit(X, Y)
    assert scores.best_score_ == 0.5


def test_an_unknown_parameter_ends_the_search():
    with pytest.raises(ValueError, match="Invalid parameter 'zz'"):
        make(spaces={"zz": Real(0, 1)}).fit(X, Y)


def test_precomputed_kernels_are_split_both_ways():
    spaces = {"C": Real(0.1, 10.0)}
    kernel = make(SVC(kernel="precomputed"), spaces, n_iter=3).fit(X @ X.T, Y)
    linear = make(SVC(kernel="linear"), spaces, n_iter=3).fit(X, Y)
    assert_array_equal(kernel.cv_results_["mean_test_score"], linear.cv_results_["mean_test_score"])
    assert kernel.__sklearn_tags__().input_tags.pairwise


@pytest.mark.parametrize("kind", ["list", "pandas", "sparse"])
def test_other_containers_give_the_same(kind):
    data = {
        "list": lambda: (X.tolist(), Y.tolist()),
        "pandas": lambda: (pytest.importorskip("pandas").DataFrame(X), Y),
        "sparse": lambda: (scipy.sparse.coo_matrix(X), Y),
    }[kind]()
    spaces, params = {"alpha": Real(1e-3, 1e3, prior="log-uniform")}, dict(n_iter=3)
    estimator = MultinomialNB()
    other = make(estimator, spaces, **params).fit(*data)
    assert_same_results(other.cv_results_, make(estimator, spaces, **params).fit(X, Y).cv_results_)


def test_without_targets():
    search = make(PCA(random_state=0), {"n_components": Categorical([1, 2, 3])}, n_iter=3).fit(X)
    assert search.transform(X).shape == (len(X), search.best_params_["n_components"])
    assert search.inverse_transform(search.transform(X)).shape == X.shape
    assert search.score_samples(X).shape == (len(X),)


def test_weights_reach_the_scorer_as_in_scikit_learn():
    weights = np.linspace(0.1, 3, len(Y))
    spaces = {"var_smoothing": Categorical([1e-3, 1.0, 10.0])}
    for scoring in (None, "accuracy"):
        search = make(GaussianNB(), spaces, n_iter=3, scoring=scoring)
        ours = search.fit(X, Y, sample_weight=weights).cv_results_
        points = [{k: [v] for k, v in p.items()} for p in ours["params"]]
        grid = GridSearchCV(GaussianNB(), points, cv=3, scoring=scoring)
        theirs = grid.fit(X, Y, sample_weight=weights).cv_results_
        assert_array_equal(ours["mean_test_score"], theirs["mean_test_score"])


def test_all_points_see_the_same_splits():
    def scorer(estimator, X, y):
        return X.sum()

    results = make(cv=ShuffleSplit(2), scoring=scorer).fit(X, Y).cv_results_
    assert len(set(results["split0_test_score"])) == 1
    masks = np.arange(len(Y)) % 3 == 0
    masked = make(cv=[(~masks, masks)] * 2, n_iter=2, checkpoint=None, refit=False)
    places = make(cv=[(np.flatnonzero(~masks), np.flatnonzero(masks))] * 2, n_iter=2, refit=False)
    assert_same_results(masked.fit(X, Y).cv_results_, places.fit(X, Y).cv_results_)


def test_a_line_for_each_fit(capsys):
    make(verbose=2, n_iter=2).fit(X, Y)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 * 3 + 2
    assert lines[0].startswith("[CV 1/3 of point 1] a=")
    assert "score=" in lines[0] and "total time=" in lines[0]
    assert lines[3].startswith("point 1/2: ")


def test_a_joblib_backend_that_only_returns_lists(monkeypatch):
    def lists_only(*args, return_as="list", **kwargs):
        if return_as != "list":
            raise ValueError("Backend does not support return_as=generator")
        return Parallel(*args, **kwargs)

    whole = make(n_points=2).fit(X, Y)
    monkeypatch.setattr("cae_sklearn.search._evaluation.Parallel", lists_only)
    assert_same_results(make(n_points=2).fit(X, Y).cv_results_, whole.cv_results_)
