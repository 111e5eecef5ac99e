"""How many threads TensorFlow may take, and how many of them a computation is worth."""

import os
from contextlib import suppress
from functools import cache
from multiprocessing import parent_process

import joblib
import tensorflow as tf

LEAST_WORK = 2e7  # multiplications that are worth a second thread


def follow_worker_limit():
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


follow_worker_limit()  # once, before TensorFlow starts its own threads


@cache
def n_threads():
    """Count the threads that TensorFlow, which runs by now, may take."""
    number = tf.config.threading.get_intra_op_parallelism_threads()
    return number or _from_environment("TF_NUM_INTRAOP_THREADS") or joblib.cpu_count()


def n_inter_op_threads():
    """Count the threads on which TensorFlow runs operations side by side."""
    number = tf.config.threading.get_inter_op_parallelism_threads()
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return number or _from_environment("TF_NUM_INTEROP_THREADS") or usable


def _from_environment(name):
    limit = os.environ.get(name, "")
    return int(limit) if limit.isdigit() else 0


def threads_for(work):
    """Return how many operations of a graph should run at once.

    ``work`` counts the multiplications of the forward pass: in a small step threads only wait
    for each other. None where a GPU does the work, which needs no such limit.
    """
    if tf.config.list_logical_devices("GPU"):
        return None
    return 1 if work < LEAST_WORK else n_threads()
