"""Graphs that run each operation on one thread, and a given number of operations at once.

How one operation divides its sums among threads, and so the last bits of the result, depends on
the number of threads. TensorFlow takes such limits for a whole process, or for a dataset. So
`confined` makes a dataset of one element, which the function computes. This file alone knows that.
"""

from functools import partial

import tensorflow as tf

from .gradient_registry import forgotten_gradients

__all__ = ["Traced", "confined"]


class Traced:
    """Calls functions as graphs, each of which is traced once for any number of samples.

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

        With 0, for a chain of operations, no threads are started for the call. ``tensors`` may
        hold None. Two functions that are equal share a graph.
        """
        dtypes = tuple(tensor is not None and tensor.dtype for tensor in tensors)
        key = function, threads and 1, dtypes
        if key not in self.graphs:
            specs = list(map(any_number_of_samples, tensors))
            with forgotten_gradients():
                if threads is None:
                    self.graphs[key] = _concrete(function, specs, self._autograph)
                else:
                    self.graphs[key] = confined(function, specs, self._autograph, threads > 0)
        if not threads:
            return self.graphs[key](*tensors)
        return self.graphs[key](tf.constant(threads, tf.int64), *tensors)


def any_number_of_samples(tensor):
    """Return the specification of tensors like this one, with any length of the first axis."""
    if tensor is None:
        return None
    shape = [None, *tensor.shape[1:]] if tensor.shape.rank else []
    return tf.TensorSpec(shape, tensor.dtype)


def _concrete(function, specs, autograph):
    return tf.function(function, autograph=autograph).get_concrete_function(*specs)


def confined(function, specs, autograph=True, own_threads=True):
    """Return a graph of ``function`` that takes a number of threads first, then its tensors.

    Parameters
    ----------
    function : callable
        Takes tensors, and None for each None of ``specs``; returns one tensor.
    specs : list of tf.TensorSpec or None
        What the function takes.
    autograph : bool, default=True
        As for `Traced`.
    own_threads : bool, default=True
        Whether threads are started for each call; if not, the graph takes no number of them.
    """
    function = _concrete(function, specs, autograph)

    @tf.autograph.experimental.do_not_convert  # the function is traced already
    def on_present(*present):
        present = iter(present)
        return function(*[spec if spec is None else next(present) for spec in specs])

    def with_threads(n_threads, *tensors):
        present = tuple(tensor for tensor in tensors if tensor is not None)
        dataset = tf.data.Dataset.from_tensors(present).map(on_present)
        return _single_element(dataset, n_threads, function.structured_outputs)

    if not own_threads:
        return _concrete(partial(with_threads, None), specs, autograph=False)
    return _concrete(with_threads, [tf.TensorSpec([], tf.int64), *specs], autograph=False)


def _has_raw_datasets():
    """Tell whether TensorFlow has the operations that take the number of threads as a tensor."""
    names = "MaxIntraOpParallelismDataset", "PrivateThreadPoolDataset", "DatasetToSingleElement"
    return all(hasattr(tf.raw_ops, name) for name in names)


def _single_element(dataset, n_threads, output):
    if not _has_raw_datasets():
        return _single_element_by_options(dataset)
    result = {"output_types": [output.dtype], "output_shapes": [output.shape]}
    dataset = tf.raw_ops.MaxIntraOpParallelismDataset(
        input_dataset=tf.data.experimental.to_variant(dataset),
        max_intra_op_parallelism=1,
        **result,
    )
    if n_threads is not None:
        dataset = tf.raw_ops.PrivateThreadPoolDataset(
            input_dataset=dataset, num_threads=n_threads, **result
        )
    return tf.raw_ops.DatasetToSingleElement(dataset=dataset, **result)[0]


def _single_element_by_options(dataset):
    """Return the element by the public options, which fix the number of operations at once.

    The bits are the same; small steps lose the time that a second thread costs them.
    """
    options = tf.data.Options()
    options.threading.max_intra_op_parallelism = 1
    return dataset.with_options(options).get_single_element()
