"""The networks: numbers in, Keras models out. Never imports scikit-learn.

A hyperparameter may be a number or a `tf.Variable`. With variables one network serves
every value without being traced again; with numbers it is made of Keras's own layers.
"""

from contextlib import contextmanager

import keras
import numpy as np
import tensorflow as tf

from ._training import LoopModel

layers = keras.layers
BN_MOMENTUM = 0.9  # Keras's 0.99 lags behind in the few hundred steps of a small set


# -- layers ------------------------------------------------------------------


class _Dense(layers.Dense):
    """`keras.layers.Dense` with a gradient of the bias independent of the threads."""

    def call(self, inputs, training=None):
        x = tf.matmul(inputs, tf.convert_to_tensor(self.kernel))
        return self.activation(x + tf.convert_to_tensor(self.bias))


class _BatchNormalization(layers.BatchNormalization):
    """Batch normalisation in few passes over the batch, its gradient written out.

    The gradients are those of Ioffe & Szegedy (2015, arXiv:1502.03167). Keras's own takes
    twice the time, and its fused kernel depends on the number of threads.
    """

    def call(self, inputs, training=None, mask=None):
        if not training:
            return super().call(inputs, training=False)
        scale, offset = map(tf.convert_to_tensor, (self.gamma, self.beta))
        outputs, mean, variance = _normalize(inputs, scale, offset, self.epsilon)
        for moving, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving = moving.value
            tf.raw_ops.ResourceApplyGradientDescent(
                var=moving.handle, alpha=1.0 - self.momentum, delta=moving - value
            )
        return outputs


def _normalize(x, scale, offset, epsilon):
    """Return the normalised batch, its mean and its variance along all axes but the last."""
    axes = list(range(x.shape.rank - 1))
    mean = tf.reduce_mean(x, axes)
    centred = x - mean
    variance = tf.reduce_mean(tf.square(centred), axes)
    inverse = tf.math.rsqrt(variance + epsilon)

    @tf.custom_gradient
    def normalize(x, scale, offset):
        gain = inverse * scale

        def gradient(dy):
            n = tf.cast(tf.size(x) // x.shape[-1], tf.float32)
            d_offset = tf.reduce_sum(dy, axes)
            d_scale = inverse * tf.reduce_sum(dy * centred, axes)
            dx = gain * (dy - d_offset / n - centred * (inverse * d_scale / n))
            return dx, d_scale, d_offset

        return centred * gain + offset, gradient

    return normalize(x, scale, offset), mean, variance


class Dropout(layers.Dropout):
    """Dropout whose rate is a variable, a multiple of 1/256."""

    def __init__(self, rate, **kwargs):
        super().__init__(0.5, seed=0, **kwargs)
        self._rate = rate
        self._drawn = None

    @contextmanager
    def drawn(self, n_samples):
        """Draw for so many samples at once; yield a function that names the next of them.

        To draw in every step would take longer than all else that dropout does.
        """
        kept, gain = self._draw(n_samples, self.input.shape[1])

        def take(start, stop):
            self._drawn = kept[start:stop], gain

        try:
            yield take
        finally:
            self._drawn = None

    def call(self, inputs, training=False):
        if not training:
            return inputs
        kept, gain = self._drawn or self._draw(tf.shape(inputs)[0], inputs.shape[1])
        return _masked(inputs, tf.cast(kept, tf.float32) * gain)

    def _draw(self, n_samples, units):
        """Return which units stay, shape (n_samples, units), and the factor of what they give.

        Eight random bits decide on a unit.
        """
        n_words = -(-units // 4)
        seed = tf.cast(self.seed_generator.next(), tf.int64)
        bits = tf.random.stateless_uniform(
            (n_samples, n_words), seed, minval=None, maxval=None, dtype=tf.uint32
        )
        bits = tf.reshape(tf.bitcast(bits, tf.uint8), (-1, 4 * n_words))[:, :units]
        rate = tf.convert_to_tensor(self._rate)
        return bits >= tf.cast(256.0 * rate, tf.uint8), 1.0 / (1.0 - rate)


def applicable_rate(rate):
    """Return the nearest rate that `Dropout` can apply."""
    return min(round(256 * rate), 255) / 256


@tf.custom_gradient
def _masked(x, mask):
    return x * mask, lambda dy: (dy * mask, None)


class _ElasticNet(keras.regularizers.Regularizer):
    """``l1 * sum(abs(w)) + l2 * sum(w**2)`` of two variables."""

    def __init__(self, l1, l2):
        self._l1, self._l2 = l1, l2

    def __call__(self, w):
        return _elastic_net(*map(tf.convert_to_tensor, (w, self._l1, self._l2)))


@tf.custom_gradient
def _elastic_net(w, l1, l2):
    half = l2 * w
    slope = l1 * tf.sign(w) + half
    return tf.reduce_sum(w * slope), lambda d: (d * (slope + half), None, None)


def elastic_net(alpha, l1_ratio):
    """Return the factors of the two norms in ``alpha * (l1_ratio * L1 + (1 - l1_ratio) * L2)``."""
    return {"l1": alpha * l1_ratio, "l2": alpha * (1.0 - l1_ratio)}


def functional(inputs, outputs, name):
    """Return a functional model that is float32 whatever the user's default is."""
    model = keras.Model(inputs, outputs, name=name)
    model.dtype_policy = "float32"
    return model


def _dense(units, variable, **kwargs):
    layer = _Dense if variable else layers.Dense
    return layer(units, kernel_initializer="zeros", dtype="float32", **kwargs)


def _batch_norm(variable, **kwargs):
    layer = _BatchNormalization if variable else layers.BatchNormalization
    return layer(dtype="float32", **kwargs)


def _dropout(rate, name):
    if isinstance(rate, tf.Variable):
        return Dropout(rate, name=name, dtype="float32")
    return layers.Dropout(rate, seed=0, name=name, dtype="float32")


def _penalty(l1, l2):
    if isinstance(l1, tf.Variable):
        return _ElasticNet(l1, l2)
    return keras.regularizers.L1L2(l1=l1, l2=l2)


# -- classifier ---------------------------------------------------------------


def mlp(
    *,
    n_features,
    n_classes,
    hidden_layer_sizes,
    activation,
    batch_norm,
    dropout_rate,
    l1,
    l2,
):
    """Return the multilayer perceptron: (n, n_features) to probabilities (n, n_classes).

    Hidden layers are Dense, activation, batch normalisation and dropout, in this order;
    the layer ``output`` holds the logits and carries the elastic-net penalty.
    """
    variable = isinstance(l1, tf.Variable)
    x = inputs = keras.Input((n_features,), name="features", dtype="float32")
    for i, units in enumerate(hidden_layer_sizes, start=1):
        x = _dense(units, variable, activation=activation, name=f"hidden{i}")(x)
        if batch_norm:
            x = _batch_norm(variable, momentum=BN_MOMENTUM, name=f"batch_norm{i}")(x)
        x = _dropout(dropout_rate, f"dropout{i}")(x)
    penalty = _penalty(l1, l2)
    x = _dense(n_classes, variable, kernel_regularizer=penalty, name="output")(x)
    x = layers.Activation("softmax", name="probabilities", dtype="float32")(x)
    return functional(inputs, x, "mlp")


def trainable_mlp(rows, optimizer=None, **architecture):
    """Return the `mlp`, without its softmax, as a `LoopModel` with variable hyperparameters."""
    hyper = variables("dropout_rate", "l1", "l2")
    network = mlp(**architecture, **hyper)
    network = functional(network.inputs, network.get_layer("output").output, "logits")
    return LoopModel(network, cross_entropy, hyper, rows, optimizer=optimizer)


def cross_entropy(y, logits):
    """Return the cross-entropy of class indices and logits, shape (batch,)."""
    return tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits)


def variables(*names):
    """Return a scalar TensorFlow variable for each name."""
    return {name: tf.Variable(0.0, trainable=False, name=name) for name in names}


# -- weights -----------------------------------------------------------------


def initial_weights(model, seed):
    """Return new weights for ``model``, a dict of arrays by path.

    Kernels are Glorot uniform (Glorot & Bengio, 2010), scales and variances 1, the rest
    0: Keras's defaults, drawn from a generator of our own.
    """
    rng = np.random.default_rng(seed)
    return {
        variable.path: _initial(variable.path, tuple(variable.shape), rng)
        for variable in model.weights
    }


def _initial(path, shape, rng):
    name = path.rsplit("/", 1)[-1]
    if name == "kernel":
        receptive = int(np.prod(shape[:-2]))
        limit = np.sqrt(6.0 / (receptive * (shape[-2] + shape[-1])))
        return rng.uniform(-limit, limit, shape).astype(np.float32)
    ones = name in ("gamma", "moving_variance")
    return np.full(shape, float(ones), np.float32)
