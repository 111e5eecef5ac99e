"""What both estimators promise: nothing global, one seed a purpose, all or nothing."""

import random

import keras
import numpy as np
import pytest
import tensorflow as tf
from marks import slowly
from sklearn.base import clone

from cae_sklearn import CAEFeaturizer, ElasticNetBNMLPClassifier
from cae_sklearn._training import pool


def cae(**params):
    return CAEFeaturizer(**{"filters": 4, "epochs": 1, "random_state": 0, **params})


def mlp(**params):
    return ElasticNetBNMLPClassifier(**{"hidden_layer_sizes": (8,), "epochs": 2, **params})


@pytest.fixture(scope="module")
def blobs(blobs):
    """Return fewer of the samples, which pass in one tile."""
    return tuple(array[:100] for array in blobs)


@pytest.fixture(scope="module")
def images(blobs):
    return blobs[0][:, :8].reshape(-1, 4, 2, 1)


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


@pytest.mark.slow
def test_no_global_state_is_touched(blobs):
    X, y = blobs

    def seed_everything():
        keras.backend.clear_session()  # only this resets the generator of older Keras
        tf.random.set_seed(3)
        keras.utils.set_random_seed(5)

    def draws():
        return [float(tf.random.uniform(())), keras.random.uniform(()).numpy().item()]

    def fit():
        for seed in (0, None):
            Z = cae(random_state=seed).fit_transform(X)
            mlp(random_state=seed).fit(Z, y).predict(Z)

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
    a, b = (mlp(random_state=state).fit(X, y).predict_proba(X) for _ in range(2))
    assert not np.array_equal(a, b)
    expected = np.random.RandomState(0)
    for _ in range(2):  # one draw a fit
        expected.randint(2**31)
    np.testing.assert_array_equal(state.get_state()[1], expected.get_state()[1])
    assert state.get_state()[2] == expected.get_state()[2]


@pytest.mark.parametrize("make", [cae, mlp])
def test_each_purpose_has_its_own_seed(make):
    drawn = make(random_state=7)._seeds()
    assert {"start", "training", "split"} <= drawn.keys()
    first = {name: tuple(seed.generate_state(4)) for name, seed in drawn.items()}
    assert len(set(first.values())) == len(drawn)
    again = make(random_state=7)._seeds()
    assert {name: tuple(seed.generate_state(4)) for name, seed in again.items()} == first


def test_a_split_does_not_change_the_start(images):
    """Held-out images are drawn from a seed of their own."""
    plain, split = (
        cae(epochs=0, early_stopping=stop, filters=5).fit(images) for stop in (False, True)
    )
    np.testing.assert_array_equal(plain.transform(images), split.transform(images))


def with_setting(setting, value, default, run):
    """Run with a setting of Keras's, and networks that are made anew."""
    pool._idle.clear()
    setting(value)
    try:
        return run()
    finally:
        setting(default)
        pool._idle.clear()


def test_a_dtype_policy_of_the_user_changes_nothing(blobs):
    X, y = blobs
    clf = mlp(random_state=0)
    expected = clone(clf).fit(X, y).predict_proba(X)

    def run():
        result = clf.fit(X, y).predict_proba(X)
        assert keras.config.dtype_policy().name == "mixed_float16"
        return result

    before = keras.config.dtype_policy()
    result = with_setting(keras.config.set_dtype_policy, "mixed_float16", before, run)
    np.testing.assert_array_equal(result, expected)


@pytest.mark.slow
def test_a_default_float_type_of_the_user_changes_nothing(blobs):
    X, y = blobs
    clf = mlp(random_state=0)
    expected = clone(clf).fit(X, y).predict_proba(X)
    result = with_setting(
        keras.config.set_floatx, "float64", "float32", lambda: clf.fit(X, y).predict_proba(X)
    )
    np.testing.assert_array_equal(result, expected)


@pytest.mark.slow
@pytest.mark.parametrize(
    "params",
    [{"filters": 6}, *slowly([{"filters": (4,), "whiten": False}])],
)
def test_an_image_format_of_the_user_changes_nothing(params):
    X = np.random.default_rng(0).integers(0, 256, (40, 10, 12, 3), np.uint8)
    made = cae(**params, kernel_size=3)
    expected = clone(made).fit_transform(X)

    def run():
        result = made.fit_transform(X)
        np.testing.assert_allclose(made.encoder_(np.float32(X)), expected, atol=1e-4)
        return result

    setting = keras.config.set_image_data_format
    result = with_setting(setting, "channels_first", "channels_last", run)
    np.testing.assert_array_equal(result, expected)


THREE_NETWORKS = [
    lambda X, y: mlp(random_state=0).fit(X, y).predict_proba(X),
    lambda X, y: cae(filters=(4,), whiten=False).fit_transform(X[:, :8].reshape(-1, 4, 2, 1)),
    lambda X, y: cae(filters=5, batch_norm=True).fit_transform(X[:, :8].reshape(-1, 4, 2, 1)),
]


@pytest.mark.parametrize(
    "fit", [THREE_NETWORKS[0], *slowly(THREE_NETWORKS[1:])], ids=["mlp", "deep", "whitened"]
)
def test_the_number_of_threads_of_a_step_changes_no_bit(blobs, monkeypatch, fit):
    expected = fit(*blobs)  # small steps: one thread
    for threads in (2, 3):
        for module in (
            "_arrays.linalg",
            "_training.fit_loop",
            "_training.keras_loop",
            "_training.predictor",
        ):
            name = f"cae_sklearn.{module}.threads_for"
            monkeypatch.setattr(name, lambda work, threads=threads: threads)
        np.testing.assert_array_equal(fit(*blobs), expected)
