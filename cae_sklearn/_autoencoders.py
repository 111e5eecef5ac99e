"""The two convolutional autoencoders: numbers in, Keras models out.

`deep`
    Convolution, activation and max pooling, once for each number of filters; a mirrored
    decoder. Trained end to end on whole images.
`whitened`
    One layer of filters on patches whose contrast is normalised and which are whitened
    by a fixed convolution. Trained to denoise whitened patches, on a grid that is shifted
    at random in every step; then applied at every pixel and pooled to a coarse grid.

Both give a `Networks` of four models that share no state with others.
"""

from functools import partial
from math import ceil
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from ._convolution import Conv2D, MaxPooling2D, UpConv2D
from ._denoising import last_layer, rescaled
from ._images import channel_statistics, chunks, float_bytes
from ._networks import BN_MOMENTUM, functional, initial_weights, variables
from ._training import LoopModel
from ._whitening import (
    FLOOR,
    N_IMAGES,
    deviation,
    first_filters,
    inner,
    normalize_contrast,
    ridge,
    sample_patches,
    sample_rows,
    whitening,
)

layers = keras.layers


IMAGES = {"dtype": "float32", "data_format": "channels_last"}  # whatever the user's defaults are
LEAST_VARIANCE = 0.01  # added to that of a cell, in standardised units
N_COLUMNS = 256  # of a table, at most
N_DECODER_WEIGHTS = 2**22  # at most, of the whitened decoder
PIECE_BYTES = 8 * 2**20  # of the widest array of a piece that is encoded
N_SIDE_BY_SIDE = 8  # pieces that are encoded in one call, at most
N_SHARES = 4  # of a batch while training: so many threads can share it


class Networks(NamedTuple):
    """An autoencoder in parts, all from and to the units of the input."""

    trainer: keras.Model  # images to what reconstruction leaves over, standardised
    pooled: keras.Model  # images (n, H, W, C) to features before they are denoised
    encoder: keras.Model  # images (n, H, W, C) to features (n, n_features)
    decoder: keras.Model  # features to images


# -- layers --------------------------------------------------------------------


class _Layer(layers.Layer):
    def __init__(self, name, dtype=None, **kwargs):
        # a saved layer brings its dtype; all are float32
        super().__init__(name=name, dtype="float32", **kwargs)

    def add_array(self, name, shape):
        return self.add_weight(shape=shape, initializer="zeros", trainable=False, name=name)


@keras.saving.register_keras_serializable("cae_sklearn")
class Standardize(_Layer):
    """``(x - mean) / scale`` of each channel, or of each number, or its inverse."""

    def __init__(self, inverse=False, each=False, name=None, **kwargs):
        super().__init__(name, **kwargs)
        self.inverse, self.each = inverse, each

    def build(self, shape):
        shape = shape[1:] if self.each else shape[-1:]
        self.mean = self.add_array("mean", shape)
        self.scale = self.add_array("scale", shape)

    def call(self, x):
        # along whole images: to repeat so few numbers for each pixel would take much longer
        shape, n_repeats = x.shape[1:], 1 if self.each else int(np.prod(x.shape[1:-1]))
        mean, scale = (
            tf.reshape(tf.tile(tf.reshape(array, [-1]), [n_repeats]), shape)
            for array in (self.mean, self.scale)
        )
        if self.inverse:
            return x * scale + mean
        return (x - mean) / scale

    def get_config(self):
        return {**super().get_config(), "inverse": self.inverse, "each": self.each}


@keras.saving.register_keras_serializable("cae_sklearn")
class ContrastConv2D(_Layer):
    """Convolution of patches of normalised contrast, without padding.

    ``conv(x, kernel) / sqrt(variance of the patch + floor) + bias``. The kernel must sum
    to zero over each patch, which takes the mean of the patch away.
    """

    def __init__(self, filters, kernel_size, strides=(1, 1), floor=FLOOR, name=None, **kwargs):
        super().__init__(name, **kwargs)
        self.filters, self.kernel_size = filters, tuple(kernel_size)
        self.strides, self.floor = tuple(strides), floor

    def build(self, shape):
        self.kernel = self.add_array("kernel", (*self.kernel_size, shape[-1], self.filters))
        self.bias = self.add_array("bias", (self.filters,))

    def call(self, x):
        responses = tf.nn.conv2d(x, tf.convert_to_tensor(self.kernel), self.strides, "VALID")
        moments = tf.stack([tf.reduce_mean(x, -1), tf.reduce_mean(tf.square(x), -1)], axis=-1)
        mean, square = tf.unstack(
            tf.nn.avg_pool2d(moments, self.kernel_size, self.strides, "VALID"), axis=-1
        )
        variance = tf.maximum(square - tf.square(mean), 0.0) + self.floor
        return responses * tf.math.rsqrt(variance)[..., None] + self.bias

    def compute_output_shape(self, shape):
        size = [
            None if n is None else (n - k) // s + 1
            for n, k, s in zip(shape[1:3], self.kernel_size, self.strides, strict=True)
        ]
        return (shape[0], *size, self.filters)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "floor": self.floor,
        }


@keras.saving.register_keras_serializable("cae_sklearn")
class GridPooling(_Layer):
    """Average over the cells of a grid; a cell may begin and end within a pixel."""

    def __init__(self, grid, name=None, **kwargs):
        super().__init__(name, **kwargs)
        self.grid = tuple(grid)

    def call(self, x):
        _, height, width, channels = x.shape
        cells = np.kron(_cells(height, self.grid[0]), _cells(width, self.grid[1]))
        pooled = tf.matmul(
            tf.constant(cells, tf.float32), tf.reshape(x, (-1, height * width, channels))
        )
        return tf.reshape(pooled, (-1, *self.grid, channels))

    def compute_output_shape(self, shape):
        return (shape[0], *self.grid, shape[-1])

    def get_config(self):
        return {**super().get_config(), "grid": self.grid}


@keras.saving.register_keras_serializable("cae_sklearn")
class SignedSqrt(_Layer):
    """The root of the size of each number, with its sign; of finite slope at zero.

    Evens out mean activations, most of them small and a few large (Perronnin, Sánchez &
    Mensink, 2010, doi:10.1007/978-3-642-15561-1_11).
    """

    def call(self, x):
        return x * tf.math.rsqrt(tf.abs(x) + 1e-6)


@keras.saving.register_keras_serializable("cae_sklearn")
class CellStatistics(GridPooling):
    """Mean of each channel, and log contrast of the grey image, in the cells of a grid."""

    def call(self, x):
        grey = tf.reduce_mean(x, axis=-1, keepdims=True)
        pooled = super().call(tf.concat([x, grey, tf.square(grey)], axis=-1))
        means, grey, square = pooled[..., :-2], pooled[..., -2:-1], pooled[..., -1:]
        variance = tf.maximum(square - tf.square(grey), 0.0)
        return tf.concat([means, 0.5 * tf.math.log(variance + LEAST_VARIANCE)], axis=-1)

    def compute_output_shape(self, shape):
        return (shape[0], *self.grid, shape[-1] + 1)


def _cells(length, n_cells):
    """Return the (n_cells, length) matrix that averages over equal intervals."""
    edges = np.linspace(0.0, length, n_cells + 1)
    pixel = np.arange(length)
    overlap = np.minimum(edges[1:, None], pixel + 1) - np.maximum(edges[:-1, None], pixel)
    overlap = np.maximum(overlap, 0.0)
    return overlap / overlap.sum(axis=1, keepdims=True)


class _RandomWindow(_Layer):
    """Cut a window of the images: at a random place while training, at the top left else."""

    def __init__(self, size, name):
        super().__init__(name)
        self.size = tuple(size)
        self.seed_generator = keras.random.SeedGenerator(0)

    def call(self, x, training=False):
        height, width = self.size
        if not training:
            return x[:, :height, :width]
        seed = tf.cast(self.seed_generator.next(), tf.int64)
        places = np.float32([x.shape[1] - height + 1, x.shape[2] - width + 1])
        top, left = tf.unstack(tf.cast(tf.random.stateless_uniform((2,), seed) * places, tf.int32))
        x = x[:, top : top + height, left : left + width]
        return tf.ensure_shape(x, (None, height, width, None))

    def compute_output_shape(self, shape):
        return (shape[0], *self.size, shape[-1])


class _Noise(_Layer):
    """Gaussian noise of a variable standard deviation while training."""

    def __init__(self, scale, name):
        super().__init__(name)
        self._scale = scale
        self.seed_generator = keras.random.SeedGenerator(0)

    def call(self, x, training=False):
        if not training:
            return x
        seed = tf.cast(self.seed_generator.next(), tf.int64)
        scale = tf.convert_to_tensor(self._scale)
        return tf.cond(
            scale > 0.0,
            lambda: x + scale * tf.random.stateless_normal(tf.shape(x), seed),
            lambda: x,
        )


def _noise(scale):
    if isinstance(scale, tf.Variable):
        return _Noise(scale, "noise")
    return layers.GaussianNoise(scale, seed=0, name="noise", dtype="float32")


def _image_layers(noise):
    """Return convolution, pooling, and the convolution that doubles the size, to train with.

    Networks that are handed out have Keras's own, which has no last one: None.
    """
    settings = {"padding": "same", **IMAGES}
    kernels = {"kernel_initializer": "zeros", **settings}
    if isinstance(noise, tf.Variable):
        doubling = partial(UpConv2D, **kernels)
        return partial(Conv2D, **kernels), partial(MaxPooling2D, 2, **settings), doubling
    return partial(layers.Conv2D, **kernels), partial(layers.MaxPooling2D, 2, **settings), None


# -- networks ------------------------------------------------------------------


def deep(*, image_shape, filters, kernel_size, activation, batch_norm, grid, noise=0.0):
    """Return the deep autoencoder; ``grid`` pools the code for the features, or is None."""
    images = keras.Input(image_shape, name="images", dtype="float32")
    standard = Standardize(each=is_row(image_shape), name="standardize")(images)
    x = _noise(noise)(standard)
    convolution, pooling, doubling = _image_layers(noise)
    sizes = [image_shape[:2]]
    for i, n_filters in enumerate(filters, start=1):
        x = convolution(n_filters, kernel_size, name=f"encode{i}")(x)
        if batch_norm:
            x = layers.BatchNormalization(
                momentum=BN_MOMENTUM, name=f"batch_norm{i}", dtype="float32"
            )(x)
        x = layers.Activation(activation, name=f"activation{i}", dtype="float32")(x)
        x = pooling(name=f"pool{i}")(x)
        sizes.append((ceil(sizes[-1][0] / 2), ceil(sizes[-1][1] / 2)))
    code = x
    features = layers.Flatten(name="features", **IMAGES)(
        code if grid is None else GridPooling(grid, name="grid")(code)
    )
    code_shape = (*sizes[-1], filters[-1])
    mirrored = (*filters[-2::-1], image_shape[-1])
    mirror = _mirror(convolution, doubling, code_shape, sizes, mirrored, kernel_size, activation)
    residual = layers.Subtract(name="residual", dtype="float32")([mirror(code), standard])
    if grid is None:
        vector = keras.Input((int(np.prod(code_shape)),), name="features", dtype="float32")
        x = layers.Reshape(code_shape, name="code", dtype="float32")(vector)
    else:
        vector = keras.Input((int(np.prod(grid)) * filters[-1],), name="features", dtype="float32")
        x = layers.Reshape((*grid, filters[-1]), name="cells", dtype="float32")(vector)
        x = layers.Resizing(*sizes[-1], name="code", **IMAGES)(x)
    restored = Standardize(inverse=True, each=is_row(image_shape), name="restore")(mirror(x))
    return Networks(
        functional(images, residual, "trainer"),
        functional(images, features, "pooled"),
        functional(images, features, "encoder"),
        functional(vector, restored, "decoder"),
    )


def _mirror(convolution, doubling, code_shape, sizes, filters, kernel_size, activation):
    """Return the decoder from a code to a standardised image."""
    x = code = keras.Input(code_shape, name="code", dtype="float32")
    for i, (n_filters, size) in enumerate(zip(filters, sizes[-2::-1], strict=True), start=1):
        decode = {
            "filters": n_filters,
            "kernel_size": kernel_size,
            "activation": activation if i < len(filters) else None,
            "name": f"decode{i}",
        }
        excess = 2 * x.shape[1] - size[0], 2 * x.shape[2] - size[1]
        if doubling and not any(excess):
            x = doubling(**decode)(x)
        else:
            x = layers.UpSampling2D(2, name=f"upsample{i}", **IMAGES)(x)
            if any(excess):
                x = layers.Cropping2D(((0, excess[0]), (0, excess[1])), name=f"crop{i}", **IMAGES)(
                    x
                )
            x = convolution(**decode)(x)
    return functional(code, x, "mirror")


def whitened(*, image_shape, filters, kernel_size, activation, grid, n_components, noise=0.0):
    """Return the autoencoder of whitened patches.

    ``filters`` is one number, ``kernel_size`` and ``grid`` are pairs. A linear layer makes
    ``n_components`` features of the pooled ones; None is for no such layer.
    """
    height, width, channels = image_shape
    n_inputs = kernel_size[0] * kernel_size[1] * channels
    images = keras.Input(image_shape, name="images", dtype="float32")
    standard = Standardize(each=is_row(image_shape), name="standardize")(images)

    window, strides = zip(*map(_window, (height, width), kernel_size), strict=True)
    x = _RandomWindow(window, "window")(standard)
    patches = ContrastConv2D(n_inputs, kernel_size, strides, name="whiten")(x)
    x = _noise(noise)(patches)
    convolution, *_ = _image_layers(noise)
    x = convolution(filters, 1, activation=activation, name="encode")(x)
    x = convolution(n_inputs, 1, name="decode")(x)
    residual = layers.Subtract(name="residual", dtype="float32")([x, patches])

    x = ContrastConv2D(filters, kernel_size, name="filters")(standard)
    x = layers.Activation(activation, name="activation", dtype="float32")(x)
    x = SignedSqrt(name="root")(GridPooling(grid, name="grid")(x))
    if is_row(image_shape):
        x = layers.Flatten(name="activations", **IMAGES)(x)
        statistics = layers.Flatten(name="columns", **IMAGES)(standard)
    else:
        statistics = CellStatistics(grid, name="statistics")(standard)
    cells = layers.Concatenate(name="cells", dtype="float32")([x, statistics])
    pooled = Standardize(name="features")(layers.Flatten(name="flatten", **IMAGES)(cells))
    features = pooled
    if n_components:
        features = layers.Dense(
            n_components,
            use_bias=False,
            kernel_initializer="zeros",
            name="denoise",
            dtype="float32",
        )(pooled)

    vector = keras.Input((features.shape[-1],), name="features", dtype="float32")
    coarse = coarse_shape(image_shape, features.shape[-1])
    x = layers.Dense(
        int(np.prod(coarse)), kernel_initializer="zeros", name="pixels", dtype="float32"
    )(vector)
    x = layers.Reshape(coarse, name="picture", dtype="float32")(x)
    if coarse != image_shape:
        x = layers.Resizing(height, width, name="resize", **IMAGES)(x)
    restored = Standardize(inverse=True, each=is_row(image_shape), name="restore")(x)
    return Networks(
        functional(images, residual, "trainer"),
        functional(images, pooled, "pooled"),
        functional(images, features, "encoder"),
        functional(vector, restored, "decoder"),
    )


def is_row(image_shape):
    """Tell whether images may be the rows of a table, whose columns have scales of their own."""
    return min(image_shape[:2]) == 1 and int(np.prod(image_shape)) <= N_COLUMNS


def n_pooled_features(image_shape, filters, grid):
    """Return how many features the whitened autoencoder has before they are denoised."""
    n_cells, channels = int(np.prod(grid)), image_shape[-1]
    if is_row(image_shape):
        return n_cells * filters + int(np.prod(image_shape))
    return n_cells * (filters + channels + 1)


def coarse_shape(image_shape, n_features):
    """Return the shape of the picture that is linear in the features, of bounded weights."""
    height, width, channels = image_shape
    zoom = min(1.0, (N_DECODER_WEIGHTS / (n_features * height * width * channels)) ** 0.5)
    return max(1, int(height * zoom)), max(1, int(width * zoom)), channels


def _window(length, kernel):
    """Return the window and the stride of training along one axis.

    Patches side by side, the grid of them at a random place, show as much in a step as
    all overlapping ones for a fraction of the work. Where few fit, all are taken.
    """
    if length - kernel < 2 * kernel:
        return length, 1
    return (length - kernel + 1) // kernel * kernel, kernel


# -- what the training loop runs ---------------------------------------------------


NETWORKS = {"deep": deep, "whitened": whitened}


def squared_error(_, residual):
    """Return the mean square of what is left over of each sample, shape (batch,)."""
    return tf.reduce_mean(tf.square(residual), axis=(1, 2, 3))


def pieces(image_shape, filters):
    """Return how many images make a piece, and how many pieces one call.

    The widest array of a piece fits the processor's cache; images too large for that pass one
    by one.
    """
    height, width, channels = image_shape
    widest = height * width * max(channels, *np.atleast_1d(filters)) * 4
    rows = int(np.clip(PIECE_BYTES // widest, 1, 32))
    return rows, int(np.clip(N_SIDE_BY_SIDE * PIECE_BYTES // (rows * widest), 1, N_SIDE_BY_SIDE))


def loop(*, network, part="trainer", optimizer=None, **architecture):
    """Return one part of the autoencoder called ``network`` as a `LoopModel`."""
    hyper = variables("noise") if part == "trainer" else {"noise": 0.0}
    model = getattr(NETWORKS[network](**architecture, **hyper), part)
    sizes = pieces(architecture["image_shape"], architecture["filters"])
    hyper = hyper if part == "trainer" else {}
    shares = N_SHARES if part == "trainer" and not architecture.get("batch_norm") else 1
    return LoopModel(model, squared_error, hyper, *sizes, shares, optimizer)


# -- learning around the training ---------------------------------------------------


def first_weights(model, seed, images, *, network, **architecture):
    """Return the weights that training starts from, a dict of arrays by path."""
    mean, scale = _standardization(images)
    start = {"standardize/mean": mean, "standardize/scale": scale}
    if network == "deep":
        return {**initial_weights(model, seed), **start}
    rng = np.random.default_rng(seed)
    kernel_size, filters = architecture["kernel_size"], architecture["filters"]
    patches = sample_patches((images, mean, scale), kernel_size, rng)
    kernel, bias = whitening(patches)
    white = inner(normalize_contrast(patches).T, kernel) + bias
    encoder, threshold, decoder = first_filters(white, filters, rng)
    return {
        **start,
        "whiten/kernel": kernel.reshape(*kernel_size, images.shape[-1], -1),
        "whiten/bias": bias,
        "encode/kernel": encoder[None, None],
        "encode/bias": threshold,
        "decode/kernel": decoder[None, None],
        "decode/bias": np.zeros(decoder.shape[1], np.float32),
    }


def _standardization(images):
    """Return mean and standard deviation of each channel, or of each column of a table."""
    shape = images.shape[1:]
    if is_row(shape):
        mean, scale = channel_statistics(images.reshape(len(images), 1, 1, -1))
        return np.float32(mean.reshape(shape)), np.float32(scale.reshape(shape))
    return tuple(map(np.float32, channel_statistics(images)))


def last_weights(learned, images, pool, seed, *, kernel, denoising, network, **architecture):
    """Return ``learned`` with what encoder and decoder need beside what was trained.

    Parameters
    ----------
    learned : dict of str to ndarray
        The weights of the trainer.
    images : ndarray of shape (n, H, W, C)
        What the features are scaled on, and the whitened decoder is fitted to.
    pool : callable
        ``pool(images, weights)`` gives features before they are denoised.
    seed : SeedSequence
        Of the images and views that are drawn.
    kernel : ndarray or None
        The last layer that is kept, only scaled anew; None learns it.
    denoising : dict
        Parameters of `last_layer`.
    """
    mean, scale = learned["standardize/mean"], learned["standardize/scale"]
    weights = {**learned, "restore/mean": mean, "restore/scale": scale}
    if network == "deep":
        return weights
    whiten, encoder = learned["whiten/kernel"], learned["encode/kernel"][0, 0]
    filters = inner(whiten.reshape(-1, len(encoder)).T, encoder)
    weights["filters/kernel"] = filters.reshape(*whiten.shape[:-1], -1)
    weights["filters/bias"] = learned["encode/bias"] + learned["whiten/bias"] @ encoder

    n_pooled = n_pooled_features(images.shape[1:], architecture["filters"], architecture["grid"])
    n_images = min(N_IMAGES, max(300, 2**22 // int(np.prod(images.shape[1:]))))  # 16 MiB
    rng = np.random.default_rng(seed)
    some = images[sample_rows(len(images), n_images, rng)]
    weights["features/mean"] = np.zeros(n_pooled, np.float32)
    weights["features/scale"] = np.ones(n_pooled, np.float32)
    features = pool(some, weights)
    weights["features/mean"] = features.mean(axis=0)
    weights["features/scale"] = deviation(features)
    features = (features - weights["features/mean"]) / weights["features/scale"]
    if n_components := architecture["n_components"]:
        if kernel is None:
            pooled = partial(pool, weights=weights)
            kernel = last_layer(
                images, pooled, features, rng, n_components=n_components, **denoising
            )
        weights["denoise/kernel"] = rescaled(kernel, features)
        features = inner(features.T, weights["denoise/kernel"])

    coarse = coarse_shape(images.shape[1:], features.shape[1])
    pictures = np.concatenate(
        [
            tf.image.resize(
                (np.float32(some[rows]) - mean) / scale, coarse[:2], antialias=True
            ).numpy()
            for rows in chunks(len(some), float_bytes(some))
        ]
    )
    weights["pixels/kernel"], weights["pixels/bias"] = ridge(
        features, pictures.reshape(len(some), -1)
    )
    return weights
