"""Small estimators that the tests of faults share: few architectures, so that few are traced."""

import pytest

from cae_sklearn import CAEFeaturizer, ElasticNetBNMLPClassifier


@pytest.fixture(scope="session")
def make_classifier():
    """Return a function that makes a small classifier."""

    def make(**params):
        small = {"hidden_layer_sizes": (8,), "epochs": 2, "random_state": 0}
        return ElasticNetBNMLPClassifier(**{**small, **params})

    return make


@pytest.fixture(scope="session")
def make_featurizer():
    """Return a function that makes a small featurizer, whitened or deep."""

    def make(**params):
        small = {"filters": 4, "n_components": 6, "epochs": 1, "random_state": 0}
        if params.get("whiten") is False:
            small |= {"filters": (4,), "kernel_size": 3, "output_size": 2}
        return CAEFeaturizer(**{**small, **params})

    return make
