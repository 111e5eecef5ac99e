"""Kinds of layers that the trainer sets: the seed of some, the size of batches of others."""

from contextlib import contextmanager

import keras
import tensorflow as tf


class RandomLayer:
    """Mixin of the layers that have a ``seed_generator``."""

    def next_seed(self):
        """Return the next seed of stateless random operations."""
        return tf.cast(self.seed_generator.next(), tf.int64)


class BatchStatisticsLayer:
    """Mixin of the layers that take statistics of a batch while it is traced as large enough."""

    small_batches = False


class Dropout(RandomLayer, keras.layers.Dropout):
    """Dropout whose rate is a variable, a multiple of 1/256."""

    def __init__(self, rate, **kwargs):
        super().__init__(0.5, seed=0, **kwargs)
        self._rate = rate
        self._drawn = None

    @contextmanager
    def drawn(self, n_samples):
        """Draw for so many samples at once; yield a function that is told how to cut the next.

        To draw in every step would take longer than all else that dropout does.
        """
        masks = self._draw(n_samples, self.input.shape[1])

        def take(of_batch):
            self._drawn = of_batch(masks)

        try:
            yield take
        finally:
            self._drawn = None

    def call(self, inputs, training=False):
        if not training:
            return inputs
        mask = self._drawn
        if mask is None:
            mask = self._draw(tf.shape(inputs)[0], inputs.shape[1])
        return _masked(inputs, mask)

    def _draw(self, n_samples, units):
        """Return the factors of units, shape (n_samples, units): zero for those that drop out.

        Eight random bits decide on a unit.
        """
        n_words = -(-units // 4)
        bits = tf.random.stateless_uniform(
            (n_samples, n_words), self.next_seed(), minval=None, maxval=None, dtype=tf.uint32
        )
        bits = tf.reshape(tf.bitcast(bits, tf.uint8), (-1, 4 * n_words))[:, :units]
        rate = tf.convert_to_tensor(self._rate)
        return tf.cast(bits >= tf.cast(256.0 * rate, tf.uint8), tf.float32) * (1.0 / (1.0 - rate))


def applicable_rate(rate):
    """Return the nearest rate that `Dropout` can apply."""
    return min(round(256 * rate), 255) / 256


def _masked(x, mask):
    return tf.custom_gradient(lambda x: (x * mask, lambda dy: dy * mask))(x)
