"""How often the autoencoder is fitted in a grid over 8 classifiers x 5 folds.

With `cae_sklearn.caching.FitOnceMemory` once for each fold, and once more for the refit,
for any number of processes.
"""

from _compare import arguments, clock, show

args = arguments(__doc__, rounds=1)

import os
import tempfile
from pathlib import Path

import numpy as np
from _counted import CountedCAE
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from cae_sklearn import ElasticNetBNMLPClassifier
from cae_sklearn.caching import FitOnceMemory

X, y = load_digits(return_X_y=True)
if args.quick:
    X, y = X[:300], y[:300]
GRID = {"clf__batch_size": [8, 16, 32, 64], "clf__learning_rate": [0.001, 0.01]}


home = tempfile.TemporaryDirectory()
log = Path(home.name, "fits.txt")
os.environ["BENCH_CACHE_LOG"] = str(log)  # set before any worker process starts


def search(folder, memory, n_jobs, refit):
    log.write_text("")
    pipeline = Pipeline(
        [
            ("cae", CountedCAE(64, image_shape=(8, 8), kernel_size=3, epochs=2, random_state=0)),
            ("clf", ElasticNetBNMLPClassifier(epochs=2, random_state=0)),
        ],
        memory=memory and memory(folder, verbose=0),
    )
    fitted = GridSearchCV(pipeline, GRID, cv=5, n_jobs=n_jobs, refit=refit).fit(X, y)
    return len(log.read_text().split()), np.round(fitted.cv_results_["mean_test_score"], 12)


rows, scores = [], []
for memory, n_jobs, refit, wanted in (
    (FitOnceMemory, 1, False, 5),
    (FitOnceMemory, 1, True, 6),
    (FitOnceMemory, 2, False, 5),
    (FitOnceMemory, 2, True, 6),
    (None, 1, False, None),
):
    with tempfile.TemporaryDirectory() as folder:
        seconds, (fits, means) = clock(
            lambda f=folder, m=memory, n=n_jobs, r=refit: search(f, m, n, r)
        )
    scores.append(means)
    rows.append(
        {
            "who": memory.__name__ if memory else "no memory",
            "n_jobs": n_jobs,
            "refit": refit,
            "seconds": seconds,
            "fits of the CAE": fits,
            "wanted": wanted,
            "met": None if wanted is None else ("yes" if fits == wanted else "NO"),
        }
    )
show("A CAE in front of 8 classifiers x 5 folds", rows, args.format)
same = all(np.array_equal(means, scores[0]) for means in scores)
print(f"\n  Mean scores of all five searches are {'equal' if same else 'NOT EQUAL'}.")
