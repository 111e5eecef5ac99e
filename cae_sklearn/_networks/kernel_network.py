"""A second look at the image: a convolutional kernel network, learned without gradients.

This is the unsupervised form of Mairal (2016), End-to-end kernel learning with supervised
convolutional kernel networks, arXiv:1605.06265. Filters are spherical k-means of patches
(Coates & Ng, 2012, doi:10.1007/978-3-642-35289-8_30).
"""

from dataclasses import dataclass
from functools import partial

import keras
import numpy as np
import tensorflow as tf

from .._arrays.linalg import inner
from .layers import ContrastConv2D, Float32Layer, GridPooling
from .whitening import N_WHITE, normalize_contrast, sample_patches, whitening

N_FIRST = 96  # filters of the first layer
PATCH = 3  # rows and columns of the patches of both layers
POOL = 3  # rows and columns over which the map of the first layer is averaged
WIDTH = 0.36  # of the kernel: how far cosines lie apart that count as different
N_PATCHES = 20_000  # that filters are learned from
N_ITERATIONS = 6  # of k-means, after which filters hardly move
N_IMAGES = 1_000  # at most, whose maps give the patches of the second layer
LEAST_SQUARE = 1e-3  # added to the squared norm of a patch
LEAST_EIGENVALUE = 1e-3  # added to those of the kernel between filters


class KernelConv2D(Float32Layer):
    """``|x| exp((cos(x, z) - 1) / width)`` for patches x and filters z of norm one."""

    def __init__(self, filters, kernel_size, width=WIDTH, name=None):
        super().__init__(name)
        self.filters, self.kernel_size, self.width = filters, tuple(kernel_size), width

    def build(self, shape):
        self.kernel = self.add_array("kernel", (*self.kernel_size, shape[-1], self.filters))

    def call(self, x):
        products = tf.nn.conv2d(x, tf.convert_to_tensor(self.kernel), 1, "VALID")
        square = tf.reduce_sum(tf.square(x), axis=-1, keepdims=True)
        square = tf.nn.avg_pool2d(square, self.kernel_size, 1, "VALID")
        norm = tf.sqrt(square * float(np.prod(self.kernel_size)) + LEAST_SQUARE)
        return norm * tf.exp((products / norm - 1.0) / self.width)

    def compute_output_shape(self, shape):
        sizes = zip(shape[1:3], self.kernel_size, strict=True)
        return (shape[0], *(n - k + 1 for n, k in sizes), self.filters)

    def plain(self, x):
        (kernel,) = self.get_weights()
        ones = np.ones((*kernel.shape[:3], 1), np.float32)
        convolved = partial(keras.ops.conv, padding="valid", data_format="channels_last")
        norm = keras.ops.sqrt(convolved(x * x, ones) + LEAST_SQUARE)
        return norm * keras.ops.exp((convolved(x, kernel) / norm - 1.0) / self.width)


@dataclass(frozen=True)
class KernelNetwork:
    """Two layers of similarities to filters: of whitened patches, then of patches of the first map.

    Parameters
    ----------
    image_shape : (int, int, int)
        (H, W, C) of the images.
    filters : int
        Of the second layer.
    floor : float
        Added to the variance of a patch of the image.
    """

    image_shape: tuple
    filters: int
    floor: float
    layers = "small_patches", "similar1", "unrelated1", "similar2", "unrelated2"  # that are learned

    @property
    def sizes(self):
        """Height and width of first patches, of the averaged map, and of second patches."""
        size = self.image_shape[:2]
        first = tuple(min(PATCH, (n + 1) // 2) for n in size)
        small = tuple(
            max(min(PATCH, n - k + 1), round((n - k + 1) / POOL))
            for n, k in zip(size, first, strict=True)
        )
        return first, small, tuple(min(PATCH, (n + 1) // 2) for n in small)

    @property
    def positions(self):
        """How many rows and columns the last map has."""
        _, small, second = self.sizes
        return tuple(n - k + 1 for n, k in zip(small, second, strict=True))

    @property
    def n_weights(self):
        """How many weights the second layer has."""
        return self.filters * (N_FIRST * int(np.prod(self.sizes[2])) + self.filters)

    # -- the graph ---------------------------------------------------------------

    def first_map(self, standard):
        """Return the map (n, h, w, N_FIRST) of standardised images that the second layer sees."""
        first, small, _ = self.sizes
        n_inputs = min(N_WHITE, int(np.prod(first)) * self.image_shape[-1])
        x = ContrastConv2D(n_inputs, first, floor=self.floor, name="small_patches")(standard)
        x = KernelConv2D(N_FIRST, (1, 1), name="similar1")(x)
        return unrelated(1, N_FIRST)(GridPooling(small, name="small")(x))

    def last_map(self, standard):
        """Return the last map (n, *positions, filters); `unrelated` belongs behind its means."""
        x = self.first_map(standard)
        return KernelConv2D(self.filters, self.sizes[2], name="similar2")(x)

    # -- learning ----------------------------------------------------------------

    def first_weights(self, standardised, rng):
        """Return the weights of the first layer; `standardised` is that of `sample_patches`."""
        patches = sample_patches(standardised, self.sizes[0], rng)
        kernel, bias = whitening(patches, rng, self.floor)
        white = inner(normalize_contrast(patches[:N_PATCHES], self.floor).T, kernel) + bias
        filters = spherical_kmeans(white, N_FIRST, rng)
        return {
            "small_patches/kernel": kernel.reshape(*self.sizes[0], self.image_shape[-1], -1),
            "small_patches/bias": bias,
            "similar1/kernel": filters.T[None, None],
            "unrelated1/kernel": inverse_root(filters),
        }

    def second_weights(self, maps, rng):
        """Return the weights of the second layer, from maps of the first, (n, h, w, N_FIRST)."""
        size = self.sizes[2]
        everywhere = maps, np.float32(0), np.float32(1)
        patches = sample_patches(everywhere, size, rng, N_PATCHES)
        filters = spherical_kmeans(patches, self.filters, rng)
        return {
            "similar2/kernel": filters.T.reshape(*size, N_FIRST, self.filters),
            "unrelated2/kernel": inverse_root(filters),
        }


def unrelated(layer, filters):
    """Return the layer that takes from similarities to filters what these have in common.

    Their product with the inverse root of the kernel between the filters makes an inner product
    of two such vectors approximate the kernel between two patches. It commutes with averages.
    """
    return keras.layers.Dense(
        filters,
        use_bias=False,
        kernel_initializer="zeros",
        name=f"unrelated{layer}",
        dtype="float32",
    )


def spherical_kmeans(x, n_filters, rng):
    """Return filters (n_filters, d) of norm one, centres of the directions of ``x``, (n, d)."""
    norms = np.linalg.norm(x, axis=1)
    x = x[norms > 1e-3 * norms.max()] if norms.max() > 0 else x
    x = unit(x)
    filters = x[rng.choice(len(x), n_filters, replace=len(x) < n_filters)]
    for _ in range(N_ITERATIONS):
        nearest = inner(filters.T, x.T).argmax(axis=0)
        order = np.argsort(nearest, kind="stable")
        used, starts = np.unique(nearest[order], return_index=True)
        filters = x[rng.choice(len(x), n_filters)]  # for those that are nearest to nothing
        filters[used] = unit(np.add.reduceat(x[order], starts))
    return filters


def unit(x):
    """Return rows of norm one; those of zeros stay."""
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)


def inverse_root(filters):
    """Return the inverse root of the kernel between filters (n, d) of norm one, (n, n)."""
    cosines = inner(filters.T, filters.T)
    kernel = np.exp((np.float64(cosines) - 1.0) / WIDTH)
    eigenvalues, vectors = map(np.asarray, tf.linalg.eigh(kernel))
    roots = np.sqrt(np.maximum(eigenvalues, 0.0) + LEAST_EIGENVALUE)
    return np.float32(vectors / roots @ vectors.T)
