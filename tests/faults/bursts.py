"""Fits under bursts of SIGINT, in a process of its own: ``python bursts.py KIND N``.

KIND is "classifier", "featurizer" or "classifier in Keras's loop", which is traced in each fit.
Prints as JSON how many of N fits returned and how many raised KeyboardInterrupt, all other
errors, and whether a fit after all of them gives what one before them gave.
"""

import json
import os
import signal
import sys
import threading
import time
import warnings
from contextlib import ExitStack, suppress

import keras
import numpy as np
from sklearn.datasets import load_digits

from cae_sklearn import CAEFeaturizer, ElasticNetBNMLPClassifier

MOST_SIGNALS = 4


class Sender(threading.Thread):
    """Sends SIGINT a few times, one soon after the other, as an impatient user does."""

    def __init__(self, rng):
        super().__init__()
        more = rng.integers(MOST_SIGNALS)
        self.delays = [0.5 * rng.random(), *rng.exponential(0.01, more)]

    def run(self):
        for delay in self.delays:
            time.sleep(delay)
            os.kill(os.getpid(), signal.SIGINT)


def under_a_burst(fit, rng):
    """Return "kept" when the fit returned, else what it raised; no signal is left at the end."""
    ends = []
    sender = Sender(rng)
    with ExitStack() as stack:
        for _ in range(MOST_SIGNALS + 1):  # any of these may be where a signal comes after the fit
            stack.enter_context(suppress(KeyboardInterrupt))
        try:
            sender.start()
            fit()
            ends.append("kept")
        except KeyboardInterrupt:
            ends.append("KeyboardInterrupt")
        except BaseException as error:
            ends.append(repr(error))
        finally:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
    for _ in range(MOST_SIGNALS):
        with suppress(KeyboardInterrupt):
            signal.signal(signal.SIGINT, signal.SIG_IGN)
    sender.join()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    return ends[0] if ends else "KeyboardInterrupt"


def main(kind, n):
    warnings.filterwarnings("ignore", ".*Ctrl-C ended", UserWarning)
    rng = np.random.default_rng(0)
    X, y = load_digits(n_class=3, return_X_y=True)
    if "classifier" in kind:
        make = ElasticNetBNMLPClassifier
        params = {"hidden_layer_sizes": (8,), "early_stopping": False, "random_state": 0}
        data = X[:300], y[:300]
    else:
        make, params = CAEFeaturizer, {"filters": 8, "n_components": 6, "random_state": 0}
        data = [X[:300].reshape(-1, 8, 8)]

    if "Keras" in kind:
        params["optimizer"] = keras.optimizers.Nadam(1e-3)

    def use():
        fitted = make(epochs=2, **params).fit(*data)
        return fitted.predict_proba(data[0]) if len(data) == 2 else fitted.transform(data[0])

    before = use()
    endless = make(epochs=10**6, **params)
    ends = [under_a_burst(lambda: endless.fit(*data), rng) for _ in range(n)]
    after = use()
    usual = {end: ends.count(end) for end in ("kept", "KeyboardInterrupt")}
    others = [end for end in ends if end not in usual]
    same = bool(np.array_equal(before, after))
    print(json.dumps({**usual, "others": others, "same": same}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
