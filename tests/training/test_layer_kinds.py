"""Kinds of layers that the trainer sets: random ones, and those of batch statistics."""

from operator import itemgetter

import keras
import numpy as np
import pytest
import tensorflow as tf
from trainers import trainer

from cae_sklearn._training.fit_loop import LEAST_BATCH
from cae_sklearn._training.layer_kinds import BatchStatisticsLayer, Dropout, applicable_rate


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


@pytest.mark.parametrize(("batch_size", "small"), [(1, True), (LEAST_BATCH, False)])
def test_a_trainer_tells_the_layers_of_batch_statistics_how_large_batches_are(batch_size, small):
    model = trainer()
    layers = [layer for layer in model.layers if isinstance(layer, BatchStatisticsLayer)]
    assert len(layers) == 2
    with model.small_batches(batch_size):
        assert [layer.small_batches for layer in layers] == [small] * 2
    assert not any(layer.small_batches for layer in layers)
