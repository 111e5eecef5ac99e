"""The loop: failures, lines, callbacks, asynchronous searches."""

import json
import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import StratifiedKFold
from skopt.space import Categorical, Integer

from .toy import QUICK, Toy, X, Y, assert_same_results, make


@pytest.mark.parametrize("bad", [None, np.nan, np.inf, -np.inf])
def test_failing_candidate_does_not_end_the_search(tmp_path, bad):
    search = make(Toy(fail_above=10.0, bad=bad), n_iter=10, checkpoint=tmp_path / "c.json")
    with pytest.warns(FitFailedWarning, match="failed in 3 of 3 folds.*the search goes on") as seen:
        search.fit(X, Y)
    scores, params = search.cv_results_["mean_test_score"], search.cv_results_["params"]
    failed = np.array([p["a"] > 10 for p in params])
    assert 0 < failed.sum() < 10
    assert len(seen) == failed.sum()
    reason = "RuntimeError: a is" if bad is None else f"the score is {bad}"
    assert all(reason in str(warning.message) for warning in seen)
    assert_array_equal(np.isnan(scores), failed)
    assert not failed[search.best_index_]
    assert search.cv_results_["rank_test_score"][failed].min() > (~failed).sum()
    (result,) = search.optimizer_results_
    assert_array_equal(result.func_vals, np.where(failed, -np.nanmin(scores), -scores))
    # A replayed failure is no news: no warning, and the same results.
    again = clone(search).fit(X, Y)
    assert_same_results(again.cv_results_, search.cv_results_, times=True)


def test_failure_of_one_fold_and_a_numeric_error_score():
    def scorer(estimator, X, y):
        return np.nan if estimator.a > 10 and X[0, 0] == folds[1][0] else np.log(estimator.a)

    folds = [X[test][0] for _, test in StratifiedKFold(3).split(X, Y)]
    with pytest.warns(FitFailedWarning, match="failed in 1 of 3 folds"):
        search = make(scoring=scorer, error_score=-1000, n_iter=10).fit(X, Y)
    failed = np.array([p["a"] > 10 for p in search.cv_results_["params"]])
    assert failed.any()
    assert (search.cv_results_["split1_test_score"][failed] == -1000).all()
    scores = search.cv_results_["mean_test_score"]
    assert np.isfinite(scores).all()
    assert_array_equal(search.optimizer_results_[0].func_vals, -scores)


def test_error_score_raise():
    with pytest.raises(RuntimeError, match="too high"):
        make(Toy(fail_above=0.0), error_score="raise").fit(X, Y)
    with pytest.raises(ValueError, match="the score is nan.*Pass error_score=np.nan"):
        make(Toy(fail_above=0.0, bad=np.nan), error_score="raise").fit(X, Y)


@pytest.mark.parametrize("error_score", [np.nan, 0.0])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
def test_search_without_any_success_says_why(error_score):
    search = make(Toy(fail_above=0.0), n_iter=4, error_score=error_score)
    with pytest.raises(ValueError, match="None of the 4 points got a score.*RuntimeError: a is"):
        search.fit(X, Y)
    assert len(Toy.fits) == 12


def test_a_line_for_each_point(capsys, tmp_path):
    search = make(verbose=1, n_iter=5, n_points=2, checkpoint=tmp_path / "c.json").fit(X, Y)
    lines = capsys.readouterr().out.splitlines()
    scores = search.cv_results_["mean_test_score"]
    assert len(lines) == 5
    for i, line in enumerate(lines):
        assert line.startswith(f"point {i + 1}/5: {scores[i]:.4f}, best ")
        assert f"b={search.cv_results_['params'][i]['b']}" in line
        assert "stored" not in line
    assert f"best {scores.max():.4f} (point {scores.argmax() + 1})" in lines[-1]
    assert search.verbose == 1
    clone(search).fit(X, Y)
    assert capsys.readouterr().out.count("stored") == 5
    make().fit(X, Y)
    assert capsys.readouterr() == ("", "")


def test_callbacks_are_called_and_stop_the_search(tmp_path):
    calls, path = [], tmp_path / "c.json"

    def stop(result):
        calls.append(len(result.x_iters))
        return len(calls) == 4

    search = make(checkpoint=path).fit(X, Y, callback=[stop, lambda result: None])
    assert calls == [1, 2, 3, 4]
    assert len(search.cv_results_["params"]) == 4
    pickle.loads(pickle.dumps(search))  # the lambda is not in it
    calls.clear()
    assert len(make(checkpoint=path).fit(X, Y, callback=stop).cv_results_["params"]) == 4
    assert calls == [1, 2, 3, 4]


@pytest.mark.parametrize("n_points", [2, 4])
def test_asynchronous_search_resumes_to_the_same(tmp_path, n_points):
    params = dict(n_points=n_points, asynchronous=True, optimizer_kwargs=QUICK, n_iter=9)
    whole = make(**params).fit(X, Y)
    rounds = make(**{**params, "asynchronous": False}).fit(X, Y)
    n_whole, Toy.fits, Toy.stop_at = len(Toy.fits) // 2, [], 14
    with pytest.raises(KeyboardInterrupt):
        make(**params, checkpoint=tmp_path / "c.json").fit(X, Y)
    assert len(json.loads((tmp_path / "c.json").read_text())["points"]) == 4
    Toy.fits, Toy.stop_at = [], None
    resumed = make(**params, checkpoint=tmp_path / "c.json").fit(X, Y)
    assert len(Toy.fits) == n_whole - 3 * 4
    assert_same_results(resumed.cv_results_, whole.cv_results_)
    points = whole.cv_results_["params"]
    assert len({tuple(point.values()) for point in points}) == 9
    assert points != rounds.cv_results_["params"]


def test_a_new_point_is_asked_for_when_the_oldest_is_evaluated():
    class Watched(Toy):
        def fit(self, X, y):
            seen.append(self.a)
            return super().fit(X, y)

    told, seen = [], []

    def watch(result):
        told.append((len(result.x_iters), len(seen)))

    params = dict(n_iter=6, n_points=3, cv=2)
    make(Watched(), asynchronous=True, **params, refit=False).fit(X, Y, callback=watch)
    assert told == [(1, 2), (2, 4), (3, 6), (4, 8), (5, 10), (6, 12)]
    told.clear(), seen.clear()
    make(Watched(), **params, refit=False).fit(X, Y, callback=watch)
    assert told == [(3, 6), (6, 12)]


def test_asynchronous_search_stops_with_the_points_under_way():
    search = make(asynchronous=True, n_points=3).fit(
        X, Y, callback=lambda result: len(result.x_iters) == 2
    )
    assert len(search.cv_results_["params"]) == 4
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_asynchronous_search_of_a_finite_space_ends():
    spaces = {"b": Categorical([1, 2, 3]), "c": Integer(0, 1)}
    search = make(spaces=spaces, n_iter=20, n_points=4, asynchronous=True).fit(X, Y)
    points = [tuple(p.values()) for p in search.cv_results_["params"]]
    assert sorted(points) == [(b, c) for b in (1, 2, 3) for c in (0, 1)]


def test_finished_points_of_a_round_are_kept(tmp_path):
    path, params = tmp_path / "c.json", dict(n_points=4, optimizer_kwargs=QUICK)
    whole = make(**params).fit(X, Y)
    n_whole, Toy.fits, Toy.stop_at = len(Toy.fits), [], 3 * 6 + 1
    with pytest.raises(KeyboardInterrupt):
        make(**params, checkpoint=path).fit(X, Y)
    content = json.loads(path.read_text())
    assert len(content["points"]) == 6
    content["points"].pop(4)  # the sixth finished first: workers end in any order
    path.write_text(json.dumps(content))
    Toy.fits, Toy.stop_at = [], None
    resumed = make(**params, checkpoint=path).fit(X, Y)
    assert len(Toy.fits) == n_whole - 3 * 5
    assert_same_results(resumed.cv_results_, whole.cv_results_)
