"""The autoencoder of whitened patches: geometry, and what is folded after training."""

import numpy as np
import pytest
import tensorflow as tf
from marks import slowly
from pictures import pictures

from cae_sklearn import CAEFeaturizer
from cae_sklearn._networks import autoencoder
from cae_sklearn._networks.denoising import Views
from cae_sklearn._networks.layers import CellStatistics, ContrastConv2D, GridPooling, SignedSqrt
from cae_sklearn._networks.whitened import WhitenedAutoencoder, _window, coarse_shape


def whitened(shape=(12, 12, 3), shift=0.125, **settings):
    defaults = {
        "filters": 8,
        "kernel_size": 6,
        "activation": "relu",
        "batch_norm": False,
        "output_size": 3,
        "n_components": 400,
    }
    views = Views.for_images(shape, shift=shift, flip=None, shrinkage="auto")
    return WhitenedAutoencoder.for_images(shape, views, **{**defaults, **settings})


def test_few_large_images_are_encoded_at_a_time():
    assert whitened((1, 10, 1), filters=4).tiles() == (24, 8)
    assert whitened((32, 32, 3), filters=64).tiles() == (24, 8)
    for size in (64, 128, 256, 512, 2048):
        tile, n_tiles = whitened((size, size, 3), filters=160).tiles()
        n = tile * n_tiles
        assert n == 1 or n * size * size * 160 * 4 <= 64 * 2**20


@pytest.mark.parametrize(
    ("shape", "output_size", "kernel", "grid"),
    [
        ((12, 12, 3), 3, (6, 6), (3, 3)),
        ((12, 12, 3), None, (6, 6), (7, 7)),
        ((12, 12, 3), (2, 20), (6, 6), (2, 7)),
        ((7, 11, 1), 3, (4, 6), (3, 3)),
        ((1, 13, 1), 3, (1, 13), (1, 1)),
        ((1, 300, 1), 3, (1, 6), (1, 3)),
    ],
)
def test_kernel_and_grid_fit_the_image(shape, output_size, kernel, grid):
    network = whitened(shape, output_size=output_size)
    assert (network.kernel_size, network.grid) == (kernel, grid)


def test_the_number_of_features_is_bounded_before_they_are_denoised(monkeypatch):
    assert whitened().n_pooled == (9 + 1) * (8 + 8 + 3 + 1) == 200
    monkeypatch.setattr(autoencoder, "N_POOLED", 199)
    for settings in ({}, {"shift": 0.0, "n_components": 5}, {"n_components": None}):
        with pytest.raises(ValueError, match="200 features, and more than 199.*output_size"):
            whitened(**settings)
    assert whitened(shift=0.0, n_components=None).n_features == 200
    assert whitened(output_size=2).n_features == 100


def test_without_a_grid_large_images_have_too_many_features():
    with pytest.raises(
        ValueError, match=r"\(64, 64, 3\) give 41772 features.*Set a smaller output_size"
    ):
        whitened((64, 64, 3), output_size=None)


@pytest.fixture(scope="module", params=[False, *slowly([True])], ids=["plain", "batch_norm"])
def fitted(request):
    settings = {"filters": 8, "batch_norm": request.param, "shift": 0.0, "n_components": None}
    cae = CAEFeaturizer(**settings, output_size=None, epochs=2, learning_rate=0.01, random_state=0)
    return cae.fit(pictures())


def test_pooled_features_are_those_of_whitening_then_encoding(fitted):
    """Whitening, encoder and batch normalisation one by one, as in training."""
    X, weights = pictures(), fitted._weights
    network = fitted._network
    standard = tf.constant(np.float32(X) - weights["standardize/mean"])
    standard = standard / weights["standardize/scale"]
    whiten = ContrastConv2D(108, (6, 6), floor=network.floor)
    whiten.build(standard.shape)
    whiten.set_weights([weights["whiten/kernel"], weights["whiten/bias"]])
    x = whiten(standard) @ weights["encode/kernel"][0, 0] + weights["encode/bias"]
    if network.batch_norm:
        gamma, beta, mean, variance = (
            weights[f"batch_norm1/{name}"]
            for name in ("gamma", "beta", "moving_mean", "moving_variance")
        )
        assert np.abs(mean).max() > 0.01 and np.abs(variance - 1).max() > 0.01
        x = tf.nn.batch_normalization(x, mean, variance, beta, gamma, 1e-3)
    pooled = SignedSqrt("root")(GridPooling(network.grid)(tf.nn.relu(x)))
    parts = pooled, CellStatistics(network.grid)(standard)
    flat = tf.concat([tf.reshape(part, (len(X), -1)) for part in parts], -1)
    expected = (flat - weights["features/mean"]) / weights["features/scale"]
    np.testing.assert_allclose(fitted.transform(X), expected, atol=2e-3)


def test_the_whole_map_is_kept_without_a_grid(fitted):
    assert fitted.transform(pictures(2)).shape == (2, 49 * (8 + 3 + 1))


def test_the_picture_that_features_give_is_bounded():
    assert coarse_shape((32, 32, 3), 400) == (32, 32, 3)
    height, width, channels = coarse_shape((500, 250, 3), 400)
    assert 0.9 * 2**22 < height * width * channels * 400 <= 2**22
    assert height == pytest.approx(2 * width, abs=2)
    assert coarse_shape((500, 250, 3), 10**7) == (1, 1, 3)


@pytest.mark.parametrize(
    ("length", "kernel", "window", "stride"),
    [(12, 6, 12, 1), (32, 6, 24, 6), (17, 6, 17, 1), (18, 6, 12, 6)],
)
def test_patches_of_training_lie_side_by_side(length, kernel, window, stride):
    assert _window(length, kernel) == (window, stride)


@pytest.mark.slow
def test_the_whole_map_may_be_denoised():
    X = pictures(30, (20, 20, 1))
    settings = {"filters": 4, "kernel_size": 3, "epochs": 0, "random_state": 0}
    features = CAEFeaturizer(**settings, output_size=None, n_components=20).fit_transform(X)
    assert features.shape == (30, 20)
    np.testing.assert_allclose(features.std(axis=0), 1.0, atol=0.05)


@pytest.mark.slow
def test_of_many_images_some_are_learned_from(monkeypatch):
    """Those drawn give what a fit on them alone gives."""
    X, read = pictures(60), []
    settings = {"filters": 6, "n_components": 20, "epochs": 1, "random_state": 0}
    monkeypatch.setattr(WhitenedAutoencoder, "most_images", 50)
    original = WhitenedAutoencoder.start

    def spied(self, model, seed, images):
        read.append(images[:])
        return original(self, model, seed, images)

    monkeypatch.setattr(WhitenedAutoencoder, "start", spied)
    features = CAEFeaturizer(**settings).fit(X).transform(X)
    (some,) = read
    assert some.shape == (50, *X.shape[1:]) and len(np.unique(some, axis=0)) == 50
    alone = CAEFeaturizer(**settings).fit(some)
    np.testing.assert_array_equal(alone.transform(X), features)
