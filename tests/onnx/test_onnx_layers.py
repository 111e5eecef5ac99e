"""Layers as ONNX operations: parity with Keras."""

import keras
import numpy as np
import onnxruntime
import pytest
from onnx import helper, numpy_helper

from cae_sklearn._base import ACTIVATIONS
from cae_sklearn._networks.kernel_network import KernelConv2D
from cae_sklearn._networks.layers import (
    CellStatistics,
    ContrastConv2D,
    GridPooling,
    SignedSqrt,
    Standardize,
    max_pooling,
)
from cae_sklearn.onnx._graph import Graph
from cae_sklearn.onnx._layers import CONVERTERS, converted

layers = keras.layers
SHAPE = (7, 10, 3)
LAYERS = {
    "standardise channels": lambda: Standardize(),
    "standardise pixels": lambda: Standardize(each=True),
    "undo it": lambda: Standardize(inverse=True),
    "contrast": lambda: ContrastConv2D(5, (4, 3), floor=0.3),
    "contrast with strides": lambda: ContrastConv2D(5, (2, 3), (2, 3), floor=0.3),
    "similarities": lambda: KernelConv2D(5, (2, 3)),
    "pixels one by one": lambda: layers.Dense(4, use_bias=False),
    "grid": lambda: GridPooling((3, 4)),
    "root": lambda: SignedSqrt(),
    "statistics": lambda: CellStatistics((2, 3)),
    "maxima": lambda: max_pooling((7, 10), (2, 3), "max"),
    "maxima of odd sizes": lambda: layers.MaxPooling2D(2, padding="same"),
    "convolution": lambda: layers.Conv2D(4, (4, 3), padding="same", activation="elu"),
    "batch normalisation": lambda: layers.BatchNormalization(),
}


class Container:
    """Stands for the scope and the container of skl2onnx."""

    def __init__(self):
        self.nodes, self.constants, self.n_names = [], [], 0

    def get_unique_variable_name(self, name):
        self.n_names += 1
        return f"{name}{self.n_names}"

    get_unique_operator_name = get_unique_variable_name

    def add_node(self, operation, inputs, outputs, op_domain, name, **attributes):
        node = helper.make_node(operation, inputs, outputs, name, domain=op_domain, **attributes)
        self.nodes.append(node)

    def add_initializer(self, name, onnx_type, shape, tensor):
        self.constants.append(tensor)


def run(model, x):
    """Return what ONNX gives for a Keras model, its input with channels first."""
    container = Container()
    output = converted(Graph(container, container), model, "x")[model.layers[-1].name]
    given = helper.make_tensor_value_info("x", 1, [None] * x.ndim)
    result = helper.make_empty_tensor_value_info(output)
    graph = helper.make_graph(container.nodes, "graph", [given], [result], container.constants)
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    session = onnxruntime.InferenceSession(proto.SerializeToString())
    return session.run(None, {"x": x})[0]


def with_random_weights(model):
    rng = np.random.default_rng(0)
    model.set_weights([rng.uniform(0.5, 2.0, weight.shape) for weight in model.weights])
    return model


@pytest.mark.parametrize("name", LAYERS)
def test_layers_of_images(name):
    images = keras.Input(SHAPE)
    model = with_random_weights(keras.Model(images, LAYERS[name]()(images)))
    x = np.random.default_rng(1).normal(size=(2, *SHAPE)).astype(np.float32)
    given = run(model, np.moveaxis(x, -1, 1))
    np.testing.assert_allclose(np.moveaxis(given, 1, -1), model(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", sorted(ACTIVATIONS | {"softmax"}))
def test_activations(name):
    rows = keras.Input((6,))
    model = with_random_weights(keras.Model(rows, layers.Dense(5, activation=name)(rows)))
    x = np.random.default_rng(1).normal(size=(40, 6)).astype(np.float32)
    np.testing.assert_allclose(run(model, x), model(x), rtol=1e-5, atol=1e-6)


def test_flat_parts_are_in_the_order_of_keras():
    images = keras.Input(SHAPE)
    parts = [layers.Flatten(), layers.Flatten()]
    model = keras.Model(images, layers.Concatenate()([part(images) for part in parts]))
    x = np.random.default_rng(1).normal(size=(2, *SHAPE)).astype(np.float32)
    np.testing.assert_array_equal(run(model, np.moveaxis(x, -1, 1)), model(x))


def test_texts_and_numbers_are_constants():
    container = Container()
    Graph(container, container).constant(np.arange(3, dtype=np.int32))
    np.testing.assert_array_equal(numpy_helper.to_array(container.constants[0]), [0, 1, 2])


def test_each_layer_has_a_test():
    tested = {type(make()).__name__ for make in LAYERS.values()}
    elsewhere = {"Activation", "Concatenate", "Dense", "Dropout", "Flatten", "GaussianNoise"}
    assert set(CONVERTERS) == tested | elsewhere
