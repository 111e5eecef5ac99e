"""From samples in any array to the tensors of a batch, the same in both loops."""

import keras
import tensorflow as tf

from .._arrays.streaming import float_bytes, load_chunk

RESIDENT_BYTES = 64 * 2**20  # of data that are kept as tensors during a fit


def n_steps(n_samples, batch_size):
    """Count the batches; a last one of one sample, no use to batch norm, joins its neighbour."""
    steps = (n_samples + batch_size - 2) // batch_size
    return max(1, steps) if isinstance(steps, int) else tf.maximum(1, steps)


def load(x, y, weight, indices):
    """Return tensors of some samples, their targets and their weights; None stays None."""
    return (
        tf.constant(load_chunk(x, indices)),
        None if y is None else tf.constant(y[indices]),
        None if weight is None else tf.constant(weight[indices], tf.float32),
    )


def resident(*data):
    """Return the data as tensors when they are small enough to stay in memory, else unchanged."""
    x = data[0]
    return load(*data, slice(None)) if x.shape[0] * float_bytes(x) <= RESIDENT_BYTES else data


def tensors_with(data, indices):
    """Return tensors that hold some samples, and the places of these samples in them."""
    if tf.is_tensor(data[0]):
        return *data, tf.constant(indices, tf.int32)
    return *load(*data, indices), tf.range(len(indices))


def gather(tensors, indices):
    """Return the samples of these indices from tensors, some of which may be None."""
    return [None if tensor is None else tf.gather(tensor, indices) for tensor in tensors]


class Batches(keras.utils.PyDataset):
    """Batches, of the sizes that the fast loop takes, for Keras's own loop.

    With ``rng`` they are shuffled in every epoch.
    """

    def __init__(self, x, y, weight, indices, batch_size, rng=None):
        super().__init__()
        self._data = x, y, weight
        self._order, self._sorted, self._rng = indices, indices, rng
        steps = n_steps(len(indices), batch_size)
        self._edges = [*range(0, steps * batch_size, batch_size), len(indices)]

    def __len__(self):
        return len(self._edges) - 1

    def __getitem__(self, step):
        indices = self._order[self._edges[step] : self._edges[step + 1]]
        return tuple(part for part in load(*self._data, indices) if part is not None)

    def on_epoch_begin(self):
        if self._rng is not None:
            self._order = self._rng.permutation(self._sorted)
