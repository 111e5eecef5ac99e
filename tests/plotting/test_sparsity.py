"""The weights of the output layer, and the share of them that is zero."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from drawings import shown
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline

from cae_sklearn.plotting import SparsityDisplay


def test_sparsity_is_that_of_the_classifier(fitted):
    clf = fitted[0]["clf"]
    assert 0 < clf.sparsity_ < 1
    display = SparsityDisplay.from_estimator(clf)
    assert display.sparsity == clf.sparsity_
    image, histogram = display.axes_
    np.testing.assert_array_equal(image.images[0].get_array(), clf.output_coef_)
    assert [label.get_text() for label in image.get_yticklabels()] == list("0123456789")
    assert histogram.get_title() == f"{clf.sparsity_:.1%} of 80 weights are zero"
    assert sum(bar.get_height() for bar in histogram.patches if hasattr(bar, "get_height")) >= 80


def test_of_a_pipeline_the_weights_of_the_last_step_are_drawn(blobs):
    pipeline = make_pipeline(LogisticRegression()).fit(*blobs)
    display = SparsityDisplay.from_estimator(pipeline)
    np.testing.assert_array_equal(display.coef, pipeline[0].coef_)
    assert display.class_names == ["0", "1", "2"]
    with pytest.raises(TypeError, match="learned output_coef_ or coef_, but GaussianNB of the Pi"):
        SparsityDisplay.from_estimator(make_pipeline(GaussianNB()).fit(*blobs))


def test_the_weights_of_the_output_layer_come_first(blobs):
    clf = LogisticRegression().fit(*blobs)
    clf.output_coef_ = np.ones((3, 2))
    assert SparsityDisplay.from_estimator(clf).coef.shape == (3, 2)


@pytest.mark.parametrize("threshold", [-1e-3, np.nan, np.inf, None, "0.1"])
def test_the_threshold_is_checked(blobs, threshold):
    match = r"threshold must be a finite number, 0 or above; got .*Pass 0 to count"
    with pytest.raises(ValueError, match=match):
        SparsityDisplay.from_estimator(LogisticRegression().fit(*blobs), threshold=threshold)
    display = SparsityDisplay(coef=np.eye(2), threshold=threshold)
    with pytest.raises(ValueError, match=match):
        display.sparsity  # noqa: B018
    assert not plt.get_fignums()


@pytest.mark.parametrize("threshold", [0.0, 1e-3, 0.5])
def test_the_histogram_holds_every_weight_and_sets_zeros_apart(threshold):
    coef = np.array([[0.0, 0.0, 1e-9, 0.3, -0.7, -2.0]])
    display = SparsityDisplay(coef=coef, threshold=threshold).plot()
    others, zeros = display.axes_[1].containers
    n_zeros = (np.abs(coef) <= threshold).sum()
    assert sum(bar.get_height() for bar in others) == 6 - n_zeros
    assert [bar.get_height() for bar in zeros] == [n_zeros]
    assert display.sparsity == n_zeros / 6


def test_weights_that_are_all_zero_are_drawn():
    display = SparsityDisplay(coef=np.zeros((2, 3))).plot()
    assert display.sparsity == 1
    assert (shown(display.axes_[0]) > 0.9).all()  # the middle of the colour map
