"""Graphs that run each operation on one thread, and a given number of operations at once.

How one operation divides its sums among threads, and so the last bits of the result, depends on
the number of threads. TensorFlow takes such limits for a whole process, or for a dataset. So
`confined` makes a dataset of one element, which the function computes, and `Standing` takes the
elements of one that does not end. This file alone knows that.
"""

import tensorflow as tf

from .gradient_registry import forgotten_gradients

__all__ = ["Standing", "Traced", "confined"]


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

        ``tensors`` may hold None. Two functions that are equal share a graph.
        """
        dtypes = tuple(tensor is not None and tensor.dtype for tensor in tensors)
        key = function, threads is None, dtypes
        if key not in self.graphs:
            specs = list(map(any_number_of_samples, tensors))
            with forgotten_gradients():
                if threads is None:
                    self.graphs[key] = _concrete(function, specs, self._autograph)
                else:
                    self.graphs[key] = confined(function, specs, self._autograph)
        if threads is None:
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


class Standing:
    """A function of one tensor that is called often, its operations one by one on one thread.

    It is the map of an endless dataset of which each call takes an element. Such an iterator
    stands ready; what `confined` returns makes a dataset in each call, which takes longer than a
    small network.

    Parameters
    ----------
    function : callable
        Takes a tensor and returns one.
    shape : tuple of int
        Of a sample.
    dtype : tf.DType
        Of samples.
    """

    def __init__(self, function, shape, dtype):
        self._input = x = tf.Variable(
            tf.zeros([0, *shape], dtype), shape=tf.TensorShape([None, *shape]), trainable=False
        )
        with forgotten_gradients():
            function = _concrete(function, [tf.TensorSpec([None, *shape], dtype)], autograph=False)

            @tf.autograph.experimental.do_not_convert
            def of_present(_):
                return function(x.read_value())

            dataset = tf.data.Dataset.from_tensors(0).repeat().map(of_present)
        options = tf.data.Options()
        options.threading.max_intra_op_parallelism = 1
        options.autotune.enabled = options.experimental_optimization.apply_default_optimizations = (
            False
        )
        self._results = iter(dataset.with_options(options))

    def __call__(self, x):
        """Return the tensor that the function gives for an array; not for two threads at once."""
        tf.raw_ops.AssignVariableOp(resource=self._input.handle, value=x)  # `assign` looks longer
        return self._results.get_next()


def confined(function, specs, autograph=True):
    """Return a graph of ``function`` that takes a number of threads first, then its tensors.

    Parameters
    ----------
    function : callable
        Takes tensors, and None for each None of ``specs``; returns one tensor.
    specs : list of tf.TensorSpec or None
        What the function takes.
    autograph : bool, default=True
        As for `Traced`.
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
