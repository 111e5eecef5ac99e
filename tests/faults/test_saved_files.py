"""Estimators that another release has pickled: right, or refused with both versions."""

import pickle
import warnings
from pathlib import Path

import numpy as np
import pytest
from marks import slowly
from sklearn.datasets import load_digits

import cae_sklearn
from cae_sklearn import CAEFeaturizer, ElasticNetBNMLPClassifier

DATA = Path(__file__).parent.parent / "data"
KINDS = ["featurizer", "deep", "classifier"]
# The first denoised nothing, the second normalised contrast by another constant.
RELEASES = ["71768bd", "5b7f83a", "96c1985", "507ff6d", "a566912"]


def outputs_of(estimator):
    """Return what an estimator gives for the first five digits."""
    images = load_digits().images[:5]
    if hasattr(estimator, "transform"):
        return estimator.transform(images)
    return estimator.predict_proba(images[:, 2:6, 2:6].reshape(5, 16))


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_pickle_of_another_release_gives_the_same_or_names_both_versions(kind, release):
    expected = np.load(DATA / f"outputs-{release}.npz")[kind]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of another scikit-learn
        try:
            outputs = outputs_of(pickle.loads((DATA / f"{kind}-{release}.pkl").read_bytes()))
        except (ValueError, RuntimeError) as error:
            assert cae_sklearn.__version__ in str(error)
            assert "0.1.0" in str(error) or "earlier" in str(error)
            assert "fit" in str(error).lower()  # the remedy
            return
    np.testing.assert_allclose(outputs, expected, atol=1e-5)


@pytest.mark.parametrize("kind", ["classifier", *slowly(["featurizer", "deep"])])
def test_a_pickle_says_which_release_wrote_it(
    digits, blobs, kind, make_classifier, make_featurizer
):
    if kind == "classifier":
        fitted = make_classifier().fit(*blobs)
    else:
        fitted = make_featurizer(whiten=kind == "featurizer").fit(digits[0][:60])
    assert cae_sklearn.__version__.encode() in pickle.dumps(fitted)


@pytest.mark.parametrize("kind", ["classifier", *slowly(["featurizer", "deep"])])
def test_a_pickle_of_a_later_release_is_refused_by_name(
    digits, blobs, kind, make_classifier, make_featurizer
):
    """Whatever holds the version in the state is replaced by one of the same length."""
    if kind == "classifier":
        fitted = make_classifier().fit(*blobs)
    else:
        fitted = make_featurizer(whiten=kind == "featurizer").fit(digits[0][:60])
    before = cae_sklearn.__version__.encode()
    later = b"9" + before[1:]
    stored = pickle.dumps(fitted)
    assert before in stored
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            given = outputs_of_same(pickle.loads(stored.replace(before, later)), digits, blobs)
        except (ValueError, RuntimeError) as error:
            assert later.decode() in str(error)
            assert cae_sklearn.__version__ in str(error)
            return
    np.testing.assert_array_equal(given, outputs_of_same(fitted, digits, blobs))


def outputs_of_same(fitted, digits, blobs):
    if hasattr(fitted, "transform"):
        return fitted.transform(digits[0][:5])
    return fitted.predict_proba(blobs[0][:5])


def test_unfitted_estimators_of_any_release_load():
    for estimator in (CAEFeaturizer(filters=7), ElasticNetBNMLPClassifier(alpha=0.5)):
        loaded = pickle.loads(pickle.dumps(estimator))
        assert loaded.get_params() == estimator.get_params()
