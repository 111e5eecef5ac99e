"""Results of searches: heat maps, trials, and the axes of the parameters."""

import numpy as np
import pytest
from drawings import GRID, drawn, results
from sklearn.base import BaseEstimator
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.svm import SVC

from cae_sklearn.plotting import SearchResultsDisplay


def test_a_grid_over_two_parameters_is_a_heat_map():
    grid = {"C": [0.1, 1, 10], "gamma": [0.001, 0.1]}
    search = GridSearchCV(SVC(), grid, cv=3).fit(*load_iris(return_X_y=True))
    display = SearchResultsDisplay.from_search(search, score_name="accuracy")
    (ax,) = display.axes_
    expected = search.cv_results_["mean_test_score"].reshape(3, 2)
    np.testing.assert_array_equal(ax.images[0].get_array(), expected)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["0.1", "1", "10"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0.001", "0.1"]
    assert (ax.get_ylabel(), ax.get_xlabel()) == ("C", "gamma")
    texts = {text.get_position(): text.get_text() for text in ax.texts}
    assert texts[1, 2] == f"{expected[2, 1]:.4g}"
    row, column = divmod(search.best_index_, 2)
    assert ax.patches[-1].get_xy() == (column - 0.5, row - 0.5)
    assert display.figure_.axes[-1].get_ylabel() == "accuracy"


def test_the_order_of_trials_does_not_change_the_heat_map():
    order = [2, 0, 3, 1]
    shuffled = {name: [values[i] for i in order] for name, values in GRID.items()}
    one = SearchResultsDisplay.from_search(results(GRID, [1, 2, 3, 4]))
    other = SearchResultsDisplay.from_search(results(shuffled, [3, 1, 4, 2]))
    pictures = [display.axes_[0].images[0].get_array() for display in (one, other)]
    np.testing.assert_array_equal(*pictures)
    assert other.axes_[0].get_xlabel() == "learning_rate"


def test_a_failed_cell_of_the_heat_map_says_so():
    display = SearchResultsDisplay.from_search(results(GRID, [0.5, np.nan, 0.6, -np.inf]))
    ax = display.axes_[0]
    assert sorted(text.get_text() for text in ax.texts) == ["0.5", "0.6", "failed", "failed"]
    assert ax.patches[-1].get_xy() == (-0.5, 0.5)
    assert ax.images[0].get_clim() == (0.5, 0.6)


def test_other_searches_are_not_heat_maps():
    twice = {name: values * 2 for name, values in GRID.items()}
    for params in (twice, {"a": [1, 2, 3], "b": [1, 2, 1]}, {"a": [1, 2]}):
        cv_results = results(params, range(len(next(iter(params.values())))))
        with pytest.raises(ValueError, match=r"kind='heatmap' needs .* trials vary .*'trials'"):
            SearchResultsDisplay.from_search(cv_results, kind="heatmap")
        display = SearchResultsDisplay.from_search(cv_results)
        assert len(display.axes_) == 1 + len(params)
    with pytest.raises(ValueError, match="kind must be 'auto', 'heatmap' or 'trials', but is 'x'"):
        SearchResultsDisplay.from_search(cv_results, kind="x")


def lines(ax):
    return {line.get_label(): line for line in ax.lines}


def test_trials_with_the_best_so_far():
    scores = [0.3, np.nan, 0.2, 0.8, 0.5]
    display = SearchResultsDisplay.from_search(results({"a": [5, 1, 3, 2, 4]}, scores))
    trials, param = display.axes_
    by_label = lines(trials)
    assert drawn(by_label["best so far"]) == [[1, 0.3], [2, 0.3], [3, 0.3], [4, 0.8], [5, 0.8]]
    assert drawn(by_label["best"]) == [[4, 0.8]]
    assert drawn(by_label["failed"]) == [[2, 0.03]]
    (bars,) = trials.containers
    np.testing.assert_array_equal(bars.lines[0].get_ydata(), scores)
    ends = bars.lines[2][0].get_segments()
    np.testing.assert_allclose(ends[3], [[4, 0.79], [4, 0.81]])
    np.testing.assert_array_equal(param.lines[0].get_xydata()[:, 0], [5, 1, 3, 2, 4])
    assert drawn(lines(param)["best"]) == [[2, 0.8]]


def test_a_search_that_failed_altogether_is_drawn():
    cv_results = results({"a": [1, 2, 3]}, [np.nan] * 3)
    display = SearchResultsDisplay.from_search(cv_results)
    display.figure_.canvas.draw()
    assert "best" not in lines(display.axes_[0])


def scales(display):
    """Return the kind of each parameter's axis by name."""
    return {
        ax.get_xlabel(): "category"
        if [label.get_text() for label in ax.get_xticklabels()] == list(map(str, (8, 16, 32)))
        else ax.get_xscale()
        for ax in display.axes_[1:]
    }


@pytest.mark.parametrize("seed", range(5))
def test_values_tell_the_axis(seed):
    rng = np.random.default_rng(seed)
    params = {
        "clf__alpha": 10 ** rng.uniform(-6, -1, 20),
        "clf__l1_ratio": rng.uniform(size=20),
        "clf__batch_size": [*rng.permutation([8, 16, 32, 32]), *rng.choice([8, 16, 32], 16)],
    }
    display = SearchResultsDisplay.from_search(results(params, rng.uniform(size=20)))
    assert scales(display) == {"alpha": "log", "l1_ratio": "linear", "batch_size": "category"}


def test_zero_has_no_place_on_a_logarithmic_axis():
    display = SearchResultsDisplay.from_search(results({"a": [0, 0.1, 0.2, 0.3, 100]}, range(5)))
    assert scales(display) == {"a": "linear"}


@pytest.mark.parametrize("wrap", [lambda s: s, lambda s: [s], lambda s: [(s, 4)]])
def test_search_spaces_tell_the_axis_better(wrap):
    space = pytest.importorskip("skopt").space
    Categorical, Integer, Real = space.Categorical, space.Integer, space.Real

    class Search(BaseEstimator):
        search_spaces = wrap(
            {
                "alpha": Real(0.01, 0.1, prior="log-uniform"),
                "l1_ratio": Real(0, 1),
                "units": Integer(1, 512, prior="log-uniform"),
                "batch_size": Categorical([8, 16, 32]),
            }
        )
        cv_results_ = results(
            {
                "alpha": [0.05, 0.06, 0.07],
                "l1_ratio": [0.001, 0.002, 0.9],
                "units": [200, 300, 400],
                "batch_size": [32, 8, 16],
            },
            [1, 2, 3],
        )

        def fit(self):
            pass

    assert scales(SearchResultsDisplay.from_search(Search())) == {
        "alpha": "log",
        "l1_ratio": "linear",
        "units": "log",
        "batch_size": "category",
    }


def test_values_of_any_type_are_categories():
    params = {
        "size": [(400, 64), (200,), (400, 64)],
        "weight": [None, "balanced", "balanced"],
        "norm": [True, False, True],
        "step": [LogisticRegression(), SVC(kernel="poly", degree=7, gamma="auto"), SVC()],
    }
    display = SearchResultsDisplay.from_search(results(params, [1, 2, 3]))
    labels = [[label.get_text() for label in ax.get_xticklabels()] for ax in display.axes_[1:]]
    assert labels[:3] == [["(400, 64)", "(200,)"], ["None", "balanced"], ["True", "False"]]
    assert all(len(label) <= 20 for label in labels[3])
    assert display.axes_[1].lines[0].get_xdata().tolist() == [0, 1, 0]


def test_a_parameter_that_a_trial_lacks_leaves_a_gap():
    params = {"kernel": ["rbf", "linear", "rbf"], "gamma": [0.1, np.ma.masked, 0.3]}
    display = SearchResultsDisplay.from_search(results(params, [1, 2, 3]))
    x = display.axes_[2].lines[0].get_xdata()
    np.testing.assert_array_equal(x, [0.1, np.nan, 0.3])
    params["gamma"] = ["auto", np.ma.masked, "scale"]
    display = SearchResultsDisplay.from_search(results(params, [1, 2, 3]))
    np.testing.assert_array_equal(display.axes_[2].lines[0].get_xdata(), [0, np.nan, 1])


def test_parameters_that_do_not_vary_are_left_out():
    display = SearchResultsDisplay.from_search(results({"a": [1, 1], "b": [1, 2]}, [1, 2]))
    assert [ax.get_xlabel() for ax in display.axes_] == ["trial", "b"]
    display = SearchResultsDisplay.from_search(results({"a": [1]}, [1]))
    assert [ax.get_xlabel() for ax in display.axes_] == ["trial"]


def test_names_keep_their_step_where_they_would_be_equal():
    params = {"cae__epochs": [1, 2, 3], "clf__epochs": [1, 2, 3], "clf__alpha": [3, 1, 2]}
    display = SearchResultsDisplay.from_search(results(params, [1, 2, 3]))
    assert [ax.get_xlabel() for ax in display.axes_[1:]] == [*params]


def test_one_of_several_metrics():
    cv_results = results({"a": [1, 2]}, [1, 2])
    cv_results["mean_test_f1"] = np.array([0.2, 0.1])
    display = SearchResultsDisplay.from_search(cv_results, metric="f1")
    assert drawn(lines(display.axes_[0])["best"]) == [[1, 0.2]]
    assert display.axes_[0].get_ylabel() == "mean test f1"
    with pytest.raises(ValueError, match="metric='f2' is none of this search, which has score, f1"):
        SearchResultsDisplay.from_search(cv_results, metric="f2")


def test_many_parameters_take_several_rows():
    rng = np.random.default_rng(0)
    params = {f"p{i}": rng.uniform(size=10) for i in range(6)}
    display = SearchResultsDisplay.from_search(results(params, range(10)), score_name="s")
    display.figure_.canvas.draw()
    labelled = [ax.get_xlabel() for ax in display.axes_[1:] if ax.get_ylabel() == "s"]
    assert labelled == ["p0", "p4"]
