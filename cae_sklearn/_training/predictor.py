"""Prediction in tiles: batches of one fixed size, so that a sample gets the same bits in any."""

from operator import is_not

import keras
import numpy as np
import tensorflow as tf

from .._arrays.confined import Traced
from .._arrays.streaming import load_chunk
from .._arrays.threads import threads_for

WHOLE = 24  # a multiple of the rows that processors multiply at a time


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


class Predictor:
    """A network that only predicts; it has no optimizer.

    Parameters
    ----------
    network : keras.Model
        A functional model.
    tile : int
        How many samples are predicted together, always. Matrix products go through 6 or 8 rows at
        a time, and the bits of a row that is left over differ: only 1 and multiples of `WHOLE`
        give a sample the same bits in any place.
    n_tiles : int, default=1
        How many tiles one call predicts. Tiles small enough for the processor's cache keep all
        threads busy side by side.
    """

    def __init__(self, network, tile, n_tiles=1):
        self.network, self.tile, self._n_tiles = network, tile, n_tiles
        self._paths = [variable.path for variable in network.weights]
        (_, *self._shape), self._dtype = network.outputs[0].shape, network.outputs[0].dtype
        self._loaded = None
        self._work = multiply_adds(network)
        self._traced = Traced(autograph=False)

    def load(self, weights):
        """Set the weights from a dict of arrays by path, which may hold others.

        The very arrays that were loaded last need not be copied again.
        """
        arrays = [weights[path] for path in self._paths]
        if self._loaded is None or any(map(is_not, arrays, self._loaded)):
            self._loaded = None
            self.network.set_weights(arrays)
            self._loaded = arrays

    def __call__(self, x):
        """Return what the network gives for each sample.

        The samples pass in tiles, the last one filled with padding rows: predictions are
        batch-invariant, and nothing is traced for each number of samples.
        """
        out = np.empty((x.shape[0], *self._shape), self._dtype)
        for start in range(0, x.shape[0], self._n_tiles * self.tile):
            batch = load_chunk(x, slice(start, start + self._n_tiles * self.tile))
            n = len(batch)
            if n % self.tile:
                padding = np.zeros((-n % self.tile, *batch.shape[1:]), batch.dtype)
                batch = np.concatenate([batch, padding])
            threads, function = threads_for(len(batch) * self._work), self._forward
            if len(batch) == self.tile:  # neither a loop nor threads of its own
                threads, function = threads and 0, self._forward_tile
            result = self._traced(function, tf.constant(batch), threads=threads)
            out[start : start + n] = result.numpy()[:n]
        return out

    def _forward(self, x):
        tiles = tf.reshape(x, (-1, self.tile, *x.shape[1:]))
        y = tf.map_fn(
            self._forward_tile,
            tiles,
            parallel_iterations=self._n_tiles,
            fn_output_signature=self._dtype,
        )
        return tf.reshape(y, (-1, *self._shape))

    def _forward_tile(self, x):
        return self.network(tf.reshape(x, (self.tile, *x.shape[1:])), training=False)
