"""Graphs that run each operation on one thread, and a given number of operations at once.

How one operation divides its sums among threads, and so the last bits of the result, depends on
the number of threads. TensorFlow takes such limits for a whole process, or for a dataset. So the
function becomes the map of an endless dataset; this file alone knows that.
"""

import ctypes
import os
import threading
import weakref

import tensorflow as tf

from .gradient_registry import forgotten_gradients
from .threads import n_inter_op_threads

__all__ = ["Standing", "Traced"]


class Standing:
    """A function of tensors as a graph that stands ready, confined to some threads.

    Each call puts its tensors into a queue and takes an element of the dataset, whose map takes
    them out again. The graph goes with the object: TensorFlow keeps for ever what a dataset
    that is made in each call instantiates, 3 MiB for a small network that trains.

    A call may be a part of another graph. If that graph ends in an error, tensors may be left
    in the queue, and the next call of it may wait for ever: make another object.

    Parameters
    ----------
    function : callable
        Takes tensors, and None for each None of ``specs``; returns one tensor.
    specs : list of tf.TensorSpec or None
        What the function takes; None is always None.
    n_threads : int
        How many operations run at once.
    autograph : bool, default=True
        As for `Traced`.
    """

    def __init__(self, function, specs, n_threads, autograph=True):
        present = [spec for spec in specs if spec is not None]
        self._is_fed, self._lock = False, threading.Lock()
        with forgotten_gradients():
            function = _concrete(function, specs, autograph)
        with tf.init_scope():  # where the call is a part of another graph
            self._inputs = inputs = tf.queue.FIFOQueue(1, [spec.dtype for spec in present])

            @tf.autograph.experimental.do_not_convert  # the function is traced already
            def of_next(_):
                tensors = tf.nest.flatten(inputs.dequeue())
                for tensor, spec in zip(tensors, present, strict=True):
                    tensor.set_shape(spec.shape)
                tensors = iter(tensors)
                return function(*[None if spec is None else next(tensors) for spec in specs])

            dataset = tf.data.Dataset.from_tensors(0).repeat().map(of_next)
            self._results = iter(dataset.with_options(_options(n_threads)))
        _living.add(self)

    def __call__(self, *tensors):
        """Return the tensor that the function gives; each may be an array."""
        with self._lock:
            if self._is_fed:  # the last call was interrupted
                self._empty()
            self._is_fed = True
            fed = tf.raw_ops.QueueEnqueueV2(  # the method `enqueue` takes longer
                handle=self._inputs.queue_ref,
                components=[tensor for tensor in tensors if tensor is not None],
            )
            with tf.control_dependencies([fed]):  # in another graph nothing else says so
                result = self._results.get_next()
            self._is_fed = False
        return result

    def _empty(self):
        with tf.init_scope():
            while self._inputs.size() > 0:
                self._inputs.dequeue()


_living = weakref.WeakSet()


def _keep_for_ever():
    """Keep all that stands ready in a forked child.

    The threads of its dataset are not there, and to destroy it would wait for them for ever.
    """
    for standing in _living:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(standing))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_keep_for_ever)


def _options(n_threads):
    """Return the options of a dataset that runs so many operations at once.

    They run in threads of its own, but for the number that the process has for that already.
    """
    options = tf.data.Options()
    options.threading.max_intra_op_parallelism = 1
    if n_threads == 1 or n_threads != n_inter_op_threads():
        options.threading.private_threadpool_size = n_threads
    options.autotune.enabled = False
    options.experimental_optimization.apply_default_optimizations = False
    return options


class Traced:
    """Calls functions as graphs, each of which serves any number of samples.

    All samples that a function gets have the same shape. It is traced once for each limit of
    threads and each choice of dtypes.

    Parameters
    ----------
    autograph : bool, default=True
        Whether functions have Python loops and conditions that depend on tensors. To look for
        them takes longer than to trace a small network.
    """

    def __init__(self, autograph=True):
        self.graphs = {}
        self._autograph = autograph

    def __call__(self, function, *tensors, threads=None):
        """Call ``function(*tensors)``, with so many operations at once; None sets no limit.

        ``tensors`` may be arrays, or None. Two functions that are equal share a graph.
        """
        key = function, threads, *[tensor is not None and tensor.dtype for tensor in tensors]
        if key not in self.graphs:
            specs = list(map(any_number_of_samples, tensors))
            if threads is None:
                with forgotten_gradients():
                    self.graphs[key] = _concrete(function, specs, self._autograph)
            else:
                self.graphs[key] = Standing(function, specs, threads, self._autograph)
        return self.graphs[key](*tensors)


def any_number_of_samples(tensor):
    """Return the specification of tensors like this one, with any length of the first axis."""
    if tensor is None:
        return None
    shape = [None, *tensor.shape[1:]] if len(tensor.shape) else []
    return tf.TensorSpec(shape, tensor.dtype)


def _concrete(function, specs, autograph):
    return tf.function(function, autograph=autograph).get_concrete_function(*specs)
