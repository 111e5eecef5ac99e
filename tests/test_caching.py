"""The cache: each call computed once, no waiting in rings, and disks as they are."""

import errno
import fcntl
import os
import pickle
import threading
import time
import warnings

import joblib
import keras
import numpy as np
import pytest
from forked import run
from marks import slowly
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

import cae_sklearn.caching
from cae_sklearn import CAEFeaturizer, ElasticNetBNMLPClassifier
from cae_sklearn._tokens import stable_hash
from cae_sklearn.caching import FitOnceMemory


class CountFits(keras.callbacks.Callback):
    """Add a line to a file at each fit, in whatever process."""

    def __init__(self, path):
        super().__init__()
        self.path = str(path)

    def on_train_begin(self, logs=None):
        with open(self.path, "a") as file:
            file.write("fit\n")


def search(memory=None, n_jobs=1, **params):
    small = {"filters": 4, "kernel_size": 3, "n_components": 10, "epochs": 0, "random_state": 0}
    featurizer = CAEFeaturizer(**{**small, **params})
    clf = ElasticNetBNMLPClassifier((8,), epochs=1, early_stopping=False, random_state=0)
    model = Pipeline([("cae", featurizer), ("clf", clf)], memory=memory)
    return GridSearchCV(model, {"clf__alpha": [1e-6, 1e-2]}, cv=2, n_jobs=n_jobs)


@pytest.mark.parametrize("n_jobs", [1, *slowly([2])])
def test_a_grid_fits_the_featurizer_once_per_fold(digits, tmp_path, n_jobs):
    X, y = digits[0][:100], digits[1][:100]
    count = tmp_path / "count"
    memory = FitOnceMemory(tmp_path / "cache", verbose=0)
    cached = search(memory, n_jobs, callbacks=[CountFits(count)]).fit(X, y)
    assert len(count.read_text().splitlines()) == 2 + 1
    plain = search().fit(X, y)
    np.testing.assert_array_equal(
        cached.cv_results_["mean_test_score"], plain.cv_results_["mean_test_score"]
    )


def test_an_optimizer_and_callbacks_are_known_again(digits, tmp_path):
    X, y = digits[0][:60], digits[1][:60]
    count = tmp_path / "count"
    callback = CountFits(count)
    callback.set_model(keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]))
    search(
        FitOnceMemory(tmp_path / "cache", verbose=0),
        optimizer=keras.optimizers.SGD(),
        callbacks=[callback],
    ).fit(X, y)
    assert len(count.read_text().splitlines()) == 2 + 1


class Renamed(keras.optimizers.SGD):
    """An optimizer that Keras numbers, as it has no name of its own."""

    def __init__(self, learning_rate=0.1):
        super().__init__(learning_rate)
        self.name = f"renamed_{id(self)}"


def network(seed=0):
    start = keras.initializers.GlorotUniform(seed)
    return keras.Sequential(
        [keras.Input((3,), name="x"), keras.layers.Dense(2, name="y", kernel_initializer=start)],
        name="network",
    )


MAKERS = {
    "optimizer": lambda rate: keras.optimizers.SGD(rate),
    "own optimizer": lambda rate: Renamed(rate),
    "schedule": lambda rate: keras.optimizers.Adam(
        keras.optimizers.schedules.ExponentialDecay(rate, 10, 0.5)
    ),
    "callback": lambda rate: keras.callbacks.EarlyStopping(min_delta=rate),
    "in an estimator": lambda rate: CAEFeaturizer(optimizer=keras.optimizers.SGD(rate)),
    "model": lambda rate: network(round(10 * rate)),
}


@pytest.mark.parametrize("kind", MAKERS)
def test_a_hash_tells_keras_objects_by_class_and_configuration(kind, monkeypatch):
    make = MAKERS[kind]
    first = stable_hash([make(0.1)])
    now = time.time() + 5
    monkeypatch.setattr(time, "time", lambda: now)  # what zip archives write
    time.sleep(1.1 if kind == "model" else 0)  # what Keras writes
    assert stable_hash([make(0.1)]) == first
    assert stable_hash([make(0.2)]) != first


def test_the_hash_of_other_values_is_joblibs():
    values = [1, "a", {"b": {2, 3}}, np.arange(4), ElasticNetBNMLPClassifier(), np.dtype("f4")]
    for value in values:
        assert stable_hash(value) == joblib.hash(value)


def test_a_cached_function_has_what_joblibs_have(tmp_path):
    memory = FitOnceMemory(tmp_path, verbose=0)
    cached = memory.cache(np.square)
    assert cached(3) == 9
    assert cached.check_call_in_cache(3) and not cached.check_call_in_cache(4)
    assert pickle.loads(pickle.dumps(cached)).check_call_in_cache(3)
    assert memory.cache(cached).check_call_in_cache(3)
    assert cached.call_and_shelve(3).get() == 9
    cached.clear(warn=False)
    assert not cached.check_call_in_cache(3)
    assert FitOnceMemory(None).cache(np.square)(3) == 9


def test_the_second_cache_of_a_process_serves_others(tmp_path):
    code = """
        def double(x):
            open("count", "a").write("x")
            return 2 * x

        def use(*folders):
            for folder in folders:
                assert FitOnceMemory(folder, verbose=0).cache(double)(21) == 42

        fresh(lambda: use("first", "second"))
        fresh(lambda: use("second"))
        fresh(lambda: use("first"))
        print(open("count").read())
    """
    assert run(code, tmp_path) == "xx\n"


@pytest.mark.parametrize("shelved", [False, True])
def test_equal_calls_of_threads_run_one_after_the_other(tmp_path, shelved):
    calls = []

    def slow(x):
        calls.append(x)
        time.sleep(0.2)
        return -x

    cached = FitOnceMemory(tmp_path, verbose=0).cache(slow)
    call = cached.call_and_shelve if shelved else cached
    threads = [threading.Thread(target=call, args=(x,)) for x in (1, 2, 1, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(calls) == [1, 2]


def test_a_cached_function_may_call_others_with_equal_arguments(tmp_path):
    code = """
        memory = FitOnceMemory("cache", verbose=0)

        @memory.cache
        def inner(x):
            return x + 1

        @memory.cache
        def outer(x):
            return 10 * inner(x)

        @memory.cache(ignore=["depth"])
        def itself(x, depth):
            return itself(x, depth - 1) + 1 if depth else x

        print(outer(3), itself(3, 2))
    """
    assert run(code, tmp_path) == "40 5\n"


def test_processes_do_not_wait_in_a_ring(tmp_path):
    code = """
        memory = FitOnceMemory("cache", verbose=0)

        def together(n, i):
            open(f"{n}-{i}", "w").close()  # all hold a lock before any asks for the next one
            while len(list(Path().glob(f"{n}-*"))) < n:
                time.sleep(0.01)

        @memory.cache
        def f(n, i):
            together(n, i)
            return g(n, (i + 1) % n)

        @memory.cache
        def g(n, i):
            time.sleep(0.1)
            return i

        @memory.cache(ignore=["last"])
        def node(n, i, last=False):
            if not last:
                together(n, i)
                node(n, (i + 1) % n, last=True)
            return i

        for n in (2, 3):
            fresh(*[lambda i=i: f(n, i) == (i + 1) % n or sys.exit("wrong") for i in range(n)])
            for path in Path().glob(f"{n}-*"):
                path.unlink()
            fresh(*[lambda i=i: node(n, i) == i or sys.exit("wrong") for i in range(n)])
        print("done")
    """
    assert run(code, tmp_path) == "done\n"


@pytest.fixture
def warm(tmp_path, monkeypatch):
    """Return a cached function that has one result stored, and that no warning told of yet."""
    monkeypatch.setattr(cae_sklearn.caching, "_warned", set())
    monkeypatch.setattr(cae_sklearn.caching, "PATIENCE", 0.1)
    cached = FitOnceMemory(tmp_path, verbose=0).cache(np.square)
    cached(3)
    return cached


def answers(cached, match):
    """Check that calls are answered, with one warning; say whether they are still cached."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert [cached(3), cached(3), cached.call_and_shelve(3).get()] == [9, 9, 9]
        assert cached(4) == 16
        assert cached.call_and_shelve(5).get() == 25
    (warning,) = caught
    assert match in str(warning.message)


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EIO])
def test_where_locks_are_refused_it_is_joblibs_memory(warm, monkeypatch, number):
    def refuse(*args):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    answers(warm, "cannot lock calls")
    assert warm.check_call_in_cache(4) and warm.check_call_in_cache(5)


def test_a_read_only_disk_gives_what_is_cached(warm, monkeypatch):
    def read_only(*args, **kwargs):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    os_open = os.open
    monkeypatch.setattr(
        os, "open", lambda path, flags, *a, **k: (read_only if flags & 3 else os_open)(path, flags)
    )
    monkeypatch.setattr(os, "mkdir", read_only)
    with pytest.warns(UserWarning, match="cannot lock calls"):
        assert warm(3) == 9
    assert warm(3) == 9
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # joblib's, which cannot store either
        assert warm.call_and_shelve(3).get() == 9
        assert warm.call_and_shelve(9).get() == 81


def apply(function, x):
    return function(x)


def test_what_does_not_pickle_is_computed_with_one_warning(warm, tmp_path):
    """Keras 3.8 keeps a lambda in ReduceLROnPlateau; a pipeline that holds it still fits."""
    cached = FitOnceMemory(tmp_path, verbose=0).cache(apply)
    with pytest.warns(UserWarning, match="cannot compare the arguments") as caught:
        assert [cached(lambda x: x + 1, 2), cached(lambda x: 2 * x, 3)] == [3, 6]
        assert cached.call_and_shelve(lambda x: -x, 4).get() == -4
    assert len(caught) == 1
    assert cached(abs, -5) == 5 and cached.check_call_in_cache(abs, -5)


def damage_locks(folder):
    for lock in (folder / "locks").iterdir():
        lock.unlink()
    (folder / "locks").rmdir()
    (folder / "locks").write_text("")


def test_a_file_in_place_of_the_locks(warm, tmp_path):
    damage_locks(tmp_path)
    answers(warm, "cannot lock calls")
    assert warm.check_call_in_cache(4)


def test_damaged_code_is_stored_anew(tmp_path):
    code = r"""
        def double(x):
            return 2 * x

        def use():
            assert FitOnceMemory("cache", verbose=0).cache(double)(21) == 42

        fresh(use)
        (stored,) = Path("cache").rglob("func_code.py")
        whole = stored.read_bytes()
        for damaged in (b"\xff\xfe\x00", b"", b"# first line: x\n"):
            stored.write_bytes(damaged)
            fresh(use)
            print(stored.read_bytes() == whole)
    """
    assert run(code, tmp_path) == "True\n" * 3


def test_a_damaged_result_is_computed_anew(warm, tmp_path):
    (stored,) = tmp_path.rglob("output.pkl")
    stored.write_bytes(stored.read_bytes()[:10])
    assert warm(3) == 9
    assert warm(3) == 9


def test_a_full_disk_costs_the_cache_only(tmp_path):
    code = """
        import resource, signal, warnings
        memory = FitOnceMemory("cache", verbose=0)
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # files open, and take no byte

        def double(x):
            return 2 * x

        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            cached = memory.cache(double)
            answers = [cached(1), cached(2), cached.call_and_shelve(3).get()]
        print(answers, len(caught), str(caught[0].message)[:31])
    """
    output = run(code, tmp_path)
    assert output == "[2, 4, 6] 1 FitOnceMemory cannot store in c\n"


def test_a_cache_without_room_for_a_folder_costs_the_cache_only(tmp_path, monkeypatch):
    monkeypatch.setattr(cae_sklearn.caching, "_warned", set())
    memory = FitOnceMemory(tmp_path, verbose=0)

    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "makedirs", full)
    with pytest.warns(UserWarning, match="cannot store in"):
        cached = memory.cache(np.square)
    assert cached(3) == 9


def test_a_killed_process_blocks_nobody(tmp_path):
    code = """
        def slow(x):
            if not Path("inside").exists():
                open("inside", "w").close()
                time.sleep(60)
            return 2 * x

        def use():
            assert FitOnceMemory("cache", verbose=0).cache(slow)(21) == 42

        first = multiprocessing.get_context("fork").Process(target=use)
        first.start()
        while not Path("inside").exists():
            time.sleep(0.01)
        first.kill()
        fresh(use)
        print("done")
    """
    assert run(code, tmp_path) == "done\n"


def test_where_no_folder_can_be_made_calls_are_computed(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.warns(UserWarning, match="FitOnceMemory cannot store"):
        memory = FitOnceMemory(tmp_path / "file" / "cache", verbose=0)
    assert memory.cache(abs)(-3) == 3
