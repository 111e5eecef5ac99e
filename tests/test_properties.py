"""What holds for any images, tables, labels and weights, not for chosen ones alone."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cae_sklearn import CAEFeaturizer, ElasticNetBNMLPClassifier

COMMON = {
    "derandomize": True,
    "deadline": None,
    "database": None,
    "suppress_health_check": list(HealthCheck),
}


def quick(n_examples):
    """Few examples, the same in each run."""
    return settings(max_examples=n_examples, **COMMON)


# Networks are traced for each shape, which takes seconds: quick tests draw of few shapes.
FEW_SHAPES = [(6, 5, 3), (1, 9)]
MORE_SHAPES = [
    (8, 8),
    (1, 1),
    (2, 2),
    (3, 1, 2),
    (1, 40, 2),
    (7, 4, 4),
    (12, 1),
    (5, 9, 6),
    (16, 10, 3),
    (1, 300),
    (9, 9, 2),
]
DTYPES = ["u1", "i1", "<u2", ">i2", "<i4", ">i4", "<i8", "<f2", "<f4", ">f4", "<f8", ">f8", "?"]
LAYOUTS = {
    "C": np.ascontiguousarray,
    "Fortran": np.asfortranarray,
    "reversed": lambda X: np.ascontiguousarray(X[::-1])[::-1],
    "strided": lambda X: np.repeat(X, 2, axis=0)[::2],
    "inner axis strided": lambda X: np.repeat(X, 2, axis=-1)[..., ::2],
    "read-only": lambda X: _read_only(X.copy()),
    "not aligned": lambda X: _not_aligned(X),
}


def _read_only(X):
    X.flags.writeable = False
    return X


def _not_aligned(X):
    memory = np.zeros(X.nbytes + 1, np.uint8)
    other = memory[1:].view(X.dtype) if X.dtype.itemsize == 1 else None
    if other is None:
        other = np.ndarray(X.shape, X.dtype, memory, offset=1)
    other = other.reshape(X.shape)
    other[...] = X
    return other


@st.composite
def arrays(draw, shapes, least=2, most=40):
    """Draw data of n samples in some dtype and memory layout."""
    shape = draw(st.sampled_from(shapes))
    n = draw(st.integers(least, most))
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    values = rng.normal(size=(n, *shape)) * draw(st.sampled_from([1.0, 20.0]))
    if dtype.kind == "u":
        values = np.abs(values)
    X = values.astype(dtype) if dtype.kind != "b" else values > 0
    return LAYOUTS[draw(st.sampled_from(list(LAYOUTS)))](X)


@st.composite
def parameters(draw):
    """Draw a small featurizer, whitened or deep, and its batch size from 1 to beyond n."""
    batch_size = draw(st.sampled_from([1, 2, 7, 32, 1000]))
    common = {"epochs": 1, "batch_size": batch_size, "random_state": draw(st.integers(0, 9))}
    if draw(st.booleans()):
        return {"filters": 4, "kernel_size": 3, "n_components": 6, **common}
    return {"filters": (3,), "kernel_size": 3, "output_size": 2, "whiten": False, **common}


def check_features(X, params):
    """Check what holds for the features of any images."""
    n = len(X)
    fitted = CAEFeaturizer(**params).fit(X)
    features = fitted.transform(X)
    assert features.dtype == np.float32 and features.shape[0] == n
    assert np.isfinite(features).all()
    assert len(fitted.get_feature_names_out()) == features.shape[1]

    restored = fitted.inverse_transform(features)  # the decoder's shape is the input's
    shape = X.shape[1:] if X.ndim == 4 else (*X.shape[1:], 1)
    assert restored.shape == (n, *shape) and np.isfinite(restored).all()
    assert np.isfinite(fitted.score(X)) and np.isfinite(fitted.reconstruction_err_)
    error = np.mean(np.square(np.float64(restored) - np.reshape(X, restored.shape)))
    assert fitted.score(X) == pytest.approx(-error, rel=1e-3, abs=1e-6)

    plain = np.ascontiguousarray(X).astype(X.dtype.newbyteorder("="))
    np.testing.assert_array_equal(fitted.transform(plain), features)
    order = np.random.default_rng(0).permutation(n)
    np.testing.assert_array_equal(fitted.transform(plain[order]), features[order])
    half = n // 2 or 1
    parts = [fitted.transform(part) for part in (plain[:half], plain[half:]) if len(part)]
    np.testing.assert_array_equal(np.concatenate(parts), features)
    flat = CAEFeaturizer(**params, image_shape=shape).fit(plain.reshape(n, -1))
    np.testing.assert_array_equal(flat.transform(plain.reshape(n, -1)), features)


@quick(6)
@given(X=arrays(FEW_SHAPES), params=parameters())
def test_features_of_any_images(X, params):
    check_features(X, params)


@pytest.mark.slow
@quick(40)
@given(X=arrays(FEW_SHAPES + MORE_SHAPES, most=70), params=parameters())
def test_features_of_more_images(X, params):
    check_features(X, params)


def check_rescaling(shape, factor, offset, params):
    """Features do not change when the input is rescaled."""
    X = np.random.default_rng(0).normal(size=(50, *shape))
    plain = CAEFeaturizer(**params).fit(X)
    other = CAEFeaturizer(**params).fit(factor * X + offset)
    features = plain.transform(X)
    error = np.abs(other.transform(factor * X + offset) - features).max()
    assert error < 0.02 * np.abs(features).max()
    assert other.score(factor * X + offset) / factor**2 == pytest.approx(plain.score(X), rel=0.02)


FACTORS = [1e-12, 1 / 255, 1.0, 255.0, 1e9]


@quick(4)
@given(
    factor=st.sampled_from(FACTORS),
    offset=st.sampled_from([0.0, 1.0, -1e3]),
    params=parameters(),
)
def test_features_do_not_change_with_the_scale(factor, offset, params):
    check_rescaling((6, 5, 3), factor, offset * factor, params)


@pytest.mark.slow
@quick(30)
@given(
    shape=st.sampled_from(FEW_SHAPES),
    factor=st.floats(1e-15, 1e15),
    offset=st.floats(-1e4, 1e4),
    params=parameters(),
)
def test_features_do_not_change_with_any_scale(shape, factor, offset, params):
    check_rescaling(shape, factor, offset * factor, params)


@quick(4)
@given(value=st.sampled_from([0.0, 1.0, -3e5, 1e20]), column=st.integers(0, 8))
def test_a_constant_column_does_the_features_no_harm(value, column):
    X = np.random.default_rng(0).normal(size=(60, 9))
    X[:, column] = value
    fitted = CAEFeaturizer(4, n_components=6, epochs=1, random_state=0).fit(X)
    features = fitted.transform(X)
    assert np.isfinite(features).all()
    X[:, column] = 0.0
    zero = CAEFeaturizer(4, n_components=6, epochs=1, random_state=0).fit(X)
    np.testing.assert_allclose(features, zero.transform(X), atol=0.02)


@quick(3)
@given(value=st.sampled_from([0.0, 7.0, -1e4]), channel=st.integers(0, 2))
def test_a_constant_channel_does_the_features_no_harm(value, channel):
    X = np.random.default_rng(0).normal(size=(40, 6, 5, 3))
    X[..., channel] = value
    fitted = CAEFeaturizer(4, kernel_size=3, n_components=6, epochs=1, random_state=0).fit(X)
    assert np.isfinite(fitted.transform(X)).all()
    restored = fitted.inverse_transform(fitted.transform(X))
    np.testing.assert_allclose(restored[..., channel], value, rtol=1e-4, atol=1e-3)


# -- classifier ----------------------------------------------------------------


LABELS = {
    2: [[0, 1], [True, False], ["no", "yes"], [-1, 1], [2**53, 2**53 + 1], [0.0, 1.0]],
    3: [[3, 1, 2], ["c", "a", "b"], [-5, 0, 10**12]],
    6: [list("fedcba"), [5, 4, 3, 2, 1, 0]],
}


@st.composite
def problems(draw, least=12, most=60, n_features=(4,), n_classes=(3,)):
    """Draw a table, labels of some type, and weights or none."""
    n_classes = draw(st.sampled_from(n_classes))
    labels = np.array(draw(st.sampled_from(LABELS[n_classes])))
    n = draw(st.integers(max(least, 4 * n_classes), most))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    codes = rng.permutation(np.arange(n) % n_classes)
    X = rng.normal(size=(n, draw(st.sampled_from(n_features))))
    X[:, 0] += 2 * codes
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    X = (np.abs(X) if dtype.kind == "u" else X).astype(dtype)
    X = LAYOUTS[draw(st.sampled_from(list(LAYOUTS)))](X)
    weight = draw(st.sampled_from([None, rng.uniform(0.1, 3.0, n), rng.integers(0, 2, n) + 0.5]))
    return X, labels[codes], weight


def classifier(**params):
    small = {"hidden_layer_sizes": (8,), "epochs": 2, "random_state": 0, "early_stopping": False}
    return ElasticNetBNMLPClassifier(**{**small, **params})


batch_sizes = st.sampled_from([1, 2, 5, 64, 1000])


def check_probabilities(problem, batch_size):
    """Check what holds for the probabilities of any table and labels."""
    X, y, weight = problem
    fitted = classifier(batch_size=batch_size).fit(X, y, sample_weight=weight)
    probabilities = fitted.predict_proba(X)
    np.testing.assert_array_equal(fitted.classes_, np.unique(y))
    assert probabilities.shape == (len(X), len(fitted.classes_))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-12)
    assert (probabilities >= 0).all() and np.isfinite(fitted.predict_log_proba(X)).all()
    predicted = fitted.predict(X)
    assert predicted.dtype == y.dtype
    np.testing.assert_array_equal(predicted, fitted.classes_[probabilities.argmax(axis=1)])
    assert 0.0 <= fitted.sparsity_ <= 1.0
    order = np.random.default_rng(0).permutation(len(X))
    np.testing.assert_array_equal(fitted.predict_proba(X[order]), probabilities[order])
    alone = np.concatenate([fitted.predict_proba(X[i : i + 1]) for i in range(3)])
    np.testing.assert_array_equal(alone, probabilities[:3])
    plain = np.ascontiguousarray(X).astype(X.dtype.newbyteorder("="))
    same = classifier(batch_size=batch_size).fit(plain, y, sample_weight=weight)
    np.testing.assert_array_equal(same.predict_proba(plain), probabilities)


@quick(12)
@given(problem=problems(), batch_size=batch_sizes)
def test_probabilities_of_any_table(problem, batch_size):
    check_probabilities(problem, batch_size)


@pytest.mark.slow
@quick(80)
@given(
    problem=problems(most=300, n_features=(1, 2, 4, 30), n_classes=list(LABELS)),
    batch_size=batch_sizes,
)
def test_probabilities_of_more_tables(problem, batch_size):
    check_probabilities(problem, batch_size)


@quick(12)
@given(problem=problems(), factor=st.floats(1e-12, 1e12), batch_size=batch_sizes)
def test_a_common_factor_of_any_weights_changes_nothing(problem, factor, batch_size):
    X, y, weight = problem
    weight = np.ones(len(X)) if weight is None else weight
    one, other = (
        classifier(batch_size=batch_size, alpha=0.01).fit(X, y, sample_weight=w)
        for w in (weight, factor * weight)
    )
    np.testing.assert_allclose(other.predict_proba(X), one.predict_proba(X), atol=1e-3)


@quick(8)
@given(problem=problems(), seed=st.integers(0, 99))
def test_other_names_in_the_same_order_change_nothing(problem, seed):
    X, y, weight = problem
    names = np.sort(np.random.default_rng(seed).choice(1000, len(np.unique(y)), replace=False))
    renamed = names[np.searchsorted(np.unique(y), y)]
    a, b = (classifier().fit(X, target, sample_weight=weight) for target in (y, renamed))
    np.testing.assert_array_equal(a.predict_proba(X), b.predict_proba(X))


@quick(4)
@given(order=st.permutations(range(3)))
def test_permuted_labels_permute_the_columns(blobs, order):
    """Of what is learned; where the output starts depends on the place of a class."""
    X, y = blobs
    settings = {"epochs": 30, "learning_rate": 0.01, "dropout_rate": 0.0}
    plain = classifier(**settings).fit(X, y).predict_proba(X)
    permuted = classifier(**settings).fit(X, np.array(order)[y]).predict_proba(X)
    assert np.mean(np.abs(permuted[:, list(order)] - plain)) < 0.05


@quick(4)
@given(alpha=st.floats(1e-4, 1e-1), l1_ratio=st.sampled_from([0.5, 1.0]))
def test_a_larger_alpha_leaves_no_fewer_zeros(blobs, alpha, l1_ratio):
    X, y = blobs
    few, more = (
        classifier(alpha=a, l1_ratio=l1_ratio, epochs=20).fit(X, y).sparsity_
        for a in (alpha, 10 * alpha)
    )
    assert more >= few


def score_with_a_constant(blobs, value, column):
    X, y = blobs
    X = np.insert(X, column, value, axis=1)
    settings = {"epochs": 30, "learning_rate": 0.01, "dropout_rate": 0.0}
    return classifier(**settings).fit(X[:200], y[:200]).score(X[200:], y[200:])


@quick(5)
@given(value=st.sampled_from([0.0, 1.0, -100.0]), column=st.integers(0, 9))
def test_a_constant_feature_does_the_classifier_no_harm(blobs, value, column):
    assert score_with_a_constant(blobs, value, column) > 0.75


@pytest.mark.xfail(strict=True, reason="the classifier does not scale its features: 1e4 is far")
def test_a_large_constant_feature_does_the_classifier_no_harm(blobs):
    assert score_with_a_constant(blobs, 1e4, 3) > 0.75
