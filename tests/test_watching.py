"""A fit that one can follow: tasks of scikit-learn, lines, scores, callbacks of Keras."""

import pickle
import re

import keras
import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from cae_sklearn import CAEFeaturizer, ElasticNetBNMLPClassifier

STAGES = (
    "normalisation whitening first-filters epochs statistics denoising components decoder "
    "reconstruction"
)


def classifier(**params):
    settings = {"epochs": 3, "early_stopping": False, "random_state": 0}
    return ElasticNetBNMLPClassifier((8,), **{**settings, **params})


def featurizer(**params):
    settings = {"filters": 4, "kernel_size": 3, "n_components": 6, "epochs": 2, "random_state": 0}
    return CAEFeaturizer(**{**settings, **params})


class Recorder:
    """Keeps the paths of the tasks that it sees."""

    max_propagation_depth = None

    def __init__(self, stop_after=None):
        self.begun, self.ended, self.stop_after = [], [], stop_after

    def setup(self, estimator, context):
        pass

    teardown = setup

    def on_fit_task_begin(self, estimator, context):
        self.begun.append(path(context))

    def on_fit_task_end(self, estimator, context):
        self.ended.append(path(context))
        return (context.task_name, context.task_id) == self.stop_after


def path(context):
    above = "" if context.parent is None else f"{path(context.parent)} > "
    return above + context.task_name.replace(" ", "-")


needs_callbacks = pytest.mark.skipif(
    not hasattr(CAEFeaturizer, "set_callbacks"), reason="scikit-learn has no callbacks before 1.9"
)


@needs_callbacks
def test_each_epoch_and_stage_is_a_task_and_the_bits_stay(blobs, digits):
    recorder = Recorder()
    fitted = classifier().set_callbacks(recorder).fit(*blobs)
    assert recorder.begun == ["fit", *["fit > epoch"] * 3]
    np.testing.assert_array_equal(fitted.output_coef_, classifier().fit(*blobs).output_coef_)

    recorder = Recorder()
    fitted = featurizer().set_callbacks(recorder).fit(digits[0][:60])
    assert sorted(recorder.begun) == sorted(recorder.ended)
    below = [task.removeprefix("fit > ") for task in recorder.begun]
    assert [name for name in below if " " not in name and name != "fit"] == STAGES.split()
    assert below.count("epochs > epoch") == 2
    np.testing.assert_array_equal(
        fitted.transform(digits[0][:60]), featurizer().fit_transform(digits[0][:60])
    )


@needs_callbacks
def test_tasks_reach_from_the_search_down_to_the_epochs(digits):
    recorder = Recorder()
    pipeline = Pipeline([("cae", featurizer()), ("clf", classifier())])
    search = GridSearchCV(pipeline, {"clf__alpha": [1e-3, 1e-2]}, cv=2)
    search.set_callbacks(recorder).fit(digits[0][:60], digits[1][:60] % 2)
    assert sorted(recorder.begun) == sorted(recorder.ended)
    deepest = [name for name in recorder.ended if name.endswith("> epoch")]
    assert len(deepest) == 5 * (2 + 3)  # of four folds and the last fit
    assert len({name.count(">") for name in deepest if "epochs > epoch" in name}) == 2
    assert not hasattr(search.best_estimator_[0], "_skl_callbacks")


@needs_callbacks
def test_a_callback_may_stop_the_training(blobs, digits):
    assert classifier().set_callbacks(Recorder(("epoch", 1))).fit(*blobs).n_iter_ == 2
    assert featurizer().set_callbacks(Recorder(("epoch", 0))).fit(digits[0][:60]).n_iter_ == 1


@needs_callbacks
def test_the_monitor_of_scikit_learn_scores_each_epoch(blobs):
    from sklearn.callback import ScoringMonitor

    X, y = blobs
    monitor = ScoringMonitor(scoring="accuracy")
    fitted = classifier(scoring="accuracy").set_callbacks(monitor).fit(X, y)
    rows = [row for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert [row["accuracy"] for row in rows] == fitted.history_["accuracy"]
    assert fitted.history_["accuracy"][-1] == fitted.score(X, y)


OPTIMIZERS = ["adam", keras.optimizers.SGD(0.1, nesterov=True)]
in_both_loops = pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=["fast loop", "Keras's loop"])


@in_both_loops
def test_a_line_says_how_far_the_fit_is(blobs, capsys, optimizer):
    classifier(verbose=1, optimizer=optimizer, scoring="accuracy", early_stopping=True).fit(*blobs)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    start = r"\[ElasticNetBNMLPClassifier\] epoch 1/3, loss: \d.*, val_loss: \d.*, accuracy: \d"
    assert re.match(
        start + r".*, val_accuracy: \S+, \d+\.\d s, at most \d+ s to the last epoch$", lines[0]
    )
    assert "last epoch" not in lines[-1]


def test_each_stage_has_a_line(digits, capsys):
    images = np.kron(digits[0][:60], np.ones((3, 3)))
    featurizer(verbose=True, resolution=8).fit(images)
    lines = capsys.readouterr().out.splitlines()
    names = [re.match(r"\[CAEFeaturizer\] ([^,]+), ", line)[1].replace(" ", "-") for line in lines]
    expected = f"resizing {STAGES}".replace("epochs", "epoch-1/2 epoch-2/2")
    assert names == expected.split()


def test_a_long_stage_says_how_far_it_is(digits, capsys, monkeypatch):
    monkeypatch.setattr("cae_sklearn._progress.HEARTBEAT", 0.0)
    featurizer(verbose=True).fit(digits[0][:60])
    assert re.search(r"denoising, 50%, \d+ s left\n", capsys.readouterr().out)


@in_both_loops
def test_scores_of_epochs_can_stop_the_training(blobs, optimizer):
    X, y = blobs
    stop = keras.callbacks.EarlyStopping("val_accuracy", mode="max", patience=2)
    fitted = classifier(
        epochs=50, optimizer=optimizer, scoring="accuracy", early_stopping=True, callbacks=[stop]
    ).fit(X, y)
    assert fitted.n_iter_ < 50
    for name in ("accuracy", "val_accuracy"):
        assert len(fitted.history_[name]) == fitted.n_iter_
    [copied] = fitted.callbacks_
    assert copied is not stop and copied.stopped_epoch == fitted.n_iter_ - 1


def test_a_function_may_score(blobs):
    X, y = blobs
    names = np.array(["a", "b", "c"])[y]

    def share_of_a(estimator, X, y):
        assert set(y) <= set("abc")
        return np.mean(estimator.predict(X) == "a")

    fitted = classifier(scoring=share_of_a).fit(X, names)
    assert fitted.history_["score"][-1] == share_of_a(fitted, X, names)
    assert "val_score" not in fitted.history_


def test_the_copies_of_callbacks_are_kept_without_the_network(blobs):
    history = keras.callbacks.History()
    fitted = classifier(callbacks=[history]).fit(*blobs)
    [copied] = fitted.callbacks_
    assert copied.history["loss"] == fitted.loss_curve_ and not history.history
    assert copied.model is None
    assert not hasattr(pickle.loads(pickle.dumps(fitted)), "callbacks_")
    assert featurizer().fit(np.random.default_rng(0).random((20, 8, 8))).callbacks_ == []
