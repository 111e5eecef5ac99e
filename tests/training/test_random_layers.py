"""Layers that draw random numbers."""

from operator import itemgetter

import keras
import numpy as np
import pytest
import tensorflow as tf

from cae_sklearn._training.random_layers import Dropout, applicable_rate


def test_dropout_leaves_out_the_share_it_says():
    inputs = keras.Input((16,))
    layer = Dropout(tf.Variable(applicable_rate(0.3)))
    layer(inputs)
    ones = tf.ones((200, 16))
    dropped = layer(ones, training=True).numpy()
    with layer.drawn(400) as take:
        drawn = []
        for half in (slice(0, 200), slice(200, 400)):
            take(itemgetter(half))
            drawn.append(layer(ones, training=True).numpy())
    for masked in (dropped, *drawn):
        assert np.mean(masked == 0) == pytest.approx(0.3, abs=0.03)
        np.testing.assert_allclose(masked[masked > 0], 256 / (256 - 77), rtol=1e-5)
    again = layer(ones, training=True).numpy()
    assert len({masked.tobytes() for masked in (dropped, *drawn, again)}) == 4
    np.testing.assert_array_equal(layer(ones, training=False), ones)


def test_rates_are_multiples_of_one_256th():
    assert applicable_rate(0.5) == 0.5
    assert applicable_rate(0.3) == 77 / 256
    assert applicable_rate(0.9999) == 255 / 256
