"""Graphs that stand ready on a given number of threads: the bits of one thread."""

import gc
import os
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import psutil
import pytest
import tensorflow as tf

from cae_sklearn._arrays import confined as module
from cae_sklearn._arrays.confined import Standing, Traced, any_number_of_samples


def gradient_of_a_convolution(x, missing, kernel):
    """Something whose sums depend on the threads where nothing confines them."""
    assert missing is None
    with tf.GradientTape() as tape:
        tape.watch(kernel)
        y = tf.reduce_sum(tf.nn.conv2d(x, kernel, 1, "SAME") ** 2)
    return tape.gradient(y, kernel)


@pytest.fixture(scope="module")
def tensors():
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=(16, 12, 12, 3)), rng.normal(size=(3, 3, 3, 4))
    return tf.constant(x, tf.float32), None, tf.constant(kernel, tf.float32)


@pytest.fixture(scope="module")
def expected(tensors):
    return standing(tensors)(*tensors).numpy()


def standing(tensors, n_threads=1):
    specs = [*map(any_number_of_samples, tensors[:2]), tf.TensorSpec(tensors[2].shape)]
    return Standing(gradient_of_a_convolution, specs, n_threads)


def doubled(n_threads=1):
    return Standing(lambda x: 2 * x, [tf.TensorSpec([None, 3])], n_threads)


def test_it_computes_the_function(tensors, expected):
    np.testing.assert_allclose(gradient_of_a_convolution(*tensors), expected, rtol=1e-4, atol=0.1)
    assert np.abs(expected).max() > 100


def test_three_threads_give_the_bits_of_one(tensors, expected):
    np.testing.assert_array_equal(standing(tensors, 3)(*tensors), expected)


def test_each_call_has_its_own_tensors(tensors, expected):
    x, _, kernel = tensors
    graph = standing(tensors)
    for _ in range(3):
        np.testing.assert_array_equal(graph(*tensors), expected)
    assert np.any(graph(x[:4], None, kernel).numpy() != expected)
    assert np.any(graph(2 * x, None, kernel).numpy() != expected)
    np.testing.assert_array_equal(graph(x.numpy(), None, kernel.numpy()), expected)


def test_an_error_of_the_function_is_raised_and_the_next_call_is_served():
    def of_one(x):
        tf.debugging.assert_equal(tf.shape(x)[0], 1)
        return 2 * x

    graph = Standing(of_one, [tf.TensorSpec([None, 3], tf.uint8)], 1)
    with pytest.raises(tf.errors.InvalidArgumentError):
        graph(np.ones((2, 3), np.uint8))
    np.testing.assert_array_equal(graph(np.ones((1, 3), np.uint8)), np.full((1, 3), 2))


def test_a_call_after_an_interrupted_one_has_its_own_tensors(monkeypatch):
    graph = doubled()
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(graph, "_results", Interrupting())
        graph(tf.ones((2, 3)))
    np.testing.assert_array_equal(graph(tf.zeros((1, 3))), np.zeros((1, 3)))


class Interrupting:
    def get_next(self):
        raise KeyboardInterrupt


def test_threads_may_call_it_side_by_side():
    graph = doubled(2)
    with ThreadPoolExecutor(8) as executor:
        results = list(executor.map(graph, [tf.fill((i % 7 + 1, 3), float(i)) for i in range(200)]))
    for i, result in enumerate(results):
        np.testing.assert_array_equal(result, np.full((i % 7 + 1, 3), 2.0 * i))


def test_it_may_be_a_part_of_another_graph():
    traced = Traced()

    @tf.function
    def twice(x):
        return traced(tf.square, traced(tf.square, x, threads=1) + 1.0, threads=1)

    for n in (2, 1):
        x = tf.fill((n, 3), 3.0)
        np.testing.assert_array_equal(twice(x), np.full((n, 3), 100.0))
    assert len(traced.graphs) == 1


def test_neither_tensors_nor_threads_outlive_it():
    before = threading.active_count(), psutil.Process().num_threads()
    graph = doubled(5)
    x = tf.zeros((20_000_000, 3))
    memory = psutil.Process().memory_info().rss
    graph(x)
    del x
    assert psutil.Process().memory_info().rss < memory - 200e6
    assert psutil.Process().num_threads() >= before[1] + 5
    del graph
    gc.collect()
    assert psutil.Process().num_threads() < before[1] + 5
    assert threading.active_count() == before[0]


def test_its_threads_are_those_of_the_process_where_these_are_as_many(monkeypatch):
    doubled()(tf.ones((1, 3)))  # TensorFlow runs by now
    before = psutil.Process().num_threads()
    monkeypatch.setattr(module, "n_inter_op_threads", lambda: 5)
    graphs = [doubled(5) for _ in range(10)]
    for graph in graphs:
        np.testing.assert_array_equal(graph(tf.ones((1, 3))), np.full((1, 3), 2))
    assert psutil.Process().num_threads() < before + 30  # of 5 each it would be 50 more


@pytest.mark.parametrize(("by_config", "by_environment", "n"), [(3, "4", 3), (0, "4", 4)])
def test_the_threads_of_the_process_are_counted(monkeypatch, by_config, by_environment, n):
    threads = tf.config.threading
    monkeypatch.setattr(threads, "get_inter_op_parallelism_threads", lambda: by_config)
    monkeypatch.setenv("TF_NUM_INTEROP_THREADS", by_environment)
    assert module.n_inter_op_threads() == n
    monkeypatch.setenv("TF_NUM_INTEROP_THREADS", "")
    assert module.n_inter_op_threads() == (by_config or len(os.sched_getaffinity(0)))


@pytest.mark.parametrize("leave", ["os._exit", "sys.exit"])
def test_a_forked_child_collects_garbage_and_ends(leave):
    script = f"""
        import gc, os, sys
        import tensorflow as tf
        from cae_sklearn._arrays.confined import Standing

        def standing():
            return Standing(lambda x: 2 * x, [tf.TensorSpec([None])], 2)

        gc.disable()
        kept, lost = standing(), standing()
        kept(tf.ones(2)), lost(tf.ones(2))
        lost.itself = lost
        del lost
        child = os.fork()
        if not child:
            del kept
            gc.collect()
            {leave}(7)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """
    command = [sys.executable, "-W", "ignore", "-c", textwrap.dedent(script)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ended.stdout == "7\n", ended.stderr


def test_a_function_is_traced_once_for_any_number_of_samples():
    n_traced = []

    def double(x, factor):
        n_traced.append(x.shape)
        return 2.0 * x if factor is None else factor * x

    traced = Traced()
    for threads in (1, 2, None):
        for n in (1, 5):
            x = tf.ones((n, 3))
            np.testing.assert_array_equal(traced(double, x, None, threads=threads), 2 * x)
    assert len(n_traced) == len(traced.graphs) == 3
    np.testing.assert_array_equal(traced(double, x, tf.constant(3.0), threads=1), 3 * x)
    assert len(traced.graphs) == 4


def test_any_length_is_that_of_the_first_axis():
    spec = any_number_of_samples(tf.ones((4, 3)))
    assert spec.shape.as_list() == [None, 3]
    assert any_number_of_samples(tf.constant(1.0)).shape.as_list() == []
    assert any_number_of_samples(None) is None
