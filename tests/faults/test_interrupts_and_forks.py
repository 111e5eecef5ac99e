"""Ctrl-C, forks, strategies of TensorFlow, and a refit while others predict."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from cae_sklearn.caching import FitOnceMemory
from cae_sklearn.search import ResumableBayesSearchCV

# -- forks ---------------------------------------------------------------------

pytestmark = pytest.mark.slow


class Quiet(keras.callbacks.Callback):
    """Does nothing, but nobody can know."""


def _report(pipe, call):
    try:
        call()
        pipe.send((None, ""))
    except BaseException as error:
        pipe.send((type(error).__name__, str(error)))
    finally:
        os._exit(0)


def in_a_fork(call, seconds=10):
    """Return name and text of the error that ``call`` raises in a forked child."""
    ours, theirs = multiprocessing.Pipe(duplex=False)
    child = multiprocessing.get_context("fork").Process(target=_report, args=(theirs, call))
    child.start()
    try:
        if not ours.poll(seconds):
            return "hangs", f"no answer in {seconds} seconds"
        return ours.recv()
    finally:
        child.kill()
        child.join()


FORKED = {
    "fit": lambda c, f, X, y, D: c().fit(X, y),
    "fit, own optimizer": lambda c, f, X, y, D: c(
        optimizer=keras.optimizers.SGD(0.1, nesterov=True)
    ).fit(X, y),
    "fit, own callback": lambda c, f, X, y, D: c(callbacks=[Quiet()]).fit(X, y),
    "partial_fit, own optimizer": lambda c, f, X, y, D: c(
        optimizer=keras.optimizers.SGD(0.1, nesterov=True)
    ).partial_fit(X, y, [0, 1, 2]),
    "predict": lambda c, f, X, y, D: c.fitted.predict(X),
    "model_": lambda c, f, X, y, D: c.fitted.model_,
    "featurizer, fit": lambda c, f, X, y, D: f().fit(D),
    "featurizer, own optimizer": lambda c, f, X, y, D: f(
        optimizer=keras.optimizers.SGD(0.1, nesterov=True)
    ).fit(D),
    "featurizer, own callback": lambda c, f, X, y, D: f(callbacks=[Quiet()]).fit(D),
    "transform": lambda c, f, X, y, D: f.fitted.transform(D),
    "inverse_transform": lambda c, f, X, y, D: f.fitted.inverse_transform(np.zeros((2, 6))),
    "score": lambda c, f, X, y, D: f.fitted.score(D),
    "encoder_": lambda c, f, X, y, D: f.fitted.encoder_,
    "decoder_": lambda c, f, X, y, D: f.fitted.decoder_,
    "featurizer, model_": lambda c, f, X, y, D: f.fitted.model_,
}


class _Maker:
    """Makes estimators, and holds one that is fitted."""

    def __init__(self, make, *data):
        self.make, self.fitted = make, make().fit(*data)

    def __call__(self, **params):
        return self.make(**params)


@pytest.fixture(scope="module")
def makers(blobs, digits, make_classifier, make_featurizer):
    classifiers = _Maker(make_classifier, *blobs)
    featurizers = _Maker(make_featurizer, digits[0][:60])
    own = {"optimizer": keras.optimizers.SGD(0.1, nesterov=True)}
    make_classifier(**own).fit(*blobs)
    make_featurizer(**own).fit(digits[0][:60])
    return classifiers, featurizers


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*os.fork:RuntimeWarning")
@pytest.mark.parametrize("name", FORKED)
def test_a_child_forked_after_a_fit_gets_an_error(makers, blobs, digits, name):
    call = FORKED[name]
    error, text = in_a_fork(lambda: call(*makers, *blobs, digits[0][:60]))
    assert error == "RuntimeError", f"{error}: {text}"
    assert "fork" in text and "spawn" in text


# -- interrupts ----------------------------------------------------------------


# Where the signal finds Python in a callback of a weak reference, the exception is swallowed; the
# handler sends the signal again.
may_be_swallowed = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def interrupt_in(seconds):
    """Send SIGINT to this process after some time; give the timer."""
    timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    return timer


LONG = {
    "featurizer of small images": lambda c, f, X, y, D: f(epochs=10**5).fit(D),
    "featurizer in small batches": lambda c, f, X, y, D: f(epochs=10**5, batch_size=2).fit(D),
    "classifier": lambda c, f, X, y, D: c(epochs=10**6, early_stopping=False).fit(X, y),
    "classifier in small batches": lambda c, f, X, y, D: c(
        epochs=10**6, early_stopping=False, batch_size=2
    ).fit(X, y),
}


LONG["classifier in Keras's loop"] = lambda c, f, X, y, D: c(
    epochs=10**6, early_stopping=False, optimizer=keras.optimizers.Nadam(1e-3)
).fit(X, y)
LONG["long epochs"] = lambda c, f, X, y, D: c(epochs=10, early_stopping=False, batch_size=2).fit(
    np.tile(X, (3000, 1)), np.tile(y, 3000)
)


@pytest.mark.parametrize("name", LONG)
def test_a_fit_ends_within_seconds_and_keeps_what_it_has_learned(
    makers, blobs, digits, name, monkeypatch
):
    classifiers, featurizers = makers
    for batch_size in (2, 32):  # traced by now
        classifiers(batch_size=batch_size, early_stopping=False).fit(*blobs)
        featurizers(batch_size=batch_size).fit(digits[0])
    told = []
    monkeypatch.setattr(warnings, "showwarning", lambda *text: told.append(time.monotonic()))
    with warnings.catch_warnings():
        warnings.filterwarnings("always", ".*Ctrl-C ended the training in epoch", UserWarning)
        seconds = 5.0 if "Keras" in name else 1.0  # Keras's loop is traced for each fit
        timer = interrupt_in(seconds)
        pressed = time.monotonic() + seconds
        fitted = LONG[name](classifiers, featurizers, *blobs, digits[0])
    timer.join()
    assert len(told) == 1 and told[0] - pressed < 2.0
    assert 0 < fitted.n_iter_ == len(fitted.loss_curve_) < fitted.epochs
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    use = fitted.predict_proba if hasattr(fitted, "predict") else fitted.transform
    assert np.isfinite(use(blobs[0] if hasattr(fitted, "predict") else digits[0][:5])).all()


@may_be_swallowed
def test_a_second_interrupt_ends_the_fit(makers, blobs):
    class Deaf(keras.callbacks.Callback):
        """Takes its time, whatever happens."""

        def on_epoch_end(self, epoch, logs=None):
            time.sleep(3)

    network = makers[0](epochs=10, callbacks=[Deaf()])
    timers = [interrupt_in(1.0), interrupt_in(1.5)]
    with pytest.raises(KeyboardInterrupt):
        network.fit(*blobs)
    for timer in timers:
        timer.join()
    assert not hasattr(network, "classes_")


def count(path):
    """Return how many fits have begun."""
    return len(path.read_text().splitlines()) if path.exists() else 0


class Count(keras.callbacks.Callback):
    """Notes in a file that a fit begins."""

    def __init__(self, path):
        super().__init__()
        self.path = path

    def on_train_begin(self, logs=None):
        with open(self.path, "a") as file:
            file.write("begun\n")


@may_be_swallowed
@pytest.mark.parametrize("kind", ["grid", "bayesian", "cached"])
def test_a_search_or_a_cache_is_ended(makers, blobs, digits, tmp_path, kind):
    classifiers, featurizers = makers
    watch = [Count(tmp_path / "fits")]
    network = classifiers(epochs=10**6, early_stopping=False, callbacks=watch)
    data = blobs
    if kind == "grid":
        search = GridSearchCV(network, {"alpha": [1e-3, 1e-2]}, cv=2)
    elif kind == "bayesian":
        real = pytest.importorskip("skopt").space.Real(1e-3, 1e-2)
        search = ResumableBayesSearchCV(network, {"alpha": real}, n_iter=3, cv=2)
    else:
        steps = [("cae", featurizers(epochs=10**6, callbacks=watch)), ("clf", classifiers())]
        search = Pipeline(steps, memory=FitOnceMemory(tmp_path, verbose=0))
        data = digits
    timer = interrupt_in(3.0)
    with pytest.raises(KeyboardInterrupt):
        search.fit(*data)
    timer.join()
    assert count(tmp_path / "fits") == 1


@pytest.mark.parametrize("kind", ["classifier", "featurizer", "classifier in Keras's loop"])
def test_bursts_of_interrupts_are_kept_or_keyboard_interrupts_alone(kind):
    """The first ends the training, a second one in time the fit; no other error comes of them."""
    n_bursts = 30
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("bursts.py")), kind, str(n_bursts)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-1000:]
    told = json.loads(done.stdout)
    assert told["others"] == []
    assert told["kept"] + told["KeyboardInterrupt"] == n_bursts
    assert told["same"]


# -- a refit while others use the estimator ------------------------------------


def use_while(use, refit, n_refits):
    """Call ``use`` in three threads while ``refit`` is called; return results and errors."""
    results, errors, done = [], [], threading.Event()

    def go_on():
        while not done.is_set():
            try:
                results.append(use())
            except Exception as error:
                errors.append(error)

    threads = [threading.Thread(target=go_on) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for i in range(n_refits):
            refit(i)
    finally:
        done.set()
        for thread in threads:
            thread.join()
    return results, errors


@pytest.mark.parametrize("whiten", [True, False])
@pytest.mark.parametrize("method", ["transform", "score", "inverse_transform"])
def test_features_during_a_refit_are_those_before_or_after(digits, make_featurizer, whiten, method):
    """The refits are all the same, so each use gives the same, whenever it comes."""
    images = digits[0][:100]
    network = make_featurizer(whiten=whiten).fit(images)
    data = network.transform(images[:5]) if method == "inverse_transform" else images[:5]
    expected = getattr(network, method)(data)
    results, errors = use_while(
        lambda: getattr(network, method)(data), lambda i: network.fit(images), 6
    )
    assert not errors, errors[:3]
    assert results
    for result in results:
        np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("method", ["predict_proba", "predict"])
def test_predictions_during_a_refit_of_other_size_are_those_before_or_after(
    blobs, make_classifier, method
):
    X, y = blobs
    networks = [make_classifier(hidden_layer_sizes=size).fit(X, y) for size in [(8,), (7, 5)]]
    expected = [getattr(network, method)(X[:5]) for network in networks]
    network = networks[0]

    def refit(i):
        network.set_params(hidden_layer_sizes=[(7, 5), (8,)][i % 2]).fit(X, y)

    results, errors = use_while(lambda: getattr(network, method)(X[:5]), refit, 10)
    assert not errors, errors[:3]
    for result in results:
        assert any(np.array_equal(result, one) for one in expected)


def test_predictions_during_a_refit_to_other_classes_are_those_before_or_after(
    blobs, make_classifier
):
    X, y = blobs
    names = np.array(["a", "b", "c", "d"])
    network = make_classifier(epochs=1)
    targets = [y, names[np.arange(300) % 4]]
    expected = [set(np.unique(target)) for target in targets]
    network.fit(X, targets[0])
    results, errors = use_while(
        lambda: network.predict(X[:50]), lambda i: network.fit(X, targets[(i + 1) % 2]), 10
    )
    assert not errors, errors[:3]
    assert all(any(set(result) <= one for one in expected) for result in results)


# -- strategies of TensorFlow --------------------------------------------------


STRATEGIES = {
    "mirrored": lambda: tf.distribute.MirroredStrategy(["CPU:0"]),
    "one device": lambda: tf.distribute.OneDeviceStrategy("CPU:0"),
}


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("when", ["known", "new"])
def test_inside_a_strategy_a_fit_works_or_is_refused_by_name(
    blobs, digits, make_classifier, make_featurizer, strategy, when
):
    """``known`` networks were traced outside the scope before, ``new`` ones were not."""
    X, y = blobs
    size = {"known": (8,), "new": (5,) if strategy == "mirrored" else (6,)}[when]
    expected = make_classifier(hidden_layer_sizes=size)
    if when == "known":
        expected.fit(X, y)
    calls = [
        lambda: make_classifier(hidden_layer_sizes=size).fit(X, y).predict_proba(X),
        lambda: (
            make_classifier(hidden_layer_sizes=size).partial_fit(X, y, [0, 1, 2]).predict_proba(X)
        ),
        lambda: make_featurizer().fit(digits[0][:60]).transform(digits[0][:60]),
    ]
    inside = []
    with STRATEGIES[strategy]().scope():
        for call in calls:
            try:
                inside.append(call())
            except (ValueError, RuntimeError) as error:
                assert "tf.distribute" in str(error) and "scope" in str(error), str(error)[:300]
                assert "user code" not in str(error)
                inside.append(None)
    for call, result in zip(calls, inside, strict=True):
        outside = call()  # nothing of the scope stays behind
        if result is not None:
            np.testing.assert_allclose(result, outside, atol=1e-5)
