"""The deep autoencoder: geometry, layers, and features that are denoised like any others."""

import numpy as np
import pytest
from pictures import pictures
from sklearn.linear_model import Ridge

from cae_sklearn import CAEFeaturizer
from cae_sklearn._arrays.linalg import RIDGE
from cae_sklearn._networks.deep import DeepAutoencoder
from cae_sklearn._networks.denoising import Views
from cae_sklearn._training.pool import outputs

ORIGIN = {  # of the notebook: the code as it is, after training on clean images
    "filters": (64, 32, 16),
    "kernel_size": 3,
    "whiten": False,
    "noise": 0.0,
    "output_size": None,
    "shift": 0.0,
    "n_components": None,
    "decay_fraction": 0.0,
}
DEEP = {  # of tanh, which leaves no feature without variance
    "whiten": False,
    "filters": (8, 4),
    "kernel_size": 3,
    "activation": "tanh",
    "epochs": 0,  # what is learned in closed form does not ask how the filters were trained
    "random_state": 0,
}


def deep(shape=(12, 12, 3), shift=0.125, flip=None, **settings):
    defaults = {
        "filters": (8, 4),
        "kernel_size": 3,
        "activation": "relu",
        "batch_norm": False,
        "output_size": 3,
        "n_components": 400,
    }
    views = Views.for_images(shape, shift=shift, flip=flip, shrinkage="auto")
    return DeepAutoencoder.for_images(shape, views, **{**defaults, **settings})


@pytest.mark.parametrize(
    ("shape", "sizes", "grid"),
    [
        ((12, 12, 3), [(12, 12), (6, 6), (3, 3)], (3, 3)),
        ((7, 11, 1), [(7, 11), (4, 6), (2, 3)], (2, 3)),
        ((1, 9, 2), [(1, 9), (1, 5), (1, 3)], (1, 3)),
        ((1, 1, 1), [(1, 1)] * 3, (1, 1)),
    ],
)
def test_each_layer_halves_the_image_and_the_grid_fits_the_code(shape, sizes, grid):
    network = deep(shape)
    assert (network.sizes, network.grid) == (sizes, grid)
    assert network.n_pooled == np.prod(grid) * 4


def test_descriptions_are_equal_where_networks_are():
    assert deep(filters="8-4") == deep(filters=[np.int64(8), 4])
    assert hash(deep(output_size=9)) == hash(deep(output_size=(3, 3)))
    assert deep(n_components=10**6) == deep(n_components=None)
    assert deep(kernel_size=2) != deep()
    assert deep().difference(deep(kernel_size=2)) == ["kernel_size from (3, 3) to (2, 2)"]


def test_a_stage_that_does_nothing_is_left_out():
    assert deep(shift=0.0, n_components=None).n_components is None
    assert deep(shift=0.0, flip="horizontal", n_components=None).n_components == 36
    assert deep(shift=0.0, n_components=5).n_components == 5
    assert deep((1, 9, 1), shift=0.5, flip="vertical", n_components=None).n_components is None


@pytest.fixture(scope="module")
def notebook():
    settings = {**ORIGIN, "epochs": 0, "random_state": 0}
    return CAEFeaturizer(**settings).fit(pictures(12, (32, 32, 3)))


def test_the_encoder_of_the_notebook(notebook):
    assert notebook.transform(pictures(2, (32, 32, 3))).shape == (2, 4 * 4 * 16)
    kinds = [type(layer).__name__ for layer in notebook.encoder_.layers]
    assert [kind for kind in kinds if kind in ("Conv2D", "MaxPooling2D", "Flatten")] == [
        *["Conv2D", "MaxPooling2D"] * 3,
        "Flatten",
    ]
    convolutions = [layer for layer in notebook.encoder_.layers if hasattr(layer, "filters")]
    assert [(layer.filters, layer.kernel_size) for layer in convolutions] == [
        (64, (3, 3)),
        (32, (3, 3)),
        (16, (3, 3)),
    ]


def test_the_features_of_the_notebook_are_the_code_as_it_is(notebook):
    features = notebook.transform(pictures(2, (32, 32, 3)))
    assert features.min() >= 0.0  # after relu
    kinds = [type(layer).__name__ for layer in notebook.encoder_.layers]
    assert "Dense" not in kinds
    assert "features/scale" not in notebook._weights  # only images are standardised


@pytest.fixture(scope="module")
def denoised():
    return CAEFeaturizer(**DEEP).fit(pictures(200))


def test_deep_features_are_standardised(denoised):
    X = pictures(200)
    features = denoised.transform(X)
    assert features.shape == (200, 36)
    np.testing.assert_allclose(features.mean(axis=0), 0.0, atol=0.02)
    deviations = features.std(axis=0)
    active = deviations > 0  # a filter may give 0 everywhere
    assert active.mean() > 0.8
    np.testing.assert_allclose(deviations[active], 1.0, atol=0.05)


def test_each_stage_acts_on_deep_features(denoised):
    X = pictures(200)
    features = denoised.transform(X)
    for params in (
        {"shift": 0.3},
        {"flip": "horizontal"},
        {"shrinkage": 0.9},
        {"shift": 0.0, "n_components": None},
    ):
        other = CAEFeaturizer(**DEEP).set_params(**params).fit(X).transform(X)
        assert other.shape == features.shape
        assert np.abs(other - features).max() > 0.1, params
    few = CAEFeaturizer(**DEEP, n_components=5).fit(X)
    assert few.transform(X).shape == (200, 5)
    np.testing.assert_allclose(few.transform(X).std(axis=0), 1.0, atol=0.05)
    assert few.inverse_transform(few.transform(X)).shape == X.shape


def test_the_code_is_restored_by_ridge_regression(denoised):
    X, weights, network = pictures(200), denoised._weights, denoised._network
    features = denoised.transform(X)
    pooled = outputs(network, "pooled", weights, X)
    pooled = pooled * weights["features/scale"] + weights["features/mean"]
    penalty = RIDGE * np.square(features - features.mean(axis=0)).sum() / features.shape[1]
    reference = Ridge(penalty).fit(np.float64(features), np.float64(pooled))
    scale = np.abs(reference.coef_).max()
    np.testing.assert_allclose(weights["pooled/kernel"], reference.coef_.T, atol=1e-3 * scale)
    np.testing.assert_allclose(weights["pooled/bias"], reference.intercept_, atol=1e-3 * scale)
