"""What must be equal for a search to resume from its checkpoint."""

import numbers

from .._tokens import plain, token

__all__ = ["settings"]

# Parameters of an estimator that change how it works, not what it learns.
_NO_EFFECT = {"memory", "n_jobs", "verbose"}


def settings(search, spaces, cv, data):
    """Return all that the stored scores and the order of the points depend on, by name.

    Parameters
    ----------
    search : ResumableBayesSearchCV
        The search.
    spaces : list of (dict of str to skopt.space.Dimension, int)
        Its search spaces.
    cv : splitter
        The splitter that is used.
    data : dict
        X, y, groups and fit parameters by name.
    """
    params = search.estimator.get_params()
    named = {id(value) for value in params.values()}
    found = {"estimator": type(search.estimator).__qualname__}
    for name, value in sorted(params.items()):
        if name.split("__")[-1] not in _NO_EFFECT:
            found[f"estimator's {name}"] = plain(value, named)
    for i, (space, _) in enumerate(spaces):
        for name, dim in space.items():
            ends = [getattr(dim, k, None) for k in ("low", "high", "categories", "prior", "base")]
            found[f"search_spaces {i} {name}"] = plain([type(dim).__qualname__, *ends])
    found["cv"] = token(cv)
    for name in ("scoring", "error_score", "return_train_score", "optimizer_kwargs"):
        found[name] = plain(getattr(search, name))
    found["refit"] = search.refit if isinstance(search.refit, str) else None
    found["random_state"] = (
        int(search.random_state) if isinstance(search.random_state, numbers.Integral) else None
    )
    return {**found, **{name: token(value) for name, value in data.items()}}
