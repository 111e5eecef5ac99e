"""All the steps of an epoch, or of several, in one graph."""

from contextlib import ExitStack
from functools import partial

import tensorflow as tf

from .batches import gather, n_steps
from .optimizers import apply_update, numbers_of_steps

LARGEST = 1e12  # of a weight that is trained: products of a few such still fit float32


class LastFinite:
    """The last weights of a network that were all finite, and none of them absurdly large."""

    def __init__(self, weights):
        self._weights = weights
        self._limits = [LARGEST if weight.trainable else tf.float32.max for weight in weights]
        self._kept = [tf.Variable(weight.value, trainable=False) for weight in weights]

    def keep(self, allowed):
        """Remember the weights if all are finite and ``allowed`` is; return whether all are."""
        weights = [variable.value.read_value() for variable in self._weights]
        finite = [
            tf.reduce_all(tf.abs(weight) <= limit)
            for weight, limit in zip(weights, self._limits, strict=True)
        ]
        finite = tf.reduce_all(tf.stack(finite))
        if tf.logical_and(finite, allowed):
            for kept, weight in zip(self._kept, weights, strict=True):
                kept.assign(weight)
        return finite

    def restore(self):
        """Put the remembered weights back."""
        for variable, kept in zip(self._weights, self._kept, strict=True):
            variable.assign(kept)


class Epochs:
    """Training of a network, as functions that TensorFlow traces.

    Parameters
    ----------
    network : keras.Model
        Compiled with an optimizer that `optimizers.is_fast`.
    gradients : Gradients
        Of its loss.
    last_finite : LastFinite
        Its weights.
    dropouts : list of Dropout
        Its dropout layers, whose random numbers are drawn for a whole epoch.
    """

    def __init__(self, network, gradients, last_finite, dropouts):
        self._network, self._gradients = network, gradients
        self._last_finite, self._dropouts = last_finite, dropouts
        self._built_for = list(network.trainable_variables)

    def run(self, x, y, weight, orders, batch_size, learning_rates, keep):
        """Train on some samples in one order after the other, while all stays finite.

        ``orders`` holds the orders one behind the other, ``learning_rates`` the rate of each.
        With ``keep``, finite weights are remembered after each. Returns the sum of the losses
        for each, then 1 if all is finite, else 0.
        """
        n_orders = tf.size(learning_rates)
        orders = tf.reshape(orders, (n_orders, -1))
        totals = tf.TensorArray(tf.float32, 0, dynamic_size=True, element_shape=[])
        i, finite = tf.constant(0), tf.constant(True)
        while finite and i < n_orders:
            total = self._run_epoch((x, y, weight), orders[i], batch_size, learning_rates[i])
            finite = tf.math.is_finite(total)
            finite = tf.logical_and(self._last_finite.keep(tf.logical_and(keep, finite)), finite)
            totals = totals.write(i, total)
            i += 1
        return tf.concat([totals.stack(), [tf.cast(finite, tf.float32)]], 0)

    def run_small(self, *arguments):
        """Do what `run` does, as a graph of its own for small batches."""
        return self.run(*arguments)

    def _run_epoch(self, data, indices, batch_size, learning_rate):
        n_samples = tf.size(indices)
        data = gather(data, indices)
        last = n_steps(n_samples, batch_size) - 1
        network = self._network
        numbers = numbers_of_steps(
            network.optimizer, learning_rate, last + 1, network.trainable_variables
        )
        total = tf.constant(0.0)
        with ExitStack() as stack:
            drawn = [stack.enter_context(layer.drawn(n_samples)) for layer in self._dropouts]
            for step in tf.range(last + 1):
                start = step * batch_size
                stop = tf.where(step == last, n_samples, start + batch_size)
                edges = {"begin": tf.stack([start]), "end": tf.stack([stop]), "strides": [1]}
                of_batch = partial(tf.strided_slice, **edges)
                for take in drawn:
                    take(of_batch)
                batch = [part if part is None else of_batch(part) for part in data]
                n = tf.cast(stop - start, tf.float32)
                total += self.train_step(batch, tf.gather(numbers, step), n)
        return total

    def train_step(self, batch, numbers, n):
        """Do one step on a batch of n samples, ``numbers`` its own; return n times its loss."""
        variables = self._network.trainable_variables
        total, gradients = self._gradients([variable.value for variable in variables], batch, n)
        with tf.control_dependencies(gradients):  # a weight that is still read would be copied
            optimizer = self._network.optimizer
            apply_update(optimizer, variables, gradients, numbers, self._built_for)
        return total
