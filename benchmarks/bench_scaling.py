"""Time of a fit over the number of rows and over the number of epochs.

Linear growth shows as a constant time per row and epoch; a fixed cost shows as one that
falls towards it.
"""

from _compare import arguments, clock, show

args = arguments(__doc__, rounds=3)

from statistics import median

import numpy as np
from _peers import blobs

from cae_sklearn import CAEFeaturizer, ElasticNetBNMLPClassifier

SIZES = (500, 1000, 2000) if args.quick else (5_000, 10_000, 20_000, 40_000)
EPOCHS = (1, 2, 4) if args.quick else (2, 4, 8, 16)
X, y = blobs(SIZES[-1])
images = np.random.default_rng(0).integers(0, 256, (SIZES[-1], 16, 16, 3), dtype=np.uint8)


def classifier(n_rows, epochs):
    model = ElasticNetBNMLPClassifier(epochs=epochs, early_stopping=False, random_state=0)
    model.fit(X[:n_rows], y[:n_rows])


def featurizer(n_rows, epochs):
    CAEFeaturizer(epochs=epochs, random_state=0).fit(images[:n_rows])


def deep_featurizer(n_rows, epochs):
    CAEFeaturizer(
        (16, 8), kernel_size=3, whiten=False, output_size=None, epochs=epochs, random_state=0
    ).fit(images[:n_rows])


PROGRAMS = {
    "classifier, 256 features": classifier,
    "featurizer, 16x16x3": featurizer,
    "deep featurizer, 16x16x3": deep_featurizer,
}


def table(settings):
    """Time every (rows, epochs) of ``settings``, all of them in each round."""
    rows = []
    for name, fit in PROGRAMS.items():
        fit(SIZES[0], 1)
        times = {setting: [] for setting in settings}
        for _ in range(args.rounds):
            for setting in settings:
                times[setting].append(clock(lambda s=setting, f=fit: f(*s))[0])
        for n_rows, epochs in settings:
            seconds = median(times[n_rows, epochs])
            rows.append(
                {
                    "who": name,
                    "rows": n_rows,
                    "epochs": epochs,
                    "seconds": seconds,
                    "us per row and epoch": 1e6 * seconds / (n_rows * epochs),
                }
            )
    return rows


show("Over rows", table([(n_rows, EPOCHS[0]) for n_rows in SIZES]), args.format)
show("Over epochs", table([(SIZES[0], epochs) for epochs in EPOCHS]), args.format)
