"""The one gate for X: shapes and dtypes. Never imports Keras."""

import warnings
from math import prod
from numbers import Integral

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import check_array, column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from ._arrays.streaming import is_wide
from ._labels import plain_labels
from ._sklearn import _check_sample_weight, validate_data

NUMBERS = {"dtype": "numeric", "accept_sparse": "csr"}  # that the classifier takes
HUGE = 1e300  # of weights
LARGEST = float(np.finfo(np.float32).max)
FEW = 100  # samples that are predicted in about a millisecond
ONE_IMAGE = "This looks like one image: pass X[:1] instead of X[0], or X[None]."
CHANNELS_FIRST = (
    "Images with channels first are not read as such: pass np.moveaxis(X, 1, -1), a view with "
    "channels last."
)


def check_image_shape(image_shape):
    """Return ``image_shape`` as a triple of ints, adding the one channel of (H, W)."""
    shape = tuple(image_shape) if np.iterable(image_shape) else (image_shape,)
    if len(shape) not in (2, 3) or not all(_is_length(s) for s in shape):
        raise ValueError(
            "image_shape must be None, (H, W) or (H, W, C) with positive integers, "
            f"but is {image_shape!r}."
        )
    return tuple(int(s) for s in (shape if len(shape) == 3 else (*shape, 1)))


def _is_length(s):
    return isinstance(s, Integral) and not isinstance(s, bool) and s > 0


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
    if not reset and _is_valid(X, estimator.image_shape_):
        return X
    name = type(estimator).__name__
    if issparse(X):
        raise TypeError(f"{name} needs dense images, but X is sparse. Use X.toarray().")
    if not hasattr(X, "ndim"):
        X = np.asarray(as_known_floats(X))
    _refuse_single(X)
    if X.ndim > 4:
        raise ValueError(
            f"{name} takes X of shape (n, H, W, C), (n, H, W) or (n, n_features), "
            f"but X has {X.ndim} dimensions: {X.shape}."
        )
    given = check_image_shape(X.shape[1:]) if X.ndim > 2 and X.shape[0] else None
    shape = _expected_shape(estimator, X, given, reset)
    _check_shape(X, given, shape, name, reset)
    if reset and (given is None or X.ndim == 4):
        _warn_of_channels_first(shape)
    X = _check_numbers(estimator, X, reset)
    shape = shape or (1, X.shape[1], 1)
    if X.ndim == 2 and X.shape[1] != prod(shape):
        raise ValueError(
            f"image_shape={shape} needs {prod(shape)} features, but X has {X.shape[1]}."
        )
    check_float32(X)
    return X[..., None] if X.ndim == 3 else X.reshape(len(X), *shape) if X.ndim == 2 else X


def _check_shape(X, given, shape, name, reset):
    """Raise an error if X has not the images that are expected."""
    if given not in (None, shape):
        remedy = (
            "Leave image_shape=None for such X, or reshape it."
            if reset
            else "Resize the images, or fit again."
        )
        if given[1:] + given[:1] == shape:
            remedy = CHANNELS_FIRST
        if X.shape == shape:
            remedy = ONE_IMAGE
        raise ValueError(
            f"X has images of shape {given}, but {name} expects image_shape={shape}. {remedy}"
        )
    if not reset and (*X.shape, 1) == shape and X.size != X.shape[1]:
        raise ValueError(f"X has the shape {X.shape}. {ONE_IMAGE}")


def _refuse_single(X):
    """Raise an error for one sample where several are expected."""
    if getattr(X, "ndim", None) == 1:
        raise ValueError(
            f"X has one dimension, of {len(X)} numbers, but needs a row for each sample. Reshape "
            "your data: pass X[:1] instead of X[0] for one sample, or X.reshape(1, -1)."
        )


def _check_numbers(estimator, X, reset):
    """Validate X by scikit-learn; images are not made flat, which may copy them."""
    if X.ndim <= 2:
        return validate_data(estimator, as_known_floats(X), reset=reset, dtype="numeric")
    X = check_array(as_known_floats(X), dtype="numeric", allow_nd=True, estimator=estimator)
    if reset:
        estimator.n_features_in_ = int(np.prod(X.shape[1:]))
        if hasattr(estimator, "feature_names_in_"):
            del estimator.feature_names_in_
    return X


def as_known_floats(X, name="X"):
    """Return X with floats that scikit-learn knows.

    Arrays of machine learning's short floats, such as bfloat16, become float32; lists and arrays
    of objects with integers beyond int64, float64. Collections of dask are refused.
    """
    if hasattr(X, "__dask_graph__"):
        raise TypeError(
            f"{name} is a dask collection, all of which would come into this process. Fit on a "
            f"part that fits into memory, {name}[:n].compute(), and let the workers transform "
            f"block by block: {name}.map_blocks(featurizer.transform, ...). "
            "docs/many_machines.md shows how."
        )
    dtype = getattr(X, "dtype", None)
    if isinstance(dtype, np.dtype) and dtype.kind == "V" and "float" in dtype.name:
        return X.astype(np.float32)
    if not isinstance(X, list | tuple) and not (isinstance(X, np.ndarray) and dtype.kind == "O"):
        return X
    try:
        array = np.asarray(X)
        return array.astype(np.float64) if array.dtype.kind == "O" else array
    except OverflowError:
        raise ValueError(
            f"{name} holds integers too large for a float. Divide by a common factor."
        ) from None
    except (TypeError, ValueError):  # scikit-learn says what is wrong
        return X


def _warn_of_channels_first(shape):
    """Warn of images (n, C, H, W), which would be read as few rows of many channels."""
    if shape is None or shape[0] not in (1, 3, 4) or min(shape[1:]) < 8:
        return
    if shape[0] == 1 and shape[1] != shape[2]:  # signals of many channels
        return
    warnings.warn(
        f"X has images of {shape[0]} x {shape[1]} pixels with {shape[2]} channels, which look like "
        f"{shape[0]} channels of {shape[1]} x {shape[2]} pixels. {CHANNELS_FIRST}",
        UserWarning,
        stacklevel=5,
    )


def check_float32(X):
    """Raise an error when values of ``X`` would be infinite in the network's float32."""
    if X.dtype.kind not in "biuf":
        raise TypeError(f"X must hold numbers, but its dtype is {X.dtype}. Convert it to floats.")
    if X.dtype.itemsize <= 4:
        return
    largest = max(float(X.max()), -float(X.min()))
    if largest > LARGEST:
        raise ValueError(f"X has values beyond {LARGEST:.1e}, too large for float32. Rescale X.")
    if X.dtype.kind in "iu" and largest > 2**53:
        warnings.warn(
            "X holds integers beyond 2**53, which floats cannot tell from their neighbours. "
            "Subtract what they have in common, as integers, first.",
            UserWarning,
            stacklevel=4,
        )


def _expected_shape(estimator, X, given, reset):
    """Return the (H, W, C) that images must have, or None when X alone decides."""
    if not reset:
        return estimator.image_shape_
    if estimator.image_shape is not None:
        return check_image_shape(estimator.image_shape)
    return given


def check_features(estimator, X):
    """Return samples that a fitted ``estimator`` may predict, numbers in an ndarray or sparse."""
    if _is_valid(X, (estimator.n_features_in_,)) and not hasattr(estimator, "feature_names_in_"):
        return X
    _refuse_single(X)
    X = validate_data(estimator, as_known_floats(X), reset=False, **NUMBERS)
    check_float32(X)
    return X


def _is_valid(X, shape):
    """Tell at once that a few samples need no change; scikit-learn's look would take longer."""
    if type(X) is not np.ndarray or X.shape[1:] != shape or not 0 < len(X) <= FEW:
        return False
    is_float = X.dtype in (np.float32, np.float64)
    return X.dtype == np.uint8 or (is_float and bool((np.abs(X) <= LARGEST).all()))


def check_samples(estimator, X, y, sample_weight, *, reset):
    """Return samples, labels and weights (float64 or None) to train on, as ndarrays.

    Samples may be sparse, then in rows. Labels have one dimension, or two if they are multilabel.
    """
    X, y = validate_data(
        estimator, as_known_floats(X), plain_labels(y), reset=reset, multi_output=True, **NUMBERS
    )
    check_float32(X)
    if is_multilabel(y):
        y = y.toarray() if issparse(y) else y
        if not np.isin(y, (0, 1)).all():
            raise ValueError(
                "y of several columns must hold 1 where a sample has the class of the column and 0 "
                f"elsewhere, but it holds {np.unique(y)[:5].tolist()}. Pass y > 0, for instance."
            )
    else:
        y = column_or_1d(y, warn=True)
        check_classification_targets(y)
    if sample_weight is None:
        return X, y, None
    sample_weight = as_known_floats(sample_weight, "sample_weight")
    _refuse_huge_weights(sample_weight)
    weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    if not weight.any():
        raise ValueError("sample_weight must have a positive value, but all are zero.")
    return X, y, weight


def _refuse_huge_weights(weight):
    """Raise an error for finite weights whose sum is not: scikit-learn would call them zero."""
    weight = np.asarray(weight)
    largest = float(weight.max()) if weight.dtype.kind in "iuf" and weight.size else 0.0
    if HUGE < largest < np.inf:
        raise ValueError(
            f"sample_weight must be at most {HUGE:.0e}, but holds {largest:.1e}. Divide by a "
            "common factor, which changes nothing."
        )


def is_multilabel(y):
    """Tell whether labels are a matrix of zeros and ones, of several columns."""
    several = y.ndim == 2 and y.shape[1] > 1
    return several and type_of_target(y) == "multilabel-indicator"


def centred_columns(X, learned=None):
    """Return samples that float32 can hold, and the offset taken from them as a dict, or {}.

    It is the middle of each column whose values lie close together and far from zero, as those of
    a constant do. ``learned`` holds the offset of the samples before, if there was one; with None
    it is found.

    Warns
    -----
    UserWarning
        Of columns whose values float32 cannot tell apart.
    """
    offset = _far_offset(X) if learned is None else learned.get("offset")
    if issparse(X) and learned is None:
        _warn_of_far_columns(X)
    if offset is None:
        _warn_of_lost_digits(X)
        return X, {}
    X = (X.toarray() if issparse(X) else X) - offset
    _warn_of_lost_digits(X)
    with np.errstate(over="ignore"):  # what is too far ends in an error later
        return np.float32(X), {"offset": offset}


def _far_offset(X):
    if issparse(X):  # most of its values are zero
        return None
    middle, far = _middles(*_ends(X))
    return np.where(far, middle, 0.0) if far.any() else None


def _ends(X):
    """Return the least and the largest value of each column, float64."""
    ends = X.min(axis=0), X.max(axis=0)
    return [np.float64(end.toarray().ravel() if issparse(end) else end) for end in ends]


def _middles(low, high):
    """Return the middle of each column, and whether it is far from zero beside its values."""
    middle = low / 2 + high / 2
    return middle, np.abs(middle) > np.maximum(1e3 * (high - low), 10.0)


def _warn_of_far_columns(X):
    """Warn of sparse columns far from zero, which would have to be dense to be centred."""
    n_far = int(_middles(*_ends(X))[1].sum())
    if n_far:
        warnings.warn(
            f"{n_far} columns of the sparse X lie close together and far from zero, and a sparse X "
            "is not centred. Pass X.toarray(), or leave them out where they are constant.",
            UserWarning,
            stacklevel=5,
        )


def _warn_of_lost_digits(X):
    """Warn of columns that float32 cannot tell from constants."""
    if not is_wide(X.dtype) or X.shape[0] < 2 or issparse(X):
        return
    low, high = _ends(X)
    spacing = np.spacing(np.float32(np.maximum(np.abs(low), np.abs(high)))).astype(np.float64)
    lost = (high > low) & (high - low < 100 * spacing)
    if lost.any():
        column = int(np.flatnonzero(lost)[0])
        warnings.warn(
            f"{int(lost.sum())} columns of X differ by too little for the network's float32: "
            f"column {column} lies between {low[column]} and {high[column]}. Centre X first, "
            "for instance by StandardScaler in a pipeline.",
            UserWarning,
            stacklevel=5,
        )
