"""Scales of features that are learned piece by piece."""

import numpy as np
import pytest

from cae_sklearn._arrays.pieces import Earlier
from cae_sklearn._networks.choice import autoencoder_for

SETTINGS = {"resolution": None, "filters": (3,), "kernel_size": 3, "activation": "relu"}
SETTINGS |= {"batch_norm": False, "output_size": 2, "shift": 0.2, "flip": None}
SETTINGS |= {"shrinkage": "auto", "n_components": 5, "whiten": False}


@pytest.mark.parametrize("size", [1, 10, 100])
def test_scales_of_pieces_are_those_of_all(size):
    network, _ = autoencoder_for((8, 8, 1), None, **SETTINGS)
    rng = np.random.default_rng(0)
    pooled = np.float32(rng.normal(size=(1000, network.n_pooled)) * np.arange(1, 13) + 5)
    pooled[:400] -= 3.0  # the first are not like the others
    learned = network._scales(pooled[:400], 400, None)
    for start in range(400, 1000, size):
        piece = pooled[start : start + size]
        learned = network._scales(piece, len(piece), Earlier(learned, start))
    np.testing.assert_allclose(learned["features/mean"], pooled.mean(axis=0), rtol=1e-3)
    std = learned["features/scale"] * learned["features/share"]
    np.testing.assert_allclose(std, pooled.std(axis=0), rtol=0.02)


def test_features_that_are_hardly_ever_active_are_not_the_loudest():
    network, _ = autoencoder_for((8, 8, 1), None, **SETTINGS)
    pooled = np.random.default_rng(0).normal(size=(400, network.n_pooled)).astype(np.float32)
    learned = network._scales(pooled, 400, None)
    pooled[:, 3] = 0.0
    for start in range(400, 100_000, 400):
        learned = network._scales(pooled, 400, Earlier(learned, start))
    assert learned["features/scale"][3] > 5e-4
