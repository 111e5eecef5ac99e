"""What importing scikeras leaves behind: nothing. What is lost without it: nothing."""

import warnings

import keras
import numpy as np
import pytest

from cae_sklearn import ElasticNetBNMLPClassifier
from cae_sklearn._training import scikeras
from cae_sklearn._training.scikeras import _classifier_class


def test_scikeras_plants_nothing_on_kerass_classes():
    _classifier_class()
    owners = keras.Model, keras.losses.Loss, keras.metrics.Metric, keras.optimizers.Optimizer
    for owner in owners:
        for name in ("__reduce__", "__deepcopy__"):
            method = vars(owner).get(name)
            assert "scikeras" not in getattr(method, "__module__", ""), (owner, name)


def test_without_scikeras_the_bits_are_the_same_and_one_warning_says_so(blobs, monkeypatch):
    X, y = blobs
    network = ElasticNetBNMLPClassifier((16, 8), epochs=2, warm_start=True, random_state=0)
    expected = [network.fit(X, y).output_coef_ for _ in range(2)]

    def missing():
        raise ImportError("no module named scikeras")

    monkeypatch.setattr(scikeras, "_import_scikeras", missing)
    _classifier_class.cache_clear()
    try:
        network = ElasticNetBNMLPClassifier((16, 8), epochs=2, warm_start=True, random_state=0)
        with pytest.warns(UserWarning, match="scikeras cannot be imported .* pip install"):
            np.testing.assert_array_equal(network.fit(X, y).output_coef_, expected[0])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            np.testing.assert_array_equal(network.fit(X, y).output_coef_, expected[1])
    finally:
        _classifier_class.cache_clear()
