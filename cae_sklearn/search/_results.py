"""``cv_results_`` in scikit-learn's format, and the choice from it."""

import math
import numbers

import numpy as np
from numpy.ma import MaskedArray
from scipy.stats import rankdata

__all__ = ["check_metric", "choose", "format_results", "mean_score", "metric_names"]


def metric_names(folds):
    """Return the names of the metrics, or None if there is one without a name or none yet.

    A scoring function alone knows its names, and only where a fit went through.
    """
    return next((list(f.test_scores) for f in folds if isinstance(f.test_scores, dict)), None)


def check_metric(refit, names):
    """Return which of the metrics the search optimizes; raise ValueError if nothing says so."""
    if names is None or names == ["score"]:
        return "score"
    if not isinstance(refit, str) or refit not in names:
        raise ValueError(
            "For multi-metric scoring, the 'refit' parameter must be set to a scorer key, that is "
            f"one of {sorted(names)}: the search optimizes this metric, and chooses the best "
            f"setting by it. Got refit={refit!r}."
        )
    return refit


def _score(scores, name, error_score):
    """Return one score of a fold, `error_score` where there is none."""
    score = scores[name] if isinstance(scores, dict) else scores
    return score if math.isfinite(score) else error_score


def _table(points, kind, name, error_score):
    """Return an array of points times folds."""
    return np.array(
        [[_score(getattr(fold, kind), name, error_score) for fold in folds] for folds in points],
        dtype=np.float64,
    )


def mean_score(folds, name, error_score):
    """Return the mean test score of a point, as ``cv_results_`` has it."""
    return float(np.average(_table([folds], "test_scores", name, error_score), axis=1)[0])


def format_results(settings, points, error_score):
    """Return ``cv_results_``.

    Parameters
    ----------
    settings : list of dict
        The parameters of each point.
    points : list of list of Fold
        The folds of each point.
    error_score : float
        Score where there is none.

    Returns
    -------
    dict of arrays
        As that of ``GridSearchCV``, and ``rank_train_...`` as skopt's search has it.
    """
    results = {}
    for key in ("fit_time", "score_time"):
        _add_mean(results, key, np.array([[getattr(f, key) for f in p] for p in points]))
    results.update(_param_columns(settings))
    results["params"] = settings
    names = metric_names(fold for folds in points for fold in folds) or ["score"]
    with_train = points[0][0].train_scores is not None
    for name in names:
        for kind in ("test", "train") if with_train else ("test",):
            table, key = _table(points, f"{kind}_scores", name, error_score), f"{kind}_{name}"
            results.update({f"split{k}_{key}": column for k, column in enumerate(table.T)})
            _add_mean(results, key, table)
            results[f"rank_{key}"] = _rank(results[f"mean_{key}"])
    return results


def _add_mean(results, key, table):
    means = np.average(table, axis=1)
    results[f"mean_{key}"] = means
    results[f"std_{key}"] = np.sqrt(np.average((table - means[:, np.newaxis]) ** 2, axis=1))


def _rank(means):
    """Return places from 1; points without a score share the last."""
    if np.isnan(means).all():
        return np.ones(len(means), dtype=np.int32)
    filled = np.where(np.isnan(means), np.nanmin(means) - 1, means)
    return rankdata(-filled, method="min").astype(np.int32)


def _param_columns(settings):
    """Return a masked array for each parameter: masked where a setting has no such parameter."""
    columns = {}
    for i, setting in enumerate(settings):
        for name, value in setting.items():
            columns.setdefault(f"param_{name}", {})[i] = value
    for key, values in columns.items():
        # Other things than numbers stay what they are.
        plain = all(isinstance(value, numbers.Number) for value in values.values())
        dtype = np.array(list(values.values())).dtype if plain else object
        columns[key] = MaskedArray(np.empty(len(settings), dtype=dtype), mask=True)
        for i, value in values.items():
            columns[key][i] = value
    return columns


def choose(refit, metric, results):
    """Return the place of the best point: by the rank, or by a function of the user's."""
    if not callable(refit):
        return int(results[f"rank_test_{metric}"].argmin())
    index, n_points = refit(results), len(results["params"])
    if not isinstance(index, numbers.Integral) or not 0 <= index < n_points:
        raise ValueError(
            f"refit must return the place of a point in cv_results_, an int from 0 to "
            f"{n_points - 1}, got {index!r:.100}. Return for instance "
            "int(cv_results['mean_test_score'].argmax())."
        )
    return int(index)
