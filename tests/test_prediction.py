"""What users of scikit-learn's, Keras's and skorch's classifiers expect of this one."""

import copy
import pickle

import keras
import numpy as np
import pandas
import pytest
import sklearn
from marks import slowly
from scipy.sparse import coo_array, csc_matrix, csr_array
from scipy.special import expit, softmax
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import make_multilabel_classification
from sklearn.metrics import log_loss
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cae_sklearn import CAEFeaturizer, ElasticNetBNMLPClassifier
from cae_sklearn._arrays import streaming
from cae_sklearn._held_out import held_out_of_each_class
from cae_sklearn._training import batches


def classifier(**params):
    settings = {"hidden_layer_sizes": (8,), "epochs": 3, "random_state": 0}
    settings["validation_fraction"] = 0.2  # of few samples, when they are held out
    return ElasticNetBNMLPClassifier(**{**settings, **params})


@pytest.fixture(scope="module")
def fitted(blobs):
    return classifier().fit(*blobs)


@pytest.fixture(scope="module")
def several():
    """Return samples that have several of four labels."""
    X, y = make_multilabel_classification(300, 10, n_classes=4, random_state=0)
    return np.float32(StandardScaler().fit_transform(X)), y


# -- logits -------------------------------------------------------------------------


def test_logits_of_several_classes(blobs, fitted):
    logits = fitted.decision_function(blobs[0])
    assert logits.shape == (300, 3) and logits.dtype == np.float64
    np.testing.assert_allclose(softmax(logits, axis=1), fitted.predict_proba(blobs[0]))


def test_logits_of_two_classes_are_one_number(blobs):
    X, y = blobs[0], np.where(blobs[1] == 1, "yes", "no")
    fitted = classifier(epochs=10, learning_rate=0.02).fit(X, y)
    logits = fitted.decision_function(X)
    np.testing.assert_allclose(expit(logits), fitted.predict_proba(X)[:, 1])
    np.testing.assert_array_equal(np.where(logits > 0, "yes", "no"), fitted.predict(X))
    assert CalibratedClassifierCV(fitted, cv=2).fit(X, y).score(X, y) > 0.8


@pytest.mark.parametrize("method", ["predict", "predict_proba", "decision_function"])
def test_a_single_sample_is_not_several(blobs, fitted, method):
    with pytest.raises(
        ValueError, match=r"one dimension, of 10 numbers.*X\[:1\] instead of X\[0\]"
    ):
        getattr(fitted, method)(blobs[0][0])


@pytest.mark.parametrize("shape", [(5, 7, 3), *slowly([(6, 6), (6, 6, 1), (36,)])])
def test_a_single_image_is_not_several(shape):
    X = np.random.default_rng(0).normal(size=(20, *shape))
    fitted = CAEFeaturizer(filters=3, n_components=2, epochs=0).fit(X)
    with pytest.raises(ValueError, match=r"pass X\[:1\] instead of X\[0\]"):
        fitted.transform(X[0])
    assert fitted.transform(X[:1]).shape == (1, 2)


# -- sparse samples -----------------------------------------------------------------


@pytest.mark.parametrize("kind", [csr_array, csc_matrix, coo_array])
def test_sparse_samples_give_what_dense_ones_give(blobs, kind):
    X, y = np.where(np.abs(blobs[0]) > 1, blobs[0], 0), blobs[1]
    weight = np.arange(300) % 4
    dense = classifier(early_stopping=True).fit(X, y, weight)
    sparse = classifier(early_stopping=True).fit(kind(X), y, weight)
    np.testing.assert_array_equal(sparse.predict_proba(kind(X)), dense.predict_proba(X))
    assert sparse.history_ == dense.history_


def test_sparse_samples_are_made_dense_in_parts(blobs, monkeypatch):
    X, y = blobs
    sizes = []
    loaded = streaming.load_chunk
    monkeypatch.setattr(batches, "RESIDENT_BYTES", 0)
    monkeypatch.setattr(streaming, "CHUNK_BYTES", 64 * 40)
    monkeypatch.setattr(
        batches, "load_chunk", lambda X, indices: sizes.append(len(indices)) or loaded(X, indices)
    )
    sparse = classifier(batch_size=16).fit(csr_array(X), y)
    assert max(sizes) <= 64
    dense = classifier(batch_size=16).fit(X, y)
    np.testing.assert_array_equal(sparse.predict_proba(csr_array(X)), dense.predict_proba(X))


# -- several labels -----------------------------------------------------------------


def test_several_labels(several):
    X, y = several
    fitted = classifier(epochs=30, learning_rate=0.02).fit(X[:200], y[:200])
    assert fitted.score(X[200:], y[200:]) > 0.25  # all four labels right
    accuracy = (fitted.predict(X[200:]) == y[200:]).mean()
    assert accuracy > 0.75  # LogisticRegression 0.77, MLPClassifier 0.74, the commonest label 0.58
    np.testing.assert_array_equal(fitted.classes_, range(4))
    np.testing.assert_allclose(fitted.predict_proba(X), expit(fitted.decision_function(X)))
    np.testing.assert_allclose(fitted.predict_log_proba(X), np.log(fitted.predict_proba(X)))
    np.testing.assert_allclose(fitted.model_(X), fitted.predict_proba(X), atol=1e-6)


def test_several_labels_are_held_out_and_come_in_parts(several):
    X, y = several
    fitted = classifier(early_stopping=True, n_iter_no_change=9).fit(X, csr_array(y))
    assert len(fitted.validation_loss_curve_) == 3 and 0 < fitted.best_validation_score_ < 1
    parts = classifier().partial_fit(X[:150], y[:150], classes=range(4))
    parts.partial_fit(X[150:], y[150:])
    assert parts.predict(X).shape == y.shape
    with pytest.raises(ValueError, match=r"y has 3 columns, but the first fit saw 4 classes"):
        parts.partial_fit(X, y[:, :3])
    with pytest.raises(ValueError, match="cannot go on with a changed network: multilabel"):
        parts.partial_fit(X, y[:, 0])


def test_several_labels_have_no_class_weights(several):
    with pytest.raises(ValueError, match="class_weight must be None for multilabel y"):
        classifier(class_weight="balanced").fit(*several)


def test_rare_labels_begin_with_their_odds(several):
    X, y = several[0], np.zeros((300, 2), int)
    y[:30, 0], y[:3, 1] = 1, 1
    fitted = classifier(epochs=1, learning_rate=1e-9).fit(X, y, np.where(y[:, 0], 3.0, 1.0))
    odds = [90 / 270, 9 / 351]
    np.testing.assert_allclose(fitted.output_intercept_, np.log(odds), rtol=1e-4)


# -- samples for early stopping -----------------------------------------------------


def test_a_validation_set_of_ones_own(blobs):
    X, y = blobs
    weight = 1.0 + np.arange(100) % 2
    fitted = classifier().fit(
        X[:200], y[:200], X_val=X[200:], y_val=y[200:], sample_weight_val=weight
    )
    best = np.argmin(fitted.validation_loss_curve_)
    loss = log_loss(y[200:], fitted.predict_proba(X[200:]), sample_weight=weight)
    penalties = fitted.validation_loss_curve_[best] - loss
    assert 0 <= penalties < 0.01
    score = fitted.score(X[200:], y[200:], weight)
    assert fitted.best_validation_score_ == pytest.approx(score)


def test_a_validation_set_of_ones_own_is_not_trained_on(blobs):
    X, y = blobs
    alone = classifier(early_stopping=False).fit(X[:200], y[:200])
    other = classifier(n_iter_no_change=np.inf).fit(X[:200], y[:200], X_val=X[200:], y_val=y[200:])
    assert other.loss_curve_ == alone.loss_curve_


def test_a_pipeline_transforms_the_validation_set(blobs):
    X, y = blobs
    with sklearn.config_context(enable_metadata_routing=True):
        clf = classifier().set_fit_request(X_val=True, y_val=True)
        steps = make_pipeline(StandardScaler(), clf)
        steps.set_params(transform_input=["X_val"])
        steps.fit(X[:200], y[:200], X_val=X[200:], y_val=y[200:])
        expected = steps.score(X[200:], y[200:])
    assert steps[-1].best_validation_score_ == pytest.approx(expected)


@pytest.mark.parametrize(
    ("params", "given"),
    [
        ({}, {"X_val": np.zeros((5, 10))}),
        ({}, {"y_val": np.zeros(5)}),
        ({}, {"sample_weight_val": np.ones(5)}),
        ({"early_stopping": False}, {"X_val": np.zeros((5, 10)), "y_val": np.zeros(5)}),
    ],
)
def test_a_validation_set_is_never_ignored(blobs, params, given):
    with pytest.raises(ValueError, match="sample_weight_val with them, are used by early stopping"):
        classifier(**params).fit(*blobs, **given)


def test_validation_labels_are_those_of_fit(blobs):
    with pytest.raises(ValueError, match=r"classes \[7\]"):
        classifier().fit(*blobs, X_val=blobs[0][:5], y_val=[0, 1, 2, 7, 0])


def test_the_score_of_the_samples_held_out(blobs):
    X, y = blobs
    fitted = classifier(early_stopping=True).fit(X, y)
    held_out = held_out_of_each_class(y, 0.2, fitted._seeds()["split"], fitted.classes_)
    assert fitted.best_validation_score_ == fitted.score(X[held_out], y[held_out])
    assert classifier(early_stopping=False).fit(X, y).best_validation_score_ is None
    assert fitted.partial_fit(X, y).best_validation_score_ is None


# -- the training loss --------------------------------------------------------------


def test_training_stops_when_its_loss_stays(blobs):
    X, y = blobs
    settings = {"early_stopping": False, "epochs": 60, "tol": 0.05, "n_iter_no_change": 3}
    fitted = classifier(**settings).fit(X, y)
    losses = fitted.loss_curve_
    assert 4 < fitted.n_iter_ < 60
    best = np.minimum.accumulate(losses)
    assert best[-5] - min(losses[-4:]) < 4 * 0.05
    assert fitted.loss_ == losses[-1] and fitted.best_loss_ == min(losses)
    without = classifier(**{**settings, "tol": 0.0, "epochs": 12}).fit(X, y)
    assert without.n_iter_ == 12
    assert classifier(**{**settings, "n_iter_no_change": np.inf}).fit(X, y).n_iter_ == 60


def test_the_featurizer_stops_likewise():
    X = np.random.default_rng(0).normal(size=(40, 6, 6))
    fitted = CAEFeaturizer(filters=3, epochs=20, tol=1e3, n_iter_no_change=2, random_state=0).fit(X)
    assert fitted.n_iter_ == 3
    assert CAEFeaturizer(filters=3, epochs=0).fit(X).loss_ is np.nan


class Counter(keras.callbacks.Callback):
    epochs = 0

    def on_epoch_end(self, epoch, logs=None):
        Counter.epochs += 1


def test_one_callback_needs_no_list(blobs):
    classifier(callbacks=Counter()).fit(*blobs)
    assert Counter.epochs == 3


# -- what else works as there ------------------------------------------------------


def test_a_saved_classifier_goes_on_learning(blobs, fitted):
    """And learns the same as one that was never saved."""
    X, y = blobs
    loaded, copied = pickle.loads(pickle.dumps(fitted)), copy.deepcopy(fitted)
    for network in (loaded, copied):
        network.set_params(learning_rate=0.02)
        for _ in range(20):
            network.partial_fit(X, (y + 1) % 3)
    assert loaded.score(X, (y + 1) % 3) > 0.8 > 0.4 > fitted.score(X, (y + 1) % 3)
    np.testing.assert_array_equal(loaded.predict_proba(X), copied.predict_proba(X))


def test_data_frames_and_labels_of_objects_can_be_held_out_and_scored(blobs):
    X, y = pandas.DataFrame(blobs[0]).add_prefix("column"), np.array(["a", "b", "c"], object)
    y = y[blobs[1]]
    fitted = classifier(early_stopping=True, scoring="accuracy").fit(X, y)  # warnings are errors
    assert np.isfinite(fitted.history_["val_accuracy"]).all()
    assert fitted.predict(X).dtype == object and set(fitted.predict(X)) <= set("abc")


def test_float32_and_float64_samples_give_the_same_bits(blobs):
    X, y = blobs
    a, b = (classifier().fit(np.array(X, dtype), y) for dtype in (np.float32, np.float64))
    np.testing.assert_array_equal(a.predict_proba(np.float32(X)), b.predict_proba(np.float64(X)))


def test_unit_weights_are_no_weights_with_early_stopping(blobs):
    X, y = blobs
    a, b = (classifier(early_stopping=True).fit(X, y, w) for w in (None, np.ones(len(y))))
    np.testing.assert_array_equal(a.predict_proba(X), b.predict_proba(X))


@pytest.mark.parametrize("threshold", [0.0, 0.25, 0.75, 1.0])
def test_scikit_learns_thresholds_apply(blobs, threshold):
    X, y = blobs[0], blobs[1] == 1
    fitted = FixedThresholdClassifier(classifier(), threshold=threshold).fit(X, y)
    positive = fitted.estimator_.predict_proba(X)[:, 1]
    np.testing.assert_array_equal(fitted.predict(X), positive >= threshold)


def test_partial_fit_prints_its_epochs(blobs, capsys):
    network = classifier(verbose=1)
    for i in (1, 2):
        network.partial_fit(*blobs, classes=[0, 1, 2])
        assert f"epoch {i}/{i}" in "".join(capsys.readouterr())
