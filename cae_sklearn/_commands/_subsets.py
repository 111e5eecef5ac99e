"""What both commands do with a set of images."""

import numpy as np
from sklearn.model_selection import train_test_split

from ..datasets import load_cifar10


def fetch_cifar10():
    """Return CIFAR-10, or raise OSError where it cannot be fetched."""
    try:
        return load_cifar10()
    except Exception as error:  # without a network Keras raises nothing narrower
        raise OSError(f"CIFAR-10 could not be fetched: {error}") from error


def names_of_labels(images):
    """Return the name of each label of a set that comes in two parts."""
    labels = np.unique(np.concatenate([images.y_train, images.y_test]))
    names = images.target_names if len(images.target_names) == len(labels) else labels
    return dict(zip(labels, names, strict=True))


def subset(X, y, n, seed):
    """Return n images, as many of each class as its share, or all where n is None or too large."""
    counts = np.unique(y, return_counts=True)[1]
    if n is None or len(y) - n < len(counts):
        return X, y
    if n < len(counts):
        raise ValueError(f"{n} images are too few for {len(counts)} classes.")
    if counts.min() < 2:  # too few to keep the shares
        return X[:n], y[:n]
    return train_test_split(X, y, train_size=n, stratify=y, random_state=seed)[::2]
