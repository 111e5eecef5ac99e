"""The fast loop: epochs at once, what is traced, and what Keras's own loop would do."""

import keras
import numpy as np
import pytest
from trainers import assert_equal, fitted

from cae_sklearn import ElasticNetBNMLPClassifier
from cae_sklearn._training import pool


@pytest.mark.slow
@pytest.mark.parametrize("learning_rate", [0.01, 1e30])
def test_epochs_that_pass_at_once_are_the_same_epochs(blobs, monkeypatch, learning_rate):
    X, y = blobs
    settings = {"batch_size": 32, "epochs": 5, "decay_fraction": 0.8}
    monkeypatch.setattr("cae_sklearn._training.fit_loop.LONGEST_CALL", np.inf)
    weights, history, diverged = fitted(X, y, learning_rate, **settings)
    watched = fitted(X, y, learning_rate, callbacks=[keras.callbacks.Callback()], **settings)
    monkeypatch.setattr("cae_sklearn._training.fit_loop.LONGEST_CALL", 0.0)
    short = fitted(X, y, learning_rate, **settings)
    assert diverged == (learning_rate > 1)
    assert np.isfinite(np.concatenate([weight.ravel() for weight in weights])).all()
    for others, losses, same in (watched, short):
        assert same == diverged
        np.testing.assert_array_equal(losses["loss"], history["loss"])
        assert_equal(others, weights)


def test_early_stopping_may_have_no_end_of_epochs(blobs):
    clf = ElasticNetBNMLPClassifier((16, 8), epochs=10**12, n_iter_no_change=1, random_state=0)
    clf.set_params(early_stopping=True)
    assert clf.set_params(learning_rate=0.05).fit(*blobs).n_iter_ < 1000


def test_nothing_is_traced_again(blobs):
    X, y = blobs
    clf = ElasticNetBNMLPClassifier((16, 8), epochs=1)
    clf.fit(X, y).predict(X)
    clf.predict(X[:1])  # few samples have a graph of their own
    networks = {part: network for (_, part, *_), network in pool._idle[-2:]}
    caches = networks["trainer"].traced.graphs, networks["predictor"].traced.graphs
    before = [dict(graphs) for graphs in caches]
    for i, batch_size in enumerate((8, 37, 64, 500)):
        ElasticNetBNMLPClassifier(
            (16, 8),
            epochs=1,
            batch_size=batch_size,
            learning_rate=0.01 * (i + 1),
            alpha=0.1 * i,
            l1_ratio=0.2 * i,
            dropout_rate=0.1 * i,
        ).fit(X[: 300 - 7 * i], y[: 300 - 7 * i]).predict(X[: 5 + i])
    assert {part: network for (_, part, *_), network in pool._idle[-2:]} == networks
    for graphs, traced in zip(caches, before, strict=True):
        assert graphs.keys() == traced.keys()
        assert all(graphs[key] is traced[key] for key in traced)
