"""How many threads are taken, and for how much work."""

import os
import subprocess
import sys
import textwrap

import joblib
import pytest
import tensorflow as tf

from cae_sklearn._arrays import threads
from cae_sklearn._arrays.threads import follow_worker_limit, n_threads, threads_for


@pytest.mark.parametrize(("limit", "expected"), [("", None), ("some", None), ("3", 3)])
def test_the_environment_limits_the_threads(monkeypatch, limit, expected):
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", limit)
    expected = (
        tf.config.threading.get_intra_op_parallelism_threads() or expected or joblib.cpu_count()
    )
    assert n_threads.__wrapped__() == expected


def test_small_steps_take_one_thread(monkeypatch):
    monkeypatch.setattr(threads, "n_threads", lambda: 7)
    assert [threads_for(work) for work in (1e5, 3e7)] == [1, 7]
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: [kind])
    assert threads_for(1e5) is None


@pytest.mark.parametrize(
    ("worker", "limit", "expected"),
    [(True, "3", [3, 3]), (True, "0", []), (True, "all", []), (False, "3", [])],
)
def test_only_workers_follow_omp_num_threads(monkeypatch, worker, limit, expected):
    told = []
    monkeypatch.setenv("OMP_NUM_THREADS", limit)
    monkeypatch.setattr(threads, "parent_process", lambda: object() if worker else None)
    for kind in ("intra", "inter"):
        name = f"set_{kind}_op_parallelism_threads"
        monkeypatch.setattr(tf.config.threading, name, told.append)
    follow_worker_limit()
    assert told == expected


def test_a_worker_in_which_tensorflow_runs_is_left_alone(monkeypatch):
    def started(n):
        raise RuntimeError("already initialised")

    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setattr(threads, "parent_process", object)
    monkeypatch.setattr(tf.config.threading, "set_intra_op_parallelism_threads", started)
    follow_worker_limit()


WIDE = 3  # the index of the network whose channels are few and whose pixels are many
SAME_BITS = """
    import joblib, keras, numpy as np
    from cae_sklearn import CAEFeaturizer, ElasticNetBNMLPClassifier
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 256, (100, 16, 16, 3), np.uint8), rng.integers(0, 3, 100)
    wide = rng.integers(0, 256, (32, 32, 32, 3), np.uint8)  # large enough for several threads
    deep = {"whiten": False, "kernel_size": 3, "random_state": 0}
    for images, params in (
        (X, {"filters": 16}),
        (X, {"filters": 16, "batch_norm": True, "output_size": None, "n_components": 50}),
        (X, {**deep, "filters": (16, 8), "batch_norm": True}),
        (wide, {**deep, "filters": (64, 32, 16), "epochs": 1}),
        (X, {**deep, "filters": (16, 8), "optimizer": keras.optimizers.SGD(nesterov=True)}),
        (wide, {"filters": 160, "epochs": 1}),
    ):
        cae = CAEFeaturizer(**{"epochs": 2, "random_state": 0, **params}).fit(images)
        print(joblib.hash([cae.transform(images), cae.transform(images[:1])]))
    clf = ElasticNetBNMLPClassifier((1024, 8), epochs=2, batch_size=256, random_state=0)
    Z = np.repeat(X.reshape(100, -1), 3, 0)
    clf.fit(Z, np.repeat(y, 3))
    print(joblib.hash([clf.predict_proba(Z), clf.predict_proba(Z[:1])]))
"""


@pytest.mark.slow
def test_the_same_bits_for_any_number_of_threads_of_a_process():
    one, two, three = (
        subprocess.run(
            [sys.executable, "-c", textwrap.dedent(SAME_BITS)],
            env={**os.environ, "TF_NUM_INTRAOP_THREADS": n, "OMP_NUM_THREADS": n},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        for n in ("1", "2", "3")
    )
    assert len(one) == 7
    assert one == two
    # where TensorFlow uses Eigen, three threads share the sum of a product of few channels
    one.pop(WIDE), three.pop(WIDE)
    assert one == three
