"""Training curves: the losses, and the best epoch."""

import numpy as np
import pytest
from drawings import drawn
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cae_sklearn.plotting import TrainingCurveDisplay


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


def test_several_estimators_share_axes(fitted):
    pipeline, X, y = fitted
    ours = pipeline["clf"]
    theirs = MLPClassifier(tol=1, random_state=0).fit(X.reshape(len(X), -1), y)
    display = TrainingCurveDisplay.from_estimator(ours, name="ours")
    assert list(display.lines_[0].get_ydata()) == ours.loss_curve_
    assert list(display.lines_[1].get_ydata()) == ours.validation_loss_curve_
    other = TrainingCurveDisplay.from_estimator(theirs, name="theirs", ax=display.ax_)
    assert list(other.lines_[0].get_ydata()) == theirs.loss_curve_
    labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert {label.split(",")[0] for label in labels} == {"ours", "theirs"}
    assert display.lines_[0].get_color() != other.lines_[0].get_color()


def test_of_a_pipeline_the_last_step_with_losses_is_drawn(fitted):
    pipeline, _, _ = fitted
    for model in (pipeline, make_pipeline(pipeline)):
        display = TrainingCurveDisplay.from_estimator(model)
        assert list(display.lines_[0].get_ydata()) == pipeline["clf"].loss_curve_
    display = TrainingCurveDisplay.from_estimator(pipeline[:1])
    assert list(display.lines_[0].get_ydata()) == pipeline["cae"].loss_curve_


def test_a_pipeline_without_losses_is_an_error(blobs):
    pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(*blobs)
    with pytest.raises(
        TypeError, match="learned loss_curve_, but StandardScaler, LogisticRegression of the Pipel"
    ):
        TrainingCurveDisplay.from_estimator(pipeline)
    with pytest.raises(TypeError, match="learned loss_curve_, but LogisticRegression has not"):
        TrainingCurveDisplay.from_estimator(pipeline[-1])
