"""Images back from features: in the layout of fit, and how near they come."""

import numpy as np
import pytest
from marks import slowly
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cae_sklearn import CAEFeaturizer

X = np.random.default_rng(0).normal(5.0, 2.0, (40, 6, 7, 1))


def featurizer(**params):
    settings = {"filters": 4, "n_components": 8, "epochs": 0, "random_state": 0}
    return CAEFeaturizer(**{**settings, **params})


@pytest.mark.parametrize("shape", [(6, 7), *slowly([(6, 7, 1), (42,)])])
def test_images_come_back_in_the_layout_of_fit(shape):
    params = {"image_shape": (6, 7)} if len(shape) == 1 else {}
    given = X.reshape(-1, *shape)
    fitted = featurizer(**params).fit(given)
    restored = fitted.inverse_transform(fitted.transform(given))
    assert restored.shape == given.shape
    other = featurizer().fit(X)
    np.testing.assert_array_equal(
        restored.reshape(X.shape), other.inverse_transform(other.transform(X))
    )
    fitted.partial_fit(X)
    assert fitted.inverse_transform(fitted.transform(X)).shape == X.shape  # of the last call


def test_pipelines_invert():
    rows = X.reshape(40, -1)
    pipeline = make_pipeline(StandardScaler(), featurizer(image_shape=(6, 7))).fit(rows)
    restored = pipeline.inverse_transform(pipeline.transform(rows))
    assert restored.shape == rows.shape
    assert np.square(restored - rows).mean() < rows.var()


@pytest.mark.parametrize("params", [{}, {"whiten": False, "filters": (3,)}])
def test_the_score_is_the_mean_of_those_of_the_images(params):
    fitted = featurizer(**params).fit(X[:30])
    scores = fitted.score_samples(X)
    restored = fitted.inverse_transform(fitted.transform(X))
    np.testing.assert_allclose(scores, -np.square(restored - X).mean(axis=(1, 2, 3)), rtol=1e-5)
    assert fitted.score(X) == pytest.approx(scores.mean())


def test_anomalies_have_the_lowest_scores(digits):
    images = digits[0]
    fitted = featurizer(n_components=20).fit(images[:100])
    noise = np.random.default_rng(0).permuted(images[100:150].reshape(50, -1), axis=1)
    strange = fitted.score_samples(noise.reshape(50, 8, 8))
    assert np.median(fitted.score_samples(images[100:150])) > np.quantile(strange, 0.9)
