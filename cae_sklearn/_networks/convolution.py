"""Layers of images whose training is faster, and gives the same bits for any number of threads.

oneDNN sums the gradient of a kernel in an order that depends on how many threads share
the work. Written as one matrix product, whose sums do not, it also costs less. So does the
gradient of the pooling where it is compared, not searched, which pixel was the largest.
"""

from functools import partial

import keras
import numpy as np
import tensorflow as tf

from .building import IMAGES


class Conv2D(keras.layers.Conv2D):
    """`keras.layers.Conv2D`, same padding, with a gradient independent of the threads."""

    def call(self, inputs):
        padding = [((n - 1) // 2, n // 2) for n in self.kernel_size]
        x = _convolve(inputs, tf.convert_to_tensor(self.kernel), padding)
        # not bias_add, whose gradient is one more sum that depends on the threads
        return self.activation(x + tf.convert_to_tensor(self.bias))


class UpConv2D(Conv2D):
    """Twice the size, each pixel repeated, then a convolution, as one at the small size.

    Each of the four pixels that a small pixel becomes has a kernel of its own, sums of the
    weights that meet the same small pixel: the large image is never made. The four are
    channels of one convolution, whose kernel is not wider for beginning one pixel later in
    the second half of a pixel: the place where it is read is shifted instead.
    """

    def call(self, inputs):
        (rows, *row_padding), (columns, *column_padding) = map(_halves, self.kernel_size)
        kernel = tf.einsum("itj,kul,jlcf->tucikf", rows, columns, tf.convert_to_tensor(self.kernel))
        kernel = tf.reshape(kernel, (rows.shape[1], columns.shape[1], inputs.shape[-1], -1))
        x = _convolve(inputs, kernel, (row_padding, column_padding))
        bias = tf.tile(tf.convert_to_tensor(self.bias), [4])
        return self.activation(_interleave(x + bias, *inputs.shape[1:3]))

    def compute_output_shape(self, shape):
        return (shape[0], 2 * shape[1], 2 * shape[2], self.filters)


class MaxPooling2D(keras.layers.MaxPooling2D):
    """`keras.layers.MaxPooling2D` of 2 x 2, same padding, with a gradient that ties share."""

    def call(self, inputs):
        odd = inputs.shape[1] % 2, inputs.shape[2] % 2
        if any(odd):
            edge = [[0, 0], [0, odd[0]], [0, odd[1]], [0, 0]]
            inputs = tf.pad(inputs, edge, constant_values=inputs.dtype.min)
        return _max_of_four(inputs)


@tf.custom_gradient
def _max_of_four(x):
    y = tf.nn.max_pool2d(x, 2, 2, "VALID")
    height, width, channels = y.shape[1:]

    def apart(array):  # (n, H, 1 or 2, W, 1 or 2, C): the four of a window on axes of their own
        return tf.reshape(
            array, (-1, height, array.shape[1] // height, width, array.shape[2] // width, channels)
        )

    def gradient(dy):
        largest = tf.cast(tf.equal(apart(x), apart(y)), x.dtype)
        shares = tf.nn.avg_pool2d(tf.reshape(largest, tf.shape(x)), 2, 2, "VALID")
        return tf.reshape(largest * apart(0.25 * dy / shares), tf.shape(x))

    return y, gradient


def _halves(length):
    """Return the kernels of the two halves of a pixel, and the padding before and after.

    The kernels, zeros and ones of shape (2, n_small, length), say which weights meet each
    small pixel; the second begins where the first does or one pixel later.
    """
    small = (np.arange(2)[:, None] + np.arange(length) - (length - 1) // 2) // 2
    place = small - small[:, :1]
    n_small = place.max() + 1
    kernels = np.float32(place[:, None] == np.arange(n_small)[:, None])
    return kernels, -small[0, 0], small[1, 0] + n_small - 1


def _interleave(x, height, width):
    """Return four images side by side in the channels as one of twice their size.

    Those of the second halves begin where ``x`` is larger than ``height`` and ``width``.
    """
    down, right = x.shape[1] - height, x.shape[2] - width
    places = [(i, j) for i in (0, down) for j in (0, right)]

    @tf.custom_gradient
    def interleave(x):
        def gradient(dy):
            parts = zip(tf.split(tf.nn.space_to_depth(dy, 2), 4, -1), places, strict=True)
            return tf.concat([_pad(part, i, down - i, j, right - j) for part, (i, j) in parts], -1)

        parts = zip(tf.split(x, 4, -1), places, strict=True)
        parts = [part[:, i : i + height, j : j + width] for part, (i, j) in parts]
        return tf.nn.depth_to_space(tf.concat(parts, -1), 2), gradient

    return interleave(x)


def _convolve(x, kernel, padding):
    """Return the convolution of images padded by ((top, bottom), (left, right)) zeros."""
    edges = [0, 0, *padding[0], *padding[1], 0, 0]

    @tf.custom_gradient
    def convolve(x, kernel):
        def gradient(dy):
            dx = tf.raw_ops.Conv2DBackpropInput(
                input_sizes=tf.shape(x),
                filter=kernel,
                out_backprop=dy,
                strides=[1, 1, 1, 1],
                padding="EXPLICIT",
                explicit_paddings=edges,
            )
            return dx, _kernel_gradient(x, dy, kernel.shape[:2], padding)

        return tf.nn.conv2d(x, kernel, 1, np.reshape(edges, (4, 2)).tolist()), gradient

    return convolve(x, kernel)


def _kernel_gradient(x, dy, size, padding):
    """Return the sum over samples and pixels of the input shifted by each offset times dy.

    One product: whichever has fewer channels is laid out with all its shifts side by side.

    x : (n, H, W, c_in), dy : (n, H', W', c_out); gives (*size, c_in, c_out).
    """
    c_in, c_out = x.shape[3], dy.shape[3]
    rows, columns = map(range, size)
    if c_in <= c_out:
        x = _shifted(_pad(x, *padding[0], *padding[1]), rows, columns)
        return tf.reshape(_inner(x, dy), (*size, c_in, c_out))
    # dy is shifted the other way
    (top, bottom), (left, right) = (
        (n - 1 - before, n - 1 - after) for n, (before, after) in zip(size, padding, strict=True)
    )
    dy = _shifted(_pad(dy, top, bottom, left, right), rows[::-1], columns[::-1])
    product = tf.reshape(_inner(x, dy), (c_in, *size, c_out))
    return tf.transpose(product, (1, 2, 0, 3))


def _inner(x, y):
    """Return the products of the channels of two arrays, summed over samples and pixels."""
    x, y = (tf.reshape(array, (-1, array.shape[3])) for array in (x, y))
    return tf.matmul(x, y, transpose_a=True)


def _shifted(padded, rows, columns):
    """Return all windows of the least size at these offsets, as channels side by side."""
    height, width = padded.shape[1] - max(rows), padded.shape[2] - max(columns)
    windows = [padded[:, i : i + height, j : j + width] for i in rows for j in columns]
    return tf.concat(windows, -1)


def _pad(x, top, bottom, left, right):
    return tf.pad(x, [[0, 0], [top, bottom], [left, right], [0, 0]])


def trained_layers(trains):
    """Return convolution, pooling, and the convolution that doubles the size.

    Networks that are handed out have Keras's own, which has no last one: None.
    """
    settings = {"padding": "same", **IMAGES}
    kernels = {"kernel_initializer": "zeros", **settings}
    if trains:
        doubling = partial(UpConv2D, **kernels)
        return partial(Conv2D, **kernels), partial(MaxPooling2D, 2, **settings), doubling
    layers = keras.layers
    return partial(layers.Conv2D, **kernels), partial(layers.MaxPooling2D, 2, **settings), None
