"""Layers of images: TensorFlow's and Keras's outputs and gradients."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from cae_sklearn._networks.convolution import Conv2D, MaxPooling2D, UpConv2D, _convolve


@pytest.mark.parametrize(
    ("shape", "filters", "kernel", "padding"),
    [
        ((3, 9, 7, 3), 8, (3, 3), ((1, 1), (1, 1))),
        ((3, 9, 7, 16), 12, (3, 3), ((0, 0), (0, 0))),
        ((2, 9, 7, 16), 12, (4, 2), ((1, 2), (0, 1))),
        ((3, 9, 7, 20), 3, (4, 5), ((0, 3), (2, 1))),
        ((3, 1, 7, 1), 3, (1, 3), ((0, 0), (1, 1))),
        ((4, 5, 5, 30), 40, (1, 1), ((0, 0), (0, 0))),
        ((4, 5, 5, 30), 4, (2, 2), ((1, 1), (1, 0))),
    ],
)
def test_the_convolution_has_tensorflows_gradients(shape, filters, kernel, padding):
    rng = np.random.default_rng(0)
    x = tf.constant(rng.normal(size=shape), tf.float32)
    w = tf.constant(rng.normal(size=(*kernel, shape[-1], filters)), tf.float32)
    results = []
    edges = [[0, 0], *padding, [0, 0]]
    for convolve in (
        lambda x, w: _convolve(x, w, padding),
        lambda x, w: tf.nn.conv2d(tf.pad(x, edges), w, 1, "VALID"),
    ):
        with tf.GradientTape() as tape:
            tape.watch([x, w])
            y = convolve(x, w)
            loss = tf.reduce_sum(y**3)
        results.append([y, *tape.gradient(loss, [x, w])])
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4 * np.abs(theirs).max())


@pytest.mark.parametrize("kernel_size", [1, 2, 3, 4, 5, 6, 7, (3, 6), (1, 9)])
def test_the_upsampling_convolution_is_the_two_in_one(kernel_size):
    rng = np.random.default_rng(0)
    x = tf.constant(rng.normal(size=(2, 4, 5, 3)), tf.float32)
    settings = {"padding": "same", "activation": "tanh"}
    double = keras.layers.UpSampling2D(2)
    results = []
    for kind, enlarge in (
        (UpConv2D, tf.identity),
        (Conv2D, double),
        (keras.layers.Conv2D, double),
    ):
        layer, large = kind(2, kernel_size, **settings), enlarge(x)
        assert layer.compute_output_shape(large.shape) == (2, 8, 10, 2)
        layer.build(large.shape)
        draw = np.random.default_rng(1)
        layer.set_weights([draw.normal(size=weight.shape) for weight in layer.weights])
        values = [x, *(weight.value for weight in layer.weights)]
        with tf.GradientTape() as tape:
            tape.watch(values)
            y = layer(enlarge(x))
            loss = tf.reduce_sum(y**3)
        results.append([y, *tape.gradient(loss, values)])
    for *ours, theirs in zip(*results, strict=True):
        theirs = np.stack([theirs] * 2)
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4 * np.abs(theirs).max())


@pytest.mark.parametrize("shape", [(4, 6), (5, 4), (3, 7), (1, 1), (1, 6)])
def test_the_pooling_has_kerass_gradient(shape):
    x = tf.constant(np.random.default_rng(0).normal(size=(2, *shape, 3)), tf.float32)
    results = []
    for kind in (MaxPooling2D, keras.layers.MaxPooling2D):
        layer = kind(2, padding="same")
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x)
            loss = tf.reduce_sum(y**3)
        assert y.shape == layer.compute_output_shape(x.shape)
        results.append([y, tape.gradient(loss, x)])
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_equal_pixels_share_the_gradient_of_the_pooling():
    x = tf.constant([[3.0, 3.0, 1.0, 2.0], [0.0, 3.0, 0.0, 0.0]])[None, ..., None]
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = MaxPooling2D(2, padding="same")(x)
    gradient = tape.gradient(y, x, tf.constant([3.0, 5.0])[None, None, :, None])
    np.testing.assert_allclose(gradient[0, ..., 0], [[1, 1, 0, 5], [0, 1, 0, 0]], rtol=1e-6)
