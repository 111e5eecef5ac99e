"""Layers of encoders and decoders, each with its twin of Keras's own operations."""

from functools import partial

import keras
import numpy as np
import tensorflow as tf

LEAST_VARIANCE = 0.01  # added to that of a cell, in standardised units
LEAST_SQUARE = 1e-6  # added to the size of a number, of which the root is taken


class Float32Layer(keras.layers.Layer):
    """A layer that computes in float32 whatever the user's default is.

    Layers of models that are handed out have a method ``plain``, which does on a KerasTensor what
    the layer does with its present weights, by Keras's own operations.
    """

    def __init__(self, name):
        super().__init__(name=name, dtype="float32")

    def add_array(self, name, shape):
        """Add an array that is learned in closed form."""
        return self.add_weight(shape=shape, initializer="zeros", trainable=False, name=name)


class Standardize(Float32Layer):
    """``(x - mean) / scale`` of each channel, or of each number, or its inverse."""

    def __init__(self, inverse=False, each=False, name=None):
        super().__init__(name)
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

    def plain(self, x):
        mean, scale = self.get_weights()
        return x * scale + mean if self.inverse else (x - mean) / scale


class ContrastConv2D(Float32Layer):
    """Convolution of patches of normalised contrast, without padding.

    ``conv(x, kernel) / sqrt(variance of the patch + floor) + bias``. The kernel must sum
    to zero over each patch, which takes the mean of the patch away.
    """

    def __init__(self, filters, kernel_size, strides=(1, 1), floor=0.0, name=None):
        super().__init__(name)
        self.filters, self.kernel_size = filters, tuple(kernel_size)
        self.strides, self.floor = tuple(strides), floor

    def build(self, shape):
        self.kernel = self.add_array("kernel", (*self.kernel_size, shape[-1], self.filters))
        self.bias = self.add_array("bias", (self.filters,))

    def call(self, x):
        responses = tf.nn.conv2d(x, tf.convert_to_tensor(self.kernel), self.strides, "VALID")
        moments = tf.stack([tf.reduce_mean(x, -1), tf.reduce_mean(tf.square(x), -1)], axis=-1)
        for size, strides in self._along_each_axis():  # less work than both at once
            moments = tf.nn.avg_pool2d(moments, size, strides, "VALID")
        mean, square = tf.unstack(moments, axis=-1)
        variance = tf.maximum(square - tf.square(mean), 0.0) + self.floor
        return responses * tf.math.rsqrt(variance)[..., None] + self.bias

    def _along_each_axis(self):
        (height, width), (down, right) = self.kernel_size, self.strides
        return ((height, 1), (down, 1)), ((1, width), (1, right))

    def compute_output_shape(self, shape):
        size = [
            None if n is None else (n - k) // s + 1
            for n, k, s in zip(shape[1:3], self.kernel_size, self.strides, strict=True)
        ]
        return (shape[0], *size, self.filters)

    def plain(self, x):
        kernel, bias = self.get_weights()
        mean_kernel = np.full((*kernel.shape[:3], 1), 1 / np.prod(kernel.shape[:3]), np.float32)
        convolved = partial(
            keras.ops.conv, strides=self.strides, padding="valid", data_format="channels_last"
        )
        mean, square = convolved(x, mean_kernel), convolved(x * x, mean_kernel)
        variance = keras.ops.maximum(square - mean * mean, 0.0) + self.floor
        return convolved(x, kernel) * keras.ops.rsqrt(variance) + bias


class GridPooling(Float32Layer):
    """Average over the cells of a grid; a cell may begin and end within a pixel."""

    def __init__(self, grid, name=None):
        super().__init__(name)
        self.grid = tuple(grid)

    def call(self, x):
        return self._average(x, tf.matmul, tf.reshape)

    def plain(self, x):
        return self._average(x, keras.ops.matmul, keras.ops.reshape)

    def weights_of_pixels(self, size):
        """Return the weights of rows and columns of images in the averages of cells, float32."""
        return [np.float32(cell_weights(*along)) for along in zip(size, self.grid, strict=True)]

    def _average(self, x, matmul, reshape):
        _, height, width, channels = x.shape
        rows, columns = self.weights_of_pixels((height, width))
        # (H, W) cells are products: first along the width, then along the height
        x = matmul(columns, reshape(x, (-1, width, channels)))
        x = matmul(rows, reshape(x, (-1, height, self.grid[1] * channels)))
        return reshape(x, (-1, *self.grid, channels))

    def compute_output_shape(self, shape):
        return (shape[0], *self.grid, shape[-1])


class SignedSqrt(Float32Layer):
    """The root of the size of each number, with its sign; of finite slope at zero.

    Evens out mean activations, most of them small and a few large (Perronnin, Sánchez &
    Mensink, 2010, doi:10.1007/978-3-642-15561-1_11).
    """

    def __init__(self, name=None):
        super().__init__(name)

    def call(self, x):
        return x * tf.math.rsqrt(tf.abs(x) + LEAST_SQUARE)

    def plain(self, x):
        return x * keras.ops.rsqrt(keras.ops.abs(x) + LEAST_SQUARE)


class CellStatistics(GridPooling):
    """Mean of each channel, and log contrast of the grey image, in the cells of a grid."""

    def call(self, x):
        grey = tf.reduce_mean(x, axis=-1, keepdims=True)
        pooled = super().call(tf.concat([x, grey, tf.square(grey)], axis=-1))
        means, grey, square = pooled[..., :-2], pooled[..., -2:-1], pooled[..., -1:]
        variance = tf.maximum(square - tf.square(grey), 0.0)
        return tf.concat([means, 0.5 * tf.math.log(variance + LEAST_VARIANCE)], axis=-1)

    def plain(self, x):
        grey = keras.ops.mean(x, axis=-1, keepdims=True)
        means, mean, square = map(super().plain, (x, grey, grey * grey))
        variance = keras.ops.maximum(square - mean * mean, 0.0)
        contrast = keras.ops.log(variance + LEAST_VARIANCE) * 0.5
        return keras.ops.concatenate([means, contrast], axis=-1)

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
