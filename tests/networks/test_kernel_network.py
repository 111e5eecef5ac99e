"""The second layer: parity with plain NumPy, and what its filters are."""

import keras
import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from pictures import pictures

from cae_sklearn import CAEFeaturizer
from cae_sklearn._networks.kernel_network import (
    LEAST_SQUARE,
    WIDTH,
    KernelConv2D,
    KernelNetwork,
    inverse_root,
    spherical_kmeans,
    unit,
)
from cae_sklearn._networks.layers import cell_weights


def patches_of(maps, size):
    windows = sliding_window_view(maps, size, (1, 2)).transpose(0, 1, 2, 4, 5, 3)
    return windows.reshape(*windows.shape[:3], -1)


def similarities(patches, filters):
    norm = np.sqrt(np.square(patches).sum(axis=-1, keepdims=True) + LEAST_SQUARE)
    return norm * np.exp((patches @ filters / norm - 1) / WIDTH)


def averaged(maps, grid):
    rows, columns = (cell_weights(*along) for along in zip(maps.shape[1:3], grid, strict=True))
    return np.einsum("ih,nhwc,jw->nijc", rows, maps, columns)


def root(x):
    return x / np.sqrt(np.abs(x) + 1e-6)


def test_similarities_are_those_of_plain_numpy():
    rng = np.random.default_rng(0)
    maps, filters = rng.normal(size=(3, 5, 7, 4)), unit(rng.normal(size=(6, 3 * 2 * 4)))
    maps[0] = 0.0
    layer = KernelConv2D(6, (3, 2))
    layer.build(maps.shape)
    layer.set_weights([filters.T.reshape(3, 2, 4, 6)])
    expected = similarities(patches_of(maps, (3, 2)), filters.T)
    np.testing.assert_allclose(layer(np.float32(maps)), expected, rtol=1e-3, atol=1e-5)
    assert layer.compute_output_shape(maps.shape) == expected.shape
    images = keras.Input(maps.shape[1:])
    twin = keras.Model(images, layer.plain(images))
    np.testing.assert_allclose(twin(np.float32(maps)), expected, rtol=1e-3, atol=1e-5)


def test_filters_are_the_directions_of_clusters():
    rng = np.random.default_rng(0)
    directions = unit(rng.normal(size=(5, 12)))
    strength = rng.uniform(0.5, 5.0, (1000, 1))
    x = strength * (directions[np.arange(1000) % 5] + 0.05 * rng.normal(size=(1000, 12)))
    x = np.float32(np.concatenate([x, np.zeros((10, 12))]))
    filters = spherical_kmeans(x, 8, np.random.default_rng(1))
    np.testing.assert_allclose(np.linalg.norm(filters, axis=1), 1.0, rtol=1e-5)
    assert (filters @ directions.T).max(axis=0).min() > 0.99
    np.testing.assert_array_equal(spherical_kmeans(x, 8, np.random.default_rng(1)), filters)
    assert np.isfinite(spherical_kmeans(np.zeros((3, 12), np.float32), 8, rng)).all()


def test_products_of_unrelated_similarities_are_the_kernel():
    """At filters the approximation is exact (Williams & Seeger, 2001)."""
    filters = np.float32(unit(np.random.default_rng(0).normal(size=(10, 12))))
    similar = np.exp((filters @ filters.T - 1) / WIDTH)
    features = similar @ inverse_root(filters)
    np.testing.assert_allclose(features @ features.T, similar, atol=5e-3)


@pytest.mark.parametrize(
    ("shape", "sizes", "positions"),
    [
        ((32, 32, 3), ((3, 3), (10, 10), (3, 3)), (8, 8)),
        ((8, 8, 1), ((3, 3), (3, 3), (2, 2)), (2, 2)),
        ((7, 40, 1), ((3, 3), (3, 13), (2, 3)), (2, 11)),
        ((1, 300, 1), ((1, 3), (1, 99), (1, 3)), (1, 97)),
        ((2, 2, 3), ((1, 1), (2, 2), (1, 1)), (2, 2)),
    ],
)
def test_the_second_layer_fits_images_of_any_size(shape, sizes, positions):
    network = KernelNetwork(shape, 5, 0.3)
    assert (network.sizes, network.positions) == (sizes, positions)


SLOW = pytest.mark.slow
SETTINGS = {"filters": (6, 5), "kernel_size": 3, "epochs": 0, "random_state": 0}


@pytest.fixture(scope="module")
def fitted():
    return CAEFeaturizer(**SETTINGS, shift=0.0, n_components=None).fit(pictures(60, (20, 22, 3)))


def test_pooled_features_are_those_of_plain_numpy(fitted):
    X, weights = pictures(60, (20, 22, 3)), fitted._weights
    standard = (X - weights["standardize/mean"]) / weights["standardize/scale"]
    patches = patches_of(standard, (3, 3))
    spread = np.sqrt(patches.var(axis=-1, keepdims=True) + fitted._network.floor)
    white = patches / spread @ weights["small_patches/kernel"].reshape(27, -1)
    x = similarities(white + weights["small_patches/bias"], weights["similar1/kernel"][0, 0])
    x = averaged(x, (6, 7)) @ weights["unrelated1/kernel"]
    x = similarities(patches_of(x, (3, 3)), weights["similar2/kernel"].reshape(-1, 5))
    assert x.shape == (60, 4, 5, 5)
    parts = []
    for grid in ((3, 3), (1, 1)):
        parts.append(root(averaged(x, grid) @ weights["unrelated2/kernel"]))
        if grid == (1, 1):
            parts.append(root(x.max(axis=(1, 2), keepdims=True)))
        else:  # cells of two rows and three columns that overlap
            cells = sliding_window_view(x, (2, 3), (1, 2)).max(axis=(-2, -1))
            parts.append(root(cells))
    flat = np.concatenate([part.reshape(60, -1) for part in parts], axis=1)
    mean, scale = (weights[f"features/{name}"][-flat.shape[1] :] for name in ("mean", "scale"))
    features = fitted.transform(X)
    assert features.shape == (60, 10 * (2 * 6 + 4) + 10 * 2 * 5)
    np.testing.assert_allclose(features[:, -flat.shape[1] :], (flat - mean) / scale, atol=5e-3)


def test_the_second_layer_stands_beside_the_first(fitted):
    """The first has the same features without it, but for their scale."""
    X = pictures(60, (20, 22, 3))
    alone = CAEFeaturizer(**{**SETTINGS, "filters": 6}, shift=0.0, n_components=None).fit(X)
    features = alone.transform(X)
    both = fitted.transform(X)[:, : features.shape[1]]
    both, features = (x / (x.std(axis=0) + 1e-6) for x in (both, features))
    np.testing.assert_allclose(both, features, atol=1e-3)


SHAPES = [(7, 11, 1), (12, 12, 3), (1, 300, 1), (2, 2, 3)]


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
def test_images_of_any_size_have_features_of_two_layers(shape):
    X = pictures(30, shape)
    fitted = CAEFeaturizer(**{**SETTINGS, "filters": "4-6", "kernel_size": 6}).fit(X)
    features = fitted.transform(X)
    assert np.isfinite(features).all() and features.shape[0] == 30
    assert fitted.inverse_transform(features).shape == X.shape
    np.testing.assert_array_equal(np.concatenate([fitted.transform(x[None]) for x in X]), features)
    np.testing.assert_allclose(fitted.encoder_(np.float32(X)), features, atol=2e-3)
    again = CAEFeaturizer(**{**SETTINGS, "filters": (4, 6), "kernel_size": 6}).fit_transform(X)
    np.testing.assert_array_equal(again, features)


@SLOW
def test_later_batches_keep_the_second_layer():
    X = pictures(320)  # of fewer, later calls would learn anew
    fitted = CAEFeaturizer(**SETTINGS).partial_fit(X)
    before = {path: array for path, array in fitted._weights.items() if "similar" in path}
    fitted.partial_fit(X[:40])
    assert len(before) == 2
    for path, array in before.items():
        np.testing.assert_array_equal(fitted._weights[path], array)


def test_the_trained_network_has_one_layer(fitted):
    assert fitted._network.trained.filters == (6,)
    assert "similar2/kernel" in fitted._weights


def test_encoders_of_two_layers_are_saved(fitted, tmp_path):
    fitted.encoder_.save(tmp_path / "encoder.keras")
    loaded = keras.saving.load_model(tmp_path / "encoder.keras")
    X = np.float32(pictures(5, (20, 22, 3)))
    np.testing.assert_array_equal(loaded(X), fitted.encoder_(X))


def test_more_than_two_layers_and_those_of_tables_are_refused():
    with pytest.raises(ValueError, match=r"one or two numbers of filters, but filters=\(3, 4, 5\)"):
        CAEFeaturizer(filters=(3, 4, 5)).fit(pictures())
    with pytest.raises(ValueError, match=r"filters=\(3, 4\).*rows of a table.*Set one number"):
        CAEFeaturizer(filters=(3, 4)).fit(np.random.default_rng(0).normal(size=(20, 7)))
