"""A training and a test set, as loaded together."""

import numpy as np
from sklearn.utils import Bunch


def split_bunch(source, x_train, y_train, x_test, y_test, names):
    """Return a training and a test set, which must fit together."""
    y_train, y_test = (y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y for y in (y_train, y_test))
    for part, x, y in (("train", x_train, y_train), ("test", x_test, y_test)):
        if x.ndim < 2 or y.ndim != 1 or len(x) != len(y):
            raise ValueError(
                f"x_{part} must hold one image and y_{part} one label a sample; got shapes "
                f"{x.shape} and {y.shape} in {source}. Give both the same number of samples."
            )
    if x_train.shape[1:] != x_test.shape[1:]:
        raise ValueError(
            f"x_test must hold images of the shape of x_train, {x_train.shape[1:]}; got "
            f"{x_test.shape[1:]} in {source}. Resize one of them."
        )
    if names is None:
        names = np.union1d(y_train, y_test).astype(str).tolist()
    return Bunch(
        x_train=x_train,
        y_train=y_train,
        x_test=x_test,
        y_test=y_test,
        target_names=names,
        image_shape=x_train.shape[1:],
    )
