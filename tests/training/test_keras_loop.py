"""Keras's own loop does what the fast one does."""

import keras
import numpy as np
import pytest
from trainers import fitted

from cae_sklearn import ElasticNetBNMLPClassifier


class WatchRates(keras.callbacks.Callback):
    """Notes the learning rate after each epoch, and lowers it."""

    def __init__(self):
        super().__init__()
        self.rates = []

    def on_epoch_end(self, epoch, logs=None):
        self.rates.append(float(self.model.optimizer.learning_rate.numpy()))
        self.model.optimizer.learning_rate = self.rates[-1] * 0.9


class WatchBatches(WatchRates):
    def on_train_batch_end(self, batch, logs=None):
        self.last = self.model.optimizer.learning_rate.numpy()


def test_both_loops_take_the_same_batches(blobs):
    class Batches(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            pass

    losses = [
        fitted(*blobs, rng=np.random.default_rng(0), batch_size=32, epochs=3, callbacks=callbacks)[
            1
        ]["loss"]
        for callbacks in (None, [Batches()])
    ]
    np.testing.assert_allclose(*losses, rtol=1e-4)


def test_the_learning_rate_falls_alike_in_both_loops(blobs):
    settings = {"batch_size": 32, "initial_epoch": 2, "epochs": 7}
    watch, batches = WatchRates(), WatchBatches()
    fast = fitted(*blobs, callbacks=[watch], decay_fraction=0.5, **settings)
    slow = fitted(*blobs, callbacks=[batches], decay_fraction=0.5, **settings)
    constant = fitted(*blobs, callbacks=[WatchRates()], **settings)
    assert batches.last == pytest.approx(0.4 * 0.01 * 0.9**4)
    np.testing.assert_allclose(watch.rates, 0.01 * 0.9 ** np.arange(5), rtol=1e-6)
    np.testing.assert_allclose(batches.rates, watch.rates, rtol=1e-6)
    losses = [history["loss"] for _, history, _ in (fast, slow, constant)]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-4)
    np.testing.assert_allclose(losses[0][:3], losses[2][:3], rtol=1e-6)
    assert abs(losses[0][4] - losses[2][4]) > 1e-4
    for a, b in zip(fast[0], slow[0], strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)


def test_rates_that_callbacks_set_within_an_epoch_stay(blobs):
    class Rising(keras.callbacks.Callback):
        rates, n_batches = [], 0

        def on_train_batch_end(self, batch, logs=None):
            self.n_batches += 1
            self.model.optimizer.learning_rate = 1e-4 * self.n_batches

        def on_epoch_end(self, epoch, logs=None):
            self.rates.append(float(self.model.optimizer.learning_rate.numpy()))

    settings = {"batch_size": len(blobs[0]) // 3, "epochs": 4, "decay_fraction": 1.0}
    fitted(*blobs, callbacks=[Rising()], **settings)
    np.testing.assert_allclose(Rising.rates, [3e-4, 6e-4, 9e-4, 12e-4], rtol=1e-5)


def test_callbacks_see_the_validation(blobs):
    class Watch(keras.callbacks.Callback):
        losses = []

        def on_test_end(self, logs=None):
            self.losses.append(logs["loss"])

    clf = ElasticNetBNMLPClassifier((8,), epochs=2, callbacks=[Watch()], random_state=0)
    np.testing.assert_allclose(Watch.losses, clf.fit(*blobs).validation_loss_curve_)


def test_divergence_puts_the_last_finite_weights_back_in_both_loops(blobs):
    settings = {"batch_size": 32, "epochs": 4, "callbacks": [WatchBatches()]}
    weights, history, diverged = fitted(*blobs, 1e30, **settings)
    assert diverged
    assert len(history["loss"]) < 4
    assert all(np.isfinite(weight).all() for weight in weights)
