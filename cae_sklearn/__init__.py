"""Convolutional autoencoder features and an elastic-net MLP as scikit-learn estimators."""

from ._classifier import ElasticNetBNMLPClassifier
from ._featurizer import CAEFeaturizer
from ._version import __version__

__all__ = ["CAEFeaturizer", "ElasticNetBNMLPClassifier", "__version__"]
