"""`partial_fit` in small pieces, and small batches: they teach as large ones do."""

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
def test_the_classifier_learns_from_small_pieces(request, table, make_classifier, size):
    """Batch normalisation takes its moving statistics where a piece is too small for its own."""
    if size == 1:
        reason = "400 single samples give 0.68; MLPClassifier learns more from them"
        request.applymarker(pytest.mark.xfail(reason=reason))
    X, y = table
    network = make_classifier(hidden_layer_sizes=(64,), dropout_rate=0.0, learning_rate=0.01)
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


PIECES = pytest.mark.xfail(
    strict=True,
    reason="scale and decoder come from the last piece alone; the moments do not add up yet",
)


@PIECES
@pytest.mark.parametrize("size", [1, 20])
def test_features_of_small_pieces_are_those_of_large_ones(digits, make_featurizer, size):
    """The featurizer's moments add up over calls."""
    images, y = digits
    settings = {"filters": 32, "n_components": 60}
    whole = make_featurizer(**settings).fit(images)
    parts = make_featurizer(**settings).partial_fit(images[:300])
    for start in range(300, 300 + 10 * size, size):
        parts.partial_fit(images[start : start + size])

    def accuracy(featurizer):
        features = featurizer.transform(images)
        linear = LogisticRegression(max_iter=300).fit(features[:400], y[:400])
        return linear.score(features[400:], y[400:])

    assert accuracy(parts) > accuracy(whole) - 0.02
    assert parts.score(images) > 1.5 * whole.score(images)  # both are negative
    deviations = parts.transform(images).std(axis=0)
    assert 0.5 < np.median(deviations) < 2.0


@PIECES
def test_features_learned_in_pieces_of_twenty_reconstruct(digits, make_featurizer):
    images, y = digits
    settings = {"filters": 32, "n_components": 60}
    whole = make_featurizer(**settings).fit(images)
    parts = make_featurizer(**settings)
    for start in range(0, 600, 20):
        parts.partial_fit(images[start : start + 20])
    assert parts.score(images) > 2 * whole.score(images)
    features = parts.transform(images)
    linear = LogisticRegression(max_iter=300).fit(features[:400], y[:400])
    assert linear.score(features[400:], y[400:]) > 0.9


@PIECES
@pytest.mark.parametrize("whiten", [True, False])
def test_a_single_image_spoils_nothing(digits, make_featurizer, whiten):
    images = digits[0]
    fitted = make_featurizer(whiten=whiten, batch_norm=not whiten).fit(images[:300])
    before = fitted.transform(images), fitted.score(images)
    fitted.partial_fit(images[:1])
    after = fitted.transform(images)
    assert np.corrcoef(before[0].ravel(), after.ravel())[0, 1] > 0.95
    assert fitted.score(images) > 1.2 * before[1]
