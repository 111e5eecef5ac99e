"""The grid and the ranges for the classifier of this package."""

__all__ = ["param_grid", "search_spaces"]


def param_grid(prefix="clf__"):
    """Return the grid over batch size and learning rate for ``GridSearchCV``.

    Parameters
    ----------
    prefix : str, default="clf__"
        What stands before each name: the pipeline step and two underscores, or "" for a bare
        classifier.

    Returns
    -------
    dict of str to list
        Eight settings: `batch_size` 8, 16, 32 or 64, `learning_rate` 0.001 or 0.01.

    See Also
    --------
    search_spaces : The ranges for a Bayesian search.

    Examples
    --------
    >>> from cae_sklearn.search import param_grid
    >>> param_grid()
    {'clf__batch_size': [8, 16, 32, 64], 'clf__learning_rate': [0.001, 0.01]}
    """
    return {
        f"{prefix}batch_size": [8, 16, 32, 64],
        f"{prefix}learning_rate": [0.001, 0.01],
    }


def search_spaces(prefix="clf__"):
    """Return the ranges of batch size, learning rate, alpha and l1_ratio for a Bayesian search.

    Parameters
    ----------
    prefix : str, default="clf__"
        What stands before each name: the pipeline step and two underscores, or "" for a bare
        classifier.

    Returns
    -------
    dict of str to skopt.space.Dimension
        New objects on every call:

        - `batch_size`: one of 8, 16, 32, 64. A category each, since skopt reads a bare list of
          two numbers as a range, and a range would try sizes such as 37.
        - `learning_rate`: log-uniform, 1e-5 to 1e-1. Up to 1, one trial in five would go to
          rates at which Adam diverges.
        - `alpha`: log-uniform, 1e-6 to 1e-1. On a linear scale from 0 to 1, nine trials in ten
          would crush the output layer.
        - `l1_ratio`: uniform, 0 to 1.

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

    return {
        f"{prefix}batch_size": Categorical([8, 16, 32, 64]),
        f"{prefix}learning_rate": Real(1e-5, 1e-1, prior="log-uniform"),
        f"{prefix}alpha": Real(1e-6, 1e-1, prior="log-uniform"),
        f"{prefix}l1_ratio": Real(0.0, 1.0),
    }
