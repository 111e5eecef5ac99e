"""The one gate for X: shapes and dtypes. Never imports Keras."""

from numbers import Integral

import numpy as np
from scipy.sparse import issparse

from ._sklearn import validate_data


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
