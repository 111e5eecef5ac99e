"""What y means: labels, their classes, and how much each sample weighs.

Of multilabel samples y is a matrix of zeros and ones, a column for each class.
"""

import numpy as np
from sklearn.utils.class_weight import compute_sample_weight


def check_classes(y, name="y"):
    """Return the classes of the labels ``y``, two or more."""
    if np.ndim(y) == 2:
        return np.arange(np.shape(y)[1])
    classes = np.unique(y)
    if len(classes) < 2:
        raise ValueError(
            f"A classifier needs two or more classes, but {name} holds one class only: "
            f"{classes.tolist()}."
        )
    return classes


def class_indices(y, classes, name="y"):
    """Return the place of each label among the sorted ``classes``, int32; float32 of several."""
    if y.ndim == 2:
        if y.shape[1] != len(classes):
            raise ValueError(
                f"{name} has {y.shape[1]} columns, but the first fit saw {len(classes)} classes. "
                "Pass a column for each, or fit anew."
            )
        return y.astype(np.float32)
    if {y.dtype.kind, classes.dtype.kind} == {"i", "u"}:  # NumPy would compare them as floats
        y, classes = y.astype(object), classes.astype(object)
    unknown = np.setdiff1d(y, classes)
    if len(unknown):
        validates = name == "y_val"
        remedy = "Leave such samples out." if validates else "Name all in classes=, or fit anew."
        raise ValueError(
            f"{name} holds classes {unknown.tolist()} that are not among those of "
            f"{'y' if validates else 'the first fit'}: {classes.tolist()}. {remedy}"
        )
    return np.searchsorted(classes, y).astype(np.int32)


def plain_labels(y, name="y"):
    """Return labels as NumPy knows them, without missing ones, all of one type.

    pandas's nullable types get their own integers and truth values, which scikit-learn would
    read as floats. A data frame of one column is that column.
    """
    if hasattr(y, "iloc") and np.ndim(y) == 2 and y.shape[1] == 1:
        y = y.iloc[:, 0]
    dtype = getattr(y, "dtype", None)
    if hasattr(dtype, "na_value") and hasattr(y, "isna"):
        _refuse_missing(np.asarray(y.isna()), name)
        known = getattr(dtype, "numpy_dtype", None)
        y = np.asarray(y) if known is None else y.to_numpy(dtype=known)
    labels = np.asarray(y)
    if labels.dtype.kind in "mM":
        _refuse_missing(np.isnat(labels), name)
    if labels.dtype.kind == "O" and labels.ndim == 1:
        _refuse_missing(np.array([_is_missing(one) for one in labels.tolist()]), name)
        _refuse_mixed(labels, name)
    return y


def _is_missing(label):
    """Tell whether a label is None, NaN or pandas's NA, which has no truth value."""
    return label is None or type(label).__name__ == "NAType" or bool(label != label)


def _refuse_missing(missing, name):
    if missing.any():
        raise ValueError(
            f"{name} holds {int(missing.sum())} missing labels (NA, NaN or None). Leave these "
            "samples out, or give them a label of their own."
        )


def _refuse_mixed(labels, name):
    try:
        np.unique(labels)
    except TypeError:
        types = sorted({type(label).__name__ for label in labels.tolist()})
        raise ValueError(
            f"{name} must hold labels of one type, but holds {', '.join(types)}, which have no "
            "order. Convert them, for instance by np.asarray(labels, dtype=str)."
        ) from None


def class_weights(class_weight, classes, y):
    """Return the weight of the class of each sample; ``y`` holds indices of classes."""
    if y.ndim == 2:
        raise ValueError(
            f"class_weight must be None for multilabel y, but is {class_weight!r}. Pass "
            "sample_weight instead."
        )
    if isinstance(class_weight, dict):
        try:
            values = np.asarray(list(class_weight.values()), dtype=np.float64)
        except (TypeError, ValueError, OverflowError):
            values = np.array([np.nan])
        if values.ndim != 1 or not (np.isfinite(values).all() and (values > 0).all()):
            raise ValueError(
                "class_weight must hold positive finite numbers, but is "
                f"{class_weight!r}. Leave a class out of the data instead."
            )
    return compute_sample_weight(class_weight, classes[y])


def classes_of_parts(classes, known, class_weight):
    """Return all the classes that ``partial_fit`` is told of.

    Parameters
    ----------
    classes : array-like of shape (n_classes,) or None
        What the user passed.
    known : ndarray of shape (n_classes,) or None
        Those of the first call; None in the first.
    class_weight : dict, str or None
        The classifier's parameter.
    """
    if isinstance(class_weight, str):
        raise ValueError(
            f"class_weight={class_weight!r} needs all samples, but partial_fit sees "
            "a part of them. Pass a dict: compute_class_weight of scikit-learn gives it."
        )
    if known is None:
        if classes is None:
            raise ValueError("The first call of partial_fit needs classes=, all labels.")
        return check_classes(plain_labels(classes, "classes"), "classes")
    if classes is not None:
        given = np.unique(plain_labels(classes, "classes"))
        if not np.array_equal(given, known):
            raise ValueError(f"classes={classes!r} are not those of the first call: {known}.")
    return known


def weighed(X, y, weight, of_class, before):
    """Return the samples of positive weight, and their weights, 1 on average, or None.

    A common factor of all weights so far has no effect.

    Parameters
    ----------
    X, y : ndarrays of shape (n, ...)
        Samples and their targets.
    weight : ndarray of shape (n,) or None
        Weights >= 0.
    of_class : callable or None
        Gives the weights that the targets bring with them.
    before : ndarray of shape (2,) or float
        The sums of the weights and of the samples of earlier calls, 0.0 in the first.

    Returns
    -------
    X, y, weight
        As above.
    total : ndarray of shape (2,)
        The sums, these samples included.
    """
    if weight is not None and not (weight > 0).all():
        X, y, weight = (array[weight > 0] for array in (X, y, weight))
    if of_class is not None:
        with np.errstate(over="ignore"):
            weight = of_class(y) if weight is None else weight * of_class(y)
    total = _total(weight, y, before)
    mean = np.divide(*total)
    if weight is None:
        weight = None if mean == 1.0 else np.full(len(y), 1.0 / mean)
    else:
        weight = weight / mean
    return X, y, weight, total


def _total(weight, y, before):
    """Return the sums of the weights and of the samples so far, within the range of float64."""
    if weight is None:
        return np.add((len(y), len(y)), before)
    with np.errstate(over="ignore"):
        total = np.add((float(weight.sum()), len(y)), before)
    if not (np.isfinite(total[0]) and len(y) and weight.min() > total[0] * 1e-300):
        raise ValueError(
            "sample_weight, times class_weight, must be positive numbers that a common factor "
            f"brings near 1, but they sum to {total[0]} and the least of them is "
            f"{weight.min(initial=np.inf)}. Scale them first."
        )
    return total


# -- from logits --------------------------------------------------------------------


def labels_of(logits, classes, multilabel):
    """Return the label of each sample, or for each class whether the sample has it."""
    return (logits > 0).astype(np.int64) if multilabel else classes[np.argmax(logits, axis=1)]


def hits(logits, y):
    """Tell for each sample whether its target is predicted."""
    if y.ndim == 2:
        return ((logits > 0) == (y > 0)).all(axis=1)
    return np.argmax(logits, axis=1) == y


def log_probabilities(logits, multilabel):
    """Return the logarithms of the softmax of logits, or of the sigmoid of each."""
    if multilabel:
        return -np.logaddexp(0.0, -logits)
    logits = logits - logits.max(axis=1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
