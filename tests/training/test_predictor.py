"""Prediction in tiles: batch-invariant, whatever the network's kernels do."""

import keras
import numpy as np
import pytest

from cae_sklearn._training.predictor import Predictor, flat_layers, load_weights, multiply_adds


@pytest.fixture(scope="module")
def network():
    inner = keras.Sequential([keras.Input((6, 6, 2)), keras.layers.Conv2D(3, 3)], name="inner")
    x = inputs = keras.Input((6, 6, 2))
    x = keras.layers.Dense(5, "tanh")(keras.layers.Flatten()(inner(x)))
    return keras.Model(inputs, x)


X = np.random.default_rng(0).normal(size=(131, 6, 6, 2)).astype(np.float32)


@pytest.mark.parametrize(("tile", "n_tiles"), [(24, 1), (24, 3), (48, 2), (1, 5)])
def test_samples_pass_in_tiles(network, tile, n_tiles):
    predictor = Predictor(network, tile, n_tiles)
    together = predictor(X)
    np.testing.assert_allclose(together, network(X), atol=1e-6)
    for some in (slice(0, 1), slice(3, 10), slice(23, 24), slice(5, 80), slice(130, 131)):
        np.testing.assert_array_equal(predictor(X[some]), together[some])
    np.testing.assert_array_equal(predictor(np.float64(X)), together)
    assert len(predictor.traced.graphs) == min(n_tiles, 2)  # of one tile, of any number of them


@pytest.mark.parametrize(("tile", "n_tiles"), [(24, 1), (24, 3), (1, 5), (48, 2)])
def test_what_comes_last_has_whole_tiles_whatever_the_tile(network, tile, n_tiles):
    inputs = keras.Input((5,))
    last = keras.Model(inputs, keras.layers.Dense(300)(inputs))
    predictor = Predictor(network, tile, n_tiles, last)
    together = predictor(X)
    np.testing.assert_allclose(together, last(network(X)), atol=1e-6)
    for some in (slice(0, 1), slice(3, 10), slice(5, 80), slice(130, 131)):
        np.testing.assert_array_equal(predictor(X[some]), together[some])


def test_both_parts_get_their_weights(network):
    inputs = keras.Input((5,))
    last = keras.Model(inputs, keras.layers.Dense(3)(inputs))
    predictor = Predictor(network, 24, last=last)
    weights = {variable.path: variable.numpy() + 1 for variable in network.weights + last.weights}
    predictor.load(weights)
    for variable in network.weights + last.weights:
        np.testing.assert_array_equal(variable.numpy(), weights[variable.path])


def test_weights_come_by_their_paths(network):
    weights = {variable.path: variable.numpy() + 1 for variable in network.weights}
    predictor = Predictor(network, 4)
    predictor.load({**weights, "another": None})
    network.weights[0].assign(weights[network.weights[0].path] + 1)
    predictor.load(dict(weights))  # the same arrays are not copied again
    assert np.all(network.weights[0].numpy() == weights[network.weights[0].path] + 1)
    predictor.load({path: weight.copy() for path, weight in weights.items()})
    for variable in network.weights:
        np.testing.assert_array_equal(variable.numpy(), weights[variable.path])
    with pytest.raises(KeyError):
        load_weights(network, {"another": None})


def test_the_work_of_nested_networks_is_counted(network):
    assert [layer.name[:4] for layer in flat_layers(network) if layer.weights] == ["conv", "dens"]
    assert multiply_adds(network) == 16 * 9 * 2 * 3 + 48 * 5
