"""What importing scikeras leaves behind: nothing."""

import keras

from cae_sklearn._training.scikeras import _classifier_class


def test_scikeras_plants_nothing_on_kerass_classes():
    _classifier_class()
    owners = keras.Model, keras.losses.Loss, keras.metrics.Metric, keras.optimizers.Optimizer
    for owner in owners:
        for name in ("__reduce__", "__deepcopy__"):
            method = vars(owner).get(name)
            assert "scikeras" not in getattr(method, "__module__", ""), (owner, name)
