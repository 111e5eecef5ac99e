"""The samples that early stopping holds out."""

from math import ceil

import numpy as np
from sklearn.model_selection import train_test_split


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


def held_out_of_each_class(y, validation_fraction, seed):
    """Return the indices of a share of each class, as above; ``y`` holds class indices."""
    if validation_fraction is None:
        return None
    counts = np.bincount(y)
    counts = counts[counts > 0]
    n_validation = ceil(validation_fraction * len(y))
    if counts.min() < 2 or min(n_validation, len(y) - n_validation) < len(counts):
        raise ValueError(
            f"early_stopping=True with validation_fraction={validation_fraction} needs "
            "two samples of each class, and one of each for training and for validation; "
            f"the {len(counts)} classes have {counts.min()} to {counts.max()} samples, "
            f"{n_validation} of them for validation. "
            "Set early_stopping=False, change validation_fraction, or give more samples."
        )
    return train_test_split(
        np.arange(len(y)),
        test_size=n_validation,
        stratify=y,
        random_state=int(seed.generate_state(1)[0]),
    )[1]
