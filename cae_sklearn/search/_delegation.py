"""What a search hands on to the best estimator that it found."""

from sklearn import get_config
from sklearn.exceptions import NotFittedError
from sklearn.utils.metadata_routing import process_routing
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

__all__ = ["BestEstimatorMixin"]


def _has(name):
    """Return a check for ``available_if``: whether the best estimator has this attribute."""

    def check(search):
        _check_refit(search, name)
        getattr(getattr(search, "best_estimator_", search.estimator), name)  # or AttributeError
        return True

    return check


def _check_refit(search, name):
    if not search.refit:
        raise AttributeError(
            f"This {type(search).__name__} was made with refit=False: {name} is there only after "
            "the best setting was fitted on all data. Pass refit=True, or fit the setting "
            "best_params_ yourself."
        )


class BestEstimatorMixin:
    """Methods of ``best_estimator_``, available as far as the estimator has them."""

    @available_if(_has("predict"))
    def predict(self, X):
        """Predict by the best estimator.

        Parameters
        ----------
        X : array-like
            As the estimator takes it.

        Returns
        -------
        array-like
            What its `predict` returns.
        """
        return self._best("predict", X)

    @available_if(_has("predict_proba"))
    def predict_proba(self, X):
        """Predict probabilities by the best estimator.

        Parameters
        ----------
        X : array-like
            As the estimator takes it.

        Returns
        -------
        array-like of shape (n_samples, n_classes)
            What its `predict_proba` returns.
        """
        return self._best("predict_proba", X)

    @available_if(_has("predict_log_proba"))
    def predict_log_proba(self, X):
        """Predict logarithms of probabilities by the best estimator.

        Parameters
        ----------
        X : array-like
            As the estimator takes it.

        Returns
        -------
        array-like of shape (n_samples, n_classes)
            What its `predict_log_proba` returns.
        """
        return self._best("predict_log_proba", X)

    @available_if(_has("decision_function"))
    def decision_function(self, X):
        """Return the decision function of the best estimator.

        Parameters
        ----------
        X : array-like
            As the estimator takes it.

        Returns
        -------
        array-like
            What its `decision_function` returns.
        """
        return self._best("decision_function", X)

    @available_if(_has("score_samples"))
    def score_samples(self, X):
        """Return the scores of samples by the best estimator.

        Parameters
        ----------
        X : array-like
            As the estimator takes it.

        Returns
        -------
        array-like of shape (n_samples,)
            What its `score_samples` returns.
        """
        return self._best("score_samples", X)

    @available_if(_has("transform"))
    def transform(self, X):
        """Transform by the best estimator.

        Parameters
        ----------
        X : array-like
            As the estimator takes it.

        Returns
        -------
        array-like
            What its `transform` returns.
        """
        return self._best("transform", X)

    @available_if(_has("inverse_transform"))
    def inverse_transform(self, X):
        """Transform back by the best estimator.

        Parameters
        ----------
        X : array-like
            What `transform` returned.

        Returns
        -------
        array-like
            What its `inverse_transform` returns.
        """
        return self._best("inverse_transform", X)

    def _best(self, method, X):
        check_is_fitted(self)
        return getattr(self.best_estimator_, method)(X)

    def score(self, X, y=None, **params):
        """Score the best estimator by `scoring`, or by its own `score` if that is None.

        Parameters
        ----------
        X : array-like
            As the estimator takes it.
        y : array-like, default=None
            Targets.
        **params : dict
            Metadata for the scorer, such as `sample_weight`. Only with scikit-learn's
            ``enable_metadata_routing=True``.

        Returns
        -------
        float
            The score. With several metrics the one that `refit` names.
        """
        _check_refit(self, "score")
        check_is_fitted(self)
        if params and not get_config()["enable_metadata_routing"]:
            raise ValueError(
                f"score takes {sorted(params)} only with metadata routing. Call "
                "sklearn.set_config(enable_metadata_routing=True) first."
            )
        routed = process_routing(self, "score", **params).scorer.score if params else {}
        scorer = self.scorer_[self.refit] if isinstance(self.scorer_, dict) else self.scorer_
        score = scorer(self.best_estimator_, X, y, **routed)
        return score[self.refit] if isinstance(score, dict) and self.multimetric_ else score

    @property
    def n_features_in_(self):
        """Number of features of the best estimator."""
        return self._learned("n_features_in_")

    @property
    def classes_(self):
        """Class labels of the best estimator."""
        return self._learned("classes_")

    def _learned(self, name):
        _check_refit(self, name)
        try:
            check_is_fitted(self)
        except NotFittedError as error:  # so that hasattr says no
            raise AttributeError(f"{type(self).__name__} has no {name} before fit") from error
        return getattr(self.best_estimator_, name)
