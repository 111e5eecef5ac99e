"""What the whitened autoencoder learns in closed form: whitening, first filters, decoder.

The linear algebra is TensorFlow's: its results do not depend on the number of threads.
"""

from math import ceil

import numpy as np
import tensorflow as tf

from ._images import chunks, float_bytes

N_PATCHES = 50_000  # that estimate the covariance
N_IMAGES = 3_000  # that scale the features and fit the decoder
FLOOR = 0.01  # added to the variance of a patch, in standardised units
RIDGE = 0.1  # added to the variance of a component of the patches, and of the features


def sample_images(X, n_images, rng):
    """Return at most ``n_images`` rows of ``X``, in their order."""
    if len(X) <= n_images:
        return X
    return X[np.sort(rng.choice(len(X), n_images, replace=False))]


def sample_patches(standardised, kernel_size, rng):
    """Return patches at random places of images, float32 of shape (n, height * width * C).

    ``standardised`` is a triple: images as they are, mean and scale of the channels.
    """
    X, mean, scale = standardised
    X = sample_images(X, N_PATCHES // 5, rng)
    height, width = kernel_size
    per_image = ceil(N_PATCHES / len(X))
    rows, columns = np.arange(height)[:, None], np.arange(width)
    patches = []
    for part in chunks(len(X), float_bytes(X)):
        images = np.asarray(X[part])
        n = len(images) * per_image
        image = np.repeat(np.arange(len(images)), per_image)[:, None, None]
        top = rng.integers(0, images.shape[1] - height + 1, n)[:, None, None]
        left = rng.integers(0, images.shape[2] - width + 1, n)[:, None, None]
        pixels = np.float32(images[image, top + rows, left + columns])
        patches.append(((pixels - mean) / scale).reshape(n, -1))
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
    centred = tf.constant(patches - np.float32(mean))
    covariance = tf.matmul(centred, centred, transpose_a=True) / len(patches)
    variances, components = map(np.asarray, tf.linalg.eigh(tf.cast(covariance, tf.float64)))
    kernel = components / np.sqrt(np.maximum(variances, 0.0) + RIDGE)
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
    responses = tf.matmul(some, encoder).numpy()
    threshold = np.full(n_filters, -0.5 * responses.std(), np.float32)
    decoder, _ = ridge(np.maximum(responses + threshold, 0.0), some, intercept=False)
    return encoder, threshold, decoder


def ridge(inputs, targets, intercept=True):
    """Return kernel and bias of the ridge regression of ``targets`` on ``inputs``.

    The system solved has the size of the features or of the samples, whichever is less.
    """
    x_mean = inputs.mean(axis=0, dtype=np.float64) * intercept
    y_mean = targets.mean(axis=0, dtype=np.float64) * intercept
    x = tf.constant(inputs - np.float32(x_mean))
    y = tf.constant(targets - np.float32(y_mean))
    penalty = tf.cast(RIDGE * tf.reduce_sum(tf.square(x)) / x.shape[1] + 1e-6, tf.float64)
    if x.shape[1] <= x.shape[0]:
        gram, right = tf.matmul(x, x, transpose_a=True), tf.matmul(x, y, transpose_a=True)
    else:
        gram, right = tf.matmul(x, x, transpose_b=True), y
    gram = tf.cast(gram, tf.float64)
    gram = tf.linalg.set_diag(gram, tf.linalg.diag_part(gram) + penalty)
    kernel = tf.linalg.cholesky_solve(tf.linalg.cholesky(gram), tf.cast(right, tf.float64))
    kernel = tf.cast(kernel, tf.float32)
    if x.shape[1] > x.shape[0]:
        kernel = tf.matmul(x, kernel, transpose_a=True)
    kernel = kernel.numpy()
    return kernel, np.float32(y_mean - x_mean @ kernel)
