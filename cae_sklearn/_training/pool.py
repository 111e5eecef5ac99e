"""The networks of this process, each lent to one user at a time."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import tensorflow as tf

IDLE_LIMIT = 12  # networks that are kept while nobody uses them
_process = os.getpid()
_idle = []  # pairs of key and network, last used last
_lock = threading.Lock()


@contextmanager
def borrowed(description, part, *arguments):
    """Lend the caller a network that nobody else uses meanwhile.

    Parameters
    ----------
    description : hashable with a method ``build``
        ``description.build(part, *arguments)`` makes the network; equal ones make equal ones.
    part : str
        Which network of the description is wanted, such as "trainer".
    *arguments : hashable
        What else it is made of.
    """
    check_process()
    key = description, part, *arguments
    with _lock:
        same = [i for i, (known, _) in enumerate(_idle) if known == key]
        network = _idle.pop(same[-1])[1] if same else None
    if network is None:
        network = built(description, part, *arguments)
    yield network
    with _lock:  # not after an error, which may have left it half made
        _idle.append((key, network))
        dropped = _idle[:-IDLE_LIMIT]
        del _idle[:-IDLE_LIMIT]
    for _, network in dropped:
        network.traced.graphs.clear()  # their threads and memory need not wait for the collector


def built(description, part, *arguments):
    """Return a new network, built in a thread of its own.

    KeyboardInterrupt does not reach it there. In between Keras would be left in the scope of some
    layer, in which all that is built later in this thread has other names. In a new thread the
    user's scopes and Keras's counters of names are not there either.
    """
    check_process()
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(description.build, part, *arguments).result()


def check_process():
    """Raise an error where TensorFlow cannot work: after a fork, or in a distribution scope."""
    if os.getpid() != _process:
        raise RuntimeError(
            "TensorFlow does not survive a fork. Start worker processes with joblib, Dask or "
            "multiprocessing's 'spawn' method, or fit for the first time after the fork."
        )
    if tf.distribute.has_strategy():
        raise RuntimeError(
            "cae_sklearn trains and predicts on one machine and cannot work inside the scope of a "
            "tf.distribute strategy. Call fit and predict outside of it."
        )


def outputs(description, part, weights, x):
    """Return what a network that is lent by the pool gives for each sample of ``x``.

    Raises
    ------
    ValueError
        Where the result is not finite, since values of ``x`` are too large for float32.
    """
    result = unchecked_outputs(description, part, weights, x)
    if not np.isfinite(result).all():
        raise ValueError(
            "X has values so far from those seen in fit that the network's float32 numbers "
            f"overflow: {int((~np.isfinite(result)).sum())} of {result.size} results would be "
            "infinite or nan. Leave such samples out, or rescale X before fit."
        )
    return result


def unchecked_outputs(description, part, weights, x):
    """Return what `outputs` does, finite or not."""
    with borrowed(description, part) as predictor:
        predictor.load(weights)
        return predictor(x)
