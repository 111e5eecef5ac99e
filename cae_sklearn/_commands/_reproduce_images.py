"""The images of ``reproduce``: CIFAR-10, or a set of the same form."""

from pathlib import Path

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.utils import Bunch

from ..datasets import load_cifar10, load_digits_images, load_npz
from ._print import say
from ._subsets import fetch_cifar10, names_of_labels, subset


def load_images(args):
    """Return training and test images and labels, and the names of labels."""
    if args.data == "cifar10":
        images = cifar10_or_digits(args)
    elif Path(args.data).is_dir() and args.data:
        images = load_cifar10(args.data)
    elif Path(args.data).suffix.lower() == ".npz":
        images = load_npz(args.data)
    else:
        raise ValueError(
            "--data must be cifar10, a file .npz or a folder of CIFAR-10's python batches that "
            f"exists; got {args.data!r}."
        )
    check_images(images)
    images.names = names_of_labels(images)
    images.name = images.get("name", Path(args.data).stem)
    images.is_cifar10 = images.x_train.shape[1:] == (32, 32, 3) and len(images.names) == 10
    if args.quick:
        for part, n in (("train", 1000), ("test", 500)):
            X, y = images[f"x_{part}"], images[f"y_{part}"]
            images[f"x_{part}"], images[f"y_{part}"] = subset(X, y, n, args.seed)
    return images


def check_images(images):
    """Raise for what the searches would find out too late."""
    for part in ("x_train", "x_test"):
        X = images[part]
        if X.ndim not in (3, 4) or X.shape[3:] not in [(), (1,), (3,)] or not len(X):
            raise ValueError(
                f"{part} must hold images of one channel or three; got the shape {X.shape}."
            )
        if not np.isfinite(X).all():
            raise ValueError(f"{part} must be finite, but holds NaN or infinity.")
    counts = np.unique(images.y_train, return_counts=True)[1]
    if len(counts) < 2 or counts.min() < 10:
        raise ValueError(
            "Two classes with ten training images each are the least; "
            f"got {len(counts)} classes, the smallest with {counts.min()}."
        )


def cifar10_or_digits(args):
    """Return CIFAR-10, or handwritten digits where a quick run cannot fetch it."""
    try:
        return fetch_cifar10()
    except OSError:
        if not args.quick:
            raise
    say("CIFAR-10 could not be fetched. scikit-learn's handwritten digits take its place, but the")
    say("notebook's figures are of CIFAR-10.")
    digits = load_digits_images()
    X, X_test, y, y_test = train_test_split(
        digits.data, digits.target, stratify=digits.target, random_state=args.seed
    )
    parts = {"x_train": X, "y_train": y, "x_test": X_test, "y_test": y_test}
    return Bunch(**parts, target_names=digits.target_names, name="digits")
