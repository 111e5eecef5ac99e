"""Scores of each epoch."""

import copy

import numpy as np
from sklearn.metrics import check_scoring


def epoch_scores(estimator, learned, X, y, held_out):
    """Return the function that scores an epoch, or None if the estimator has no ``scoring``.

    Parameters
    ----------
    estimator : classifier
        Has ``scoring`` and, by now, ``classes_``.
    learned : callable
        ``learned(weights)`` gives the attributes that make it a fitted one.
    X : ndarray or sparse matrix
        Checked features.
    y : ndarray
        Class indices; or zeros and ones, a column for each class.
    held_out : ndarray of int or None
        Places of the samples for validation.

    Returns
    -------
    callable or None
        From weights to a dict: the score of the samples trained on, by the name of the score or
        as ``"score"``, and that of those held out, with ``"val_"`` before the name.
    """
    if estimator.scoring is None:
        return None
    scorer = check_scoring(estimator, scoring=estimator.scoring)
    name = estimator.scoring if isinstance(estimator.scoring, str) else "score"
    validates = np.zeros(len(y), bool)
    validates[[] if held_out is None else held_out] = True
    parts = {name: ~validates, f"val_{name}": validates}
    labels = estimator.classes_[y] if y.ndim == 1 else y.astype(np.int64)
    data = {name: (X[part], labels[part]) for name, part in parts.items() if part.any()}

    def scores_of(weights):
        fitted = copy.copy(estimator)
        vars(fitted).update(learned(weights))
        vars(fitted).pop("feature_names_in_", None)  # X is an array by now
        return {name: float(scorer(fitted, *part)) for name, part in data.items()}

    return scores_of
