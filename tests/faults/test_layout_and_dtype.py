"""Memory layout, order of the axes and dtypes of images."""

import tracemalloc

import numpy as np
import pytest
import tensorflow as tf

VIEWS = {
    "three of four channels": lambda X: X[..., :3],
    "mirrored": lambda X: X[:, :, ::-1],
    "upside down": lambda X: X[:, ::-1],
    "cropped": lambda X: X[:, 2:-2, 2:-2],
    "every second": lambda X: X[::2],
    "transposed": lambda X: X.transpose(0, 2, 1, 3),
    "grey": lambda X: X[..., 0],
}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def mapped(tmp_path_factory):
    """Return a memory map of 1 MiB, in C order."""
    path = tmp_path_factory.mktemp("maps") / "images.dat"
    images = np.memmap(path, np.uint8, "w+", shape=(1024, 16, 16, 4))
    images[:] = np.random.default_rng(0).integers(0, 255, images.shape, np.uint8)
    return images


@pytest.fixture
def small_chunks(monkeypatch):
    """Let 1 MiB be several chunks and tiles, and more than is kept as tensors."""
    monkeypatch.setattr("cae_sklearn._networks.autoencoder.N_TILES", 1)
    monkeypatch.setattr("cae_sklearn._arrays.streaming.CHUNK_BYTES", 2**17)
    monkeypatch.setattr("cae_sklearn._training.batches.RESIDENT_BYTES", 2**17)


def peak_of(function):
    """Return how many bytes of arrays ``function`` held at most."""
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def check_stays_on_disk(view, network):
    """Fail when a method takes more memory than for an array in C order: that of a copy."""
    fitted, plain = network.fit(view[:40]), np.ascontiguousarray(view)
    for method in (fitted.transform, fitted.score, fitted.partial_fit, network.fit):
        method(plain)  # it is traced by now
        own, least = (peak_of(lambda X=X, method=method: method(X)) for X in (view, plain))
        assert own < least + 0.4 * view.nbytes, method.__name__


@pytest.fixture
def tiny(make_featurizer):
    return make_featurizer(filters=1, kernel_size=2, output_size=1, shift=0, n_components=2)


@pytest.mark.parametrize("name", VIEWS)
def test_views_of_memory_maps_are_not_copied(mapped, tiny, small_chunks, name):
    check_stays_on_disk(VIEWS[name](mapped), tiny)


def test_memory_maps_in_fortran_order_are_not_copied(tmp_path, tiny, small_chunks):
    shape = 1024, 16, 16, 3
    images = np.memmap(tmp_path / "images.dat", np.uint8, "w+", shape=shape, order="F")
    images[::7] = 100
    check_stays_on_disk(images, tiny)


@pytest.mark.parametrize("name", [*VIEWS, "Fortran order"])
def test_views_are_not_copied_to_be_checked(mapped, make_featurizer, name):
    """The first thing that fit does to images is to check them; a parameter ends it there."""
    if name == "Fortran order":
        view = np.zeros((3000, 64, 64, 3), np.uint8, order="F")
    else:
        view = VIEWS[name](mapped)
    network = make_featurizer(filters=(1, 1, 1))  # refused after the images

    def fit():
        with pytest.raises(ValueError, match="filters"):
            network.fit(view)

    with pytest.raises(ValueError, match="filters"):
        network.fit(view[:2])  # what is imported now is not counted
    assert peak_of(fit) < 0.2 * view.nbytes


def test_views_give_what_their_copies_give(digits, make_featurizer):
    images = np.random.default_rng(0).integers(0, 255, (60, 12, 12, 4), np.uint8)
    for view in VIEWS.values():
        X = view(images)
        a, b, c = (
            make_featurizer().fit(array).transform(array)
            for array in (X, X.copy(), np.asfortranarray(X))
        )
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)


# -- channels first ------------------------------------------------------------


@pytest.mark.parametrize("shape", [(3, 16, 16), (1, 16, 16), (3, 16, 12), (4, 16, 16)])
@pytest.mark.parametrize("given", ["shaped", "flat", "partial_fit"])
def test_channels_first_are_warned_of_with_the_remedy(make_featurizer, shape, given):
    """Images of PyTorch: (n, channels, H, W)."""
    images = np.random.default_rng(0).normal(size=(20, *shape))
    with pytest.warns(UserWarning, match=r"channels first.*(np\.moveaxis|transpose)"):
        if given == "flat":
            make_featurizer(image_shape=shape).fit(images.reshape(20, -1))
        elif given == "shaped":
            make_featurizer().fit(images)
        else:
            make_featurizer().partial_fit(images)


@pytest.mark.parametrize(
    "shape", [(16, 16, 3), (3, 16, 3), (1, 40, 1), (1, 40, 3), (4, 4, 4), (3, 3, 3), (8, 8, 20)]
)
def test_channels_last_are_not_warned_of(make_featurizer, shape):
    images = np.random.default_rng(0).normal(size=(20, *shape))
    make_featurizer(kernel_size=2).fit(images)  # a warning would be an error


@pytest.mark.parametrize("method", ["transform", "score", "partial_fit"])
def test_channels_first_after_a_fit_are_refused_with_the_remedy(make_featurizer, method):
    images = np.random.default_rng(0).normal(size=(20, 16, 16, 3))
    fitted = make_featurizer().fit(images)
    with pytest.raises(ValueError, match=r"channels first.*(np\.moveaxis|transpose)"):
        getattr(fitted, method)(np.moveaxis(images, 3, 1))


# -- dtypes --------------------------------------------------------------------


def test_bfloat16_is_read_or_refused_by_name(blobs, digits, make_classifier, make_featurizer):
    """Where it is read, it gives what the same numbers give as float32."""
    X, y = blobs
    narrow = tf.constant(X, tf.bfloat16).numpy()
    images = digits[0][:100]
    narrow_images = tf.constant(images, tf.bfloat16).numpy()
    classifier = make_classifier().fit(np.float32(narrow), y)
    featurizer = make_featurizer().fit(images)
    features = featurizer.transform(images)
    narrow_features = tf.constant(features, tf.bfloat16).numpy()
    calls = [
        (lambda X: make_classifier().fit(X, y).predict_proba(X), narrow),
        (lambda X: make_classifier().partial_fit(X, y, [0, 1, 2]).predict_proba(X), narrow),
        (classifier.predict_proba, narrow),
        (lambda X: make_featurizer().fit(X).transform(X), narrow_images),
        (featurizer.transform, narrow_images),
        (featurizer.score, narrow_images),
        (featurizer.inverse_transform, narrow_features),
    ]
    for call, array in calls:
        try:
            result = call(array)
        except (TypeError, ValueError) as error:
            assert "bfloat16" in str(error), error
        else:
            np.testing.assert_array_equal(result, call(np.float32(array)))


def test_bfloat16_weights_are_read_or_refused_by_name(blobs, make_classifier):
    X, y = blobs
    weight = tf.ones(300, tf.bfloat16).numpy()
    try:
        make_classifier().fit(X, y, sample_weight=weight)
    except (TypeError, ValueError) as error:
        assert "bfloat16" in str(error)


BIG = [[2**70, 1], [2**65, 3], [2, 1], [3, 4]] * 10


@pytest.mark.filterwarnings("ignore:.*loss was no longer finite")  # squares of these overflow
@pytest.mark.parametrize("method", ["fit", "partial_fit", "predict_proba"])
def test_integers_beyond_int64_in_lists_are_read_as_floats(make_classifier, method):
    network = make_classifier(dropout_rate=0.0, learning_rate=1e-9)
    results = []
    for X in (BIG, np.array(BIG, dtype=np.float64)):
        if method == "fit":
            network.fit(X, [0, 1] * 20)
        elif method == "partial_fit":
            network.partial_fit(X, [0, 1] * 20, classes=[0, 1])
        else:
            network.fit(np.ones((40, 2)), [0, 1] * 20)
        results.append(network.predict_proba(X))
    np.testing.assert_array_equal(*results)


@pytest.mark.parametrize("value", [2**1100, -(2**1100)])
def test_integers_beyond_every_float_are_a_value_error(
    blobs, digits, make_classifier, make_featurizer, value
):
    X, y = blobs
    fitted = make_classifier().fit(X, y)
    rows = X[:20].tolist()
    rows[3][2] = value
    featurizer = make_featurizer().fit(digits[0][:100])
    pixels = digits[0][:20].reshape(20, -1).tolist()
    pixels[3][2] = value
    features = featurizer.transform(digits[0][:20]).tolist()
    features[3][2] = value
    calls = [
        lambda: make_classifier().fit(rows, y[:20]),
        lambda: make_classifier().partial_fit(rows, y[:20], classes=[0, 1, 2]),
        lambda: fitted.predict(rows),
        lambda: make_featurizer().fit(pixels),
        lambda: featurizer.transform(pixels),
        lambda: featurizer.score(pixels),
        lambda: featurizer.inverse_transform(features),
    ]
    for call in calls:
        with pytest.raises((ValueError, TypeError), match="X"):
            call()
    with pytest.raises((ValueError, TypeError), match="sample_weight"):
        make_classifier().fit(X, y, sample_weight=[abs(value), *[1] * 299])


NUMBERS = ["learning_rate", "alpha", "tol", "noise", "batch_size", "n_iter_no_change"]


@pytest.mark.parametrize("name", NUMBERS)
def test_parameters_beyond_every_float_are_named(
    blobs, digits, make_classifier, make_featurizer, name
):
    """They are refused, or they serve as any large number does."""
    estimator = make_featurizer() if name == "noise" else make_classifier()
    data = (digits[0][:60],) if name == "noise" else blobs
    estimator.set_params(**{name: 2**1100})
    try:
        estimator.fit(*data)
    except (ValueError, TypeError) as error:
        assert name in str(error)


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        ("classifier", "hidden_layer_sizes", [2**70]),
        ("classifier", "hidden_layer_sizes", str(2**70)),
        ("featurizer", "filters", 2**70),
        ("deep", "filters", 2**70),
        ("deep", "kernel_size", 2**70),
        ("featurizer", "image_shape", (2**70, 1)),
    ],
)
def test_sizes_beyond_int64_are_named(
    blobs, digits, make_classifier, make_featurizer, kind, name, value
):
    if kind == "classifier":
        with pytest.raises(ValueError, match=name):
            make_classifier(**{name: value}).fit(*blobs)
    else:
        network = make_featurizer(whiten=kind != "deep").set_params(**{name: value})
        with pytest.raises(ValueError, match=name):
            network.fit(digits[0][:60].reshape(60, -1) if name == "image_shape" else digits[0][:60])
