"""Layers of the perceptron whose training is faster than that of Keras's own."""

import keras
import tensorflow as tf

from .._training.layer_kinds import BatchStatisticsLayer, Dropout
from .._training.proximal import ElasticNet
from .building import BN_MOMENTUM

layers = keras.layers
FULL_BATCH = 16  # samples that move the statistics by the momentum


class Dense(layers.Dense):
    """`keras.layers.Dense` with a gradient of the bias independent of the threads."""

    def call(self, inputs, training=None):
        x = tf.matmul(inputs, tf.convert_to_tensor(self.kernel))
        return self.activation(x + tf.convert_to_tensor(self.bias))


class BatchNormalization(BatchStatisticsLayer, layers.BatchNormalization):
    """Batch normalisation in few passes over the batch, its gradient written out.

    The gradients are those of Ioffe & Szegedy (2015, arXiv:1502.03167). Keras's own takes
    twice the time, and its fused kernel depends on the number of threads. While
    ``small_batches`` is set, graphs are traced that use the moving statistics in training too.
    """

    def call(self, inputs, training=None, mask=None):
        if training and self.small_batches:
            self._follow(inputs)
        if not training or self.small_batches:
            return super().call(inputs, training=False)
        scale, offset = map(tf.convert_to_tensor, (self.gamma, self.beta))
        outputs, mean, variance = normalize(inputs, scale, offset, self.epsilon)
        for moving, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving = moving.value
            tf.raw_ops.ResourceApplyGradientDescent(
                var=moving.handle, alpha=1.0 - self.momentum, delta=moving - value
            )
        return outputs

    def _follow(self, x):
        """Move the statistics towards samples that are too few for statistics of their own."""
        axes = list(range(x.shape.rank - 1))
        n = tf.cast(tf.size(x) // x.shape[-1], tf.float32)
        share = 1.0 - tf.pow(self.momentum, n / FULL_BATCH)
        mean, variance = self.moving_mean.value, self.moving_variance.value
        centred = tf.stop_gradient(x) - mean
        mean.assign_add(share * tf.reduce_mean(centred, axes))
        variance.assign_add(share * (tf.reduce_mean(tf.square(centred), axes) - variance))


def normalize(x, scale, offset, epsilon):
    """Return the normalised batch, its mean and its variance along all axes but the last."""
    axes = list(range(x.shape.rank - 1))
    mean = tf.reduce_mean(x, axes)
    centred = x - mean
    variance = tf.reduce_mean(tf.square(centred), axes)
    inverse = tf.math.rsqrt(variance + epsilon)

    @tf.custom_gradient
    def scaled(x, scale, offset):
        gain = inverse * scale

        def gradient(dy):
            n = tf.cast(tf.size(x) // x.shape[-1], tf.float32)
            d_offset = tf.reduce_sum(dy, axes)
            d_scale = inverse * tf.reduce_sum(dy * centred, axes)
            dx = gain * (dy - d_offset / n - centred * (inverse * d_scale / n))
            return dx, d_scale, d_offset

        return centred * gain + offset, gradient

    return scaled(x, scale, offset), mean, variance


def elastic_net(alpha, l1_ratio):
    """Return the factors of the two norms in ``alpha * (l1_ratio * L1 + (1 - l1_ratio) * L2)``."""
    return {"l1": alpha * l1_ratio, "l2": alpha * (1.0 - l1_ratio)}


def dense(units, variable, **kwargs):
    """Return a dense layer: ours to train with ``variable`` hyperparameters, else Keras's."""
    layer = Dense if variable else layers.Dense
    return layer(units, kernel_initializer="zeros", dtype="float32", **kwargs)


def batch_norm(variable, **kwargs):
    """Return batch normalisation, ours or Keras's."""
    layer = BatchNormalization if variable else layers.BatchNormalization
    return layer(dtype="float32", momentum=BN_MOMENTUM, **kwargs)


def dropout(rate, name):
    """Return dropout of a rate that is a variable or a number."""
    if isinstance(rate, tf.Variable):
        return Dropout(rate, name=name, dtype="float32")
    return layers.Dropout(rate, seed=0, name=name, dtype="float32")


def penalty(l1, l2):
    """Return the elastic-net penalty of factors that are variables or numbers."""
    if isinstance(l1, tf.Variable):
        return ElasticNet(l1, l2)
    return keras.regularizers.L1L2(l1=l1, l2=l2)
