"""Pooling over a pyramid: how many features of how many cells."""

import numpy as np
import pytest

from cae_sklearn._networks.pyramid import cells_of_features, grids, pyramid

X = np.random.default_rng(0).uniform(0.0, 1.0, (4, 6, 9, 2)).astype(np.float32)


@pytest.mark.parametrize(
    ("grid", "expected"),
    [
        ((3, 3), [(3, 3), (1, 1)]),
        ((20, 2), [(6, 2), (1, 1)]),
        ((1, 1), [(1, 1)]),
        ((6, 9), [(6, 9)]),
        ((20, 20), [(6, 9)]),
    ],
)
def test_each_feature_knows_its_number_of_cells(grid, expected):
    assert grids(grid, (6, 9)) == expected
    cells = []
    for level, maps in pyramid(X, grid):
        flat = np.concatenate([np.reshape(part, (4, -1)) for part in maps], axis=1)
        cells += [np.prod(level)] * flat.shape[1]
    np.testing.assert_array_equal(cells, cells_of_features(grid, (6, 9), 2))
    assert len(cells_of_features(grid, (6, 9), 2, n_more=3)) == len(cells) + 3 * sum(
        map(np.prod, expected)
    )


def test_the_whole_image_has_the_roots_of_means_and_maxima():
    _, (_, (means, maxima)) = pyramid(X, (3, 3))
    np.testing.assert_allclose(np.square(means[:, 0, 0]), X.mean(axis=(1, 2)), rtol=1e-4)
    np.testing.assert_allclose(np.square(maxima[:, 0, 0]), X.max(axis=(1, 2)), rtol=1e-4)
    _, (_, (doubled, _)) = pyramid(X, (3, 3), behind_means=lambda x: 4.0 * x)
    np.testing.assert_allclose(doubled, 2.0 * means, rtol=1e-4)
