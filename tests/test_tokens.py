"""Hashes and texts by which settings are compared."""

import json
import pickle
import time

import joblib
import keras
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from cae_sklearn._tokens import plain, stable_hash, token


class Restless(keras.optimizers.SGD):
    """An optimizer; its name differs every time, and so does its pickle."""

    def __init__(self, rate=0.1):
        super().__init__(rate, name=f"restless_{time.perf_counter_ns()}")

    def __reduce__(self):
        return Restless, (float(self.learning_rate),), {"when": time.perf_counter_ns()}


class Follower(keras.callbacks.Callback):
    def __init__(self, patience=3):
        super().__init__()
        self.patience = patience


@pytest.mark.parametrize(
    "value",
    [
        3,
        2.5,
        "text",
        [1, "a"],
        {"b": 1, "a": [2]},
        np.arange(6.0).reshape(2, 3),
        None,
        (1, np.int8),
    ],
)
def test_all_else_has_the_hash_of_joblib(value):
    assert stable_hash(value) == joblib.hash(value)
    model = LogisticRegression(C=2).fit([[0.0], [1.0]], [0, 1])
    assert stable_hash([model, value]) == joblib.hash([model, value])


@pytest.mark.parametrize(
    "wrap",
    [
        lambda part: part,
        lambda part: [1, part],
        lambda part: {"optimizer": part},
        lambda part: LogisticRegression(C=part),
        lambda part: Pipeline([("scale", StandardScaler()), ("clf", LogisticRegression(C=part))]),
    ],
)
def test_optimizers_count_by_their_configuration_wherever_they_stand(wrap):
    assert pickle.dumps(Restless()) != pickle.dumps(Restless())
    for function in (stable_hash, token, plain):
        assert function(wrap(Restless())) == function(wrap(Restless()))
        if function is not token or wrap(1) == 1:  # a token has 80 characters of the looks
            assert function(wrap(Restless())) != function(wrap(Restless(0.2)))
    json.dumps(plain(wrap(Restless())))


def test_callbacks_count_by_what_the_user_set():
    used, other = Follower(), Follower()
    used.set_model(lambda: None)  # would not pickle
    used.set_params({"epochs": 3})
    for function in (stable_hash, plain):
        assert function([used]) == function([other])
        assert function([used]) != function([Follower(4)])


def test_classes_count_as_they_are():
    assert plain(Restless) == token(Restless)


def test_the_layout_of_an_array_does_not_matter():
    array = np.arange(12.0).reshape(3, 4)
    assert token(array) == token(np.asfortranarray(array)) == token(array.tolist())
    assert token(array) != token(array + 1e-12)
    assert token(array).startswith("float64 array of shape (3, 4) #")


@pytest.mark.slow
def test_the_objects_of_keras():
    keras = pytest.importorskip("keras")

    def parts(rate):
        schedule = keras.optimizers.schedules.ExponentialDecay(rate, 10, 0.9)
        return {
            "adam": keras.optimizers.Adam(rate),
            "schedule": keras.optimizers.SGD(schedule),
            "stopping": keras.callbacks.EarlyStopping(min_delta=rate),
            "plateau": keras.callbacks.ReduceLROnPlateau(factor=rate),
        }

    one, other, third = parts(0.1), parts(0.1), parts(0.2)
    assert joblib.hash(one["adam"]) != joblib.hash(other["adam"])
    other["adam"].build([keras.Variable([1.0])])
    other["stopping"].set_model(keras.Sequential())
    for name, part in one.items():
        assert stable_hash(part) == stable_hash(other[name]), name
        assert plain(part) == plain(other[name]), name
        assert stable_hash(part) != stable_hash(third[name]), name
