"""Graphs on a given number of threads: the same bits, with TensorFlow's raw operations or not."""

import numpy as np
import pytest
import tensorflow as tf

from cae_sklearn._arrays import confined as module
from cae_sklearn._arrays.confined import Standing, Traced, any_number_of_samples, confined


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
    return confined_on(1, tensors)


def confined_on(threads, tensors):
    specs = [*map(any_number_of_samples, tensors[:2]), tf.TensorSpec(tensors[2].shape)]
    graph = confined(gradient_of_a_convolution, specs)
    return graph(tf.constant(threads, tf.int64), *tensors).numpy()


def test_a_confined_graph_computes_the_function(tensors, expected):
    np.testing.assert_allclose(gradient_of_a_convolution(*tensors), expected, rtol=1e-4, atol=0.1)
    assert np.abs(expected).max() > 100


def test_three_threads_give_the_bits_of_one(tensors, expected):
    np.testing.assert_array_equal(confined_on(3, tensors), expected)


@pytest.mark.parametrize("threads", [1, 3])
def test_public_options_give_the_same_bits(tensors, expected, threads, monkeypatch):
    monkeypatch.setattr(module, "_has_raw_datasets", lambda: False)
    monkeypatch.delattr(tf.raw_ops, "MaxIntraOpParallelismDataset")
    np.testing.assert_array_equal(confined_on(threads, tensors), expected)


def test_the_fallback_serves_releases_without_the_operations(monkeypatch):
    assert module._has_raw_datasets()
    monkeypatch.delattr(tf.raw_ops, "PrivateThreadPoolDataset")
    assert not module._has_raw_datasets()


def test_what_stands_ready_gives_the_bits_of_one_thread(tensors, expected):
    x, _, kernel = tensors
    graph = Standing(lambda x: gradient_of_a_convolution(x, None, kernel), x.shape[1:], x.dtype)
    for _ in range(3):
        np.testing.assert_array_equal(graph(x.numpy()), expected)
    assert np.any(graph(x.numpy()[:4]).numpy() != expected)
    assert np.any(graph(2 * x.numpy()).numpy() != expected)
    np.testing.assert_array_equal(graph(x.numpy()), expected)


def test_what_stands_ready_survives_an_error():
    def of_one(x):
        tf.debugging.assert_equal(tf.shape(x)[0], 1)
        return 2 * x

    graph = Standing(of_one, (3,), tf.uint8)
    with pytest.raises(tf.errors.InvalidArgumentError):
        graph(np.ones((2, 3), np.uint8))
    np.testing.assert_array_equal(graph(np.ones((1, 3), np.uint8)), np.full((1, 3), 2))


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
    assert len(n_traced) == len(traced.graphs) == 2  # confined and not
    np.testing.assert_array_equal(traced(double, x, tf.constant(3.0), threads=1), 3 * x)
    assert len(traced.graphs) == 3


def test_any_length_is_that_of_the_first_axis():
    spec = any_number_of_samples(tf.ones((4, 3)))
    assert spec.shape.as_list() == [None, 3]
    assert any_number_of_samples(tf.constant(1.0)).shape.as_list() == []
    assert any_number_of_samples(None) is None
