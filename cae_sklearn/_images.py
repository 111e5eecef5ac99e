"""The one gate for images: shapes, streaming and statistics. Never imports Keras."""

from numbers import Integral

import numpy as np
from scipy.sparse import issparse

from ._sklearn import validate_data

CHUNK_BYTES = 16 * 2**20  # what one chunk may hold as float32


def check_image_shape(image_shape):
    """Return ``image_shape`` as a triple of ints, adding the one channel of (H, W)."""
    shape = tuple(image_shape) if np.iterable(image_shape) else (image_shape,)
    if len(shape) not in (2, 3) or not all(isinstance(s, Integral) and s > 0 for s in shape):
        raise ValueError(
            "image_shape must be None, (H, W) or (H, W, C) with positive integers, "
            f"but is {image_shape!r}."
        )
    return tuple(int(s) for s in (shape if len(shape) == 3 else (*shape, 1)))


def check_images(estimator, X, *, reset):
    """Validate ``X`` and view it as images.

    Parameters
    ----------
    estimator : estimator with the parameter ``image_shape``
        Gets ``n_features_in_`` (and ``feature_names_in_``) when ``reset``.
    X : array-like of shape (n, H, W, C), (n, H, W) or (n, n_features)
        What the user passed.
    reset : bool
        False after the first fit: X must then match what was seen in it.

    Returns
    -------
    ndarray of shape (n, H, W, C)
        A view wherever the memory layout of ``X`` allows one; the dtype is kept.
    """
    name = type(estimator).__name__
    if issparse(X):
        raise TypeError(f"{name} needs dense images, but X is sparse. Use X.toarray().")
    if not hasattr(X, "ndim"):
        X = np.asarray(X)
    if X.ndim > 4:
        raise ValueError(
            f"{name} takes X of shape (n, H, W, C), (n, H, W) or (n, n_features), "
            f"but X has {X.ndim} dimensions: {X.shape}."
        )
    given = check_image_shape(X.shape[1:]) if X.ndim > 2 and X.shape[0] else None
    shape = _expected_shape(estimator, X, given, reset)
    if given not in (None, shape):
        remedy = (
            "Leave image_shape=None for such X, or reshape it."
            if reset
            else "Resize the images, or fit again."
        )
        raise ValueError(
            f"X has images of shape {given}, but {name} expects image_shape={shape}. {remedy}"
        )
    if X.ndim > 2:
        X = np.asarray(X).reshape(len(X), int(np.prod(X.shape[1:])))
    X = validate_data(estimator, X, reset=reset, dtype="numeric")
    shape = shape or (1, X.shape[1], 1)
    if X.shape[1] != np.prod(shape):
        raise ValueError(
            f"image_shape={shape} needs {np.prod(shape)} features, but X has {X.shape[1]}."
        )
    check_float32(X)
    return X.reshape(len(X), *shape)


def check_float32(X):
    """Raise an error when values of ``X`` would be infinite in the network's float32."""
    if X.dtype.kind not in "biuf":
        raise TypeError(f"X must hold numbers, but its dtype is {X.dtype}. Convert it to floats.")
    largest = float(np.finfo(np.float32).max)
    if X.dtype.itemsize > 4 and max(float(X.max()), -float(X.min())) > largest:
        raise ValueError(f"X has values beyond {largest:.1e}, too large for float32. Rescale X.")


def _expected_shape(estimator, X, given, reset):
    """Return the (H, W, C) that images must have, or None when X alone decides."""
    if not reset:
        return estimator.image_shape_
    if estimator.image_shape is not None:
        return check_image_shape(estimator.image_shape)
    return given


def chunks(n_samples, bytes_per_sample, multiple_of=1):
    """Yield slices that cover ``range(n_samples)``, each of a bounded number of bytes.

    A last chunk of a single sample is merged into the one before: batch
    normalisation needs two.
    """
    rows = max(1, CHUNK_BYTES // max(1, bytes_per_sample) // multiple_of) * multiple_of
    start = 0
    while start < n_samples:
        stop = start + rows
        if stop >= n_samples - 1:
            stop = n_samples
        yield slice(start, stop)
        start = stop


def load_chunk(X, rows):
    """Copy some rows of ``X`` into memory, in a dtype the network reads: uint8 or float32."""
    chunk = X[rows]
    return np.ascontiguousarray(chunk, dtype=np.uint8 if chunk.dtype == np.uint8 else np.float32)


def float_bytes(X):
    """Return the bytes that one sample of ``X`` takes as float32."""
    return 4 * int(np.prod(X.shape[1:]))


def channel_statistics(X):
    """Return mean and standard deviation of each channel of (n, H, W, C), float64.

    One streaming pass that merges the moments of the chunks (Chan, Golub & LeVeque,
    1983, doi:10.1080/00031305.1983.10483115). A constant channel gets the deviation 1.
    """
    count, mean, moment = 0, 0.0, 0.0
    channels = X.shape[-1]
    for rows in chunks(len(X), 16 * float_bytes(X)):  # small enough for the processor's cache
        pixels = X[rows].astype(np.float64).reshape(rows.stop - rows.start, -1)
        n = pixels.size // channels
        own_mean = pixels.sum(axis=0).reshape(-1, channels).sum(axis=0) / n
        pixels -= np.tile(own_mean, pixels.shape[1] // channels)
        own_moment = np.einsum("ij,ij->j", pixels, pixels).reshape(-1, channels).sum(axis=0)
        delta = own_mean - mean
        total = count + n
        moment = moment + own_moment + delta**2 * count * n / total
        mean = mean + delta * n / total
        count = total
    std = np.sqrt(moment / count)
    # what rounding leaves of a constant channel is no deviation
    constant = std <= np.maximum(8 * np.finfo(np.float32).eps * np.abs(mean), 1e-30)
    return mean, np.where(constant, 1.0, std)
