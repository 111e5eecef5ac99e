"""Weights of samples: their common factor does not matter, and classes of weight zero stay."""

import keras
import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.ensemble import AdaBoostClassifier, BaggingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression

FACTORS = [1 / 300, 2.0**-40, 2.0**20]
OPTIMIZERS = ["adam", keras.optimizers.SGD(0.1, nesterov=True)]
optimizers = pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=["fast loop", "Keras's loop"])


@pytest.fixture(scope="module")
def weight():
    return np.random.default_rng(1).uniform(0.5, 2.0, 300)


@optimizers
def test_a_common_factor_of_the_weights_changes_nothing(blobs, weight, make_classifier, optimizer):
    X, y = blobs
    factors = FACTORS if optimizer == "adam" else FACTORS[:1]  # Keras's loop is traced anew
    settings = {"alpha": 0.03, "optimizer": optimizer, "epochs": 3}
    expected, *others = (
        make_classifier(**settings).fit(X, y, sample_weight=factor * weight)
        for factor in (1.0, *factors)
    )
    for fitted in others:
        np.testing.assert_allclose(fitted.predict_proba(X), expected.predict_proba(X), atol=1e-4)
        for name, curve in expected.history_.items():
            np.testing.assert_allclose(fitted.history_[name], curve, rtol=1e-4, err_msg=name)


def test_equal_weights_are_no_weights(blobs, make_classifier):
    X, y = blobs
    expected = make_classifier(alpha=0.03).fit(X, y)
    for value in (1.0, 1 / 300, 50.0):
        fitted = make_classifier(alpha=0.03).fit(X, y, sample_weight=np.full(300, value))
        np.testing.assert_allclose(fitted.predict_proba(X), expected.predict_proba(X), atol=1e-4)


def test_a_common_factor_of_class_weight_changes_nothing(blobs, make_classifier):
    X, y = blobs
    weights = {label: 1 / np.count_nonzero(y == label) for label in range(3)}
    expected, fitted = (
        make_classifier(
            alpha=0.03, class_weight={label: factor * w for label, w in weights.items()}
        ).fit(X, y)
        for factor in (100.0, 1.0)
    )
    np.testing.assert_allclose(fitted.predict_proba(X), expected.predict_proba(X), atol=1e-4)


@pytest.mark.parametrize("factor", FACTORS)
def test_a_common_factor_of_the_weights_changes_nothing_in_partial_fit(
    blobs, weight, make_classifier, factor
):
    X, y = blobs
    expected, fitted = make_classifier(alpha=0.03), make_classifier(alpha=0.03)
    for rows in np.split(np.arange(300), 3):
        expected.partial_fit(X[rows], y[rows], [0, 1, 2], weight[rows])
        fitted.partial_fit(X[rows], y[rows], [0, 1, 2], factor * weight[rows])
    np.testing.assert_allclose(fitted.predict_proba(X), expected.predict_proba(X), atol=1e-4)


def test_pieces_of_partial_fit_keep_their_weight_against_each_other(blobs, make_classifier):
    """A piece of small weights counts less than one of large weights: labels tell whose won."""
    X, y = np.zeros((40, 10)), np.repeat([0, 1], 20)

    def share(weights):
        fitted = make_classifier(learning_rate=0.01, dropout_rate=0.0)
        fitted.partial_fit(X, y, [0, 1, 2])
        for _ in range(10):
            for label, weight in enumerate(weights):
                rows = np.flatnonzero(y == label)
                fitted.partial_fit(X[rows], y[rows], sample_weight=np.full(20, weight))
        return fitted.predict_proba(X[:1])[0]

    light, heavy = share([0.1, 1.0]), share([1.0, 0.1])
    assert light[1] > light[0]
    assert heavy[0] > heavy[1]


@optimizers
def test_the_validation_loss_is_the_weighted_mean_and_the_penalty(make_classifier, optimizer):
    """With features that say nothing, each class has one loss; the split is stratified."""
    X, y = np.zeros((200, 10)), np.repeat([0, 1], 100)
    settings = {"early_stopping": True, "validation_fraction": 0.2}  # enough not to warn
    fitted = make_classifier(epochs=1, optimizer=optimizer, **settings).fit(
        X, y, sample_weight=np.where(y == 0, 1e-3, 3e-3)
    )
    losses = -fitted.predict_log_proba(X[:1])[0]
    penalty = float(sum(fitted.model_.losses))
    expected = (losses[0] + 3 * losses[1]) / 4 + penalty
    assert fitted.validation_loss_curve_[0] == pytest.approx(expected, rel=1e-4)


@pytest.mark.slow
def test_boosting_learns(make_classifier):
    """AdaBoost's weights sum to 1."""
    X, y = load_digits(return_X_y=True)
    X = X[:600] / 16
    network = make_classifier(
        hidden_layer_sizes=(32,), epochs=15, learning_rate=0.01, dropout_rate=0.1, alpha=1e-3
    )
    plain = network.fit(X[:400], y[:400]).score(X[400:], y[400:600])
    boosted = AdaBoostClassifier(network, n_estimators=2, random_state=0)
    boosted.fit(X[:400], y[:400])
    assert boosted.estimators_[0].score(X[400:], y[400:600]) > plain - 0.05
    assert boosted.score(X[400:], y[400:600]) > plain - 0.05


# -- classes of weight zero ----------------------------------------------------


@pytest.mark.parametrize("early_stopping", [True, False])
def test_a_class_of_weight_zero_stays_a_class(blobs, make_classifier, early_stopping):
    X, y = blobs
    fitted = make_classifier(early_stopping=early_stopping, validation_fraction=0.2, epochs=10)
    fitted.fit(X, y, sample_weight=1.0 * (y != 1))
    np.testing.assert_array_equal(fitted.classes_, [0, 1, 2])
    probabilities = fitted.predict_proba(X)
    assert probabilities.shape == (300, 3)
    assert np.isfinite(fitted.predict_log_proba(X)).all()
    assert probabilities[:, 1].mean() < 0.1  # none of them was shown


@pytest.mark.parametrize("early_stopping", [True, False])
def test_weights_of_one_class_only_predict_that_class(blobs, make_classifier, early_stopping):
    """As in LogisticRegression and MLPClassifier: classes are those of y."""
    X, y = blobs
    fitted = make_classifier(early_stopping=early_stopping, validation_fraction=0.4, epochs=10)
    fitted.fit(X, y, sample_weight=1.0 * (y == 2))
    np.testing.assert_array_equal(fitted.classes_, [0, 1, 2])
    assert np.mean(fitted.predict(X) == 2) > 0.9


def test_a_warm_start_knows_a_class_of_weight_zero(blobs, make_classifier):
    X, y = blobs
    fitted = make_classifier(warm_start=True).fit(X, y, sample_weight=1.0 * (y != 1))
    fitted.fit(X, y)
    np.testing.assert_array_equal(fitted.classes_, [0, 1, 2])


def test_soft_voting_takes_a_class_of_weight_zero(blobs, make_classifier):
    X, y = blobs
    voters = [("net", make_classifier(epochs=10)), ("linear", LogisticRegression())]
    voting = VotingClassifier(voters, voting="soft").fit(X, y, sample_weight=1.0 * (y != 1))
    assert voting.predict_proba(X).shape == (300, 3)


def test_bagging_takes_samples_of_one_class(make_classifier):
    """Bootstrap samples of four, drawn as weights, often leave a class out."""
    X, y = np.eye(4, 10), np.array([0, 1, 1, 1])
    network = make_classifier(early_stopping=False)
    bagging = BaggingClassifier(network, 8, random_state=0).fit(X, y)
    assert bagging.predict_proba(X).shape == (4, 2)


# -- weights beyond the range of floats -----------------------------------------


@pytest.mark.parametrize(
    ("weight", "of_class", "message"),
    [
        (1e308, None, "sample_weight must be at most 1e.300"),
        (1e-200, 1e-200, "sample_weight, times class_weight"),
        (1e200, 1e200, "sample_weight, times class_weight"),
        (1.0, 1e308, "sample_weight, times class_weight"),
        (1.0, 10**400, "class_weight must hold positive finite numbers"),
        (1.0, "a", "class_weight must hold positive finite numbers"),
        (1.0, [1, 2], "class_weight must hold positive finite numbers"),
    ],
)
def test_weights_whose_sum_or_product_is_no_number_are_named(
    blobs, make_classifier, weight, of_class, message
):
    class_weight = None if of_class is None else dict.fromkeys([0, 1, 2], of_class)
    with pytest.raises(ValueError, match=message):
        make_classifier(class_weight=class_weight).fit(*blobs, sample_weight=np.full(300, weight))


def test_weights_of_two_calls_that_have_no_common_scale_are_named(blobs, make_classifier):
    fitted = make_classifier().partial_fit(
        *blobs, classes=[0, 1, 2], sample_weight=np.full(300, 1e300)
    )
    with pytest.raises(ValueError, match="sample_weight, times class_weight"):
        fitted.partial_fit(*blobs, sample_weight=np.full(300, 1e-300))
