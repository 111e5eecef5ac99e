"""Checks of what all loaders are given."""

import warnings
from numbers import Integral
from pathlib import Path

import numpy as np


def check_option(name, value, options):
    """Refuse a value that is none of the strings `options`."""
    if not isinstance(value, str) or value not in options:
        listed = " or ".join(repr(option) for option in options)
        raise ValueError(f"{name} must be {listed}; got {value!r}. Pass {name}={options[0]!r}.")


def check_folder(folder):
    """Return `folder` as a path, or raise an error of the fitting kind."""
    root = Path(folder)
    if root.is_dir():
        return root
    kind = NotADirectoryError if root.exists() else FileNotFoundError
    raise kind(f"folder must be an existing folder; got {str(folder)!r}. Check the path.")


MOST_PIXELS = 2**28  # of an image, 16,384 x 16,384


def check_image_size(image_size, *, smallest=1):
    """Return `image_size` as a pair (height, width) of plain integers."""
    size = tuple(image_size) if isinstance(image_size, (tuple, list, np.ndarray)) else ()
    if (
        len(size) != 2
        or any(isinstance(n, bool) or not isinstance(n, Integral) for n in size)
        or min(size) < smallest
    ):
        raise ValueError(
            f"image_size must be a pair (height, width) of integers >= {smallest}; "
            f"got {image_size!r}. Pass for example image_size=(64, 64)."
        )
    height, width = map(int, size)
    if height * width > MOST_PIXELS:
        raise ValueError(
            f"image_size must have at most {MOST_PIXELS:,} pixels; got {image_size!r}, which has "
            f"{height * width:,}. Pass for example image_size=(64, 64)."
        )
    return height, width


def central_window(image, size):
    """Cut `image` (height, width, ...) to `size` about its centre, padding with zeros."""
    window = np.zeros((*size, *image.shape[2:]), image.dtype)
    source, place = [], []
    for have, want in zip(image.shape, size, strict=False):
        length = min(have, want)
        source.append(slice((have - length) // 2, (have - length) // 2 + length))
        place.append(slice((want - length) // 2, (want - length) // 2 + length))
    window[tuple(place)] = image[tuple(source)]
    return window


def warn_caller(message):
    """Warn the caller of the loader, which is the caller of this function."""
    warnings.warn(message, UserWarning, stacklevel=3)
