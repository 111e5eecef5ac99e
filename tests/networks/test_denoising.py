"""Views of images, and the closed form that keeps what they share."""

import numpy as np
import pytest
from marks import slowly
from pictures import pictures
from sklearn.linear_model import Ridge

from cae_sklearn import CAEFeaturizer
from cae_sklearn._networks.denoising import Views, denoising_kernel, view


def views(shift, flip=(False, False), shrinkage="auto"):
    return Views(shift, flip, shrinkage)


def reference_views(X, shift, flip):
    """Return every view of every image, by plain padding and slicing."""
    (down, right), (_, mirrored) = shift, flip
    padded = np.pad(X, ((0, 0), (down, down), (right, right), (0, 0)), mode="reflect")
    height, width = X.shape[1:3]
    all_views = [
        padded[:, i : i + height, j : j + width]
        for i in range(2 * down + 1)
        for j in range(2 * right + 1)
    ]
    return all_views + [image[:, :, ::-1] for image in all_views] * mirrored


@pytest.mark.parametrize("flip", [(False, False), (False, True)])
def test_views_are_shifted_and_mirrored(flip):
    X = pictures(50, (7, 9, 3))
    reference = reference_views(X, (1, 2), flip)
    rng = np.random.default_rng(0)
    seen = set()
    for _ in range(10):
        shown = view(X, views((1, 2), flip), rng)
        assert shown.dtype == X.dtype
        for i, image in enumerate(shown):
            found = [k for k, views in enumerate(reference) if np.array_equal(views[i], image)]
            assert found
            seen.update(found)
    assert seen == set(range(len(reference)))
    upside_down = view(X, views((0, 0), (True, False)), rng)
    turned = [np.array_equal(a, b[::-1]) for a, b in zip(upside_down, X, strict=True)]
    same = [np.array_equal(a, b) for a, b in zip(upside_down, X, strict=True)]
    assert np.logical_xor(turned, same).all()
    assert 10 < sum(turned) < 40
    tiny = np.arange(6).reshape(2, 1, 3, 1)
    assert view(tiny, views((1, 9), flip), rng).shape == tiny.shape


def test_the_shift_is_a_share_of_the_size():
    settings = {"flip": "vertical", "shrinkage": 0.5}
    made = Views.for_images((16, 25, 3), shift=0.125, **settings)
    assert made == Views((2, 3), (True, False), 0.5)
    assert made.differ
    assert Views.for_images((16, 25, 3), shift=0.0, **settings).differ
    assert not Views.for_images((3, 3, 1), shift=0.125, flip=None, shrinkage=0.5).differ
    for shape in ((1, 25, 3), (25, 1, 1)):  # may be the rows of a table
        assert not Views.for_images(shape, shift=0.5, **settings).differ


def features_of(some):
    return np.float32(some.reshape(len(some), -1) - 128.0) / 64


@pytest.mark.parametrize("shrinkage", ["auto", 0.3])
def test_denoising_is_a_ridge_regression_on_views(shrinkage):
    X = pictures(3000, (6, 6, 1))
    shown = views((1, 1), (False, True), shrinkage)
    F = features_of(X)
    rng = np.random.default_rng(0)
    kernel = denoising_kernel(X, features_of, F, shown, rng, n_components=36)
    V = features_of(view(X, shown, np.random.default_rng(1)))
    share = 36 / (36 + 5 * 3000) if shrinkage == "auto" else shrinkage
    mean_variance = np.square(V - V.mean(axis=0)).sum() / 36
    reference = Ridge(share / (1 - share) * mean_variance).fit(V, F).coef_.T
    expected = F @ reference / (1 - share)
    error = np.square(F @ kernel - expected).sum() / np.square(expected).sum()
    assert error < 0.015  # other random views


def test_without_views_the_components_are_principal_ones():
    F = features_of(pictures(300, (6, 6, 1)))
    F -= F.mean(axis=0)
    rng = np.random.default_rng(0)
    kernel = denoising_kernel(None, None, F, views((0, 0)), rng, n_components=5)
    np.testing.assert_allclose(kernel.T @ kernel, np.eye(5), atol=1e-5)
    variances = np.linalg.svd(F)[1] ** 2
    assert np.square(F @ kernel).sum() == pytest.approx(variances[:5].sum(), rel=0.01)


@pytest.mark.parametrize(
    "params", [{}, *slowly([{"whiten": False, "kernel_size": 3}])], ids=["whitened", "deep"]
)
def test_denoised_features_move_less_when_the_image_moves(params):
    X = pictures(400, (12, 12, 1))
    moved = view(X, views((2, 2)), np.random.default_rng(1))
    moves = {}
    for name, denoising in {
        "plain": {"shift": 0.0, "n_components": 144},
        "denoised": {"shift": 0.2, "n_components": 144, "shrinkage": 0.01},
    }.items():
        settings = {"filters": 16, "epochs": 0, "random_state": 0, **params, **denoising}
        fitted = CAEFeaturizer(**settings).fit(X)
        features = fitted.transform(X)
        moves[name] = np.square(fitted.transform(moved) - features).mean() / features.var()
    assert moves["denoised"] < 0.8 * moves["plain"]


@pytest.mark.parametrize("shrinkage", [0.0, 1.0, 1e-9])
@pytest.mark.parametrize("n", [40, *slowly([300])])
def test_any_shrinkage_gives_numbers(shrinkage, n):
    X = np.kron(np.random.default_rng(0).normal(size=(n, 2, 2)), np.ones((8, 8)))
    settings = {"filters": 4, "n_components": 30, "shrinkage": shrinkage}
    settings.update(epochs=0, random_state=0)
    assert np.isfinite(CAEFeaturizer(**settings).fit_transform(X)).all()
