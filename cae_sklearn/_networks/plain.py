"""Models of Keras's own layers and operations alone: their files load wherever Keras is."""

import keras
import numpy as np

from .building import functional
from .layers import Float32Layer


def plain(model):
    """Return a copy of a functional model with its weights, without layers of this package."""
    copy = keras.models.clone_model(model, clone_function=_copied, call_function=_called)
    for layer in copy.layers:
        if layer.weights:
            layer.set_weights(model.get_layer(layer.name).get_weights())
    return functional(copy.inputs[0], copy.outputs[0], model.name)


def ready(model):
    """Return a model that Keras exports: it refuses one that was never called."""
    (given,) = model.inputs
    model(np.zeros((1, *given.shape[1:]), given.dtype))
    return model


def _copied(layer):
    return layer if isinstance(layer, Float32Layer) else type(layer).from_config(layer.get_config())


def _called(layer, *inputs, **options):
    """Return what a layer gives, or the layers and operations that it stands for."""
    called = layer.plain if isinstance(layer, Float32Layer) else layer
    return called(*inputs, **options)
