"""What the whitened autoencoder learns in closed form: whitening, first filters, decoder."""

from functools import cache, partial
from itertools import pairwise
from math import ceil

import numpy as np
import tensorflow as tf

from ._images import chunks, float_bytes
from ._training import threads_for, with_threads

N_PATCHES = 50_000  # that estimate the covariance
N_IMAGES = 3_000  # that scale the features and fit the decoder
FLOOR = 0.3  # added to the variance of a patch, in standardised units: faint ones stay fainter
N_BLOCKS = 8  # of columns of a product, computed side by side
PATCH_RIDGE = 0.08  # added to the variance of a component of the patches
RIDGE = 0.1  # added to the variance of the features, in a regression, times its mean


def sample_rows(n_rows, limit, rng):
    """Return the numbers of all rows, or of ``limit`` drawn ones, in their order."""
    if n_rows <= limit:
        return np.arange(n_rows)
    return np.sort(rng.choice(n_rows, limit, replace=False))


def sample_patches(standardised, kernel_size, rng):
    """Return patches at random places of images, float32 of shape (n, height * width * C).

    ``standardised`` is a triple: images as they are, mean and scale of channels or pixels.
    """
    X, mean, scale = standardised
    mean, scale = (np.broadcast_to(array, X.shape[1:]) for array in (mean, scale))
    sample = sample_rows(len(X), N_PATCHES // 5, rng)
    height, width = kernel_size
    per_image = ceil(N_PATCHES / len(sample))
    rows, columns = np.arange(height)[:, None], np.arange(width)
    patches = []
    for part in chunks(len(sample), float_bytes(X)):
        images = X[sample[part]]
        n = len(images) * per_image
        image = np.repeat(np.arange(len(images)), per_image)[:, None, None]
        top = rng.integers(0, images.shape[1] - height + 1, n)[:, None, None]
        left = rng.integers(0, images.shape[2] - width + 1, n)[:, None, None]
        place = top + rows, left + columns
        pixels = (np.float32(images[image, *place]) - mean[place]) / scale[place]
        patches.append(pixels.reshape(n, -1))
    return np.concatenate(patches)


def whitening(patches):
    """Return kernel (d, d) and bias (d,) that whiten patches of normalised contrast.

    Principal components, each divided by the root of its variance plus a ridge (Bell &
    Sejnowski, 1997, doi:10.1016/S0042-6989(97)00121-1). The kernel takes the mean of a
    patch away by itself.

    Parameters
    ----------
    patches : ndarray of shape (n, d)
        Standardised pixels.
    """
    patches = normalize_contrast(patches)
    mean = patches.mean(axis=0, dtype=np.float64)
    centred = patches - np.float32(mean)
    covariance = inner(centred, centred) / np.float32(len(patches))
    variances, components = map(np.asarray, tf.linalg.eigh(np.float64(covariance)))
    kernel = components / np.sqrt(np.maximum(variances, 0.0) + PATCH_RIDGE)
    bias = -mean @ kernel
    kernel = kernel - kernel.mean(axis=0)
    return kernel.astype(np.float32), bias.astype(np.float32)


def normalize_contrast(patches):
    """Return patches less their mean, over the root of their variance plus a floor."""
    centred = patches - patches.mean(axis=1, keepdims=True)
    return centred / np.sqrt(np.square(centred).mean(axis=1, keepdims=True) + FLOOR)


def first_filters(patches, n_filters, rng):
    """Return encoder and decoder to start from, for whitened patches of shape (n, d).

    The filters are patches of unit norm with a soft threshold (Coates & Ng, 2011, The
    importance of encoding versus training); the decoder is their ridge regression.

    Returns
    -------
    encoder : ndarray of shape (d, n_filters)
        The chosen patches.
    threshold : ndarray of shape (n_filters,)
        The bias of the encoder.
    decoder : ndarray of shape (n_filters, d)
        From active filters to patches.
    """
    chosen = patches[rng.choice(len(patches), n_filters, replace=len(patches) < n_filters)]
    norms = np.linalg.norm(chosen, axis=1, keepdims=True)
    encoder = (chosen / np.maximum(norms, 1e-6)).T.astype(np.float32)
    some = patches[:20_000]
    responses = inner(some.T, encoder)
    threshold = np.full(n_filters, -0.5 * responses.std(), np.float32)
    decoder, _ = ridge(np.maximum(responses + threshold, 0.0), some, intercept=False)
    return encoder, threshold, decoder


def ridge(inputs, targets, intercept=True):
    """Return kernel and bias of the ridge regression of ``targets`` on ``inputs``.

    The system solved has the size of the features or of the samples, whichever is less.
    """
    x_mean = inputs.mean(axis=0, dtype=np.float64) * intercept
    y_mean = targets.mean(axis=0, dtype=np.float64) * intercept
    x, y = inputs - np.float32(x_mean), targets - np.float32(y_mean)
    penalty = RIDGE * float(np.sum(np.square(x), dtype=np.float64)) / x.shape[1] + 1e-6
    dual = x.shape[1] > x.shape[0]
    gram, right = (inner(x.T, x.T), y) if dual else (inner(x, x), inner(x, y))
    gram = np.float64(gram) + penalty * np.eye(len(gram))
    kernel = np.float32(substitute(cholesky(gram), right))
    if dual:
        kernel = inner(x, kernel)
    return kernel, np.float32(y_mean - x_mean @ kernel)


def deviation(features):
    """Return what features are divided by: their standard deviation, and a little more.

    A feature that is hardly ever active, or the same in a few images, must not become the
    loudest.
    """
    std = features.std(axis=0)
    if std.max() < 1e-5:  # of images that are all the same
        std = np.ones_like(std)
    return std + (1e-3 + 1 / len(features)) * std.mean() + 1e-6


def inner(x, y):
    """Return the product of the transpose of ``x`` with ``y``, two matrices of one dtype.

    The same bits for any number of threads, which take blocks of its columns each.
    """
    return _by_blocks(_product, x, y)


def cholesky(gram):
    """Return the lower Cholesky factor of a float64 matrix."""
    return tf.linalg.cholesky(gram).numpy()


def substitute(root, right):
    """Return the solution of ``root @ root.T @ solution = right``, all float64.

    The same bits for any number of threads, which take blocks of its columns each.
    """
    return _by_blocks(tf.linalg.cholesky_solve, root, np.float64(right))


def _by_blocks(function, x, y):
    """Return ``function(x, y)``, computed for blocks of the columns of y side by side."""
    tensors = [tf.constant(np.ascontiguousarray(array)) for array in (x, y)]
    threads = threads_for(x.size * y.shape[1])
    if threads is None:
        return _blocks(*tensors, function=function).numpy()
    traced = _blocks_with_threads(function, tensors[0].dtype)
    return traced(tf.constant(threads, tf.int64), *tensors).numpy()


@cache
def _blocks_with_threads(function, dtype):
    specs = [tf.TensorSpec([None, None], dtype)] * 2
    return with_threads(partial(_blocks, function=function), specs)


def _blocks(x, y, function):
    edges = [tf.shape(y)[1] * i // N_BLOCKS for i in range(N_BLOCKS + 1)]
    blocks = [y[:, start:stop] for start, stop in pairwise(edges)]
    return tf.concat([function(x, block) for block in blocks], 1)


def _product(x, y):
    return tf.matmul(x, y, transpose_a=True)
