"""What a fitted autoencoder does beside giving features: images back, scores, Keras models."""

import numpy as np
from sklearn.utils.validation import check_array, check_is_fitted

from ._arrays.streaming import shifted
from ._validation import as_known_floats, check_images


class ReconstructionMixin:
    """Mixin of the featurizer: images that features stand for, and how near they come."""

    def inverse_transform(self, X):
        """Return the images that features stand for.

        Parameters
        ----------
        X : array-like of shape (n, n_features_out)
            Features.

        Returns
        -------
        ndarray of shape (n, H, W, C), (n, H, W) or (n, n_features)
            Images in the layout and the units that `fit` saw, float32 (float64 where the images
            were so far from zero that float32 cannot tell them apart).
        """
        check_is_fitted(self)
        X = check_array(as_known_floats(X), dtype=np.float32)
        if X.shape[1] != self._n_features_out:
            raise ValueError(
                f"X has {X.shape[1]} features, but {type(self).__name__} gives "
                f"{self._n_features_out}. Pass what transform returned."
            )
        network, weights, layout = self._learned
        images = network.decode(weights, X)
        if "offset" in weights:
            images = images + weights["offset"]
        return images.reshape(len(X), *layout)

    def score(self, X, y=None):
        """Return the negative mean squared error of reconstruction.

        Parameters
        ----------
        X : array-like of shape (n, H, W, C), (n, H, W) or (n, n_features)
            Images.
        y : ignored
            There for the pipeline.

        Returns
        -------
        float
            In squared units of the input; the higher, the better.
        """
        return float(np.mean(self.score_samples(X)))

    def score_samples(self, X):
        """Return the negative mean squared error of reconstruction of each image.

        Images unlike those of ``fit`` tend to have the lowest: anomalies.

        Parameters
        ----------
        X : array-like of shape (n, H, W, C), (n, H, W) or (n, n_features)
            Images.

        Returns
        -------
        ndarray of shape (n,)
            Float64, in squared units of the input; the higher, the better.
        """
        check_is_fitted(self)
        network, weights, _ = self._learned
        images = shifted(check_images(self, X, reset=False), weights.get("offset"))
        return -network.reconstruction_errors(weights, images)

    @property
    def filters_(self):
        """The filters of the first convolution, an array of shape (n_filters, h, w, C)."""
        check_is_fitted(self)
        network, weights, _ = self._learned
        return np.moveaxis(weights[network.FIRST], -1, 0)

    @property
    def encoder_(self):
        """The encoder as a Keras model of its own, from images to features."""
        return self._keras_model("encoder")

    @property
    def decoder_(self):
        """The decoder as a Keras model of its own, from features to images."""
        return self._keras_model("decoder")

    @property
    def model_(self):
        """Encoder and decoder as one Keras model of its own, from images to images."""
        return self._keras_model("autoencoder")

    def _keras_model(self, part):
        check_is_fitted(self)
        network, weights, _ = self._learned
        return network.keras_model(part, weights)
