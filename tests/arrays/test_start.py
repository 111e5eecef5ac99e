"""Standard error holds nothing that nobody asked for, and all else."""

import os
import subprocess
import sys

import pytest

from cae_sklearn._arrays.start import without_known_lines

KNOWN = [
    "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR",
    "I0000 00:00:17 2124 cudart_stub.cc:31] Could not find cuda drivers on your machine, GPU will",
    "E0000 00:00:17 2124 cuda_platform.cc:52] failed call to cuInit: INTERNAL: UNKNOWN ERROR (303)",
    "I0000 00:00:17 2124 cpu_feature_guard.cc:227] This TensorFlow binary is optimized to use",
    "To enable the following instructions: AVX2 FMA, in other operations, rebuild TensorFlow",
]
OTHERS = [
    "E0000 00:00:17 2124 cuda_platform.cc:52] failed call to cuInit: CUDA_ERROR_UNKNOWN (999)",
    "F0000 the TensorFlow library was compiled to use AVX instructions",
    "ImportError: no line break follows",
]


def test_only_known_lines_are_left_out(capfd):
    with pytest.raises(ZeroDivisionError), without_known_lines():
        for line in KNOWN + OTHERS[:2]:
            os.write(2, f"{line}\n".encode())
        print(OTHERS[2], end="", file=sys.__stderr__)
        raise ZeroDivisionError
    os.write(2, b"\nafter")
    assert capfd.readouterr().err == "\n".join([*OTHERS, "after"])


SCRIPT = """
import numpy as np
from sklearn.model_selection import GridSearchCV
from cae_sklearn import CAEFeaturizer, ElasticNetBNMLPClassifier

if __name__ == "__main__":
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(200, 4)), np.arange(200) % 2
    network = ElasticNetBNMLPClassifier((8,), epochs=3, random_state=0)
    CAEFeaturizer(4, epochs=1, random_state=0).fit_transform(rng.random((20, 8, 8)))
    network.fit(X, y).predict(X)
    for n_jobs in (1, 2):
        GridSearchCV(network, {"alpha": [1e-3, 1e-2]}, cv=2, n_jobs=n_jobs).fit(X, y)
"""


@pytest.mark.slow
def test_a_fit_and_a_search_are_silent(tmp_path):
    """Where TensorFlow runs on processors alone: drivers of GPUs have lines of their own."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    environment = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    run = subprocess.run(
        [sys.executable, "-W", "error", script],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (run.returncode, run.stderr) == (0, "")
