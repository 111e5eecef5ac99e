"""Threads, signals and killed workers: results stay right, nothing hangs, nothing grows."""

import gc
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import joblib
import keras
import numpy as np
import pytest
from joblib.externals.loky.process_executor import TerminatedWorkerError
from marks import slowly
from sklearn.pipeline import make_pipeline

from cae_sklearn import CAEFeaturizer, ElasticNetBNMLPClassifier


def pipeline(seed=0):
    """Return a small pipeline whose networks are the same for each seed."""
    return make_pipeline(
        CAEFeaturizer(4, kernel_size=3, n_components=6, epochs=1, random_state=seed),
        ElasticNetBNMLPClassifier((8,), epochs=2, random_state=seed),
    )


@pytest.fixture(scope="module")
def fitted(digits):
    return pipeline().fit(digits[0][:200], digits[1][:200])


def threads(few, many):
    """Run a test with so many threads, each of which has networks of its own; many are slow."""
    return pytest.mark.parametrize("n_threads", [*([few] if few else []), *slowly([many])])


# -- threads -------------------------------------------------------------------


@threads(4, 24)
def test_threads_on_one_fitted_pipeline(digits, fitted, n_threads):
    images = digits[0]
    parts = [images[i : i + 1 + 7 * i] for i in range(n_threads)]
    expected = [fitted.predict_proba(part) for part in parts]
    start = threading.Barrier(n_threads)

    def use(i):
        start.wait()
        return [fitted.predict_proba(parts[(i + k) % n_threads]) for k in range(5)]

    with ThreadPoolExecutor(n_threads) as pool:
        for i, results in enumerate(pool.map(use, range(n_threads))):
            for k, result in enumerate(results):
                np.testing.assert_array_equal(result, expected[(i + k) % n_threads])


@threads(4, 12)
def test_all_methods_in_threads_at_once(digits, fitted, n_threads):
    images, y = digits
    featurizer, classifier = fitted[0], fitted[1]
    features = featurizer.transform(images[:50])
    uses = [
        lambda: featurizer.transform(images[:50]),
        lambda: featurizer.inverse_transform(features),
        lambda: featurizer.score(images[:50]),
        lambda: classifier.predict_log_proba(features),
        lambda: classifier.score(features, y[:50]),
        lambda: fitted.predict(images[:50]),
    ]
    expected = [use() for use in uses]
    with ThreadPoolExecutor(n_threads) as pool:
        for i, result in enumerate(pool.map(lambda i: uses[i % 6](), range(5 * n_threads))):
            np.testing.assert_array_equal(result, expected[i % 6])


@threads(None, 4)
def test_fits_in_threads_give_what_they_give_alone(digits, n_threads):
    images, y = digits[0][:200], digits[1][:200]
    alone = [pipeline(seed).fit(images, y).predict_proba(images[:20]) for seed in range(3)]
    with ThreadPoolExecutor(n_threads) as pool:
        fits = pool.map(lambda i: pipeline(i % 3).fit(images, y), range(2 * n_threads))
        for i, other in enumerate(fits):
            np.testing.assert_array_equal(other.predict_proba(images[:20]), alone[i % 3])


@pytest.mark.slow
@threads(3, 6)
def test_fits_and_uses_in_threads_together(digits, fitted, n_threads):
    images, y = digits[0][:200], digits[1][:200]
    expected = fitted.predict_proba(images[:20])

    def work(i):
        estimator = fitted if i % 2 else pipeline().fit(images, y)
        return estimator.predict_proba(images[:20])

    with ThreadPoolExecutor(n_threads) as pool:
        for result in pool.map(work, range(2 * n_threads)):
            np.testing.assert_array_equal(result, expected)


@pytest.mark.slow
@threads(3, 6)
def test_an_error_in_one_thread_hinders_no_other(digits, fitted, n_threads):
    images, y = digits[0][:200], digits[1][:200]
    expected = fitted.predict_proba(images[:20])

    def work(i):
        if i % 3 == 0:
            with pytest.raises(ValueError, match="features|shape"):
                fitted.predict(images[:, :5])
            with pytest.raises(ValueError, match="inconsistent"):
                pipeline().fit(images, y[:-1])
            return expected
        return pipeline().fit(images, y).predict_proba(images[:20])

    with ThreadPoolExecutor(n_threads) as pool:
        for result in pool.map(work, range(2 * n_threads)):
            np.testing.assert_array_equal(result, expected)


# -- memory --------------------------------------------------------------------


def test_predictions_of_different_sizes_trace_nothing_new(digits, fitted):
    """What is traced stays: objects of Python that a new size would leave."""
    images = digits[0]
    for n in (1, 40, 600):
        fitted.predict(images[:n])
    gc.collect()
    before = len(gc.get_objects())
    for n in (2, 3, 17, 31, 32, 33, 47, 64, 65, 80, 257, 300):
        fitted.predict(images[:n])
    gc.collect()
    assert len(gc.get_objects()) < before + 1000


PREDICTIONS = """
import numpy as np, psutil
from sklearn.datasets import load_digits
from sklearn.pipeline import make_pipeline
from cae_sklearn import CAEFeaturizer, ElasticNetBNMLPClassifier
X, y = load_digits(return_X_y=True)
X = X.reshape(-1, 8, 8)
cae = CAEFeaturizer(4, kernel_size=3, n_components=6, epochs=1, random_state=0)
clf = ElasticNetBNMLPClassifier((8,), epochs=2, random_state=0)
fitted = make_pipeline(cae, clf).fit(X[:300], y[:300])
memory = []
for n in np.random.default_rng(0).permutation(np.arange(1, 1001, 2)):
    fitted.predict(X[:n])
    memory.append(psutil.Process().memory_info().rss)
print(np.median(memory[-50:]) - np.median(memory[100:150]))
"""


@pytest.mark.slow
def test_500_predictions_of_different_sizes_take_no_more_memory():
    """In a process of their own, in which nothing else takes and frees memory."""
    command = [sys.executable, "-c", PREDICTIONS]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert float(done.stdout) < 4 * 2**20


# -- signals and killed workers ------------------------------------------------


class CtrlC(keras.callbacks.Callback):
    """Presses it at the end of the 200th epoch."""

    def on_epoch_end(self, epoch, logs=None):
        if epoch == 199:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.slow  # an interrupt that is lost would hold up all other tests
def test_after_an_interrupt_all_goes_on(digits, fitted):
    """A fit that Ctrl-C ends is kept, and leaves the networks of others as they were."""
    images, y = digits[0][:200], digits[1][:200]
    expected = fitted.predict_proba(images[:20])
    settings = {"epochs": 10**6, "early_stopping": False, "callbacks": CtrlC()}
    long = pipeline()
    long[-1].set_params(**settings)
    with pytest.warns(UserWarning, match="Ctrl-C ended the training"):
        long.fit(images, y)
    assert 200 <= long[-1].n_iter_ < 10**6
    assert long.score(images, y) > 0.5
    np.testing.assert_array_equal(fitted.predict_proba(images[:20]), expected)
    again = pipeline().fit(images, y)
    np.testing.assert_array_equal(again.predict_proba(images[:20]), expected)


SCRIPT = """
import numpy as np, sys, time
from cae_sklearn import ElasticNetBNMLPClassifier
X, y = np.random.default_rng(0).normal(size=(200, 5)), np.arange(200) % 2
network = ElasticNetBNMLPClassifier((8,), epochs=1, early_stopping=False, random_state=0)
network.fit(X, y)
print("ready", flush=True)
network.set_params(epochs=10**7)
network.fit(X, y)
print("interrupted", 1 < network.n_iter_ < 10**7, network.predict(X).shape, flush=True)
"""


@pytest.mark.slow
def test_ctrl_c_ends_a_script(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    child = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout.readline() == "ready\n"
        time.sleep(1.5)
        child.send_signal(signal.SIGINT)
        out, _ = child.communicate(timeout=15)
    finally:
        child.kill()
    assert out == "interrupted True (200,)\n"
    assert child.returncode == 0


def _fit_or_die(seed, images, y, path):
    """Fit in a worker; the first that gets there is killed, as a system without memory does."""
    if seed == 1 and not os.path.exists(path):
        with open(path, "w"):
            pass
        os.kill(os.getpid(), signal.SIGKILL)
    return pipeline(seed).fit(images, y).predict_proba(images[:5])


@pytest.mark.slow
def test_a_killed_worker_is_an_error_and_the_next_search_works(digits, tmp_path):
    images, y = digits[0][:100], digits[1][:100]
    path = str(tmp_path / "killed")
    expected = [pipeline(seed).fit(images, y).predict_proba(images[:5]) for seed in range(3)]

    def run():
        calls = (joblib.delayed(_fit_or_die)(seed, images, y, path) for seed in range(3))
        return joblib.Parallel(n_jobs=2, timeout=240)(calls)

    with pytest.raises(TerminatedWorkerError):
        run()
    for result, alone in zip(run(), expected, strict=True):
        np.testing.assert_array_equal(result, alone)
