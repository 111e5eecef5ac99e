"""What the whitened autoencoder learns before training: whitening and first filters."""

from math import ceil

import numpy as np
import tensorflow as tf

from .._arrays.linalg import inner, principal_axes, ridge
from .._arrays.streaming import chunks, float_bytes, sample_indices

N_PATCHES = 50_000  # that estimate the covariance, at most
N_NUMBERS = 2**22  # of all patches, where these are larger than N_WHITE
N_WHITE = 512  # components of a patch, at most
N_COMPONENTS = 16  # of a patch, at least, to tell noise by the last of them
FLOOR = 0.3  # added to the variance of a patch, in standardised units: faint ones stay fainter
PATCH_RIDGE = 0.08  # added to the variance of a component of the patches


def sample_patches(standardised, kernel_size, rng, n_patches=None):
    """Return patches at random places of images, float32 of shape (n, height * width * C).

    ``standardised`` is a triple: images as they are, mean and scale of channels or pixels.
    There are about ``n_patches``; None takes what the covariance needs.
    """
    X, mean, scale = standardised
    mean, scale = (np.broadcast_to(array, X.shape[1:]) for array in (mean, scale))
    height, width = kernel_size
    n_inputs = height * width * X.shape[-1]
    if n_patches is None:
        n_patches = N_PATCHES if n_inputs <= N_WHITE else max(2_000, N_NUMBERS // n_inputs)
    sample = sample_indices(len(X), n_patches // 5, rng)
    per_image = ceil(n_patches / len(sample))
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


def whitening(patches, rng, floor=FLOOR):
    """Return kernel (d, k) and bias (k,) that whiten patches of normalised contrast.

    Principal components, each divided by the root of its variance plus a ridge (Bell &
    Sejnowski, 1997, doi:10.1016/S0042-6989(97)00121-1), and times the share of the variance
    that is not noise, as in the retina (Atick & Redlich, 1992, doi:10.1162/neco.1992.4.2.196):
    white noise, such as the speckle of radar, is not amplified to the strength of the image.
    The least variance of a component is taken for that of the noise. The kernel takes the
    mean of a patch away by itself.

    Parameters
    ----------
    patches : ndarray of shape (n, d)
        Standardised pixels.
    rng : numpy.random.Generator
        Draws the start of the search for the first components of large patches.
    floor : float
        Added to the variance of a patch.

    Returns
    -------
    kernel, bias : ndarrays of float32
        The number k of components is d, but at most ``N_WHITE``.
    """
    patches = normalize_contrast(patches, floor)
    mean = patches.mean(axis=0, dtype=np.float64)
    centred = patches - np.float32(mean)
    axes = None
    if centred.shape[1] > N_WHITE:
        axes = principal_axes(centred, N_WHITE, rng)
        centred = inner(centred.T, np.float32(axes))
    covariance = inner(centred, centred) / np.float32(len(patches))
    variances, components = map(np.asarray, tf.linalg.eigh(np.asarray(covariance, np.float64)))
    variances = np.maximum(variances, 0.0)
    many = axes is None and len(variances) >= N_COMPONENTS
    noise = variances[1] if many else 0.0  # the first is that of the mean, which is taken away
    kernel = components * (1 - noise / np.maximum(variances, max(noise, 1e-12)))
    kernel = kernel / np.sqrt(variances + PATCH_RIDGE)
    if axes is not None:
        kernel = inner(axes.T, np.float32(kernel))
    bias = -mean @ kernel
    kernel = kernel - kernel.mean(axis=0)
    return kernel.astype(np.float32), bias.astype(np.float32)


def normalize_contrast(patches, floor=FLOOR):
    """Return patches less their mean, over the root of their variance plus a floor."""
    centred = patches - patches.mean(axis=1, keepdims=True)
    return centred / np.sqrt(np.square(centred).mean(axis=1, keepdims=True) + floor)


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
