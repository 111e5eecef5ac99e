"""Convolutional autoencoder features and an elastic-net MLP as scikit-learn estimators."""

from ._classifier import ElasticNetBNMLPClassifier
from ._featurizer import CAEFeaturizer
from ._saving import trusted_types
from ._version import __version__
from .onnx import export_onnx

__all__ = [
    "CAEFeaturizer",
    "ElasticNetBNMLPClassifier",
    "__version__",
    "export_onnx",
    "trusted_types",
]
