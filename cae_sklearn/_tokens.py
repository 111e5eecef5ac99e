"""Hashes and texts that are equal for equal settings, in any process and at any time."""

import contextlib
import math
import re

import numpy as np
from joblib.hashing import NumpyHasher

__all__ = ["plain", "stable_hash", "token"]

# What Keras itself writes into a callback when a fit begins.
_OF_THE_FIT = {"model", "params"}


def stable_hash(value):
    """Return ``joblib.hash`` of the value, but with settings for the objects of Keras in it.

    A pickled optimizer holds the time of its pickling, so that its hash changes every second.
    Here an optimizer counts by its class and configuration, and a callback by its class and
    its attributes, wherever in the value it stands. All else has the hash that joblib gives it.

    Raises
    ------
    Exception
        As ``joblib.hash``, if something in the value does not pickle.
    """
    return _Hasher().hash(value)


class _Hasher(NumpyHasher):
    def save(self, obj):
        super().save(_settings(obj) or obj)


def _settings(value):
    """Return the class and the settings of an optimizer or a callback, None of all else."""
    if isinstance(value, type):
        return None
    # A layer or a network has a configuration too, but also weights that it does not tell.
    if hasattr(value, "get_config") and not hasattr(value, "get_weights"):
        # Keras numbers the names of its optimizers in the order in which they are made.
        config = value.get_config().items()
        return _name(value), {key: setting for key, setting in config if key != "name"}
    if hasattr(value, "set_model") and hasattr(value, "on_train_begin"):
        attributes = vars(value).items()
        return _name(value), {
            k: v for k, v in attributes if not k.startswith("_") and k not in _OF_THE_FIT
        }
    return None


def _name(value):
    return f"{type(value).__module__}.{type(value).__qualname__}"


def plain(value, named=()):
    """Return the value as JSON can hold it.

    Parameters
    ----------
    value : object
        A parameter: a number, text, list, dict, estimator, optimizer, callback, array or
        whatever else.
    named : set of int, default=()
        The ids of estimators of which the class alone is told.

    Returns
    -------
    None, bool, int, float, str, list or dict
        Equal for equal values. What JSON has no form for is a `token`.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else repr(value)
    if isinstance(value, (list, tuple)):
        return [plain(item, named) for item in value]
    if isinstance(value, dict):
        return {str(key): plain(item, named) for key, item in value.items()}
    return _plain_object(value, named)


def _plain_object(value, named):
    if settings := _settings(value):
        return plain(list(settings), named)
    if hasattr(value, "get_params") and not isinstance(value, type):
        name = type(value).__qualname__
        return name if id(value) in named else [name, plain(value.get_params(deep=False))]
    return token(value)


def token(value):
    """Return a text that tells the value from others: its looks, and a hash of its content."""
    looks, content = re.sub(" at 0x[0-9a-fA-F]+", "", repr(value))[:80], value
    if hasattr(value, "__array__") or isinstance(value, list):
        with contextlib.suppress(ValueError):  # a ragged list
            # How a table or a memory map holds its numbers makes no difference.
            array = np.asarray(value, order="C")
            looks = f"{array.dtype} array of shape {array.shape}"
            content = [list(getattr(value, "columns", ())), array]
    try:
        return f"{looks} #{stable_hash(content)[:16]}"
    except Exception:  # a lambda, or whatever else pickle refuses
        return looks
