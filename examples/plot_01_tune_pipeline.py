"""
Tune the pipeline on images
===========================

A convolutional autoencoder learns features of images without their labels, and a perceptron with
an elastic-net penalty learns to classify these features. Both are steps of one scikit-learn
``Pipeline``, so that scikit-learn's and scikit-optimize's searches tune it: first a grid over
batch size and learning rate, then a Bayesian search over these and the penalty.

The images on which the result is judged are set aside first. They take no part in choosing, and
are used once, for the better of the two searches.

Also a command: without options it takes scikit-learn's handwritten digits,
``python plot_01_tune_pipeline.py --help`` tells what else it does.
"""

import os

# Before anything imports TensorFlow, here or in a worker.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import argparse
import importlib.util
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import Pipeline

from cae_sklearn import CAEFeaturizer, ElasticNetBNMLPClassifier
from cae_sklearn.caching import FitOnceMemory
from cae_sklearn.datasets import load_cifar10, load_digits_images, load_image_folder, load_npz
from cae_sklearn.plotting import (
    PredictionsDisplay,
    ReconstructionDisplay,
    SearchResultsDisplay,
    SparsityDisplay,
    TrainingCurveDisplay,
)
from cae_sklearn.search import ResumableBayesSearchCV, param_grid, search_spaces

say = partial(print, flush=True)

# %%
# The images
# ----------
#
# Sets that come in two parts (CIFAR-10, ``.npz``) keep them. Of others, a quarter of the images
# of each class is set aside.


def load_images(data, image_size=None, seed=0):
    """Return training images and labels, held-out images and labels, and the names of labels."""
    if data == "digits" or Path(data).is_dir():
        if data == "digits":
            bunch = load_digits_images()
        else:
            bunch = load_image_folder(data, image_size=image_size, verbose=1)
        X, y, names = bunch.data, bunch.target, dict(enumerate(bunch.target_names))
        if X.shape[-1] == 3 and (X[..., :1] == X).all():
            X = X[..., :1]  # grey
        check_counts(y, names)
        X, X_test, y, y_test = train_test_split(X, y, test_size=0.25, stratify=y, random_state=seed)
        return X, y, X_test, y_test, names
    if data == "cifar10":
        try:
            bunch = load_cifar10()
        except Exception as error:  # without a network Keras raises nothing narrower
            raise OSError(f"CIFAR-10 could not be fetched: {error}") from error
    elif Path(data).suffix == ".npz":
        bunch = load_npz(data)
    else:
        raise ValueError(
            f"--data must be digits, cifar10, a file .npz or a folder that exists; got {data!r}."
        )
    labels = np.unique(np.concatenate([bunch.y_train, bunch.y_test]))
    names = bunch.target_names
    names = dict(zip(labels, names if len(names) == len(labels) else labels, strict=True))
    X, X_test = (unflatten(x, image_size) for x in (bunch.x_train, bunch.x_test))
    return X, bunch.y_train, X_test, bunch.y_test, names


def unflatten(X, image_size):
    """Return rows of pixels as images, and images as they are."""
    if X.ndim > 2:
        if X.ndim > 4 or X.shape[3:] not in [(), (1,), (3,)]:
            raise ValueError(f"Images must have one channel or three; got the shape {X.shape}.")
        return X
    if image_size is None or X.shape[1] % np.prod(image_size):
        raise ValueError(
            f"x_train and x_test hold rows of {X.shape[1]} numbers, not images. "
            "Pass --image-size HEIGHT WIDTH whose product divides it."
        )
    return X.reshape(len(X), *image_size, -1)


def check_counts(y, names, least=12):
    """Raise when a class is too small to be held out, cross-validated and validated."""
    labels, counts = np.unique(y, return_counts=True)
    if len(labels) < 2 or counts.min() < least:
        found = ", ".join(f"{names[k]}: {n}" for k, n in zip(labels, counts, strict=True))
        raise ValueError(f"Two classes with {least} images each are the least; got {found}.")


def subset(X, y, n, seed):
    """Return n images, as many of each class as its share."""
    n_classes = len(np.unique(y))
    if n is None or len(y) - n < n_classes:
        return X, y
    if n < n_classes:
        raise ValueError(f"{n} images are too few for {n_classes} classes.")
    return train_test_split(X, y, train_size=n, stratify=y, random_state=seed)[::2]


# %%
# The pipeline
# ------------
#
# The searches change the classifier only. With ``memory`` the autoencoder is fitted once for each
# fold and then served from the disk, whatever the number of candidates and of processes.


def make_pipeline(cache, seed, quick):
    """Return the untuned pipeline."""
    cae = CAEFeaturizer(random_state=seed)
    clf = ElasticNetBNMLPClassifier(random_state=seed)
    if quick:
        cae.set_params(epochs=1)
        clf.set_params(epochs=20)
    return Pipeline([("cae", cae), ("clf", clf)], memory=FitOnceMemory(cache, verbose=0))


# %%
# The searches
# ------------
#
# Both score accuracy over the same three stratified folds of the training images.


def make_searches(pipeline, seed, n_jobs, quick):
    """Return the searches by name."""
    grid = param_grid()
    if quick:
        grid["clf__batch_size"] = [32, 64]
    common = {"cv": 3, "n_jobs": n_jobs, "refit": False}
    return {
        "grid": GridSearchCV(pipeline, grid, verbose=3, **common),
        "Bayesian": ResumableBayesSearchCV(
            pipeline,
            search_spaces(),
            n_iter=5 if quick else 20,
            random_state=seed,
            verbose=1,
            **common,
        ),
    }


def start_tensorflow(n_jobs):
    """Import TensorFlow here and in the workers, without six lines that no setting silences.

    See https://github.com/tensorflow/tensorflow/issues/100442.
    """
    import_quietly()
    if n_jobs != 1:
        with Parallel(n_jobs=n_jobs) as parallel:
            parallel(delayed(import_quietly)() for _ in range(parallel.n_jobs))


def import_quietly():
    """Import TensorFlow with standard error closed."""
    stderr = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        importlib.import_module("tensorflow")
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)


# %%
# The report
# ----------


def describe(name, search, pipeline, seconds):
    """Return what a search found as a row of the table."""
    params = {**pipeline["clf"].get_params(), **short(search.best_params_)}
    return {
        "search": name,
        "batch size": str(params["batch_size"]),
        "learning rate": f"{params['learning_rate']:.2e}",
        "alpha": f"{params['alpha']:.2e}",
        "l1_ratio": f"{params['l1_ratio']:.3f}",
        "CV accuracy": f"{search.best_score_:.4f}",
        "held-out accuracy": "-",
        "wall time": f"{seconds / 60:.1f} min",
    }


def short(params):
    """Return parameters of the pipeline by their names in the classifier."""
    return {name.removeprefix("clf__"): value for name, value in params.items()}


def print_table(rows):
    """Print rows under their titles."""
    table = [list(rows[0]), *(list(row.values()) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    table = [[row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])] for row in table]
    lines = ["  ".join(row) for row in table]
    say("", lines[0], "-" * len(lines[0]), *lines[1:], sep="\n")


def draw(pipeline, searches, held_out, names, folder):
    """Write the pictures to a folder."""
    import matplotlib.pyplot as plt

    X, y, predicted = held_out
    figure, axes = plt.subplots(1, 2, figsize=(11, 4), layout="tight")
    for ax, (step, title) in zip(
        axes, {"cae": "autoencoder", "clf": "classifier"}.items(), strict=True
    ):
        TrainingCurveDisplay.from_estimator(pipeline[step], ax=ax)
        ax.set_title(title)
    wrong_first = np.argsort(predicted == y, kind="stable")[:16]
    pictures = {
        "reconstructions": ReconstructionDisplay.from_estimator(pipeline["cae"], X).figure_,
        "learning_curves": figure,
        "sparsity": SparsityDisplay.from_estimator(pipeline["clf"]).figure_,
        "predictions_wrong_first": PredictionsDisplay.from_predictions(
            X[wrong_first], y[wrong_first], predicted[wrong_first], target_names=names
        ).figure_,
    }
    for name, search in searches.items():
        display = SearchResultsDisplay.from_search(search, score_name="cross-validated accuracy")
        pictures[f"search_{name.lower()}"] = display.figure_
    for name, figure in pictures.items():
        figure.savefig(folder / f"{name}.png", dpi=120)
    say(f"Pictures in {folder.resolve()}: {', '.join(sorted(pictures))}")


# %%
# The whole run
# -------------


def get_parser():
    """Return the parser of the command."""
    parser = argparse.ArgumentParser(
        description="Tune a pipeline of autoencoder and classifier on images."
    )
    parser.add_argument(
        "--data",
        default="digits",
        help="digits (default), cifar10, FILE.npz with x_train, y_train, x_test and y_test, "
        "or FOLDER with one sub-folder a class",
    )
    parser.add_argument(
        "--image-size",
        type=int,
        nargs=2,
        metavar=("HEIGHT", "WIDTH"),
        help="scale the images of a folder to this size; the shape of flat images in a .npz",
    )
    parser.add_argument("--n-train", type=int, help="use so many of the training images only")
    parser.add_argument("--n-jobs", type=int, default=1, help="processes of the searches")
    parser.add_argument("--seed", type=int, default=0, help="seed of all that is random")
    parser.add_argument("--quick", action="store_true", help="a taste: few images, few trials")
    parser.add_argument("--output", type=Path, default="demo_output", help="folder for pictures")
    return parser


def prepare(args):
    """Return the images, after all that can go wrong before the work has been tried."""
    if importlib.util.find_spec("matplotlib") is None:
        raise ImportError("The pictures need matplotlib: pip install cae_sklearn[plot]")
    if args.n_jobs == 0 or not 0 <= args.seed < 2**32:
        raise ValueError("--n-jobs must not be 0, and --seed lie between 0 and 2**32 - 1.")
    X, y, X_test, y_test, names = load_images(args.data, args.image_size, args.seed)
    n_train, n_test = (400, 200) if args.quick else (None, None)
    X, y = subset(X, y, args.n_train or n_train, args.seed)
    X_test, y_test = subset(X_test, y_test, n_test, args.seed)
    check_counts(y, names, least=9)
    args.output.mkdir(parents=True, exist_ok=True)
    return X, y, X_test, y_test, names


def main(argv=None):
    """Tune, judge and draw."""
    parser = get_parser()
    args = parser.parse_args(argv)
    try:
        X, y, X_test, y_test, names = prepare(args)
    except (ImportError, OSError, ValueError) as error:
        parser.error(str(error))
    shape = " x ".join(map(str, X.shape[1:]))
    say(f"{args.data}: {len(X)} training and {len(X_test)} held-out images of {shape}")
    say("Starting TensorFlow ...")
    start_tensorflow(args.n_jobs)
    rows = {}
    with tempfile.TemporaryDirectory(prefix="cae_sklearn_") as cache:
        pipeline = make_pipeline(cache, args.seed, args.quick)
        searches = make_searches(pipeline, args.seed, args.n_jobs, args.quick)
        for name, search in searches.items():
            say(f"\n{name} search")
            start = time.perf_counter()
            search.fit(X, y)
            rows[name] = describe(name, search, pipeline, time.perf_counter() - start)
        best = max(searches, key=lambda name: searches[name].best_score_)
        say(f"\nFitting the best setting of the {best} search on all training images ...")
        pipeline.set_params(**searches[best].best_params_).fit(X, y)
    predicted = pipeline.predict(X_test)
    rows[best]["held-out accuracy"] = f"{np.mean(predicted == y_test):.4f}"
    print_table(list(rows.values()))
    say(f"{np.sum(predicted != y_test)} of {len(y_test)} held-out images are classified wrongly.")
    draw(pipeline, searches, (X_test, y_test, predicted), names, args.output)


if __name__ == "__main__":
    if "sphinx_gallery" in sys.modules:
        main(["--quick", "--output", tempfile.mkdtemp()])
    else:
        main()
