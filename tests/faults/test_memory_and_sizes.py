"""Memory and time: what a fit leaves behind, and sizes that are absurd or merely large."""

import gc
import os
import shlex
import subprocess
import sys
import time
import tracemalloc

import keras
import numpy as np
import psutil
import pytest
import tensorflow as tf

from cae_sklearn._training import pool

# -- what a fit leaves behind --------------------------------------------------

pytestmark = pytest.mark.slow


def n_graphs():
    """Count the graphs of TensorFlow that are alive."""
    gc.collect()
    return sum(isinstance(thing, tf.Graph) for thing in gc.get_objects())


class Quiet(keras.callbacks.Callback):
    """Does nothing, but nobody can know."""


def with_own_optimizer(make_classifier, make_featurizer):
    return make_classifier(optimizer=keras.optimizers.SGD(0.1, nesterov=True), epochs=1)


def with_own_callback(make_classifier, make_featurizer):
    return make_classifier(callbacks=[Quiet()], epochs=1)


def deep_with_own_optimizer(make_classifier, make_featurizer):
    return make_featurizer(whiten=False, optimizer=keras.optimizers.SGD(0.1, nesterov=True))


def whitened_with_own_callback(make_classifier, make_featurizer):
    return make_featurizer(callbacks=[Quiet()])


@pytest.mark.parametrize("make", [with_own_optimizer, with_own_callback])
def test_networks_that_are_built_for_one_fit_leave_no_graphs(
    blobs, make_classifier, make_featurizer, make
):
    estimator = make(make_classifier, make_featurizer)
    estimator.fit(*blobs)
    before = n_graphs()
    for _ in range(3):
        estimator.fit(*blobs)
    assert n_graphs() <= before + 3


@pytest.mark.slow
@pytest.mark.parametrize("make", [deep_with_own_optimizer, whitened_with_own_callback])
def test_featurizers_that_are_built_for_one_fit_leave_no_graphs(
    digits, make_classifier, make_featurizer, make
):
    estimator = make(make_classifier, make_featurizer)
    estimator.fit(digits[0][:60])
    before = n_graphs()
    for _ in range(2):
        estimator.fit(digits[0][:60])
    assert n_graphs() <= before + 2


def test_partial_fit_with_an_own_optimizer_leaves_no_graphs(blobs, make_classifier):
    X, y = blobs
    estimator = make_classifier(optimizer=keras.optimizers.SGD(0.1, nesterov=True))
    estimator.partial_fit(X, y, classes=[0, 1, 2])
    before = n_graphs()
    for _ in range(3):
        estimator.partial_fit(X, y)
    assert n_graphs() <= before + 3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("units", "limit"),
    [(range(3, 19), 1.5), ([8] * 16, 1.0)],  # TensorFlow keeps a kernel for each new shape
    ids=["of other sizes", "of one size, not kept"],
)
def test_memory_stays_flat_over_many_networks(blobs, make_classifier, units, limit):
    X, y = blobs
    memory = []
    for n_units in units:
        make_classifier(hidden_layer_sizes=(n_units,), epochs=1).fit(X, y)
        pool._idle.clear()
        gc.collect()
        memory.append(psutil.Process().memory_info().rss / 2**20)
    growth = np.polyfit(np.arange(10), memory[-10:], 1)[0]
    assert growth < limit, f"{growth:.1f} MiB a fit"


# -- pooling -------------------------------------------------------------------


@pytest.mark.parametrize("whiten", [True, False])
def test_graphs_hold_no_matrix_of_cells_times_pixels(make_featurizer, whiten):
    """Such a matrix, 16^2 x 128^2 here, takes 16 MiB; pooling is separable."""
    images = np.random.default_rng(0).normal(size=(4, 128, 128))
    settings = {"filters": 2, "kernel_size": 2, "output_size": 16, "n_components": 8, "shift": 0}
    network = make_featurizer(whiten=whiten).set_params(**settings, epochs=0).fit(images)
    encoder = network.encoder_
    graph = tf.function(encoder).get_concrete_function(tf.TensorSpec((None, 128, 128, 1))).graph
    assert graph.as_graph_def().ByteSize() < 2**20


@pytest.mark.parametrize("size", [(8, 8), (7, 9), (13, 6)])
@pytest.mark.parametrize("grid", [1, 3, (2, 5)])
def test_the_first_features_are_the_means_of_the_cells(make_featurizer, size, grid):
    """A deep network without convolution to speak of: cells may begin within a pixel."""
    images = np.random.default_rng(0).normal(size=(10, *size))
    settings = {"filters": 3, "kernel_size": 1, "activation": "linear", "epochs": 0}
    settings |= {"shift": 0.0, "n_components": None}
    whole, pooled = (
        make_featurizer(whiten=False).set_params(output_size=cells, **settings).fit(images)
        for cells in (None, grid)
    )
    code = whole.transform(images).reshape(10, -(-size[0] // 2), -(-size[1] // 2), 3)
    rows, columns = (
        min(n, m) for n, m in zip(np.broadcast_to(grid, 2), code.shape[1:3], strict=True)
    )
    expected = np.einsum(
        "ih,jw,nhwc->nijc", _means(code.shape[1], rows), _means(code.shape[2], columns), code
    )
    np.testing.assert_allclose(pooled.transform(images), expected.reshape(10, -1), atol=1e-5)


def _means(length, n_cells):
    """Return the matrix that averages over equal intervals of an axis."""
    fine = np.repeat(np.eye(length), n_cells, axis=1)  # each pixel in n_cells parts
    return fine.reshape(length, n_cells, length).mean(axis=2).T


MEASURE = """
import resource, sys, time
import numpy as np
from cae_sklearn import CAEFeaturizer
rng = np.random.default_rng(0)
images = rng.normal(size={shape}).astype(np.float32)
start = time.monotonic()
CAEFeaturizer(epochs=1, random_state=0, **{params}).fit(images).transform(images)
print(time.monotonic() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shape", "params", "seconds", "gigabytes"),
    [
        ((8, 512, 512), {"filters": 16, "output_size": 16}, 60, 3),
        ((6, 2048, 2048), {}, 90, 5),
        ((100, 9, 9, 200), {}, 60, 3),
        ((40, 16, 16, 200), {}, 60, 3),
    ],
    ids=["fine grid", "large images", "patches of a spectrum", "images of a spectrum"],
)
def test_large_images_take_bounded_time_and_memory(shape, params, seconds, gigabytes):
    program = MEASURE.format(shape=shape, params=params)
    environment = {**os.environ, "TF_NUM_INTRAOP_THREADS": "1"}
    limit = f"ulimit -v {24 * 2**20}; exec {sys.executable} -c {shlex.quote(program)}"
    done = subprocess.run(
        ["bash", "-c", limit], capture_output=True, text=True, timeout=240, env=environment
    )
    assert done.returncode == 0, done.stderr[-500:]
    taken, peak = map(float, done.stdout.split())
    assert taken < seconds
    assert peak < gigabytes


def test_many_channels_take_bounded_memory(make_featurizer):
    """Patches of 5 x 5 x 50 numbers: neither 50,000 of them nor their full covariance."""
    images = np.random.default_rng(0).normal(size=(40, 10, 10, 50)).astype(np.float32)
    network = make_featurizer(n_components=20)
    tracemalloc.start()
    start = time.process_time()
    try:
        network.fit(images)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 200 * 2**20
    assert time.process_time() - start < 60
    assert np.isfinite(network.transform(images)).all()


# -- sizes that are absurd -----------------------------------------------------


@pytest.mark.parametrize("sizes", [(10**12,), (10**7, 10**7), (10**11, 3), (3, 10**12)])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_absurd_layers_are_refused_with_their_size(blobs, make_classifier, sizes, method):
    X, y = blobs
    network = make_classifier(hidden_layer_sizes=sizes)
    with pytest.raises((ValueError, MemoryError), match=r"hidden_layer_sizes.*[GTP]i?B"):
        if method == "fit":
            network.fit(X, y)
        else:
            network.partial_fit(X, y, classes=[0, 1, 2])


@pytest.mark.parametrize(
    ("name", "value", "whiten"),
    [
        ("filters", 10**12, True),
        ("filters", 10**12, False),
        ("filters", (10**7, 10**7), False),
        ("kernel_size", 10**7, False),
    ],
)
def test_absurd_filters_are_refused_with_their_size(digits, make_featurizer, name, value, whiten):
    network = make_featurizer(whiten=whiten).set_params(**{name: value})
    with pytest.raises((ValueError, MemoryError), match=f"{name}.*[GTP]i?B"):
        network.fit(digits[0][:60])


def test_many_classes_are_refused_with_their_size(make_classifier):
    """An output of 2,000,000 classes for 1,000,000 hidden units."""
    network = make_classifier(hidden_layer_sizes=(10**6,))
    with pytest.raises((ValueError, MemoryError), match=r"hidden_layer_sizes.*[GTP]i?B"):
        network.partial_fit(np.ones((2, 3)), [0, 1], classes=np.arange(2 * 10**6))
