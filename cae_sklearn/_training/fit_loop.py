"""The fast loop: whole epochs pass inside TensorFlow, callbacks are called between them."""

import time
from dataclasses import dataclass
from functools import partial

import keras
import numpy as np
import tensorflow as tf

from .._arrays.progress import counted
from .._arrays.streaming import CHUNK_BYTES, chunks, float_bytes
from .._arrays.threads import threads_for
from .batches import n_steps, resident, tensors_with
from .callbacks import falling_rate

LONGEST_CALL = 0.5  # seconds that should pass without a look at the keyboard
MOST_WORK = 2e9  # multiplications of the forward passes of a call, about half a second on one core
STEP_WORK = 1e6  # of them that take as long as what a step does besides
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
    callbacks: list
    decay_fraction: float

    @property
    def falling(self):
        """Return the function from epochs to the factors of the learning rate."""
        n_epochs = self.epochs - self.initial_epoch
        return partial(falling_rate, n_epochs=n_epochs, fraction=self.decay_fraction)


def fit_loop(trainer, plan, interrupt):
    """Train, an epoch or several at a time, until ``interrupt.pressed``."""
    watched = bool(plan.callbacks) or plan.held_out.size > 0
    callbacks = keras.callbacks.CallbackList(
        plan.callbacks,
        add_history=True,
        model=trainer,
        epochs=plan.epochs,
        steps=n_steps(len(plan.indices), plan.batch_size),
    )
    trainer.stop_training = False
    data = resident(*plan.data)
    logs = {}
    trainer.keep_finite()
    losses = epoch_losses(trainer, plan, data, interrupt, at_once=1 if watched else plan.epochs)
    callbacks.on_train_begin()
    for epoch in range(plan.initial_epoch, plan.epochs):
        callbacks.on_epoch_begin(epoch)
        loss, n_untold = next(losses)
        logs = {"loss": loss}
        if plan.held_out.size:
            logs["val_loss"] = validation_loss(trainer, data, plan.held_out)
        if trainer.diverged:
            trainer.stop_training = True
            trainer.restore_finite()
        callbacks.on_epoch_end(epoch, logs)
        if trainer.stop_training or (interrupt.pressed and not n_untold):
            break
    callbacks.on_train_end(logs)
    return trainer.history


def epoch_losses(trainer, plan, data, interrupt, at_once):
    """Train for some epochs; this generator yields the mean loss of each.

    Beside it stands how many more epochs are done and not yet told, up to ``at_once`` less one.
    ``diverged`` is set beside the loss of the epoch in which it happened, the last. An interrupt
    ends an epoch after the part of it that is under way.
    """
    n_epochs, parts = plan.epochs - plan.initial_epoch, parts_of_epoch(trainer, plan, data[0])
    most = at_once if len(parts) == 1 else 1
    threads = threads_for(plan.batch_size * trainer.work)
    run = trainer.epochs.run if plan.batch_size >= LEAST_BATCH else trainer.epochs.run_small
    first, at_once = 0, 1
    while first < n_epochs:
        started = time.monotonic()
        factors = plan.falling(np.arange(first, min(first + at_once, n_epochs)))
        rates = factors * np.float32(trainer.optimizer.learning_rate.numpy())
        orders = np.stack([trainer.rng.permutation(plan.indices) for _ in rates])
        totals, finite, n_seen = 0.0, True, 0
        for part in counted(parts):
            tensors = tensors_with(data, orders[:, part].ravel())
            keep = finite and part is parts[-1]
            numbers = map(tf.constant, (plan.batch_size, rates, keep))
            with trainer.small_batches(plan.batch_size):
                result = trainer.traced(run, *tensors, *numbers, threads=threads)
            *sums, still = result.numpy()
            totals, finite = totals + np.float64(sums), finite and still == 1.0
            n_seen += len(orders[0, part])
            if interrupt.pressed:
                break
        first += at_once
        if time.monotonic() - started < LONGEST_CALL / 2:
            at_once = min(2 * at_once, most)
        for epoch, total in enumerate(totals, start=1):
            n_untold = len(totals) - epoch
            trainer.diverged = not finite and not n_untold
            yield total / n_seen, n_untold


def parts_of_epoch(trainer, plan, x):
    """Return the slices of an epoch's samples that pass in one call each.

    They are whole batches, of bounded memory and work. They do not depend on how fast the
    processor is: the random numbers of dropout, which are drawn for a part, would do so too.
    """
    work = trainer.work + STEP_WORK / plan.batch_size
    sample_bytes = max(trainer.drawn_bytes, float_bytes(x), int(CHUNK_BYTES * work / MOST_WORK))
    return list(chunks(len(plan.indices), sample_bytes, plan.batch_size))


def validation_loss(trainer, data, indices):
    """Return the mean loss of some samples, with the penalties of the network."""
    threads = threads_for(len(indices) * trainer.work)
    total = 0.0
    for part in chunks(len(indices), float_bytes(data[0])):
        tensors = tensors_with(data, indices[part])
        total += float(trainer.traced(trainer.validate, *tensors, threads=threads))
    return total / len(indices) + float(sum(trainer.losses))
