"""What holds for any images, tables, labels and weights, not for chosen ones alone."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from marks import slowly

from cae_sklearn import CAEFeaturizer, ElasticNetBNMLPClassifier

COMMON = {
    "derandomize": True,
    "deadline": None,
    "database": None,
    "suppress_health_check": list(HealthCheck),
}


def examples(few, many):
    """Run a test of so many examples, the same in each run; with many, or few=None, it is slow."""
    return pytest.mark.parametrize("n", [*([few] if few else []), *slowly([many])])


def holds(n, check, **strategies):
    """Call ``check`` with n drawn examples."""
    settings(max_examples=n, **COMMON)(given(**strategies)(check))()


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

    restored = fitted.inverse_transform(features)
    assert restored.shape == X.shape and np.isfinite(restored).all()
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
    flat = CAEFeaturizer(**params, image_shape=fitted.image_shape_).fit(plain.reshape(n, -1))
    np.testing.assert_array_equal(flat.transform(plain.reshape(n, -1)), features)


@examples(1, 40)
def test_features_of_any_images(n):
    shapes = FEW_SHAPES + (MORE_SHAPES if n > 1 else [])
    holds(n, check_features, X=arrays(shapes, most=70), params=parameters())


def check_rescaling(shape, factor, offset, params):
    """Features do not change when the input is rescaled."""
    X = np.random.default_rng(0).normal(size=(50, *shape))
    plain = CAEFeaturizer(**params).fit(X)
    other = CAEFeaturizer(**params).fit(factor * X + offset)
    features = plain.transform(X)
    error = np.abs(other.transform(factor * X + offset) - features).max()
    assert error < 0.02 * np.abs(features).max()
    assert other.score(factor * X + offset) / factor**2 == pytest.approx(plain.score(X), rel=0.02)


WHITENED = {"filters": 4, "kernel_size": 3, "n_components": 6, "epochs": 1, "random_state": 0}
DEEP = {"filters": (3,), "kernel_size": 3, "output_size": 2, "whiten": False, "epochs": 1}
CHANGES = [  # a factor, an offset before it, a featurizer
    (255.0, 1.0, {**DEEP, "random_state": 0}),
    (1e-12, 0.0, WHITENED),
    (1e9, -1e3, {**WHITENED, "batch_size": 7}),
]


@pytest.mark.parametrize("change", slowly(CHANGES))
def test_features_do_not_change_with_the_scale(change):
    factor, offset, params = change
    check_rescaling((6, 5, 3), factor, offset * factor, params)


@pytest.mark.slow
def test_features_do_not_change_with_any_scale():
    holds(
        30,
        lambda shape, factor, offset, params: check_rescaling(
            shape, factor, offset * factor, params
        ),
        shape=st.sampled_from(FEW_SHAPES),
        factor=st.floats(1e-15, 1e15),
        offset=st.floats(-1e4, 1e4),
        params=parameters(),
    )


@examples(None, 8)
def test_a_constant_column_does_the_features_no_harm(n):
    def features(value, column):
        X = np.random.default_rng(0).normal(size=(60, 9))
        X[:, column] = value
        return CAEFeaturizer(4, n_components=6, epochs=1, random_state=0).fit_transform(X)

    def check(value, column):
        np.testing.assert_allclose(features(value, column), features(0.0, column), atol=0.02)

    values = st.sampled_from([1e20, 1.0, -3e5])
    holds(n, check, value=values, column=st.integers(0, 8))


@examples(None, 5)
def test_a_constant_channel_does_the_features_no_harm(n):
    def check(value, channel):
        X = np.random.default_rng(0).normal(size=(40, 6, 5, 3))
        X[..., channel] = value
        fitted = CAEFeaturizer(**WHITENED).fit(X)
        assert np.isfinite(fitted.transform(X)).all()
        restored = fitted.inverse_transform(fitted.transform(X))
        np.testing.assert_allclose(restored[..., channel], value, rtol=1e-4, atol=1e-3)

    holds(n, check, value=st.sampled_from([-1e4, 0.0, 7.0]), channel=st.integers(0, 2))


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


@examples(None, 80)
def test_probabilities_of_any_table(n):
    wide = {"most": 300, "n_features": (1, 2, 4, 30), "n_classes": list(LABELS)} if n > 4 else {}
    holds(n, check_probabilities, problem=problems(**wide), batch_size=batch_sizes)


@examples(4, 30)
def test_a_common_factor_of_any_weights_changes_nothing(n):
    def check(problem, factor, batch_size):
        X, y, weight = problem
        weight = np.ones(len(X)) if weight is None else weight
        one, other = (
            classifier(batch_size=batch_size, alpha=0.01).fit(X, y, sample_weight=w)
            for w in (weight, factor * weight)
        )
        np.testing.assert_allclose(other.predict_proba(X), one.predict_proba(X), atol=1e-3)

    holds(
        n,
        check,
        problem=problems(),
        factor=st.floats(1e-12, 1e12),
        batch_size=batch_sizes,
    )


@examples(2, 20)
def test_other_names_in_the_same_order_change_nothing(n):
    def check(problem, seed):
        X, y, weight = problem
        rng = np.random.default_rng(seed)
        names = np.sort(rng.choice(1000, len(np.unique(y)), replace=False))
        renamed = names[np.searchsorted(np.unique(y), y)]
        a, b = (classifier().fit(X, target, sample_weight=weight) for target in (y, renamed))
        np.testing.assert_array_equal(a.predict_proba(X), b.predict_proba(X))

    holds(n, check, problem=problems(), seed=st.integers(0, 99))


LEARNS = {"epochs": 30, "learning_rate": 0.01, "dropout_rate": 0.0}


@examples(2, 6)
def test_permuted_labels_permute_the_columns(blobs, n):
    """Of what is learned; where the output starts depends on the place of a class."""
    X, y = blobs
    plain = classifier(**LEARNS).fit(X, y).predict_proba(X)

    def check(order):
        permuted = classifier(**LEARNS).fit(X, np.array(order)[y]).predict_proba(X)
        assert np.mean(np.abs(permuted[:, list(order)] - plain)) < 0.05

    holds(n, check, order=st.permutations([1, 2, 0]))


@examples(2, 12)
def test_a_larger_alpha_leaves_no_fewer_zeros(blobs, n):
    X, y = blobs

    def check(alpha, l1_ratio):
        few, more = (
            classifier(alpha=a, l1_ratio=l1_ratio, epochs=20).fit(X, y).sparsity_
            for a in (alpha, 10 * alpha)
        )
        assert more >= few

    holds(n, check, alpha=st.floats(1e-4, 1e-1), l1_ratio=st.sampled_from([0.5, 1.0]))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("value", [1e4, -100.0, *slowly([1.0])])
def test_a_constant_feature_does_the_classifier_no_harm(blobs, value, dtype):
    X, y = blobs
    X = np.insert(X.astype(dtype), 3, value, axis=1)
    fitted = classifier(**LEARNS).fit(X[:200], y[:200])
    assert fitted.score(X[200:], y[200:]) > 0.75
    np.testing.assert_allclose(fitted.model_(np.float32(X)), fitted.predict_proba(X), atol=1e-4)
