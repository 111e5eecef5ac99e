"""Sizes as users write them: a number, several, or a string of several."""

from numbers import Integral

import numpy as np

MOST_WEIGHTS = 2**29  # 6 GiB while training


def check_sizes(value, name, example, may_be_empty=False):
    """Return a parameter that holds positive integers as a tuple of int.

    An int is one size, and a string such as ``"400-64"`` names several, ``""`` none.
    """
    sizes = value
    if isinstance(value, str):
        parts = value.split("-") if value else []
        sizes = [int(size) if size.isdecimal() else size for size in parts]
    sizes = sizes if np.iterable(sizes) else [sizes]
    positive = [
        isinstance(size, Integral) and not isinstance(size, bool) and size > 0 for size in sizes
    ]
    if not all(positive) or not (positive or may_be_empty):
        raise ValueError(f"{name} must be positive integers, such as {example}, but is {value!r}.")
    return tuple(int(size) for size in sizes)


def check_n_weights(n_weights, name, value):
    """Raise an error for a network that no memory holds; Adam keeps three numbers a weight."""
    if n_weights > MOST_WEIGHTS:
        raise ValueError(
            f"{name}={value!r} makes a network of {n_weights:,} weights for this X, which take "
            f"{12 * n_weights / 2**30:,.0f} GiB while training; at most {MOST_WEIGHTS:,} are "
            "allowed. Set smaller numbers, or give X fewer features or y fewer classes."
        )


def check_pair(value, name):
    """Return a parameter that is one size for both directions, or two, as a pair."""
    sizes = check_sizes(value, name, "4 or (4, 4)")
    if len(sizes) > 2:
        raise ValueError(f"{name} must be one or two integers, but is {value!r}.")
    return sizes * 2 if len(sizes) == 1 else sizes
