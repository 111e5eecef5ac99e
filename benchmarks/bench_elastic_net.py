"""The elastic net of the classifier: scikit-learn's optimum, subgradients, cost of a step.

Three tables. *Optimum*: without hidden layers, in full batches, against the saga solver of
LogisticRegression: ``gap`` is the relative difference of the objectives. *Path*: the default
network with proximal steps (ours) and with subgradients, which the same loop takes when the
gradient of the L1 norm is put back. *Step*: the time of the two. ``--images FILE.npz``, with
x_train, y_train, x_test and y_test, adds features of 2,000 such images to the digits;
``--tables "optimum path"`` leaves out the third table; ``--picture FILE.png`` draws the
weights of the output along alpha.
"""

from _compare import alternate, arguments, comparison, show

args = arguments(__doc__, rounds=15, images=None, picture=None, tables="optimum path step")

from functools import partial

import keras
import numpy as np
import tensorflow as tf
from _peers import blobs
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import scale

from cae_sklearn import CAEFeaturizer, ElasticNetBNMLPClassifier
from cae_sklearn._arrays.confined import Traced
from cae_sklearn._networks import dense
from cae_sklearn._networks.building import initial_weights
from cae_sklearn._networks.mlp import MLP
from cae_sklearn._training.proximal import has_elastic_net
from cae_sklearn.plotting import SparsityDisplay

EPOCHS = 2 if args.quick else 30
MANY_EPOCHS = 100 if args.quick else 3000
N_SEEDS = 2 if args.quick else 6
N_ALIKE = 1 if args.quick else 10
N_IMAGES = 300 if args.quick else 2000  # of each part


class Subgradient(keras.regularizers.Regularizer):
    """The same penalty, all of it in the gradient; no proximal step follows."""

    def __init__(self, l1, l2):
        self._l1, self._l2 = l1, l2

    def __call__(self, w):
        return _with_subgradient(*map(tf.convert_to_tensor, (w, self._l1, self._l2)))


@tf.custom_gradient
def _with_subgradient(w, l1, l2):
    half = l2 * w
    slope = l1 * tf.sign(w) + half
    return tf.reduce_sum(w * slope), lambda d: (d * (slope + half), None, None)


class Kinds:
    """The default network, whose steps are proximal or with subgradients.

    The weights are the same variables: where they lie in memory alone makes a network faster or
    slower by several percent.
    """

    def __init__(self, n_features, n_classes, kinds=("proximal", "subgradient")):
        network = MLP.for_features(
            n_features, n_classes, hidden_layer_sizes=(400, 64), activation="relu", batch_norm=True
        )
        self.predictor, self._trainer = network.build("predictor"), network.build("trainer")
        [self._kernel] = filter(has_elastic_net, self._trainer.trainable_variables)
        self._elastic_net = self._kernel.regularizer
        self._graphs = {kind: Traced() for kind in kinds}

    def fit(self, kind, X, y, alpha, l1_ratio, seed=0, **options):
        """Train from the first weights of a seed; return the trainer."""
        penalty, trainer = self._elastic_net, self._trainer
        is_proximal = kind.startswith("proximal")
        self._kernel.regularizer = penalty if is_proximal else Subgradient(penalty.l1, penalty.l2)
        trainer.traced = self._graphs[kind]
        trainer.prepare(
            seed=seed,
            learning_rate=0.001,
            weights=initial_weights(trainer, seed),
            dropout_rate=0.5,
            **dense.elastic_net(alpha, l1_ratio),
        )
        trainer.fit(X, y, **options)
        return trainer


def penalty_of(kernel, alpha, l1_ratio):
    norms = l1_ratio * np.abs(kernel).sum() + (1 - l1_ratio) * np.square(kernel).sum()
    return alpha * norms


def objective(coef, intercept, X, y, alpha, l1_ratio):
    logits = X.astype(float) @ coef.T + intercept
    logits -= logits.max(axis=1, keepdims=True)
    loss = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(y)), y]
    return loss.mean() + penalty_of(coef, alpha, l1_ratio)


def optimum(name, X, y, alpha, l1_ratio):
    """Compare with saga; two classes are one vector there, and its half and minus it here."""
    X = np.float32(scale(X))
    ours = ElasticNetBNMLPClassifier(
        (),
        alpha=alpha,
        l1_ratio=l1_ratio,
        learning_rate=0.1,
        epochs=MANY_EPOCHS,
        batch_size=len(y),
        decay_fraction=1.0,
        early_stopping=False,
        random_state=0,
    ).fit(X, y)
    factor = 1 / (alpha * (2 - l1_ratio))
    half = 0.5 if len(np.unique(y)) == 2 else 1.0
    l1, l2 = factor * alpha * l1_ratio, 2 * factor * alpha * (1 - l1_ratio) * half
    theirs = LogisticRegression(
        C=factor / len(y) / (l1 + l2),
        l1_ratio=l1 / (l1 + l2),
        solver="saga",
        max_iter=100 if args.quick else 100_000,
        tol=1e-4 if args.quick else 1e-6,  # with 1e-4 it stops short of the optimum
    ).fit(X.astype(float), y)
    coef, intercept = theirs.coef_, theirs.intercept_
    if len(coef) == 1:
        coef, intercept = (np.concatenate([-part, part]) / 2 for part in (coef, intercept))
    settings = X, y, alpha, l1_ratio
    mine = objective(ours.output_coef_, ours.output_intercept_, *settings)
    best = objective(coef, intercept, *settings)
    return {
        "data": name,
        "alpha": alpha,
        "l1_ratio": l1_ratio,
        "saga": best,
        "ours": mine,
        "gap": mine / best - 1,
        "zeros of saga": float(np.mean(coef == 0)),
        "our zeros": ours.sparsity_,
        "same support": float(np.mean((coef == 0) == (ours.output_coef_ == 0))),
    }


def path(name, X, y, X_test, y_test):
    """Return rows for proximal steps and subgradients from the same first weights.

    ``change`` is that of the objective by the proximal steps, relative, with its standard error
    over the seeds.
    """
    network = Kinds(X.shape[1], len(np.unique(y)))
    rows = []
    for alpha in (1e-3, 1e-1) if args.quick else (1e-4, 1e-3, 1e-2, 1e-1):
        for l1_ratio in (0.5,) if args.quick else (0.5, 1.0):
            ours, theirs = (
                trained(network, kind, (X, y, X_test, y_test), alpha, l1_ratio)
                for kind in ("proximal", "subgradient")
            )
            change = ours["objective"] / theirs["objective"] - 1
            rows.append(
                {
                    "data": name,
                    "alpha": alpha,
                    "l1_ratio": l1_ratio,
                    "change": float(change.mean()),
                    "error": float(change.std(ddof=1) / np.sqrt(N_SEEDS)),
                }
                | {key: float(ours[key].mean()) for key in ours}
                | {f"{key}, sub.": float(theirs[key].mean()) for key in theirs}
            )
    return rows


def trained(network, kind, parts, alpha, l1_ratio):
    """Return objective, accuracy and zeros of the output, each for some seeds."""
    X, y, X_test, y_test = parts
    settings = {"alpha": alpha, "l1_ratio": l1_ratio}
    training = {"batch_size": 64, "epochs": EPOCHS, "decay_fraction": 0.5}
    predictor = network.predictor
    result = {"objective": [], "accuracy": [], "zeros": []}
    for seed in range(N_SEEDS):
        weights = network.fit(kind, X, y, **settings, seed=seed, **training).learned()
        predictor.load(weights)
        kernel = weights["output/kernel"]
        probabilities = tf.nn.softmax(predictor(X).astype(float)).numpy()
        loss = log_loss(y, probabilities)
        result["objective"].append(loss + penalty_of(kernel, alpha, l1_ratio))
        result["accuracy"].append(np.mean(predictor(X_test).argmax(axis=1) == y_test))
        result["zeros"].append(np.mean(kernel == 0))
    return {key: np.asarray(values) for key, values in result.items()}


def steps(batch_size, n_steps):
    """Return rows for the time of a step: the subgradient's divided by ours is wanted >= 1/1.03.

    Each network times the two in turn. A second graph of proximal steps shows how far such a
    ratio is off by chance.
    """
    X, y = blobs(batch_size * n_steps)
    kinds = ["proximal", "subgradient", "proximal again"]
    measured = {kind: ([], []) for kind in kinds}
    for i in range(N_ALIKE):
        loss = partial(loss_of, Kinds(X.shape[1], 10, kinds), X=X, y=y, batch_size=batch_size)
        order = kinds if i % 2 else kinds[::-1]
        for kind, parts in alternate({k: partial(loss, k) for k in order}, args.rounds).items():
            for values, part in zip(measured[kind], parts, strict=True):
                values.extend(part)
    unit = "us/step", lambda seconds: 1e6 * seconds / n_steps
    return comparison(measured, unit, "loss", {"subgradient": 1 / 1.03}, **{"batch": batch_size})


def loss_of(network, kind, **data):
    """Train for an epoch; return its loss."""
    trainer = network.fit(kind, **data, alpha=1e-4, l1_ratio=0.5)
    return trainer.history.history["loss"][-1]


def image_features():
    """Return features of some images of ``--images``, and labels, in the order of `path`."""
    images = np.load(args.images)
    parts = {part: images[f"x_{part}"][:N_IMAGES] for part in ("train", "test")}
    labels = {part: np.int32(images[f"y_{part}"][:N_IMAGES]).ravel() for part in parts}
    cae = CAEFeaturizer(filters=64, n_components=200, random_state=0).fit(parts["train"])
    return [array for part in parts for array in (cae.transform(parts[part]), labels[part])]


def optima():
    sets = {"wine": load_wine, "breast cancer": load_breast_cancer, "digits": load_digits}
    return [
        optimum(name, *load(return_X_y=True), alpha, l1_ratio)
        for name, load in sets.items()
        for alpha in (0.001, 0.01)
        for l1_ratio in (0.5, 0.9)
        if not args.quick or alpha == 0.01
    ]


def digits():
    X, y = load_digits(return_X_y=True)
    parts = train_test_split(np.float32(scale(X)), np.int32(y), test_size=0.3, random_state=0)
    return parts[0], parts[2], parts[1], parts[3]


def draw(file):
    """Draw the output layer for some alphas."""
    from matplotlib.figure import Figure

    X, y = load_digits(return_X_y=True)
    alphas = 1e-4, 1e-3, 1e-2, 1e-1
    figure = Figure(figsize=(10, 10), layout="constrained")
    for alpha, axes in zip(alphas, figure.subplots(4, 2, width_ratios=(3, 2)), strict=True):
        clf = ElasticNetBNMLPClassifier(alpha=alpha, l1_ratio=0.9, epochs=EPOCHS, random_state=0)
        SparsityDisplay.from_estimator(clf.fit(np.float32(scale(X)), y), axes=axes)
        axes[0].set_title(f"alpha = {alpha:g}, accuracy {clf.score(np.float32(scale(X)), y):.3f}")
    figure.savefig(file, dpi=80)


if args.picture:
    draw(args.picture)
if "optimum" in args.tables:
    show("Softmax regression and saga", optima(), args.format)
if "path" in args.tables:
    title = f"The network 400-64 after {EPOCHS} epochs"
    show(title, path("digits", *digits()), args.format)
    if args.images:
        show(title, path("images", *image_features()), args.format)
if "step" in args.tables:
    rows = [row for size, n in ((8, 150), (64, 50), (256, 20)) for row in steps(size, n)]
    show("One step", rows, args.format)
