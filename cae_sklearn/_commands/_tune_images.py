"""The images of ``tune``: training images, held-out images, and the names of their labels.

Sets that come in two parts (CIFAR-10, ``.npz``, a folder with TRAIN and TEST) keep them. Of
others, a quarter of the images of each class is held out.
"""

from pathlib import Path

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.utils import Bunch

from ..datasets import (
    is_mstar_chip,
    load_digits_images,
    load_image_folder,
    load_mstar,
    load_npz,
)
from ._print import say
from ._subsets import fetch_cifar10, names_of_labels, subset

CHIP_SIZE = (64, 64)


def load_images(args):
    """Return the images that the options name, after a check of their number."""
    images = read_images(args.data, args.image_size, args.crop, args.seed)
    n_train, n_test = (400, 200) if args.quick else (None, None)
    for part, n in (("train", args.n_train or n_train), ("test", n_test)):
        X, y = images[f"x_{part}"], images[f"y_{part}"]
        images[f"x_{part}"], images[f"y_{part}"] = subset(X, y, n, args.seed)
    check_counts(images.y_train, images.names, least=9)
    return images


def read_images(data, image_size=None, crop=False, seed=0):
    """Return a Bunch of x_train, y_train, x_test, y_test, names and is_radar."""
    if data == "digits":
        return hold_out(load_digits_images(), seed)
    if data == "cifar10":
        return two_parts(fetch_cifar10(), image_size)
    if Path(data).is_dir():
        parts = find_parts(Path(data))
        if parts:
            return read_parts(parts, image_size, crop)
        return hold_out(read_folder(Path(data), image_size, crop), seed)
    if Path(data).suffix == ".npz":
        return two_parts(load_npz(data), image_size)
    raise ValueError(
        f"--data must be digits, cifar10, a file .npz or a folder that exists; got {data!r}."
    )


def two_parts(images, image_size):
    """Return a set that comes in two parts."""
    x_train, x_test = (unflatten(X, image_size) for X in (images.x_train, images.x_test))
    return Bunch(
        x_train=x_train,
        y_train=images.y_train,
        x_test=x_test,
        y_test=images.y_test,
        names=names_of_labels(images),
        is_radar=False,
    )


def hold_out(images, seed):
    """Return a set that comes in one part with a quarter of each class held out."""
    y, names = images.target, dict(enumerate(images.target_names))
    check_counts(y, names, least=12)
    [X] = without_colour(images.data)
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.25, stratify=y, random_state=seed)
    is_radar = "azimuth" in images
    return Bunch(x_train=X, y_train=y, x_test=X_test, y_test=y_test, names=names, is_radar=is_radar)


def find_parts(folder):
    """Return the sub-folders for training and for testing, or nothing where one is missing."""
    found = {path.name.lower(): path for path in sorted(folder.glob("[!.]*")) if path.is_dir()}
    if not {"train", "test"} <= found.keys():
        return []
    parts = [found.pop(name) for name in ("train", "test")]
    if found:
        others = ", ".join(path.name for path in found.values())
        say(f"{folder} has folders for training and testing, which are read; not read: {others}")
    return parts


def read_parts(folders, image_size, crop):
    """Return the set whose training and held-out images stand in two folders."""
    both = " and ".join(folder.name for folder in folders)
    if len({has_chips(folder) for folder in folders}) > 1:
        raise ValueError(f"{both} must both hold MSTAR's chips, or both pictures.")
    train, test = (read_folder(folder, image_size, crop) for folder in folders)
    for name in ("target_names", "image_shape"):
        if train[name] != test[name]:
            found = " and ".join(", ".join(map(str, part[name])) for part in (train, test))
            what = "class folders" if name == "target_names" else "image size"
            raise ValueError(f"{both} must have the same {what}; got {found}.")
    counts = np.bincount(train.target, minlength=len(train.target_names))
    if len(counts) < 2 or counts.min() < 9:
        found = ", ".join(map("{}: {}".format, train.target_names, counts))
        raise ValueError(
            f"{folders[0].name} must have two classes with 9 images each at least; got {found}."
        )
    X, X_test = without_colour(train.data, test.data)
    return Bunch(
        x_train=X,
        y_train=train.target,
        x_test=X_test,
        y_test=test.target,
        names=dict(enumerate(train.target_names)),
        is_radar="azimuth" in train,
    )


def read_folder(folder, image_size, crop):
    """Return the images, or the MSTAR chips, of a folder of class folders.

    A pixel of a chip has a fixed size on the ground. So chips are cut and never scaled.
    """
    if has_chips(folder):
        return load_mstar(folder, image_size=image_size or CHIP_SIZE, verbose=1)
    resize = "crop" if crop else "resize"
    return load_image_folder(folder, image_size=image_size, resize=resize, verbose=1)


def has_chips(folder):
    """Tell whether class folders hold MSTAR's chips rather than pictures."""
    paths = (path for place in folder.glob("[!.]*") for path in place.rglob("[!.]*"))
    return any(path.is_file() and is_mstar_chip(path) for path in paths)


def without_colour(*parts):
    """Return the parts of a set with one channel if all their images are grey."""
    if all(X.shape[-1] == 3 and (X[..., :1] == X).all() for X in parts):
        return [X[..., :1] for X in parts]
    return parts


def unflatten(X, image_size):
    """Return flat images in their shape, and other images as they are."""
    if X.ndim > 2:
        if X.ndim > 4 or X.shape[3:] not in [(), (1,), (3,)]:
            raise ValueError(f"Images must have one channel or three; got the shape {X.shape}.")
        return X
    if image_size is None or X.shape[1] % np.prod(image_size):
        raise ValueError(
            f"x_train and x_test hold rows of {X.shape[1]} numbers, not images. "
            "Pass --image-size HEIGHT WIDTH whose product divides it."
        )
    return X.reshape(len(X), *image_size, -1)


def check_counts(y, names, least):
    """Raise when a class is too small to be held out, cross-validated and validated."""
    labels, counts = np.unique(y, return_counts=True)
    if len(labels) < 2 or counts.min() < least:
        found = ", ".join(f"{names[k]}: {n}" for k, n in zip(labels, counts, strict=True))
        raise ValueError(f"Two classes with {least} images each are the least; got {found}.")
