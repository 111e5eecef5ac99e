"""CAEFeaturizer: what it learns, promises and refuses."""

import copy
from itertools import product

import keras
import numpy as np
import pandas as pd
import pytest
from marks import slowly
from pictures import pictures
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils import estimator_html_repr

from cae_sklearn import CAEFeaturizer

DEEP = {"whiten": False, "filters": (8, 4), "kernel_size": 3}
AS_IT_IS = {"output_size": None, "shift": 0.0, "n_components": None}  # features are the code
NETWORKS = {
    "whitened": {"filters": 12, "kernel_size": 3},
    "deep": DEEP,
    "deep-plain": {**DEEP, **AS_IT_IS, "noise": 0.0},
}
KINDS = pytest.mark.parametrize("kind", ["whitened", "deep"])
KINDS_ONE_SLOWLY = pytest.mark.parametrize("kind", ["whitened", *slowly(["deep"])])
ALL_KINDS = pytest.mark.parametrize(
    "kind",
    [
        "whitened",
        *slowly(kind for kind in NETWORKS if "deep" in kind),
    ],
)


def featurizer(kind=None, **params):
    return CAEFeaturizer(**{"epochs": 2, "random_state": 0, **NETWORKS.get(kind, {}), **params})


@pytest.fixture(scope="module")
def fits():
    """Return a function that gives a fitted featurizer of a kind, a copy of the one fit."""
    done = {}

    def fitted(kind):
        if kind not in done:
            done[kind] = featurizer(kind).fit(pictures())
        return copy.deepcopy(done[kind])

    return fitted


ALL_SIZES = product(NETWORKS, [(7, 11, 1), (1, 9, 2), (5, 1, 1), (1, 1, 1), (2, 2, 3)])
SIZES = [("deep-plain", (7, 11, 1)), ("whitened", (1, 9, 2))]
MORE_SIZES = [size for size in ALL_SIZES if size not in SIZES]


@pytest.mark.parametrize(
    ("kind", "shape"),
    [*SIZES, *(pytest.param(*size, marks=pytest.mark.slow) for size in MORE_SIZES)],
)
def test_any_spatial_size(kind, shape):
    X = pictures(shape=shape)
    fitted = featurizer(kind, epochs=1).fit(X)
    features = fitted.transform(X)
    assert features.dtype == np.float32
    assert features.shape == (40, len(fitted.get_feature_names_out()))
    assert fitted.inverse_transform(features).shape == X.shape
    assert fitted.image_shape_ == shape
    assert fitted.n_features_in_ == np.prod(shape)


@ALL_KINDS
def test_flat_and_shaped_pixels_give_the_same_features(kind):
    X = pictures(shape=(8, 8, 1))
    shaped = featurizer(kind, epochs=1).fit(X)
    three = featurizer(kind, epochs=1).fit(X[..., 0])
    flat = featurizer(kind, epochs=1, image_shape=(8, 8)).fit(X.reshape(40, -1))
    expected = shaped.transform(X)
    np.testing.assert_array_equal(three.transform(X[..., 0]), expected)
    np.testing.assert_array_equal(flat.transform(X.reshape(40, -1)), expected)
    np.testing.assert_array_equal(shaped.transform(X.reshape(40, -1)), expected)
    assert flat.n_features_in_ == shaped.n_features_in_ == 64


@pytest.mark.slow
@ALL_KINDS
def test_features_do_not_depend_on_the_scale_of_the_input(kind, fits):
    X = pictures()
    bytes_ = fits(kind).transform(X)
    floats = featurizer(kind).fit(X / 255).transform(X / 255)
    assert np.abs(bytes_ - floats).max() < 1e-2 * bytes_.std()


@ALL_KINDS
def test_the_same_bits_for_any_dtype_and_batch(kind, fits):
    X = pictures()
    fitted = fits(kind)
    features = fitted.transform(X)
    for dtype in (np.int64, np.float32, np.float64):
        other = featurizer(kind).fit(X.astype(dtype))
        np.testing.assert_array_equal(other.transform(X.astype(dtype)), features)
    many = pictures(300)  # more than one call encodes
    features = fitted.transform(many)
    few = [0, 1, 31, 32, 255, 256, 299]
    alone = np.vstack([fitted.transform(many[i : i + 1]) for i in few])
    np.testing.assert_array_equal(alone, features[few])


@pytest.mark.slow
def test_a_sample_has_the_same_bits_alone_where_images_fill_the_cache():
    X = pictures(24, (32, 32, 3))
    fitted = CAEFeaturizer(epochs=0, random_state=0).fit(X)
    alone = np.vstack([fitted.transform(x[None]) for x in X])
    np.testing.assert_array_equal(alone, fitted.transform(X))


@pytest.fixture(scope="module")
def trained():
    """Return a function that gives a featurizer trained for longer, and its images."""
    done = {}

    def fitted(kind):
        if kind not in done:
            finer = {"output_size": 4, "kernel_size": 6} if kind == "whitened" else {}
            X = pictures(200).astype(np.float32)
            cae = featurizer(kind, **finer, epochs=20, learning_rate=0.003)
            done[kind] = cae.fit(X), X
        return done[kind]

    return fitted


@ALL_KINDS
def test_training_lowers_the_loss(kind, trained):
    fitted, _ = trained(kind)
    assert fitted.loss_curve_[-1] < 0.98 * fitted.loss_curve_[0]
    assert fitted.n_iter_ == 20 == len(fitted.history_["loss"])


@ALL_KINDS
def test_reconstruction_beats_the_mean_image(kind, trained):
    fitted, X = trained(kind)
    errors = np.square(fitted.inverse_transform(fitted.transform(X)) - X)
    assert fitted.score(X) == pytest.approx(-errors.mean(), rel=1e-4)
    # 36 numbers, what shifts by two pixels leave of them, stand for 432
    assert errors.mean() < (0.7 if kind == "whitened" else 0.8) * X.var()


@ALL_KINDS
def test_the_keras_models_do_what_the_methods_do(kind, fits, tmp_path):
    X, fitted = pictures(), fits(kind)
    features = fitted.transform(X)
    np.testing.assert_allclose(fitted.encoder_(np.float32(X)), features, atol=1e-5)
    restored = fitted.inverse_transform(features)
    np.testing.assert_allclose(fitted.decoder_(features), restored, atol=1e-3)
    np.testing.assert_allclose(fitted.model_(np.float32(X)), restored, atol=1e-2)
    fitted.encoder_.save(tmp_path / "encoder.keras")
    loaded = keras.models.load_model(tmp_path / "encoder.keras")
    np.testing.assert_allclose(loaded(np.float32(X)), features, atol=1e-5)


def test_features_are_standardised():
    features = featurizer("whitened").fit_transform(pictures(400))
    np.testing.assert_allclose(features.mean(axis=0), 0.0, atol=0.02)
    assert features.std(axis=0).min() > 0.9 and features.std(axis=0).max() < 1.01


@pytest.mark.slow
def test_the_user_controls_the_number_of_features():
    X = pictures()
    kept = {"n_components": None, "epochs": 0}
    for size, filters, n_cells in ((2, 8, 4 + 1), ((1, 3), 5, 3 + 1), (1, 5, 1)):
        fitted = featurizer(filters=filters, output_size=size, **kept).fit(X)
        assert fitted.transform(X).shape[1] == n_cells * (2 * filters + 3 + 1)


@pytest.mark.slow
def test_the_user_chooses_the_number_of_components():
    X = pictures(100)
    pooled = (9 + 1) * (2 * 12 + 4)
    for n_components, expected in ((5, 5), (None, pooled), (10_000, 99)):
        fitted = featurizer("whitened", n_components=n_components, epochs=0).fit(X)
        features = fitted.transform(X)
        assert features.shape == (100, expected)
        assert fitted.inverse_transform(features).shape == X.shape
        np.testing.assert_allclose(features.std(axis=0), 1.0, atol=0.05)
    few = featurizer("whitened", n_components=5, epochs=0).fit(X[:4]).transform(X)
    assert few.shape == (100, 3)
    assert np.isfinite(few).all()
    plain = featurizer("whitened", n_components=np.int64(5), shift=0.0, epochs=0).fit(X)
    assert plain.transform(X).shape == (100, 5)
    plain.set_params(n_components=None)
    assert plain.fit(X).transform(X).shape == (100, pooled)


def test_going_on_keeps_the_number_of_components():
    fitted = featurizer("whitened", n_components=5, warm_start=True, epochs=0).fit(pictures())
    with pytest.raises(ValueError, match="n_components from 5 to 6"):
        fitted.set_params(n_components=6).fit(pictures())


@pytest.mark.slow
@pytest.mark.parametrize("whiten", [True, False])
def test_large_images_are_looked_at_in_their_resolution(whiten):
    settings = {"whiten": whiten, "filters": 6, "kernel_size": 3, "epochs": 1}
    X = pictures(40, (24, 24, 3))
    fitted = featurizer(**settings, resolution=12).fit(X)
    features = fitted.transform(X)
    assert fitted.image_shape_ == (24, 24, 3)
    small = X.reshape(40, 12, 2, 12, 2, 3).mean(axis=(2, 4))
    same = featurizer(**settings, resolution=None).fit(small)
    np.testing.assert_allclose(features, same.transform(small), atol=1e-3)
    np.testing.assert_array_equal(np.concatenate([fitted.transform(x[None]) for x in X]), features)
    restored = fitted.inverse_transform(features)
    assert restored.shape == X.shape
    np.testing.assert_allclose(fitted.encoder_(np.float32(X)), features, atol=1e-3)
    np.testing.assert_allclose(fitted.decoder_(features), restored, atol=1e-2)
    np.testing.assert_allclose(fitted.model_(np.float32(X)), restored, atol=1e-1)
    error = np.mean(np.square(restored - X))
    assert fitted.reconstruction_err_ == pytest.approx(error, rel=1e-4)


def test_few_images_weigh_the_whole_image_more():
    from cae_sklearn._networks.autoencoder import FEW_IMAGES, cell_weights

    n_cells = np.array([1, 9])
    for n_images, weight in ((0, 1 / 9), (FEW_IMAGES, 1 / 3), (10**9, 1)):
        np.testing.assert_allclose(cell_weights(n_cells, n_images), [1, weight], rtol=1e-4)
    X = pictures(20)
    settings = {"n_components": None, "shift": 0.0, "epochs": 0}
    fitted = featurizer("whitened", **settings).fit(X)
    features, of_cells = fitted.transform(X), fitted._network.n_cells
    assert features[:, of_cells == 1].std() > 3 * features[:, of_cells == 9].std()


@pytest.mark.slow
def test_few_images_do_not_blow_up_the_others():
    X, others = pictures(100), pictures(200, seed=1)
    for n in (2, 5, 100):
        fitted = featurizer("whitened", epochs=1).fit(X[:n])
        assert fitted.transform(others).std() < 15
        assert -fitted.score(others) < 10 * others.astype(float).var()


@pytest.mark.slow
def test_later_small_batches_keep_what_the_first_call_denoised():
    X = pictures(300)
    fitted = featurizer("whitened").partial_fit(X)
    before = fitted.transform(X)
    for batch in (X[:200], X[:1], X[:200]):
        fitted.partial_fit(batch)
    after = fitted.transform(X)
    correlations = [np.corrcoef(a, b)[0, 1] for a, b in zip(before.T, after.T, strict=True)]
    assert np.median(correlations) > 0.9


def test_rows_of_a_table():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 13)) * 10.0 ** rng.integers(-3, 4, 13)
    fitted = featurizer(filters=7).fit(X)
    features = fitted.transform(X)
    assert features.shape == (200, 7 + 13)
    scaled = (X - X.mean(axis=0)) / X.std(axis=0)
    np.testing.assert_allclose(features[:, 7:], scaled, rtol=0.01, atol=1e-3)
    np.testing.assert_array_equal(featurizer(filters=7).fit(X[:, None]).transform(X), features)
    restored = fitted.inverse_transform(features).reshape(X.shape)
    assert (np.square(restored - X).mean(axis=0) < 0.1 * X.var(axis=0)).all()
    turned = featurizer(filters=7, shift=0.5, flip="horizontal").fit(X)
    np.testing.assert_array_equal(turned.transform(X), features)
    signals = rng.normal(size=(50, 300))
    assert featurizer(filters=7, epochs=0).fit(signals).transform(signals).shape == (
        50,
        49,
    )


def test_early_stopping_holds_images_out():
    fitted = featurizer("whitened", early_stopping=True, epochs=50, n_iter_no_change=2).fit(
        pictures()
    )
    assert len(fitted.validation_loss_curve_) == fitted.n_iter_
    assert np.isfinite(fitted.validation_loss_curve_).all()
    with pytest.raises(ValueError, match="Set early_stopping=False"):
        featurizer(early_stopping=True).fit(pictures(1))


@ALL_KINDS
def test_without_an_epoch_the_filters_stay_as_drawn(kind):
    X = pictures(100)
    untrained = featurizer(kind, epochs=0, warm_start=True).fit(X)
    assert untrained.n_iter_ == 0
    assert untrained.loss_curve_ == []
    np.testing.assert_array_equal(
        untrained.transform(X), featurizer(kind, epochs=0).fit_transform(X)
    )
    before = untrained.transform(X)
    assert untrained.set_params(epochs=30).fit(X).n_iter_ == 30
    assert min(untrained.loss_curve_[1:]) < untrained.loss_curve_[0]
    assert not np.array_equal(untrained.transform(X), before)


@KINDS_ONE_SLOWLY
def test_partial_fit_and_warm_start_go_on(kind):
    X = pictures(100)
    fitted = featurizer(kind).partial_fit(X[:50])
    fitted.partial_fit(X[50:])
    assert fitted.n_iter_ == 2
    warm = featurizer(kind, warm_start=True, epochs=1).fit(X)
    warm.fit(X)
    assert warm.n_iter_ == 2
    assert warm.loss_curve_[1] < warm.loss_curve_[0]
    with pytest.raises(ValueError, match="Resize the images"):
        warm.fit(pictures(shape=(10, 10, 3)))
    assert warm.n_iter_ == 2


@ALL_KINDS
def test_chunks_do_not_change_what_a_fitted_one_gives(kind, fits, monkeypatch):
    X, fitted = pictures(50), fits(kind)
    features, error = fitted.transform(X), fitted.score(X)
    monkeypatch.setattr("cae_sklearn._arrays.streaming.CHUNK_BYTES", 7 * 4 * 432)
    np.testing.assert_array_equal(fitted.transform(X), features)
    assert fitted.score(X) == pytest.approx(error, rel=1e-6)


@KINDS_ONE_SLOWLY
def test_refitting_forgets(kind, fits):
    X = pictures()
    first = fits(kind).transform(X)
    again = featurizer(kind).fit(pictures(shape=(8, 8, 1))).fit(X).transform(X)
    np.testing.assert_array_equal(first, again)


def test_a_fitted_estimator_is_not_touched_by_the_next_fit(fits):
    X = pictures()
    a = fits("whitened")
    before = a.transform(X)
    featurizer("whitened", random_state=1).fit(X[::-1])
    np.testing.assert_array_equal(a.transform(X), before)


def test_set_output_and_names(fits):
    X = pictures()
    fitted = fits("whitened").set_output(transform="pandas")
    frame = fitted.transform(X)
    assert isinstance(frame, pd.DataFrame)
    assert list(frame.columns) == [f"caefeaturizer{i}" for i in range(len(X) - 1)]
    assert "CAEFeaturizer" in estimator_html_repr(fitted)


def test_constant_and_black_images():
    for X in (np.zeros((20, 12, 12, 3), np.uint8), np.full((20, 12, 12, 3), 0.1)):
        fitted = featurizer("whitened").fit(X)
        assert np.isfinite(fitted.transform(X)).all()
        np.testing.assert_allclose(fitted.inverse_transform(fitted.transform(X)), X, atol=1e-3)


def test_large_unsigned_integers_are_read():
    images = np.full((20, 12, 12, 3), 2**63, np.uint64)
    with pytest.warns(UserWarning, match="integers beyond 2..53"):
        assert featurizer("whitened").fit(images).n_iter_ > 0


def test_a_single_image_scales_nothing_up():
    X = np.random.default_rng(0).integers(0, 256, (9, 12, 12, 3), np.uint8)
    fitted = featurizer("whitened").fit(X).partial_fit(X[:1])
    assert np.abs(fitted.transform(X)).max() < 100


SHAPES = "image_shape"
BAD_DATA = [
    ({}, lambda X: X[..., None], ValueError, "5 dimensions"),
    ({}, lambda X: X[0, 0, 0], ValueError, "one dimension, of .* pass X"),
    (
        {SHAPES: (28, 28, 1)},
        lambda X: np.zeros((5, 700)),
        ValueError,
        r"image_shape=\(28, 28, 1\) needs 784 features, but X has 700\.",
    ),
    ({SHAPES: (6, 24, 3)}, lambda X: X, ValueError, r"expects image_shape=\(6, 24, 3\)"),
    ({SHAPES: (28,)}, lambda X: X, ValueError, "image_shape must be"),
    ({SHAPES: (28, -1)}, lambda X: X, ValueError, "image_shape must be"),
    ({}, lambda X: np.where(X[0, 0, 0, 0] == X, np.nan, X), ValueError, "NaN"),
    ({}, lambda X: np.where(X[0, 0, 0, 0] == X, np.inf, X), ValueError, "infinity"),
    ({}, lambda X: X * 1e300, ValueError, "too large for float32"),
    ({}, lambda X: X.astype(str), ValueError, "string"),
    ({}, lambda X: np.where(X > 9, "a", X.astype(object)), ValueError, "could not convert"),
    ({}, lambda X: X * 1j, ValueError, "Complex"),
    ({}, lambda X: csr_array(X.reshape(40, -1)), TypeError, "X is sparse. Use"),
    ({}, lambda X: X[:0], ValueError, "0 sample"),
    ({}, lambda X: np.zeros((3, 0)), ValueError, "0 feature"),
    ({}, lambda X: np.zeros((3, 4, 0, 1)), ValueError, "positive integers|0 feature"),
]


@pytest.mark.parametrize(("params", "spoil", "error", "message"), BAD_DATA)
def test_bad_images_are_refused_and_change_nothing(fits, params, spoil, error, message):
    fitted = fits("whitened").set_params(**params)
    before = dict(vars(fitted))
    with pytest.raises(error, match=message):
        fitted.fit(spoil(pictures()))
    assert vars(fitted).keys() == before.keys()
    assert all(vars(fitted)[name] is before[name] for name in before)


def test_other_images_at_transform(fits):
    fitted = fits("whitened")
    with pytest.raises(ValueError, match="Resize the images"):
        fitted.transform(pictures(shape=(14, 14, 3)))
    with pytest.raises(ValueError, match="X has 7 features, but CAEFeaturizer is expecting 432"):
        fitted.transform(np.zeros((3, 7)))
    with pytest.raises(ValueError, match="Pass what transform returned"):
        fitted.inverse_transform(np.zeros((3, 7)))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("filters", 0),
        ("filters", (64, 0)),
        ("filters", "64-x"),
        ("kernel_size", -3),
        ("kernel_size", (3, 3, 3)),
        ("output_size", 0),
        ("noise", -0.1),
        ("epochs", -1),
        ("batch_size", 1.5),
        ("learning_rate", "0.1"),
        ("whiten", "yes"),
        ("filters", (64, 32, 16)),
        ("shift", 0.6),
        ("shift", -0.1),
        ("flip", "sideways"),
        ("shrinkage", 1.5),
        ("shrinkage", "much"),
        ("n_components", 0),
    ],
)
def test_bad_hyperparameters_are_named(name, value):
    with pytest.raises(ValueError, match=name):
        featurizer(**{name: value}).fit(pictures())


def test_use_before_fit():
    for method in ("transform", "inverse_transform", "score"):
        with pytest.raises(NotFittedError):
            getattr(featurizer(), method)(pictures())


def test_parameters_are_only_assigned():
    params = {"filters": "8-4", "kernel_size": [3, 3], "whiten": False, "output_size": np.int64(3)}
    fitted = featurizer(**params, epochs=0).fit(pictures())
    assert {name: fitted.get_params()[name] for name in params} == params
    assert clone(fitted).get_params() == fitted.get_params()


class WatchBatches(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        assert np.isfinite(logs["loss"])


SGD = {"optimizer": keras.optimizers.SGD(0.01, nesterov=True)}
HOOKS = {"callbacks": [WatchBatches()]}


@pytest.mark.parametrize(
    ("kind", "early_stopping", "params"),
    [
        ("whitened", True, SGD),
        ("deep", False, HOOKS),
        pytest.param("whitened", False, HOOKS, marks=pytest.mark.slow),
        pytest.param("whitened", True, HOOKS, marks=pytest.mark.slow),
        pytest.param("whitened", False, SGD, marks=pytest.mark.slow),
        pytest.param("deep", True, HOOKS, marks=pytest.mark.slow),
        pytest.param("deep", False, SGD, marks=pytest.mark.slow),
        pytest.param("deep", True, SGD, marks=pytest.mark.slow),
    ],
)
def test_kerass_loop_serves_what_the_fast_one_cannot(kind, early_stopping, params):
    fitted = featurizer(kind, early_stopping=early_stopping, **params).fit(pictures())
    assert len(fitted.loss_curve_) == 2
    assert len(fitted.validation_loss_curve_) == 2 * early_stopping
    assert np.isfinite(fitted.transform(pictures())).all()


@KINDS
def test_the_filters_are_the_weights_of_the_first_convolution(kind, fits):
    fitted = fits(kind)
    if kind == "deep":
        [kernel, _] = fitted.encoder_.get_layer("encode1").get_weights()
    else:  # whose Keras model has them as a constant of an operation
        kernel = fitted._weights["filters/kernel"]
    np.testing.assert_array_equal(fitted.filters_, np.moveaxis(kernel, -1, 0))
    assert fitted.filters_.shape[-1] == fitted.image_shape_[-1]


@KINDS
def test_going_on_needs_the_same_network(kind, fits):
    fitted = fits(kind).set_params(warm_start=True)
    with pytest.raises(ValueError, match="cannot go on with a changed network: .*kernel_size"):
        fitted.set_params(kernel_size=2).fit(pictures())
    with pytest.raises(ValueError, match="changed network: network from .*Autoencoder"):
        fitted.set_params(kernel_size=6, filters=8, whiten=kind == "deep").partial_fit(pictures())
    with pytest.raises(ValueError, match="filters"):
        fitted.set_params(filters="x").partial_fit(pictures())


def test_tiny_and_unusual_values():
    X = pictures()
    assert np.isfinite(featurizer("whitened").fit_transform(X * 1e-40)).all()
    with pytest.raises(TypeError, match="datetime64"):
        featurizer(filters=4).fit(X.astype("datetime64[s]").reshape(40, -1))
