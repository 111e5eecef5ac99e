"""Keras's own loop, for optimizers that are not fast and callbacks that watch batches."""

import math

import keras
import numpy as np
import tensorflow as tf

from .._arrays.gradient_registry import forgotten_gradients
from .._arrays.threads import threads_for
from .batches import Batches, n_steps
from .callbacks import BatchWatch, FallingRateCallbacks, FiniteGuard
from .fit_loop import LEAST_BATCH
from .proximal import apply_gradients


def fit_in_keras(trainer, plan, fit, interrupt):
    """Train by ``fit``, the method of `keras.Model`, on the batches of the fast loop."""
    callbacks = FallingRateCallbacks(
        [FiniteGuard(), BatchWatch(interrupt), *plan.callbacks],
        plan.falling,
        plan.initial_epoch,
        add_history=True,
        model=trainer,
        epochs=plan.epochs,
        steps=n_steps(len(plan.indices), plan.batch_size),
    )
    small = plan.batch_size < LEAST_BATCH
    if trainer.is_traced_small != small:  # the layers differ
        trainer.train_function = None
        trainer.is_traced_small = small
    validation = Batches(*plan.data, plan.held_out, trainer.tile) if plan.held_out.size else None
    with forgotten_gradients(), trainer.small_batches(plan.batch_size):
        return fit(
            Batches(*plan.data, plan.indices, plan.batch_size, trainer.rng),
            epochs=plan.epochs,
            verbose=0,
            callbacks=callbacks,
            initial_epoch=plan.initial_epoch,
            shuffle=False,  # by the dataset, not by Python's global random numbers
            validation_data=validation,
        )


def train_step(trainer, data):
    """Do one step of Keras's loop: the gradients are ours, the rest is Keras's."""
    variables = trainer.trainable_variables
    small = trainer.is_traced_small
    flat_gradients = trainer.flat_gradients_of_small if small else trainer.flat_gradients
    result = _call(trainer, flat_gradients, data)
    sizes = [1, *(int(np.prod(variable.shape)) for variable in variables)]
    loss, *gradients = tf.split(result, sizes)
    gradients = [
        tf.reshape(gradient, variable.shape)
        for gradient, variable in zip(gradients, variables, strict=True)
    ]
    apply_gradients(trainer.optimizer, gradients, variables)
    return loss[0]


def test_step(trainer, data):
    """Return the loss of a batch of Keras's loop."""
    indices = tf.range(tf.shape(data[0])[0])
    total = _call(trainer, trainer.validate, data, indices)
    loss = total / tf.cast(tf.size(indices), tf.float32)
    return tf.add_n([loss, *trainer.losses])


def _call(trainer, function, data, *tensors):
    """Call ``function`` as a part of what Keras traces."""
    tensors = *keras.utils.unpack_x_y_sample_weight(data), *tensors
    return trainer.traced(function, *tensors, threads=threads_for(math.inf))
