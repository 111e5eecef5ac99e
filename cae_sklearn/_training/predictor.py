"""Prediction in tiles: batches of one fixed size, so that a sample gets the same bits in any."""

from operator import is_not

import keras
import numpy as np
import tensorflow as tf

from .._arrays.confined import Traced
from .._arrays.streaming import load_chunk
from .._arrays.threads import threads_for
from .._arrays.tiles import WHOLE, rows_like_whole


def flat_layers(model):
    """Yield the layers of a model, and those of the models among them."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from flat_layers(layer)
        else:
            yield layer


def multiply_adds(model):
    """Count the multiplications with kernels for one sample."""
    return sum(
        int(np.prod(layer.output.shape[1:-1])) * int(np.prod(layer.kernel.shape))
        for layer in flat_layers(model)
        if getattr(layer, "kernel", None) is not None
    )


def load_weights(model, weights):
    """Set the weights of a Keras model from a dict of arrays by path, which may hold others."""
    model.set_weights([weights[variable.path] for variable in model.weights])


def assign(variables, values):
    """Set Keras variables from tensors. One graph that does so is faster than Keras, one by one."""
    for variable, value in zip(variables, values, strict=True):
        variable.value.assign(value)


class Predictor:
    """A network that only predicts; it has no optimizer.

    Parameters
    ----------
    network : keras.Model
        A functional model.
    tile : int
        How many samples are predicted together, always. Only 1 and multiples of `WHOLE` give a
        sample the same bits in any place.
    n_tiles : int, default=1
        How many tiles one call predicts. Tiles small enough for the processor's cache keep all
        threads busy side by side.
    last : keras.Model, default=None
        A product with a kernel that comes after the network, in tiles of `WHOLE` samples whatever
        ``tile`` is, or of as few as give the same bits.
    """

    def __init__(self, network, tile, n_tiles=1, last=None):
        self.network, self.tile, self._n_tiles = network, tile, n_tiles
        self._parts = [network] if last is None else [network, last]
        self._variables = [variable for part in self._parts for variable in part.weights]
        output = self._parts[-1].outputs[0]
        (_, *self._shape), self._dtype = output.shape, output.dtype
        self._loaded = None
        self._work = sum(map(multiply_adds, self._parts))
        self.traced = Traced(autograph=False)

    def load(self, weights):
        """Set the weights from a dict of arrays by path, which may hold others.

        The very arrays that were loaded last need not be copied again.
        """
        arrays = [weights[variable.path] for variable in self._variables]
        if self._loaded is None or any(map(is_not, arrays, self._loaded)):
            self._loaded = None
            self.traced(self._assign, *arrays)
            self._loaded = arrays

    def _assign(self, *values):
        assign(self._variables, values)

    def __call__(self, x):
        """Return what the network gives for each sample.

        The samples pass in tiles, the last one filled with padding rows: predictions are
        batch-invariant, and nothing is traced for each number of samples.
        """
        out = np.empty((x.shape[0], *self._shape), self._dtype)
        for start in range(0, x.shape[0], self._n_tiles * self.tile):
            batch = load_chunk(x, slice(start, start + self._n_tiles * self.tile))
            n = len(batch)
            threads = threads_for((n + -n % self.tile) * self._work)
            # a single tile takes no loop
            forward = self._forward_tile if n <= self.tile else self._forward
            result = self.traced(forward, batch, threads=threads)
            out[start : start + n] = result.numpy()[:n]  # without what fills the tile
        return out

    def _forward(self, x):
        for part, tile in zip(self._parts, (self.tile, WHOLE), strict=False):
            x = _in_tiles(part, x, tile, self._n_tiles)
        return x

    def _forward_tile(self, x):
        filled = _padded(x, self.tile - tf.shape(x)[0])
        return self._forward(tf.reshape(filled, (self.tile, *x.shape[1:])))


def _in_tiles(network, x, tile, n_at_once):
    """Return what a network gives for each sample of a tensor, in tiles of one size."""
    n, *shape = x.shape
    if n == tile:
        return network(x, training=False)
    if n is not None and n < tile:  # of what comes last, whose tile is whole
        rows = rows_like_whole(n, (*shape, network.output_shape[-1]))
        return network(_padded(x, rows - n), training=False)[:n]
    n = tf.shape(x)[0]
    y = tf.map_fn(
        lambda one: network(tf.reshape(one, (tile, *shape)), training=False),
        tf.reshape(_padded(x, -n % tile), (-1, tile, *shape)),
        parallel_iterations=n_at_once,
        fn_output_signature=network.outputs[0].dtype,
    )
    return tf.reshape(y, (-1, *y.shape[2:]))[:n]


def _padded(x, n):
    """Return a tensor with ``n`` more samples, all zero."""
    return tf.pad(x, [[0, n]] + [[0, 0]] * (x.shape.rank - 1))
