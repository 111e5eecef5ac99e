"""Time of one training step with each named optimizer: the estimator and Keras fit.

The network is 256-400-64-10 with batch normalisation and dropout 0.5, at batch size 64.
``held-out loss`` is the cross-entropy of new samples.
"""

from _compare import alternate, arguments, comparison, show

args = arguments(__doc__, rounds=3)

import keras
from _peers import Restart, blobs, keras_mlp
from sklearn.metrics import log_loss

from cae_sklearn import ElasticNetBNMLPClassifier

BATCH_SIZE, STEPS, EPOCHS = 64, 20 if args.quick else 100, 2 if args.quick else 10
X, y = blobs(BATCH_SIZE * STEPS)
X_test, y_test = blobs(2000, seed=2)
OPTIMIZERS = {
    "adam": (0.001, keras.optimizers.Adam),
    "adamw": (0.001, keras.optimizers.AdamW),
    "sgd": (0.01, lambda rate: keras.optimizers.SGD(rate, momentum=0.9)),
    "rmsprop": (0.001, keras.optimizers.RMSprop),
}


def ours(name, rate):
    classifier = ElasticNetBNMLPClassifier(
        batch_size=BATCH_SIZE,
        epochs=EPOCHS,
        optimizer=name,
        learning_rate=rate,
        early_stopping=False,
        random_state=0,
    )
    return log_loss(y_test, classifier.fit(X, y).predict_proba(X_test))


def with_keras(model, restart):
    restart()
    model.fit(X, y, batch_size=BATCH_SIZE, epochs=EPOCHS, verbose=0)
    return log_loss(y_test, model.predict(X_test, batch_size=256, verbose=0))


rows = []
for name, (rate, make) in OPTIMIZERS.items():
    model = keras_mlp(X.shape[1], 10)
    model.compile(make(rate), "sparse_categorical_crossentropy")
    restart = Restart(model)
    contestants = {
        "ours": lambda name=name, rate=rate: ours(name, rate),
        "Keras fit": lambda model=model, restart=restart: with_keras(model, restart),
    }
    rows += comparison(
        alternate(contestants, args.rounds),
        ("ms/step", lambda seconds: 1000 * seconds / (STEPS * EPOCHS)),
        "held-out loss",
        {"Keras fit": 2.0},
        optimizer=name,
    )
show(f"Training step, medians of {args.rounds} rounds", rows, args.format)
