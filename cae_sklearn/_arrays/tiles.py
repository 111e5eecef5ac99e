"""How many rows a matrix product must have, so that a row has the same bits in any product.

Processors multiply 6 or 8 rows at a time, and the bits of a row that is left over differ.
"""

from functools import cache
from itertools import compress

import numpy as np
import tensorflow as tf

from .confined import Standing

WHOLE = 24  # a multiple of the rows that processors multiply at a time
FEWER = 6, 8, 16
LARGE = 2**16  # numbers of a kernel with which rows that only fill the tile cost time


def rows_like_whole(n, shape):
    """Return how many rows, n at least, give each the bits that it has among `WHOLE`.

    Which do is found by a trial, with a kernel of this shape that is random. It takes longer than
    it can save with a small one.
    """
    if n < WHOLE and np.prod(shape) >= LARGE:
        agreeing = _like_whole(*shape)
        return next((rows for rows in agreeing if n <= rows), WHOLE)
    return WHOLE


@cache
def _like_whole(n_inputs, n_outputs):
    """Return which of `FEWER` rows have the products that they have among `WHOLE`."""
    rng = np.random.default_rng(0)
    x, kernel = (
        rng.standard_normal(shape, np.float32)
        for shape in ((WHOLE, n_inputs), (n_inputs, n_outputs))
    )

    def compare(x, kernel):
        whole = tf.matmul(x, kernel)
        few = [tf.matmul(x[:rows], kernel) for rows in FEWER]
        return tf.stack([tf.reduce_all(part == whole[: part.shape[0]]) for part in few])

    with tf.init_scope():  # while a graph is traced
        specs = [tf.TensorSpec(array.shape) for array in (x, kernel)]
        same = Standing(compare, specs, 1, autograph=False)(x, kernel).numpy()
    return tuple(compress(FEWER, same))
