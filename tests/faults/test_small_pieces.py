"""`partial_fit` in small pieces, and small batches: they teach as large ones do."""

import pickle

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def table():
    X, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(X))
    return X[order] / 16, y[order]


@pytest.mark.parametrize("size", [1, 2, 5])
def test_the_classifier_learns_from_small_pieces(table, make_classifier, size):
    """Batch normalisation takes its moving statistics where a piece is too small for its own."""
    X, y = table
    rate = 0.003 if size == 1 else 0.01
    network = make_classifier(hidden_layer_sizes=(64,), dropout_rate=0.0, learning_rate=rate)
    for start in range(0, 400, size):
        rows = slice(start, start + size)
        network.partial_fit(X[rows], y[rows], classes=np.arange(10))
    assert network.score(X[1000:], y[1000:]) > 0.7
    assert np.isfinite(network.loss_curve_).all()


def test_small_pieces_after_large_ones_unlearn_nothing(table, make_classifier):
    X, y = table
    network = make_classifier(hidden_layer_sizes=(64,), dropout_rate=0.0, learning_rate=0.01)
    for _ in range(3):
        for start in range(0, 1000, 100):
            rows = slice(start, start + 100)
            network.partial_fit(X[rows], y[rows], classes=np.arange(10))
    before = network.score(X[1000:], y[1000:])
    network.set_params(learning_rate=1e-4)
    for i in range(40):
        network.partial_fit(X[i : i + 1], y[i : i + 1])
    assert network.score(X[1000:], y[1000:]) > before - 0.03


@pytest.mark.parametrize("batch_size", [1, 2])
def test_the_classifier_learns_in_batches_of_one_and_two(blobs, make_classifier, batch_size):
    X, y = blobs
    settings = {"dropout_rate": 0.0, "epochs": 5, "learning_rate": 0.003}
    network = make_classifier(batch_size=batch_size, **settings).fit(X[:200], y[:200])
    assert network.score(X[200:], y[200:]) > 0.8


def accuracy(featurizer, images, y):
    features = featurizer.transform(images)
    linear = LogisticRegression(max_iter=300).fit(features[:400], y[:400])
    return linear.score(features[400:], y[400:])


@pytest.fixture(scope="module")
def pictures(table):
    return table[0][:600].reshape(-1, 8, 8), table[1][:600]


@pytest.mark.parametrize("size", [1, 20])
def test_features_of_small_pieces_are_those_of_large_ones(pictures, make_featurizer, size):
    """The featurizer's moments add up over calls."""
    images, y = pictures
    settings = {"filters": 32, "n_components": 60}
    n = 300 + 10 * size
    whole = make_featurizer(**settings).fit(images[:n])
    parts = make_featurizer(**settings).partial_fit(images[:300])
    for start in range(300, n, size):
        parts.partial_fit(images[start : start + size])
    assert accuracy(parts, images, y) > accuracy(whole, images, y) - 0.04
    assert parts.score(images) > 1.2 * whole.score(images)  # both are negative
    deviations = parts.transform(images).std(axis=0)
    assert 0.5 < np.median(deviations) < 2.0


def test_features_learned_in_pieces_of_twenty_are_those_of_a_fit(pictures, make_featurizer):
    images, y = pictures
    settings = {"filters": 32, "n_components": 60}
    whole = make_featurizer(**settings).fit(images[:400])
    parts = make_featurizer(**settings)
    for start in range(0, 400, 20):
        parts.partial_fit(images[start : start + 20])
    assert parts.score(images) > 1.2 * whole.score(images)
    assert accuracy(parts, images, y) > max(0.9, accuracy(whole, images, y) - 0.04)


@pytest.mark.parametrize("dtype", [np.uint8, np.float64])
@pytest.mark.parametrize("whiten", [True, False])
def test_the_first_pieces_teach_what_one_would(digits, make_featurizer, whiten, dtype):
    images = digits[0].astype(dtype)
    network = make_featurizer(whiten=whiten)
    for start in range(0, 280, 70):
        given = images[start : start + 70].copy()
        network.partial_fit(given)
        given[:] = 0  # what was kept is a copy
    whole = make_featurizer(whiten=whiten).partial_fit(images[:280])
    np.testing.assert_array_equal(network.transform(images), whole.transform(images))
    assert network.n_iter_ == 4
    kept = len(pickle.dumps(network))
    network.partial_fit(images[280:320])  # enough of them: none is kept any longer
    assert len(pickle.dumps(network)) < kept - 280 * 64


@pytest.mark.parametrize("whiten", [True, False])
def test_a_single_image_spoils_nothing(digits, make_featurizer, whiten):
    images = digits[0]
    fitted = make_featurizer(whiten=whiten, batch_norm=not whiten).fit(images[:300])
    before = fitted.transform(images), fitted.score(images)
    fitted.partial_fit(images[:1])
    after = fitted.transform(images)
    assert np.corrcoef(before[0].ravel(), after.ravel())[0, 1] > 0.95
    assert fitted.score(images) > 1.2 * before[1]
