"""What the tests of bad input draw from: data, labels, weights, classes and parameters."""

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

# -- bad data ------------------------------------------------------------------


def _with(X, value):
    X = np.array(X, dtype=np.float64)
    X.flat[X.size // 3] = value
    return X


def _with_object(X, value):
    X = np.array(X, dtype=object)
    X.flat[X.size // 3] = value
    return X


def _ragged(X):
    rows = np.asarray(X).reshape(len(X), -1).tolist()
    rows[-1] = rows[-1][:-1]
    return rows


DATA = {
    "as it is": lambda X: X,
    "None": lambda X: None,
    "a number": lambda X: 3,
    "a string": lambda X: "images",
    "a dict": lambda X: {"X": X},
    "a generator": lambda X: (row for row in X),
    "empty list": lambda X: [],
    "no samples": lambda X: X[:0],
    "one sample": lambda X: X[:1],
    "two samples": lambda X: X[:2],
    "one sample without its axis": lambda X: X[0],
    "no features": lambda X: X.reshape(len(X), -1)[:, :0],
    "one axis more": lambda X: X[..., None],
    "three axes more": lambda X: X[..., None, None, None],
    "one feature less": lambda X: X.reshape(len(X), -1)[:, :-1],
    "one feature more": lambda X: np.pad(X.reshape(len(X), -1), ((0, 0), (0, 1))),
    "transposed": lambda X: X.T,
    "flat": lambda X: X.ravel(),
    "nan": lambda X: _with(X, np.nan),
    "all nan": lambda X: np.full(X.shape, np.nan),
    "infinity": lambda X: _with(X, np.inf),
    "minus infinity": lambda X: _with(X, -np.inf),
    "1e300": lambda X: _with(X, 1e300),
    "3e38": lambda X: _with(X, 3e38),
    "all 3e38": lambda X: np.full(X.shape, 3e38),
    "times 1e30": lambda X: X * 1e30,
    "times 1e-30": lambda X: X * 1e-30,
    "times 1e-300": lambda X: X * 1e-300,
    "plus 1e12": lambda X: X + 1e12,
    "zeros": lambda X: np.zeros_like(X),
    "complex": lambda X: X * 1j,
    "strings": lambda X: X.astype(str),
    "words": lambda X: np.full(X.shape, "a"),
    "bytes": lambda X: X.astype("S8"),
    "dates": lambda X: X.astype("i8").astype("M8[D]"),
    "durations": lambda X: X.astype("i8").astype("m8[s]"),
    "records": lambda X: np.zeros(len(X), [("a", "f4"), ("b", "i4")]),
    "objects": lambda X: X.astype(object),
    "a None within": lambda X: _with_object(X, None),
    "a string within": lambda X: _with_object(X, "a"),
    "a list within": lambda X: _with_object(X, (1, 2)),
    "a large integer within": lambda X: _with_object(X, 2**70),
    "a huge integer within": lambda X: _with_object(X, 2**1100),
    "a list with a huge integer": lambda X: _with_object(X, 2**1100).tolist(),
    "ragged": _ragged,
    "a list": lambda X: X.tolist(),
    "sparse": lambda X: csr_array(X.reshape(len(X), -1)),
    "masked": lambda X: np.ma.masked_array(X, X > 1),
    "a frame": lambda X: pd.DataFrame(X.reshape(len(X), -1)),
    "a frame with NA": lambda X: (
        pd.DataFrame(X.reshape(len(X), -1)).convert_dtypes().mask(lambda frame: frame > 1)
    ),
    "a frame of words": lambda X: pd.DataFrame(X.reshape(len(X), -1)).astype(str),
    "a frame of mixed columns": lambda X: pd.DataFrame({"a": X.ravel()[:40], "b": ["x"] * 40}),
    "booleans": lambda X: X > 0,
    "int8": lambda X: (X * 10).astype(np.int8),
    "uint8": lambda X: (X * 10).astype(np.uint8),
    "float16": lambda X: X.astype(np.float16),
    "longdouble": lambda X: X.astype(np.longdouble),
    "big endian": lambda X: X.astype(">f8"),
    "an iterator of arrays": lambda X: iter([X, X]),
    "negative strides": lambda X: X[::-1],
    "a view by broadcasting": lambda X: np.broadcast_to(X[:1], X.shape),
}

LABELS = {
    "as it is": lambda y: y,
    "None": lambda y: None,
    "a number": lambda y: 1,
    "empty": lambda y: y[:0],
    "too few": lambda y: y[:-1],
    "too many": lambda y: np.append(y, 0),
    "one class": lambda y: 0 * y,
    "all different": lambda y: np.arange(len(y)),
    "one alone": lambda y: np.where(np.arange(len(y)) == 0, 9, y),
    "floats": lambda y: y + 0.5,
    "floats that are whole": lambda y: y * 1.0,
    "nan": lambda y: np.where(y == 0, np.nan, y),
    "infinity": lambda y: np.where(y == 0, np.inf, y),
    "strings": lambda y: y.astype(str),
    "None within": lambda y: np.where(y == 0, None, y.astype(str)),
    "NA within": lambda y: pd.array(
        [pd.NA if label == 0 else str(label) for label in y], dtype="string"
    ),
    "mixed": lambda y: np.array([label if label else "a" for label in y], dtype=object),
    "one-hot": lambda y: np.eye(3)[y],
    "a column": lambda y: y[:, None],
    "two columns": lambda y: np.stack([y, y], axis=1),
    "complex": lambda y: y * 1j,
    "dicts": lambda y: [{}] * len(y),
    "lists": lambda y: [[int(label)] * (1 + int(label)) for label in y],
    "large integers": lambda y: [int(label) + 2**70 for label in y],
    "uint64": lambda y: y.astype("u8") + np.uint64(2**63),
    "categorical": lambda y: pd.Categorical(y.astype(str)),
    "boolean": lambda y: pd.array(y > 0, dtype="boolean"),
    "bytes": lambda y: y.astype("S1"),
    "dates": lambda y: y.astype("M8[D]"),
    "sparse": lambda y: csr_array(np.eye(3)[y]),
    "a frame": lambda y: pd.DataFrame({"y": y}),
    "a string": lambda y: "labels",
}

WEIGHTS = {
    "None": lambda n: None,
    "ones": np.ones,
    "zeros": np.zeros,
    "negative": lambda n: -np.ones(n),
    "one negative": lambda n: np.r_[-1.0, np.ones(n - 1)],
    "nan": lambda n: np.r_[np.nan, np.ones(n - 1)],
    "infinity": lambda n: np.r_[np.inf, np.ones(n - 1)],
    "all but one zero": lambda n: np.r_[1.0, np.zeros(n - 1)],
    "tiny": lambda n: np.full(n, 1e-300),
    "huge": lambda n: np.full(n, 1e300),
    "tiny and huge": lambda n: np.r_[1e-300, np.full(n - 1, 1e300)],
    "too few": lambda n: np.ones(n - 1),
    "two columns": lambda n: np.ones((n, 2)),
    "strings": lambda n: ["heavy"] * n,
    "a number": lambda n: 2.0,
    "complex": lambda n: np.ones(n) * 1j,
    "huge integers": lambda n: [2**1100] * n,
    "objects": lambda n: np.array([None] * n, dtype=object),
    "a string": lambda n: "balanced",
}

CLASSES = {
    "right": [0, 1, 2],
    "none": None,
    "too few": [0, 1],
    "one": [0],
    "empty": [],
    "strings": ["a", "b"],
    "mixed": ["a", 1],
    "repeated": [0, 1, 2, 2],
    "nan": [0, 1, np.nan],
    "None within": ["a", None],
    "a number": 3,
    "two rows": [[0, 1], [2, 3]],
    "more": list(range(5)),
}

# -- bad parameters ------------------------------------------------------------

ODD = [None, -1, 0, "", "a", [], (), {}, np.nan, np.inf, -np.inf, 1j, object(), b"1", 2**1100]
NUMBERS = [1e-320, 1e-30, 1e20, 1e38, 1e300, np.float32(0.1), np.int64(1), True, 10**12, 0.5]
ANY = {
    "activation": ["softplus", "tanh"],
    "batch_norm": [2, 1, "yes", np.bool_(True)],
    "epochs": [1, 2, 1.0, np.int8(1), True],
    "batch_size": [1, 2, 10**12, 2**70, 1.5, np.uint8(200)],
    "learning_rate": NUMBERS,
    "decay_fraction": [0, 1, 0.5, 1.1, 1e-320, np.float32(1)],
    "optimizer": ["sgd", "Adam", dict, 3],
    "early_stopping": [True, False, 1, "no"],
    "validation_fraction": [1e-9, 0.5, 0.999, 1 - 1e-12, 1e-320, 1.0],
    "n_iter_no_change": [1, 10**12, 2**70, 1.5],
    "tol": NUMBERS,
    "warm_start": [True, "yes", 1],
    "random_state": [0, 2**32 - 1, 2**32, np.random.RandomState(0), np.random.default_rng(0), 1.5],
    "callbacks": [[3], [None], "early", [dict], 5, ()],
}
CLASSIFIER = {
    **ANY,
    "hidden_layer_sizes": [
        (10**12,),
        (8, 0),
        (8, -1),
        "8-",
        "8-x",
        "-",
        8,
        8.5,
        (8.0,),
        [2**70],
        np.array([8]),
        np.array([[8]]),
        (None,),
        ((8,),),
        True,
        "8",
    ],
    "dropout_rate": [0.0, 0.999999, 1 - 1e-16, 1.0, 1e-320, True],
    "alpha": NUMBERS,
    "l1_ratio": [0, 1, 1e-320, 1.0000001, np.float32(0.5)],
    "class_weight": [
        "balanced",
        "unbalanced",
        {0: 1},
        {0: 0},
        {0: -1},
        {0: np.nan},
        {0: "a"},
        {9: 1},
        {0: 1e300},
        {0: 1e-300, 1: 1e300},
        {0: 2**1100},
        {0: None},
        [1, 2, 3],
        {(0, 1): 2},
    ],
}
FEATURIZER = {
    **ANY,
    "filters": [(4, 4), 10**12, 0, "4-4", "4", 4.5, (4,), [2**70], (None,), True, np.array([4])],
    "kernel_size": [3, (3, 3), (3, 3, 3), 0, "3", "3-3", (10**9, 10**9), 2**70, 3.5, (3, None)],
    "whiten": [1, "yes"],
    "noise": NUMBERS,
    "output_size": [2, (2, 2), (2, 2, 2), 0, 10**12, 2**70, 2.5, (2, None), "2-2"],
    "shift": [0, 0.5, 0.6, 1e-320, True],
    "flip": ["horizontal", "vertical", "horizontal_and_vertical", "both", True],
    "n_components": [6, 1, 10**12, 2**70, 1.5],
    "shrinkage": ["auto", "none", 0, 1, 1e-320, 1.1],
    "image_shape": [
        (8, 8),
        (8, 8, 1),
        (64,),
        (64, 1),
        (4, 16),
        (8, 8, 2),
        (0, 8),
        (8, 8.0),
        (10**12, 10**12),
        (2**70, 1),
        "8-8",
        64,
        (None, None),
        (8, 8, 1, 1),
    ],
}
