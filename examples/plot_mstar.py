"""
Radar images of vehicles (MSTAR)
================================

The notebook behind this package ended with a heading, "Using with MStar dataset", and nothing under
it. Here is what belongs there. MSTAR holds chips of military vehicles from a synthetic aperture
radar: one folder, TRAIN, seen at a depression angle of 17 degrees, and another, TEST, at 15.
The chips of TRAIN tune and train the pipeline; those of TEST judge it, once.

Without the data the example makes a small set of the same kind, with speckle, shadows and bright
scatterers at every azimuth.

Also a command: ``python plot_mstar.py --data FOLDER`` reads your chips from ``FOLDER/TRAIN/CLASS/``
and ``FOLDER/TEST/CLASS/``, be they MSTAR's own files or pictures.
"""

import os

# Before anything imports TensorFlow, here or in a worker.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import argparse
import importlib.util
import sys
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
from sklearn.metrics import ConfusionMatrixDisplay, confusion_matrix
from sklearn.pipeline import Pipeline

from cae_sklearn import CAEFeaturizer, ElasticNetBNMLPClassifier
from cae_sklearn.caching import FitOnceMemory
from cae_sklearn.datasets import (
    is_mstar_chip,
    load_image_folder,
    load_mstar,
    make_sar_chips,
)
from cae_sklearn.plotting import PredictionsDisplay, ReconstructionDisplay, SearchResultsDisplay
from cae_sklearn.search import ResumableBayesSearchCV, search_spaces

say = partial(print, flush=True)

# %%
# The chips
# ---------
#
# A pixel has a fixed size on the ground, so chips are cut to one size about their centre, where the
# vehicle stands, and never scaled.


def load_chips(args):
    """Return the chips of TRAIN and of TEST."""
    if args.data is None:
        n_train, n_test = (300, 150) if args.quick else (1000, 400)
        make = partial(make_sar_chips, n_classes=5, image_size=args.image_size)
        return (
            make(n_train, depression=17, random_state=args.seed),
            make(n_test, depression=15, random_state=args.seed + 1),
        )
    folders = [Path(args.data, part) for part in ("TRAIN", "TEST")]
    kinds = {has_chips(folder) for folder in folders}
    if len(kinds) > 1:
        raise ValueError("TRAIN and TEST must both hold MSTAR's chips, or both pictures.")
    load = load_mstar if kinds.pop() else partial(load_image_folder, mode="L", resize="crop")
    train, test = (load(folder, image_size=args.image_size, verbose=1) for folder in folders)
    if train.target_names != test.target_names:
        raise ValueError(
            "TRAIN and TEST must have the same class folders; got "
            f"{', '.join(train.target_names)} and {', '.join(test.target_names)}."
        )
    counts = np.bincount(train.target, minlength=len(train.target_names))
    if counts.min() < 9 or len(counts) < 2:
        found = ", ".join(map("{}: {}".format, train.target_names, counts))
        raise ValueError(f"TRAIN must have two classes with 9 chips each at least; got {found}.")
    return train, test


def has_chips(folder):
    """Tell whether the class folders hold MSTAR's chips rather than pictures."""
    paths = (path for place in folder.glob("[!.]*") for path in sorted(place.rglob("[!.]*")))
    return any(path.is_file() and is_mstar_chip(path) for path in paths)


# %%
# The search
# ----------
#
# Bayesian, over batch size, learning rate and penalty, by accuracy over three stratified folds of
# TRAIN. The autoencoder is fitted once for each fold. Chips have more pixels and less variety than
# photographs. So there are fewer and larger filters than by default, and they are averaged over a
# finer grid: what tells vehicles apart is where their scatterers stand.


def make_search(args, cache):
    """Return the search that tunes the pipeline."""
    cae = CAEFeaturizer(40, kernel_size=8, output_size=8, random_state=args.seed)
    clf = ElasticNetBNMLPClassifier(random_state=args.seed)
    if args.quick:
        cae.set_params(epochs=2)
        clf.set_params(epochs=20)
    pipeline = Pipeline([("cae", cae), ("clf", clf)], memory=FitOnceMemory(cache, verbose=0))
    return ResumableBayesSearchCV(
        pipeline,
        search_spaces(),
        n_iter=3 if args.quick else 15,
        cv=3,
        n_jobs=args.n_jobs,
        random_state=args.seed,
        verbose=1,
    )


# %%
# The report
# ----------


def print_accuracies(matrix, names):
    """Print the accuracy of each class."""
    width = max(map(len, [*names, "class"]))
    say(f"\n{'class'.ljust(width)}  chips  accuracy")
    for name, row, right in zip(names, matrix, np.diag(matrix), strict=True):
        share = f"{right / row.sum():8.4f}" if row.sum() else " " * 7 + "-"
        say(f"{name.ljust(width)}  {row.sum():5}  {share}")
    say(f"{'all'.ljust(width)}  {matrix.sum():5}  {np.trace(matrix) / matrix.sum():8.4f}")


def draw(search, test, predicted, matrix, folder):
    """Write the pictures to a folder."""
    model, names = search.best_estimator_, test.target_names
    rng = np.random.default_rng(0)
    some = rng.permutation(len(test.data))[:24]  # a folder is read class by class
    restored = model["cae"].inverse_transform(model["cae"].transform(test.data[some[:8]]))
    pictures = {
        "confusion_matrix": draw_confusion(matrix, names),
        "reconstructions": ReconstructionDisplay.from_arrays(
            brightness(test.data[some[:8]]), brightness(restored)
        ).figure_,
        "predictions": PredictionsDisplay.from_predictions(
            brightness(test.data[some]), test.target[some], predicted[some], target_names=names
        ).figure_,
        "search": SearchResultsDisplay.from_search(
            search, score_name="cross-validated accuracy"
        ).figure_,
    }
    for name, figure in pictures.items():
        figure.savefig(folder / f"{name}.png", dpi=120)
    say(f"Pictures in {folder.resolve()}: {', '.join(sorted(pictures))}")


def draw_confusion(matrix, names):
    """Return a figure of the confusion matrix."""
    import matplotlib.pyplot as plt

    side = 2.5 + 0.45 * len(names)
    figure, ax = plt.subplots(figsize=(side, side), layout="tight")
    ConfusionMatrixDisplay(matrix, display_labels=names).plot(
        ax=ax, cmap="Blues", xticks_rotation="vertical", colorbar=False
    )
    ax.set_title(f"{np.trace(matrix)} of {matrix.sum()} chips right")
    return figure


def brightness(magnitude):
    """Return magnitudes for the eye: their square root shows ground and scatterers."""
    return np.sqrt(np.maximum(magnitude, 0))


# %%
# The whole run
# -------------


def get_parser():
    """Return the parser of the command."""
    parser = argparse.ArgumentParser(description="Tune and judge the pipeline on radar chips.")
    parser.add_argument(
        "--data",
        help="FOLDER with TRAIN/CLASS/ and TEST/CLASS/, of MSTAR chip files or of pictures; "
        "without it synthetic chips are made",
    )
    parser.add_argument(
        "--image-size",
        type=int,
        nargs=2,
        default=[64, 64],
        metavar=("HEIGHT", "WIDTH"),
        help="size to which chips are cut about their centre",
    )
    parser.add_argument("--n-jobs", type=int, default=1, help="processes of the search")
    parser.add_argument("--seed", type=int, default=0, help="seed of all that is random")
    parser.add_argument("--quick", action="store_true", help="a taste: few chips, few trials")
    parser.add_argument("--output", type=Path, default="mstar_output", help="folder for pictures")
    return parser


def prepare(args):
    """Return the chips, after all that can go wrong before the work has been tried."""
    if importlib.util.find_spec("matplotlib") is None:
        raise ImportError("The pictures need matplotlib: pip install cae_sklearn[plot]")
    if args.n_jobs == 0 or not 0 <= args.seed < 2**32 - 1:
        raise ValueError("--n-jobs must not be 0, and --seed lie between 0 and 2**32 - 2.")
    train, test = load_chips(args)
    args.output.mkdir(parents=True, exist_ok=True)
    return train, test


def main(argv=None):
    """Tune, judge and draw."""
    parser = get_parser()
    args = parser.parse_args(argv)
    try:
        train, test = prepare(args)
    except (ImportError, OSError, ValueError) as error:
        parser.error(str(error))
    shape, n_classes = " x ".join(map(str, train.image_shape)), len(train.target_names)
    say(f"{len(train.data)} and {len(test.data)} chips of {shape}, {n_classes} classes")
    with tempfile.TemporaryDirectory(prefix="cae_sklearn_") as cache:
        search = make_search(args, cache).fit(train.data, train.target)
    say(f"Cross-validated accuracy {search.best_score_:.4f} with {dict(search.best_params_)}")
    predicted = search.predict(test.data)
    matrix = confusion_matrix(test.target, predicted, labels=range(n_classes))
    print_accuracies(matrix, test.target_names)
    draw(search, test, predicted, matrix, args.output)


if __name__ == "__main__":
    if "sphinx_gallery" in sys.modules:
        main(["--quick", "--output", tempfile.mkdtemp()])
    else:
        main()
