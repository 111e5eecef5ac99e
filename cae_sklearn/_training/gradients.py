"""The loss of a batch and its gradients, of micro-batches side by side where that pays."""

from functools import partial
from itertools import pairwise

import tensorflow as tf

from .._arrays.confined import any_number_of_samples


class Gradients:
    """The objective of a network, differentiated.

    The loss is the mean objective, each sample times its weight, plus the network's penalties.

    Parameters
    ----------
    network : keras.Model
        Its trainable variables are differentiated.
    objective : callable
        ``objective(y, output)`` gives the loss of each sample, shape (batch,).
    n_micro_batches : int
        Into how many micro-batches a batch is cut.
    """

    def __init__(self, network, objective, n_micro_batches):
        self._network, self._objective = network, objective
        self.n_micro_batches = n_micro_batches

    def __call__(self, values, batch, n):
        """Return n times the loss of a batch of n samples, and the gradients of the loss.

        ``values`` are the tensors of the trainable variables.
        """
        gradients_of = partial(self._of_micro_batch, values)
        if self.n_micro_batches == 1:
            return gradients_of(*batch, n)
        # traced once for all micro-batches
        specs = *map(any_number_of_samples, batch), tf.TensorSpec([])
        gradients_of = tf.function(gradients_of, autograph=False).get_concrete_function(*specs)

        def summed():
            parts = [gradients_of(*part, n) for part in _cut(batch, self.n_micro_batches)]
            return tf.nest.map_structure(lambda *same: tf.add_n(same), *parts)

        # a micro-batch without samples is more than a fused convolution of oneDNN bears
        few = tf.shape(batch[0])[0] < self.n_micro_batches
        return tf.cond(few, lambda: gradients_of(*batch, n), summed)

    def _of_micro_batch(self, values, x, y, weight, n):
        """Return n times the part of some samples in the loss of n, and the part's gradients."""
        with tf.GradientTape() as tape:
            losses = self._objective(y, self._network(x, training=True))
            penalties = self._network.losses
        # the gradient of the mean by hand, which spares ten operations
        share = tf.ones_like(losses) / n if weight is None else weight / n
        gradients = tape.gradient(
            [losses, *penalties], values, [share, *(tf.constant(1.0) for _ in penalties)]
        )
        total = tf.reduce_sum(losses if weight is None else losses * weight)
        return tf.add_n([total, *(n * penalty for penalty in penalties)]), gradients


def _cut(tensors, n_parts):
    """Cut the samples of some tensors into parts of nearly the same size."""
    edges = [tf.shape(tensors[0])[0] * i // n_parts for i in range(n_parts + 1)]
    return [
        [None if tensor is None else tensor[start:stop] for tensor in tensors]
        for start, stop in pairwise(edges)
    ]
