"""The description of the perceptron, and its start."""

import numpy as np
import pytest

from cae_sklearn._networks.building import initial_weights
from cae_sklearn._networks.mlp import MLP


def mlp(hidden_layer_sizes=(6, 4), **settings):
    settings = {"activation": "relu", "batch_norm": True, **settings}
    return MLP.for_features(10, 3, hidden_layer_sizes=hidden_layer_sizes, **settings)


@pytest.fixture(scope="module")
def trainer():
    return mlp().build("trainer")


def test_sizes_are_read_however_they_are_written():
    for sizes in ((6, 4), "6-4", [np.int64(6), 4], np.array([6, 4])):
        assert mlp(sizes) == mlp()
        assert hash(mlp(sizes)) == hash(mlp())
    assert mlp(5).hidden_layer_sizes == (5,)
    assert mlp(batch_norm=np.True_) == mlp()
    assert mlp("4-6") != mlp()


def test_a_description_says_how_another_differs():
    changed = mlp((6,), activation="tanh")
    assert mlp().difference(changed) == [
        "hidden_layer_sizes from (6, 4) to (6,)",
        "activation from 'relu' to 'tanh'",
    ]
    assert mlp().difference(mlp()) == []


def test_training_starts_at_the_shares_of_the_classes(trainer):
    y, weight = np.repeat([0, 1], [30, 10]), np.repeat([1.0, 6.0], [30, 10])
    bias = mlp().start(trainer, 0, y)["output/bias"]
    shares = np.exp(bias) / np.exp(bias).sum()
    np.testing.assert_allclose(shares, [0.75, 0.25, 0.0], atol=1e-6)
    assert np.isfinite(bias).all()
    weighted = mlp().start(trainer, 0, y, weight)["output/bias"]
    assert weighted[1] - weighted[0] == pytest.approx(np.log(2.0), rel=1e-5)
    assert not mlp().start(trainer, 0)["output/bias"].any()


def test_kernels_start_as_keras_starts_them(trainer):
    weights = initial_weights(trainer, 0)
    kernel = weights["hidden1/kernel"]
    limit = np.sqrt(6 / (10 + 6))
    assert 0.8 * limit < np.abs(kernel).max() <= limit
    for name, value in (("gamma", 1.0), ("moving_variance", 1.0), ("beta", 0.0)):
        assert (weights[f"batch_norm1/{name}"] == value).all()
    again, other = initial_weights(trainer, 0), initial_weights(trainer, 1)
    np.testing.assert_array_equal(again["hidden1/kernel"], kernel)
    assert not np.array_equal(other["hidden1/kernel"], kernel)
