"""The scikit-learn names that are not public API, in one place."""

from sklearn.base import _fit_context
from sklearn.utils import _safe_indexing  # once in the public documentation, and kept for it
from sklearn.utils._param_validation import HasMethods, Interval, Options, StrOptions
from sklearn.utils.validation import _check_sample_weight, validate_data

__all__ = [
    "HasMethods",
    "Interval",
    "Options",
    "StrOptions",
    "_check_sample_weight",
    "_fit_context",
    "_safe_indexing",
    "is_scored_with_weights",
    "validate_data",
    "validate_parameters",
]


def is_scored_with_weights(scorer):
    """Return whether scikit-learn's own searches give sample weights to this scorer.

    They do since 1.9, if it takes them, also without metadata routing. What they ask is private:
    where it is missing, as in 1.6 to 1.8, no scorer is given any.
    """
    return bool(getattr(scorer, "_accept_sample_weight", bool)())


def validate_parameters(estimator):
    """Validate the parameters in each call of ``partial_fit``: scikit-learn does in the first."""
    estimator._validate_params()
