"""GridSearchCV on the digits: the estimator, plain scikeras, MLPClassifier and skorch.

Eight candidates (batch size x learning rate) x 5 folds x 20 epochs, n_jobs=1, without early
stopping. Each candidate is a GridSearchCV of its own, so that all libraries take turns; the
times are the sums. Each round has another seed. The peers' learning rate stays; ours falls in
the second half of the epochs, as is its default. MLPClassifier has neither batch normalisation
nor dropout, and ``ours, plain`` is the estimator without these and with a rate that stays.
"""

from _compare import alternate, arguments, comparison, ratio, set_torch_threads, show

args = arguments(__doc__, rounds=3)

from functools import partial
from itertools import count

import numpy as np
import torch
from _peers import keras_mlp, torch_mlp
from scikeras.wrappers import KerasClassifier
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.neural_network import MLPClassifier
from skorch import NeuralNetClassifier

from cae_sklearn import ElasticNetBNMLPClassifier

set_torch_threads(args)
EPOCHS, FOLDS = (3, 2) if args.quick else (20, 5)
BATCH_SIZES, RATES = ((16, 64), (0.001,)) if args.quick else ((8, 16, 32, 64), (0.001, 0.01))
TARGETS = {"scikeras": 10.0, "MLPClassifier": 2.0, "skorch": 2.0}

X, y = load_digits(return_X_y=True)
X = (X / 16).astype(np.float32)


def build(meta, learning_rate=0.001):
    return keras_mlp(meta["n_features_in_"], meta["n_classes_"], learning_rate)


def estimators():
    """Return for each library its estimator and its names of batch size and learning rate."""
    ours = ElasticNetBNMLPClassifier(epochs=EPOCHS, early_stopping=False, random_state=0)
    return {
        "ours": (ours, "batch_size", "learning_rate"),
        "ours, plain": (
            clone(ours).set_params(batch_norm=False, dropout_rate=0.0, decay_fraction=0.0),
            "batch_size",
            "learning_rate",
        ),
        "scikeras": (
            KerasClassifier(build, epochs=EPOCHS, verbose=0, learning_rate=0.001),
            "batch_size",
            "learning_rate",
        ),
        "MLPClassifier": (
            MLPClassifier((400, 64), max_iter=EPOCHS, n_iter_no_change=EPOCHS, random_state=0),
            "batch_size",
            "learning_rate_init",
        ),
        "skorch": (
            NeuralNetClassifier(
                torch_mlp,
                module__n_features=X.shape[1],
                module__n_classes=10,
                criterion=torch.nn.CrossEntropyLoss,
                optimizer=torch.optim.Adam,
                optimizer__fused=True,
                max_epochs=EPOCHS,
                iterator_train__shuffle=True,
                train_split=None,
                verbose=0,
            ),
            "batch_size",
            "lr",
        ),
    }


def search(estimator, names, values, seeds):
    if estimator.get_params().get("random_state") is not None:
        estimator = clone(estimator).set_params(random_state=next(seeds))
    target = y.astype(np.int64) if isinstance(estimator, NeuralNetClassifier) else y
    grid = {name: [value] for name, value in zip(names, values, strict=True)}
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    fitted = GridSearchCV(estimator, grid, cv=folds, refit=False, error_score="raise")
    return fitted.fit(X, target).cv_results_["mean_test_score"][0]


total = {}
candidates = [(size, rate) for size in BATCH_SIZES for rate in RATES]
for candidate in candidates:
    contestants = {
        name: partial(search, estimator, names, candidate, count())
        for name, (estimator, *names) in estimators().items()
    }
    measured = alternate(contestants, args.rounds, warm_up=False)
    for name, (times, scores) in measured.items():
        sums, means = total.setdefault(name, ([0.0] * args.rounds, []))
        sums[:] = np.add(sums, times)
        means.append(np.mean(scores))
rows = comparison(total, ("seconds", float), "mean score", TARGETS)
for row in rows:
    means = total[row["who"]][1]
    row["theirs/plain"] = ratio(total, row["who"], "ours, plain")
    row["mean score"], row["best score"] = float(np.mean(means)), float(np.max(means))
show(
    f"GridSearchCV, digits, {len(candidates)} candidates x {FOLDS} folds x {EPOCHS} epochs, "
    f"{args.rounds} rounds",
    rows,
    args.format,
)
