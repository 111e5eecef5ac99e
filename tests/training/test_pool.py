"""The pool: bounded, exclusive, and without growth of memory."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from joblib import Parallel, delayed

from cae_sklearn import ElasticNetBNMLPClassifier
from cae_sklearn._training import pool
from cae_sklearn._training.pool import borrowed, built

IDLE_LIMIT = 12


class Network(list):
    """A network that has traced something."""

    def __init__(self, *args):
        super().__init__(args)
        self.traced = SimpleNamespace(graphs={"a": "graph"})


class Named(str):
    """The description of a network that is nothing but an object."""

    n_built = 0

    def build(self, part):
        type(self).n_built += 1
        return Network(self, part)


@pytest.fixture(autouse=True)
def empty_pool(monkeypatch):
    monkeypatch.setattr(pool, "_idle", [])
    monkeypatch.setattr(pool, "IDLE_LIMIT", IDLE_LIMIT)


def use(*names):
    for name in names:
        with borrowed(Named(name), "trainer"):
            pass


def test_what_is_built_has_its_names_whatever_scope_an_interrupt_left(blobs):
    with keras.name_scope("left"), tf.name_scope("left"):
        clf = ElasticNetBNMLPClassifier((5,), epochs=1, random_state=0).fit(*blobs)
    assert clf.n_iter_ == 1


def test_an_interrupt_waits_until_the_network_is_built():
    class Slow(Named):
        def build(self, part):
            time.sleep(0.5)
            ended.append(part)

    ended = []
    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        built(Slow("a"), "trainer")
    assert ended == ["trainer"]


def test_a_dropped_network_lets_go_of_its_graphs():
    with borrowed(Named("a"), "trainer") as network:
        pass
    use(*map(str, range(IDLE_LIMIT - 1)))
    assert network.traced.graphs
    use("the last one")
    assert not network.traced.graphs


def test_a_network_serves_one_after_the_other():
    before = Named.n_built
    use("a", "b", "a")
    assert Named.n_built == before + 2
    with borrowed(Named("a"), "trainer") as one, borrowed(Named("a"), "trainer") as other:
        assert one is not other
    with borrowed(Named("a"), "predictor") as predictor:
        assert predictor == ["a", "predictor"]


def test_the_pool_is_bounded_and_keeps_what_was_used_last():
    use("first", *map(str, range(IDLE_LIMIT - 1)), "first", "last")
    assert len(pool._idle) == IDLE_LIMIT
    names = [description for (description, _), _ in pool._idle]
    assert names[-2:] == ["first", "last"]
    assert "0" not in names


def test_a_lent_or_lost_network_does_not_hinder_others():
    others = [str(i) for i in range(IDLE_LIMIT + 3)]
    use(*others, "a")
    with pytest.raises(ZeroDivisionError), borrowed(Named("a"), "trainer") as lost:
        raise ZeroDivisionError
    with borrowed(Named("a"), "trainer") as lent:
        assert lent is not lost
        use(*others)
    assert len(pool._idle) == IDLE_LIMIT
    assert pool._idle[-1][1] is lent


def test_a_forked_process_is_told_apart(monkeypatch):
    monkeypatch.setattr(pool, "_process", multiprocessing.current_process().pid + 1)
    with pytest.raises(RuntimeError, match="does not survive a fork"):
        use("a")


MEMORY = """
import gc
import numpy as np, psutil
from cae_sklearn import ElasticNetBNMLPClassifier

rng = np.random.default_rng(0)
y = rng.integers(0, 3, 300)
X = np.float32(rng.normal(size=(300, 10)) + 2 * np.eye(3, 10)[y])
memory = []
for n_fits in (20, 40):
    for i in range(n_fits):
        ElasticNetBNMLPClassifier(epochs=1, random_state=i).fit(X, y).predict(X)
    gc.collect()
    memory.append(psutil.Process().memory_info().rss / 2**20)
print(memory[1] - memory[0])
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_fits():
    """In a process of its own: what other tests leave behind comes and goes."""
    done = subprocess.run(
        [sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True
    )
    assert float(done.stdout) < 10  # MB; plain Keras takes some 300


@pytest.mark.slow
def test_threads_do_not_disturb_each_other(blobs):
    X, y = blobs

    def fit(seed):
        clf = ElasticNetBNMLPClassifier((8,), epochs=3, random_state=seed).fit(X, y)
        return clf.predict_proba(X)

    alone = [fit(seed) for seed in range(3)]
    together = Parallel(n_jobs=3, backend="threading")(delayed(fit)(seed) for seed in range(3))
    np.testing.assert_array_equal(alone, together)
    assert threading.active_count() < 50
