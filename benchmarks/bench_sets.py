"""Accuracy and time on image sets, beside what users would take otherwise.

The default pipeline, support vector machines (RBF) on pixels and on histograms of oriented
gradients (HOG), and a small supervised convolutional network in Keras. Digits, radar chips and
shapes are drawn or come with scikit-learn; ``--data NAME=FILE.npz`` adds sets of x_train, y_train,
x_test and y_test, of which ``--n-train`` images are fitted to. With ``--output`` each row is also
added to that file. Nothing is tuned: all have the same settings on all sets. Seconds hold fit and
prediction.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import argparse
import csv
import time
from pathlib import Path

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC

from cae_sklearn import CAEFeaturizer, ElasticNetBNMLPClassifier
from cae_sklearn.datasets import load_digits_images, load_npz, make_sar_chips

COLUMNS = ["set", "images", "who", "seed", "accuracy", "seconds"]


# -- the sets -------------------------------------------------------------------


def digits(seed):
    """Return scikit-learn's digits, a third of them for the test."""
    images = load_digits_images()
    return train_test_split(
        images.data, images.target, test_size=600, stratify=images.target, random_state=seed
    )


def radar(seed):
    """Return made radar chips of ten vehicles, seen from another height in the test."""
    train = make_sar_chips(400, 10, depression=17, random_state=seed)
    test = make_sar_chips(600, 10, depression=15, random_state=seed + 100)
    return train.data, test.data, train.target, test.target


def shapes(seed):
    """Return 120 drawn discs, squares and triangles of any size and place, and 300 for the test."""
    rng = np.random.default_rng(seed)
    y = np.arange(420) % 3
    X = np.stack([draw(rng, kind) for kind in y])
    return X[:120], X[120:], y[:120], y[120:]


def draw(rng, kind):
    """Return a noisy picture (48, 48, 3) of a dark shape on a light ground."""
    radius = rng.uniform(9, 18)
    at = rng.uniform(radius, 48 - radius, 2)
    x, y = np.moveaxis(np.indices((48, 48)), 0, -1).T - at[:, None, None]
    inside = {
        0: x**2 + y**2 < radius**2,
        1: np.maximum(abs(x), abs(y)) < 0.75 * radius,
        2: (y < radius / 2) & (y > -radius + 1.73 * abs(x)),
    }[kind]
    ground, ink = rng.uniform(190, 255, 3), rng.uniform(0, 90, 3)
    picture = np.where(inside[..., None], ink, ground) + rng.normal(0, 12, (48, 48, 3))
    return picture.clip(0, 255).astype(np.uint8)


def from_file(path, n_train):
    """Return a function that draws training images of an archive by its seed."""

    def load(seed):
        sets = load_npz(path)
        X, y = sets.x_train, np.ravel(sets.y_train)
        if n_train and n_train < len(X):
            X, _, y, _ = train_test_split(X, y, train_size=n_train, stratify=y, random_state=seed)
        return X, sets.x_test, y, np.ravel(sets.y_test)

    return load


# -- who takes part --------------------------------------------------------------


def flat(X):
    """Return images as rows of floats."""
    return X.reshape(len(X), -1).astype(np.float32)


def hog(X, cell=8, n_bins=9):
    """Return histograms of oriented gradients (Dalal & Triggs, 2005), normalised by 2 x 2 cells."""
    X = X[..., None] if X.ndim == 3 else X
    cell = min(cell, X.shape[1] // 4)
    grey = X.mean(axis=-1)
    dy, dx = np.gradient(grey, axis=(1, 2))
    place = (np.arctan2(dy, dx) % np.pi) / np.pi * n_bins
    low, share = np.floor(place).astype(int), place % 1
    strength = np.hypot(dx, dy)
    height, width = (n // cell for n in grey.shape[1:])
    bins = np.zeros((len(X), height, width, n_bins))
    for b, part in ((low % n_bins, 1 - share), ((low + 1) % n_bins, share)):
        for k in range(n_bins):
            votes = np.where(b == k, strength * part, 0)[:, : height * cell, : width * cell]
            bins[..., k] += votes.reshape(len(X), height, cell, width, cell).sum(axis=(2, 4))
    blocks = [bins[:, i : height - 1 + i, j : width - 1 + j] for i in (0, 1) for j in (0, 1)]
    blocks = np.concatenate(blocks, axis=-1)
    blocks /= np.linalg.norm(blocks, axis=-1, keepdims=True) + 1e-3 * blocks.max() + 1e-9
    return blocks.reshape(len(X), -1)


def cae(seed):
    """Return the pipeline of this package, as it comes."""
    classifier = ElasticNetBNMLPClassifier(random_state=seed)
    return make_pipeline(CAEFeaturizer(random_state=seed), classifier)


def pixels_and_svm(seed):
    """Return a support vector machine on standardised pixels."""
    return make_pipeline(FunctionTransformer(flat), StandardScaler(), SVC(C=10))


def hog_and_svm(seed):
    """Return a support vector machine on histograms of oriented gradients."""
    return make_pipeline(FunctionTransformer(hog), StandardScaler(), SVC(C=10))


class SmallCNN:
    """A supervised network of three blocks, trained for 30 epochs."""

    def __init__(self, seed):
        self.seed = seed

    def fit(self, X, y):
        """Train the network."""
        import keras
        from keras import layers

        keras.utils.set_random_seed(self.seed)
        x = images = keras.Input(_with_channels(X).shape[1:])
        x = layers.Rescaling(1 / max(1, float(X.max())))(x)
        for n_filters in (32, 64, 128):
            x = layers.Conv2D(n_filters, 3, padding="same", use_bias=False)(x)
            x = layers.Activation("relu")(layers.BatchNormalization()(x))
            x = layers.MaxPooling2D(2, padding="same")(x)
        x = layers.Dropout(0.5)(layers.GlobalAveragePooling2D()(x))
        self.model = keras.Model(images, layers.Dense(int(y.max()) + 1, activation="softmax")(x))
        self.model.compile("adam", "sparse_categorical_crossentropy")
        self.model.fit(_with_channels(X), y, epochs=30, batch_size=32, verbose=0)
        return self

    def score(self, X, y):
        """Return the accuracy."""
        return float(np.mean(self.model.predict(_with_channels(X), verbose=0).argmax(1) == y))


def _with_channels(X):
    return X[..., None] if X.ndim == 3 else X


WHO = {
    "CAE": cae,
    "pixels + SVM": pixels_and_svm,
    "HOG + SVM": hog_and_svm,
    "small CNN": SmallCNN,
}


def main():
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", nargs="*", default=["digits", "shapes", "radar"])
    parser.add_argument("--data", nargs="*", default=[], metavar="NAME=FILE.npz")
    parser.add_argument("--n-train", type=int, help="use so many training images of a file")
    parser.add_argument("--who", nargs="*", choices=list(WHO), default=list(WHO))
    parser.add_argument("--seeds", type=int, nargs="*", default=[0])
    parser.add_argument("--output", type=Path, help="a file to add the rows to")
    parser.add_argument("--quick", action="store_true", help="a small run that shows it works")
    args = parser.parse_args()
    sets = {"digits": digits, "shapes": shapes, "radar": radar}
    sets = {name: sets[name] for name in (["shapes"] if args.quick else args.sets)}
    for pair in args.data:
        name, _, path = pair.partition("=")
        sets[name] = from_file(path, args.n_train)
    for name, load in sets.items():
        for seed in args.seeds:
            data = load(seed)
            for who in args.who:
                measure(name, data, who, seed, args.output)


def measure(name, data, who, seed, output):
    """Fit one to a set, print a row, and add it to the file."""
    X, X_test, y, y_test = data
    start = time.perf_counter()
    accuracy = WHO[who](seed).fit(X, y).score(X_test, y_test)
    row = [name, len(X), who, seed, f"{accuracy:.4f}", f"{time.perf_counter() - start:.1f}"]
    print(*row, sep="\t", flush=True)
    if output is None:
        return
    new = not output.exists()
    with output.open("a", newline="", encoding="utf-8") as stream:
        csv.writer(stream, lineterminator="\n").writerows([COLUMNS, row] if new else [row])


if __name__ == "__main__":
    main()
