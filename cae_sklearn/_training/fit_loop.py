"""The fast loop: whole epochs pass inside TensorFlow, callbacks are called between them."""

import time
from dataclasses import dataclass
from functools import partial

import keras
import numpy as np
import tensorflow as tf

from .._arrays.streaming import chunks, float_bytes
from .._arrays.threads import threads_for
from .batches import n_steps, resident, tensors_with
from .callbacks import falling_rate

LONGEST_CALL = 0.5  # seconds that should pass without a look at the keyboard, but for one epoch
LEAST_BATCH = 8  # samples whose statistics are good enough for batch normalisation


@dataclass
class Plan:
    """What one fit does, in either loop."""

    data: tuple  # x, y or None, weights of the samples or None
    indices: np.ndarray  # of the samples to train on
    held_out: np.ndarray  # of those that give the validation loss
    batch_size: int
    epochs: int
    initial_epoch: int
    verbose: int
    callbacks: list
    decay_fraction: float

    @property
    def falling(self):
        """Return the function from epochs to the factors of the learning rate."""
        n_epochs = self.epochs - self.initial_epoch
        return partial(falling_rate, n_epochs=n_epochs, fraction=self.decay_fraction)


def fit_loop(trainer, plan):
    """Train by plain Adam, an epoch or several at a time."""
    watched = bool(plan.callbacks) or plan.held_out.size > 0 or plan.verbose > 0
    callbacks = keras.callbacks.CallbackList(
        plan.callbacks,
        add_history=True,
        add_progbar=plan.verbose > 0,
        model=trainer,
        epochs=plan.epochs,
        verbose=2,
        steps=n_steps(len(plan.indices), plan.batch_size),
    )
    trainer.stop_training = False
    data = resident(*plan.data)
    logs = {}
    trainer.keep_finite()
    losses = epoch_losses(trainer, plan, data, at_once=1 if watched else plan.epochs)
    callbacks.on_train_begin()
    for epoch in range(plan.initial_epoch, plan.epochs):
        callbacks.on_epoch_begin(epoch)
        logs = {"loss": next(losses)}
        if plan.held_out.size:
            logs["val_loss"] = validation_loss(trainer, data, plan.held_out)
        if trainer.diverged:
            trainer.stop_training = True
            trainer.restore_finite()
        callbacks.on_epoch_end(epoch, logs)
        if trainer.stop_training:
            break
    callbacks.on_train_end(logs)
    return trainer.history


def epoch_losses(trainer, plan, data, at_once):
    """Train for some epochs; this generator yields the mean loss of each.

    Up to ``at_once`` epochs pass before the first of them is told. ``diverged`` is set beside
    the loss of the epoch in which it happened, the last.
    """
    n_samples, n_epochs = len(plan.indices), plan.epochs - plan.initial_epoch
    sample_bytes = max(trainer.drawn_bytes, float_bytes(data[0]))
    parts = list(chunks(n_samples, sample_bytes, plan.batch_size))
    most = at_once if len(parts) == 1 else 1
    threads = threads_for(plan.batch_size * trainer.work)
    run = trainer.epochs.run if plan.batch_size >= LEAST_BATCH else trainer.epochs.run_small
    first, at_once = 0, 1
    while first < n_epochs:
        started = time.monotonic()
        factors = plan.falling(np.arange(first, min(first + at_once, n_epochs)))
        rates = factors * np.float32(trainer.optimizer.learning_rate.numpy())
        orders = np.stack([trainer.rng.permutation(plan.indices) for _ in rates])
        totals, finite = 0.0, True
        for part in parts:
            tensors = tensors_with(data, orders[:, part].ravel())
            keep = finite and part is parts[-1]
            numbers = map(tf.constant, (plan.batch_size, rates, keep))
            with trainer.small_batches(plan.batch_size):
                result = trainer.traced(run, *tensors, *numbers, threads=threads)
            *sums, still = result.numpy()
            totals, finite = totals + np.float64(sums), finite and still == 1.0
        first += at_once
        if time.monotonic() - started < LONGEST_CALL / 2:
            at_once = min(2 * at_once, most)
        for epoch, total in enumerate(totals, start=1):
            trainer.diverged = not finite and epoch == len(totals)
            yield total / n_samples


def validation_loss(trainer, data, indices):
    """Return the mean loss of some samples, with the penalties of the network."""
    threads = threads_for(len(indices) * trainer.work)
    total = 0.0
    for part in chunks(len(indices), float_bytes(data[0])):
        tensors = tensors_with(data, indices[part])
        total += float(trainer.traced(trainer.validate, *tensors, threads=threads))
    return total / len(indices) + float(sum(trainer.losses))
