"""Predictions of one and of 1,000 samples: the package, Keras's own calls, ONNX and scikit-learn.

For each kind of estimator, fitted on few images: the ONNX file, how far its outputs are from the
estimator's on 10,000 samples, and milliseconds for 1 and 1,000 samples. Images are those of
``--data``, an .npz with ``x_train`` of shape (n, 32, 32, 3), or smooth noise.
"""

from _compare import arguments, clock, show

args = arguments(__doc__, rounds=30, data="")

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnxruntime
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cae_sklearn import CAEFeaturizer, ElasticNetBNMLPClassifier, export_onnx

N = 1_000 if args.quick else 10_000
N_FIT = 600
RNG = np.random.default_rng(0)
PLAIN = {"output_size": None, "n_components": None, "shift": 0.0}


def smooth(shape):
    """Return noise that varies slowly, bytes of shape (N, *shape)."""
    small = RNG.normal(size=(N, shape[0] // 4, shape[1] // 4, shape[2]))
    images = np.repeat(np.repeat(small, 4, axis=1), 4, axis=2) + RNG.normal(size=(N, *shape)) / 4
    return np.uint8(np.clip(128 + 48 * images, 0, 255))


def photographs():
    if not args.data:
        return smooth((32, 32, 3))
    with np.load(args.data) as arrays:
        return arrays["x_train"][:N]


def digits():
    images = load_digits().images
    return np.uint8(16 * images[np.arange(N) % len(images)])


def kinds():
    """Return images and a featurizer, or None for a table, by name."""
    photos = photographs()
    small = digits()
    large = np.repeat(np.repeat(photos, 2, axis=1), 2, axis=2)
    deep = {"whiten": False, "filters": (64, 32, 16), "kernel_size": 3}
    few = {"filters": 32, "kernel_size": 6}
    return {
        "whitened, uint8": (photos, CAEFeaturizer()),
        "whitened, whole map": (photos, CAEFeaturizer(**few, **PLAIN)),
        "deep": (photos, CAEFeaturizer(**deep)),
        "64 x 64": (large, CAEFeaturizer()),
        "8 x 8 grey": (small, CAEFeaturizer()),
        "flat rows": (np.float32(small.reshape(N, -1)), CAEFeaturizer(image_shape=(8, 8))),
        "rows of a table": (np.float32(small.reshape(N, -1)), CAEFeaturizer()),
        "far from zero": (1e7 + np.float64(small), CAEFeaturizer()),
        "classifier alone": (np.float32(small.reshape(N, -1)) / 16, None),
    }


def milliseconds(function, X):
    """Return the least time of a call for one sample, and for 1,000."""
    function(X[:1])
    one = min(clock(lambda: function(X[:1]))[0] for _ in range(args.rounds))
    many = min(clock(lambda: function(X[:1000]))[0] for _ in range(max(1, args.rounds // 10)))
    return 1e3 * one, 1e3 * many


def in_keras(pipeline):
    """Return the same by Keras's ``predict_on_batch`` of the models."""
    *before, clf = pipeline
    encoder = before[0].encoder_ if before else None
    network = clf.model_

    def predict(X):
        if encoder is not None:
            X = encoder.predict_on_batch(X.reshape(len(X), *encoder.input_shape[1:]))
        return network.predict_on_batch(X)

    return predict


def row(name, X, featurizer, folder):
    y = RNG.integers(0, 10, N_FIT)
    clf = ElasticNetBNMLPClassifier(epochs=2, random_state=0)
    steps = [clf] if featurizer is None else [featurizer.set_params(epochs=1, random_state=0), clf]
    pipeline = make_pipeline(*steps).fit(X[:N_FIT], y)
    path = Path(folder) / "model.onnx"
    model = export_onnx(pipeline, path, X[:1])
    session = onnxruntime.InferenceSession(path)
    parts = [X[start : start + 1000] for start in range(0, len(X), 1000)]
    label, probabilities = (
        np.concatenate(output)
        for output in zip(*(session.run(None, {"X": part}) for part in parts), strict=True)
    )
    expected = pipeline.predict_proba(X)
    labels = pipeline.classes_[expected.argmax(axis=1)]
    ours = milliseconds(pipeline.predict_proba, X)
    onnx = milliseconds(lambda X: session.run(None, {"X": X}), X)
    keras = milliseconds(in_keras(pipeline), X)
    return {
        "who": name,
        "opset": model.opset_import[0].version,
        "MB": os.path.getsize(path) / 1e6,
        "largest difference": float(np.abs(probabilities - expected).max()),
        "labels equal": f"{(label == labels).sum()}/{N}",
        **{
            f"{who}, {n}": value
            for who, pair in (("ours", ours), ("ONNX", onnx), ("Keras", keras))
            for n, value in zip((1, 1000), pair, strict=True)
        },
    }


with TemporaryDirectory() as folder:
    rows = [row(name, X, featurizer, folder) for name, (X, featurizer) in kinds().items()]
X = np.float32(digits().reshape(N, -1))
mlp = make_pipeline(StandardScaler(), MLPClassifier((400, 64), max_iter=2)).fit(
    X[:N_FIT], RNG.integers(0, 10, N_FIT)
)
one, many = milliseconds(mlp.predict_proba, X)
show("Predictions: milliseconds for 1 and 1,000 samples", rows, args.format)
print(f"MLPClassifier (400, 64) after a StandardScaler, 64 columns: {one:.2f} and {many:.1f} ms")
