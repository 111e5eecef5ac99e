"""Images at another size."""

import numpy as np
import pytest
import tensorflow as tf

from cae_sklearn._arrays.resizing import Resized, enlarged, held, resized, working_size


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((32, 32), (32, 32)),
        ((40, 40), (40, 40)),  # 1.25 times as long
        ((41, 41), (32, 32)),
        ((64, 64), (32, 32)),
        ((512, 2048), (16, 64)),
        ((2048, 512), (64, 16)),
        ((6, 1000), (6, 171)),  # no shorter than 8 pixels, or what there are
        ((20, 4000), (8, 128)),
        ((1, 300), (1, 300)),
        ((1, 10_000), (1, 1024)),
    ],
)
def test_the_working_size_keeps_the_ratio_and_bounds_the_pixels(size, expected):
    assert working_size(size, 32) == expected
    assert working_size(size, None) == size


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float64, bool])
def test_images_are_averaged_over_areas(dtype):
    X = (np.random.default_rng(0).random((5, 6, 8, 3)) * 200).astype(dtype)
    small = resized(X, (3, 4))
    assert small.shape == (5, 3, 4, 3) and small.dtype == np.float32 and len(small) == 5
    expected = X.reshape(5, 3, 2, 4, 2, 3).mean(axis=(2, 4))
    for indices in (slice(None), slice(1, 4), [3, 0], np.array([2])):
        np.testing.assert_allclose(small[indices], expected[indices], rtol=1e-5)
    np.testing.assert_array_equal(held(small), small[:])
    assert resized(X, (6, 8)) is X


def test_images_are_read_as_they_are_asked_for(monkeypatch):
    X = np.zeros((50, 64, 64, 1), np.uint8)
    small = Resized(X, (32, 32))
    assert isinstance(held(small), np.ndarray)
    monkeypatch.setattr("cae_sklearn._arrays.resizing.HELD_BYTES", 50 * 32 * 32 * 4 - 1)
    assert held(small) is small
    assert held(X) is X


def test_pictures_are_enlarged_as_keras_does():
    X = np.random.default_rng(0).normal(size=(3, 4, 5, 2)).astype(np.float32)
    expected = tf.keras.layers.Resizing(9, 10, data_format="channels_last")(X)
    np.testing.assert_allclose(enlarged(X, (9, 10)), expected, atol=1e-6)
