"""Keras callbacks: the user's, and those with which Keras's loop does what the fast one does."""

import math

import keras
import numpy as np

from .._arrays.progress import advanced


def falling_rate(epochs, n_epochs, fraction):
    """Return the factor of the learning rate in some of ``n_epochs`` epochs, as float32.

    It is 1 until the last epochs, a share ``fraction`` of them, in which it falls linearly.
    """
    left = (n_epochs - epochs) / n_epochs
    return np.float32(np.minimum(1.0, left / fraction) if fraction else np.ones_like(left))


class FallingRateCallbacks(keras.callbacks.CallbackList):
    """The user's callbacks, which see the learning rate before it is scaled.

    The rate of an epoch is scaled after all callbacks have set it, and is put back before they
    look again, unless one of them has changed it within the epoch.

    Parameters
    ----------
    callbacks : list of keras.callbacks.Callback
        The user's.
    falling : callable
        ``falling(epoch)`` gives the factor of the rate, epochs counted from ``initial_epoch``.
    initial_epoch : int
        The first epoch of this fit.
    **settings
        As for `keras.callbacks.CallbackList`.
    """

    def __init__(self, callbacks, falling, initial_epoch, **settings):
        super().__init__(callbacks, **settings)
        self._falling, self._initial_epoch = falling, initial_epoch
        self._whole = self._scaled = None

    def on_epoch_begin(self, epoch, logs=None):
        super().on_epoch_begin(epoch, logs)
        factor = float(self._falling(epoch - self._initial_epoch))
        if factor < 1.0:  # else it may be a schedule, which cannot be set
            self._whole = self._rate()
            self._model.optimizer.learning_rate = self._whole * factor
            self._scaled = self._rate()

    def on_epoch_end(self, epoch, logs=None):
        if self._scaled is not None and self._rate() == self._scaled:
            self._model.optimizer.learning_rate = self._whole
        super().on_epoch_end(epoch, logs)

    def _rate(self):
        return float(self._model.optimizer.learning_rate.numpy())


class FiniteGuard(keras.callbacks.Callback):
    """What the fast loop does when the loss or a weight is no longer finite, for Keras's."""

    def on_train_begin(self, logs=None):
        self.model.keep_finite()

    def on_epoch_end(self, epoch, logs=None):
        if not (math.isfinite(logs["loss"]) and self.model.keep_finite()):
            self.model.diverged = self.model.stop_training = True
            self.model.restore_finite()


class BatchWatch(keras.callbacks.Callback):
    """Ends Keras's loop after the batch in which Ctrl-C was pressed; tells how far the epoch is."""

    def __init__(self, interrupt):
        super().__init__()
        self._interrupt = interrupt

    def on_train_batch_end(self, batch, logs=None):
        advanced((batch + 1) / self.params["steps"])
        if self._interrupt.pressed:
            self.model.stop_training = True


class Reporter(keras.callbacks.Callback):
    """Tells a listener of the epochs; what this returns may stop the training.

    Parameters
    ----------
    listener : object
        Has the methods ``begin_epochs`` and so on.
    n_epochs : int
        The most epochs that follow.
    learned : callable or None
        ``learned(weights)`` gives the attributes of an estimator with these weights.
    """

    def __init__(self, listener, n_epochs, learned=None):
        super().__init__()
        self._listener, self._n_epochs, self._learned = listener, n_epochs, learned

    def on_train_begin(self, logs=None):
        self._listener.begin_epochs(self._n_epochs)

    def on_epoch_begin(self, epoch, logs=None):
        self._listener.begin_epoch(f"epoch {epoch + 1}/{self.params['epochs']}")

    def on_epoch_end(self, epoch, logs=None):
        learned = self._learned and (lambda: self._learned(self.model.learned()))
        if self._listener.end_epoch(logs, learned):
            self.model.stop_training = True

    def on_train_end(self, logs=None):
        self._listener.end_epochs()


class Scores(keras.callbacks.Callback):
    """Adds scores to what is logged of each epoch.

    Parameters
    ----------
    scores_of : callable
        ``scores_of(weights)`` gives a dict of floats.
    """

    def __init__(self, scores_of):
        super().__init__()
        self._scores_of = scores_of

    def on_epoch_end(self, epoch, logs=None):
        logs.update(self._scores_of(self.model.learned()))


def released(callbacks):
    """Return the callbacks without the network that they have watched, which others use too."""
    for callback in callbacks:
        callback._model = None
    return callbacks


def watch_batches(callbacks):
    """Tell whether callbacks have hooks that only Keras's own loop calls."""
    base = keras.callbacks.Callback
    whole = "on_test_begin", "on_test_end", "on_batch_begin", "on_batch_end"
    parts = [f"on_{kind}_batch_{end}" for kind in ("train", "test") for end in ("begin", "end")]
    return any(
        getattr(getattr(callback, hook), "__func__", None) is not getattr(base, hook)
        for callback in callbacks or ()
        for hook in (*whole, *parts)
    )


def may_change_the_network(callbacks):
    """Tell whether callbacks could leave traces in a network that others use after."""
    harmless = (
        keras.callbacks.CSVLogger,
        keras.callbacks.EarlyStopping,
        keras.callbacks.LearningRateScheduler,
        keras.callbacks.History,
        keras.callbacks.ReduceLROnPlateau,
        Reporter,
        Scores,
    )
    return any(type(callback) not in harmless for callback in callbacks)


def early_stopping(patience, min_delta, validates):
    """Stop when the loss no longer falls.

    If ``validates``, it is the validation loss, and the weights of its minimum come back.
    """
    return keras.callbacks.EarlyStopping(
        monitor="val_loss" if validates else "loss",
        mode="min",
        patience=patience,
        min_delta=min_delta,
        restore_best_weights=validates,
    )
