"""Maps pooled over a pyramid: the cells of a grid, and the whole image."""

import numpy as np

from .layers import GridPooling, SignedSqrt, max_pooling


def grids(grid, positions):
    """Return the grids of a pyramid over a map of so many positions, from fine to coarse.

    It is one alone if it keeps the whole map, or is the whole image already.
    """
    grid = tuple(map(min, grid, positions))
    return [grid] if grid in ((1, 1), positions) else [grid, (1, 1)]


def cells_of_features(grid, positions, filters, n_more=0):
    """Return of how many cells each feature of a pyramid is one, shape (n_pooled,).

    A cell has means and maxima of ``filters`` maps, and ``n_more`` other features; without
    maxima where it is a pixel.
    """
    levels = grids(grid, positions)
    per_cell = filters * (1 if levels[0] == tuple(positions) else 2) + n_more
    counts = [int(np.prod(level)) for level in levels]
    return np.repeat(counts, [count * per_cell for count in counts])


def pyramid(x, grid, suffix="", behind_means=None):
    """Yield each grid with the roots of means and maxima over its cells.

    Parameters
    ----------
    x : tensor of shape (n, H, W, filters)
        The map.
    grid : (int, int)
        The finest.
    suffix : str
        Of the names of the layers.
    behind_means : layer or None
        A linear layer that means pass; it commutes with averages.
    """
    positions, means, maxima = tuple(x.shape[1:3]), x, x
    levels = grids(grid, positions)
    for level in levels:  # the cells of one are made of those of the one before
        name = f"{level[0]}x{level[1]}{suffix}"
        means = GridPooling(level, name=f"mean{name}")(means)
        if behind_means and level is levels[0]:
            means = behind_means(means)
        maps = [SignedSqrt(name=f"root_mean{name}")(means)]
        if levels[0] != positions:
            maxima = max_pooling(maxima.shape[1:3], level, f"max{name}")(maxima)
            maps.append(SignedSqrt(name=f"root_max{name}")(maxima))
        yield level, maps
