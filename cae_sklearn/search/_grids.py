"""Grids and ranges for the estimators of this package."""

__all__ = ["param_grid", "search_spaces"]

FEATURIZER = "cae__"  # how the prefix of the featurizer ends
RESOLUTIONS, CELLS, COMPONENTS = (24, 32, 48), (1, 2, 3, 5), (200, 400, 800)


def param_grid(prefix="clf__"):
    """Return a grid for ``GridSearchCV``: of the classifier, or of the featurizer.

    Parameters
    ----------
    prefix : str, default ``"clf__"``
        What stands before each name: the pipeline step and two underscores, or "" for a bare
        classifier. A step named ``cae`` is a `CAEFeaturizer`.

    Returns
    -------
    dict of str to list
        Of the classifier, eight settings: `batch_size` 8, 16, 32 or 64, `learning_rate` 0.001
        or 0.01. Of the featurizer, ``"cae__"``, six: `resolution` 24, 32 or 48, and
        `output_size` 1 or 3. Cache the featurizer: `FitOnceMemory` fits it once for each.

    See Also
    --------
    search_spaces : The ranges for a Bayesian search.

    Examples
    --------
    >>> from cae_sklearn.search import param_grid
    >>> param_grid()
    {'clf__batch_size': [8, 16, 32, 64], 'clf__learning_rate': [0.001, 0.01]}
    >>> param_grid("cae__")
    {'cae__resolution': [24, 32, 48], 'cae__output_size': [1, 3]}
    """
    if prefix.endswith(FEATURIZER):
        return {f"{prefix}resolution": list(RESOLUTIONS), f"{prefix}output_size": [1, 3]}
    return {
        f"{prefix}batch_size": [8, 16, 32, 64],
        f"{prefix}learning_rate": [0.001, 0.01],
    }


def search_spaces(prefix="clf__"):
    """Return ranges for a Bayesian search: of the classifier, or of the featurizer.

    Parameters
    ----------
    prefix : str, default ``"clf__"``
        What stands before each name: the pipeline step and two underscores, or "" for a bare
        classifier. A step named ``cae`` is a `CAEFeaturizer`.

    Returns
    -------
    dict of str to skopt.space.Dimension
        New objects on every call. Of the classifier:

        - `batch_size`: one of 8, 16, 32, 64. A category each, since skopt reads a bare list of
          two numbers as a range, and a range would try sizes such as 37.
        - `learning_rate`: log-uniform, 1e-5 to 1e-1. Up to 1, one trial in five would go to
          rates at which Adam diverges.
        - `alpha`: log-uniform, 1e-6 to 1e-1. On a linear scale from 0 to 1, nine trials in ten
          would crush the output layer.
        - `l1_ratio`: uniform, 0 to 1.

        Of the featurizer, ``"cae__"``, a category each, since the cached features of few
        settings serve many points: `resolution` 24, 32 or 48, `output_size` 1, 2, 3 or 5,
        `n_components` 200, 400 or 800.

    Raises
    ------
    ImportError
        If scikit-optimize is missing or broken.

    See Also
    --------
    param_grid : The grid for ``GridSearchCV``.
    ResumableBayesSearchCV : The search that takes these ranges.

    Examples
    --------
    >>> from cae_sklearn.search import search_spaces
    >>> spaces = search_spaces()
    >>> sorted(spaces)
    ['clf__alpha', 'clf__batch_size', 'clf__l1_ratio', 'clf__learning_rate']
    >>> spaces["clf__learning_rate"].bounds
    (1e-05, 0.1)
    """
    from ._skopt import Categorical, Real  # late: the grid works without scikit-optimize

    if prefix.endswith(FEATURIZER):
        categories = {
            "resolution": RESOLUTIONS,
            "output_size": CELLS,
            "n_components": COMPONENTS,
        }
        return {f"{prefix}{name}": Categorical(list(values)) for name, values in categories.items()}

    return {
        f"{prefix}batch_size": Categorical([8, 16, 32, 64]),
        f"{prefix}learning_rate": Real(1e-5, 1e-1, prior="log-uniform"),
        f"{prefix}alpha": Real(1e-6, 1e-1, prior="log-uniform"),
        f"{prefix}l1_ratio": Real(0.0, 1.0),
    }
