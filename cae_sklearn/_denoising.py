"""Which features of an image survive when it is shifted or mirrored, in closed form."""

import numpy as np
import tensorflow as tf

from ._images import chunks, float_bytes
from ._whitening import cholesky, deviation, inner, substitute

N_VIEWS = 20_000  # at most, up to 8 of each image
N_NUMBERS = 2**27  # of all views together, at most
SHRINKAGE = 0.2  # of the covariance, times the features over the images
LEAST_SHRINKAGE = 1e-4  # below it, float32 sums are too coarse
N_ROWS = 256  # that are projected at once, always
N_ITERATIONS = 4  # of the search for the principal components


def last_layer(images, features_of, some, rng, *, n_components, shrinkage, shift, flip):
    r"""Return the matrix (d, n_components) that makes the features of pooled ones.

    It is a linear denoising autoencoder in closed form (Chen et al., 2012, Marginalized
    denoising autoencoders for domain adaptation, arXiv:1206.4683), whose noise is what `view`
    does to the image: :math:`M = Q_s^{-1} B` with the covariance :math:`Q` of the features of
    views, :math:`Q_s = (1 - s) Q + s\,\mathrm{tr}(Q) I / d`, and their covariance :math:`B` with
    the features of the images. Principal components of the denoised features follow.

    Parameters
    ----------
    images : ndarray of shape (n, H, W, C)
        Of more than are needed, some are drawn.
    features_of : callable
        Gives the features of images, float32 of shape (n, d), roughly standardised.
    some : ndarray of shape (m, d)
        Features whose principal components are taken.
    rng : numpy.random.Generator
        Draws images, views and the rotation of the components.
    n_components : int
        At most d. Fewer are the first components, turned at random so that all have about
        the same variance.
    shrinkage : float in [0, 1] or "auto"
        The weight :math:`s`; ``"auto"`` is d / (d + 5 n).
    shift : (int, int)
        As `view` takes it. Without shifts and mirroring nothing is denoised.
    flip : (bool, bool)
        As `view` takes it.
    """
    n_features = some.shape[1]
    if not any(shift + flip):
        kernel = principal_axes(some, n_components, rng)
    else:
        gram, cross, n_images = moments(images, features_of, rng, shift, flip)
        if shrinkage == "auto":
            ratio = SHRINKAGE * n_features / n_images
            shrinkage = ratio / (1 + ratio)
        root = cholesky(shrunk(gram, max(shrinkage, LEAST_SHRINKAGE)))
        if n_components < n_features:
            denoised = inner(substitute(root, some.T), cross)
            scale = deviation(denoised)
            axes = principal_axes(denoised / scale, n_components, rng)
            cross = inner((cross / scale).T, axes)
        kernel = substitute(root, cross)
    return np.float32(kernel)


def rescaled(kernel, some):
    """Return ``kernel`` with columns that give features of variance one."""
    return kernel / deviation(inner(some.T, kernel))


def moments(images, features_of, rng, shift, flip):
    """Return what is known of the features of images and of their views.

    Returns
    -------
    gram : ndarray of shape (d, d), float64
        The covariance of the features of views.
    cross : ndarray of shape (d, d), float64
        Their covariance with the features of the images.
    n_images : int
        How many images were looked at.
    """
    most = int(np.clip(N_NUMBERS // int(np.prod(images.shape[1:])), 100, N_VIEWS))
    places = np.arange(len(images))
    if len(places) > most:
        places = np.sort(rng.choice(places, most, replace=False))
    n_views = min(most // len(places), 8)
    row_bytes = max(float_bytes(images), features_of(images[:1]).size)
    gram = cross = noisy_sum = clean_sum = np.float32(0)
    for rows in chunks(len(places), row_bytes):
        part = images[places[rows]]
        clean = features_of(part)
        clean_sum = clean_sum + n_views * clean.sum(axis=0, dtype=np.float64)
        for _ in range(n_views):
            noisy = features_of(view(part, rng, shift, flip))
            noisy_sum = noisy_sum + noisy.sum(axis=0, dtype=np.float64)
            gram = gram + inner(noisy, noisy)
            cross = cross + inner(noisy, clean)
    n = len(places) * n_views
    gram = np.float64(gram) / n - np.outer(noisy_sum, noisy_sum / n**2)
    cross = np.float64(cross) / n - np.outer(noisy_sum, clean_sum / n**2)
    return gram, cross, len(places)


def shrunk(covariance, shrinkage):
    """Return a covariance of which a share is replaced by its mean variance."""
    d = len(covariance)
    ridge = shrinkage * np.trace(covariance) / d + 1e-6
    covariance = (1 - shrinkage) * covariance
    covariance[np.diag_indices(d)] += ridge
    return covariance


def principal_axes(features, n_components, rng):
    """Return axes (d, n_components) that span the first principal components of the rows.

    By subspace iteration (Halko, Martinsson & Tropp, 2011, doi:10.1137/090771806). The axes
    are orthonormal and turned at random within their span, so that the rows vary about as
    much along each; to scale components to one variance would blow up the last ones.
    """
    features = np.float64(features)
    axes = rng.normal(size=(features.shape[1], n_components))
    for _ in range(N_ITERATIONS):
        axes = inner(features, inner(features.T, _orthonormal(axes)))
    rotation = _orthonormal(rng.normal(size=(n_components, n_components)))
    return inner(_orthonormal(axes).T, rotation)


def _orthonormal(x):
    return tf.linalg.qr(x).q.numpy()


def project(features, kernel):
    """Return ``features @ kernel``, where a row gets the same bits in any company."""
    projected = np.empty((len(features), kernel.shape[1]), np.float32)
    for start in range(0, len(features), N_ROWS):
        part = features[start : start + N_ROWS].T
        # a product has the bits of its shape
        padded = np.zeros((len(kernel), N_ROWS), np.float32)
        padded[:, : part.shape[1]] = part
        projected[start : start + N_ROWS] = inner(kernel, padded)[:, : part.shape[1]].T
    return projected


def view(images, rng, shift, flip):
    """Return images shifted and mirrored at random, in their dtype.

    Parameters
    ----------
    images : ndarray of shape (n, H, W, C)
        What lies beyond the border is its reflection.
    rng : numpy.random.Generator
        Draws for each image.
    shift : (int, int)
        The farthest that an image moves down or up, and to the right or left, in pixels.
    flip : (bool, bool)
        Whether half of the images, drawn at random, are turned upside down; and whether
        half are mirrored left to right.
    """
    rows, columns = (
        _places(len(images), *along, rng)
        for along in zip(images.shape[1:3], shift, flip, strict=True)
    )
    image = np.arange(len(images))[:, None, None]
    return images[image, rows[:, :, None], columns[:, None, :]]


def _places(n, length, shift, flip, rng):
    """Return where the pixels along an axis of ``n`` images come from, shape (n, length)."""
    places = np.arange(length) + rng.integers(-shift, shift + 1, n)[:, None]
    period = max(1, 2 * (length - 1))
    places = np.abs(places) % period
    places = np.minimum(places, period - places)
    mirrored = rng.random(n) < 0.5 * flip
    places[mirrored] = places[mirrored, ::-1]
    return places
