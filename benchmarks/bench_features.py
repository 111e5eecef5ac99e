"""What the features are worth: accuracy, time and peak memory of whole pipelines.

Parts: ``kinds`` compares features, ``design`` switches each part of the default design off,
``full`` uses all images, ``few`` has 1,000 labels and many images without, ``digits`` is five
folds of scikit-learn's digits, and ``pictures`` draws reconstructions. All but ``digits`` need
``--data``, an .npz file of ``x_train``, ``y_train``, ``x_test`` and ``y_test``: CIFAR-10.

Every trial runs in a process of its own. Its row goes to ``features.csv`` in ``--output`` as soon
as it is there; trials that have one are not run again. Tables of the page ``features.md`` beside
that folder, when there is one, are written anew between their markers. ``design`` tests on 10,000
training images that no trial of it is fitted to; only ``kinds``, ``full`` and ``few`` see the test
images, and nothing is chosen by them.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import argparse
import csv
import json
import resource
import subprocess
import sys
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import mean
from unittest import mock

import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import StratifiedKFold, cross_validate, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from cae_sklearn import CAEFeaturizer, ElasticNetBNMLPClassifier

NOTEBOOK = {
    "whiten": False,
    "filters": (64, 32, 16),
    "kernel_size": 3,
    "output_size": None,
    "noise": 0.0,
    "shift": 0.0,
    "n_components": None,
    "decay_fraction": 0.0,
}
BEST = {"filters": 1000, "n_components": 1000, "flip": "horizontal"}
FEW = {"filters": 400, "flip": "horizontal"}
KINDS = {
    "raw pixels": "raw",
    "PCA, 256 components": "pca",
    "notebook's encoder, untrained": {**NOTEBOOK, "epochs": 0},
    "notebook's encoder, trained": NOTEBOOK,
    "default": {},
    "400 filters, mirrored views": {"filters": 400, "flip": "horizontal"},
}
DESIGN = {  # a name and parameters, and what is replaced
    "default": ({}, None),
    "no whitening": ({}, "no_whitening"),
    "no contrast normalisation": ({}, "no_contrast"),
    "contrast wholly normalised": ({}, "full_contrast"),
    "no noise": ({"noise": 0.0}, None),
    "filters start at random": ({}, "random_filters"),
    "filters start at random, not trained": ({"epochs": 0}, "random_filters"),
    "filters are patches, not trained": ({"epochs": 0}, None),
    "constant learning rate": ({"decay_fraction": 0.0}, None),
    "no root of the activations": ({}, "no_root"),
    "no colour and contrast of cells": ({}, "no_statistics"),
    "one cell": ({"output_size": 1}, None),
    "not denoised": ({"shift": 0.0}, None),
    "not denoised, no components chosen": ({"shift": 0.0, "n_components": None}, None),
    "no components chosen": ({"n_components": None}, None),
    "mirrored views too": ({"flip": "horizontal"}, None),
}
FEWS = {  # whether the featurizer sees all images, and its parameters
    "CAE on all images": (True, FEW),
    "CAE on the 1,000": (False, FEW),
    "CAE on all images, shrinkage=0.001": (True, {**FEW, "shrinkage": 0.001}),
    "CAE on the 1,000, shrinkage=0.001": (False, {**FEW, "shrinkage": 0.001}),
    "PCA on all images": (True, "pca"),
    "raw pixels": (False, "raw"),
}
WIDE = "1,000 filters and components, mirrored views; 40 epochs"
DOUBLED = "the same; mirror images as well, hidden units 1,600-128, not stopped early"
FULL = {"default": {}, WIDE: BEST, DOUBLED: BEST}
CLASSIFIERS = {  # by part or name, where not all is default
    "few": {"early_stopping": False, "epochs": 40},
    WIDE: {"epochs": 40},
    DOUBLED: {
        "hidden_layer_sizes": (1600, 128),
        "early_stopping": False,
        "epochs": 40,
        "batch_size": 256,
        "learning_rate": 0.002,
    },
}
COLUMNS = ["part", "name", "seed", "features", "accuracy", "seconds", "GiB"]
N_IMAGES = {"kinds": 10_000, "design": 5_000}  # that are fitted to; the other parts have their own
HELD_OUT = 10_000  # training images that `design` tests on


# -- trials, each in its own process ----------------------------------------------


def featurizer(kind, seed):
    """Return the transformer that ``kind`` names, or that has these parameters."""
    flat = FunctionTransformer(_flat)
    if kind == "raw":
        return make_pipeline(flat, StandardScaler())
    if kind == "pca":
        return make_pipeline(flat, StandardScaler(), PCA(256, random_state=seed))
    return CAEFeaturizer(**kind, random_state=seed)


def kind_of(part, name):
    """Return what `featurizer` takes, of a trial whose design is whole."""
    if part == "few":
        return FEWS[name][1]
    return (FULL if part == "full" else KINDS)[name]


def _flat(X):
    return X.reshape(len(X), -1).astype(np.float32)


def classifier(part, name, seed):
    """Return the classifier that a trial needs."""
    parameters = CLASSIFIERS.get(part, CLASSIFIERS.get(name, {}))
    return ElasticNetBNMLPClassifier(**parameters, random_state=seed)


def replaced(what):
    """Return patches that switch off what no parameter does."""
    import keras

    from cae_sklearn._networks import pyramid, whitened, whitening

    def no_whitening(patches, rng, floor):
        d = patches.shape[1]
        return np.float32(np.eye(d) - 1 / d), np.zeros(d, np.float32)

    def random_filters(patches, n_filters, rng):
        drawn = rng.normal(size=patches.shape).astype(np.float32) * patches.std(axis=0)
        return first_filters(drawn, n_filters, rng)

    class NoStatistics(whitened.CellStatistics):
        def call(self, x):
            return 0.0 * super().call(x)

    def floored(floor, ridge):
        """Set what is added to the variance of a patch, and of its components."""
        network = whitened.WhitenedAutoencoder
        return [
            (network, "for_images", partial(network.for_images, floor=floor)),
            (whitening, "PATCH_RIDGE", ridge),
        ]

    first_filters = whitened.first_filters
    return {
        None: [],
        "no_whitening": [(whitened, "whitening", no_whitening)],
        "no_contrast": floored(1e4, 1e-5),  # far above any variance: all are divided alike
        "full_contrast": floored(0.01, 0.1),
        "random_filters": [(whitened, "first_filters", random_filters)],
        "no_root": [(pyramid, "SignedSqrt", keras.layers.Identity)],
        "no_statistics": [(whitened, "CellStatistics", NoStatistics)],
    }[what]


def trial(part, name, seed, data, n_images):
    """Run one trial and return its row."""
    if part == "digits":
        accuracy, n_features, seconds = five_folds(name, seed)
    else:
        accuracy, n_features, seconds = on_images(part, name, seed, data, n_images)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {
        "part": part,
        "name": name,
        "seed": seed,
        "features": n_features,
        "accuracy": round(accuracy, 4),
        "seconds": round(seconds, 1),
        "GiB": round(peak, 2),
    }


def five_folds(name, seed):
    """Return the mean accuracy, the number of features and the seconds of all folds."""
    X, y = load_digits(return_X_y=True)
    images = X.reshape(-1, 8, 8)
    cv = StratifiedKFold(5, shuffle=True, random_state=seed)
    pipeline = make_pipeline(
        featurizer(kind_of("digits", name), seed), classifier("digits", name, seed)
    )
    start = time.perf_counter()
    scores = cross_validate(pipeline, images, y, cv=cv, return_estimator=True)
    seconds = time.perf_counter() - start
    n_features = scores["estimator"][0][:-1].transform(images[:1]).shape[1]
    return float(scores["test_score"].mean()), n_features, seconds


def on_images(part, name, seed, path, n_images):
    """Return the accuracy, the number of features and the seconds of the fit."""
    with np.load(path) as arrays:
        X, y, X_test, y_test = (arrays[a] for a in ("x_train", "y_train", "x_test", "y_test"))
    y, y_test = y.ravel(), y_test.ravel()
    kind, patches = DESIGN[name] if part == "design" else (kind_of(part, name), None)
    if part == "design":
        X, X_test, y, y_test = train_test_split(
            X, y, test_size=min(HELD_OUT, len(X) // 2), stratify=y, random_state=0
        )
    if n_images and n_images < len(X):
        X, _, y, _ = train_test_split(X, y, train_size=n_images, stratify=y, random_state=seed)
    with ExitStack() as stack:
        for target in replaced(patches):
            stack.enter_context(mock.patch.object(*target))
        start = time.perf_counter()
        if part == "few":
            few, _ = train_test_split(
                np.arange(len(X)), train_size=1000, stratify=y, random_state=seed
            )
            frozen = FrozenEstimator(featurizer(kind, seed).fit(X if FEWS[name][0] else X[few]))
            model = make_pipeline(frozen, classifier(part, name, seed))
            model.fit(X[few], y[few])
        else:
            if name == DOUBLED:
                X, y = np.concatenate([X, X[:, :, ::-1]]), np.concatenate([y, y])
            model = make_pipeline(featurizer(kind, seed), classifier(part, name, seed)).fit(X, y)
        seconds = time.perf_counter() - start
        accuracy = float(model.score(X_test, y_test))
        n_features = model[:-1].transform(X_test[:1]).shape[1]
    return accuracy, n_features, seconds


# -- all trials --------------------------------------------------------------------

PARTS = {
    "digits": ["raw pixels", "default"],
    "kinds": list(KINDS),
    "full": list(FULL),
    "few": list(FEWS),
    "design": list(DESIGN),
}


def read(path):
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def run(args, n_images):
    """Run the trials that have no row yet, and write each row at once."""
    path = args.output / "features.csv"
    rows = read(path)
    done = {(row["part"], row["name"], row["seed"]) for row in rows}
    for part in args.parts:
        if part == "pictures" or (part != "digits" and not args.data):
            continue
        for seed in range(args.seeds):
            for name in PARTS[part]:
                if (part, name, str(seed)) in done:
                    continue
                question = [part, name, seed, args.data, n_images.get(part)]
                answer = subprocess.run(
                    [sys.executable, __file__, "--trial", json.dumps(question)],
                    check=True,
                    stdout=subprocess.PIPE,
                    text=True,
                ).stdout
                row = json.loads(answer.splitlines()[-1])
                print(*row.values(), sep="\t", flush=True)
                new = not path.exists()
                with path.open("a", newline="", encoding="utf-8") as stream:
                    writer = csv.DictWriter(stream, COLUMNS)
                    if new:
                        writer.writeheader()
                    writer.writerow(row)


def summary(rows, part):
    """Return the table of a part as lists of texts, heads first.

    Differences are means over the seeds, from the first row.
    """
    table = [["", "features", "accuracy", "difference", "of the seeds", "seconds", "GiB"]]
    first = None
    for name in PARTS[part]:
        own = [row for row in rows if row["part"] == part and row["name"] == name]
        if not own:
            continue
        accuracies = [float(row["accuracy"]) for row in own]
        first = first or mean(accuracies)
        table.append(
            [
                name,
                own[0]["features"],
                f"{mean(accuracies):.4f}",
                f"{mean(accuracies) - first:+.4f}" if len(table) > 1 else "",
                " ".join(f"{accuracy:.4f}" for accuracy in accuracies),
                f"{mean(float(row['seconds']) for row in own):.0f}",
                f"{max(float(row['GiB']) for row in own):.1f}",
            ]
        )
    return table


def markdown(table):
    rule = ["---"] * len(table[0])
    return "\n".join("| " + " | ".join(line) + " |" for line in (table[0], rule, *table[1:]))


def write_page(path, rows):
    """Put the tables between the markers of a page."""
    text = path.read_text(encoding="utf-8")
    for part in PARTS:
        start, end = f"<!-- {part} -->\n", f"<!-- end of {part} -->"
        if start in text:
            before, rest = text.split(start)
            text = f"{before}{start}{markdown(summary(rows, part))}\n{end}{rest.split(end)[1]}"
    path.write_text(text, encoding="utf-8")


def draw(path, output, n_images):
    """Draw test images and what is restored from their features."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib.figure import Figure

    with np.load(path) as arrays:
        X, images = arrays["x_train"][:n_images], arrays["x_test"][:10]
    kinds = {name: kind for name, kind in KINDS.items() if isinstance(kind, dict)}
    kinds["default, not denoised"] = {"shift": 0.0}
    figure = Figure(figsize=(10, 1.15 * (1 + len(kinds))), layout="constrained")
    rows = figure.subfigures(1 + len(kinds))
    for row, (name, kind) in zip(rows, {"images": None, **kinds}.items(), strict=True):
        shown = images
        if kind is not None:
            fitted = featurizer(kind, 0).fit(X)
            shown = fitted.inverse_transform(fitted.transform(images))
        row.suptitle(name, x=0.005, ha="left", fontsize="medium")
        for ax, image in zip(row.subplots(1, len(images)), shown, strict=True):
            ax.imshow(np.clip(image / 255, 0, 1))
            ax.set_axis_off()
    figure.savefig(output / "reconstructions.png", dpi=100)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", help="the .npz file")
    parts = [*PARTS, "pictures"]
    parser.add_argument("--parts", nargs="+", choices=parts, default=parts)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="a small run that shows it works")
    parser.add_argument("--output", type=Path, default=Path("features_output"))
    parser.add_argument("--trial", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.trial:
        print(json.dumps(trial(*json.loads(args.trial))))
        return
    n_images = N_IMAGES
    if args.quick:  # in a folder of its own: rows of other sizes are no rows of the same table
        args.seeds, args.output = 1, args.output / "quick"
        n_images = dict.fromkeys(N_IMAGES, 500)
    args.output.mkdir(parents=True, exist_ok=True)
    run(args, n_images)
    rows = read(args.output / "features.csv")
    for part in PARTS:
        print(f"\n{part}\n\n{markdown(summary(rows, part))}")
    if args.data and "pictures" in args.parts:
        draw(args.data, args.output, n_images["kinds"])
    page = args.output.with_suffix(".md")
    if page.exists():
        write_page(page, rows)


if __name__ == "__main__":
    main()
