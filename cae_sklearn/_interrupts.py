"""What Ctrl-C means for a fit: alone it keeps what it has learned, as one of many it ends them all.

A search that saw a fit return would score the half-learned candidate and go on with the next one,
and a cache would keep it for good. So there KeyboardInterrupt is raised.
"""

import inspect
import warnings

MANY = (  # modules that call fit for others
    "joblib",  # scikit-learn's searches, cross-validation and ensembles, skopt's, and caches
    "sklearn.model_selection",  # the last fit of a search
    "skopt",
    "distributed",
    "cae_sklearn.search",
    "cae_sklearn.caching",
)


def end_or_warn(name, n_epochs, most):
    """Raise KeyboardInterrupt within a search, an ensemble or a cache; else warn.

    Parameters
    ----------
    name : str
        Whose fit it is.
    n_epochs, most : int
        Epochs begun, and those that were wanted.
    """
    if is_one_of_many():
        raise KeyboardInterrupt
    text = (
        f"{name}: Ctrl-C ended the training in epoch {n_epochs} of {most}. What was learned so far "
        "is kept, and the fit is completed with it. Press Ctrl-C again to end it at once."
    )
    try:
        warnings.warn(text, UserWarning, stacklevel=6)
    except UserWarning:  # errors, if the user wants it so; then nothing is kept
        raise KeyboardInterrupt from None


def is_one_of_many():
    """Tell whether one of the modules ``MANY`` is among the callers."""
    frame = inspect.currentframe()
    while frame is not None:
        module = frame.f_globals.get("__name__") or ""
        if any(module == name or module.startswith(f"{name}.") for name in MANY):
            return True
        frame = frame.f_back
    return False
