"""What all displays have in common: they draw where they are told to, and nothing else."""

import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest
from drawings import GRID, images, results
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from cae_sklearn import CAEFeaturizer
from cae_sklearn.plotting import (
    FeatureMapDisplay,
    FilterDisplay,
    PredictionsDisplay,
    ReconstructionDisplay,
    SearchResultsDisplay,
    SparsityDisplay,
    TrainingCurveDisplay,
)

DISPLAYS = {
    "reconstruction": lambda: ReconstructionDisplay(
        images=images(2, 4, 4, 1), reconstructions=images(2, 4, 4, 1, seed=1)
    ),
    "training": lambda: TrainingCurveDisplay(loss=[3.0, 2.0, 1.0], validation_loss=[3.0, 1.0, 2.0]),
    "search": lambda: SearchResultsDisplay(
        params={name[6:]: v for name, v in results(GRID, range(4)).items() if name[0] == "p"},
        scores=np.arange(4.0),
    ),
    "filters": lambda: FilterDisplay(filters=images(2, 3, 3, 1)),
    "map": lambda: FeatureMapDisplay(points=images(6, 2), y=np.arange(6) % 2),
    "sparsity": lambda: SparsityDisplay(coef=images(3, 5)),
    "predictions": lambda: PredictionsDisplay(
        images=images(2, 4, 4, 1), y_true=np.array([0, 1]), y_pred=np.array([0, 0])
    ),
}


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
    ("name", "n"), {"reconstruction": 4, "sparsity": 2, "predictions": 2, "filters": 2}.items()
)
def test_given_axes_are_used_in_any_arrangement(name, n):
    figure, axes = plt.subplots(n // 2, 2)
    display = DISPLAYS[name]().plot(axes=axes)
    assert plt.get_fignums() == [figure.number]
    assert display.figure_ is figure
    assert display.axes_.ravel().tolist() == axes.ravel().tolist()


@pytest.mark.parametrize("name", ["reconstruction", "search", "sparsity", "predictions", "filters"])
def test_a_wrong_number_of_axes_is_an_error(name):
    _, axes = plt.subplots(1, 3)
    with pytest.raises(ValueError, match=r"axes must hold [124] axes for this \w+, but holds 3"):
        DISPLAYS[name]().plot(axes=axes)


def test_unfitted_estimators_are_an_error():
    for plot in (
        lambda: TrainingCurveDisplay.from_estimator(MLPClassifier()),
        lambda: SparsityDisplay.from_estimator(LogisticRegression()),
        lambda: ReconstructionDisplay.from_estimator(CAEFeaturizer(), images(2, 4, 4)),
        lambda: ReconstructionDisplay.from_estimator(
            make_pipeline(CAEFeaturizer(), SVC()), images(2, 4, 4)
        ),
        lambda: TrainingCurveDisplay.from_estimator(make_pipeline(MLPClassifier())),
        lambda: FilterDisplay.from_estimator(CAEFeaturizer()),
        lambda: FeatureMapDisplay.from_estimator(CAEFeaturizer(), images(2, 4, 4)),
        lambda: PredictionsDisplay.from_estimator(SVC(), images(2, 4, 4), [0, 1]),
        lambda: SearchResultsDisplay.from_search(GridSearchCV(SVC(), {"C": [1]})),
    ):
        with pytest.raises(NotFittedError):
            plot()
