"""Arrays that may be larger than memory, read chunk by chunk."""

import numpy as np
from scipy.sparse import issparse

from .progress import counted

CHUNK_BYTES = 16 * 2**20  # what one chunk may hold as float32


def chunks(n_samples, bytes_per_sample, multiple_of=1):
    """Yield slices that cover ``range(n_samples)``, each of a bounded number of bytes.

    A last chunk of a single sample is merged into the one before: batch
    normalisation needs two.
    """
    size = max(1, CHUNK_BYTES // max(1, bytes_per_sample) // multiple_of) * multiple_of
    start = 0
    while start < n_samples:
        stop = start + size
        if stop >= n_samples - 1:
            stop = n_samples
        yield slice(start, stop)
        start = stop


def load_chunk(X, indices):
    """Copy some samples of ``X`` into memory, in a dtype the network reads: uint8 or float32."""
    chunk = X[indices]
    if issparse(chunk):
        chunk = chunk.toarray()
    return np.ascontiguousarray(chunk, dtype=np.uint8 if chunk.dtype == np.uint8 else np.float32)


def float_bytes(X):
    """Return the bytes that one sample of ``X`` takes as float32."""
    return 4 * int(np.prod(X.shape[1:]))


def sample_indices(n_samples, limit, rng):
    """Return the indices of all samples, or of ``limit`` drawn ones, in their order."""
    if n_samples <= limit:
        return np.arange(n_samples)
    return np.sort(rng.choice(n_samples, limit, replace=False))


class LazyArray:
    """An array whose samples are made from those of another one when they are read.

    Parameters
    ----------
    X : ndarray or array that is read like it
        The samples it is made from.
    shape : tuple of int
        Of the array, its first number that of the samples.
    dtype : dtype
        Of the array.
    """

    def __init__(self, X, shape, dtype):
        self._X, self.shape, self.dtype = X, tuple(shape), np.dtype(dtype)
        self.ndim, self.size = len(self.shape), int(np.prod(self.shape))

    def __len__(self):
        return self.shape[0]


class Drawn(LazyArray):
    """Some samples of an array, read when they are needed.

    Parameters
    ----------
    X : ndarray or array that is read like it, of shape (n, H, W, C)
        All samples.
    chosen : ndarray of int
        Indices of those that count.
    """

    def __init__(self, X, chosen):
        super().__init__(X, (len(chosen), *X.shape[1:]), X.dtype)
        self._chosen = chosen

    def __getitem__(self, indices):
        return self._X[self._chosen[indices]]


def drawn(X, limit, seed):
    """Return ``X``, or ``limit`` of its samples drawn at random; None is no limit."""
    if limit is None or len(X) <= limit:
        return X
    return Drawn(X, sample_indices(len(X), limit, np.random.default_rng(seed)))


class Shifted(LazyArray):
    """An array less an offset, read as float32; the difference is taken in float64.

    Parameters
    ----------
    X : ndarray of shape (n, H, W, C)
        Numbers of which float32 would lose digits.
    offset : ndarray that broadcasts against a sample
        Of float64.
    """

    def __init__(self, X, offset):
        super().__init__(X, X.shape, np.float32)
        self._offset = offset

    def __getitem__(self, indices):
        return np.float32(self._X[indices] - self._offset)


def shifted(X, offset):
    """Return ``X`` less an offset, which may be None."""
    return X if offset is None else Shifted(X, offset)


def is_wide(dtype):
    """Tell whether a dtype has more digits than float32."""
    return dtype.itemsize > 4 or (dtype.itemsize == 4 and dtype.kind in "iu")


def wide_offset(X, each=False):
    """Return what to take from images before they are cast to float32, or None.

    It is the mean of each channel (or, with ``each``, of each number of a sample) where that is
    over a thousand standard deviations, and 0 elsewhere; None if it is 0 everywhere, or where the
    dtype has no more digits than float32.
    """
    if not is_wide(X.dtype):
        return None
    mean, std = channel_statistics(X, each)
    offset = np.where(np.abs(mean) > 1e3 * std, mean, 0.0)
    return offset if offset.any() else None


def centred(X, learned=None):
    """Return images that float32 can hold, and the offset taken from them as a dict, or {}.

    ``learned`` holds the offset of the images before, if there was one; with None it is found.
    """
    each = min(X.shape[1:3]) == 1
    offset = wide_offset(X, each) if learned is None else learned.get("offset")
    return shifted(X, offset), {} if offset is None else {"offset": offset}


def channel_statistics(X, each=False):
    """Return mean and standard deviation of each channel of (n, H, W, C), float64.

    With ``each``, of each number of a sample instead, in the shape of a sample.
    One streaming pass that merges the moments of the chunks (Chan, Golub & LeVeque,
    1983, doi:10.1080/00031305.1983.10483115). A constant channel gets the deviation 1.
    """
    count, mean, moment = 0, 0.0, 0.0
    channels = int(np.prod(X.shape[1:])) if each else X.shape[-1]
    parts = list(chunks(len(X), 16 * float_bytes(X)))  # small enough for the processor's cache
    for chunk in counted(parts):
        pixels = X[chunk].astype(np.float64).reshape(chunk.stop - chunk.start, -1)
        n = pixels.size // channels
        own_mean = pixels.sum(axis=0).reshape(-1, channels).sum(axis=0) / n
        pixels -= np.tile(own_mean, pixels.shape[1] // channels)
        own_moment = np.einsum("ij,ij->j", pixels, pixels).reshape(-1, channels).sum(axis=0)
        delta = own_mean - mean
        total = count + n
        moment = moment + own_moment + delta**2 * count * n / total
        mean = mean + delta * n / total
        count = total
    std = np.sqrt(moment / count)
    # what rounding leaves of a constant channel is no deviation
    constant = std <= np.maximum(8 * np.finfo(np.float32).eps * np.abs(mean), 1e-30)
    std = np.where(constant, 1.0, std)
    return (mean.reshape(X.shape[1:]), std.reshape(X.shape[1:])) if each else (mean, std)


def deviation(features):
    """Return what features are divided by: their standard deviation, and a little more.

    A feature that is hardly ever active, or the same in a few images, must not become the
    loudest.
    """
    std = features.std(axis=0)
    if std.max() < 1e-5:  # of images that are all the same
        std = np.ones_like(std)
    return std + (1e-3 + 1 / len(features)) * std.mean() + 1e-6
