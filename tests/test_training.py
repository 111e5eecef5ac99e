"""The training loop: parity with Keras, speed of the second fit, nothing global."""

import gc
import random
import threading

import joblib
import keras
import numpy as np
import psutil
import pytest
import tensorflow as tf
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from cae_sklearn import CAEFeaturizer, ElasticNetBNMLPClassifier
from cae_sklearn._autoencoders import loop
from cae_sklearn._convolution import Conv2D, MaxPooling2D, UpConv2D, _convolve
from cae_sklearn._networks import (
    _normalize,
    applicable_rate,
    elastic_net,
    initial_weights,
    trainable_mlp,
)
from cae_sklearn._training import (
    _IDLE_LIMIT,
    SAMPLE_WORK,
    STEP_WORK,
    _idle,
    _n_threads,
    borrowed,
    falling_rate,
    threads_for,
)
from cae_sklearn._whitening import inner

ARCHITECTURE = {
    "n_features": 10,
    "n_classes": 3,
    "hidden_layer_sizes": (16, 8),
    "activation": "relu",
    "batch_norm": True,
}


class InOrder:
    """A generator of random numbers that leaves everything in its order."""

    def permutation(self, rows):
        return np.asarray(rows)


def prepared(learning_rate=0.01, alpha=0.01, dropout_rate=0.0):
    model = trainable_mlp(64, None, **ARCHITECTURE)
    weights = initial_weights(model, 0)
    model.prepare(
        seed=0,
        learning_rate=learning_rate,
        weights=weights,
        **elastic_net(alpha, 0.3),
        dropout_rate=dropout_rate,
    )
    model._rng = InOrder()
    return model


@pytest.mark.parametrize("weighted", [False, True])
def test_five_epochs_agree_with_keras(blobs, weighted):
    X, y = blobs
    weight = np.random.default_rng(0).uniform(0.5, 2, len(y)) if weighted else None
    ours = prepared()
    ours.fit(X, np.int32(y), batch_size=32, epochs=5, sample_weight=weight)

    start = prepared()
    reference = keras.Sequential(
        [
            keras.Input((10,)),
            keras.layers.Dense(16, "relu"),
            keras.layers.BatchNormalization(momentum=0.9),
            keras.layers.Dense(8, "relu"),
            keras.layers.BatchNormalization(momentum=0.9),
            keras.layers.Dense(3, kernel_regularizer=keras.regularizers.L1L2(0.003, 0.007)),
        ]
    )
    reference.set_weights(start.get_weights())
    reference.compile(
        keras.optimizers.Adam(0.01), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    history = reference.fit(
        X, y, batch_size=32, epochs=5, shuffle=False, verbose=0, sample_weight=weight
    )
    np.testing.assert_allclose(ours.history.history["loss"], history.history["loss"], rtol=1e-4)
    for a, b in zip(ours.get_weights(), reference.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)
    np.testing.assert_allclose(
        tf.nn.softmax(ours.outputs_of(X)), tf.nn.softmax(reference(X)), atol=1e-4
    )


def test_the_last_batch_of_one_joins_its_neighbour(blobs):
    X, y = blobs
    merged, whole = (prepared() for _ in range(2))
    merged.fit(X[:33], np.int32(y[:33]), batch_size=32)
    whole.fit(X[:33], np.int32(y[:33]), batch_size=33)
    for a, b in zip(merged.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_chunks_do_not_change_the_result(blobs, monkeypatch):
    X, y = blobs
    one = prepared()
    one.fit(X, np.int32(y), batch_size=32, epochs=2)
    monkeypatch.setattr("cae_sklearn._images.CHUNK_BYTES", 32 * 40)
    monkeypatch.setattr("cae_sklearn._training.RESIDENT_BYTES", 0)
    many = prepared()
    many.fit(X, np.int32(y), batch_size=32, epochs=2)
    for a, b in zip(one.get_weights(), many.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_both_loops_take_the_same_batches(blobs):
    X, y = blobs
    fast, slow = prepared(), prepared()
    for model, callbacks in ((fast, None), (slow, [keras.callbacks.TerminateOnNaN()])):
        model._rng = np.random.default_rng(0)
        model.fit(X, np.int32(y), batch_size=32, epochs=3, callbacks=callbacks)
    np.testing.assert_allclose(*(m.history.history["loss"] for m in (fast, slow)), rtol=1e-4)


@pytest.mark.parametrize("batch_size, learning_rate", [(1000, 4e5), (1000, 1500), (64, 1030.65)])
@pytest.mark.parametrize("chunk_rows", [1000, 64])
def test_the_last_finite_epoch_comes_back(
    blobs, monkeypatch, batch_size, learning_rate, chunk_rows
):
    X, y = blobs
    monkeypatch.setattr("cae_sklearn._images.CHUNK_BYTES", chunk_rows * 4 * X.shape[1])
    settings = {
        "hidden_layer_sizes": (8,) * 5,
        "activation": "linear",
        "batch_norm": False,
        "dropout_rate": 0.0,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "decay_fraction": 0.0,
        "early_stopping": False,
        "random_state": 0,
    }
    with pytest.warns(ConvergenceWarning):
        fitted = ElasticNetBNMLPClassifier(epochs=20, **settings).fit(X, y)
    before = ElasticNetBNMLPClassifier(epochs=fitted.n_iter_ - 1, **settings).fit(X, y)
    assert 1 < fitted.n_iter_ < 20
    for name, weight in before._weights.items():
        np.testing.assert_array_equal(fitted._weights[name], weight)


@pytest.mark.parametrize("learning_rate", [0.01, 1e30])
def test_epochs_that_pass_at_once_are_the_same_epochs(blobs, monkeypatch, learning_rate):
    X, y = blobs
    at_once, watched, short = (prepared(learning_rate=learning_rate) for _ in range(3))
    settings = {"batch_size": 32, "epochs": 5, "decay_fraction": 0.8}
    at_once.fit(X, np.int32(y), **settings)
    watched.fit(X, np.int32(y), callbacks=[keras.callbacks.Callback()], **settings)
    work = len(X) * (short._work + SAMPLE_WORK) + -(-len(X) // 32) * STEP_WORK
    monkeypatch.setattr("cae_sklearn._training.UNINTERRUPTED_WORK", 2 * work)
    short.fit(X, np.int32(y), **settings)
    assert at_once.diverged == (learning_rate > 1)
    for other in (watched, short):
        assert other.diverged == at_once.diverged
        np.testing.assert_array_equal(
            other.history.history["loss"], at_once.history.history["loss"]
        )
        for a, b in zip(other.get_weights(), at_once.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
            assert np.isfinite(a).all()


def test_the_learning_rate_falls_in_the_last_epochs():
    np.testing.assert_allclose(falling_rate(np.arange(5), 5, 0.5), [1, 1, 1, 0.8, 0.4])
    np.testing.assert_allclose(falling_rate(np.arange(4), 4, 1.0), [1, 0.75, 0.5, 0.25])
    for n_epochs, fraction in [(1, 0.5), (1, 1.0), (3, 0.0), (3, 1e-50)]:
        factors = falling_rate(np.arange(n_epochs), n_epochs, fraction)
        np.testing.assert_array_equal(factors, np.ones(n_epochs))
    assert falling_rate(10**18 * 3, 4 * 10**18, 0.5) == 0.5


def test_rates_that_callbacks_set_within_an_epoch_stay(blobs):
    class Rising(keras.callbacks.Callback):
        rates, n_batches = [], 0

        def on_train_batch_end(self, batch, logs=None):
            self.n_batches += 1
            self.model.optimizer.learning_rate = 1e-4 * self.n_batches

        def on_epoch_end(self, epoch, logs=None):
            self.rates.append(float(self.model.optimizer.learning_rate.numpy()))

    X, y = blobs
    settings = {"batch_size": len(X) // 3, "epochs": 4, "decay_fraction": 1.0}
    prepared().fit(X, np.int32(y), callbacks=[Rising()], **settings)
    np.testing.assert_allclose(Rising.rates, [3e-4, 6e-4, 9e-4, 12e-4], rtol=1e-5)


def test_early_stopping_may_have_no_end_of_epochs(blobs):
    X, y = blobs
    fitted = ElasticNetBNMLPClassifier((5,), epochs=10**12, n_iter_no_change=1, random_state=0)
    assert fitted.fit(X, y).n_iter_ < 1000


def test_callbacks_see_the_validation(blobs):
    class Watch(keras.callbacks.Callback):
        losses = []

        def on_test_end(self, logs=None):
            self.losses.append(logs["loss"])

    X, y = blobs
    fitted = ElasticNetBNMLPClassifier((5,), epochs=2, callbacks=[Watch()], random_state=0)
    np.testing.assert_allclose(Watch.losses, fitted.fit(X, y).validation_loss_curve_)


def test_the_training_network_says_how_to_be_saved(blobs, tmp_path):
    X, y = blobs
    whole = keras.callbacks.ModelCheckpoint(tmp_path / "whole.keras")
    clf = ElasticNetBNMLPClassifier((5,), epochs=2, random_state=0)
    with pytest.raises(NotImplementedError, match="save_weights_only=True"):
        clone(clf).set_params(callbacks=[whole]).fit(X, y)
    path = tmp_path / "best.weights.h5"
    weights = keras.callbacks.ModelCheckpoint(path, save_weights_only=True)
    clone(clf).set_params(callbacks=[weights]).fit(X, y)
    assert path.stat().st_size > 0


def test_a_gpu_is_not_bypassed(blobs, monkeypatch):
    X, y = blobs
    expected = prepared()
    expected.fit(X, np.int32(y), epochs=2)
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: [kind])
    monkeypatch.setattr("cae_sklearn._training.with_threads", None)
    fitted = prepared()
    fitted.fit(X, np.int32(y), epochs=2)
    for a, b in zip(fitted.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_learning_rate_falls_alike_in_both_loops(blobs):
    class Watch(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.rates = []

        def on_epoch_end(self, epoch, logs=None):
            self.rates.append(float(self.model.optimizer.learning_rate.numpy()))
            self.model.optimizer.learning_rate = self.rates[-1] * 0.9

    class WatchBatches(Watch):
        def on_train_batch_end(self, batch, logs=None):
            self.last = self.model.optimizer.learning_rate.numpy()

    X, y = blobs
    fast, keras_loop, constant = (prepared() for _ in range(3))
    settings = {"batch_size": 32, "initial_epoch": 2, "epochs": 7}
    watch, batches = Watch(), WatchBatches()
    fast.fit(X, np.int32(y), callbacks=[watch], decay_fraction=0.5, **settings)
    keras_loop.fit(X, np.int32(y), callbacks=[batches], decay_fraction=0.5, **settings)
    constant.fit(X, np.int32(y), callbacks=[Watch()], **settings)
    assert batches.last == pytest.approx(0.4 * 0.01 * 0.9**4)
    np.testing.assert_allclose(watch.rates, 0.01 * 0.9 ** np.arange(5), rtol=1e-6)
    np.testing.assert_allclose(batches.rates, watch.rates, rtol=1e-6)
    losses = [model.history.history["loss"] for model in (fast, keras_loop, constant)]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-4)
    np.testing.assert_allclose(losses[0][:3], losses[2][:3], rtol=1e-6)
    assert abs(losses[0][4] - losses[2][4]) > 1e-4
    for a, b in zip(fast.get_weights(), keras_loop.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)


def test_dropout_leaves_out_the_share_it_says():
    model = prepared(dropout_rate=applicable_rate(0.3))
    layer = model.get_layer("dropout1")
    ones = tf.ones((200, 16))
    dropped = layer(ones, training=True).numpy()
    with layer.drawn(400) as take:
        drawn = []
        for rows in ((0, 200), (200, 400)):
            take(*rows)
            drawn.append(layer(ones, training=True).numpy())
    for masked in (dropped, *drawn):
        assert np.mean(masked == 0) == pytest.approx(0.3, abs=0.03)
        np.testing.assert_allclose(masked[masked > 0], 256 / (256 - 77), rtol=1e-5)
    again = layer(ones, training=True).numpy()
    assert len({masked.tobytes() for masked in (dropped, *drawn, again)}) == 4
    np.testing.assert_array_equal(layer(ones, training=False), ones)


def test_nothing_is_traced_again(blobs):
    X, y = blobs
    ElasticNetBNMLPClassifier((16, 8), epochs=1).fit(X, y)
    _, model = _idle[-1]
    traced = dict(model._traced)
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
    assert _idle[-1][1] is model
    assert model._traced.keys() - traced.keys() <= {("_run_forward", tf.float32)}
    assert all(model._traced[key] is traced[key] for key in traced)


def test_the_cache_of_networks_is_bounded_and_exclusive():
    one = {"rows": 8, **ARCHITECTURE}
    with borrowed(trainable_mlp, **one) as a, borrowed(trainable_mlp, **one) as b:
        assert a is not b
    for rows in range(9, 9 + _IDLE_LIMIT + 3):
        with borrowed(trainable_mlp, rows=rows, **ARCHITECTURE):
            pass
    assert len(_idle) <= _IDLE_LIMIT


def test_a_lent_or_lost_network_does_not_hinder_others():
    others = range(100, 100 + _IDLE_LIMIT + 3)
    for rows in (*others, 8):
        with borrowed(trainable_mlp, rows=rows, **ARCHITECTURE):
            pass
    with pytest.raises(ZeroDivisionError), borrowed(trainable_mlp, rows=8, **ARCHITECTURE) as lost:
        raise ZeroDivisionError
    with borrowed(trainable_mlp, rows=8, **ARCHITECTURE) as lent:
        assert lent is not lost
        for rows in others:
            with borrowed(trainable_mlp, rows=rows, **ARCHITECTURE):
                pass
    assert len(_idle) == _IDLE_LIMIT
    assert _idle[-1][1] is lent


def test_memory_does_not_grow_with_fits(blobs):
    X, y = blobs
    process = psutil.Process()

    def fit(n):
        for i in range(n):
            ElasticNetBNMLPClassifier(epochs=1, random_state=i).fit(X, y).predict(X)
        gc.collect()
        return process.memory_info().rss / 2**20

    before = fit(20)
    assert fit(40) - before < 10  # MB; plain Keras takes some 300


def global_state():
    return (
        np.random.get_state()[1].tolist(),
        np.random.get_state()[2],
        random.getstate(),
        tf.config.experimental.is_op_determinism_enabled()
        if hasattr(tf.config.experimental, "is_op_determinism_enabled")
        else None,
        tf.config.threading.get_intra_op_parallelism_threads(),
        tf.config.threading.get_inter_op_parallelism_threads(),
        keras.backend.floatx(),
        keras.config.dtype_policy().name,
        {name: vars(keras.Model).get(name) for name in ("__reduce__", "__deepcopy__")},
    )


@pytest.mark.parametrize("seed", [0, None])
def test_no_global_state_is_touched(blobs, seed):
    X, y = blobs

    def seed_everything():
        keras.backend.clear_session()  # only this resets the generator of older Keras
        tf.random.set_seed(3)
        keras.utils.set_random_seed(5)

    def draws():
        return [float(tf.random.uniform(())), keras.random.uniform(()).numpy().item()]

    def fit():
        Z = CAEFeaturizer(filters=4, epochs=1, random_state=seed).fit_transform(X)
        ElasticNetBNMLPClassifier((8,), epochs=2, random_state=seed).fit(Z, y).predict(Z)

    seed_everything()
    expected = draws()
    before = global_state()
    fit()
    assert global_state() == before
    seed_everything()
    fit()  # between seeding and drawing
    assert draws() == expected
    tf.random.uniform((2,))  # raises where op determinism was left on and no seed is set


def test_a_random_state_instance_advances(blobs):
    X, y = blobs
    state = np.random.RandomState(0)
    a, b = (
        ElasticNetBNMLPClassifier((8,), epochs=1, random_state=state).fit(X, y).predict_proba(X)
        for _ in range(2)
    )
    assert not np.array_equal(a, b)


def test_a_dtype_policy_of_the_user_changes_nothing(blobs):
    X, y = blobs
    clf = ElasticNetBNMLPClassifier((7,), epochs=1, random_state=0)
    expected = clf.fit(X, y).predict_proba(X)
    before = keras.config.dtype_policy()
    _idle.clear()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        np.testing.assert_array_equal(clf.fit(X, y).predict_proba(X), expected)
        assert keras.config.dtype_policy().name == "mixed_float16"
    finally:
        keras.config.set_dtype_policy(before)


def test_a_default_float_type_of_the_user_changes_nothing(blobs):
    X, y = blobs
    clf = ElasticNetBNMLPClassifier((7,), epochs=2, random_state=0)
    expected = clf.fit(X, y).predict_proba(X)
    _idle.clear()
    keras.config.set_floatx("float64")
    try:
        np.testing.assert_array_equal(clf.fit(X, y).predict_proba(X), expected)
    finally:
        keras.config.set_floatx("float32")
        _idle.clear()


@pytest.mark.parametrize("params", [{"filters": 6}, {"filters": (6, 4), "whiten": False}])
def test_an_image_format_of_the_user_changes_nothing(params):
    X = np.random.default_rng(0).integers(0, 256, (40, 10, 12, 3), np.uint8)
    cae = CAEFeaturizer(**params, kernel_size=3, epochs=1, random_state=0)
    expected = cae.fit_transform(X)
    _idle.clear()
    keras.config.set_image_data_format("channels_first")
    try:
        np.testing.assert_array_equal(cae.fit_transform(X), expected)
        np.testing.assert_allclose(cae.encoder_.predict(X, verbose=0), expected, atol=1e-4)
    finally:
        keras.config.set_image_data_format("channels_last")
        _idle.clear()


def test_threads_do_not_disturb_each_other(blobs):
    X, y = blobs

    def fit(seed):
        clf = ElasticNetBNMLPClassifier((16,), epochs=3, random_state=seed).fit(X, y)
        return clf.predict_proba(X)

    alone = [fit(seed) for seed in range(4)]
    together = Parallel(n_jobs=4, backend="threading")(delayed(fit)(seed) for seed in range(4))
    np.testing.assert_array_equal(alone, together)
    assert threading.active_count() < 50


@pytest.mark.parametrize("shape", [(7, 5), (3, 4, 2, 5)])
def test_batch_normalisation_has_keras_outputs_and_gradients(shape):
    rng = np.random.default_rng(0)
    x = tf.constant(rng.normal(3.0, 2.0, shape), tf.float32)
    weight = tf.constant(rng.normal(size=shape), tf.float32)
    layer = keras.layers.BatchNormalization(epsilon=0.01)
    layer.build(shape)
    layer.gamma.assign(rng.uniform(0.5, 2.0, shape[-1:]))
    layer.beta.assign(rng.normal(size=shape[-1:]))
    inputs = [x, tf.constant(layer.gamma), tf.constant(layer.beta)]
    results = []
    for normalize in (
        lambda x, scale, offset: _normalize(x, scale, offset, 0.01)[0],
        lambda x, scale, offset: keras.ops.batch_normalization(
            x, *tf.nn.moments(x, list(range(len(shape) - 1))), -1, offset, scale, 0.01
        ),
    ):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            y = normalize(*inputs)
            loss = tf.reduce_sum(weight * y**2)
        results.append([y, *tape.gradient(loss, inputs)])
    np.testing.assert_allclose(results[0][0], layer(x, training=True), rtol=1e-5, atol=1e-5)
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("threads", [2, 3])
def test_the_number_of_threads_of_a_step_changes_no_bit(blobs, threads, monkeypatch):
    X, y = blobs
    settings = {"epochs": 2, "random_state": 0}

    def fit():
        images = X[:, :8].reshape(-1, 4, 2, 1)
        return [
            ElasticNetBNMLPClassifier((16, 8), **settings).fit(X, y).predict_proba(X),
            CAEFeaturizer((4, 3), whiten=False, **settings).fit_transform(images),
            CAEFeaturizer(5, **settings).fit_transform(images),
        ]

    expected = fit()  # small steps: one thread
    for module in ("_training", "_whitening"):
        monkeypatch.setattr(f"cae_sklearn.{module}.threads_for", lambda work: threads)
    for one, several in zip(expected, fit(), strict=True):
        np.testing.assert_array_equal(one, several)


@pytest.mark.parametrize("n_samples", [1, 2, 3, 5, 24])
def test_shares_of_a_batch_give_its_gradients(n_samples):
    rng = np.random.default_rng(n_samples)
    x = tf.constant(rng.normal(size=(n_samples, 6, 4, 1)), tf.float32)
    weight = tf.constant(rng.uniform(size=n_samples), tf.float32)
    results = []
    for n_shares in (1, 4):
        model = loop(
            network="deep",
            image_shape=(6, 4, 1),
            filters=(4, 3),
            kernel_size=(3, 3),
            activation="tanh",
            batch_norm=False,
            grid=None,
        )
        start = initial_weights(model, 0) | {"standardize/scale": np.ones(1, np.float32)}
        model.prepare(seed=0, learning_rate=0.01, weights=start, noise=0.0)
        model._n_shares = n_shares
        loss = model._train_on(x, None, weight, 0.01, tf.constant(float(n_samples)))
        slots = next(iter(model.slots().values()))[1:]  # what the gradients were
        results.append([loss, *slots])
    for one, several in zip(*results, strict=True):
        np.testing.assert_allclose(one, several, rtol=1e-4, atol=1e-7)
    assert any(np.any(values) for values in results[0][1:])


@pytest.mark.parametrize(("n", "columns"), [(1, 1), (700, 5), (900, 33)])
def test_products_are_the_same_for_any_number_of_threads(n, columns, monkeypatch):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(n, 19)).astype("f"), rng.normal(size=(n, columns)).astype("f")
    products = []
    for threads in (1, 3, None):
        monkeypatch.setattr("cae_sklearn._whitening.threads_for", lambda work, t=threads: t)
        products.append(inner(x, y))
    np.testing.assert_array_equal(products[0], products[1])
    for product in products:
        np.testing.assert_allclose(product, x.T.astype(float) @ y, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("limit", "threads"), [("", None), ("some", None), ("3", 3)])
def test_the_environment_limits_the_threads(monkeypatch, limit, threads):
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", limit)
    expected = (
        tf.config.threading.get_intra_op_parallelism_threads() or threads or joblib.cpu_count()
    )
    assert _n_threads.__wrapped__() == expected


def test_small_steps_take_one_thread(monkeypatch):
    monkeypatch.setattr("cae_sklearn._training._n_threads", lambda: 7)
    assert [threads_for(work) for work in (1e5, 3e7)] == [1, 7]
    assert prepared()._work == 10 * 16 + 16 * 8 + 8 * 3


@pytest.mark.parametrize(
    ("shape", "filters", "kernel", "padding"),
    [
        ((3, 9, 7, 3), 8, (3, 3), ((1, 1), (1, 1))),
        ((3, 9, 7, 16), 12, (3, 3), ((0, 0), (0, 0))),
        ((2, 9, 7, 16), 12, (4, 2), ((1, 2), (0, 1))),
        ((3, 9, 7, 20), 3, (4, 5), ((0, 3), (2, 1))),
        ((3, 1, 7, 1), 3, (1, 3), ((0, 0), (1, 1))),
        ((4, 5, 5, 30), 40, (1, 1), ((0, 0), (0, 0))),
        ((4, 5, 5, 30), 4, (2, 2), ((1, 1), (1, 0))),
    ],
)
def test_the_convolution_has_tensorflows_gradients(shape, filters, kernel, padding):
    rng = np.random.default_rng(0)
    x = tf.constant(rng.normal(size=shape), tf.float32)
    w = tf.constant(rng.normal(size=(*kernel, shape[-1], filters)), tf.float32)
    results = []
    edges = [[0, 0], *padding, [0, 0]]
    for convolve in (
        lambda x, w: _convolve(x, w, padding),
        lambda x, w: tf.nn.conv2d(tf.pad(x, edges), w, 1, "VALID"),
    ):
        with tf.GradientTape() as tape:
            tape.watch([x, w])
            y = convolve(x, w)
            loss = tf.reduce_sum(y**3)
        results.append([y, *tape.gradient(loss, [x, w])])
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4 * np.abs(theirs).max())


@pytest.mark.parametrize("kernel_size", [1, 2, 3, 4, 5, 6, 7, (3, 6), (1, 9)])
def test_the_upsampling_convolution_is_the_two_in_one(kernel_size):
    rng = np.random.default_rng(0)
    x = tf.constant(rng.normal(size=(2, 4, 5, 3)), tf.float32)
    settings = {"padding": "same", "activation": "tanh"}
    double = keras.layers.UpSampling2D(2)
    results = []
    for kind, enlarge in (
        (UpConv2D, tf.identity),
        (Conv2D, double),
        (keras.layers.Conv2D, double),
    ):
        layer, large = kind(2, kernel_size, **settings), enlarge(x)
        assert layer.compute_output_shape(large.shape) == (2, 8, 10, 2)
        layer.build(large.shape)
        draw = np.random.default_rng(1)
        layer.set_weights([draw.normal(size=weight.shape) for weight in layer.weights])
        values = [x, *(weight.value for weight in layer.weights)]
        with tf.GradientTape() as tape:
            tape.watch(values)
            y = layer(enlarge(x))
            loss = tf.reduce_sum(y**3)
        results.append([y, *tape.gradient(loss, values)])
    for *ours, theirs in zip(*results, strict=True):
        theirs = np.stack([theirs] * 2)
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4 * np.abs(theirs).max())


@pytest.mark.parametrize("shape", [(4, 6), (5, 4), (3, 7), (1, 1), (1, 6)])
def test_the_pooling_has_kerass_gradient(shape):
    x = tf.constant(np.random.default_rng(0).normal(size=(2, *shape, 3)), tf.float32)
    results = []
    for kind in (MaxPooling2D, keras.layers.MaxPooling2D):
        layer = kind(2, padding="same")
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x)
            loss = tf.reduce_sum(y**3)
        assert y.shape == layer.compute_output_shape(x.shape)
        results.append([y, tape.gradient(loss, x)])
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_equal_pixels_share_the_gradient_of_the_pooling():
    x = tf.constant([[3.0, 3.0, 1.0, 2.0], [0.0, 3.0, 0.0, 0.0]])[None, ..., None]
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = MaxPooling2D(2, padding="same")(x)
    gradient = tape.gradient(y, x, tf.constant([3.0, 5.0])[None, None, :, None])
    np.testing.assert_allclose(gradient[0, ..., 0], [[1, 1, 0, 5], [0, 1, 0, 0]], rtol=1e-6)
