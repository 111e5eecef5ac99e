"""A fit of the trainer: parity with Keras, epochs and chunks, and what it refuses."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from trainers import assert_equal, fitted, prepared

from cae_sklearn import ElasticNetBNMLPClassifier


def smooth_elastic_net(w):
    """Return the penalty; its gradient is that of the L2 part alone."""
    return tf.stop_gradient(0.03 * tf.reduce_sum(tf.abs(w))) + 0.07 * tf.reduce_sum(w * w)


class SoftThreshold(keras.callbacks.Callback):
    """The proximal step of an L1 norm in Adam's metric, in numpy, after each of its steps."""

    def on_train_batch_end(self, batch, logs=None):
        adam, kernel = self.model.optimizer, self.model.layers[-1].kernel
        (v,) = [v for v in adam.variables if v.shape == kernel.shape and "velocity" in v.path]
        t, w = int(adam.iterations), kernel.numpy()
        rate = float(adam.learning_rate) * np.sqrt(1 - adam.beta_2**t) / (1 - adam.beta_1**t)
        threshold = 0.03 * rate / (np.sqrt(v.numpy()) + adam.epsilon)
        kernel.assign(np.sign(w) * np.maximum(np.abs(w) - threshold, 0))


@pytest.fixture(scope="module")
def reference():
    """Return the same network in Keras, and its optimizer."""
    model = keras.Sequential(
        [
            keras.Input((10,)),
            keras.layers.Dense(16, "relu"),
            keras.layers.BatchNormalization(momentum=0.9),
            keras.layers.Dense(8, "relu"),
            keras.layers.BatchNormalization(momentum=0.9),
            keras.layers.Dense(3, kernel_regularizer=smooth_elastic_net),
        ]
    )
    model.compile(
        keras.optimizers.Adam(0.01), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    model.optimizer.build(model.trainable_variables)
    return model, [variable.numpy() for variable in model.optimizer.variables]


@pytest.mark.parametrize("weighted", [False, True])
def test_five_epochs_agree_with_keras(blobs, reference, weighted):
    X, y = blobs
    weight = np.random.default_rng(0).uniform(0.5, 2, len(y)) if weighted else np.ones(len(y))
    model, state = reference
    model.set_weights(prepared().get_weights())
    for variable, value in zip(model.optimizer.variables, state, strict=True):
        variable.assign(value)
    weights, history, _ = fitted(
        X, y, alpha=0.1, batch_size=32, epochs=5, sample_weight=weight if weighted else None
    )
    expected = model.fit(
        X,
        y,
        batch_size=32,
        epochs=5,
        shuffle=False,
        verbose=0,
        sample_weight=weight,
        callbacks=[SoftThreshold()],
    )
    kernel = model.layers[-1].kernel.numpy()
    assert 0 < np.mean(kernel == 0) < 1
    np.testing.assert_array_equal(weights[-2] == 0, kernel == 0)
    np.testing.assert_allclose(history["loss"], expected.history["loss"], rtol=1e-4)
    for a, b in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)


def test_the_last_batch_of_one_joins_its_neighbour(blobs):
    X, y = (array[:33] for array in blobs)
    merged, whole = (fitted(X, y, batch_size=n)[0] for n in (32, 33))
    assert_equal(merged, whole)


def test_chunks_do_not_change_the_result(blobs, monkeypatch):
    one, *_ = fitted(*blobs, batch_size=32, epochs=2)
    monkeypatch.setattr("cae_sklearn._arrays.streaming.CHUNK_BYTES", 32 * 40)
    monkeypatch.setattr("cae_sklearn._training.batches.RESIDENT_BYTES", 0)
    many, *_ = fitted(*blobs, batch_size=32, epochs=2)
    assert_equal(one, many)


@pytest.mark.parametrize("batch_size, learning_rate", [(1000, 4e5), (1000, 1500), (64, 1030.65)])
@pytest.mark.parametrize("chunk_samples", [1000, 64])
def test_the_last_finite_epoch_comes_back(
    blobs, monkeypatch, batch_size, learning_rate, chunk_samples
):
    X, y = blobs
    monkeypatch.setattr("cae_sklearn._arrays.streaming.CHUNK_BYTES", chunk_samples * 4 * X.shape[1])
    settings = {
        "hidden_layer_sizes": (8,) * 5,
        "activation": "linear",
        "batch_norm": False,
        "dropout_rate": 0.0,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "decay_fraction": 0.0,
        "alpha": 0.0,
        "early_stopping": False,
        "random_state": 0,
    }
    with pytest.warns(ConvergenceWarning):
        diverged = ElasticNetBNMLPClassifier(epochs=20, **settings).fit(X, y)
    before = ElasticNetBNMLPClassifier(epochs=diverged.n_iter_ - 1, **settings).fit(X, y)
    assert 1 < diverged.n_iter_ < 20
    for name, weight in before._weights.items():
        np.testing.assert_array_equal(diverged._weights[name], weight)


def test_a_gpu_is_not_bypassed(blobs, monkeypatch):
    expected, *_ = fitted(*blobs, epochs=2)
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: [kind])
    monkeypatch.setattr("cae_sklearn._arrays.confined.Standing", None)
    on_gpu, *_ = fitted(*blobs, epochs=2)
    assert_equal(on_gpu, expected)


def test_the_training_network_says_how_to_be_saved(blobs, tmp_path):
    X, y = blobs
    clf = ElasticNetBNMLPClassifier((8,), epochs=2, random_state=0)
    whole = keras.callbacks.ModelCheckpoint(tmp_path / "whole.keras")
    with pytest.raises(NotImplementedError, match="save_weights_only=True"):
        clone(clf).set_params(callbacks=[whole]).fit(X, y)
    path = tmp_path / "best.weights.h5"
    weights = keras.callbacks.ModelCheckpoint(path, save_weights_only=True)
    clone(clf).set_params(callbacks=[weights]).fit(X, y)
    assert path.stat().st_size > 0


def test_the_work_of_a_step_is_counted():
    assert prepared().work == 10 * 16 + 16 * 8 + 8 * 3
