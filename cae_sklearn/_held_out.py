"""The samples that early stopping holds out."""

import warnings
from functools import partial
from math import ceil

import numpy as np
from scipy.sparse import issparse, vstack
from sklearn.model_selection import train_test_split

MANY = 10_000  # of so few samples or fewer, all train: each is worth more than a chosen epoch
ENOUGH = 100  # samples held out, and
ENOUGH_OF_A_CLASS = 10  # on average, tell one epoch from the next
TOO_FEW = 30


def share_to_hold_out(y, early_stopping, validation_fraction):
    """Return the share of the samples to hold out, None for none.

    ``y`` holds class indices; or zeros and ones, a column for each class, of which samples may
    have several.
    """
    if early_stopping != "auto":
        return validation_fraction if early_stopping else None
    counts = np.bincount(y) if y.ndim == 1 else y.sum(axis=0)
    counts = counts[counts > 0]
    least = max(ENOUGH, ENOUGH_OF_A_CLASS * len(counts))
    enough = len(y) > MANY and validation_fraction * len(y) >= least
    return validation_fraction if enough and (y.ndim == 2 or counts.min() > 1) else None


def warn_of_chance(losses, n_validation, patience, name):
    """Warn of early stopping whose choice of an epoch may be chance, or is no choice."""
    if n_validation < TOO_FEW:
        told = f"holds out {n_validation} samples, too few to tell one epoch from the next"
    elif len(losses) > patience and np.argmin(losses) == 0:
        told = f"took the weights of the first of {len(losses)} epochs"
    else:
        return
    warnings.warn(
        f"{name}: early stopping {told}. Set early_stopping=False or 'auto', give more samples, or "
        "lower learning_rate.",
        UserWarning,
        stacklevel=4,
    )


def held_out_share(n_samples, validation_fraction, seed):
    """Return the indices of a random share of the samples, None of which with the share None."""
    if validation_fraction is None:
        return None
    n_validation = ceil(validation_fraction * n_samples)
    if n_validation >= n_samples:
        raise ValueError(
            f"early_stopping=True with validation_fraction={validation_fraction} leaves "
            f"none of {n_samples} samples to train on. Set early_stopping=False."
        )
    return np.random.default_rng(seed).choice(n_samples, n_validation, replace=False)


def held_out_of_each_class(y, validation_fraction, seed, classes):
    """Return the indices of a share of each class, of which ``y`` holds the indices.

    Where samples may have several classes, it is a share of all samples. An error names the
    smallest of ``classes``.
    """
    if validation_fraction is None or y.ndim == 2:
        return held_out_share(len(y), validation_fraction, seed)
    counts = np.bincount(y)
    present = np.flatnonzero(counts)
    counts = counts[present]
    n_validation = ceil(validation_fraction * len(y))
    if counts.min() < 2 or min(n_validation, len(y) - n_validation) < len(counts):
        raise ValueError(
            f"early_stopping=True with validation_fraction={validation_fraction} needs "
            "two samples of each class, and one of each for training and for validation; "
            f"the {len(counts)} classes have {counts.min()} (such as "
            f"{classes[present[counts.argmin()]]!s}) to {counts.max()} samples, "
            f"{n_validation} of all for validation. "
            "Set early_stopping=False, change validation_fraction, or give more samples."
        )
    return train_test_split(
        np.arange(len(y)),
        test_size=n_validation,
        stratify=y,
        random_state=int(seed.generate_state(1)[0]),
    )[1]


def stacked(training, validation):
    """Return the samples, targets and weights of two sets as one, and the indices of the second."""
    (X, y, weight), (X_val, y_val, weight_val) = training, validation
    stack = partial(vstack, format="csr") if issparse(X) or issparse(X_val) else np.concatenate
    if weight is not None or weight_val is not None:
        weights = (weight, y), (weight_val, y_val)
        weight = np.concatenate([np.ones(len(y)) if w is None else w for w, y in weights])
    samples = stack([X, X_val]), np.concatenate([y, y_val]), weight
    return samples, np.arange(len(y), len(y) + len(y_val))
