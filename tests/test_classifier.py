"""ElasticNetBNMLPClassifier: what it learns, promises and refuses."""

import copy

import keras
import numpy as np
import pandas as pd
import pytest
from marks import slowly
from sklearn.base import clone, is_classifier
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.metrics import log_loss
from sklearn.utils import estimator_html_repr

from cae_sklearn import ElasticNetBNMLPClassifier
from cae_sklearn._held_out import held_out_of_each_class, share_to_hold_out, warn_of_chance


def classifier(**params):
    return ElasticNetBNMLPClassifier(
        **{"hidden_layer_sizes": (8,), "epochs": 5, "random_state": 0, **params}
    )


TINY = {"hidden_layer_sizes": (8,), "batch_norm": False}  # soon traced, in Keras's loop too


def held_out(fitted, y):
    """Return the indices of the samples that ``fitted`` validated on."""
    share, seed = fitted.validation_fraction, fitted._seeds()["split"]
    return held_out_of_each_class(y, share, seed, fitted.classes_)


@pytest.fixture(scope="module")
def fit_once(blobs):
    done = classifier(epochs=1).fit(*blobs)
    return lambda: copy.deepcopy(done)


def test_is_a_classifier():
    assert is_classifier(ElasticNetBNMLPClassifier())


def test_learns(blobs):
    X, y = blobs
    fitted = ElasticNetBNMLPClassifier(epochs=12, random_state=0).fit(X[:200], y[:200])
    assert fitted.score(X[200:], y[200:]) > 0.8


@pytest.mark.parametrize(
    "labels", [[3, 1, 2], ["a", "b"], *slowly([[0, 1], [True, False], [-1.0, 5.0]])]
)
def test_probabilities(blobs, labels):
    X, y = blobs
    y = np.asarray(labels)[y % len(labels)]
    fitted = classifier().fit(X, y)
    probabilities = fitted.predict_proba(X[:7])
    assert probabilities.shape == (7, len(labels))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-12)
    np.testing.assert_allclose(np.log(probabilities), fitted.predict_log_proba(X[:7]))
    np.testing.assert_array_equal(fitted.classes_, np.unique(labels))
    assert set(fitted.predict(X)) <= set(labels)
    assert fitted.predict_proba(X[:1]).shape == (1, len(labels))


def test_a_sample_gets_the_same_bits_in_any_batch(blobs, fit_once):
    X, y = blobs
    fitted = fit_once()
    alone = np.vstack([fitted.predict_proba(row[None]) for row in X[:20]])
    np.testing.assert_array_equal(alone, fitted.predict_proba(X)[:20])


def test_the_penalty_is_the_elastic_net_of_the_output_kernel(blobs):
    X, y = blobs
    stopped = {"early_stopping": True, "validation_fraction": 0.3}
    fitted = classifier(alpha=0.3, l1_ratio=0.2, **stopped, epochs=1).fit(X, y)
    W = fitted.output_coef_
    penalty = 0.3 * (0.2 * np.abs(W).sum() + 0.8 * np.square(W).sum())
    some = held_out(fitted, y)
    loss = log_loss(y[some], fitted.predict_proba(X[some]))
    assert fitted.validation_loss_curve_[0] == pytest.approx(loss + penalty, rel=1e-4)
    assert float(sum(fitted.model_.losses)) == pytest.approx(penalty, rel=1e-4)


def test_the_notebook_network():
    model = (
        classifier(hidden_layer_sizes="400-64", epochs=1)
        .fit(np.eye(100, 256), np.arange(100) % 10)
        .model_
    )
    kinds = [type(layer).__name__ for layer in model.layers[1:]]
    block = ["Dense", "BatchNormalization", "Dropout"]
    assert kinds == [*block, *block, "Dense", "Activation"]
    assert [layer.units for layer in model.layers if hasattr(layer, "units")] == [400, 64, 10]
    assert model.count_params() == 256 * 400 + 400 + 4 * 400 + 400 * 64 + 64 + 4 * 64 + 64 * 10 + 10


def test_model_predicts_the_same(blobs):
    X, y = blobs
    fitted = classifier().fit(X, y)
    np.testing.assert_allclose(fitted.model_(X).numpy(), fitted.predict_proba(X), atol=1e-6)


def test_early_stopping_restores_the_best_weights(blobs):
    X, y = blobs
    fitted = classifier(
        epochs=100,
        n_iter_no_change=3,
        learning_rate=0.02,
        early_stopping=True,
        validation_fraction=0.3,
    ).fit(X, y)
    losses = fitted.validation_loss_curve_
    best = int(np.argmin(losses))
    assert len(losses) == fitted.n_iter_ == best + 1 + 3 < 100
    some = held_out(fitted, y)
    W = fitted.output_coef_
    penalty = 1e-4 * (0.5 * np.abs(W).sum() + 0.5 * np.square(W).sum())
    loss = log_loss(y[some], fitted.predict_proba(X[some])) + penalty
    assert loss == pytest.approx(losses[best], rel=1e-4)


def test_few_samples_are_not_held_out():
    rng = np.random.default_rng(0)
    for n, n_classes, stops in ((10_000, 3, False), (10_001, 3, True)):
        X, y = rng.normal(size=(n, 4)), np.arange(n) % n_classes
        fitted = classifier(epochs=1, batch_size=1000).fit(X, y)
        assert bool(fitted.validation_loss_curve_) == stops
    y = np.arange(20_000)
    assert share_to_hold_out(y % 200, "auto", 0.1) == 0.1
    assert share_to_hold_out(y % 201, "auto", 0.1) is None  # fewer than ten of a class
    assert share_to_hold_out(y % 3, "auto", 0.001) is None
    assert share_to_hold_out(y % 3, True, 0.001) == 0.001
    rare = np.where(y < 19_999, y % 3, 3)  # one sample cannot be divided
    assert share_to_hold_out(rare, "auto", 0.1) is None


def test_classes_too_small_to_be_divided_are_refused(blobs):
    X, y = blobs
    with pytest.raises(ValueError, match=r"early_stopping=True.*Set early_stopping=False"):
        classifier(early_stopping=True).fit(X, np.arange(len(y)) // 3)
    labels = np.where(np.arange(len(y)) == 7, "rare", np.where(y == 1, "a", "b"))
    with pytest.raises(ValueError, match=r"3 classes have 1 \(such as rare\) to "):
        classifier(early_stopping=True).fit(X, labels)


def test_early_stopping_warns_of_chance():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(400, 4)), rng.integers(0, 2, 400)
    with pytest.warns(UserWarning, match="holds out 10 samples, too few.*early_stopping=False"):
        classifier(epochs=1, early_stopping=True).fit(X[:100], y[:100])
    with pytest.warns(UserWarning, match="the first of 11 epochs.*lower learning_rate"):
        warn_of_chance([1.0] + 10 * [2.0], 100, 10, "Classifier")
    for losses in ([1.0] + 9 * [2.0], [2.0, 1.0] + 10 * [2.0]):
        warn_of_chance(losses, 100, 10, "Classifier")  # not stopped, or not by the first


def test_the_validation_split_is_stratified_shuffled_and_seeded():
    y = np.repeat([0, 1, 2], [60, 30, 10])
    fitted = classifier(epochs=1).fit(np.random.default_rng(0).normal(size=(100, 10)), y)
    some = held_out(fitted, y)
    np.testing.assert_array_equal(np.bincount(y[some]), [6, 3, 1])
    np.testing.assert_array_equal(some, held_out(fitted, y))
    other = classifier(epochs=1, random_state=1).fit(np.eye(100, 10), y)
    assert set(some) != set(held_out(other, y))


def test_the_first_batch_of_partial_fit_may_lack_classes(blobs):
    X, y = blobs
    settings = {"dropout_rate": 0.0, "learning_rate": 0.01}
    scores = []
    for first in (np.arange(40), np.flatnonzero(y == 0)[:40]):
        fitted = classifier(**settings).partial_fit(X[first], y[first], classes=[0, 1, 2])
        for _ in range(6):
            for some in np.array_split(np.arange(len(y)), 4):
                fitted.partial_fit(X[some], y[some])
        scores.append(fitted.score(X, y))
    assert scores[1] > scores[0] - 0.05


def test_warm_start_takes_an_optimizer_with_other_slots(blobs):
    X, y = blobs
    fitted = classifier(epochs=2, early_stopping=False, warm_start=True).fit(X, y)
    for optimizer in (keras.optimizers.Adam(amsgrad=True), "adam"):
        fitted.set_params(optimizer=optimizer).fit(X, y)
    assert fitted.n_iter_ == 6


def test_warm_start_goes_on(blobs):
    X, y = blobs
    settings = {"dropout_rate": 0.0, "early_stopping": False, "warm_start": True}
    settings["decay_fraction"] = 0.0
    whole = classifier(epochs=6, **settings).fit(X, y)
    assert whole.n_iter_ == 6
    parts = classifier(epochs=3, **settings).fit(X, y)
    first = list(parts.loss_curve_)
    parts.fit(X, y)
    assert parts.n_iter_ == 6
    assert parts.loss_curve_[:3] == first == whole.loss_curve_[:3]
    assert parts.loss_curve_[-1] < first[0]
    with pytest.raises(ValueError, match=r"classes \[7\] that are not among"):
        parts.fit(X, np.where(y == 0, 7, y))


def test_partial_fit(blobs):
    X, y = blobs
    fitted = classifier(dropout_rate=0.0, learning_rate=0.02)
    with pytest.raises(ValueError, match="needs classes="):
        fitted.partial_fit(X, y)
    fitted.partial_fit(X[y < 2], y[y < 2], classes=[0, 1, 2])
    for _ in range(15):
        fitted.partial_fit(X, y)
    assert fitted.n_iter_ == len(fitted.loss_curve_) == 16
    assert fitted.score(X, y) > 0.7
    with pytest.raises(ValueError, match="not those of the first call"):
        fitted.partial_fit(X, y, classes=[0, 1])
    with pytest.raises(ValueError, match="not among those"):
        fitted.partial_fit(X, y + 1)


def test_sample_weights_are_used_and_left_alone(blobs):
    X, y = blobs
    weight = np.where(y == 0, 0.0, 1.0)
    before = weight.copy()
    fitted = classifier(epochs=3, class_weight="balanced").fit(X, y, sample_weight=weight)
    np.testing.assert_array_equal(weight, before)
    without = classifier(epochs=3, class_weight="balanced", early_stopping=False)
    without.fit(X[y > 0], y[y > 0])
    zero = clone(without).fit(X[y > 0], y[y > 0], sample_weight=np.ones((y > 0).sum()))
    assert 0 not in fitted.classes_[np.unique(fitted.predict_proba(X).argmax(1))]
    np.testing.assert_array_equal(zero.predict_proba(X), without.predict_proba(X))
    with pytest.raises(ValueError, match="zero"):
        classifier().fit(X, y, sample_weight=0 * weight)
    with pytest.raises(ValueError, match="'balanced' needs all samples"):
        classifier(class_weight="balanced").partial_fit(X, y, classes=np.unique(y))
    with pytest.raises(ValueError, match="Negative values"):
        classifier().fit(X, y, sample_weight=weight - 1)


def test_class_weight_moves_predictions(blobs):
    X, y = blobs
    plain, heavy = (
        np.mean(classifier(class_weight=w).fit(X, y).predict(X) == 0) for w in (None, {0: 50})
    )
    assert heavy > plain + 0.2


def test_hyperparameters_may_be_numpy_scalars(blobs):
    X, y = blobs
    numbers = {
        "batch_size": np.int64(32),
        "epochs": np.int32(2),
        "learning_rate": np.float32(0.01),
        "alpha": np.float64(0.01),
        "l1_ratio": np.float64(0.5),
        "dropout_rate": np.float32(0.3),
        "random_state": np.int64(3),
        "hidden_layer_sizes": (np.int64(8),),
        "n_iter_no_change": np.int64(2),
    }
    native = {k: v.item() if hasattr(v, "item") else (8,) for k, v in numbers.items()}
    a, b = (classifier(**params).fit(X, y) for params in (numbers, native))
    np.testing.assert_array_equal(a.predict_proba(X), b.predict_proba(X))


@pytest.mark.parametrize(("learning_rate", "alpha"), [(1e30, 0.0), (1e3, 1e36)])
def test_divergence_is_not_a_crash(blobs, learning_rate, alpha):
    X, y = blobs
    with pytest.warns(ConvergenceWarning, match="no longer finite.*Lower learning_rate"):
        fitted = classifier(learning_rate=learning_rate, alpha=alpha).fit(X * 1e3, y)
    assert np.isfinite(fitted.predict_proba(X)).all()
    assert all(np.isfinite(w).all() for w in fitted._weights.values())


class Recorder(keras.callbacks.Callback):
    """Writes into a list that copies share."""

    log = []

    def on_epoch_end(self, epoch, logs=None):
        self.log.append((epoch, sorted(logs)))


def test_callbacks_are_copied_and_called(blobs):
    X, y = blobs
    Recorder.log.clear()
    recorder = Recorder()
    fitted = classifier(**TINY, epochs=2, early_stopping=True, callbacks=[recorder])
    clone(fitted).fit(X, y)
    assert Recorder.log == [(0, ["loss", "val_loss"]), (1, ["loss", "val_loss"])]
    assert not hasattr(recorder, "_model") or recorder.model is None


def test_callbacks_may_change_the_learning_rate(blobs):
    X, y = blobs
    zero = keras.callbacks.LearningRateScheduler(lambda epoch: 0.01 if epoch == 0 else 0.0)
    fitted = classifier(**TINY, callbacks=[zero], dropout_rate=0.0).fit(X, y)
    assert fitted.loss_curve_[0] != fitted.loss_curve_[1]
    np.testing.assert_allclose(fitted.loss_curve_[1:], fitted.loss_curve_[1], rtol=1e-5)


def test_the_learning_rate_falls_in_fit_alone(blobs):
    X, y = blobs
    settings = {"early_stopping": False, "epochs": 4}
    falling, constant = (
        classifier(decay_fraction=fraction, **settings).fit(X, y).loss_curve_
        for fraction in (0.5, 0.0)
    )
    assert falling[:3] == constant[:3]
    assert falling[3] != constant[3]
    parts = [
        classifier(decay_fraction=fraction).partial_fit(X, y, classes=np.unique(y))
        for fraction in (1.0, 0.0)
    ]
    for part in parts:
        part.partial_fit(X, y, classes=np.unique(y))
    assert parts[0].loss_curve_ == parts[1].loss_curve_
    small = {**TINY, **settings, "epochs": 2}
    own = [
        classifier(optimizer=keras.optimizers.Adam(), decay_fraction=fraction, **small)
        for fraction in (1.0, 0.0)
    ]
    assert own[0].fit(X, y).loss_curve_ == own[1].fit(X, y).loss_curve_


def test_a_callback_may_stop_training(blobs):
    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch == 1

    assert classifier(**TINY, callbacks=[Stop()]).fit(*blobs).n_iter_ == 2


def test_own_optimizer_and_batch_callbacks_use_kerass_loop(blobs):
    class Batches(keras.callbacks.Callback):
        seen = []

        def on_train_batch_end(self, batch, logs=None):
            self.seen.append(batch)

    X, y = blobs
    settings = {**TINY, "epochs": 3, "batch_size": 50}
    settings |= {"early_stopping": True, "validation_fraction": 0.2}
    fitted = classifier(**settings, callbacks=[Batches()]).fit(X, y)
    assert Batches.seen == [0, 1, 2, 3, 4] * 3  # 240 of 300 samples in batches of 50
    assert len(fitted.validation_loss_curve_) == 3
    sgd = keras.optimizers.SGD(0.1, nesterov=True)
    a, b = (classifier(**TINY, epochs=2, optimizer=sgd).fit(X, y) for _ in range(2))
    np.testing.assert_array_equal(a.predict_proba(X), b.predict_proba(X))
    assert not sgd.variables or int(sgd.iterations) == 0
    with pytest.raises(TypeError, match="optimizer must be"):
        classifier(optimizer=ConfigOnly()).fit(X, y)


class ConfigOnly:
    def get_config(self):
        return {}


def test_feature_names_and_html(blobs):
    X, y = blobs
    frame = pd.DataFrame(X, columns=[f"x{i}" for i in range(10)])
    fitted = classifier(epochs=1).fit(frame, y)
    assert list(fitted.feature_names_in_) == list(frame.columns)
    with pytest.raises(ValueError, match="feature names should match"):
        fitted.predict(frame[frame.columns[::-1]])
    assert "ElasticNetBNMLPClassifier" in estimator_html_repr(fitted)


def test_uint8_features_stay_uint8(blobs):
    X, y = blobs
    X = np.uint8(np.clip(X * 20 + 100, 0, 255))
    fitted = classifier(epochs=1).fit(X, y)
    np.testing.assert_array_equal(fitted.predict_proba(X), fitted.predict_proba(np.float64(X)))


BAD_DATA = [
    (lambda X, y: (X[:, :, None], y), "dim 3"),
    (lambda X, y: (np.where(X[0, 0] == X, np.nan, X), y), "NaN"),
    (lambda X, y: (np.where(X[0, 0] == X, np.inf, X), y), "infinity"),
    (lambda X, y: (X.astype(str), y), "strings|convert"),
    (lambda X, y: (np.where(X > 0, "a", X.astype(object)), y), "could not convert"),
    (lambda X, y: (np.float64(X) * 1e300, y), "too large for float32"),
    (lambda X, y: (X * 1j, y), "[Cc]omplex"),
    (lambda X, y: (X[:0], y[:0]), "0 sample"),
    (lambda X, y: (X, y[:-1]), "inconsistent numbers of samples"),
    (lambda X, y: (X, 0 * y), "two or more classes"),
    (lambda X, y: (X, y + 0.5 + X[:, 0]), "Unknown label type"),
]


@pytest.mark.parametrize(("spoil", "message"), BAD_DATA)
def test_bad_data_is_refused_and_changes_nothing(blobs, fit_once, spoil, message):
    X, y = blobs
    fitted = fit_once()
    before = dict(vars(fitted))
    bad_X, bad_y = spoil(X, y)
    with pytest.raises((ValueError, TypeError), match=message):
        fitted.fit(bad_X, bad_y)
    assert vars(fitted).keys() == before.keys()
    assert all(vars(fitted)[name] is before[name] for name in before)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", 0),
        ("epochs", 2.5),
        ("batch_size", 0),
        ("batch_size", "8"),
        ("learning_rate", 0.0),
        ("learning_rate", "fast"),
        ("decay_fraction", 1.5),
        ("alpha", -1e-9),
        ("l1_ratio", 1.1),
        ("dropout_rate", 1.0),
        ("validation_fraction", 1.0),
        ("n_iter_no_change", 0),
        ("tol", -1),
        ("activation", "softplus2"),
        ("hidden_layer_sizes", (400, 0)),
        ("hidden_layer_sizes", "400-x"),
        ("hidden_layer_sizes", "-"),
        ("hidden_layer_sizes", (10.5,)),
        ("class_weight", "unbalanced"),
        ("random_state", "seed"),
        ("callbacks", "ModelCheckpoint"),
        ("optimizer", "Sgd"),
    ],
)
def test_bad_hyperparameters_are_named(blobs, name, value):
    with pytest.raises(ValueError, match=name):
        classifier(**{name: value}).fit(*blobs)


def test_use_before_fit(blobs):
    for method in ("predict", "predict_proba", "predict_log_proba"):
        with pytest.raises(NotFittedError):
            getattr(classifier(), method)(blobs[0])
    assert not hasattr(classifier(), "model_")


class Freeze(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        for layer in self.model.layers:
            layer.trainable = False


def test_what_a_callback_does_to_the_network_stays_with_its_fit(blobs):
    X, y = blobs
    plain = classifier(**TINY, epochs=2)
    expected = clone(plain).fit(X, y).predict_proba(X)
    clone(plain).set_params(callbacks=[Freeze()]).fit(X, y)
    np.testing.assert_array_equal(clone(plain).fit(X, y).predict_proba(X), expected)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_training_recovers_from_divergence(blobs):
    X, y = blobs
    fitted = classifier().partial_fit(X, y, classes=[0, 1, 2])
    fitted.partial_fit(X * 1e37, y)
    fitted.partial_fit(X, y)
    assert np.isfinite(fitted.loss_curve_[-1])
    warm = classifier(warm_start=True, learning_rate=1e30).fit(X * 1e3, y)
    warm.set_params(learning_rate=0.001).fit(X, y)
    assert np.isfinite(warm.loss_curve_[-1])


@pytest.mark.parametrize(
    "change", [{"hidden_layer_sizes": (9,)}, {"batch_norm": False}, {"activation": "tanh"}]
)
def test_going_on_needs_the_same_network(blobs, fit_once, change):
    fitted = fit_once().set_params(warm_start=True)
    with pytest.raises(ValueError, match=f"cannot go on with a changed network: {[*change][0]}"):
        fitted.set_params(**change).fit(*blobs)


def test_going_on_with_another_optimizer_starts_its_state(blobs):
    small = {**TINY, "epochs": 1, "early_stopping": False, "warm_start": True}
    fitted = classifier(**small, optimizer=keras.optimizers.SGD(0.1, nesterov=True)).fit(*blobs)
    for optimizer in ("adam", keras.optimizers.RMSprop(0.01), keras.optimizers.Nadam(0.01)):
        fitted.set_params(optimizer=optimizer).fit(*blobs)
    assert np.isfinite(fitted.loss_curve_).all()


@pytest.mark.parametrize("name", ["Adam", "SGD"])
def test_learning_rate_schedules(blobs, name):
    schedule = keras.optimizers.schedules.ExponentialDecay(0.01, 10, 0.9)
    optimizer = getattr(keras.optimizers, name)(schedule)
    fitted = classifier(**TINY, optimizer=optimizer, epochs=5, early_stopping=False).fit(*blobs)
    assert fitted.loss_curve_[-1] < fitted.loss_curve_[0]


def test_history_keeps_every_epoch(blobs):
    fitted = classifier(epochs=2, early_stopping=True).fit(*blobs).partial_fit(*blobs)
    fitted.set_params(warm_start=True)
    fitted.fit(*blobs)
    assert len(fitted.loss_curve_) == len(fitted.validation_loss_curve_) == fitted.n_iter_ == 5
    assert np.isnan(fitted.validation_loss_curve_).tolist() == [False, False, True, False, False]


def test_partial_fit_keeps_the_optimizers_state(blobs):
    X, y = blobs
    warm = classifier(epochs=1, warm_start=True, early_stopping=False)
    warm.fit(X, y).fit(X, y)
    partial = classifier(epochs=1).partial_fit(X, y, classes=[0, 1, 2]).partial_fit(X, y)
    zero_bias = partial.history_["loss"][1]
    assert zero_bias == pytest.approx(warm.history_["loss"][1], rel=0.05)
    assert int(partial._slots["Adam"][0]) == 10  # steps of both epochs


@pytest.mark.parametrize("weights", [{0: -2.0}, {0: 0.0, 1: 0.0, 2: 0.0}, {0: np.nan}])
def test_bad_class_weights_are_named(blobs, weights):
    with pytest.raises(ValueError, match="class_weight must hold positive"):
        classifier(class_weight=weights).fit(*blobs)


def test_a_huge_batch_is_all_samples(blobs):
    X, y = blobs
    a, b = (classifier(batch_size=n, epochs=2).fit(X, y) for n in (2**40, 300))
    np.testing.assert_array_equal(a.predict_proba(X), b.predict_proba(X))


def test_callbacks_must_be_callbacks(blobs):
    with pytest.raises(TypeError, match="callbacks must be one keras.callbacks.Callback"):
        classifier(callbacks=[3]).fit(*blobs)
