"""A small perceptron that the tests of training share: it is traced once."""

from functools import cache

import numpy as np

from cae_sklearn._networks.building import initial_weights
from cae_sklearn._networks.dense import elastic_net
from cae_sklearn._networks.mlp import MLP

NETWORK = MLP.for_features(10, 3, hidden_layer_sizes=(16, 8), activation="relu", batch_norm=True)


class InOrder:
    """A generator of random numbers that leaves everything in its order."""

    def permutation(self, indices):
        return np.asarray(indices)


@cache
def trainer():
    return NETWORK.build("trainer")


def prepared(learning_rate=0.01, alpha=0.01, dropout_rate=0.0, rng=None):
    """Return the one trainer, ready to start; what it learned before is lost."""
    model = trainer()
    model.prepare(
        seed=0,
        learning_rate=learning_rate,
        weights=initial_weights(model, 0),
        **elastic_net(alpha, 0.3),
        dropout_rate=dropout_rate,
    )
    model.rng = rng or InOrder()
    return model


def fitted(X, y, learning_rate=0.01, alpha=0.01, rng=None, **settings):
    """Return the weights, the history and whether training diverged, of a fit."""
    model = prepared(learning_rate, alpha, rng=rng)
    model.fit(X, np.int32(y), **settings)
    return model.get_weights(), model.history.history, model.diverged


def assert_equal(weights, others):
    for a, b in zip(weights, others, strict=True):
        np.testing.assert_array_equal(a, b)
