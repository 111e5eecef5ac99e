"""Data that many tests share, and libraries to test without.

``TEST_WITHOUT="skopt" pytest`` runs as if scikit-optimize were not installed; scikeras likewise.
"""

import importlib.util
import os
import signal
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.modules.update(dict.fromkeys(os.environ.get("TEST_WITHOUT", "").split()))

import numpy as np
import pytest

# A shell lets its background jobs ignore Ctrl-C, which some tests press.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

NEED_SKOPT = ["search", "commands/test_tune.py", "commands/test_reproduce.py"]
collect_ignore = [] if importlib.util.find_spec("skopt") else NEED_SKOPT


@pytest.fixture(scope="session", autouse=True)
def networks_that_are_kept():
    """Let a network that one test has traced serve all tests of its process.

    TensorFlow is imported here, not above: the process that hands out the tests does without.
    """
    from cae_sklearn._training import pool

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pool, "IDLE_LIMIT", 100)
        yield


@pytest.fixture(scope="session")
def digits():
    """Return 600 digits as images (n, 8, 8) and their labels."""
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    return X[:600].reshape(-1, 8, 8), y[:600]


@pytest.fixture(scope="session")
def blobs():
    """Return an easy problem of three classes on ten features."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 300)
    return (rng.normal(size=(300, 10)) + 2 * np.eye(3, 10)[y]).astype(np.float32), y
