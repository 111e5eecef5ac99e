"""What training does to images: a random window, and noise."""

import keras
import numpy as np
import tensorflow as tf

from .._training.layer_kinds import RandomLayer
from .layers import Float32Layer


class RandomWindow(RandomLayer, Float32Layer):
    """Cut a window of the images: at a random place while training, at the top left else."""

    def __init__(self, size, name):
        super().__init__(name)
        self.size = tuple(size)
        self.seed_generator = keras.random.SeedGenerator(0)

    def call(self, x, training=False):
        height, width = self.size
        if not training:
            return x[:, :height, :width]
        seed = self.next_seed()
        places = np.float32([x.shape[1] - height + 1, x.shape[2] - width + 1])
        top, left = tf.unstack(tf.cast(tf.random.stateless_uniform((2,), seed) * places, tf.int32))
        x = x[:, top : top + height, left : left + width]
        return tf.ensure_shape(x, (None, height, width, None))

    def compute_output_shape(self, shape):
        return (shape[0], *self.size, shape[-1])


class Noise(RandomLayer, Float32Layer):
    """Gaussian noise of a variable standard deviation while training."""

    def __init__(self, scale, name):
        super().__init__(name)
        self._scale = scale
        self.seed_generator = keras.random.SeedGenerator(0)

    def call(self, x, training=False):
        if not training:
            return x
        seed = self.next_seed()
        scale = tf.convert_to_tensor(self._scale)
        return tf.cond(
            scale > 0.0,
            lambda: x + scale * tf.random.stateless_normal(tf.shape(x), seed),
            lambda: x,
        )


def noise(scale):
    """Return Gaussian noise of a deviation that is a variable or a number."""
    if isinstance(scale, tf.Variable):
        return Noise(scale, "noise")
    return keras.layers.GaussianNoise(scale, seed=0, name="noise", dtype="float32")
