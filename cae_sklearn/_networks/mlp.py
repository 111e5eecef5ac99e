"""The multilayer perceptron."""

from dataclasses import dataclass
from itertools import pairwise

import keras
import numpy as np
import tensorflow as tf

from .._arrays.tiles import WHOLE
from .._training.pool import check_process
from .._training.predictor import Predictor, load_weights
from .._training.trainer import Trainer
from .building import functional, initial_weights, variables
from .dense import batch_norm, dense, dropout, elastic_net, penalty
from .description import Description
from .plain import ready
from .sizes import check_n_weights, check_sizes

TILE = WHOLE  # samples that are predicted together
N_TILES = 10  # that are predicted in one call
N_VALIDATED = 256  # samples that are validated together


@dataclass(frozen=True)
class MLP(Description):
    """Hidden layers of Dense, activation, batch normalisation and dropout, then softmax.

    Samples that may have several classes, ``multilabel``, get a sigmoid for each instead.
    """

    n_features: int
    n_classes: int
    hidden_layer_sizes: tuple
    activation: str
    batch_norm: bool
    multilabel: bool = False

    @classmethod
    def for_features(
        cls, n_features, n_classes, *, hidden_layer_sizes, activation, batch_norm, multilabel=False
    ):
        """Return the network for so many features and classes."""
        sizes = check_sizes(
            hidden_layer_sizes,
            "hidden_layer_sizes",
            "(400, 64) or '400-64', or (), none",
            may_be_empty=True,
        )
        layers = [n_features, *sizes, n_classes]
        check_n_weights(
            sum(a * b for a, b in pairwise(layers)),
            "hidden_layer_sizes",
            hidden_layer_sizes,
        )
        return cls(n_features, n_classes, sizes, activation, bool(batch_norm), multilabel)

    def build(self, part, optimizer=None):
        """Return the "trainer" or the "predictor", both of which give logits."""
        hyper = variables("dropout_rate", "l1", "l2")
        network = self._graph(**hyper)
        network = functional(network.inputs, network.get_layer("output").output, "logits")
        if part == "predictor":
            return Predictor(network, TILE, N_TILES)
        objective = binary_cross_entropy if self.multilabel else cross_entropy
        return Trainer(network, objective, hyper, N_VALIDATED, optimizer=optimizer)

    def start(self, model, seed, y=None, sample_weight=None):
        """Return the weights that training starts from.

        With class indices ``y`` the biases of the output are the logarithms of the classes'
        shares; with a column for each class, those of the odds. They spare training the way from
        uniform shares to the true ones, which is long where classes or their weights are far
        from balanced.
        """
        weights = initial_weights(model, seed)
        if y is not None and self.multilabel:
            share = np.clip(np.average(y, axis=0, weights=sample_weight), 1e-9, 1 - 1e-9)
            weights["output/bias"] = np.float32(np.log(share / (1 - share)))
        elif y is not None:
            share = np.bincount(y, sample_weight, self.n_classes)
            log_share = np.log(np.maximum(share / share.sum(), 1e-9))
            weights["output/bias"] = np.float32(log_share - log_share.mean())
        return weights

    def keras_model(self, weights, *, dropout_rate, alpha, l1_ratio):
        """Return a Keras model of Keras's own layers: features to probabilities."""
        check_process()
        offset = weights.get("offset")
        model = self._graph(dropout_rate, **elastic_net(alpha, l1_ratio), offset=offset)
        load_weights(model, weights)
        return ready(model)

    def loaded(self, weights):
        """Return the model from centred features to probabilities, with these weights."""
        model = self._graph(0.0, **elastic_net(0.0, 0.0))
        load_weights(model, weights)
        return model

    def _graph(self, dropout_rate, l1, l2, offset=None):
        """Return the model (n, n_features) to probabilities (n, n_classes)."""
        variable = isinstance(l1, tf.Variable)
        x = inputs = keras.Input((self.n_features,), name="features", dtype="float32")
        if offset is not None:
            x = keras.layers.Rescaling(1.0, (-offset).tolist(), name="centre", dtype="float32")(x)
        for i, units in enumerate(self.hidden_layer_sizes, start=1):
            x = dense(units, variable, activation=self.activation, name=f"hidden{i}")(x)
            if self.batch_norm:
                x = batch_norm(variable, name=f"batch_norm{i}")(x)
            x = dropout(dropout_rate, f"dropout{i}")(x)
        x = dense(self.n_classes, variable, kernel_regularizer=penalty(l1, l2), name="output")(x)
        function = "sigmoid" if self.multilabel else "softmax"
        x = keras.layers.Activation(function, name="probabilities", dtype="float32")(x)
        return functional(inputs, x, "mlp")


def cross_entropy(y, logits):
    """Return the cross-entropy of class indices and logits, shape (batch,)."""
    return tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits)


def binary_cross_entropy(y, logits):
    """Return the cross-entropy of zeros and ones, summed over the classes, shape (batch,)."""
    return tf.reduce_sum(tf.nn.sigmoid_cross_entropy_with_logits(y, logits), axis=1)
