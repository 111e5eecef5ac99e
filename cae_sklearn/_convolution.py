"""A convolution whose training gives the same bits for any number of threads.

oneDNN sums the gradient of a kernel in an order that depends on how many threads share
the work. Written as matrix products, whose sums do not, it costs about as much.
"""

import keras
import numpy as np
import tensorflow as tf


class Conv2D(keras.layers.Conv2D):
    """`keras.layers.Conv2D`, same padding, with a gradient independent of the threads."""

    def call(self, inputs):
        x = _convolve(inputs, tf.convert_to_tensor(self.kernel))
        # not bias_add, whose gradient is one more sum that depends on the threads
        return self.activation(x + tf.convert_to_tensor(self.bias))


class UpConv2D(Conv2D):
    """Twice the size, each pixel repeated, then a convolution, as one at the small size.

    Each of the four pixels that a small pixel becomes has a kernel of its own, sums of the
    weights that meet the same small pixel: the large image is never made.
    """

    def call(self, inputs):
        rows, columns = map(_kernels_of_halves, self.kernel_size)
        kernel = tf.einsum("itj,kul,jlcf->tucikf", rows, columns, tf.convert_to_tensor(self.kernel))
        kernel = tf.reshape(kernel, (len(rows[0]), len(columns[0]), inputs.shape[-1], -1))
        bias = tf.tile(tf.convert_to_tensor(self.bias), [4])
        return self.activation(tf.nn.depth_to_space(_convolve(inputs, kernel) + bias, 2))

    def compute_output_shape(self, shape):
        return (shape[0], 2 * shape[1], 2 * shape[2], self.filters)


def _kernels_of_halves(length):
    """Return which weights of a kernel meet each small pixel, for either half of one.

    Shape (2, n_small, length), zeros and ones.
    """
    small = (np.arange(2)[:, None] + np.arange(length) - (length - 1) // 2) // 2
    return np.float32(small[:, None] == np.arange(small.min(), small.max() + 1)[:, None])


def _convolve(x, kernel):
    @tf.custom_gradient
    def convolve(x, kernel):
        def gradient(dy):
            dx = tf.raw_ops.Conv2DBackpropInput(
                input_sizes=tf.shape(x),
                filter=kernel,
                out_backprop=dy,
                strides=[1, 1, 1, 1],
                padding="SAME",
            )
            return dx, _kernel_gradient(x, dy, *kernel.shape[:2])

        return tf.nn.conv2d(x, kernel, 1, "SAME"), gradient

    return convolve(x, kernel)


def _kernel_gradient(x, dy, height, width):
    """Return the sum over samples and pixels of the input shifted by each offset times dy.

    x : (n, H, W, c_in), dy : (n, H, W, c_out); gives (height, width, c_in, c_out).
    """
    top, left = (height - 1) // 2, (width - 1) // 2
    out_h, out_w, c_in, c_out = *dy.shape[1:3], x.shape[3], dy.shape[3]
    n_offsets = height * width
    if c_in <= c_out and c_in <= 8:
        # few input channels: all shifted inputs side by side, one product
        padded = _pad(x, top, height - 1 - top, left, width - 1 - left)
        shifts = [
            padded[:, i : i + out_h, j : j + out_w] for i in range(height) for j in range(width)
        ]
        columns = tf.reshape(tf.concat(shifts, -1), (-1, n_offsets * c_in))
        product = tf.matmul(columns, tf.reshape(dy, (-1, c_out)), transpose_a=True)
        return tf.reshape(product, (height, width, c_in, c_out))
    if c_out <= 8:
        # few output channels: shift dy the other way
        padded = _pad(dy, height - 1 - top, top, width - 1 - left, left)
        shifts = [
            padded[:, i : i + out_h, j : j + out_w]
            for i in reversed(range(height))
            for j in reversed(range(width))
        ]
        columns = tf.reshape(tf.concat(shifts, -1), (-1, n_offsets * c_out))
        product = tf.matmul(tf.reshape(x, (-1, c_in)), columns, transpose_a=True)
        product = tf.reshape(product, (c_in, height, width, c_out))
        return tf.transpose(product, (1, 2, 0, 3))
    # In rows of one padded width, a shift by (i, j) is an offset of i * row + j: the
    # shifted inputs are slices of one array, nothing is copied.
    padded = _pad(x, top, height - 1 - top, left, width - 1 - left)
    row = out_w + width - 1
    flat_x = tf.reshape(padded, (-1, c_in))
    flat_dy = tf.reshape(tf.pad(dy, [[0, 0], [0, height - 1], [0, width - 1], [0, 0]]), (-1, c_out))
    length = tf.shape(flat_x)[0] - (height - 1) * row - (width - 1)
    flat_dy = flat_dy[:length]
    products = [
        tf.matmul(flat_x[offset : offset + length], flat_dy, transpose_a=True)
        for offset in (i * row + j for i in range(height) for j in range(width))
    ]
    return tf.reshape(tf.stack(products), (height, width, c_in, c_out))


def _pad(x, top, bottom, left, right):
    return tf.pad(x, [[0, 0], [top, bottom], [left, right], [0, 0]])
