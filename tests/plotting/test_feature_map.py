"""Features lie on a plane, each class with a colour and a shape of its own."""

import numpy as np
import pytest
from drawings import images
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from cae_sklearn.plotting import FeatureMapDisplay
from cae_sklearn.plotting._feature_map import COLORS, MARKERS


def test_the_points_are_the_projected_features_before_the_classifier(fitted):
    pipeline, X, y = fitted
    display = FeatureMapDisplay.from_estimator(pipeline, X, y, n_images=50, projection=PCA(2))
    features = pipeline["cae"].transform(X[:50])
    np.testing.assert_allclose(display.points, PCA(2).fit_transform(features), rtol=1e-4, atol=1e-4)
    drawn = [np.asarray(points.get_offsets()) for points in display.points_]
    for label, offsets in zip(np.unique(y[:50]), drawn, strict=True):
        np.testing.assert_allclose(offsets, display.points[y[:50] == label])
    alone = FeatureMapDisplay.from_estimator(pipeline["cae"], X, y, n_images=50, projection=PCA(2))
    np.testing.assert_allclose(alone.points, display.points, rtol=1e-4, atol=1e-4)


def test_the_map_by_default_keeps_groups_together_also_of_few_images():
    features = np.concatenate([images(6, 5), images(6, 5, seed=1) + 50])
    display = FeatureMapDisplay.from_features(features)
    first, second = display.points[:6], display.points[6:]
    within = max(np.ptp(first, axis=0).max(), np.ptp(second, axis=0).max())
    assert np.linalg.norm(first.mean(0) - second.mean(0)) > within / 2
    assert display.ax_.get_legend() is None


def test_no_two_of_sixty_four_classes_look_the_same():
    looks = {(COLORS[i % 8], MARKERS[(i + i // 8) % 8]) for i in range(len(COLORS) * len(MARKERS))}
    assert len(looks) == 64


def test_labels_are_called_by_their_names():
    names = {"a": "ant", "b": "bee"}
    display = FeatureMapDisplay(points=images(4, 2), y=np.array(list("abab")), target_names=names)
    shown = [text.get_text() for text in display.plot().ax_.get_legend().get_texts()]
    assert shown == ["ant", "bee"]


def test_what_does_not_fit_is_an_error():
    with pytest.raises(ValueError, match=r"a label for each of 4 images, but has the shape \(3,\)"):
        FeatureMapDisplay.from_features(images(4, 5), [0, 1, 2], projection=PCA(2))
    with pytest.raises(ValueError, match=r"two numbers for each row, but gave the shape \(4, 5\)"):
        FeatureMapDisplay.from_features(images(4, 5), projection=StandardScaler())
