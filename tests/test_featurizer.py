"""CAEFeaturizer: what it learns, promises and refuses."""

import keras
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils import estimator_html_repr

from cae_sklearn import CAEFeaturizer
from cae_sklearn._autoencoders import pieces

NOTEBOOK = {
    "whiten": False,
    "filters": (64, 32, 16),
    "kernel_size": 3,
    "output_size": None,
    "noise": 0.0,
}
DEEP = {**NOTEBOOK, "filters": (8, 4)}
KINDS = pytest.mark.parametrize("kind", [{"filters": 12}, DEEP], ids=["whitened", "deep"])


def featurizer(**params):
    return CAEFeaturizer(**{"epochs": 2, "random_state": 0, **params})


def images(n=40, shape=(12, 12, 3), seed=0):
    """Return smooth random pictures, uint8."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(0, 255, (n, *(-(-s // 3) for s in shape[:2]), shape[2]))
    fine = coarse.repeat(3, 1).repeat(3, 2)[:, : shape[0], : shape[1]]
    return np.uint8(np.clip(fine + rng.normal(0, 8, fine.shape), 0, 255))


@KINDS
@pytest.mark.parametrize(
    "shape", [(12, 12, 3), (7, 11, 1), (1, 9, 2), (5, 1, 1), (1, 1, 1), (2, 2, 3)]
)
def test_any_spatial_size(kind, shape):
    X = images(shape=shape)
    fitted = featurizer(**kind).fit(X)
    features = fitted.transform(X)
    assert features.dtype == np.float32
    assert features.shape == (40, len(fitted.get_feature_names_out()))
    assert fitted.inverse_transform(features).shape == X.shape
    assert fitted.image_shape_ == shape
    assert fitted.n_features_in_ == np.prod(shape)


@KINDS
def test_flat_and_shaped_pixels_give_the_same_features(kind):
    X = images(shape=(8, 8, 1))
    shaped = featurizer(**kind).fit(X)
    three = featurizer(**kind).fit(X[..., 0])
    flat = featurizer(**kind, image_shape=(8, 8)).fit(X.reshape(40, -1))
    expected = shaped.transform(X)
    np.testing.assert_array_equal(three.transform(X[..., 0]), expected)
    np.testing.assert_array_equal(flat.transform(X.reshape(40, -1)), expected)
    np.testing.assert_array_equal(shaped.transform(X.reshape(40, -1)), expected)
    assert flat.n_features_in_ == shaped.n_features_in_ == 64


@KINDS
def test_features_do_not_depend_on_the_scale_of_the_input(kind):
    X = images()
    bytes_ = featurizer(**kind).fit(X).transform(X)
    floats = featurizer(**kind).fit(X / 255).transform(X / 255)
    assert np.abs(bytes_ - floats).max() < 1e-2 * bytes_.std()


@KINDS
def test_the_same_bits_for_any_dtype_and_company(kind):
    X = images()
    fitted = featurizer(**kind).fit(X)
    features = fitted.transform(X)
    for dtype in (np.int64, np.float32, np.float64):
        other = featurizer(**kind).fit(X.astype(dtype))
        np.testing.assert_array_equal(other.transform(X.astype(dtype)), features)
    many = images(300)  # more than one call encodes
    features = fitted.transform(many)
    few = [0, 1, 31, 32, 255, 256, 299]
    alone = np.vstack([fitted.transform(many[i : i + 1]) for i in few])
    np.testing.assert_array_equal(alone, features[few])


def test_few_large_images_are_encoded_at_a_time():
    assert pieces((32, 32, 3), (64, 32, 16)) == (32, 8)
    assert pieces((1, 10, 1), (4,)) == (32, 8)
    for size in (64, 128, 256, 512, 2048):
        rows, n = pieces((size, size, 3), 160)
        assert rows * n == 1 or rows * n * size * size * 160 * 4 <= 64 * 2**20


@KINDS
def test_training_lowers_the_loss(kind):
    fitted = featurizer(**kind, epochs=15, learning_rate=0.003).fit(images(200))
    assert fitted.loss_curve_[-1] < 0.98 * fitted.loss_curve_[0]
    assert fitted.n_iter_ == 15 == len(fitted.history_["loss"])


@KINDS
def test_reconstruction_beats_the_mean_image(kind):
    X = images(300).astype(np.float32)
    finer = {} if kind is DEEP else {"output_size": 4}
    fitted = featurizer(**{**kind, **finer, "epochs": 20, "learning_rate": 0.003}).fit(X)
    errors = np.square(fitted.inverse_transform(fitted.transform(X)) - X)
    assert fitted.score(X) == pytest.approx(-errors.mean(), rel=1e-4)
    assert errors.mean() < 0.7 * X.var()


def test_the_notebook_encoder():
    fitted = featurizer(**NOTEBOOK).fit(images(shape=(32, 32, 3)))
    assert fitted.transform(images(shape=(32, 32, 3))).shape == (40, 4 * 4 * 16)
    kinds = [type(layer).__name__ for layer in fitted.encoder_.layers]
    assert [kind for kind in kinds if kind in ("Conv2D", "MaxPooling2D", "Flatten")] == [
        *["Conv2D", "MaxPooling2D"] * 3,
        "Flatten",
    ]
    convolutions = [layer for layer in fitted.encoder_.layers if hasattr(layer, "filters")]
    assert [(layer.filters, layer.kernel_size) for layer in convolutions] == [
        (64, (3, 3)),
        (32, (3, 3)),
        (16, (3, 3)),
    ]


@KINDS
def test_the_keras_models_do_what_the_methods_do(kind, tmp_path):
    X = images()
    fitted = featurizer(**kind).fit(X)
    features = fitted.transform(X)
    np.testing.assert_allclose(fitted.encoder_(np.float32(X)), features, atol=1e-5)
    restored = fitted.inverse_transform(features)
    np.testing.assert_allclose(fitted.decoder_(features), restored, atol=1e-3)
    np.testing.assert_allclose(fitted.model_(np.float32(X)), restored, atol=1e-2)
    fitted.encoder_.save(tmp_path / "encoder.keras")
    loaded = keras.models.load_model(tmp_path / "encoder.keras")
    np.testing.assert_allclose(loaded(np.float32(X)), features, atol=1e-5)


def test_features_are_standardised():
    X = images(400)
    features = featurizer(filters=12).fit_transform(X)
    np.testing.assert_allclose(features.mean(axis=0), 0.0, atol=0.02)
    assert features.std(axis=0).min() > 0.9 and features.std(axis=0).max() < 1.01


def test_the_user_controls_the_number_of_features():
    X = images()
    for size, filters in ((2, 8), ((1, 3), 5)):
        cells = size**2 if isinstance(size, int) else np.prod(size)
        fitted = featurizer(filters=filters, output_size=size).fit(X)
        assert fitted.transform(X).shape[1] == cells * (filters + 3 + 1)


def test_patches_are_whitened():
    from cae_sklearn._whitening import PATCH_RIDGE, normalize_contrast, sample_patches, whitening

    X = images(500, (16, 16, 3))
    patches = sample_patches((X, np.zeros(3), np.full(3, 64.0)), (4, 4), np.random.default_rng(0))
    kernel, bias = whitening(np.float32(patches))
    white = np.float32(normalize_contrast(patches)) @ kernel + bias
    covariance = np.cov(white, rowvar=False)
    np.testing.assert_allclose(covariance, np.diag(np.diag(covariance)), atol=1e-3)
    variances = np.linalg.eigvalsh(np.cov(normalize_contrast(patches), rowvar=False))
    expected = variances / (variances + PATCH_RIDGE)
    np.testing.assert_allclose(np.sort(np.diag(covariance)), np.sort(expected), atol=1e-3)


def reference_views(X, shift, flip):
    """Return every view of every image, by plain padding and slicing."""
    (down, right), (_, mirrored) = shift, flip
    padded = np.pad(X, ((0, 0), (down, down), (right, right), (0, 0)), mode="reflect")
    height, width = X.shape[1:3]
    all_views = [
        padded[:, i : i + height, j : j + width]
        for i in range(2 * down + 1)
        for j in range(2 * right + 1)
    ]
    return all_views + [image[:, :, ::-1] for image in all_views] * mirrored


@pytest.mark.parametrize("flip", [(False, False), (False, True)])
def test_views_are_shifted_and_mirrored(flip):
    from cae_sklearn._denoising import view

    X = images(50, (7, 9, 3))
    reference = reference_views(X, (1, 2), flip)
    rng = np.random.default_rng(0)
    seen = set()
    for _ in range(10):
        shown = view(X, rng, (1, 2), flip)
        assert shown.dtype == X.dtype
        for i, image in enumerate(shown):
            found = [k for k, views in enumerate(reference) if np.array_equal(views[i], image)]
            assert found
            seen.update(found)
    assert seen == set(range(len(reference)))
    upside_down = view(X, rng, (0, 0), (True, False))
    turned = [np.array_equal(a, b[::-1]) for a, b in zip(upside_down, X, strict=True)]
    same = [np.array_equal(a, b) for a, b in zip(upside_down, X, strict=True)]
    assert np.logical_xor(turned, same).all()
    assert 10 < sum(turned) < 40
    tiny = np.arange(6).reshape(2, 1, 3, 1)
    assert view(tiny, rng, (1, 9), flip).shape == tiny.shape


@pytest.mark.parametrize("shrinkage", ["auto", 0.3])
def test_denoising_is_a_ridge_regression_on_views(shrinkage):
    from sklearn.linear_model import Ridge

    from cae_sklearn._denoising import last_layer, view

    X = images(3000, (6, 6, 1))
    settings = {"shift": (1, 1), "flip": (False, True)}

    def features_of(some):
        return np.float32(some.reshape(len(some), -1) - 128.0) / 64

    F = features_of(X)
    rng = np.random.default_rng(0)
    kernel = last_layer(X, features_of, F, rng, n_components=36, shrinkage=shrinkage, **settings)
    V = features_of(view(X, np.random.default_rng(1), **settings))
    share = 36 / (36 + 5 * 3000) if shrinkage == "auto" else shrinkage
    mean_variance = np.square(V - V.mean(axis=0)).sum() / 36
    reference = Ridge(share / (1 - share) * mean_variance).fit(V, F).coef_.T
    expected = F @ reference / (1 - share)
    error = np.square(F @ kernel - expected).sum() / np.square(expected).sum()
    assert error < 0.01  # other random views


def test_few_components_hold_what_the_first_principal_ones_do():
    from sklearn.decomposition import PCA

    from cae_sklearn._denoising import principal_axes

    rng = np.random.default_rng(0)
    scales = 2.0 ** -np.arange(20)
    turned = np.linalg.qr(rng.normal(size=(20, 20)))[0]
    X = np.float32(rng.normal(size=(500, 20)) * scales @ turned)
    X -= X.mean(axis=0)
    axes = principal_axes(X, 5, rng)
    np.testing.assert_allclose(axes.T @ axes, np.eye(5), atol=1e-8)
    components = PCA(5).fit(X).components_
    np.testing.assert_allclose(np.linalg.svd(components @ axes)[1], 1.0, atol=1e-6)
    variances = np.var(X @ axes, axis=0)
    assert variances.max() / variances.min() < 100 < scales[0] ** 2 / scales[4] ** 2


def test_denoised_features_move_less_when_the_image_moves():
    from cae_sklearn._denoising import view

    X = images(1500, (16, 16, 1))
    moved = view(X, np.random.default_rng(1), (2, 2), (False, False))
    moves = {}
    for name, params in {"plain": {"shift": 0.0}, "denoised": {"shrinkage": 0.01}}.items():
        fitted = featurizer(filters=12, **params).fit(X)
        moves[name] = np.square(fitted.transform(moved) - fitted.transform(X)).mean()
    assert moves["denoised"] < 0.8 * moves["plain"]


def test_the_user_chooses_the_number_of_components():
    X = images(100, (16, 16, 3))
    pooled = 9 * (12 + 4)
    for n_components, expected in ((5, 5), (None, pooled), (10_000, pooled)):
        fitted = featurizer(filters=12, n_components=n_components).fit(X)
        features = fitted.transform(X)
        assert features.shape == (100, expected)
        assert fitted.inverse_transform(features).shape == X.shape
        np.testing.assert_allclose(features.std(axis=0), 1.0, atol=0.05)
    few = featurizer(filters=12, n_components=50).fit(X[:20]).transform(X)
    assert few.shape == (100, 50)
    assert np.isfinite(few).all()
    plain = featurizer(filters=12, n_components=np.int64(5), shift=0.0).fit(X)
    assert plain.transform(X).shape == (100, 5)
    assert featurizer(filters=12, n_components=None, shift=0.0).fit(X)._n_features_out == pooled


def test_going_on_keeps_the_number_of_components():
    fitted = featurizer(filters=12, n_components=5, warm_start=True).fit(images())
    with pytest.raises(ValueError, match="n_components from 5 to 6"):
        fitted.set_params(n_components=6).fit(images())


@pytest.mark.parametrize("shrinkage", [0.0, 1.0, 1e-9])
@pytest.mark.parametrize("n", [40, 300])
def test_any_shrinkage_gives_numbers(shrinkage, n):
    X = np.kron(np.random.default_rng(0).normal(size=(n, 2, 2)), np.ones((8, 8)))
    assert np.isfinite(featurizer(filters=4, shrinkage=shrinkage).fit_transform(X)).all()


def test_few_images_do_not_blow_up_the_others():
    X, others = images(100), images(200, seed=1)
    for n in (2, 5, 30, 100):
        fitted = featurizer(filters=12).fit(X[:n])
        assert fitted.transform(others).std() < 15
        assert -fitted.score(others) < 10 * others.astype(float).var()


def test_later_small_batches_keep_what_the_first_call_denoised():
    X = images(300, (8, 8, 1))
    fitted = featurizer(filters=12).partial_fit(X)
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
    assert featurizer(filters=7).fit(signals).transform(signals).shape == (50, 3 * (7 + 2))


@pytest.mark.parametrize("n", [20, 200])
def test_ridge_regression(n):
    from sklearn.linear_model import Ridge

    from cae_sklearn._whitening import RIDGE, ridge

    rng = np.random.default_rng(0)
    X, Y = rng.normal(1, 2, (n, 50)).astype("f"), rng.normal(3, 1, (n, 4)).astype("f")
    kernel, bias = ridge(X, Y)
    penalty = RIDGE * np.square(X - X.mean(axis=0)).sum() / 50
    reference = Ridge(penalty).fit(X, Y)
    np.testing.assert_allclose(kernel, reference.coef_.T, atol=1e-4)
    np.testing.assert_allclose(bias, reference.intercept_, atol=1e-3)


def test_early_stopping_holds_images_out():
    fitted = featurizer(filters=12, early_stopping=True, epochs=50, n_iter_no_change=2).fit(
        images()
    )
    assert len(fitted.validation_loss_curve_) == fitted.n_iter_
    assert np.isfinite(fitted.validation_loss_curve_).all()
    with pytest.raises(ValueError, match="Set early_stopping=False"):
        featurizer(early_stopping=True).fit(images(1))


@KINDS
def test_without_an_epoch_the_filters_stay_as_drawn(kind):
    X = images(100)
    untrained = featurizer(**kind, epochs=0, warm_start=True).fit(X)
    assert untrained.n_iter_ == 0
    assert untrained.loss_curve_ == []
    np.testing.assert_array_equal(
        untrained.transform(X), featurizer(**kind, epochs=0).fit_transform(X)
    )
    before = untrained.transform(X)
    assert untrained.set_params(epochs=5).fit(X).n_iter_ == 5
    assert untrained.loss_curve_[-1] < untrained.loss_curve_[0]
    assert not np.array_equal(untrained.transform(X), before)


@KINDS
def test_partial_fit_and_warm_start_go_on(kind):
    X = images(100)
    fitted = featurizer(**kind).partial_fit(X[:50])
    fitted.partial_fit(X[50:])
    assert fitted.n_iter_ == 2
    warm = featurizer(**kind, warm_start=True, epochs=1).fit(X)
    warm.fit(X)
    assert warm.n_iter_ == 2
    assert warm.loss_curve_[1] < warm.loss_curve_[0]
    with pytest.raises(ValueError, match="Resize the images"):
        warm.fit(images(shape=(10, 10, 3)))
    assert warm.n_iter_ == 2


@KINDS
def test_refitting_forgets(kind):
    X = images()
    first = featurizer(**kind).fit(X).transform(X)
    again = featurizer(**kind).fit(images(shape=(9, 9, 1))).fit(X).transform(X)
    np.testing.assert_array_equal(first, again)


def test_a_fitted_estimator_is_not_touched_by_the_next_fit():
    X = images()
    a = featurizer(filters=12).fit(X)
    before = a.transform(X)
    featurizer(filters=12, random_state=1).fit(X[::-1])
    np.testing.assert_array_equal(a.transform(X), before)


def test_set_output_and_names():
    X = images()
    fitted = featurizer(filters=4, output_size=1).set_output(transform="pandas").fit(X)
    frame = fitted.transform(X)
    assert isinstance(frame, pd.DataFrame)
    assert list(frame.columns) == [f"caefeaturizer{i}" for i in range(8)]
    assert "CAEFeaturizer" in estimator_html_repr(fitted)


def test_constant_and_black_images():
    for X in (np.zeros((20, 8, 8, 1), np.uint8), np.full((20, 8, 8, 3), 0.1)):
        fitted = featurizer(filters=4).fit(X)
        assert np.isfinite(fitted.transform(X)).all()
        np.testing.assert_allclose(fitted.inverse_transform(fitted.transform(X)), X, atol=1e-3)


def test_large_unsigned_integers_are_read():
    assert featurizer(filters=4).fit(np.full((20, 8, 8), 2**63, np.uint64)).n_iter_ > 0


def test_a_single_image_scales_nothing_up():
    X = np.random.default_rng(0).integers(0, 256, (9, 8, 8), np.uint8)
    fitted = featurizer(filters=4).fit(X).partial_fit(X[:1])
    assert np.abs(fitted.transform(X)).max() < 100


SHAPES = "image_shape"
BAD_DATA = [
    ({}, lambda X: X[..., None], ValueError, "5 dimensions"),
    ({}, lambda X: X[0, 0, 0], ValueError, "Expected 2D array, got 1D"),
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
def test_bad_images_are_refused_and_change_nothing(params, spoil, error, message):
    fitted = featurizer(filters=4, epochs=1).fit(images())
    fitted.set_params(**params)
    before = dict(vars(fitted))
    with pytest.raises(error, match=message):
        fitted.fit(spoil(images()))
    assert vars(fitted).keys() == before.keys()
    assert all(vars(fitted)[name] is before[name] for name in before)


def test_other_images_at_transform():
    fitted = featurizer(filters=4).fit(images())
    with pytest.raises(ValueError, match="Resize the images"):
        fitted.transform(images(shape=(14, 14, 3)))
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
        ("filters", (64, 32)),
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
        featurizer(**{name: value}).fit(images())


def test_use_before_fit():
    for method in ("transform", "inverse_transform", "score"):
        with pytest.raises(NotFittedError):
            getattr(featurizer(), method)(images())


def test_parameters_are_only_assigned():
    params = {"filters": "8-4", "kernel_size": [3, 3], "whiten": False, "output_size": np.int64(2)}
    fitted = featurizer(**params).fit(images())
    assert {name: fitted.get_params()[name] for name in params} == params
    assert clone(fitted).get_params() == fitted.get_params()


class WatchBatches(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        assert np.isfinite(logs["loss"])


@KINDS
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize(
    "params",
    [{"optimizer": keras.optimizers.SGD(0.01)}, {"callbacks": [WatchBatches()]}],
    ids=["optimizer", "callback"],
)
def test_kerass_loop_serves_what_the_fast_one_cannot(kind, early_stopping, params):
    fitted = featurizer(**kind, early_stopping=early_stopping, **params).fit(images())
    assert len(fitted.loss_curve_) == 2
    assert len(fitted.validation_loss_curve_) == 2 * early_stopping
    assert np.isfinite(fitted.transform(images())).all()


@KINDS
def test_going_on_needs_the_same_network(kind):
    fitted = featurizer(**kind, warm_start=True).fit(images())
    with pytest.raises(ValueError, match="cannot go on with a changed network: .*kernel_size"):
        fitted.set_params(kernel_size=2).fit(images())
    with pytest.raises(ValueError, match="filters"):
        fitted.set_params(filters="x").partial_fit(images())


def test_tiny_and_unusual_values():
    X = images()
    assert np.isfinite(featurizer(filters=4).fit_transform(X * 1e-40)).all()
    with pytest.raises(TypeError, match="datetime64"):
        featurizer(filters=4).fit(X.astype("datetime64[s]").reshape(40, -1))
