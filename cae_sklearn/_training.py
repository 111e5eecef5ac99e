"""The training loop that both estimators share: one compiled epoch per architecture.

`LoopModel` is a Keras model whose `fit` runs all the steps of an epoch inside one
TensorFlow function. Every number that may change between two fits (learning rate,
penalty, dropout rate, batch size, seed) is a variable or an argument of that function,
so that a network is traced once and then serves every candidate and every fold.
`borrowed` lends such networks out; the caller copies the learned arrays away.
"""

import math
import os
import threading
from contextlib import ExitStack, contextmanager, suppress
from functools import cache, partial
from itertools import pairwise
from multiprocessing import parent_process

import joblib
import keras
import numpy as np
import tensorflow as tf

from ._images import chunks, float_bytes, load_chunk

if keras.backend.backend() != "tensorflow":  # pragma: no cover
    raise ImportError(
        "cae_sklearn needs the TensorFlow backend of Keras, but Keras runs on "
        f"{keras.backend.backend()!r}. Set KERAS_BACKEND=tensorflow before importing Keras."
    )


def _limit_worker_threads():
    """Let TensorFlow follow OMP_NUM_THREADS in a worker process, as joblib and Dask set it.

    A process that nobody started as a worker is left alone, and so is a worker in which
    TensorFlow already runs.
    """
    limit = os.environ.get("OMP_NUM_THREADS", "")
    if parent_process() is None or not limit.isdigit() or int(limit) < 1:
        return
    with suppress(RuntimeError):  # TensorFlow already runs
        tf.config.threading.set_intra_op_parallelism_threads(int(limit))
        tf.config.threading.set_inter_op_parallelism_threads(int(limit))


_limit_worker_threads()

RESIDENT_BYTES = 64 * 2**20  # of data that are kept as tensors during a fit
STEP_WORK = 400_000  # multiplications in the time that the smallest step takes
SAMPLE_WORK = 2_500  # multiplications in the time that a sample takes in the smallest network
UNINTERRUPTED_WORK = 5 * 10**9  # multiplications that may pass without a look at the keyboard, 1 s


@cache
def _n_threads():
    """Count the threads that TensorFlow, which runs by now, may take."""
    limit = os.environ.get("TF_NUM_INTRAOP_THREADS", "")
    return (
        tf.config.threading.get_intra_op_parallelism_threads()
        or (int(limit) if limit.isdigit() else 0)
        or joblib.cpu_count()
    )


def threads_for(work):
    """Return how many operations of a graph `with_threads` should run at once.

    ``work`` counts the multiplications of the forward pass: in a small step threads only wait
    for each other. None where a GPU does the work: a dataset, which alone can be told, runs on
    the processor.
    """
    if tf.config.list_logical_devices("GPU"):
        return None
    return 1 if work < 2e7 else _n_threads()


class LoopModel(keras.Model):
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
    inference_rows : int
        How many samples are predicted together, always.
    n_side_by_side : int, default=1
        How many times that many samples one call predicts. Independent pieces, small enough
        for the processor's cache, keep all threads busy.
    n_shares : int, default=1
        Into how many shares a batch is cut while training, for the same reason. Only for
        networks without penalties, which would count in each share, and whose samples do not
        see each other, as they do in batch normalisation.
    optimizer : keras.optimizers.Optimizer, default=None
        None is Adam in one fused kernel; any other is served by Keras's own loop.
    """

    def __init__(
        self,
        network,
        objective,
        variables,
        inference_rows,
        n_side_by_side=1,
        n_shares=1,
        optimizer=None,
    ):
        super().__init__(inputs=network.inputs, outputs=network.outputs)
        self.dtype_policy = "float32"  # whatever the user's default is
        self._objective = objective
        self._hyper = dict(variables)
        self._rows, self._n_side_by_side = inference_rows, n_side_by_side
        self._n_shares = n_shares
        self._work = _multiply_adds(network)
        self._rng = np.random.default_rng(0)
        self._seeded = [
            layer for layer in network._flatten_layers() if hasattr(layer, "seed_generator")
        ]
        self._dropouts = [layer for layer in self._seeded if hasattr(layer, "drawn")]
        self._drawn_bytes = sum(layer.input.shape[1] for layer in self._dropouts)
        self._kept = None
        self._traced = {}
        self.compile(
            optimizer=optimizer or keras.optimizers.Adam(), loss=objective, jit_compile=False
        )
        self.optimizer.build(self.trainable_variables)

    # -- state ---------------------------------------------------------------

    def prepare(self, *, seed, learning_rate, weights, slots=None, **hyper):
        """Start afresh: optimizer, weights, hyperparameters and random numbers.

        The optimizer goes on from ``slots`` if these are of its kind and shapes.
        """
        variables = self._slot_variables()
        values = (slots or {}).get(type(self.optimizer).__name__, ())
        if [tuple(variable.shape) for variable in variables] == [value.shape for value in values]:
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)
        elif _is_plain_adam(self.optimizer):  # else it is new
            self._run(self._run_reset)
        if learning_rate is not None:
            self.optimizer.learning_rate = float(learning_rate)
        for name, value in hyper.items():
            self._hyper[name].assign(float(value))
        self.load(weights)
        self._rng = np.random.default_rng(seed)
        for layer in self._seeded:
            layer.seed_generator.state.assign([int(self._rng.integers(2**31)), 0])

    def load(self, weights):
        """Set the weights from a dict of arrays, which may hold others too."""
        load_weights(self, weights)

    def learned(self):
        """Return the weights as a dict of arrays, the keys like ``"hidden1/kernel"``."""
        return {variable.path: variable.numpy() for variable in self.weights}

    def slots(self):
        """Return the optimizer's variables as a list of arrays, by the name of its class."""
        arrays = [variable.numpy() for variable in self._slot_variables()]
        return {type(self.optimizer).__name__: arrays}

    def _slot_variables(self):
        return [v for v in self.optimizer.variables if "learning_rate" not in v.path]

    def _run_reset(self):
        for variable in self._slot_variables():
            variable.assign(tf.zeros_like(variable.value))

    def keep_finite(self):
        """Remember the weights if all of them are finite; tell whether they are."""
        if self._kept is None:
            self._kept = [tf.Variable(weight.value, trainable=False) for weight in self.weights]
        return bool(self._run(self._run_keeping, tf.constant(True)))

    def _run_keeping(self, allowed):
        weights = [variable.value.read_value() for variable in self.weights]
        finite = [tf.reduce_all(tf.math.is_finite(weight)) for weight in weights]
        finite = tf.reduce_all(tf.stack(finite))
        if tf.logical_and(finite, allowed):
            for kept, weight in zip(self._kept, weights, strict=True):
                kept.assign(weight)
        return finite

    def restore_finite(self):
        """Put the remembered weights back."""
        for variable, kept in zip(self.weights, self._kept, strict=True):
            variable.assign(kept)

    def _run(self, function, *tensors, threads=None):
        """Call a compiled ``function``; it is traced once for any number of samples."""
        key = function.__name__, *(tensor is not None and tensor.dtype for tensor in tensors)
        if key not in self._traced:
            specs = list(map(_any_number_of_samples, tensors))
            if threads is None:
                self._traced[key] = tf.function(function).get_concrete_function(*specs)
            else:
                self._traced[key] = with_threads(function, specs)
        threads = [] if threads is None else [tf.constant(threads, tf.int64)]
        return self._traced[key](*threads, *tensors)

    # -- training ------------------------------------------------------------

    def train_step(self, data):
        """Do one step of Keras's own loop: the gradients are ours, the rest is Keras's."""
        variables = self.trainable_variables
        result = self._run_in_keras(self._run_gradients, data)
        sizes = [1, *(int(np.prod(variable.shape)) for variable in variables)]
        loss, *gradients = tf.split(result, sizes)
        scale = self.optimizer.scale_loss(tf.constant(1.0))
        self.optimizer.apply_gradients(
            (scale * tf.reshape(gradient, variable.shape), variable)
            for gradient, variable in zip(gradients, variables, strict=True)
        )
        return self._mean_loss(loss[0], data)

    def test_step(self, data):
        """Evaluate a batch in Keras's own loop."""
        rows = tf.range(tf.shape(data[0])[0])
        total = self._run_in_keras(self._run_validation_part, data, rows)
        loss = total / tf.cast(tf.size(rows), tf.float32)
        return self._mean_loss(tf.add_n([loss, *self.losses]), data)

    def _run_in_keras(self, function, data, *tensors):
        """Call ``function`` as a part of what Keras traces."""
        tensors = *keras.utils.unpack_x_y_sample_weight(data), *tensors
        threads = threads_for(math.inf)
        if threads is None:
            return function(*tensors)
        function = with_threads(function, list(map(_any_number_of_samples, tensors)))
        return function(tf.constant(threads, tf.int64), *tensors)

    def _mean_loss(self, loss, data):
        self._loss_tracker.update_state(loss, sample_weight=tf.shape(data[0])[0])
        return {"loss": self._loss_tracker.result()}

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
        validation_rows=None,
        decay_fraction=0.0,
    ):
        """Train as `keras.Model.fit` does, an epoch or several at a time.

        The samples ``validation_rows`` are held out and give ``val_loss``. In the last epochs,
        a share ``decay_fraction`` of them, the learning rate falls linearly. Callbacks that
        look at single batches, and optimizers other than plain Adam, are served by
        Keras's own loop over batches of the same sizes. Training stops, with ``diverged``
        set, when the loss or a weight is no longer finite; the last finite weights of an
        epoch are put back.
        """
        data = x, y, sample_weight
        held_out = np.zeros(len(x), bool)
        held_out[[] if validation_rows is None else validation_rows] = True
        rows, validation_rows = np.flatnonzero(~held_out), np.flatnonzero(held_out)
        batch_size = min(batch_size, len(rows))
        self.diverged = False
        n_epochs = epochs - initial_epoch
        falling = partial(falling_rate, n_epochs=n_epochs, fraction=decay_fraction)
        if not _is_plain_adam(self.optimizer) or _watch_batches(callbacks):
            return super().fit(
                _Batches(*data, rows, batch_size, self._rng),
                epochs=epochs,
                verbose=verbose,
                callbacks=[
                    _FiniteGuard(),
                    *falling_around(callbacks or (), falling, initial_epoch),
                ],
                initial_epoch=initial_epoch,
                shuffle=False,  # by the dataset, not by Python's global random numbers
                validation_data=(
                    _Batches(*data, validation_rows, self._rows) if held_out.any() else None
                ),
            )
        watched = bool(callbacks) or held_out.any() or verbose > 0
        callbacks = keras.callbacks.CallbackList(
            callbacks,
            add_history=True,
            add_progbar=verbose > 0,
            model=self,
            epochs=epochs,
            verbose=2,
            steps=_n_steps(len(rows), batch_size),
        )
        self.stop_training = False
        data = _resident(*data)
        logs = {}
        self.keep_finite()
        at_once = 1 if watched else n_epochs
        losses = self._epoch_losses(data, rows, batch_size, n_epochs, falling, at_once)
        callbacks.on_train_begin()
        for epoch in range(initial_epoch, epochs):
            callbacks.on_epoch_begin(epoch)
            logs = {"loss": next(losses)}
            if held_out.any():
                logs["val_loss"] = self._validation_loss(data, validation_rows)
            if self.diverged:
                self.stop_training = True
                self.restore_finite()
            callbacks.on_epoch_end(epoch, logs)
            if self.stop_training:
                break
        callbacks.on_train_end(logs)
        return self.history

    def _epoch_losses(self, data, rows, batch_size, n_epochs, falling, at_once):
        """Train for some epochs; this generator yields the mean loss of each.

        ``falling(epochs)`` gives the factors of the learning rate in some of them. Up to
        ``at_once`` epochs pass before the first of them is told. ``diverged`` is set beside
        the loss of the epoch in which it happened, the last.
        """
        parts = list(chunks(len(rows), max(self._drawn_bytes, float_bytes(data[0])), batch_size))
        n_steps = _n_steps(len(rows), batch_size)
        work = len(rows) * (self._work + SAMPLE_WORK) + n_steps * STEP_WORK
        at_once = max(1, min(at_once, UNINTERRUPTED_WORK // work)) if len(parts) == 1 else 1
        threads = threads_for(batch_size * self._work)
        for first in range(0, n_epochs, at_once):
            factors = falling(np.arange(first, min(first + at_once, n_epochs)))
            rates = factors * np.float32(self.optimizer.learning_rate.numpy())
            orders = np.stack([self._rng.permutation(rows) for _ in rates])
            totals, finite = 0.0, True
            for part in parts:
                tensors = _part(data, orders[:, part].ravel())
                keep = finite and part is parts[-1]
                arguments = *tensors, *map(tf.constant, (batch_size, rates, keep))
                *sums, still = self._run(self._run_part, *arguments, threads=threads).numpy()
                totals, finite = totals + np.float64(sums), finite and still == 1.0
            for epoch, total in enumerate(totals, start=1):
                self.diverged = not finite and epoch == len(totals)
                yield total / len(rows)

    def _run_part(self, x, y, weight, rows, batch_size, learning_rates, keep):
        """Train on some samples in one order after the other, while all stays finite.

        ``rows`` holds the orders one behind the other, ``learning_rates`` that of each. With
        ``keep``, finite weights are remembered after each. Returns the sum of the losses for
        each, then 1 if all is finite, else 0.
        """
        n_orders = tf.size(learning_rates)
        orders = tf.reshape(rows, (n_orders, -1))
        totals = tf.TensorArray(tf.float32, 0, dynamic_size=True, element_shape=[])
        i, finite = tf.constant(0), tf.constant(True)
        while finite and i < n_orders:
            total = self._train_in_order((x, y, weight), orders[i], batch_size, learning_rates[i])
            finite = tf.math.is_finite(total)
            finite = tf.logical_and(self._run_keeping(tf.logical_and(keep, finite)), finite)
            totals = totals.write(i, total)
            i += 1
        return tf.concat([totals.stack(), [tf.cast(finite, tf.float32)]], 0)

    def _train_in_order(self, data, rows, batch_size, learning_rate):
        n_samples = tf.size(rows)
        data = _gather(data, rows)
        last = _n_steps(n_samples, batch_size) - 1
        total = tf.constant(0.0)
        with ExitStack() as stack:
            drawn = [stack.enter_context(layer.drawn(n_samples)) for layer in self._dropouts]
            for step in tf.range(last + 1):
                start = step * batch_size
                stop = tf.where(step == last, n_samples, start + batch_size)
                for take in drawn:
                    take(start, stop)
                batch = [part if part is None else part[start:stop] for part in data]
                total += self._train_on(*batch, learning_rate, tf.cast(stop - start, tf.float32))
        return total

    def _train_on(self, x, y, weight, learning_rate, n):
        """Do one step on a batch of n samples; return n times its loss."""
        values = [variable.value for variable in self.trainable_variables]
        total, gradients = self._gradients_of(values, (x, y, weight), n)
        with tf.control_dependencies(gradients):  # a weight that is still read would be copied
            _apply_adam(self.optimizer, values, gradients, learning_rate)
        return total

    def _run_gradients(self, x, y, weight):
        """Return the loss of a batch and its gradients, one behind the other."""
        values = [variable.value for variable in self.trainable_variables]
        n = tf.cast(tf.shape(x)[0], tf.float32)
        total, gradients = self._gradients_of(values, (x, y, weight), n)
        return tf.concat([[total / n], *(tf.reshape(gradient, [-1]) for gradient in gradients)], 0)

    def _gradients_of(self, values, batch, n):
        """Return n times the loss of a batch of n samples, and the gradients of the loss."""
        gradients_of = partial(self._gradients_of_share, values)
        if self._n_shares == 1:
            return gradients_of(*batch, n)
        # traced once for all shares
        specs = *map(_any_number_of_samples, batch), tf.TensorSpec([])
        gradients_of = tf.function(gradients_of, autograph=False).get_concrete_function(*specs)

        def shared():
            parts = [gradients_of(*share, n) for share in _shares(batch, self._n_shares)]
            return tf.nest.map_structure(lambda *same: tf.add_n(same), *parts)

        # a share without samples is more than a fused convolution of oneDNN bears
        few = tf.shape(batch[0])[0] < self._n_shares
        return tf.cond(few, lambda: gradients_of(*batch, n), shared)

    def _gradients_of_share(self, values, x, y, weight, n):
        """Return n times the part of some samples in the loss of n, and the part's gradients.

        The loss is the mean objective, each sample times its weight, plus the penalties.
        """
        with tf.GradientTape() as tape:
            losses = self._objective(y, self(x, training=True))
            penalties = self.losses
        # the gradient of the mean by hand, which spares ten operations
        share = tf.ones_like(losses) / n if weight is None else weight / n
        gradients = tape.gradient(
            [losses, *penalties], values, [share, *(tf.constant(1.0) for _ in penalties)]
        )
        total = tf.reduce_sum(losses if weight is None else losses * weight)
        return tf.add_n([total, *(n * penalty for penalty in penalties)]), gradients

    def get_config(self):
        """Refuse to be saved: the graph of training is of no use without the estimator."""
        raise NotImplementedError(
            "The network that trains cannot be saved as a Keras model. Let ModelCheckpoint have "
            "save_weights_only=True, or save the fitted estimator or its model_."
        )

    # -- evaluation ----------------------------------------------------------

    def _validation_loss(self, data, rows):
        threads = threads_for(len(rows) * self._work)
        total = sum(
            float(self._run(self._run_validation_part, *_part(data, rows[part]), threads=threads))
            for part in chunks(len(rows), float_bytes(data[0]))
        )
        return total / len(rows) + float(sum(self.losses))

    def _run_validation_part(self, x, y, weight, rows):
        total = tf.constant(0.0)
        for start in tf.range(0, tf.size(rows), self._rows):
            x_, y_, weight_ = _gather((x, y, weight), rows[start : start + self._rows])
            losses = self._objective(y_, self(x_, training=False))
            total += tf.reduce_sum(losses if weight_ is None else losses * weight_)
        return total

    def _run_forward(self, x):
        if self._rows == 1:
            return self(x, training=False)
        # the last sample of a matrix product gets other bits: let it be one that nobody wants
        return self(tf.concat([x, tf.zeros_like(x[:1])], 0), training=False)[:-1]

    def _run_side_by_side(self, x):
        return tf.concat([self._run_forward(part) for part in tf.split(x, self._n_side_by_side)], 0)

    def outputs_of(self, x):
        """Return what the network gives for each sample.

        The samples pass in batches of one fixed size, the last one padded with zeros: a
        sample gets the same bits in any company, and nothing is traced per shape.
        """
        start, out = 0, None
        while start < len(x):
            rows = self._n_side_by_side * self._rows
            if len(x) - start < rows:
                rows = self._rows
            forward = self._run_forward if rows == self._rows else self._run_side_by_side
            batch = load_chunk(x, slice(start, start + rows))
            n = len(batch)
            if n < rows:
                padding = np.zeros((rows - n, *batch.shape[1:]), batch.dtype)
                batch = np.concatenate([batch, padding])
            threads = threads_for(len(batch) * self._work)
            result = self._run(forward, tf.constant(batch), threads=threads).numpy()
            if out is None:
                out = np.empty((len(x), *result.shape[1:]), result.dtype)
            out[start : start + n] = result[:n]
            start += rows
        return out


def _multiply_adds(network):
    """Count the multiplications with kernels for one sample."""
    return sum(
        int(np.prod(layer.output.shape[1:-1])) * int(np.prod(layer.kernel.shape))
        for layer in network._flatten_layers()
        if hasattr(layer, "kernel")
    )


def load_weights(model, weights):
    """Set the weights of a Keras model from a dict of arrays by path."""
    model.set_weights([weights[variable.path] for variable in model.weights])


class _Batches(keras.utils.PyDataset):
    """Shuffled batches, of the sizes that the fast loop takes, for Keras's own loop."""

    def __init__(self, x, y, weight, rows, batch_size, rng=None):
        super().__init__()
        self._data = x, y, weight
        self._order, self._sorted, self._rng = rows, rows, rng
        n_steps = _n_steps(len(rows), batch_size)
        self._edges = [*range(0, n_steps * batch_size, batch_size), len(rows)]

    def __len__(self):
        return len(self._edges) - 1

    def __getitem__(self, step):
        rows = self._order[self._edges[step] : self._edges[step + 1]]
        return tuple(part for part in _tensors(*self._data, rows) if part is not None)

    def on_epoch_begin(self):
        if self._rng is not None:
            self._order = self._rng.permutation(self._sorted)


def _n_steps(n_samples, batch_size):
    """Count the batches; a last one of one sample, no use to batch norm, joins its neighbour."""
    n_steps = (n_samples + batch_size - 2) // batch_size
    return max(1, n_steps) if isinstance(n_steps, int) else tf.maximum(1, n_steps)


def _tensors(x, y, weight, rows):
    return (
        tf.constant(load_chunk(x, rows)),
        None if y is None else tf.constant(y[rows]),
        None if weight is None else tf.constant(weight[rows], tf.float32),
    )


def _resident(*data):
    """Return the data as tensors when they are small enough to stay in memory, else unchanged."""
    x = data[0]
    return _tensors(*data, slice(None)) if len(x) * float_bytes(x) <= RESIDENT_BYTES else data


def _part(data, rows):
    """Return tensors that hold some samples, and the rows of them that these are."""
    if tf.is_tensor(data[0]):
        return *data, tf.constant(rows, tf.int32)
    return *_tensors(*data, rows), tf.range(len(rows))


def _shares(tensors, n_shares):
    """Cut the samples of some tensors into shares of nearly the same size."""
    edges = [tf.shape(tensors[0])[0] * i // n_shares for i in range(n_shares + 1)]
    return [
        [None if tensor is None else tensor[start:stop] for tensor in tensors]
        for start, stop in pairwise(edges)
    ]


def _gather(tensors, rows):
    return [None if tensor is None else tf.gather(tensor, rows) for tensor in tensors]


def with_threads(function, specs):
    """Return a graph of ``function`` that takes a number of threads first, then its tensors.

    So many operations run at once, each on a thread of its own: how one operation would divide
    its sums among threads, and so the last bits, depends on how many there are. Only a dataset
    can be told; so this is one of one element, that ``function`` makes of the tensors.
    """
    function = tf.function(function).get_concrete_function(*specs)
    output = function.structured_outputs
    result = {"output_types": [output.dtype], "output_shapes": [output.shape]}

    def on_present(*present):
        present = iter(present)
        return function(*[spec if spec is None else next(present) for spec in specs])

    def confined(n_threads, *tensors):
        present = tuple(tensor for tensor in tensors if tensor is not None)
        dataset = tf.data.Dataset.from_tensors(present).map(on_present)
        dataset = tf.raw_ops.MaxIntraOpParallelismDataset(
            input_dataset=tf.data.experimental.to_variant(dataset),
            max_intra_op_parallelism=1,
            **result,
        )
        dataset = tf.raw_ops.PrivateThreadPoolDataset(
            input_dataset=dataset, num_threads=n_threads, **result
        )
        return tf.raw_ops.DatasetToSingleElement(dataset=dataset, **result)[0]

    confined = tf.function(confined, autograph=False)
    return confined.get_concrete_function(tf.TensorSpec([], tf.int64), *specs)


def _any_number_of_samples(tensor):
    if tensor is None:
        return None
    shape = [None, *tensor.shape[1:]] if tensor.shape.rank else []
    return tf.TensorSpec(shape, tensor.dtype)


def _is_plain_adam(optimizer):
    """Tell whether one fused kernel a variable does all that this optimizer does."""
    extras = (
        "weight_decay",
        "clipnorm",
        "clipvalue",
        "global_clipnorm",
        "use_ema",
        "amsgrad",
        "loss_scale_factor",
        "gradient_accumulation_steps",
    )
    has_rate = any("learning_rate" in variable.path for variable in optimizer.variables)
    return (
        type(optimizer) is keras.optimizers.Adam
        and has_rate  # not a schedule
        and not any(getattr(optimizer, extra, None) for extra in extras)
    )


def _apply_adam(optimizer, values, gradients, learning_rate):
    """Update the variables (Kingma & Ba, 2015, arXiv:1412.6980), one kernel for each."""
    _, _, *slots = optimizer.variables
    step = tf.cast(optimizer.iterations.value.assign_add(1), tf.float32)
    betas = [tf.constant(beta) for beta in (optimizer.beta_1, optimizer.beta_2)]
    epsilon = tf.constant(optimizer.epsilon)
    powers = [tf.pow(beta, step) for beta in betas]
    for i, (value, gradient) in enumerate(zip(values, gradients, strict=True)):
        tf.raw_ops.ResourceApplyAdam(
            var=value.handle,
            m=slots[2 * i].value.handle,
            v=slots[2 * i + 1].value.handle,
            beta1_power=powers[0],
            beta2_power=powers[1],
            lr=learning_rate,
            beta1=betas[0],
            beta2=betas[1],
            epsilon=epsilon,
            grad=gradient,
        )


def falling_rate(epochs, n_epochs, fraction):
    """Return the factor of the learning rate in some of ``n_epochs`` epochs, as float32.

    It is 1 until the last epochs, a share ``fraction`` of them, in which it falls linearly.
    """
    left = (n_epochs - epochs) / n_epochs
    return np.float32(np.minimum(1.0, left / fraction) if fraction else np.ones_like(left))


def _watch_batches(callbacks):
    """Tell whether callbacks have hooks that only Keras's own loop calls."""
    base = keras.callbacks.Callback
    whole = "on_test_begin", "on_test_end", "on_batch_begin", "on_batch_end"
    parts = [f"on_{kind}_batch_{end}" for kind in ("train", "test") for end in ("begin", "end")]
    return any(
        getattr(getattr(callback, hook), "__func__", None) is not getattr(base, hook)
        for callback in callbacks or ()
        for hook in (*whole, *parts)
    )


class _FiniteGuard(keras.callbacks.Callback):
    """What the fast loop does when the loss or a weight is no longer finite, for Keras's."""

    def on_train_begin(self, logs=None):
        self.model.keep_finite()

    def on_epoch_end(self, epoch, logs=None):
        if not (math.isfinite(logs["loss"]) and self.model.keep_finite()):
            self.model.diverged = self.model.stop_training = True
            self.model.restore_finite()


def falling_around(callbacks, falling, initial_epoch):
    """Return callbacks for Keras's loop that see the learning rate as in the fast loop.

    The rate is scaled after all others have set it, and is put back before they look again,
    unless one of them has changed it in between.
    """
    whole = scaled = None

    def rate():
        return float(last.model.optimizer.learning_rate.numpy())

    def scale(epoch, logs):
        nonlocal whole, scaled
        factor = float(falling(epoch - initial_epoch))
        if factor < 1.0:  # else it may be a schedule, which cannot be set
            whole = rate()
            last.model.optimizer.learning_rate = whole * factor
            scaled = rate()

    def put_back(epoch, logs):
        if scaled is not None and rate() == scaled:
            last.model.optimizer.learning_rate = whole

    last = keras.callbacks.LambdaCallback(on_epoch_begin=scale)
    return [keras.callbacks.LambdaCallback(on_epoch_end=put_back), *callbacks, last]


def may_change_the_network(callbacks):
    """Tell whether callbacks could leave traces in a network that others use after."""
    harmless = (
        keras.callbacks.CSVLogger,
        keras.callbacks.EarlyStopping,
        keras.callbacks.LearningRateScheduler,
        keras.callbacks.ReduceLROnPlateau,
    )
    return any(type(callback) not in harmless for callback in callbacks)


def early_stopping(patience, min_delta):
    """Stop when the validation loss no longer falls; the weights of its minimum come back."""
    return keras.callbacks.EarlyStopping(
        monitor="val_loss",
        mode="min",
        patience=patience,
        min_delta=min_delta,
        restore_best_weights=True,
    )


# -- the networks of this process, lent out ----------------------------------

_IDLE_LIMIT = 8
_process = os.getpid()
_idle = []  # pairs of architecture and model, last used last
_lock = threading.Lock()


@contextmanager
def borrowed(build, **architecture):
    """Lend the caller a network of this architecture that nobody else uses meanwhile.

    Parameters
    ----------
    build : callable
        ``build(**architecture)`` gives a new `LoopModel`.
    **architecture : hashable values
        What the graph is made of; everything else is a variable.
    """
    if os.getpid() != _process:
        raise RuntimeError(
            "TensorFlow does not survive a fork. Start worker processes with joblib, Dask or "
            "multiprocessing's 'spawn' method, or fit for the first time after the fork."
        )
    key = (build, *sorted(architecture.items()))
    with _lock:
        same = [i for i, (known, _) in enumerate(_idle) if known == key]
        model = _idle.pop(same[-1])[1] if same else None
    if model is None:
        model = build(**architecture)
    yield model
    with _lock:  # not after an error, which may have left it half made
        _idle.append((key, model))
        del _idle[:-_IDLE_LIMIT]
