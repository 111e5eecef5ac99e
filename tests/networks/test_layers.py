"""Layers that are saved with their models: parity with plain NumPy."""

import keras
import numpy as np
import pytest

from cae_sklearn._networks.layers import (
    LEAST_VARIANCE,
    CellStatistics,
    ContrastConv2D,
    GridPooling,
    SignedSqrt,
    Standardize,
    cell_weights,
    max_pooling,
)

X = np.random.default_rng(0).normal(2.0, 3.0, (4, 6, 9, 2)).astype(np.float32)


@pytest.mark.parametrize("each", [False, True])
def test_standardisation_and_its_inverse(each):
    forth, back = Standardize(each=each), Standardize(inverse=True, each=each)
    axes = 0 if each else (0, 1, 2)
    for layer in (forth, back):
        layer.build(X.shape)
        layer.set_weights([X.mean(axis=axes), X.std(axis=axes)])
    standard = forth(X).numpy()
    np.testing.assert_allclose(standard.mean(axis=axes), 0.0, atol=1e-5)
    np.testing.assert_allclose(standard.std(axis=axes), 1.0, rtol=1e-4)
    np.testing.assert_allclose(back(standard), X, atol=1e-4)


@pytest.mark.parametrize("strides", [(1, 1), (2, 3)])
def test_a_convolution_of_patches_of_normalised_contrast(strides):
    rng = np.random.default_rng(1)
    kernel, bias = rng.normal(size=(3, 2, 2, 5)), rng.normal(size=5)
    kernel -= kernel.mean(axis=(0, 1, 2))
    layer = ContrastConv2D(5, (3, 2), strides, floor=0.3)
    layer.build(X.shape)
    layer.set_weights([kernel, bias])
    windows = np.lib.stride_tricks.sliding_window_view(X, (3, 2), (1, 2))
    patches = windows[:, :: strides[0], :: strides[1]].transpose(0, 1, 2, 4, 5, 3)
    patches = patches.reshape(*patches.shape[:3], -1)
    spread = np.sqrt(patches.var(axis=-1, keepdims=True) + 0.3)
    expected = patches / spread @ kernel.reshape(-1, 5) + bias
    np.testing.assert_allclose(layer(X), expected, rtol=1e-3, atol=1e-3)
    assert layer.compute_output_shape(X.shape) == expected.shape


def test_cells_may_begin_and_end_within_a_pixel():
    np.testing.assert_allclose(cell_weights(3, 2), [[2 / 3, 1 / 3, 0], [0, 1 / 3, 2 / 3]])
    pooled = GridPooling((2, 3))(X).numpy()
    expected = X.reshape(4, 2, 3, 3, 3, 2).mean(axis=(2, 4))
    np.testing.assert_allclose(pooled, expected, rtol=1e-5)
    np.testing.assert_allclose(GridPooling((4, 2))(X).numpy().mean(), X.mean(), rtol=1e-5)


def test_maxima_are_those_of_cells_which_together_cover_the_map():
    expected = X.reshape(4, 2, 3, 3, 3, 2).max(axis=(2, 4))
    np.testing.assert_array_equal(max_pooling((6, 9), (2, 3), "max")(X), expected)
    odd = max_pooling((6, 9), (4, 2), "max")(X).numpy()
    assert odd.shape == (4, 4, 2, 2)
    for place in np.ndindex(6, 9):
        bright = X.copy()
        bright[:, *place] = 100.0
        assert (max_pooling((6, 9), (4, 2), "max")(bright).numpy() > odd).any()


def test_cells_have_means_and_contrast():
    layer = CellStatistics((2, 3))
    result = layer(X).numpy()
    cells = X.reshape(4, 2, 3, 3, 3, 2)
    np.testing.assert_allclose(result[..., :2], cells.mean(axis=(2, 4)), rtol=1e-4)
    variance = cells.mean(axis=-1).var(axis=(2, 4))
    np.testing.assert_allclose(result[..., 2], 0.5 * np.log(variance + LEAST_VARIANCE), atol=1e-4)
    assert layer.compute_output_shape(X.shape) == result.shape


def test_roots_keep_their_sign():
    values = np.float32([-4.0, 0.0, 9.0])
    np.testing.assert_allclose(SignedSqrt("root")(values), [-2.0, 0.0, 3.0], atol=1e-5)


@pytest.mark.parametrize(
    "layer",
    [
        Standardize(inverse=True, each=True),
        ContrastConv2D(5, (3, 2), (2, 1), floor=0.5),
        GridPooling((2, 3)),
        CellStatistics((3, 1)),
        SignedSqrt("root"),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_layers_have_twins_of_keras(layer, tmp_path):
    layer.build(X.shape)
    rng = np.random.default_rng(0)
    layer.set_weights([rng.uniform(0.5, 2.0, weight.shape) for weight in layer.weights])
    images = keras.Input(X.shape[1:])
    twin = keras.Model(images, layer.plain(images))
    np.testing.assert_allclose(twin(X), layer(X), rtol=1e-4, atol=1e-5)
    twin.save(tmp_path / "twin.keras")
    loaded = keras.models.load_model(tmp_path / "twin.keras")
    np.testing.assert_array_equal(loaded(X), twin(X))
