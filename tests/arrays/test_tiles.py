"""Fewer rows than a whole tile are taken only where no bit of a row is another."""

import numpy as np
import pytest
import tensorflow as tf

from cae_sklearn._arrays import tiles
from cae_sklearn._arrays.confined import Standing
from cae_sklearn._arrays.tiles import WHOLE, rows_like_whole

SHAPES = [(3240, 400), (300, 300), (1000, 70)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("n", [1, 5, 7, 13, 24])
def test_the_rows_have_the_same_bits_as_among_many(shape, n):
    rows = rows_like_whole(n, shape)
    assert n <= rows <= WHOLE
    rng = np.random.default_rng(1)
    x, kernel = (rng.standard_normal(s, np.float32) for s in ((2 * WHOLE, shape[0]), shape))

    def product(x):
        specs = [tf.TensorSpec(x.shape), tf.TensorSpec(shape)]
        return Standing(tf.matmul, specs, 1)(x, kernel).numpy()

    for start in (0, 3, WHOLE):  # wherever a row stands
        many = product(x)[start : start + n]
        np.testing.assert_array_equal(product(x[start : start + rows])[:n], many)


def test_the_fewest_that_agree_are_taken(monkeypatch):
    monkeypatch.setattr(tiles, "_like_whole", lambda *shape: (8, 16))
    assert [rows_like_whole(n, (400, 400)) for n in (1, 8, 9, 16, 17)] == [8, 8, 16, 16, WHOLE]
    monkeypatch.setattr(tiles, "_like_whole", lambda *shape: ())
    assert rows_like_whole(1, (400, 400)) == WHOLE


def test_small_kernels_are_not_tried(monkeypatch):
    monkeypatch.setattr(tiles, "_like_whole", None)
    assert rows_like_whole(1, (100, 10)) == WHOLE
    assert rows_like_whole(WHOLE, (3240, 400)) == WHOLE
