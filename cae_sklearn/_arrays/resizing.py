"""Images at another size: averaged over areas to be smaller, interpolated to be larger."""

from math import sqrt

import numpy as np

from .progress import counted, stage
from .streaming import LazyArray, chunks, float_bytes

HELD_BYTES = 2**28  # of small images that are kept, at most; more are made anew each time
LEAST_ZOOM = 1.25  # images not larger than so many times the wanted side stay as they are
SHORT_SIDE = 8  # pixels that a side keeps, if it has them


def working_size(size, side):
    """Return the height and width, about ``side ** 2`` pixels, to which images are averaged.

    The ratio of the sides is kept as far as the shorter one allows. Images that are hardly
    larger stay as they are, and so do all with ``side=None``.
    """
    zoom = sqrt(size[0] * size[1]) / side if side else 1.0
    if zoom <= LEAST_ZOOM:
        return size
    least = min(SHORT_SIDE, *size)
    short = max(least, round(min(size) / zoom))
    long = min(max(size), max(least, round(side**2 / short)))
    return (short, long) if size[0] <= size[1] else (long, short)


def resized(X, size):
    """Return images (n, H, W, C) averaged over the pixels of ``size``, read as float32."""
    return X if tuple(X.shape[1:3]) == tuple(size) else Resized(X, size)


def held(X):
    """Return images as an array that is in memory, if they were resized and are few enough."""
    if not isinstance(X, Resized) or len(X) * float_bytes(X) > HELD_BYTES:
        return X
    with stage("resizing"):
        return np.concatenate([X[chunk] for chunk in counted([*chunks(len(X), X.read_bytes)])])


class Resized(LazyArray):
    """Images averaged over areas; a pixel of the result may begin and end within one of theirs.

    Parameters
    ----------
    X : array of shape (n, H, W, C)
        What is read by indices along the first axis.
    size : (int, int)
        New height and width, not larger.
    """

    def __init__(self, X, size):
        super().__init__(X, (len(X), *size, X.shape[3]), np.float32)
        self._size = tuple(size)
        self.read_bytes = float_bytes(X)

    def __getitem__(self, indices):
        import tensorflow as tf  # late: importing the package does without it

        places = np.arange(len(self))[indices]
        small = np.empty((len(places), *self.shape[1:]), np.float32)
        for chunk in chunks(len(places), self.read_bytes):
            images = self._X[places[chunk]]
            if images.dtype != np.uint8:
                images = np.asarray(images, np.float32)
            small[chunk] = tf.raw_ops.ResizeArea(images=images, size=self._size)
        return small


def enlarged(pictures, size):
    """Return pictures (n, h, w, C) at a larger size, interpolated linearly."""
    import tensorflow as tf

    large = np.empty((len(pictures), *size, pictures.shape[3]), np.float32)
    for chunk in chunks(len(large), float_bytes(large)):
        large[chunk] = tf.image.resize(pictures[chunk], size)
    return large
