"""The only importer of scikeras, which is no longer maintained: where it fails, nothing is lost."""

import warnings
from functools import cache


def _import_scikeras():
    """Import scikeras without the methods it plants on Keras's own classes."""
    import keras

    owners = keras.Model, keras.losses.Loss, keras.metrics.Metric, keras.optimizers.Optimizer
    planted = [(owner, name) for owner in owners for name in ("__reduce__", "__deepcopy__")]
    before = {(owner, name): vars(owner).get(name) for owner, name in planted}
    import scikeras.wrappers

    for owner, name in planted:
        if before[owner, name] is not None:
            setattr(owner, name, before[owner, name])
        elif name in vars(owner):
            delattr(owner, name)
    return scikeras.wrappers


class _AsTheyAre:
    """An encoder that changes nothing, whatever scikit-learn's ``set_output`` says."""

    def fit(self, X):
        return self

    def transform(self, X):
        return X


@cache
def _classifier_class():
    """Return the wrapper, or None where scikeras cannot be imported; warn of that once."""
    try:
        wrappers = _import_scikeras()
    except Exception as error:  # missing, or broken by a newer Keras or scikit-learn
        warnings.warn(
            f"scikeras cannot be imported ({type(error).__name__}: {error}). Networks are trained "
            "without it, with the same result. To have it again: pip install 'scikeras>=0.13'.",
            UserWarning,
            stacklevel=7,
        )
        return None

    class ReadyKerasClassifier(wrappers.KerasClassifier):
        """A `KerasClassifier` for class indices and a model that has its settings."""

        _fit_kwargs = frozenset()  # of the constructor: all come with the call of fit
        target_encoder = feature_encoder = _AsTheyAre()

    return ReadyKerasClassifier


def fit_keras_classifier(model, X, y, *, callbacks, **settings):
    """Train ``model``, a compiled Keras model, as a scikeras ``KerasClassifier``.

    ``y`` holds class indices. What scikeras would do beyond calling ``model.fit`` is
    left to the estimator: seeds (scikeras sets them, and TensorFlow's determinism, for
    the whole process), class weights (it changes the caller's sample weights in place).
    """
    classifier = _classifier_class()
    if classifier is None:
        model.fit(X, y, callbacks=callbacks, **settings)
        return
    settings["epochs"] -= settings["initial_epoch"]  # scikeras adds the two
    classifier(model, callbacks=callbacks).fit(X, y, **settings)
