"""Time of one training step: the estimator's loop, Keras fit, PyTorch and MLPClassifier.

The network is 256-400-64-10 with batch normalisation, dropout 0.5 and Adam, except that
MLPClassifier has neither batch normalisation nor dropout. ``held-out loss`` is the
cross-entropy of new samples.
"""

from _compare import alternate, arguments, comparison, set_torch_threads, show

args = arguments(__doc__, rounds=5)

import keras
import torch
from _peers import Restart, blobs, keras_mlp, torch_mlp, torch_train
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier

from cae_sklearn import ElasticNetBNMLPClassifier

set_torch_threads(args)
STEPS, EPOCHS = (20, 2) if args.quick else (100, 10)
X_test, y_test = blobs(2000, seed=2)
TARGETS = {  # batch size: at least so many times as fast
    8: {"Keras fit": 6.0, "PyTorch": 3.0, "MLPClassifier": 2.5},
    64: {"Keras fit": 3.5, "PyTorch": 2.0, "MLPClassifier": 1.5},
    256: {"Keras fit": 2.0, "PyTorch": 1.3, "MLPClassifier": 1.0},
}


def ours(X, y, batch_size):
    def run():
        classifier = ElasticNetBNMLPClassifier(
            batch_size=batch_size, epochs=EPOCHS, early_stopping=False, random_state=0
        )
        return classifier.fit(X, y)

    return run, lambda fitted: fitted.predict_proba(X_test)


def with_keras(X, y, batch_size):
    model = keras_mlp(X.shape[1], 10)
    restart = Restart(model)

    def run():
        restart()
        model.fit(X, y, batch_size=batch_size, epochs=EPOCHS, verbose=0)
        return model

    return run, lambda model: model.predict(X_test, batch_size=256, verbose=0)


def with_torch(X, y, batch_size, **adam):
    X, y = torch.from_numpy(X), torch.from_numpy(y).long()

    def run():
        module = torch_mlp(X.shape[1], 10)
        optimizer = torch.optim.Adam(module.parameters(), eps=1e-7, **adam)
        loss = torch.nn.CrossEntropyLoss()
        torch_train(module, optimizer, loss, X, y, EPOCHS, batch_size)
        return module

    def probabilities(module):
        with torch.no_grad():
            return module.eval()(torch.from_numpy(X_test)).softmax(1).numpy()

    return run, probabilities


def with_sklearn(X, y, batch_size):
    def run():
        classifier = MLPClassifier(
            (400, 64), batch_size=batch_size, max_iter=EPOCHS, n_iter_no_change=EPOCHS
        )
        return classifier.fit(X, y)

    return run, lambda fitted: fitted.predict_proba(X_test)


rows = []
for batch_size in (8, 64, 256):
    X, y = blobs(batch_size * STEPS)
    contestants = {
        "ours": ours(X, y, batch_size),
        "Keras fit": with_keras(X, y, batch_size),
        "PyTorch": with_torch(X, y, batch_size),
        "PyTorch, fused Adam": with_torch(X, y, batch_size, fused=True),
        "MLPClassifier": with_sklearn(X, y, batch_size),
    }
    measured = alternate({name: run for name, (run, _) in contestants.items()}, args.rounds)
    for name, (_, models) in measured.items():
        models[:] = [log_loss(y_test, contestants[name][1](model)) for model in models]
    rows += comparison(
        measured,
        ("ms/step", lambda seconds: 1000 * seconds / (STEPS * EPOCHS)),
        "held-out loss",
        TARGETS[batch_size],
        **{"batch size": batch_size},
    )
versions = f"Keras {keras.__version__}, PyTorch {torch.__version__}"
show(f"Training step, medians of {args.rounds} rounds ({versions})", rows, args.format)
