"""The falling learning rate, and which callbacks the fast loop can serve."""

import keras
import numpy as np
import pytest

from cae_sklearn._training.callbacks import (
    FallingRateCallbacks,
    falling_rate,
    may_change_the_network,
    watch_batches,
)


def test_the_learning_rate_falls_in_the_last_epochs():
    np.testing.assert_allclose(falling_rate(np.arange(5), 5, 0.5), [1, 1, 1, 0.8, 0.4])
    np.testing.assert_allclose(falling_rate(np.arange(4), 4, 1.0), [1, 0.75, 0.5, 0.25])
    for n_epochs, fraction in [(1, 0.5), (1, 1.0), (3, 0.0), (3, 1e-50)]:
        factors = falling_rate(np.arange(n_epochs), n_epochs, fraction)
        np.testing.assert_array_equal(factors, np.ones(n_epochs))
    assert falling_rate(10**18 * 3, 4 * 10**18, 0.5) == 0.5


class SetRate(keras.callbacks.Callback):
    """Notes the rate that it finds, and may set another."""

    def __init__(self, at_begin=None, at_end=None):
        super().__init__()
        self.at_begin, self.at_end = at_begin, at_end
        self.seen = []

    def _see(self, rate):
        self.seen.append(float(self.model.optimizer.learning_rate.numpy()))
        if rate is not None:
            self.model.optimizer.learning_rate = rate

    def on_epoch_begin(self, epoch, logs=None):
        self._see(self.at_begin)

    def on_epoch_end(self, epoch, logs=None):
        self._see(self.at_end)


def epochs(callback, factors, first=0, within=None):
    """Pass epochs of these factors; return the rate that the steps of each would take."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(1.0))
    callbacks = FallingRateCallbacks([callback], factors.__getitem__, first, model=model)
    rates = []
    for epoch in range(first, first + len(factors)):
        callbacks.on_epoch_begin(epoch)
        rates.append(float(model.optimizer.learning_rate.numpy()))
        if within is not None:
            model.optimizer.learning_rate = within
        callbacks.on_epoch_end(epoch)
    return rates, float(model.optimizer.learning_rate.numpy())


@pytest.mark.parametrize("first", [0, 3])
def test_callbacks_do_not_see_the_scaled_rate(first):
    watch = SetRate()
    rates, last = epochs(watch, [1.0, 0.5, 0.25], first)
    assert rates == [1.0, 0.5, 0.25]
    assert watch.seen == [1.0] * 6
    assert last == 1.0


def test_a_rate_set_between_epochs_is_scaled():
    for callback in (SetRate(at_begin=4.0), SetRate(at_end=4.0)):
        rates, last = epochs(callback, [0.5, 0.25])
        assert rates == [2.0 if callback.at_begin else 0.5, 1.0]
        assert last == 4.0


def test_a_rate_set_within_an_epoch_stays():
    watch = SetRate()
    rates, last = epochs(watch, [0.5, 0.25], within=8.0)
    assert rates == [0.5, 2.0]
    assert watch.seen == [1.0, 8.0, 8.0, 8.0]
    assert last == 8.0


def test_a_schedule_is_left_alone():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(keras.optimizers.schedules.ExponentialDecay(1.0, 1, 0.5)))
    callbacks = FallingRateCallbacks([], [1.0].__getitem__, 0, model=model)
    callbacks.on_epoch_begin(0)
    callbacks.on_epoch_end(0)


def test_hooks_on_batches_are_found():
    def hooked(name):
        callback = type("Hooked", (keras.callbacks.Callback,), {name: lambda *args: None})()
        return watch_batches([callback])

    assert not watch_batches(None)
    assert not watch_batches([keras.callbacks.EarlyStopping()])
    assert not hooked("on_epoch_end")
    for name in ("on_train_batch_begin", "on_test_batch_end", "on_batch_end", "on_test_begin"):
        assert hooked(name)
    callback = keras.callbacks.Callback()
    callback.on_train_batch_end = lambda *args: None  # on the instance alone
    assert watch_batches([callback])


def test_only_known_callbacks_leave_a_network_to_others():
    assert not may_change_the_network([keras.callbacks.EarlyStopping()])
    assert may_change_the_network([keras.callbacks.EarlyStopping(), SetRate()])
    child = type("Child", (keras.callbacks.EarlyStopping,), {})
    assert may_change_the_network([child()])
