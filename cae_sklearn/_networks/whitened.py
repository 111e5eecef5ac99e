"""The autoencoder of whitened patches: one wide layer, trained to denoise."""

from dataclasses import dataclass, replace
from math import ceil

import keras
import numpy as np
import tensorflow as tf

from .._arrays.linalg import inner
from .._arrays.progress import stage
from .._arrays.streaming import chunks, float_bytes
from .._training.pool import outputs
from .autoencoder import Autoencoder, components, is_row
from .building import BN_MOMENTUM, IMAGES, functional, initial_weights
from .convolution import trained_layers
from .corruption import RandomWindow, noise
from .kernel_network import N_FIRST, N_IMAGES, KernelNetwork, unrelated
from .layers import (
    CellStatistics,
    ContrastConv2D,
    SignedSqrt,
    Standardize,
)
from .pyramid import cells_of_features, pyramid
from .sizes import check_n_weights, check_pair, check_sizes
from .whitening import (
    FLOOR,
    N_WHITE,
    first_filters,
    normalize_contrast,
    sample_patches,
    whitening,
)

layers = keras.layers
N_DECODER_WEIGHTS = 2**22  # at most


@dataclass(frozen=True)
class WhitenedAutoencoder(Autoencoder):
    """One layer of filters on patches whose contrast is normalised and which are whitened.

    Trained to denoise whitened patches, on a grid that is shifted at random in every step;
    then applied at every pixel and pooled to a coarse grid.
    """

    FIRST = "filters/kernel"  # the weights of the first filters
    floor: float = FLOOR  # added to the variance of a patch
    most_images = 50_000  # patches of more have nothing new

    @classmethod
    def for_images(
        cls, image_shape, views, *, filters, kernel_size, output_size, n_components, **settings
    ):
        """Return the network for images of this shape."""
        size = image_shape[:2]
        filters = check_sizes(filters, "filters", "400, (64, 32, 16) or '64-32-16'")
        if len(filters) > 2:
            raise ValueError(
                f"whiten=True takes one or two numbers of filters, but filters={filters!r}. "
                "Set whiten=False for a deep autoencoder."
            )
        if len(filters) == 2 and is_row(image_shape):
            raise ValueError(
                f"filters={filters!r} is of two layers, but images of shape {image_shape} are "
                "rows of a table, which have one. Set one number."
            )
        kernel_size = check_pair(kernel_size, "kernel_size")
        kernel_size = tuple(min(k, ceil(n / 2)) for k, n in zip(kernel_size, size, strict=True))
        if is_row(image_shape):
            kernel_size = size
        positions = tuple(n - k + 1 for k, n in zip(kernel_size, size, strict=True))
        grid = positions if output_size is None else check_pair(output_size, "output_size")
        grid = tuple(map(min, grid, positions))
        n_inputs = kernel_size[0] * kernel_size[1] * image_shape[-1]
        network = cls(image_shape, filters, kernel_size, grid=grid, **settings)
        n_weights = filters[0] * (n_inputs + 2 * min(n_inputs, N_WHITE))
        if network.second:
            n_weights += network.second.n_weights
        check_n_weights(n_weights, "filters, kernel_size", (filters, kernel_size))
        return network.with_components(n_components, views)

    @property
    def n_pooled(self):
        """The number of features before they are denoised."""
        if is_row(self.image_shape):
            return self.filters[0] + int(np.prod(self.image_shape))
        return len(self.n_cells)

    @property
    def trained(self):
        """See `Autoencoder.trained`; the second layer is learned in closed form too."""
        return replace(super().trained, filters=self.filters[:1])

    @property
    def second(self):
        """The network of the second layer, or None."""
        if len(self.filters) == 1:
            return None
        return KernelNetwork(self.image_shape, self.filters[1], self.floor)

    @property
    def n_channels(self):
        """See `Autoencoder.n_channels`; the map of the second layer is small."""
        first = (N_FIRST,) if self.second else ()
        return max(self.image_shape[-1], self.filters[0], *first)

    @property
    def positions(self):
        """How many rows and columns of places filters see the image from."""
        sizes = zip(self.image_shape[:2], self.kernel_size, strict=True)
        return tuple(n - k + 1 for n, k in sizes)

    @property
    def n_cells(self):
        """See `Autoencoder.n_cells`; cells have statistics besides means and maxima."""
        if is_row(self.image_shape):
            return 1
        own = self.filters[0], self.image_shape[-1] + 1
        cells = [cells_of_features(self.grid, self.positions, *own)]
        if self.second:
            cells.append(cells_of_features(self.grid, self.second.positions, self.filters[1]))
        return np.concatenate(cells)

    # -- the graph ---------------------------------------------------------------

    def network(self, part, noise=0.0):
        """Return a part of the autoencoder as a Keras model; see `Autoencoder.build`."""
        if part == "decoder":
            return self._decoder()
        images = keras.Input(self.image_shape, name="images", dtype="float32")
        standard = Standardize(each=is_row(self.image_shape), name="standardize")(images)
        if part == "maps":
            return functional(images, self.second.first_map(standard), part)
        if part == "trainer":
            return functional(images, self._residual(standard, noise), part)
        pooled = self._pooled(standard)
        if part == "encoder":
            pooled = components(self.n_components, pooled)
        return functional(images, pooled, part)

    def _residual(self, standard, scale):
        """Return what is left of whitened patches, (n, H', W', d), when they are restored."""
        n_inputs = min(N_WHITE, int(np.prod(self.kernel_size)) * self.image_shape[-1])
        windows = map(_window, self.image_shape[:2], self.kernel_size)
        window, strides = zip(*windows, strict=True)
        x = RandomWindow(window, "window")(standard)
        patches = ContrastConv2D(n_inputs, self.kernel_size, strides, self.floor, name="whiten")(x)
        convolution, *_ = trained_layers(isinstance(scale, tf.Variable))
        x = noise(scale)(patches)
        if self.batch_norm:
            x = convolution(self.filters[0], 1, name="encode")(x)
            x = layers.BatchNormalization(
                momentum=BN_MOMENTUM, name="batch_norm1", dtype="float32"
            )(x)
            x = layers.Activation(self.activation, name="activation1", dtype="float32")(x)
        else:
            x = convolution(self.filters[0], 1, activation=self.activation, name="encode")(x)
        x = convolution(n_inputs, 1, name="decode")(x)
        return layers.Subtract(name="residual", dtype="float32")([x, patches])

    def _pooled(self, standard):
        """Return standardised features (n, n_pooled) of standardised images."""
        filters = ContrastConv2D(
            self.filters[0], self.kernel_size, floor=self.floor, name="filters"
        )
        x = layers.Activation(self.activation, name="activation", dtype="float32")(
            filters(standard)
        )
        if is_row(self.image_shape):
            parts = [SignedSqrt(name="root")(x), standard]
        else:
            parts = [*self._parts(x, standard)]
        flat = [layers.Flatten(name=f"flat{i}", **IMAGES)(part) for i, part in enumerate(parts)]
        return Standardize(name="features")(layers.Concatenate(name="cells", dtype="float32")(flat))

    def _parts(self, x, standard):
        """Yield what is pooled of activations, of the image, and of the second layer."""
        for grid, maps in pyramid(x, self.grid):
            yield from maps
            yield CellStatistics(grid, name=f"statistics{grid[0]}x{grid[1]}")(standard)
        if self.second:
            rest = unrelated(2, self.filters[1])
            for _, maps in pyramid(self.second.last_map(standard), self.grid, "_2", rest):
                yield from maps

    def _decoder(self):
        """Return the linear decoder, of a picture of bounded size that is then resized."""
        vector = keras.Input((self.n_features,), name="features", dtype="float32")
        coarse = coarse_shape(self.image_shape, self.n_features)
        x = layers.Dense(
            int(np.prod(coarse)), kernel_initializer="zeros", name="pixels", dtype="float32"
        )(vector)
        x = layers.Reshape(coarse, name="picture", dtype="float32")(x)
        if coarse != self.image_shape:
            x = layers.Resizing(*self.image_shape[:2], name="resize", **IMAGES)(x)
        x = Standardize(inverse=True, each=is_row(self.image_shape), name="restore")(x)
        return functional(vector, x, "decoder")

    # -- learning around the training ----------------------------------------------

    def start(self, model, seed, images):
        """Return the weights that training starts from: whitening and first filters."""
        start = {**initial_weights(model, seed), **self.standardization(images)}
        standardised = images, start["standardize/mean"], start["standardize/scale"]
        rng = np.random.default_rng(seed)
        with stage("whitening"):
            patches = sample_patches(standardised, self.kernel_size, rng)
            kernel, bias = whitening(patches, rng, self.floor)
        with stage("first filters"):
            white = inner(normalize_contrast(patches, self.floor).T, kernel) + bias
            encoder, threshold, decoder = first_filters(white, self.filters[0], rng)
        return {
            **start,
            "whiten/kernel": kernel.reshape(*self.kernel_size, images.shape[-1], -1),
            "whiten/bias": bias,
            "encode/kernel": encoder[None, None],
            "encode/bias": threshold,
            "decode/kernel": decoder[None, None],
            "decode/bias": np.zeros(decoder.shape[1], np.float32),
        }

    def finish(self, weights, images, views, seed, earlier=None):
        """Return these weights with filters, denoising and the decoder.

        Parameters are those of `Autoencoder.last_features`.
        """
        rng = np.random.default_rng(seed)
        weights = {**weights, **self.restoration(weights), **self._filters(weights)}
        some = self.sample(images, rng)
        if self.second:
            weights.update(self._second_weights(weights, images, some, rng, earlier))
        learned, _, features = self.last_features(weights, images, some, views, rng, earlier)
        weights.update(learned)
        with stage("decoder"):
            pictures = _coarse_pictures(
                some,
                weights["standardize/mean"],
                weights["standardize/scale"],
                coarse_shape(self.image_shape, features.shape[1]),
            )
            return {**weights, **self.regression("pixels", features, pictures, earlier)}

    def _second_weights(self, weights, images, some, rng, earlier):
        """Return the weights of the second layer: new ones, or the earlier ones."""
        if earlier:
            paths = [path for path in earlier.weights if path.split("/")[0] in self.second.layers]
            return {path: earlier.weights[path] for path in paths}
        standardised = images, weights["standardize/mean"], weights["standardize/scale"]
        some = some[:: -(-len(some) // N_IMAGES)]
        with stage("second layer"):
            first = self.second.first_weights(standardised, rng)
            maps = outputs(self, "maps", {**weights, **first}, some)
            return {**first, **self.second.second_weights(maps, rng)}

    def _filters(self, weights):
        """Return whitening and encoder as one convolution."""
        whiten, encoder = weights["whiten/kernel"], weights["encode/kernel"][0, 0]
        kernel = inner(whiten.reshape(-1, len(encoder)).T, encoder)
        bias = weights["encode/bias"] + weights["whiten/bias"] @ encoder
        if self.batch_norm:
            names = "gamma", "beta", "moving_mean", "moving_variance"
            gamma, beta, mean, variance = (weights[f"batch_norm1/{name}"] for name in names)
            gain = gamma / np.sqrt(variance + 1e-3)  # the epsilon of Keras's layer
            kernel, bias = kernel * gain, (bias - mean) * gain + beta
        return {"filters/kernel": kernel.reshape(*whiten.shape[:-1], -1), "filters/bias": bias}


def coarse_shape(image_shape, n_features):
    """Return the shape of the picture that is linear in the features, of bounded weights."""
    height, width, channels = image_shape
    zoom = min(1.0, (N_DECODER_WEIGHTS / (n_features * height * width * channels)) ** 0.5)
    return max(1, int(height * zoom)), max(1, int(width * zoom)), channels


def _coarse_pictures(images, mean, scale, shape):
    """Return standardised images made smaller, float32 of shape (n, n_numbers)."""
    pictures = [
        tf.image.resize((np.float32(images[chunk]) - mean) / scale, shape[:2], antialias=True)
        for chunk in chunks(len(images), float_bytes(images))
    ]
    return np.concatenate(pictures).reshape(len(images), -1)


def _window(length, kernel):
    """Return the window and the stride of training along one axis.

    Patches side by side, the grid of them at a random place, show as much in a step as
    all overlapping ones for a fraction of the work. Where few fit, all are taken.
    """
    if length - kernel < 2 * kernel:
        return length, 1
    return (length - kernel + 1) // kernel * kernel, kernel
