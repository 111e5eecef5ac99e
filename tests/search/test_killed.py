"""A Bayesian search with an autoencoder in front, killed and interrupted again and again."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

SCRIPT = """
import sys
from sklearn.datasets import load_digits
from sklearn.pipeline import Pipeline
from skopt.space import Real
from cae_sklearn import CAEFeaturizer, ElasticNetBNMLPClassifier
from cae_sklearn.caching import FitOnceMemory
from cae_sklearn.search import ResumableBayesSearchCV

folder = sys.argv[1]
images, labels = load_digits(n_class=3, return_X_y=True)
pipeline = Pipeline(
    [
        ("cae", CAEFeaturizer(8, kernel_size=3, n_components=20, epochs=2, random_state=0)),
        ("clf", ElasticNetBNMLPClassifier((16,), epochs=40, random_state=0)),
    ],
    memory=FitOnceMemory(folder + "/cache", verbose=0),
)
spaces = {
    "clf__learning_rate": Real(1e-4, 1e-1, prior="log-uniform"),
    "clf__alpha": Real(1e-6, 1e-1, prior="log-uniform"),
}
search = ResumableBayesSearchCV(
    pipeline, spaces, n_iter=int(sys.argv[2]), cv=3, random_state=0, refit=False, verbose=1,
    checkpoint=folder + "/search.json", optimizer_kwargs={"acq_optimizer": "sampling"},
)
print("begins", flush=True)
search.fit(images.reshape(-1, 8, 8)[:300], labels[:300])
print("scores", *map(float, search.cv_results_["mean_test_score"]), flush=True)
"""
N_POINTS = int(os.environ.get("N_POINTS", 8))
N_STOPS = int(os.environ.get("N_STOPS", 2))  # of each kind


def run(script, folder, stop=None, after=None):
    """Run the script; stop it by a signal some time after it begins. Return what it printed."""
    folder.mkdir(exist_ok=True)
    command = [sys.executable, script, str(folder), str(N_POINTS)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert child.stdout.readline() == "begins\n", child.stderr.read()
        if stop is not None:
            time.sleep(after)
            child.send_signal(stop)
        out, error = child.communicate(timeout=300)
    finally:
        child.kill()
    assert child.returncode in (0, -signal.SIGKILL, -signal.SIGINT, 1), error
    if child.returncode == 1:
        assert error.rstrip().endswith("KeyboardInterrupt"), error
    return out.splitlines()


@pytest.mark.slow
def test_a_search_that_is_stopped_again_and_again_ends_as_one_that_is_not(tmp_path):
    script, rng = tmp_path / "script.py", np.random.default_rng(0)
    script.write_text(SCRIPT)
    start = time.monotonic()
    *_, expected = run(script, tmp_path / "whole")
    whole = time.monotonic() - start
    lines = []
    for stop in [signal.SIGKILL, signal.SIGINT] * N_STOPS:
        lines += run(script, tmp_path / "stopped", stop, rng.uniform(0, whole / N_STOPS))
        if (tmp_path / "stopped" / "search.json").exists():
            json.loads((tmp_path / "stopped" / "search.json").read_text())
    lines += run(script, tmp_path / "stopped")
    assert lines[-1] == expected
    evaluated = [line.split(":")[0] for line in lines if line.startswith("point ")
                 and " stored, " not in line]  # fmt: skip
    assert len(evaluated) == len(set(evaluated)) == N_POINTS
