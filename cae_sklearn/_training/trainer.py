"""A network that trains: its state, and the choice between the fast loop and Keras's own.

Every number that may change between two fits (learning rate, penalty, dropout rate, batch size,
seed) is a variable or an argument of what is traced, so that a network is traced once and then
serves every candidate and every fold of a search.
"""

from contextlib import contextmanager

import keras
import numpy as np
import tensorflow as tf

from .._arrays.confined import Traced
from .._arrays.interrupts import Note, handled
from . import keras_loop
from .batches import gather
from .callbacks import watch_batches
from .epochs import Epochs, LastFinite
from .fit_loop import LEAST_BATCH, Plan, fit_loop
from .gradients import Gradients
from .layer_kinds import BatchStatisticsLayer, Dropout, RandomLayer
from .optimizers import Recipe, is_fast, make, state_variables
from .predictor import assign, flat_layers, multiply_adds

if keras.backend.backend() != "tensorflow":  # pragma: no cover
    raise ImportError(
        "cae_sklearn needs the TensorFlow backend of Keras, but Keras runs on "
        f"{keras.backend.backend()!r}. Set KERAS_BACKEND=tensorflow before importing Keras."
    )


class Trainer(keras.Model):
    """A network with a fast ``fit``.

    Parameters
    ----------
    network : keras.Model
        A functional model; its layers and weights are shared.
    objective : callable
        ``objective(y, output)`` gives the loss of each sample, shape (batch,). ``y`` is
        None for networks that need no target.
    variables : dict of str to tf.Variable
        The hyperparameters that the layers of ``network`` read.
    tile : int
        How many samples are validated together.
    n_micro_batches : int, default=1
        Into how many micro-batches a batch is cut while training, which keep all threads
        busy. Only for networks without penalties, which would count in each, and whose
        samples do not see each other, as they do in batch normalisation.
    optimizer : keras.optimizers.Optimizer, Recipe or None, default=None
        None is Adam. Those that `is_fast` allows go through the fast loop, others through
        Keras's own.
    """

    def __init__(self, network, objective, variables, tile, n_micro_batches=1, optimizer=None):
        super().__init__(inputs=network.inputs, outputs=network.outputs)
        self.dtype_policy = "float32"  # whatever the user's default is
        self.tile = tile
        self.work = multiply_adds(network)
        self.rng = np.random.default_rng(0)
        self.diverged = self.interrupted = self.is_traced_small = False
        self._objective = objective
        self._hyper = dict(variables)
        layers = list(flat_layers(network))
        self._random = [layer for layer in layers if isinstance(layer, RandomLayer)]
        self._of_batches = [layer for layer in layers if isinstance(layer, BatchStatisticsLayer)]
        dropouts = [layer for layer in self._random if isinstance(layer, Dropout)]
        self.drawn_bytes = sum(4 * layer.input.shape[1] for layer in dropouts)
        self.compile(
            optimizer=make(optimizer or Recipe.named("adam")), loss=objective, jit_compile=False
        )
        self.optimizer.build(self.trainable_variables)
        rate = self.optimizer.learning_rate
        self._first_rate = float(rate) if hasattr(rate, "assign") else None  # or a schedule
        self._first_state = [variable.numpy() for variable in state_variables(self.optimizer)]
        self.gradients = Gradients(self, objective, n_micro_batches)
        self._last_finite = LastFinite(self.weights)
        self.epochs = Epochs(self, self.gradients, self._last_finite, dropouts)
        self.traced = Traced()

    @contextmanager
    def small_batches(self, batch_size):
        """Trace graphs for batches of this size, which may be too small for batch statistics."""
        for layer in self._of_batches:
            layer.small_batches = batch_size < LEAST_BATCH
        try:
            yield
        finally:
            for layer in self._of_batches:
                layer.small_batches = False

    # -- state ---------------------------------------------------------------

    def prepare(self, *, seed, learning_rate, weights, slots=None, **hyper):
        """Start afresh: optimizer, weights, hyperparameters and random numbers.

        The optimizer goes on from ``slots`` if these are of its kind and shapes. Without
        ``learning_rate`` it has the one that it was made with.
        """
        variables = state_variables(self.optimizer)
        values = (slots or {}).get(type(self.optimizer).__name__, ())
        if [tuple(variable.shape) for variable in variables] != [value.shape for value in values]:
            values = self._first_state
        values = [*values, *(weights[variable.path] for variable in self.weights)]
        self.traced(self._assign, *values)
        learning_rate = self._first_rate if learning_rate is None else learning_rate
        if learning_rate is not None:
            self.optimizer.learning_rate = float(learning_rate)
        for name, value in hyper.items():
            self._hyper[name].assign(float(value))
        self.rng = np.random.default_rng(seed)
        for layer in self._random:
            layer.seed_generator.state.assign([int(self.rng.integers(2**31)), 0])

    def _assign(self, *values):
        assign([*state_variables(self.optimizer), *self.weights], values)

    def learned(self):
        """Return the weights as a dict of arrays, the keys like ``"hidden1/kernel"``."""
        return {variable.path: variable.numpy() for variable in self.weights}

    def slots(self):
        """Return the optimizer's variables as a list of arrays, by the name of its class."""
        arrays = [variable.numpy() for variable in state_variables(self.optimizer)]
        return {type(self.optimizer).__name__: arrays}

    def keep_finite(self):
        """Remember the weights if all of them are finite; tell whether they are."""
        return bool(self.traced(self._last_finite.keep, tf.constant(True)))

    def restore_finite(self):
        """Put the remembered weights back."""
        self._last_finite.restore()

    def get_config(self):
        """Refuse to be saved: the graph of training is of no use without the estimator."""
        raise NotImplementedError(
            "The network that trains cannot be saved as a Keras model. Let ModelCheckpoint have "
            "save_weights_only=True, or save the fitted estimator or its model_."
        )

    # -- training ------------------------------------------------------------

    def fit(
        self,
        x=None,
        y=None,
        batch_size=32,
        epochs=1,
        verbose=0,
        callbacks=None,
        sample_weight=None,
        initial_epoch=0,
        held_out=None,
        decay_fraction=0.0,
    ):
        """Train as `keras.Model.fit` does.

        The samples with indices ``held_out`` give ``val_loss``. In the last epochs, a share
        ``decay_fraction`` of them, the learning rate falls linearly. Callbacks that look at
        single batches, and optimizers that are not fast, are served by Keras's own loop
        over batches of the same sizes. Training stops, with ``diverged`` set, when the loss
        or a weight is no longer finite; the last finite weights of an epoch are put back. Ctrl-C
        ends the epoch and the training, and sets ``interrupted``. Nothing is printed here,
        whatever ``verbose``, which scikeras passes: a `Reporter` among the callbacks may do so.
        """
        validates = np.zeros(x.shape[0], bool)
        validates[[] if held_out is None else held_out] = True
        indices = np.flatnonzero(~validates)
        plan = Plan(
            data=(x, y, sample_weight),
            indices=indices,
            held_out=np.flatnonzero(validates),
            batch_size=min(batch_size, len(indices)),
            epochs=epochs,
            initial_epoch=initial_epoch,
            callbacks=list(callbacks or ()),
            decay_fraction=decay_fraction,
        )
        self.diverged = False
        with handled(Note()) as interrupt:
            if is_fast(self.optimizer) and not watch_batches(plan.callbacks):
                history = fit_loop(self, plan, interrupt)
            else:
                history = keras_loop.fit_in_keras(self, plan, super().fit, interrupt)
        self.interrupted = interrupt.pressed
        return history

    def train_step(self, data):
        """Do one step of Keras's own loop."""
        return self._mean_loss(keras_loop.train_step(self, data), data)

    def test_step(self, data):
        """Evaluate a batch in Keras's own loop."""
        return self._mean_loss(keras_loop.test_step(self, data), data)

    def _mean_loss(self, loss, data):
        self._loss_tracker.update_state(loss, sample_weight=tf.shape(data[0])[0])
        return {"loss": self._loss_tracker.result()}

    # -- what is traced --------------------------------------------------------

    def flat_gradients(self, x, y, weight):
        """Return the loss of a batch and its gradients, one behind the other."""
        values = [variable.value for variable in self.trainable_variables]
        n = tf.cast(tf.shape(x)[0], tf.float32)
        total, gradients = self.gradients(values, (x, y, weight), n)
        return tf.concat([[total / n], *(tf.reshape(gradient, [-1]) for gradient in gradients)], 0)

    def flat_gradients_of_small(self, *data):
        """Do what `flat_gradients` does, as a graph of its own for small batches."""
        return self.flat_gradients(*data)

    def validate(self, x, y, weight, indices):
        """Return the sum of the losses of some samples, without penalties."""
        total = tf.constant(0.0)
        for start in tf.range(0, tf.size(indices), self.tile):
            x_, y_, weight_ = gather((x, y, weight), indices[start : start + self.tile])
            losses = self._objective(y_, self(x_, training=False))
            total += tf.reduce_sum(losses if weight_ is None else losses * weight_)
        return total
