"""scikit-learn's callbacks, where there are any, and their absence."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from skopt.space import Real

from cae_sklearn._tasks import Task

from .toy import Toy, X, Y, make


class Recorder:
    def __init__(self):
        self.begun, self.ended, self.estimators, self.parents = [], [], [], {}

    def setup(self, estimator, context):
        pass

    teardown = setup

    def on_fit_task_begin(self, estimator, context):
        self.begun.append((context.task_name, context.max_subtasks))
        self.estimators.append(estimator)
        if context.parent is not None:
            self.parents.setdefault(context.task_name, set()).add(context.parent.task_name)

    def on_fit_task_end(self, estimator, context):
        self.ended.append(context.task_name)


def test_scikit_learn_callbacks_see_points_and_fits(tmp_path):
    pytest.importorskip("sklearn.callback")
    recorder = Recorder()
    search = make(n_iter=4, n_points=3, checkpoint=tmp_path / "c.json")
    search.set_callbacks(recorder)
    search.fit(X, Y)
    assert ("search", 4) in recorder.begun
    assert [n for name, n in recorder.begun if name == "point"] == [3] * 4
    assert sorted(name for name, _ in recorder.begun) == sorted(recorder.ended)
    assert recorder.ended.count("candidate-split-evaluation") == 12
    assert recorder.parents == {
        "search": {"fit"},
        "point": {"search"},
        "candidate-split-evaluation": {"point"},
        "refit-with-best-params": {"fit"},
    }
    assert all(estimator is search for estimator in recorder.estimators)
    search.fit(X, Y)  # all stored
    assert recorder.ended.count("candidate-split-evaluation") == 12
    assert not hasattr(search, "_callback_fit_ctx")


@pytest.mark.filterwarnings("ignore:The estimator .* does not support callbacks:UserWarning")
@pytest.mark.parametrize("asynchronous", [False, True])
def test_callbacks_reach_the_tasks_of_a_pipeline(asynchronous):
    callback = pytest.importorskip("sklearn.callback")

    class Spread(Recorder, callback.AutoPropagatedCallback):
        max_propagation_depth = None

    recorder, spaces = Spread(), {"clf__a": Real(0.1, 1.0)}
    pipe = Pipeline([("scale", StandardScaler()), ("clf", Toy())])
    search = make(pipe, spaces, n_iter=2, n_points=2, asynchronous=asynchronous)
    search.set_callbacks(recorder).fit(X, Y)
    # The fit of a pipeline is one task with the fold, and its steps are below.
    assert recorder.parents["fit"] == {"point", "fit"}
    assert recorder.ended.count("fit-final-estimator") == 2 * 3 + 1
    assert len(recorder.begun) == len(recorder.ended)


def test_callbacks_end_when_a_fit_fails():
    pytest.importorskip("sklearn.callback")
    recorder = Recorder()
    search = make(Toy(fail_above=0.0), error_score="raise").set_callbacks(recorder)
    with pytest.raises(RuntimeError, match="too high"):
        search.fit(X, Y)
    assert recorder.ended == ["candidate-split-evaluation"]
    assert not hasattr(search, "_callback_fit_ctx")


def test_a_worker_gets_the_search_without_what_it_has_learned():
    search = make(n_iter=2).fit(X, Y)
    task = pickle.loads(pickle.dumps(Task(search, "context")))
    assert not hasattr(task.owner, "cv_results_")
    assert task.owner.n_iter == 2
    assert pickle.loads(pickle.dumps(Task(search, None))).owner is None


def test_without_callbacks_a_task_does_nothing(monkeypatch):
    whole = make(n_iter=3).fit(X, Y)
    search = clone(whole)
    # As with scikit-learn 1.6 to 1.8.
    monkeypatch.setattr(type(search), "_init_callback_context", None, raising=False)
    search.fit(X, Y)
    assert np.array_equal(
        search.cv_results_["mean_test_score"], whole.cv_results_["mean_test_score"]
    )
    task = Task(search, None)
    assert task.subtask("point", 0, 3) is task
    with task.fitting(Toy(), X, Y, {}):
        task.end()
