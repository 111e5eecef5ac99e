"""Layers of Keras as ONNX operations.

Images, (n, H, W, C) in Keras, are (n, C, H, W) here; all else has the shape that Keras gives it.
"""

from math import sqrt

import numpy as np

from .._networks import kernel_network
from .._networks.layers import LEAST_SQUARE, LEAST_VARIANCE

SELU = {"alpha": 1.6732632423543772, "gamma": 1.0507009873554805}
LEAKY_SLOPE = 0.2  # of Keras's activation of this name


def converted(graph, model, x):
    """Add a Keras model to a graph, and return the names of the outputs of its layers.

    Parameters
    ----------
    graph : Graph
        What the nodes are added to.
    model : keras.Model
        A functional model; each of its layers is called once.
    x : str
        Name of its input: float32 numbers, (n, C, H, W) if they are images.

    Returns
    -------
    dict of str to str
        For each layer.
    """
    names, outputs = {}, {}
    for layer in model.layers:
        kind = type(layer).__name__
        if kind == "InputLayer":
            y = x
        elif kind in CONVERTERS:
            given = layer.input if isinstance(layer.input, list) else [layer.input]
            y = CONVERTERS[kind](graph, layer, *(names[id(tensor)] for tensor in given))
        else:
            raise NotImplementedError(f"There is no ONNX for layers of the kind {kind}.")
        names[id(layer.output)] = outputs[layer.name] = y
    return outputs


def activation(graph, x, name):
    """Add an activation function of Keras."""
    known = {
        "linear": lambda: x,
        "relu": lambda: graph("Relu", x),
        "tanh": lambda: graph("Tanh", x),
        "sigmoid": lambda: graph("Sigmoid", x),
        "softmax": lambda: graph("Softmax", x, axis=-1),
        "elu": lambda: graph("Elu", x),
        "selu": lambda: graph("Selu", x, **SELU),
        "leaky_relu": lambda: graph("LeakyRelu", x, alpha=LEAKY_SLOPE),
        "silu": lambda: graph("Mul", x, graph("Sigmoid", x)),
        "gelu": lambda: _gelu(graph, x),
    }
    return known[name]()


def _gelu(graph, x):
    share = graph("Add", graph("Erf", graph("Mul", x, np.float32(sqrt(0.5)))), np.float32(1.0))
    return graph("Mul", graph("Mul", x, np.float32(0.5)), share)


def cells_of_grid(graph, layer, x, size):
    """Add the averages over the cells of a `GridPooling`; ``size`` is the one of the images."""
    rows, columns = layer.weights_of_pixels(size)
    return graph("MatMul", graph("MatMul", rows, x), columns.T)


# -- one function a layer -----------------------------------------------------------


def _unchanged(graph, layer, x):
    return x


def _activation(graph, layer, x):
    return activation(graph, x, layer.activation.__name__)


def _standardize(graph, layer, x):
    mean, scale = layer.get_weights()
    if len(layer.input.shape) == 4:
        mean, scale = map(_channels_first, (mean, scale))
    if layer.inverse:
        return graph("Add", graph("Mul", x, scale), mean)
    return graph("Div", graph("Sub", x, mean), scale)


def _channels_first(array):
    """Return an array (C,) or (H, W, C) as one of (C, 1, 1) or (C, H, W)."""
    return array[:, None, None] if array.ndim == 1 else np.moveaxis(array, -1, 0)


def _kernel(array):
    """Return a kernel (H, W, C, filters) as one of (filters, C, H, W)."""
    return np.ascontiguousarray(np.transpose(array, (3, 2, 0, 1)))


def _contrast_convolution(graph, layer, x):
    kernel, bias = layer.get_weights()
    strides = {"strides": layer.strides}
    mean_kernel = np.full((1, *_kernel(kernel).shape[1:]), 1 / np.prod(kernel.shape[:3]), "f4")
    mean = graph("Conv", x, mean_kernel, **strides)
    square = graph("Conv", graph("Mul", x, x), mean_kernel, **strides)
    variance = graph("Sub", square, graph("Mul", mean, mean))
    variance = graph("Add", graph("Max", variance, np.float32(0.0)), np.float32(layer.floor))
    responses = graph("Conv", x, _kernel(kernel), **strides)
    return graph("Add", graph("Div", responses, graph("Sqrt", variance)), _channels_first(bias))


def _kernel_convolution(graph, layer, x):
    (kernel,) = layer.get_weights()
    ones = np.ones((1, *_kernel(kernel).shape[1:]), np.float32)
    square = graph("Conv", graph("Mul", x, x), ones)
    norm = graph("Sqrt", graph("Add", square, np.float32(kernel_network.LEAST_SQUARE)))
    cosine = graph("Div", graph("Conv", x, _kernel(kernel)), norm)
    distance = graph("Div", graph("Sub", cosine, np.float32(1.0)), np.float32(layer.width))
    return graph("Mul", norm, graph("Exp", distance))


def _grid_pooling(graph, layer, x):
    return cells_of_grid(graph, layer, x, layer.input.shape[1:3])


def _signed_sqrt(graph, layer, x):
    size = graph("Sqrt", graph("Add", graph("Abs", x), np.float32(LEAST_SQUARE)))
    return graph("Div", x, size)


def _cell_statistics(graph, layer, x):
    channels = layer.input.shape[-1]
    grey = graph("Conv", x, np.full((1, channels, 1, 1), 1 / channels, np.float32))
    pooled = [_grid_pooling(graph, layer, one) for one in (x, grey, graph("Mul", grey, grey))]
    means, mean, square = pooled
    variance = graph("Max", graph("Sub", square, graph("Mul", mean, mean)), np.float32(0.0))
    contrast = graph("Log", graph("Add", variance, np.float32(LEAST_VARIANCE)))
    contrast = graph("Mul", contrast, np.float32(0.5))
    return graph("Concat", means, contrast, axis=1)


def _max_pooling(graph, layer, x):
    padding = {"valid": "VALID", "same": "SAME_UPPER"}[layer.padding]
    shape = {"kernel_shape": layer.pool_size, "strides": layer.strides}
    return graph("MaxPool", x, auto_pad=padding, **shape)


def _convolution(graph, layer, x):
    kernel, bias = layer.get_weights()
    before = [(n - 1) // 2 for n in layer.kernel_size]
    after = [n // 2 for n in layer.kernel_size]
    y = graph("Conv", x, _kernel(kernel), bias, pads=[*before, *after])
    return activation(graph, y, layer.activation.__name__)


def _batch_normalization(graph, layer, x):
    gamma, beta, mean, variance = layer.get_weights()
    return graph("BatchNormalization", x, gamma, beta, mean, variance, epsilon=layer.epsilon)


def _dense(graph, layer, x):
    kernel, *bias = layer.get_weights()
    if len(layer.input.shape) == 4:  # images: each pixel by itself
        y = graph("Conv", x, _kernel(kernel[None, None]), *bias)
    else:
        zero = np.zeros(
            kernel.shape[1], np.float32
        )  # without a bias, for operators of 10 and before
        y = graph("Gemm", x, kernel, *(bias or [zero]))
    return activation(graph, y, layer.activation.__name__)


def _flatten(graph, layer, x):
    if len(layer.input.shape) == 4:
        x = graph("Transpose", x, perm=[0, 2, 3, 1])
    return graph.reshape(x, (-1, layer.output.shape[1]))


def _concatenate(graph, layer, *parts):
    return graph("Concat", *parts, axis=1)


CONVERTERS = {
    "Activation": _activation,
    "BatchNormalization": _batch_normalization,
    "CellStatistics": _cell_statistics,
    "Concatenate": _concatenate,
    "ContrastConv2D": _contrast_convolution,
    "Conv2D": _convolution,
    "Dense": _dense,
    "Dropout": _unchanged,
    "Flatten": _flatten,
    "GaussianNoise": _unchanged,
    "GridPooling": _grid_pooling,
    "KernelConv2D": _kernel_convolution,
    "MaxPooling2D": _max_pooling,
    "SignedSqrt": _signed_sqrt,
    "Standardize": _standardize,
}
