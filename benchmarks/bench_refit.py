"""What a fit costs beyond its steps, and what 200 fits in one process leave in memory.

Wanted: the second fit of an architecture at most 0.15 s over its steps; resident memory
at most 20 MB higher after the last fit than after the first 20.
"""

from _compare import arguments, clock, show

args = arguments(__doc__, rounds=20, fits=200)

import gc
from statistics import median

import numpy as np
import psutil
from _peers import blobs

from cae_sklearn import CAEFeaturizer, ElasticNetBNMLPClassifier

N_FITS = 30 if args.quick else args.fits
rng = np.random.default_rng(0)
X, y = blobs(64)
images = rng.integers(0, 256, (64, 16, 16, 3), dtype=np.uint8)


def classifier(i):
    return ElasticNetBNMLPClassifier(
        epochs=1 + i % 3,
        batch_size=16 + i % 7,
        learning_rate=0.001 * (1 + i % 5),
        alpha=10.0 ** -(i % 4),
        dropout_rate=0.1 * (i % 5),
        early_stopping=bool(i % 2),
        random_state=i,
    ).fit(X, y)


def featurizer(i):
    return CAEFeaturizer(
        (16, 8),
        kernel_size=3,
        whiten=False,
        output_size=None,
        epochs=1,
        batch_size=16 + i % 7,
        random_state=i,
    ).fit(images)


def one_step(name):
    if name == "classifier":
        model = ElasticNetBNMLPClassifier(epochs=1, early_stopping=False, random_state=0)
        return lambda: model.fit(X, y)
    model = CAEFeaturizer(
        (16, 8), kernel_size=3, whiten=False, output_size=None, epochs=1, random_state=0
    )
    return lambda: model.fit(images)


rows = []
for name in ("classifier", "featurizer"):
    fit = one_step(name)
    first, _ = clock(fit)
    again = median(clock(fit)[0] for _ in range(args.rounds))
    rows.append(
        {
            "who": name,
            "first fit s": first,
            "next fit s": again,
            "wanted": "<= 0.15",
            "met": "yes" if again <= 0.15 else "NO",
        }
    )
show("A fit of one epoch of one or two steps", rows, args.format)

process, rows = psutil.Process(), []
for name, fit in (("classifier", classifier), ("featurizer", featurizer)):
    curve = {}
    for i in range(1, N_FITS + 1):
        fit(i)
        if i == 20 or i % max(1, N_FITS // 5) == 0:
            gc.collect()
            curve[i] = process.memory_info().rss / 2**20
    growth = curve[N_FITS] - curve[20]
    rows.append(
        {
            "who": name,
            **{f"{i} fits": f"{mib:.0f}" for i, mib in sorted(curve.items())},
            "growth": f"{growth:.1f}",
            "wanted": "<= 20",
            "met": "yes" if growth <= 20 else "NO",
        }
    )
show("Resident memory in MiB", rows, args.format)
