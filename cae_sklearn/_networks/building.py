"""What the graphs of all networks share.

A hyperparameter may be a number or a `tf.Variable`. With variables one network serves every
value without being traced again; with numbers it is made of Keras's own layers.
"""

import keras
import numpy as np
import tensorflow as tf

BN_MOMENTUM = 0.9  # Keras's 0.99 lags behind in the few hundred steps of a small set
IMAGES = {"dtype": "float32", "data_format": "channels_last"}  # whatever the user's defaults are


def functional(inputs, outputs, name):
    """Return a functional model that is float32 whatever the user's default is."""
    model = keras.Model(inputs, outputs, name=name)
    model.dtype_policy = "float32"
    return model


def variables(*names):
    """Return a scalar TensorFlow variable for each name."""
    return {name: tf.Variable(0.0, trainable=False, name=name) for name in names}


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
