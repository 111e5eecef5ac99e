"""Which features of an image survive when it is shifted or mirrored, in closed form."""

from dataclasses import dataclass

import numpy as np

from .._arrays.linalg import (
    cholesky,
    inner,
    principal_axes,
    shrunk,
    substitute,
)
from .._arrays.progress import advanced, stage
from .._arrays.streaming import chunks, deviation, float_bytes, sample_indices

N_VIEWS = 8_000  # at most, up to 8 of each image
N_NUMBERS = 2**27  # of all views together, at most
N_REDUCED = 500  # features, or twice the components: to more, what is to be denoised is reduced
SHRINKAGE = 0.2  # of the covariance, times the features over the images
LEAST_SHRINKAGE = 1e-4  # below it, float32 sums are too coarse
FLIPS = {  # upside down, left to right
    None: (False, False),
    "horizontal": (False, True),
    "vertical": (True, False),
    "horizontal_and_vertical": (True, True),
}


@dataclass(frozen=True)
class Views:
    """How views of an image differ from it, and what is made of the difference.

    Parameters
    ----------
    shift : (int, int)
        The farthest that an image moves down or up, and to the right or left, in pixels.
    flip : (bool, bool)
        Whether half of the images, drawn at random, are turned upside down; and whether
        half are mirrored left to right.
    shrinkage : float in [0, 1] or "auto"
        How far the covariance of views is drawn towards that of unrelated features.
    """

    shift: tuple
    flip: tuple
    shrinkage: float | str

    @classmethod
    def for_images(cls, image_shape, *, shift, flip, shrinkage):
        """Return the views of images of this shape; those of one row or column have none."""
        size = image_shape[:2]
        if min(size) == 1:
            return cls((0, 0), FLIPS[None], shrinkage)
        return cls(tuple(round(shift * n) for n in size), FLIPS[flip], shrinkage)

    @property
    def differ(self):
        """Tell whether a view may differ from its image."""
        return any(self.shift + self.flip)


def denoising_kernel(images, features_of, some, views, rng, *, n_components):
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
    views : Views
        Without shifts and mirroring nothing is denoised. ``shrinkage="auto"`` is
        d / (d + 5 n) for the n images looked at.
    rng : numpy.random.Generator
        Draws images, views and the rotation of the components.
    n_components : int
        At most d. Fewer are the first components, turned at random so that all have about
        the same variance.
    """
    if not views.differ:
        with stage("components"):
            return principal_axes(some, n_components, rng)
    n_features, first = some.shape[1], None
    few = n_components < n_features
    if few and max(N_REDUCED, 2 * n_components) < n_features:
        # what is left of the features costs the square of their number
        with stage("principal axes"):
            first = principal_axes(some, max(N_REDUCED, 2 * n_components), rng, n_iterations=2)
            some = inner(some.T, first)
    with stage("denoising"):
        gram, cross, n_images = moments(images, features_of, views, rng, first)
    shrinkage = views.shrinkage
    if shrinkage == "auto":
        ratio = SHRINKAGE * n_features / n_images
        shrinkage = ratio / (1 + ratio)
    with stage("components"):
        root = cholesky(shrunk(gram, max(shrinkage, LEAST_SHRINKAGE)))
        if few:
            if first is not None:
                cross = inner(cross.T, np.float64(first.T))
            denoised = inner(substitute(root, some.T), cross)
            scale = deviation(denoised)
            axes = principal_axes(denoised / scale, n_components, rng)
            cross = inner((cross / scale).T, np.float64(axes))
        kernel = np.float32(substitute(root, cross))
        return kernel if first is None else inner(first.T, kernel)


def moments(images, features_of, views, rng, axes=None):
    """Return what is known of the features of images and of their views.

    Parameters are those of `denoising_kernel`; features are projected on ``axes``, (d, k), first.

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
    chosen = sample_indices(len(images), most, rng)
    n_views = min(most // len(chosen), 8)
    sample_bytes = max(float_bytes(images), features_of(images[:1]).size)
    reduced = np.asarray if axes is None else lambda features: inner(features.T, axes)
    gram = cross = noisy_sum = clean_sum = np.float32(0)
    n_seen = 0
    for chunk in chunks(len(chosen), sample_bytes):
        part = images[chosen[chunk]]
        clean = reduced(features_of(part))
        clean_sum = clean_sum + n_views * clean.sum(axis=0, dtype=np.float64)
        for _ in range(n_views):
            noisy = reduced(features_of(view(part, views, rng)))
            noisy_sum = noisy_sum + noisy.sum(axis=0, dtype=np.float64)
            gram = gram + inner(noisy, noisy)
            cross = cross + inner(noisy, clean)
            n_seen += len(part)
            advanced(n_seen / (n_views * len(chosen)))
    n = len(chosen) * n_views
    gram = np.asarray(gram, np.float64) / n - np.outer(noisy_sum, noisy_sum / n**2)
    cross = np.asarray(cross, np.float64) / n - np.outer(noisy_sum, clean_sum / n**2)
    return gram, cross, len(chosen)


def view(images, views, rng):
    """Return images shifted and mirrored at random, in their dtype.

    Parameters
    ----------
    images : ndarray of shape (n, H, W, C)
        What lies beyond the border is its reflection.
    views : Views
        How far they are shifted, and whether they are mirrored.
    rng : numpy.random.Generator
        Draws for each image.
    """
    rows, columns = (
        _places(len(images), *along, rng)
        for along in zip(images.shape[1:3], views.shift, views.flip, strict=True)
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
