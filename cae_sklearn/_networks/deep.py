"""The deep autoencoder: convolution, activation and max pooling, and a mirrored decoder."""

from dataclasses import dataclass, replace
from itertools import pairwise
from math import ceil

import keras
import numpy as np
import tensorflow as tf

from .._arrays.progress import stage
from .autoencoder import Autoencoder, components, is_row
from .building import BN_MOMENTUM, IMAGES, functional, initial_weights
from .convolution import trained_layers
from .corruption import noise as noise_layer
from .layers import GridPooling, Standardize
from .sizes import check_n_weights, check_pair, check_sizes

layers = keras.layers


@dataclass(frozen=True)
class DeepAutoencoder(Autoencoder):
    """Convolution, activation and 2x2 max pooling for each number of filters.

    The decoder mirrors the encoder. Both are trained end to end on whole images.
    """

    FIRST = "encode1/kernel"  # the weights of the first filters

    @classmethod
    def for_images(
        cls, image_shape, views, *, filters, kernel_size, output_size, n_components, **settings
    ):
        """Return the network for images of this shape."""
        filters = check_sizes(filters, "filters", "400, (64, 32, 16) or '64-32-16'")
        kernel_size = check_pair(kernel_size, "kernel_size")
        grid = None if output_size is None else check_pair(output_size, "output_size")
        channels, area = (image_shape[-1], *filters), kernel_size[0] * kernel_size[1]
        check_n_weights(
            2 * area * sum(a * b for a, b in pairwise(channels)),
            "filters, kernel_size",
            (filters, kernel_size),
        )
        network = cls(image_shape, filters, kernel_size, grid=grid, **settings)
        if grid:
            network = replace(network, grid=tuple(map(min, grid, network.sizes[-1])))
        return network.with_components(n_components, views)

    @property
    def sizes(self):
        """Height and width before and after each layer of the encoder."""
        factors = [2**i for i in range(len(self.filters) + 1)]
        return [tuple(ceil(n / factor) for n in self.image_shape[:2]) for factor in factors]

    @property
    def code_shape(self):
        """(H, W, C) of the last layer of the encoder."""
        return (*self.sizes[-1], self.filters[-1])

    @property
    def n_pooled(self):
        """The number of features before they are denoised."""
        return int(np.prod(self.grid or self.sizes[-1])) * self.filters[-1]

    # -- the graph ---------------------------------------------------------------

    def network(self, part, noise=0.0):
        """Return a part of the autoencoder as a Keras model; see `Autoencoder.build`."""
        if part == "decoder":
            return self._decoder()
        images = keras.Input(self.image_shape, name="images", dtype="float32")
        standard = Standardize(each=is_row(self.image_shape), name="standardize")(images)
        trains = isinstance(noise, tf.Variable)
        code = self._code(noise_layer(noise)(standard), trains)
        if part == "trainer":
            restored = self._mirror(trains)(code)
            residual = layers.Subtract(name="residual", dtype="float32")([restored, standard])
            return functional(images, residual, part)
        pooled = self._pooled(code)
        if part == "encoder":
            pooled = components(self.n_components, pooled)
        return functional(images, pooled, part)

    def _pooled(self, code):
        """Return the features (n, n_pooled) of codes, standardised if they are to be denoised."""
        cells = code if self.grid is None else GridPooling(self.grid, name="grid")(code)
        x = layers.Flatten(name="flatten", **IMAGES)(cells)
        return Standardize(name="features")(x) if self.n_components else x

    def _decoder(self):
        """Return the model from features to images."""
        vector = keras.Input((self.n_features,), name="features", dtype="float32")
        x = self._mirror(trains=False)(self._restored_code(vector))
        x = Standardize(inverse=True, each=is_row(self.image_shape), name="restore")(x)
        return functional(vector, x, "decoder")

    def _code(self, x, trains):
        """Return the code (n, *code_shape) of standardised images."""
        convolution, pooling, _ = trained_layers(trains)
        for i, n_filters in enumerate(self.filters, start=1):
            x = convolution(n_filters, self.kernel_size, name=f"encode{i}")(x)
            if self.batch_norm:
                x = layers.BatchNormalization(
                    momentum=BN_MOMENTUM, name=f"batch_norm{i}", dtype="float32"
                )(x)
            x = layers.Activation(self.activation, name=f"activation{i}", dtype="float32")(x)
            x = pooling(name=f"pool{i}")(x)
        return x

    def _restored_code(self, vector):
        """Return the code that features (n, n_features) stand for."""
        cells = (*(self.grid or self.sizes[-1]), self.filters[-1])
        if self.n_components:
            vector = layers.Dense(
                self.n_pooled, kernel_initializer="zeros", name="pooled", dtype="float32"
            )(vector)
        x = layers.Reshape(cells, name="cells" if self.grid else "code", dtype="float32")(vector)
        if self.grid:
            x = layers.Resizing(*self.sizes[-1], name="code", **IMAGES)(x)
        return x

    def _mirror(self, trains):
        """Return the decoder from a code to a standardised image."""
        convolution, _, doubling = trained_layers(trains)
        x = code = keras.Input(self.code_shape, name="code", dtype="float32")
        filters = (*self.filters[-2::-1], self.image_shape[-1])
        sizes = zip(filters, pairwise(self.sizes[::-1]), strict=True)
        for i, (n_filters, (small, large)) in enumerate(sizes, start=1):
            decode = {
                "filters": n_filters,
                "kernel_size": self.kernel_size,
                "activation": self.activation if i < len(filters) else None,
                "name": f"decode{i}",
            }
            down, right = (2 * a - b for a, b in zip(small, large, strict=True))
            if doubling and not (down or right):
                x = doubling(**decode)(x)
                continue
            x = layers.UpSampling2D(2, name=f"upsample{i}", **IMAGES)(x)
            if down or right:
                x = layers.Cropping2D(((0, down), (0, right)), name=f"crop{i}", **IMAGES)(x)
            x = convolution(**decode)(x)
        return functional(code, x, "mirror")

    # -- learning around the training ----------------------------------------------

    def start(self, model, seed, images):
        """Return the weights that training starts from."""
        return {**initial_weights(model, seed), **self.standardization(images)}

    def finish(self, weights, images, views, seed, earlier=None):
        """Return these weights with the denoising, and with what its decoder begins with.

        Parameters are those of `Autoencoder.last_features`.
        """
        weights = {**weights, **self.restoration(weights)}
        if self.n_components:
            rng = np.random.default_rng(seed)
            some = self.sample(images, rng)
            learned, pooled, features = self.last_features(
                weights, images, some, views, rng, earlier
            )
            weights.update(learned)
            with stage("decoder"):
                weights.update(self.regression("pooled", features, pooled, earlier))
        return weights
