"""scikit-learn's callbacks."""

import pytest
import sklearn
from sklearn.utils.fixes import parse_version

from .toy import X, Y, make


@pytest.mark.skipif(
    parse_version(sklearn.__version__) < parse_version("1.9"), reason="no callbacks before 1.9"
)
def test_scikit_learn_callbacks_see_points_and_fits(tmp_path):
    class Recorder:
        def __init__(self):
            self.begun, self.ended = [], []

        def setup(self, estimator, context):
            pass

        teardown = setup

        def on_fit_task_begin(self, estimator, context):
            self.begun.append((context.task_name, context.max_subtasks))

        def on_fit_task_end(self, estimator, context):
            self.ended.append(context.task_name)

    recorder = Recorder()
    search = make(n_iter=4, n_points=3, checkpoint=tmp_path / "c.json")
    search.set_callbacks(recorder)
    search.fit(X, Y)
    assert ("search", 4) in recorder.begun
    assert [n for name, n in recorder.begun if name == "point"] == [3] * 4
    assert sorted(name for name, _ in recorder.begun) == sorted(recorder.ended)
    assert recorder.ended.count("candidate-split-evaluation") == 12
    search.fit(X, Y)  # all stored
    assert recorder.ended.count("candidate-split-evaluation") == 12
