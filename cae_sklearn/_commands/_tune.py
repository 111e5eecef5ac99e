"""``tune``: tune a pipeline of autoencoder and classifier on images, and judge it."""

import tempfile
import time

import numpy as np
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from .. import CAEFeaturizer, ElasticNetBNMLPClassifier
from ..caching import FitOnceMemory
from ..search import ResumableBayesSearchCV, param_grid, search_spaces
from ._print import accuracy, print_table, save, say
from ._tune_images import load_images
from ._tune_pictures import draw

__all__ = ["load_images", "run"]

# Chips have more pixels and less variety than photographs. So there are fewer and larger filters
# than by default, and they are averaged over a finer grid: what tells vehicles apart is where
# their scatterers stand.
RADAR = {"filters": 40, "kernel_size": 8, "output_size": 8}


def run(images, args):
    """Tune, judge once on the held-out images, and draw."""
    X, y, X_test, y_test = (images[name] for name in ("x_train", "y_train", "x_test", "y_test"))
    shape = " x ".join(map(str, X.shape[1:]))
    say(f"{args.data}: {len(X)} training and {len(X_test)} held-out images of {shape}")
    say("TensorFlow starts, in each process. What it says about CUDA and absl is no error.")
    with tempfile.TemporaryDirectory(prefix="cae_sklearn_") as cache:
        pipeline = make_pipeline(cache, images.is_radar, args)
        searches, table = {}, {}
        for name, search in make_searches(pipeline, args).items():
            say(f"\n{name} search")
            start = time.perf_counter()
            searches[name] = search.fit(X, y)
            table[name] = describe(name, search, pipeline, time.perf_counter() - start)
        best = max(searches, key=lambda name: searches[name].best_score_)
        say(f"\nFitting the best setting of the {best} search on all training images ...")
        pipeline.set_params(**searches[best].best_params_).fit(X, y)
    predicted = pipeline.predict(X_test)
    table[best]["held-out accuracy"] = accuracy(np.mean(predicted == y_test))
    say()
    print_table(list(table.values()), n_left=1)
    say(f"{np.sum(predicted != y_test)} of {len(y_test)} held-out images are classified wrongly.\n")
    matrix = confusion_matrix(y_test, predicted, labels=list(images.names))
    print_table(by_class(matrix, images.names.values()), n_left=1)
    pictures = save(draw(pipeline, searches, images, predicted, matrix), args.output)
    say(f"\nPictures in {args.output.resolve()}: {pictures}")


def make_pipeline(cache, is_radar, args):
    """Return the untuned pipeline.

    The searches change the classifier only. With ``memory`` the autoencoder is fitted once for
    each fold and then read from the disk, whatever the number of candidates and of processes.
    """
    cae = CAEFeaturizer(**(RADAR if is_radar else {}), random_state=args.seed)
    clf = ElasticNetBNMLPClassifier(random_state=args.seed)
    if args.quick:
        cae.set_params(epochs=1)
        clf.set_params(epochs=20)
    return Pipeline([("cae", cae), ("clf", clf)], memory=FitOnceMemory(cache, verbose=0))


def make_searches(pipeline, args):
    """Return the searches by name; both score accuracy over the same three stratified folds."""
    grid = param_grid()
    if args.quick:
        grid["clf__batch_size"] = [32, 64]
    common = {"cv": 3, "n_jobs": args.n_jobs, "refit": False}
    return {
        "grid": GridSearchCV(pipeline, grid, verbose=3, **common),
        "Bayesian": ResumableBayesSearchCV(
            pipeline,
            search_spaces(),
            n_iter=5 if args.quick else 20,
            random_state=args.seed,
            verbose=1,
            **common,
        ),
    }


def describe(name, search, pipeline, seconds):
    """Return what a search found as a line of the table."""
    found = {key.removeprefix("clf__"): value for key, value in search.best_params_.items()}
    params = {**pipeline["clf"].get_params(), **found}
    return {
        "search": name,
        "batch size": str(params["batch_size"]),
        "learning rate": f"{params['learning_rate']:.2e}",
        "alpha": f"{params['alpha']:.2e}",
        "l1_ratio": f"{params['l1_ratio']:.3f}",
        "CV accuracy": accuracy(search.best_score_),
        "held-out accuracy": "-",
        "wall time": f"{seconds / 60:.1f} min",
    }


def by_class(matrix, names):
    """Return the number of held-out images and the accuracy of each class, and of all."""
    counts, right = [*matrix.sum(axis=1), matrix.sum()], [*np.diag(matrix), np.trace(matrix)]
    return [
        {"class": str(name), "images": str(n), "accuracy": accuracy(k / n if n else None)}
        for name, n, k in zip([*names, "all"], counts, right, strict=True)
    ]
