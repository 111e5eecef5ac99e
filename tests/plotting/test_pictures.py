"""Reconstructions and predictions: the pictures, their scale, and their labels."""

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from drawings import images, shown
from sklearn.decomposition import PCA
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from cae_sklearn.plotting import PredictionsDisplay, ReconstructionDisplay


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
def test_reconstructions_of_a_featurizer(fitted, flat):
    pipeline, X, _ = fitted
    cae = pipeline["cae"]
    display = ReconstructionDisplay.from_estimator(
        cae, X.reshape(len(X), -1) if flat else X, n_images=3
    )
    assert display.axes_.shape == (2, 3)
    np.testing.assert_array_equal(display.images, X[:3].reshape(3, 8, 8, 1))
    expected = cae.inverse_transform(cae.transform(X[:3])).reshape(3, 8, 8, 1)
    np.testing.assert_array_equal(display.reconstructions, expected)


def test_reconstructions_of_a_pipeline_are_those_of_its_featurizer(fitted):
    pipeline, X, _ = fitted
    display = ReconstructionDisplay.from_estimator(pipeline, X, n_images=3)
    expected = ReconstructionDisplay.from_estimator(pipeline["cae"], X, n_images=3)
    np.testing.assert_array_equal(display.images, expected.images)
    np.testing.assert_array_equal(display.reconstructions, expected.reconstructions)


def test_reconstructions_lead_back_through_all_steps_before():
    X = images(20, 6)
    pipeline = make_pipeline(StandardScaler(), PCA(2), GaussianNB()).fit(X, np.arange(20) % 2)
    display = ReconstructionDisplay.from_estimator(
        make_pipeline(pipeline[:2], pipeline[2]), X, n_images=2, image_shape=(2, 3)
    )
    part = pipeline[:2]
    expected = part.inverse_transform(part.transform(X[:2]))
    np.testing.assert_array_equal(display.reconstructions, expected.reshape(2, 2, 3, 1))
    np.testing.assert_array_equal(display.images, X[:2].reshape(2, 2, 3, 1))


@pytest.mark.parametrize("steps", [[], [Normalizer(), PCA(2)]])
def test_a_pipeline_without_a_way_back_to_images_is_an_error(steps):
    X = images(20, 6)
    pipeline = make_pipeline(*steps, GaussianNB()).fit(X, np.arange(20) % 2)
    with pytest.raises(TypeError, match=r"not every step .* inverse_transform.*pipeline\['cae'\]"):
        ReconstructionDisplay.from_estimator(pipeline, X)


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


def test_predictions_of_a_pipeline(fitted):
    pipeline, X, y = fitted
    display = PredictionsDisplay.from_estimator(pipeline, X, y, n_images=3)
    np.testing.assert_array_equal(display.y_pred, pipeline.predict(X[:3]))


@pytest.mark.parametrize("names", [["cat", "dog"], {0: "cat", 1: "dog"}])
@pytest.mark.parametrize(
    ("label", "said"), [(-1, "-1"), (2, "2"), (0.5, "0.5"), (np.nan, "nan"), ("cat", "'cat'")]
)
def test_a_label_without_a_name_is_an_error(names, label, said):
    for y_true, y_pred in (([label], [0]), ([0], [label])):
        with pytest.raises(ValueError, match=rf"name for each label .*the label {said}\. Pass a"):
            PredictionsDisplay.from_predictions(images(1, 4, 4), y_true, y_pred, target_names=names)
    assert not plt.get_fignums()


def test_whole_numbers_of_any_type_have_names():
    for y in (np.array([1.0]), np.array([True]), np.array([1], dtype=np.uint8)):
        display = PredictionsDisplay.from_predictions(
            images(1, 4, 4), y, y, target_names=("cat", "dog")
        )
        assert display.axes_[0].get_title() == "true dog\npred. dog"


def test_names_may_be_a_series():
    names = pd.Series({-1: "unknown", 3: "cat"})
    display = PredictionsDisplay.from_predictions(images(1, 4, 4), [-1], [3], target_names=names)
    assert display.axes_[0].get_title() == "true unknown\npred. cat"
    with pytest.raises(ValueError, match="got 2 names and the label 0"):
        PredictionsDisplay.from_predictions(images(1, 4, 4), [0], [3], target_names=names)
