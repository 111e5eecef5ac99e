"""Layers of encoders and decoders that are saved with their models."""

import keras
import numpy as np
import tensorflow as tf

LEAST_VARIANCE = 0.01  # added to that of a cell, in standardised units


class Float32Layer(keras.layers.Layer):
    """A layer that computes in float32 whatever the user's default is."""

    def __init__(self, name, dtype=None, **kwargs):
        # a saved layer brings its dtype; all are float32
        super().__init__(name=name, dtype="float32", **kwargs)

    def add_array(self, name, shape):
        """Add an array that is learned in closed form."""
        return self.add_weight(shape=shape, initializer="zeros", trainable=False, name=name)


@keras.saving.register_keras_serializable("cae_sklearn")
class Standardize(Float32Layer):
    """``(x - mean) / scale`` of each channel, or of each number, or its inverse."""

    def __init__(self, inverse=False, each=False, name=None, **kwargs):
        super().__init__(name, **kwargs)
        self.inverse, self.each = inverse, each

    def build(self, shape):
        shape = shape[1:] if self.each else shape[-1:]
        self.mean = self.add_array("mean", shape)
        self.scale = self.add_array("scale", shape)

    def call(self, x):
        # along whole images: to repeat so few numbers for each pixel would take much longer
        shape, n_repeats = x.shape[1:], 1 if self.each else int(np.prod(x.shape[1:-1]))
        mean, scale = (
            tf.reshape(tf.tile(tf.reshape(array, [-1]), [n_repeats]), shape)
            for array in (self.mean, self.scale)
        )
        if self.inverse:
            return x * scale + mean
        return (x - mean) / scale

    def get_config(self):
        return {**super().get_config(), "inverse": self.inverse, "each": self.each}


@keras.saving.register_keras_serializable("cae_sklearn")
class ContrastConv2D(Float32Layer):
    """Convolution of patches of normalised contrast, without padding.

    ``conv(x, kernel) / sqrt(variance of the patch + floor) + bias``. The kernel must sum
    to zero over each patch, which takes the mean of the patch away.
    """

    def __init__(self, filters, kernel_size, strides=(1, 1), floor=0.0, name=None, **kwargs):
        super().__init__(name, **kwargs)
        self.filters, self.kernel_size = filters, tuple(kernel_size)
        self.strides, self.floor = tuple(strides), floor

    def build(self, shape):
        self.kernel = self.add_array("kernel", (*self.kernel_size, shape[-1], self.filters))
        self.bias = self.add_array("bias", (self.filters,))

    def call(self, x):
        responses = tf.nn.conv2d(x, tf.convert_to_tensor(self.kernel), self.strides, "VALID")
        moments = tf.stack([tf.reduce_mean(x, -1), tf.reduce_mean(tf.square(x), -1)], axis=-1)
        mean, square = tf.unstack(
            tf.nn.avg_pool2d(moments, self.kernel_size, self.strides, "VALID"), axis=-1
        )
        variance = tf.maximum(square - tf.square(mean), 0.0) + self.floor
        return responses * tf.math.rsqrt(variance)[..., None] + self.bias

    def compute_output_shape(self, shape):
        size = [
            None if n is None else (n - k) // s + 1
            for n, k, s in zip(shape[1:3], self.kernel_size, self.strides, strict=True)
        ]
        return (shape[0], *size, self.filters)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "floor": self.floor,
        }


@keras.saving.register_keras_serializable("cae_sklearn")
class GridPooling(Float32Layer):
    """Average over the cells of a grid; a cell may begin and end within a pixel."""

    def __init__(self, grid, name=None, **kwargs):
        super().__init__(name, **kwargs)
        self.grid = tuple(grid)

    def call(self, x):
        _, height, width, channels = x.shape
        rows, columns = (
            tf.constant(cell_weights(*along), tf.float32)
            for along in ((height, self.grid[0]), (width, self.grid[1]))
        )
        # (H, W) cells are products: first along the width, then along the height
        x = tf.matmul(columns, tf.reshape(x, (-1, width, channels)))
        x = tf.matmul(rows, tf.reshape(x, (-1, height, self.grid[1] * channels)))
        return tf.reshape(x, (-1, *self.grid, channels))

    def compute_output_shape(self, shape):
        return (shape[0], *self.grid, shape[-1])

    def get_config(self):
        return {**super().get_config(), "grid": self.grid}


@keras.saving.register_keras_serializable("cae_sklearn")
class SignedSqrt(Float32Layer):
    """The root of the size of each number, with its sign; of finite slope at zero.

    Evens out mean activations, most of them small and a few large (Perronnin, Sánchez &
    Mensink, 2010, doi:10.1007/978-3-642-15561-1_11).
    """

    def call(self, x):
        return x * tf.math.rsqrt(tf.abs(x) + 1e-6)


@keras.saving.register_keras_serializable("cae_sklearn")
class CellStatistics(GridPooling):
    """Mean of each channel, and log contrast of the grey image, in the cells of a grid."""

    def call(self, x):
        grey = tf.reduce_mean(x, axis=-1, keepdims=True)
        pooled = super().call(tf.concat([x, grey, tf.square(grey)], axis=-1))
        means, grey, square = pooled[..., :-2], pooled[..., -2:-1], pooled[..., -1:]
        variance = tf.maximum(square - tf.square(grey), 0.0)
        return tf.concat([means, 0.5 * tf.math.log(variance + LEAST_VARIANCE)], axis=-1)

    def compute_output_shape(self, shape):
        return (shape[0], *self.grid, shape[-1] + 1)


def max_pooling(size, grid, name):
    """Return Keras's layer of maxima over the cells of a grid, which overlap by some pixels."""
    strides = [length // n_cells for length, n_cells in zip(size, grid, strict=True)]
    cells = [
        length - (n_cells - 1) * stride
        for length, n_cells, stride in zip(size, grid, strides, strict=True)
    ]
    return keras.layers.MaxPooling2D(
        cells, strides, name=name, data_format="channels_last", dtype="float32"
    )


def cell_weights(length, n_cells):
    """Return the (n_cells, length) matrix that averages over equal intervals."""
    edges = np.linspace(0.0, length, n_cells + 1)
    pixel = np.arange(length)
    overlap = np.minimum(edges[1:, None], pixel + 1) - np.maximum(edges[:-1, None], pixel)
    overlap = np.maximum(overlap, 0.0)
    return overlap / overlap.sum(axis=1, keepdims=True)
