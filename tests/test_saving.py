"""Fitted estimators as files: what skops may load, and models that Keras exports."""

import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import skops.io
from marks import slowly
from sklearn.pipeline import Pipeline

from cae_sklearn import CAEFeaturizer, ElasticNetBNMLPClassifier, trusted_types
from cae_sklearn._networks.choice import autoencoder_for  # noqa: F401  (defines the networks)
from cae_sklearn._networks.description import Description
from cae_sklearn._networks.mlp import MLP  # noqa: F401
from cae_sklearn.caching import FitOnceMemory

CAES = [
    CAEFeaturizer(filters=3, n_components=6, epochs=0),
    *slowly([CAEFeaturizer((3,), whiten=False, epochs=0)]),
]


@pytest.mark.parametrize("memory", [None, "cache"])
@pytest.mark.parametrize("cae", CAES, ids=["whitened", "deep"])
def test_skops_trusts_the_types_of_the_package(digits, cae, memory, tmp_path, monkeypatch):
    X, y = digits[0][:60], digits[1][:60]
    monkeypatch.chdir(tmp_path)
    clf = ElasticNetBNMLPClassifier((8,), epochs=1)
    memory = memory and FitOnceMemory(memory, verbose=0)
    stored = skops.io.dumps(Pipeline([("cae", cae), ("clf", clf)], memory=memory).fit(X, y))
    assert set(skops.io.get_untrusted_types(data=stored)) <= set(trusted_types())
    shutil.rmtree("cache", ignore_errors=True)
    loaded = skops.io.loads(stored, trusted=trusted_types())
    assert loaded.predict(X).shape == (60,)
    assert not Path("cache").exists()
    loaded.fit(X, y)  # makes the cache that it needs
    assert Path("cache").exists() == bool(memory)


def leaves(kind):
    return set().union(*map(leaves, kind.__subclasses__())) or {kind}


def test_each_network_is_trusted():
    known = {f"{kind.__module__}.{kind.__qualname__}" for kind in leaves(Description)}
    assert known <= set(trusted_types())


def test_the_list_of_trusted_types_is_a_copy():
    trusted_types().clear()
    assert len(trusted_types()) == len(set(trusted_types())) > 0


def test_a_loaded_cache_has_its_settings_and_still_caches(tmp_path):
    memory = FitOnceMemory(tmp_path, verbose=0, mmap_mode="r")
    loaded = pickle.loads(pickle.dumps(memory))
    assert vars(loaded).keys() == vars(memory).keys() - {"store_backend"}
    assert loaded.mmap_mode == "r"
    loaded.cache(np.linspace)(0, 1)
    assert memory.cache(np.linspace).check_call_in_cache(0, 1)
    with pytest.raises(AttributeError, match="no attribute 'other'"):
        loaded.other  # noqa: B018


@pytest.mark.parametrize("part", ["model_", *slowly(["encoder_", "decoder_"])])
def test_keras_models_export_at_once(digits, part, tmp_path):
    model = getattr(CAES[0].fit(digits[0][:60]), part)
    model.export(tmp_path / "model", verbose=False)
    assert (tmp_path / "model" / "saved_model.pb").exists()
