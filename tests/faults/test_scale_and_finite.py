"""Scale of the data: large offsets, values out of range, and fits that leave finite numbers."""

import pickle
import warnings

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

KINDS = {
    "whitened": {"whiten": True},
    "deep": {"whiten": False},
}
kinds = pytest.mark.parametrize("kind", KINDS)

pytestmark = pytest.mark.slow


def arrays_of(estimator, but=()):
    """Return all arrays that the estimator holds, the networks' among them."""
    found = []

    def look(value):
        if isinstance(value, np.ndarray) and value.dtype.kind == "f":
            found.append(value)
        elif isinstance(value, dict):
            for part in value.values():
                look(part)
        elif isinstance(value, (list, tuple)):
            for part in value:
                look(part)
        elif isinstance(value, float):
            found.append(np.float64(value))

    look({name: value for name, value in vars(estimator).items() if name not in but})
    return found


def is_finite(estimator, but=()):
    """Tell whether all fitted numbers are finite."""
    return all(np.isfinite(array).all() for array in arrays_of(estimator, but))


def warned_or_refused(call):
    """Tell whether ``call`` gave a ConvergenceWarning, or an error about X."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            call()
        except ValueError as error:
            assert "X" in str(error)
            return True
    return any(issubclass(warning.category, ConvergenceWarning) for warning in warned)


# -- offsets -------------------------------------------------------------------


@kinds
@pytest.mark.parametrize(
    ("dtype", "offset"),
    [
        (np.float64, 1e7),
        (np.float64, 1e9),
        (np.int64, 10**7),
        (np.int32, 10**9),
        (np.uint32, 4 * 10**9),
        (np.float32, 1e6),
    ],
)
def test_an_offset_does_not_change_the_features(digits, make_featurizer, kind, dtype, offset):
    images = digits[0][:200]
    shifted = (images + offset).astype(dtype)
    np.testing.assert_array_equal(shifted.astype(np.float64) - offset, images)
    plain = make_featurizer(**KINDS[kind]).fit(images)
    fitted = make_featurizer(**KINDS[kind]).fit(shifted)
    expected = plain.transform(images)
    error = np.abs(fitted.transform(shifted) - expected).max()
    assert error < 0.02 * np.abs(expected).max()
    assert fitted.score(shifted) == pytest.approx(plain.score(images), rel=0.05)
    assert fitted.reconstruction_err_ == pytest.approx(plain.reconstruction_err_, rel=0.05)


def test_reconstructions_have_the_offset_of_the_images(digits, make_featurizer):
    images = digits[0][:200] + 1e7
    fitted = make_featurizer().fit(images)
    restored = fitted.inverse_transform(fitted.transform(images))
    error = np.mean(np.square(np.float64(restored) - images))
    assert error == pytest.approx(-fitted.score(images), rel=0.1)


def test_an_offset_does_not_change_partial_fit(digits, make_featurizer):
    images = digits[0][:400]
    plain, fitted = make_featurizer(), make_featurizer()
    for rows in (slice(0, 200), slice(200, 400)):
        plain.partial_fit(images[rows])
        fitted.partial_fit(images[rows] + 1e9)
    expected = plain.transform(images)
    error = np.abs(fitted.transform(images + 1e9) - expected).max()
    assert error < 0.02 * np.abs(expected).max()


def test_columns_of_a_table_have_offsets_of_their_own(blobs, make_featurizer):
    X, y = blobs
    offsets = np.array([1e9, -1e9, 1e8, 1e7, 0, 1e3, 1e6, -1e5, -1e7, 1.0])
    scores = []
    for table in (np.float64(X), X + offsets):
        features = make_featurizer().fit_transform(table)
        linear = LogisticRegression(max_iter=1000).fit(features[:200], y[:200])
        scores.append(linear.score(features[200:], y[200:]))
    assert scores[1] > scores[0] - 0.02


@pytest.mark.parametrize("dtype", [np.float64, np.int64, np.float32])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_the_classifier_learns_from_columns_far_from_zero(blobs, make_classifier, method, dtype):
    X, y = blobs
    far = (np.round(100 * X) + (1e9 if dtype != np.float32 else 1e6)).astype(dtype)
    network = make_classifier(epochs=20, learning_rate=0.01)
    if method == "fit":
        network.fit(far[:200], y[:200])
    for _ in range(20 if method == "partial_fit" else 0):
        network.partial_fit(far[:200], y[:200], classes=[0, 1, 2])
    assert network.score(far[200:], y[200:]) > 0.8
    if dtype == np.float32:  # the Keras model reads no other
        expected = network.predict_proba(far)
        np.testing.assert_allclose(network.model_(far), expected, atol=1e-4)
    again = pickle.loads(pickle.dumps(network))
    np.testing.assert_array_equal(again.predict(far), network.predict(far))


def test_without_hidden_layers_the_intercept_is_that_of_columns_as_they_come(
    blobs, make_classifier
):
    X, y = np.float64(blobs[0]) + 1e4, blobs[1]
    fitted = make_classifier(hidden_layer_sizes=(), epochs=30, learning_rate=0.01).fit(X, y)
    logits = X @ fitted.output_coef_.T + fitted.output_intercept_
    logits -= np.log(np.exp(logits - logits.max(1, keepdims=True)).sum(1, keepdims=True))
    expected = fitted.predict_log_proba(X)
    np.testing.assert_allclose(np.diff(logits), np.diff(expected), atol=2e-2)
    assert fitted.score(X, y) > 0.8


@pytest.mark.parametrize("method", ["predict", "partial_fit"])
def test_values_that_float32_cannot_tell_apart_later_are_warned_of(blobs, make_classifier, method):
    X, y = blobs
    fitted = make_classifier().fit(X, y)
    with pytest.warns(UserWarning, match="float32.*(StandardScaler|[Cc]entre|[Ss]cale)"):
        if method == "predict":
            fitted.predict(np.float64(X) + 1e9)
        else:
            fitted.partial_fit(np.float64(X) + 1e9, y)


# -- values out of range -------------------------------------------------------


@kinds
@pytest.mark.parametrize("method", ["transform", "score"])
@pytest.mark.parametrize("factor", [1e19, 1e25, 1e36])
def test_images_too_far_from_the_first_are_refused_or_give_numbers(
    digits, make_featurizer, kind, method, factor
):
    images = digits[0][:200]
    fitted = make_featurizer(**KINDS[kind]).fit(images)
    try:
        assert np.isfinite(getattr(fitted, method)(factor * images[:20])).all()
    except ValueError as error:
        assert "X" in str(error) and "scale" in str(error).lower()


def test_features_too_large_are_refused_or_give_numbers(digits, make_featurizer):
    images = digits[0][:200]
    fitted = make_featurizer().fit(images)
    features = fitted.transform(images[:20])
    try:
        assert np.isfinite(fitted.inverse_transform(1e37 * features)).all()
    except ValueError as error:
        assert "X" in str(error) and "scale" in str(error).lower()


@pytest.mark.parametrize("method", ["predict", "predict_proba", "predict_log_proba"])
def test_samples_too_large_are_refused_or_give_numbers(blobs, make_classifier, method):
    X, y = blobs
    fitted = make_classifier().fit(X, y)
    try:
        result = getattr(fitted, method)(1e37 * X)
        assert np.isfinite(result).all()
        assert np.isfinite(fitted.predict_proba(1e37 * X)).all()
    except ValueError as error:
        assert "X" in str(error) and "scale" in str(error).lower()


# -- fits that leave finite numbers --------------------------------------------


@kinds
@pytest.mark.parametrize("factor", [1e17, 1e19, 1e25, 1e36])
@pytest.mark.parametrize("method", ["partial_fit", "warm start"])
def test_images_far_from_the_first_spoil_nothing(digits, make_featurizer, kind, factor, method):
    """The fit warns or raises, and keeps what was; or all that it learned is finite."""
    images = digits[0][:200]
    fitted = make_featurizer(**KINDS[kind], warm_start=True).fit(images)
    before = fitted.transform(images[:20])
    go_on = fitted.partial_fit if method == "partial_fit" else fitted.fit
    said = warned_or_refused(lambda: go_on(factor * images))
    assert is_finite(fitted, but=["history_"] if said else [])
    assert np.isfinite(fitted.transform(images[:20])).all()
    if said:  # what was is kept, and can go on
        similar = np.corrcoef(fitted.transform(images[:20]).ravel(), before.ravel())[0, 1]
        assert similar > 0.9
        fitted.partial_fit(images)
        assert is_finite(fitted, but=["history_"])


@pytest.mark.parametrize("factor", [1e19, 1e30, 1e37])
@pytest.mark.parametrize("method", ["partial_fit", "warm start"])
def test_samples_far_from_the_first_spoil_nothing(blobs, make_classifier, factor, method):
    X, y = blobs
    fitted = make_classifier(warm_start=True).fit(X, y)
    go_on = fitted.partial_fit if method == "partial_fit" else fitted.fit
    said = warned_or_refused(lambda: go_on(factor * X, y))
    assert is_finite(fitted, but=["history_"] if said else [])
    assert np.isfinite(fitted.predict_proba(X)).all()
    fitted.partial_fit(X, y)
    assert is_finite(fitted, but=["history_"] if said else [])


@pytest.mark.filterwarnings("ignore:.* too few to tell:UserWarning")
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("n", [50, 300], ids=["one step", "steps"])
@pytest.mark.parametrize("learning_rate", [1e20, 1e38])
def test_absurd_rates_warn_and_leave_finite_probabilities(
    blobs, make_classifier, learning_rate, n, early_stopping
):
    """After one step the weights are finite, but what they give is not."""
    X, y = blobs
    network = make_classifier(epochs=1, learning_rate=learning_rate, early_stopping=early_stopping)
    with pytest.warns(ConvergenceWarning, match="Lower learning_rate"):
        network.fit(X[:n], y[:n])
    assert is_finite(network, but=["history_"])
    assert np.isfinite(network.predict_log_proba(X)).all()
    assert network.predict_proba(X).sum(axis=1) == pytest.approx(1.0)


@kinds
@pytest.mark.parametrize("learning_rate", [1e20, 1e38])
def test_absurd_rates_warn_and_leave_finite_features(digits, make_featurizer, kind, learning_rate):
    images = digits[0][:200]
    network = make_featurizer(**KINDS[kind], learning_rate=learning_rate)
    with pytest.warns(ConvergenceWarning, match="Lower learning_rate"):
        network.fit(images)
    assert is_finite(network, but=["history_"])
    assert np.isfinite(network.transform(images)).all()
    assert np.isfinite(network.score(images))


@pytest.mark.parametrize("early_stopping", [False, True])
def test_history_after_divergence_is_finite_or_warned_of(blobs, make_classifier, early_stopping):
    X, y = blobs
    network = make_classifier(
        warm_start=True, learning_rate=1e30, early_stopping=early_stopping, epochs=3
    )
    with pytest.warns(ConvergenceWarning):
        network.fit(1e3 * X, y)
    network.set_params(learning_rate=1e-3).fit(X, y)  # a warning would be an error here
    assert is_finite(network), network.history_
    assert network.n_iter_ == len(network.loss_curve_)


def test_what_a_fit_learned_survives_pickling_as_finite_numbers(digits, make_featurizer):
    fitted = make_featurizer().fit(digits[0][:200])
    assert is_finite(pickle.loads(pickle.dumps(fitted)))


# -- what cannot be centred -----------------------------------------------------


def test_sparse_columns_far_from_zero_are_warned_of(blobs, make_classifier):
    X, y = blobs
    far = csr_matrix(X.astype(float) + 1e6)
    with pytest.warns(UserWarning, match="10 columns of the sparse X lie close together"):
        make_classifier().fit(far, y)


@pytest.mark.parametrize("offset", [2**60, 2**63])
def test_integers_that_floats_cannot_tell_apart_are_warned_of(digits, make_featurizer, offset):
    images = digits[0].astype(np.uint64) + np.uint64(offset)
    with pytest.warns(UserWarning, match="integers beyond 2..53"):
        make_featurizer().fit(images)


def test_the_intercept_of_columns_far_from_zero_has_enough_digits(blobs, make_classifier):
    X, y = blobs
    far = X.astype(float) + 1e9
    fitted = make_classifier(hidden_layer_sizes=(), epochs=20).fit(far, y)
    logits = far @ fitted.output_coef_.T.astype(float) + fitted.output_intercept_
    np.testing.assert_allclose(logits, fitted.decision_function(far), atol=1e-3)
