"""
Four approaches on CIFAR-10
===========================

This package grew out of a notebook that tuned a classifier on features of CIFAR-10 in four ways:

1. a grid over batch size and learning rate with the penalty l1 = l2 = 0.5;
2. the same grid with alpha = 0.5 and rho = 0.5;
3. a Bayesian search over batch size, learning rate, alpha and rho;
4. the same search polished: its best model, with pictures of its predictions.

Here they run again, under two protocols. *Original* does as the notebook did: the encoder keeps its
random weights, the test images choose the setting, alpha is drawn between 0 and 1. *Sound* trains
the autoencoder of the package's defaults, lets a fifth of the training images choose, has much
smaller alphas, drawn on a logarithmic scale, trains 20 epochs at a rate that falls, and looks at
the test images once in each approach, after the choice. The estimators and the pipeline are the
same; only parameters differ.

Also a command: ``python plot_02_four_approaches.py --help`` tells what it does.
"""

import os

# Before anything imports TensorFlow, here or in a worker.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import argparse
import csv
import importlib.util
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
from joblib import effective_n_jobs
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, PredefinedSplit, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.utils import Bunch
from skopt.space import Categorical, Real

from cae_sklearn import CAEFeaturizer, ElasticNetBNMLPClassifier
from cae_sklearn.caching import FitOnceMemory
from cae_sklearn.datasets import load_cifar10, load_digits_images, load_npz
from cae_sklearn.plotting import PredictionsDisplay, SearchResultsDisplay
from cae_sklearn.search import ResumableBayesSearchCV, param_grid, search_spaces

say = partial(print, flush=True)

# %%
# What the notebook found
# -----------------------
#
# Its best test accuracy in each approach, the minutes that it took on its machine, and for the
# grids the test accuracy of each batch size and learning rate where it is known.

NOTEBOOK = {
    1: Bunch(
        best=0.2800,
        time="-",
        grid={
            (8, 0.001): 0.2378,
            (8, 0.01): 0.2418,
            (16, 0.001): 0.2594,
            (16, 0.01): 0.2388,
            (32, 0.001): 0.2368,
            (32, 0.01): 0.2548,
            (64, 0.001): 0.0969,
            (64, 0.01): 0.2800,
        },
    ),
    2: Bunch(best=0.3917, time="-", grid={(64, 0.001): 0.3917}),
    3: Bunch(best=0.2610, time="38:45", grid={}),
    4: Bunch(best=0.2806, time="44:06", grid={}),
}
ELSEWHERE = Bunch(best=None, time="-", grid={})  # than on CIFAR-10 there is nothing to compare

# %%
# The protocols
# -------------
#
# The penalty of the output layer is alpha (l1_ratio |W|_1 + (1 - l1_ratio) |W|_2^2), so that
# l1 = l2 = 0.5 is alpha = 1 with l1_ratio = 0.5. ``epochs=0`` leaves the encoder as it starts.

PROTOCOLS = {
    "original": Bunch(
        chooses="test",
        cae={
            "filters": (64, 32, 16),
            "kernel_size": 3,
            "whiten": False,
            "noise": 0.0,
            "output_size": None,
            "epochs": 0,
        },
        clf={"epochs": 100, "decay_fraction": 0.0},
        grid_alphas={1: 1.0, 2: 0.5},
        spaces={
            "clf__batch_size": Categorical([8, 16, 32, 64]),
            "clf__learning_rate": Real(1e-5, 1.0, prior="log-uniform"),
            "clf__alpha": Real(0.0, 1.0),
            "clf__l1_ratio": Real(0.0, 1.0),
        },
    ),
    "sound": Bunch(
        chooses="validation",  # a fifth of the training images
        cae={},
        clf={"epochs": 20},  # few enough for the falling learning rate to reach its end
        grid_alphas={1: 1e-3, 2: 1e-4},
        spaces=search_spaces(),
    ),
}


def make_pipeline(protocol, args, cache):
    """Return the untuned pipeline of a protocol, which fits its autoencoder once."""
    cae = CAEFeaturizer(**PROTOCOLS[protocol].cae, random_state=args.seed, verbose=1)
    clf = ElasticNetBNMLPClassifier(
        (400, 64),
        **PROTOCOLS[protocol].clf,
        dropout_rate=0.5,
        validation_fraction=0.2,
        n_iter_no_change=10,
        random_state=args.seed,
    )
    if args.quick:
        cae.set_params(epochs=min(cae.epochs, 1))
        clf.set_params(epochs=15)
    return Pipeline([("cae", cae), ("clf", clf)], memory=FitOnceMemory(cache, verbose=0))


def choosing_data(protocol, images, seed):
    """Return images, labels, and the split on which candidates are trained and compared."""
    if PROTOCOLS[protocol].chooses == "test":
        X = np.concatenate([images.x_train, images.x_test])
        y = np.concatenate([images.y_train, images.y_test])
        held_out = np.arange(len(images.y_train), len(y))
    else:
        X, y = images.x_train, images.y_train
        rows = np.arange(len(y))
        held_out = train_test_split(rows, test_size=0.2, stratify=y, random_state=seed)[1]
    fold = np.full(len(y), -1)
    fold[held_out] = 0
    return X, y, PredefinedSplit(fold)


# %%
# Fitting
# -------


def fit_autoencoders(pipeline, X, y, cv, images):
    """Fill the cache with what searches and refits share; return the seconds it took.

    The first call also starts TensorFlow.
    """
    start = time.perf_counter()
    features = Pipeline([*pipeline.steps[:-1], ("clf", "passthrough")], memory=pipeline.memory)
    train = next(cv.split())[0]
    features.fit(X[train], y[train])
    features.fit(images.x_train, images.y_train)  # the same images where the test images choose
    return time.perf_counter() - start


def make_search(approach, protocol, pipeline, cv, name, args):
    """Return the search of an approach on the set called ``name``."""
    settings, common = PROTOCOLS[protocol], {"cv": cv, "n_jobs": args.n_jobs, "refit": False}
    if approach in settings.grid_alphas:
        penalty = {"clf__alpha": [settings.grid_alphas[approach]], "clf__l1_ratio": [0.5]}
        return GridSearchCV(pipeline, {**param_grid(), **penalty}, verbose=3, **common)
    run = f"{name}_{protocol}_{approach}_{args.seed}{'_quick' * args.quick}"
    return ResumableBayesSearchCV(
        pipeline,
        settings.spaces,
        n_iter=5 if args.quick else 20,
        n_points=effective_n_jobs(args.n_jobs),
        checkpoint=args.output / f"{run}.jsonl",
        random_state=args.seed,
        verbose=1,
        **common,
    )


def run_protocol(protocol, images, args, cache):
    """Yield each approach and what it found."""
    pipeline = make_pipeline(protocol, args, cache)
    X, y, cv = choosing_data(protocol, images, args.seed)
    say(f"\nProtocol {protocol}: {PROTOCOLS[protocol].chooses} accuracy chooses")
    shared = fit_autoencoders(pipeline, X, y, cv, images)
    say(f"The autoencoder took {clock(shared)}")
    result = None
    for approach in args.approaches:
        if approach == 4 and 3 in args.approaches:  # the last result is that of approach 3
            say("\nApproach 4 takes the search of approach 3, which the notebook ran twice.")
            yield 4, result
            continue
        say(f"\nProtocol {protocol}, approach {approach}")
        search = make_search(approach, protocol, pipeline, cv, images.name, args)
        start = time.perf_counter()
        search.fit(X, y)
        model = clone(pipeline).set_params(**search.best_params_)
        predicted = model.fit(images.x_train, images.y_train).predict(images.x_test)
        result = Bunch(
            search=search,
            predicted=predicted,
            test_accuracy=float(np.mean(predicted == images.y_test)),
            seconds=shared + time.perf_counter() - start,
        )
        yield approach, result


# %%
# The report
# ----------
#
# ``results.csv`` has a row for each candidate of each approach. Under the original protocol all
# have a test accuracy; under the sound one only the chosen candidates do. It is written anew after
# each approach, and a Bayesian search that was interrupted goes on from its checkpoint; its wall
# time is then that of the last run.


def records(protocol, approach, result, images):
    """Return a row for each candidate, with the notebook's accuracy for the same setting."""
    found = result.search.cv_results_
    notebook = NOTEBOOK[approach] if images.is_cifar10 else ELSEWHERE
    kind = f"{PROTOCOLS[protocol].chooses}_accuracy"
    rows = []
    for i, params in enumerate(found["params"]):
        batch_size, learning_rate = params["clf__batch_size"], params["clf__learning_rate"]
        row = {
            "data": images.name,
            "protocol": protocol,
            "approach": approach,
            "trial": i + 1,
            "batch_size": batch_size,
            "learning_rate": learning_rate,
            "alpha": params["clf__alpha"],
            "l1_ratio": params["clf__l1_ratio"],
            "validation_accuracy": None,
            "test_accuracy": None,
            "notebook_test_accuracy": notebook.grid.get((batch_size, learning_rate)),
            "notebook_best_test_accuracy": notebook.best,
            "fit_seconds": round(float(found["mean_fit_time"][i]), 2),
            "chosen": i == result.search.best_index_,
            "wall_seconds": None,
        }
        row[kind] = float(found["mean_test_score"][i])
        if row["chosen"]:
            row |= {"test_accuracy": result.test_accuracy, "wall_seconds": round(result.seconds, 1)}
        rows.append(row)
    return rows


def write_csv(rows, path):
    """Write rows under their titles."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def summary(row):
    """Return the row of a chosen candidate as texts for the printed table."""
    compared = row["notebook_best_test_accuracy"] is not None
    notebook = NOTEBOOK[row["approach"]] if compared else ELSEWHERE
    return {
        "approach": str(row["approach"]),
        "protocol": row["protocol"],
        **setting(row),
        "alpha": f"{row['alpha']:.2e}",
        "l1_ratio": f"{row['l1_ratio']:.3f}",
        "validation": accuracy(row["validation_accuracy"]),
        "test": accuracy(row["test_accuracy"]),
        "notebook": accuracy(row["notebook_best_test_accuracy"]),
        "wall time": clock(row["wall_seconds"]),
        "notebook's": notebook.time,
    }


def setting(row):
    """Return what the grids vary, as texts."""
    return {
        "batch size": str(row["batch_size"]),
        "learning rate": f"{row['learning_rate']:.2e}",
    }


def print_grids(rows):
    """Print the accuracies of the grids, protocols and the notebook side by side."""
    for approach in sorted({row["approach"] for row in rows} & {1, 2}):
        cells = {}
        for row in (row for row in rows if row["approach"] == approach):
            cell = cells.setdefault(row["trial"], setting(row))
            kind = PROTOCOLS[row["protocol"]].chooses
            cell[f"{row['protocol']}, {kind}"] = accuracy(row[f"{kind}_accuracy"])
            cell["notebook, test"] = accuracy(row["notebook_test_accuracy"])
        say(f"\nAccuracies of approach {approach}")
        print_table(list(cells.values()))


def print_table(rows):
    """Print rows of texts under their titles."""
    table = [list(rows[0]), *(list(row.values()) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = ["  ".join(map(str.rjust, row, widths)) for row in table]
    say(lines[0], "-" * len(lines[0]), *lines[1:], sep="\n")


def accuracy(value):
    """Return an accuracy as text."""
    return "-" if value is None else f"{value:.4f}"


def clock(seconds):
    """Return minutes and seconds as text."""
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes}:{seconds:02}"


# %%
# The pictures
# ------------


def draw(rows, results, images, folder):
    """Write the pictures to a folder."""
    pictures = {"test_accuracies": draw_accuracies([row for row in rows if row["chosen"]])}
    for (protocol, approach), result in results.items():
        if approach == 4:
            parts = images.x_test, images.y_test, result.predicted
            pictures[f"predictions_{protocol}"] = PredictionsDisplay.from_predictions(
                *(part[:24] for part in parts), target_names=images.names
            ).figure_
        if approach < 4 or (protocol, 3) not in results:
            figure = SearchResultsDisplay.from_search(
                result.search, score_name=f"{PROTOCOLS[protocol].chooses} accuracy"
            ).figure_
            figure.suptitle(f"Approach {approach}, protocol {protocol}")
            pictures[f"search_{protocol}_{approach}"] = figure
    for name, figure in pictures.items():
        figure.savefig(folder / f"{name}.png", dpi=120)
    say(f"\nTable and pictures in {folder.resolve()}: results.csv, {', '.join(sorted(pictures))}")


def draw_accuracies(chosen):
    """Return a figure of the test accuracies as bars, with the notebook's."""
    import matplotlib.pyplot as plt

    heights = {}
    for row in chosen:
        if row["notebook_best_test_accuracy"] is not None:
            values = heights.setdefault("notebook", {})
            values[row["approach"]] = row["notebook_best_test_accuracy"]
        heights.setdefault(row["protocol"], {})[row["approach"]] = row["test_accuracy"]
    figure, ax = plt.subplots(figsize=(8, 4), layout="tight")
    approaches = sorted({row["approach"] for row in chosen})
    width = 0.8 / len(heights)
    for i, (name, values) in enumerate(heights.items()):
        places = np.arange(len(approaches)) + (i - (len(heights) - 1) / 2) * width
        bars = ax.bar(places, [values[approach] for approach in approaches], width, label=name)
        ax.bar_label(bars, fmt="%.3f", fontsize=8)
    ax.set_xticks(range(len(approaches)), [f"approach {approach}" for approach in approaches])
    ax.set(ylabel=f"test accuracy, {chosen[0]['data']}", ylim=(0, 1.08))
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False)
    return figure


# %%
# The images
# ----------


def load_images(args):
    """Return training and test images and labels, and the names of labels."""
    if args.data == "cifar10":
        images = fetch_cifar10(args)
    elif Path(args.data).is_dir() and args.data:
        images = load_cifar10(args.data)
    elif Path(args.data).suffix.lower() == ".npz":
        images = load_npz(args.data)
    else:
        raise ValueError(
            "--data must be cifar10, a file .npz or a folder of CIFAR-10's python batches that "
            f"exists; got {args.data!r}."
        )
    check_images(images)
    labels = np.unique(np.concatenate([images.y_train, images.y_test]))
    images.name = images.get("name", Path(args.data).stem)
    images.is_cifar10 = images.x_train.shape[1:] == (32, 32, 3) and len(labels) == 10
    names = images.target_names if len(images.target_names) == len(labels) else labels
    images.names = dict(zip(labels, names, strict=True))
    if args.quick:
        for part, n in (("train", 1000), ("test", 500)):
            X, y = images[f"x_{part}"], images[f"y_{part}"]
            images[f"x_{part}"], images[f"y_{part}"] = subset(X, y, n, args.seed)
    return images


def check_images(images):
    """Raise for what the searches would find out too late."""
    for part in ("x_train", "x_test"):
        X = images[part]
        if X.ndim not in (3, 4) or X.shape[3:] not in [(), (1,), (3,)] or not len(X):
            raise ValueError(
                f"{part} must hold images of one channel or three; got the shape {X.shape}."
            )
        if not np.isfinite(X).all():
            raise ValueError(f"{part} must be finite, but holds NaN or infinity.")
    counts = np.unique(images.y_train, return_counts=True)[1]
    if len(counts) < 2 or counts.min() < 10:
        raise ValueError(
            "Two classes with ten training images each are the least; "
            f"got {len(counts)} classes, the smallest with {counts.min()}."
        )


def fetch_cifar10(args):
    """Return CIFAR-10, or handwritten digits where a quick run cannot fetch it."""
    try:
        return load_cifar10()
    except Exception as error:  # without a network Keras raises nothing narrower
        if not args.quick:
            raise OSError(f"CIFAR-10 could not be fetched: {error}") from error
    say("CIFAR-10 could not be fetched. scikit-learn's handwritten digits take its place, but the")
    say("notebook's figures are of CIFAR-10.")
    digits = load_digits_images()
    X, X_test, y, y_test = train_test_split(
        digits.data, digits.target, stratify=digits.target, random_state=args.seed
    )
    names = digits.target_names
    parts = {"x_train": X, "y_train": y, "x_test": X_test, "y_test": y_test}
    return Bunch(**parts, target_names=names, name="digits")


def subset(X, y, n, seed):
    """Return n images at most, as many of each class as its share."""
    counts = np.unique(y, return_counts=True)[1]
    if len(y) - n < len(counts):
        return X, y
    if counts.min() < 2:  # too few to keep the shares
        return X[:n], y[:n]
    return train_test_split(X, y, train_size=n, stratify=y, random_state=seed)[::2]


# %%
# The whole run
# -------------


def get_parser():
    """Return the parser of the command."""
    parser = argparse.ArgumentParser(
        description="Run the notebook's four approaches as it did, and as they should be."
    )
    parser.add_argument(
        "--data",
        default="cifar10",
        help="cifar10 (default, through keras.datasets), FILE.npz with x_train, y_train, x_test "
        "and y_test, or FOLDER with CIFAR-10's python batches",
    )
    parser.add_argument("--protocol", choices=[*PROTOCOLS, "both"], default="both")
    parser.add_argument(
        "--approaches", type=int, nargs="+", choices=[*NOTEBOOK], default=[*NOTEBOOK]
    )
    parser.add_argument(
        "--n-jobs",
        type=int,
        default=1,
        help="processes of the searches; the Bayesian ones propose as many points at a time",
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of all that is random")
    parser.add_argument(
        "--quick", action="store_true", help="a taste: 1000 images, short fits, few trials"
    )
    parser.add_argument(
        "--output", type=Path, default="four_approaches", help="folder for results.csv and pictures"
    )
    return parser


def prepare(args):
    """Return the images, after all that can go wrong before the work has been tried."""
    if importlib.util.find_spec("matplotlib") is None:
        raise ImportError("The pictures need matplotlib: pip install cae_sklearn[plot]")
    if args.n_jobs == 0 or not 0 <= args.seed < 2**32:
        raise ValueError("--n-jobs must not be 0, and --seed lie between 0 and 2**32 - 1.")
    args.approaches = sorted(set(args.approaches))
    images = load_images(args)
    args.output.mkdir(parents=True, exist_ok=True)
    return images


def main(argv=None):
    """Run the approaches under the protocols, print, store and draw."""
    parser = get_parser()
    args = parser.parse_args(argv)
    try:
        images = prepare(args)
    except (ImportError, OSError, ValueError) as error:
        parser.error(str(error))
    shape = " x ".join(map(str, images.x_train.shape[1:]))
    say(f"{len(images.x_train)} training and {len(images.x_test)} test images of {shape}")
    results, rows = {}, []
    for protocol in PROTOCOLS if args.protocol == "both" else [args.protocol]:
        with tempfile.TemporaryDirectory(prefix="cae_sklearn_") as cache:
            for approach, result in run_protocol(protocol, images, args, cache):
                results[protocol, approach] = result
                rows += records(protocol, approach, result, images)
                write_csv(rows, args.output / "results.csv")
    print_grids(rows)
    say("\nThe chosen candidates. The wall time has the autoencoder, the search and the refit.")
    print_table([summary(row) for row in rows if row["chosen"]])
    draw(rows, results, images, args.output)


if __name__ == "__main__":
    if "sphinx_gallery" in sys.modules:
        main(["--quick", "--output", tempfile.mkdtemp()])
    else:
        main()
