"""Prediction in tiles: batches of one fixed size, so that a sample gets the same bits in any."""

import keras
import numpy as np
import tensorflow as tf

from .._arrays.confined import Traced
from .._arrays.streaming import load_chunk
from .._arrays.threads import threads_for


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
        How many samples are predicted together, always.
    n_tiles : int, default=1
        How many tiles one call predicts. Tiles small enough for the processor's cache keep all
        threads busy side by side.
    """

    def __init__(self, network, tile, n_tiles=1):
        self.network, self.tile, self._n_tiles = network, tile, n_tiles
        self._work = multiply_adds(network)
        self._traced = Traced()

    def load(self, weights):
        """Set the weights from a dict of arrays by path, which may hold others."""
        load_weights(self.network, weights)

    def __call__(self, x):
        """Return what the network gives for each sample.

        The samples pass in tiles, the last one filled with padding rows: predictions are
        batch-invariant, and nothing is traced for each number of samples.
        """
        start, out = 0, None
        while start < x.shape[0]:
            size = self._n_tiles * self.tile
            if x.shape[0] - start < size:
                size = self.tile
            forward = self._forward if size == self.tile else self._forward_tiles
            batch = load_chunk(x, slice(start, start + size))
            n = len(batch)
            if n < size:
                padding = np.zeros((size - n, *batch.shape[1:]), batch.dtype)
                batch = np.concatenate([batch, padding])
            threads = threads_for(len(batch) * self._work)
            result = self._traced(forward, tf.constant(batch), threads=threads).numpy()
            if out is None:
                out = np.empty((x.shape[0], *result.shape[1:]), result.dtype)
            out[start : start + n] = result[:n]
            start += size
        return out

    def _forward(self, x):
        if self.tile == 1:
            return self.network(x, training=False)
        # the last row of a matrix product gets other bits: let it be a padding row
        return self.network(tf.concat([x, tf.zeros_like(x[:1])], 0), training=False)[:-1]

    def _forward_tiles(self, x):
        return tf.concat([self._forward(tile) for tile in tf.split(x, self._n_tiles)], 0)
