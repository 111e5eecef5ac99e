"""Searches in two worker processes: beside one, and asynchronous beside rounds.

Each search runs in a process of its own, so that the start of the workers and the import of
TensorFlow count. Each worker has one thread.
"""

import subprocess
import sys
import time

from _compare import arguments, show

args = arguments(__doc__, rounds=1)

SCRIPT = """
import sys
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from skopt.space import Real
from cae_sklearn import ElasticNetBNMLPClassifier
from cae_sklearn.search import ResumableBayesSearchCV

kind, n_jobs, epochs = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
X, y = load_digits(return_X_y=True)
network = ElasticNetBNMLPClassifier(epochs=epochs, early_stopping=False, random_state=0)
if kind == "grid":
    grid = {"batch_size": [8, 16, 32, 64], "alpha": [1e-4, 1e-2]}
    search = GridSearchCV(network, grid, cv=4, n_jobs=n_jobs)
else:
    spaces = {"learning_rate": Real(1e-4, 1e-1, prior="log-uniform"), "batch_size": (8, 64)}
    search = ResumableBayesSearchCV(
        network, spaces, n_iter=12, n_points=4, cv=3, n_jobs=n_jobs, random_state=0,
        asynchronous=kind == "asynchronous",
    )
print(*search.fit(X / 16, y).cv_results_["mean_test_score"][:8])
"""


def seconds_of(kind, n_jobs, epochs):
    command = [sys.executable, "-c", SCRIPT, kind, str(n_jobs), str(epochs)]
    start = time.perf_counter()
    scores = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return time.perf_counter() - start, scores


epochs = 2 if args.quick else 60
found = {
    (kind, n_jobs): seconds_of(kind, n_jobs, epochs)
    for kind, n_jobs in [("grid", 1), ("grid", 2), ("rounds", 2), ("asynchronous", 2)]
}
rows = []
for (kind, n_jobs), beside in {
    ("grid", 1): None,
    ("grid", 2): ("grid", 1),
    ("rounds", 2): None,
    ("asynchronous", 2): ("rounds", 2),
}.items():
    seconds, scores = found[kind, n_jobs]
    other, other_scores = found[beside] if beside else (None, None)
    rows.append(
        {
            "who": f"{kind}, n_jobs={n_jobs}",
            "seconds": seconds,
            "times as fast": other and other / seconds,
            "same scores": other_scores and ("yes" if scores == other_scores else "no"),
        }
    )
show("Searches over the digits, whole processes", rows, args.format)
