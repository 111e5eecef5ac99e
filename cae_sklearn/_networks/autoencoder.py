"""What the autoencoders share: their parts, how these are run, and the last features."""

from dataclasses import dataclass, replace
from functools import partial

import keras
import numpy as np
import tensorflow as tf

from .._arrays.linalg import further_ridge, inner, rescaled, ridge
from .._arrays.progress import counted, stage
from .._arrays.resizing import enlarged, resized
from .._arrays.streaming import (
    channel_statistics,
    chunks,
    deviation,
    float_bytes,
    sample_indices,
)
from .._arrays.tiles import WHOLE
from .._training.pool import check_process, outputs
from .._training.predictor import Predictor, load_weights
from .._training.trainer import Trainer
from .building import IMAGES, functional, variables
from .denoising import denoising_kernel
from .description import Description
from .layers import GridPooling
from .plain import plain, ready

N_COLUMNS = 256  # of a table, at most
N_IMAGES = 3_000  # that scale the features and fit the decoder
FEW_IMAGES = 200  # with which the cells of a grid together weigh as much as the whole image
N_POOLED = 20_000  # features before they are denoised, at most: their covariance takes 3.2 GB
TILE = WHOLE  # images that are encoded together, where they are small
TILE_BYTES = 8 * 2**20  # of the widest array of a tile of images
N_TILES = 8  # that are encoded in one call, at most
N_MICRO_BATCHES = 4  # of a batch while training: so many threads can share it


@dataclass(frozen=True)
class Autoencoder(Description):
    """Description of an autoencoder; a child draws its graph and learns its closed forms.

    Parameters
    ----------
    image_shape : (int, int, int)
        (H, W, C) at which the network looks at images.
    filters : tuple of int
        Filters of each layer.
    kernel_size : (int, int)
        Of the filters.
    activation : str
        Of the encoder.
    batch_norm : bool
        Whether batch normalisation stands before each activation of the encoder.
    grid : (int, int) or None
        Cells over which activations are averaged; None keeps the whole map.
    n_components : int or None
        Features after denoising; None leaves the pooled features as they are.
    full_size : (int, int) or None
        (H, W) of the images as they come, where they are larger.
    """

    image_shape: tuple
    filters: tuple
    kernel_size: tuple
    activation: str
    batch_norm: bool
    grid: tuple | None
    n_components: int | None = None
    full_size: tuple | None = None
    most_images = None  # from which it is learned; None is all

    def with_components(self, n_components, views):
        """Return this description with the components that its pooled features allow."""
        n_pooled = self.n_pooled
        n_components = min(n_pooled, int(n_components or n_pooled))
        if n_components == n_pooled and not views.differ:
            return self
        if n_pooled > N_POOLED:
            raise ValueError(
                f"Images of shape {self.image_shape} give {n_pooled} features, and more than "
                f"{N_POOLED} cannot be denoised or reduced to n_components. Set a smaller "
                "output_size or fewer filters, or shift=0, flip=None and n_components=None."
            )
        return replace(self, n_components=n_components)

    @property
    def trained(self):
        """The description without what is learned in closed form."""
        return replace(self, full_size=None, grid=None, n_components=None)

    @property
    def pooling(self):
        """The description of what gives the pooled features, however many are made of them."""
        return replace(self, full_size=None, n_components=self.n_components and 1)

    @property
    def n_cells(self):
        """Into how many cells the image is divided for each pooled feature, (n_pooled,) or 1."""
        return 1

    @property
    def n_channels(self):
        """Of the widest map that is as large as the image."""
        return max(self.image_shape[-1], *self.filters)

    @property
    def n_features(self):
        """The number of features."""
        return self.n_components or self.n_pooled

    # -- networks --------------------------------------------------------------

    def build(self, part, optimizer=None):
        """Return a part of the autoencoder, from and to the units of the input.

        Parameters
        ----------
        part : {"trainer", "pooled", "encoder", "decoder"}
            A `Trainer` of images, whose output is what reconstruction leaves over; or a
            `Predictor`: images to features before they are denoised, images to features,
            features to images.
        optimizer : keras.optimizers.Optimizer, default=None
            Of the trainer; None is Adam.
        """
        if part == "encoder" and self.n_components:
            pooled = keras.Input((self.n_pooled,), name="pooled", dtype="float32")
            denoise = functional(pooled, components(self.n_components, pooled), "denoise")
            return Predictor(self.network("pooled"), *self.tiles(), denoise)
        if part != "trainer":
            return Predictor(self.network(part), *self.tiles())
        hyper = variables("noise")
        n_parts = 1 if self.batch_norm else N_MICRO_BATCHES
        return Trainer(self.network(part, **hyper), squared_error, hyper, TILE, n_parts, optimizer)

    def keras_model(self, part, weights):
        """Return one part, or the "autoencoder", as a Keras model of Keras's own layers."""
        check_process()
        if part == "autoencoder":
            encoder, decoder = (self.keras_model(name, weights) for name in ("encoder", "decoder"))
            return ready(functional(encoder.input, decoder(encoder.output), part))
        model = plain(self.loaded(part, weights))
        return ready(self._outer(part, model, weights.get("offset")))

    def loaded(self, part, weights):
        """Return one part as a Keras model of this package's layers, with these weights."""
        model = self.network(part)
        load_weights(model, weights)
        return model

    def _outer(self, part, model, offset):
        """Return a part from or to images as they come: large, or far from zero."""
        if self.full_size is None and offset is None:
            return model
        if part == "decoder":
            x = model.output
            if self.full_size:
                x = keras.layers.Resizing(*self.full_size, name="enlarge", **IMAGES)(x)
            if offset is not None:
                x = keras.ops.cast(x, "float64") + offset
            return functional(model.input, x, part)
        shape = *(self.full_size or self.image_shape[:2]), self.image_shape[2]
        dtype = "float32" if offset is None else "float64"
        x = images = keras.Input(shape, name="full", dtype=dtype)
        if offset is not None:
            x = keras.ops.cast(x - offset, "float32")
        if self.full_size:
            x = GridPooling(self.image_shape[:2], "resize").plain(x)
        return functional(images, model(x), part)

    def tiles(self):
        """Return how many images make a tile, and how many tiles one call.

        Calls are of whole tiles for what comes last, where so many images pass at once.

        The arrays of a tile fit the processor's cache. Images too large for a whole tile pass one
        by one: a large product is cut into blocks, and at their edges the bits of an image would
        depend on its place in the tile.
        """
        height, width, _ = self.image_shape
        widest = height * width * self.n_channels * 4
        tile = TILE if TILE * widest <= TILE_BYTES else 1
        n_images = np.clip(N_TILES * TILE_BYTES // widest, tile, N_TILES * TILE)
        if n_images > TILE:
            n_images -= n_images % TILE
        return tile, int(n_images // tile)

    # -- use ---------------------------------------------------------------------

    def encode(self, weights, images):
        """Return the features of images as they come."""
        images = resized(images, self.image_shape[:2])
        if self.n_components:
            return outputs(self, "encoder", weights, images)
        return outputs(self.pooling, "pooled", weights, images)

    def decode(self, weights, features):
        """Return the images that features stand for."""
        pictures = outputs(self, "decoder", weights, features)
        return enlarged(pictures, self.full_size) if self.full_size else pictures

    def reconstruction_errors(self, weights, images):
        """Return the mean squared error of each reconstruction, in squared units of the input."""
        errors = np.empty(len(images))
        for chunk in chunks(len(images), float_bytes(images)):
            restored = self.decode(weights, self.encode(weights, images[chunk]))
            residual = np.subtract(restored, images[chunk], dtype=np.float64)
            errors[chunk] = np.square(residual).mean(axis=(1, 2, 3))
        return errors

    # -- learning around the training ----------------------------------------------

    def standardization(self, images):
        """Return mean and deviation of each channel, or of each column of a table."""
        with stage("normalisation"):
            mean, scale = map(np.float32, channel_statistics(images, is_row(self.image_shape)))
        return {"standardize/mean": mean, "standardize/scale": scale}

    def restoration(self, weights):
        """Return what undoes the standardisation."""
        mean, scale = weights["standardize/mean"], weights["standardize/scale"]
        return {"restore/mean": mean, "restore/scale": scale}

    def sample(self, images, rng):
        """Return the images that scale the features and fit the decoder."""
        n_images = min(N_IMAGES, max(300, 2**22 // int(np.prod(images.shape[1:]))))  # 16 MiB
        return images[sample_indices(len(images), n_images, rng)]

    def last_features(self, weights, images, some, views, rng, earlier=None):
        """Learn the scale of the pooled features, and how they are denoised.

        Parameters
        ----------
        weights : dict of str to ndarray
            All that the pooled features need.
        images, some : ndarrays of shape (n, H, W, C)
            All images, and the sample on which features are scaled.
        views : Views
            What denoising removes.
        rng : numpy.random.Generator
            Draws images and views.
        earlier : Earlier or None
            Whose denoising is kept, and whose scales are carried on; None learns both.

        Returns
        -------
        learned : dict of str to ndarray
            Weights to add.
        pooled, features : ndarrays of shape (m, n_pooled) and (m, n_features)
            Of the sample: the first as they were before they were scaled.
        """
        learned = {
            "features/mean": np.zeros(self.n_pooled, np.float32),
            "features/scale": np.ones(self.n_pooled, np.float32),
        }
        pool = partial(outputs, self.pooling, "pooled")
        with stage("statistics"):
            parts = list(chunks(len(some), 16 * self.n_pooled))
            pooled = [pool({**weights, **learned}, some[part]) for part in counted(parts)]
            pooled = np.concatenate(pooled)
        learned.update(self._scales(pooled, len(images), earlier))
        features = (pooled - learned["features/mean"]) / learned["features/scale"]
        if self.n_components:
            if earlier is None:
                pool = partial(pool, {**weights, **learned})
                kernel = denoising_kernel(
                    images, pool, features, views, rng, n_components=self.n_components
                )
                kernel = rescaled(kernel, features)
            else:
                kernel = earlier.weights["denoise/kernel"]
                square = np.square(inner(features.T, kernel), dtype=np.float64).mean(axis=0)
                kernel = kernel / np.float32(np.sqrt(earlier.mixed(1.0, square, len(some))))
            learned["denoise/kernel"] = kernel
            features = inner(features.T, kernel)
        return learned, pooled, features

    def _scales(self, pooled, n_images, earlier):
        """Return mean and scale of pooled features, and the weights of their cells."""
        if earlier is None:
            share = cell_weights(self.n_cells, n_images)
            scale = deviation(pooled) / share
            return {
                "features/mean": pooled.mean(axis=0),
                "features/scale": scale,
                "features/share": share,
            }
        names = "features/mean", "features/scale", "features/share"
        old_mean, scale, share = (np.float64(earlier.weights[name]) for name in names)
        mean = earlier.mixed(old_mean, pooled.mean(axis=0, dtype=np.float64), len(pooled))
        before = np.square(scale * share) + np.square(old_mean - mean)
        now = np.square(pooled - mean).mean(axis=0)
        std = np.sqrt(earlier.mixed(before, now, len(pooled)))
        scale = np.maximum(std, 1e-3 * std.mean() + 1e-6) / share
        return dict(zip(names, map(np.float32, (mean, scale, share)), strict=True))

    def regression(self, name, features, targets, earlier):
        """Return kernel and bias of the layer ``name``, which restores targets from features."""
        names = f"{name}/kernel", f"{name}/bias"
        if earlier is None:
            learned = ridge(features, targets)
        else:
            before = (earlier.weights[name] for name in names)
            learned = further_ridge(*before, earlier.weight, features, targets)
        return dict(zip(names, learned, strict=True))


def cell_weights(n_cells, n_images):
    """Return the weights of features of one of so many cells; those of the whole image have 1.

    Few images tell little about each place. The exponent falls from 1, where all the cells of a
    grid weigh less than the whole image, to 0, where each feature counts alike.
    """
    return np.float32(n_cells) ** np.float32(-1.0 / (1.0 + n_images / FEW_IMAGES))


def is_row(image_shape):
    """Tell whether images may be the rows of a table, whose columns have scales of their own."""
    return min(image_shape[:2]) == 1 and int(np.prod(image_shape)) <= N_COLUMNS


def squared_error(_, residual):
    """Return the mean square of what is left over of each sample, shape (batch,)."""
    return tf.reduce_mean(tf.square(residual), axis=(1, 2, 3))


def components(n_components, pooled):
    """Return the layer that makes features of pooled ones, applied to them."""
    if not n_components:
        return pooled
    return keras.layers.Dense(
        n_components,
        use_bias=False,
        kernel_initializer="zeros",
        name="denoise",
        dtype="float32",
    )(pooled)
