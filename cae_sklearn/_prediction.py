"""What a fitted classifier gives: logits, probabilities, labels, and its network."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ._arrays.streaming import chunks, float_bytes
from ._labels import hits, labels_of, log_probabilities
from ._validation import centred_columns, check_features


class PredictionMixin:
    """Mixin of the classifier: all that asks a fitted network."""

    def decision_function(self, X):
        """Return the logits, of which the largest decides.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Features.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), or (n_samples,) for two classes
            Float64. For two classes, the logit of the second less that of the first:
            positive where the second is predicted. For multilabel y, one logit for each label:
            positive where the label is predicted.
        """
        logits, _, multilabel = self._logits(X)
        if logits.shape[1] == 2 and not multilabel:
            return logits[:, 1] - logits[:, 0]
        return logits

    def predict_proba(self, X):
        """Return the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Features.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Float64, columns in the order of ``classes_``. Rows sum to 1, but for multilabel y.
        """
        return np.exp(self.predict_log_proba(X))

    def predict_log_proba(self, X):
        """Return the logarithm of `predict_proba`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Features.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Finite also where a probability rounds to 0.
        """
        logits, _, multilabel = self._logits(X)
        return log_probabilities(logits, multilabel)

    def predict(self, X):
        """Return the most probable class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Features.

        Returns
        -------
        ndarray of shape (n_samples,), or (n_samples, n_classes) for multilabel y
            Labels of the type that `fit` was given.
        """
        return labels_of(*self._logits(X))

    @property
    def model_(self):
        """The network as a Keras model of its own, from features to probabilities."""
        check_is_fitted(self)
        network, weights, _ = self._learned
        return network.keras_model(
            weights,
            dropout_rate=float(self.dropout_rate),
            alpha=float(self.alpha),
            l1_ratio=float(self.l1_ratio),
        )

    def _logits(self, X):
        """Return the logits, float64, the classes of the same fit, and if they may be several."""
        check_is_fitted(self)
        from ._training.pool import outputs

        X = check_features(self, X)
        network, weights, classes = self._learned
        X, _ = centred_columns(X, weights)
        logits = outputs(network, "predictor", weights, X).astype(np.float64)
        return logits, classes, network.multilabel

    def _accuracy(self, X, y, weight, indices):
        """Return the share of some samples whose target ``y`` is predicted; of none, None."""
        if indices is None:
            return None
        from ._training.pool import unchecked_outputs

        network, weights, _ = self._learned
        right = [
            hits(unchecked_outputs(network, "predictor", weights, X[some]), y[some])
            for some in (indices[part] for part in chunks(len(indices), float_bytes(X)))
        ]
        return float(
            np.average(np.concatenate(right), weights=None if weight is None else weight[indices])
        )
