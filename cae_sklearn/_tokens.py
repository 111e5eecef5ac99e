"""Hashes and texts that are equal for equal settings, in any process and at any time."""

import contextlib
import math
import re

import numpy as np
from joblib.hashing import NumpyHasher

__all__ = ["plain", "stable_hash", "token"]

# What Keras itself writes into a callback when a fit begins.
_OF_THE_FIT = {"model", "_model", "params", "_params"}


def stable_hash(value, coerce_mmap=False):
    """Return ``joblib.hash`` of the value, but with settings for the objects of Keras in it.

    A pickled optimizer or model holds the time of its pickling, so that its hash changes every
    second. A callback holds the model of its last fit. Here each counts by its class and its
    settings, wherever in the value it stands; layers and models count by their weights too.

    Parameters
    ----------
    value : object
        Anything that pickles.
    coerce_mmap : bool, default=False
        Whether memory maps are equal to arrays of the same values.

    Returns
    -------
    str
        32 hexadecimal digits. All but the objects of Keras has the hash that joblib gives it.

    Raises
    ------
    Exception
        As ``joblib.hash``, if something in the value does not pickle.
    """
    return _Hasher(coerce_mmap=coerce_mmap).hash(value)


class _Hasher(NumpyHasher):
    def save(self, obj):
        super().save(_settings(obj) or obj)


def _settings(value):
    """Return the class and the settings of an object of Keras, None of all else."""
    if not any(base.__module__.partition(".")[0] == "keras" for base in type(value).__mro__):
        return None
    try:
        return _name(value), _keras_settings(value)
    except NotImplementedError:  # a layer of the user's without a configuration
        return None


def _keras_settings(value):
    import keras

    if isinstance(value, keras.Layer):
        return value.get_config(), value.get_weights()
    if isinstance(value, keras.optimizers.Optimizer):
        # Keras numbers the names of optimizers that have none.
        return {k: v for k, v in value.get_config().items() if k != "name"}
    if hasattr(value, "get_config"):
        return value.get_config()
    if isinstance(value, keras.callbacks.Callback):
        return {k: v for k, v in vars(value).items() if k not in _OF_THE_FIT}
    raise NotImplementedError


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
