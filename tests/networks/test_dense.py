"""Layers of the perceptron: Keras's outputs and gradients."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from cae_sklearn._networks.dense import ElasticNet, elastic_net, normalize


@pytest.mark.parametrize("shape", [(7, 5), (3, 4, 2, 5)])
def test_batch_normalisation_has_keras_outputs_and_gradients(shape):
    rng = np.random.default_rng(0)
    x = tf.constant(rng.normal(3.0, 2.0, shape), tf.float32)
    weight = tf.constant(rng.normal(size=shape), tf.float32)
    layer = keras.layers.BatchNormalization(epsilon=0.01)
    layer.build(shape)
    layer.gamma.assign(rng.uniform(0.5, 2.0, shape[-1:]))
    layer.beta.assign(rng.normal(size=shape[-1:]))
    inputs = [x, tf.constant(layer.gamma), tf.constant(layer.beta)]
    results = []
    for function in (
        lambda x, scale, offset: normalize(x, scale, offset, 0.01)[0],
        lambda x, scale, offset: keras.ops.batch_normalization(
            x, *tf.nn.moments(x, list(range(len(shape) - 1))), -1, offset, scale, 0.01
        ),
    ):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            y = function(*inputs)
            loss = tf.reduce_sum(weight * y**2)
        results.append([y, *tape.gradient(loss, inputs)])
    np.testing.assert_allclose(results[0][0], layer(x, training=True), rtol=1e-5, atol=1e-5)
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)


def test_the_penalty_has_kerass_value_and_the_gradient_of_its_smooth_part():
    w = tf.constant(np.random.default_rng(0).normal(size=(5, 3)), tf.float32)
    factors = elastic_net(0.3, 0.2)
    penalty = ElasticNet(*(tf.Variable(factors[name]) for name in ("l1", "l2")))
    with tf.GradientTape() as tape:
        tape.watch(w)
        value = 3.0 * penalty(w)
    expected = 3.0 * keras.regularizers.L1L2(0.06, 0.24)(w)
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    np.testing.assert_allclose(tape.gradient(value, w), 3.0 * 2 * 0.24 * w, rtol=1e-5)
