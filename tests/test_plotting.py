"""The displays draw the data that they hold, where they are told to, and nothing else."""

import subprocess
import sys

import matplotlib
import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from skopt.space import Categorical, Integer, Real

from cae_sklearn import CAEFeaturizer, ElasticNetBNMLPClassifier
from cae_sklearn.plotting import (
    PredictionsDisplay,
    ReconstructionDisplay,
    SearchResultsDisplay,
    SparsityDisplay,
    TrainingCurveDisplay,
)

matplotlib.use("Agg")
import matplotlib.pyplot as plt


@pytest.fixture(autouse=True)
def figures(monkeypatch):
    """Close all figures; fail where a display shows one."""
    monkeypatch.setattr(plt, "show", lambda *_, **__: pytest.fail("plt.show was called"))
    yield
    plt.close("all")


def images(*shape, seed=0):
    return np.random.default_rng(seed).uniform(size=shape)


def results(params, scores, std=0.01):
    """Return cv_results_ as scikit-learn makes them, of params {name: values}."""
    scores = np.asarray(scores, float)
    masked = {}
    for name, values in params.items():
        masked[f"param_{name}"] = np.ma.empty(len(values), dtype=object)
        for i, value in enumerate(values):
            masked[f"param_{name}"][i] = value
    return {**masked, "mean_test_score": scores, "std_test_score": np.full(len(scores), std)}


GRID = {"clf__batch_size": [8, 8, 16, 16], "clf__learning_rate": [0.001, 0.01] * 2}
DISPLAYS = {
    "reconstruction": lambda: ReconstructionDisplay(
        images=images(2, 4, 4, 1), reconstructions=images(2, 4, 4, 1, seed=1)
    ),
    "training": lambda: TrainingCurveDisplay(loss=[3.0, 2.0, 1.0], validation_loss=[3.0, 1.0, 2.0]),
    "search": lambda: SearchResultsDisplay(
        params={name[6:]: v for name, v in results(GRID, range(4)).items() if name[0] == "p"},
        scores=np.arange(4.0),
    ),
    "sparsity": lambda: SparsityDisplay(coef=images(3, 5)),
    "predictions": lambda: PredictionsDisplay(
        images=images(2, 4, 4, 1), y_true=np.array([0, 1]), y_pred=np.array([0, 0])
    ),
}


# -- what all displays have in common ------------------------------------------------


def test_import_is_free_of_matplotlib_and_tensorflow():
    code = "import sys, cae_sklearn.plotting; print({'matplotlib', 'tensorflow'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("name", DISPLAYS)
def test_without_matplotlib_the_error_says_how_to_get_it(name, monkeypatch):
    display = DISPLAYS[name]()
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"Display needs .*pip install cae_sklearn\[plot\]"):
        display.plot()


@pytest.mark.parametrize("name", DISPLAYS)
def test_plot_returns_self_makes_one_figure_and_leaves_the_data(name):
    display = DISPLAYS[name]()
    before = {key: np.copy(value) for key, value in vars(display).items() if key != "params"}
    assert display.plot() is display
    assert plt.get_fignums() == [display.figure_.number]
    display.figure_.canvas.draw()  # a warning, as of a layout that does not fit, is an error
    for key, value in before.items():
        np.testing.assert_array_equal(getattr(display, key), value)


@pytest.mark.parametrize(
    ("name", "n"), {"reconstruction": 4, "sparsity": 2, "predictions": 2}.items()
)
def test_given_axes_are_used_in_any_arrangement(name, n):
    figure, axes = plt.subplots(n // 2, 2)
    display = DISPLAYS[name]().plot(axes=axes)
    assert plt.get_fignums() == [figure.number]
    assert display.figure_ is figure
    assert display.axes_.ravel().tolist() == axes.ravel().tolist()


@pytest.mark.parametrize("name", ["reconstruction", "search", "sparsity", "predictions"])
def test_a_wrong_number_of_axes_is_an_error(name):
    _, axes = plt.subplots(1, 3)
    with pytest.raises(ValueError, match=r"axes must hold [124] axes for this \w+, but holds 3"):
        DISPLAYS[name]().plot(axes=axes)


def test_unfitted_estimators_are_an_error():
    for plot in (
        lambda: TrainingCurveDisplay.from_estimator(MLPClassifier()),
        lambda: SparsityDisplay.from_estimator(LogisticRegression()),
        lambda: ReconstructionDisplay.from_estimator(CAEFeaturizer(), images(2, 4, 4)),
        lambda: PredictionsDisplay.from_estimator(SVC(), images(2, 4, 4), [0, 1]),
        lambda: SearchResultsDisplay.from_search(GridSearchCV(SVC(), {"C": [1]})),
    ):
        with pytest.raises(NotFittedError):
            plot()


# -- pictures ---------------------------------------------------------------------------


def shown(ax):
    """Return the colours of the picture in axes."""
    (image,) = ax.images
    return image.to_rgba(image.get_array())


def test_reconstructions_stand_below_originals_on_one_scale():
    x, r = images(3, 5, 4), 0.5 * images(3, 5, 4, seed=1)
    display = ReconstructionDisplay.from_arrays(x, r)
    for row, pictures in zip(display.axes_, (x, r), strict=True):
        for ax, picture in zip(row, pictures, strict=True):
            np.testing.assert_array_equal(ax.images[0].get_array(), picture)
        assert {ax.images[0].get_clim() for ax in row} == {tuple(np.percentile(x, [0.5, 99.5]))}
    assert [ax.get_ylabel() for ax in display.axes_[:, 0]] == ["original", "reconstructed"]


@pytest.mark.parametrize("channels", [1, 3])
def test_the_unit_of_images_makes_no_difference(channels):
    x, r = images(2, 5, 4, channels), images(2, 5, 4, channels, seed=1)
    one = ReconstructionDisplay.from_arrays(x, r)
    other = ReconstructionDisplay.from_arrays(1000 * x - 300, 1000 * r - 300)
    for a, b in zip(one.axes_.ravel(), other.axes_.ravel(), strict=True):
        np.testing.assert_allclose(shown(a), shown(b), atol=1 / 255)


def test_one_bright_pixel_does_not_darken_the_rest():
    x = images(1, 40, 40)
    x[0, 3, 3] = 1e6
    ax = ReconstructionDisplay.from_arrays(x, x).axes_[0, 0]
    assert shown(ax)[..., 0].mean() > 0.4


def test_constant_and_sparse_images_are_drawn():
    flat = np.full((1, 8, 8, 3), 0.5)
    assert np.isfinite(shown(ReconstructionDisplay.from_arrays(flat, flat).axes_[0, 0])).all()
    dot = np.zeros((1, 40, 40))
    dot[0, 3, 3] = 0.2
    colours = shown(ReconstructionDisplay.from_arrays(dot, dot).axes_[0, 0])
    assert colours[3, 3, 0] == 1
    assert colours[0, 0, 0] == 0


def test_flat_images_need_a_shape():
    x = images(2, 48)
    display = ReconstructionDisplay.from_arrays(x, x, image_shape=(4, 4, 3))
    assert display.images.shape == (2, 4, 4, 3)
    for options in ({}, {"image_shape": (4, 4)}, {"image_shape": (12, 2, 2)}):
        with pytest.raises(
            ValueError, match=r"images must have the shape .* got the shape \(2, 48\)"
        ):
            ReconstructionDisplay.from_arrays(x, x, **options)
    with pytest.raises(ValueError, match="images must hold one image or more"):
        ReconstructionDisplay.from_arrays(x[:0], x[:0], image_shape=(4, 4, 3))
    with pytest.raises(ValueError, match=r"reconstructions must have the shape of images, \(2,"):
        ReconstructionDisplay.from_arrays(images(2, 4, 4), images(3, 4, 4))


@pytest.mark.parametrize("flat", [False, True])
def test_reconstructions_of_a_featurizer(digits, flat):
    X = digits[0][:100]
    X, shape = (X.reshape(len(X), -1), (8, 8)) if flat else (X, None)
    cae = CAEFeaturizer(8, epochs=1, image_shape=shape, random_state=0).fit(X)
    display = ReconstructionDisplay.from_estimator(cae, X, n_images=3)
    assert display.axes_.shape == (2, 3)
    np.testing.assert_array_equal(display.images, X[:3].reshape(3, 8, 8, 1))
    expected = cae.inverse_transform(cae.transform(X[:3]))
    np.testing.assert_array_equal(display.reconstructions, expected)


def test_wrong_predictions_and_no_others_are_marked():
    y_true, y_pred = np.array(["a", "b", "c"]), np.array(["a", "c", "c"])
    display = PredictionsDisplay.from_predictions(images(3, 4, 4, 3), y_true, y_pred)
    titles = [ax.get_title() for ax in display.axes_]
    assert titles == ["true a\npred. a", "true b\npred. c", "true c\npred. c"]
    red = matplotlib.colors.to_rgba("tab:red")
    assert [ax.spines["top"].get_edgecolor() == red for ax in display.axes_] == [False, True, False]
    assert [ax.title.get_fontweight() == "bold" for ax in display.axes_] == [False, True, False]


@pytest.mark.parametrize("names", [["cat", "dog"], {0: "cat", 1: "dog"}])
def test_predictions_have_names(names):
    display = PredictionsDisplay.from_predictions(images(1, 4, 4), [0], [1], target_names=names)
    assert display.axes_[0].get_title() == "true cat\npred. dog"


def test_predictions_of_an_estimator(digits):
    X, y = digits[0].reshape(600, -1), digits[1]
    tree = DecisionTreeClassifier(max_depth=3).fit(X, y)
    display = PredictionsDisplay.from_estimator(tree, X, y, n_images=10, image_shape=(8, 8))
    np.testing.assert_array_equal(display.y_pred, tree.predict(X[:10]))
    np.testing.assert_array_equal(display.y_true, y[:10])
    np.testing.assert_array_equal(display.axes_[9].images[0].get_array(), digits[0][9])
    with pytest.raises(ValueError, match=r"a label for each of 3 images, .* \(2,\) and \(3,\)"):
        PredictionsDisplay.from_predictions(images(3, 4, 4), [0, 1], [0, 1, 1])


# -- curves and weights --------------------------------------------------------------------


def drawn(line):
    return np.transpose(line.get_data()).tolist()


def test_curves_are_the_losses():
    display = TrainingCurveDisplay(loss=[3.0, 2.0, 1.5], validation_loss=[3.0, 1.0, 2.0]).plot()
    training, validation = display.lines_
    assert drawn(training) == [[1, 3], [2, 2], [3, 1.5]]
    assert drawn(validation) == [[1, 3], [2, 1], [3, 2]]
    assert drawn(display.ax_.lines[-1]) == [[2, 1]]
    labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert labels == ["training", "validation", "lowest, epoch 2: 1"]


@pytest.mark.parametrize(
    ("loss", "validation_loss", "best"),
    [
        ([3, 2, 1], [], 3),
        ([3, 2, 1], [1, 2, 3], 1),
        ([4, 3, 2, 1], [1, 2], 3),  # only the last two epochs were validated
        ([3, 1, np.nan], [], 2),
        ([3, 1, np.nan], [2, np.inf, np.nan], 1),
        ([np.nan], [], None),
        ([1.0], [2.0], 1),
    ],
)
def test_the_best_epoch(loss, validation_loss, best):
    display = TrainingCurveDisplay(loss=loss, validation_loss=validation_loss).plot()
    assert display.best_epoch == best
    assert {line.get_xdata()[-1] for line in display.lines_} == {len(loss)}
    markers = [line for line in display.ax_.lines if line.get_marker() == "o"]
    lowest = np.nanmin(validation_loss or loss) if best else None
    assert [drawn(line) for line in markers] == ([[[best, lowest]]] if best else [])


def test_several_estimators_share_axes(blobs):
    ours = ElasticNetBNMLPClassifier((8,), epochs=3, random_state=0).fit(*blobs)
    theirs = MLPClassifier(tol=1, random_state=0).fit(*blobs)
    display = TrainingCurveDisplay.from_estimator(ours, name="ours")
    assert list(display.lines_[0].get_ydata()) == ours.loss_curve_
    assert list(display.lines_[1].get_ydata()) == ours.validation_loss_curve_
    other = TrainingCurveDisplay.from_estimator(theirs, name="theirs", ax=display.ax_)
    assert list(other.lines_[0].get_ydata()) == theirs.loss_curve_
    labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert {label.split(",")[0] for label in labels} == {"ours", "theirs"}
    assert display.lines_[0].get_color() != other.lines_[0].get_color()


def test_a_pipeline_has_no_curve_or_weights_of_its_own(blobs):
    pipeline = make_pipeline(LogisticRegression()).fit(*blobs)
    with pytest.raises(TypeError, match=r"learned loss_curve_, but Pipeline has not.*pipeline\['"):
        TrainingCurveDisplay.from_estimator(pipeline)
    with pytest.raises(TypeError, match="learned coef_, but Pipeline has not"):
        SparsityDisplay.from_estimator(pipeline)


def test_sparsity_is_that_of_the_classifier(blobs):
    clf = ElasticNetBNMLPClassifier(
        (8,), epochs=100, alpha=0.1, l1_ratio=1, learning_rate=0.003, random_state=0
    ).fit(*blobs)
    assert 0 < clf.sparsity_ < 1
    display = SparsityDisplay.from_estimator(clf)
    assert display.sparsity == clf.sparsity_
    image, histogram = display.axes_
    np.testing.assert_array_equal(image.images[0].get_array(), clf.coef_)
    assert [label.get_text() for label in image.get_yticklabels()] == ["0", "1", "2"]
    assert histogram.get_title() == f"{clf.sparsity_:.1%} of 24 weights below 0.001"
    assert sum(bar.get_height() for bar in histogram.patches if hasattr(bar, "get_height")) >= 24


@pytest.mark.parametrize("threshold", [1e-3, 0.5])
def test_the_histogram_holds_every_weight_on_its_side(threshold):
    coef = np.array([[0.0, 1e-9, 0.3, -0.7, -2.0]])
    ax = SparsityDisplay(coef=coef, threshold=threshold).plot().axes_[1]
    bars = ax.containers[0]
    near_zero = sum(bar.get_height() for bar in bars if bar.get_x() < threshold * 0.8)
    assert sum(bar.get_height() for bar in bars) == coef.size
    assert near_zero == (np.abs(coef) < threshold).sum()


def test_weights_that_are_all_zero_are_drawn():
    display = SparsityDisplay(coef=np.zeros((2, 3))).plot()
    assert display.sparsity == 1
    assert (shown(display.axes_[0]) > 0.9).all()  # the middle of the colour map


# -- searches ----------------------------------------------------------------------------


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
