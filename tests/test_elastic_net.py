"""The elastic net: exact zeros, scikit-learn's optimum, every optimizer."""

import pickle

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from sklearn.datasets import load_digits, load_wine
from sklearn.feature_selection import RFE, SelectFromModel
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.preprocessing import scale

from cae_sklearn import ElasticNetBNMLPClassifier
from cae_sklearn._training.proximal import ElasticNet, apply_gradients, orthant_wise, shrink

L1 = 0.02


def classifier(hidden_layer_sizes=(8,), **params):
    defaults = {"epochs": 10, "learning_rate": 0.01, "early_stopping": False, "random_state": 0}
    return ElasticNetBNMLPClassifier(hidden_layer_sizes, **{**defaults, **params})


def convex(n_samples, **params):
    """Return softmax regression in full batches, whose steps become small in the end."""
    settings = {"epochs": 1000, "learning_rate": 0.1, "decay_fraction": 1.0}
    return classifier((), batch_size=n_samples, **{**settings, **params})


def penalised(coef, intercept, X, y, alpha, l1_ratio):
    logits = X @ coef.T + intercept
    probabilities = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    norms = l1_ratio * np.abs(coef).sum() + (1 - l1_ratio) * np.square(coef).sum()
    return log_loss(y, probabilities) + alpha * norms


def few_digits():
    X, y = load_digits(return_X_y=True)
    return X[:300], y[:300]


@pytest.mark.parametrize("load", [few_digits, lambda: load_wine(return_X_y=True)])
def test_without_hidden_layers_it_is_scikit_learns_elastic_net(load):
    X, y = load()
    X = scale(X)
    alpha, l1_ratio = 0.01, 0.5
    fitted = convex(len(y), alpha=alpha, l1_ratio=l1_ratio).fit(X, y)
    # C times the sum of the losses, and half of the squares: the same, times a factor
    factor = 1 / (alpha * (2 - l1_ratio))
    theirs = LogisticRegression(
        C=factor / len(y), l1_ratio=l1_ratio / (2 - l1_ratio), solver="saga", max_iter=5000
    ).fit(X, y)
    ours = penalised(fitted.output_coef_, fitted.output_intercept_, X, y, alpha, l1_ratio)
    best = penalised(theirs.coef_, theirs.intercept_, X, y, alpha, l1_ratio)
    assert ours == pytest.approx(best, rel=1e-3)
    assert np.mean((fitted.output_coef_ == 0) == (theirs.coef_ == 0)) > 0.95
    assert 0.1 < fitted.sparsity_ == np.mean(fitted.output_coef_ == 0) < 0.9


@pytest.mark.parametrize("hidden_layer_sizes", [(), (8,)])
def test_zeros_grow_with_the_l1_part(blobs, hidden_layer_sizes):
    X, y = blobs
    strengths = [(0.0, 1.0), (0.1, 0.0), (0.01, 0.5), (0.03, 1.0), (0.1, 1.0), (10.0, 1.0)]
    sparsities = [
        classifier(hidden_layer_sizes, alpha=a, l1_ratio=r, epochs=30).fit(X, y).sparsity_
        for a, r in strengths
    ]
    assert sparsities == sorted(sparsities)
    assert sparsities[:2] == [0.0, 0.0] and sparsities[-1] == 1.0
    assert len(set(sparsities)) >= 4


def test_features_that_are_not_used_are_named(blobs):
    X, y = blobs
    names = [f"pixel {i}" for i in range(X.shape[1])]
    X = pd.DataFrame(X, columns=names)
    X["constant"] = np.float32(1)
    fitted = convex(len(y), epochs=200, alpha=0.1, l1_ratio=1.0).fit(X, y)
    unused = fitted.inactive_units_
    assert len(unused) < 11 and 10 in unused
    assert "constant" in fitted.feature_names_in_[unused]
    np.testing.assert_array_equal(unused, np.flatnonzero((fitted.output_coef_ == 0).all(axis=0)))
    other = X.copy()
    other.iloc[:, unused] += 1.0
    np.testing.assert_array_equal(fitted.predict_proba(other), fitted.predict_proba(X))


def test_hidden_units_without_outgoing_weights_are_counted(blobs):
    X, y = blobs
    fitted = classifier((8,), alpha=0.1, l1_ratio=1.0, epochs=60).fit(X, y)
    assert 0 < len(fitted.inactive_units_) < 8
    assert not fitted.output_coef_[:, fitted.inactive_units_].any()
    assert len(classifier(alpha=0.0, epochs=1).fit(X, y).inactive_units_) == 0


def test_the_best_weights_and_those_that_go_on_keep_their_zeros(blobs):
    X, y = blobs
    params = {"alpha": 0.1, "l1_ratio": 1.0, "warm_start": True}
    fitted = classifier(
        epochs=60, early_stopping=True, validation_fraction=0.3, n_iter_no_change=3, **params
    ).fit(X, y)
    assert fitted.n_iter_ < 60 and fitted.sparsity_ > 0.05
    kernel = fitted.model_.get_layer("output").kernel.numpy()
    np.testing.assert_array_equal(kernel.T, fitted.output_coef_)
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.output_coef_, fitted.output_coef_)
    for go_on in (fitted.fit, fitted.partial_fit):
        assert go_on(X, y).sparsity_ > 0.05


@pytest.mark.parametrize("hidden_layer_sizes", [(), "", [], np.array([], int)])
def test_there_may_be_no_hidden_layer(blobs, hidden_layer_sizes):
    X, y = blobs
    fitted = classifier(hidden_layer_sizes, epochs=20, batch_size=16).fit(X, y)
    assert fitted.score(X, y) > 0.8
    assert fitted.output_coef_.shape == (3, X.shape[1])
    logits = X @ fitted.output_coef_.T + fitted.output_intercept_
    np.testing.assert_array_equal(fitted.predict(X), logits.argmax(axis=1))
    assert fitted.partial_fit(X[:5], y[:5]).model_.count_params() == 3 * X.shape[1] + 3


def test_selectors_do_not_take_hidden_units_for_features(blobs):
    for selector in (SelectFromModel, RFE):
        with pytest.raises((ValueError, AttributeError), match="coef_"):
            selector(classifier((10,), epochs=1)).fit(*blobs).get_support()


OPTIMIZERS = {
    "Adam": lambda: keras.optimizers.Adam(0.05),
    "AdamW": lambda: keras.optimizers.AdamW(0.05, weight_decay=0.0),
    "clipped Adam": lambda: keras.optimizers.Adam(0.05, clipnorm=0.1),
    "SGD": lambda: keras.optimizers.SGD(0.1),
    "SGD, momentum": lambda: keras.optimizers.SGD(0.02, momentum=0.8),
    "SGD, Nesterov": lambda: keras.optimizers.SGD(0.02, momentum=0.8, nesterov=True),
    "RMSprop": lambda: keras.optimizers.RMSprop(2e-3),
    "Nadam": lambda: keras.optimizers.Nadam(0.02),
    "a schedule": lambda: keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.1, 300)),
    "in groups": lambda: keras.optimizers.SGD(0.2, gradient_accumulation_steps=2),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_finds_the_minimum(name):
    """Of ``sum(c * (w - a)**2) / 2 + L1 * sum(abs(w))``, which is known in closed form."""
    a = np.float32([0.5, -0.3, 0.01, -0.03, 0.0, 0.2, -0.001, 0.06])
    c = np.float32([1.0, 0.5, 1.0, 0.5, 1.0, 0.2, 1.0, 0.3])
    w = keras.Variable(np.float32([1, 1, -1, 1, 0, 0, -0.5, 0.3]), name="w")
    w.regularizer = ElasticNet(tf.Variable(L1), tf.Variable(0.0))
    optimizer = OPTIMIZERS[name]()
    optimizer.build([w])

    @tf.function
    def run():
        for _ in tf.range(800):
            apply_gradients(optimizer, [c * (w.value - a)], [w])

    run()
    minimum = np.sign(a) * np.maximum(np.abs(a) - L1 / c, 0)
    np.testing.assert_array_equal(w.numpy() == 0, minimum == 0)
    np.testing.assert_allclose(w.numpy(), minimum, atol=2e-3)


def test_an_own_optimizer_gives_zeros_in_kerass_loop(blobs):
    for optimizer in (keras.optimizers.SGD(0.05), keras.optimizers.RMSprop(0.003)):
        fitted = classifier(
            alpha=0.1, l1_ratio=1.0, epochs=15, learning_rate=0.001, optimizer=optimizer
        ).fit(*blobs)
        assert 0.05 < fitted.sparsity_ < 1


def test_the_proximal_step_is_exact():
    w = np.float32([-2, -0.5, -0.25, 0, 1e-30, 0.25, 0.5, np.inf])
    variable = tf.Variable(w)
    shrink(variable, tf.fill(w.shape, 0.0))
    np.testing.assert_array_equal(variable.numpy().view(np.int32), w.view(np.int32))
    shrink(variable, tf.fill(w.shape, 0.25))
    np.testing.assert_array_equal(variable, [-1.75, -0.25, 0, 0, 0, 0, 0.25, np.inf])


def test_what_is_not_finite_stays_so():
    for optimizer in (keras.optimizers.Adam(0.1), keras.optimizers.RMSprop(0.1)):
        w = keras.Variable([1.0, 1.0], name="w")
        w.regularizer = ElasticNet(tf.Variable(L1), tf.Variable(0.0))
        optimizer.build([w])
        apply_gradients(optimizer, [tf.constant([np.nan, 1.0])], [w])
        assert np.isnan(w.numpy()).tolist() == [True, False]


def test_the_least_subgradient():
    total, orthant = orthant_wise(tf.zeros(4), tf.constant([0.01, -0.01, 0.05, -0.05]), L1)
    np.testing.assert_allclose(total, [0, 0, 0.03, -0.03], rtol=1e-6)
    np.testing.assert_array_equal(orthant, [0, 0, -1, 1])
