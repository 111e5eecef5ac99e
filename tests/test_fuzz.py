"""Thousands of bad inputs and parameters: each ends in an error that is one, or in a valid result.

An error is a ValueError, a TypeError or NotFittedError whose text is not that of a stack trace,
and leaves the estimator as it was. Few architectures are valid, so that networks are traced once.
"""

import copy
import faulthandler
import signal
import warnings
from contextlib import contextmanager, suppress

import numpy as np
import pytest
from fuzz_tables import CLASSES, CLASSIFIER, DATA, FEATURIZER, LABELS, ODD, WEIGHTS
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from cae_sklearn import CAEFeaturizer, ElasticNetBNMLPClassifier

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

N_CASES = 100  # of each seed
SEEDS = range(22)
SECONDS = 60  # that one call may take, on a busy machine
N_SAMPLES = 40

# -- one case ------------------------------------------------------------------


class Hang(BaseException):
    """A call took too long."""


@contextmanager
def limited():
    """Raise `Hang` after some seconds; end the process if that does not help."""

    def stop(signum, frame):
        raise Hang

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    faulthandler.dump_traceback_later(10 * SECONDS, exit=True)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def shallow(estimator):
    """Return what the attributes are, and the contents of dicts, lists and arrays."""
    return {
        name: (
            value,
            copy.deepcopy(value) if isinstance(value, (dict, list, tuple, np.ndarray)) else None,
        )
        for name, value in vars(estimator).items()
    }


def is_unchanged(estimator, before):
    """Tell whether all attributes are the same objects with the same contents."""
    if vars(estimator).keys() != before.keys():
        return False
    for name, (value, contents) in before.items():
        if vars(estimator)[name] is not value:
            return False
        if contents is not None and not _equal(value, contents):
            return False
    return True


def _equal(a, b):
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(_equal(a[name], b[name]) for name in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(_equal, a, b))
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and repr(a.tolist()) == repr(b.tolist())
    return a is b or repr(a) == repr(b)


TRACES = ["user code", "__wrapped__", "function_node", "Traceback", 'File "', "Graph execution"]


def fault_of(estimator, call, check):
    """Return what is wrong with how ``call`` ends, or None, and whether it raised."""
    before = shallow(estimator)
    try:
        with limited(), warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            result = call()
    except Hang:
        return f"takes more than {SECONDS} seconds", True
    except (ValueError, TypeError, NotFittedError) as error:
        text = str(error)
        if type(error).__module__.startswith("tensorflow") or any(t in text for t in TRACES):
            return f"stack trace: {text[:150]!r}", True
        if not text.strip():
            return f"{type(error).__name__} without a text", True
        if not is_unchanged(estimator, before):
            return f"changed by {type(error).__name__}: {text[:100]!r}", True
        return None, True
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return f"{type(error).__module__}.{type(error).__name__}: {str(error)[:150]!r}", True
    diverged = any(issubclass(w.category, ConvergenceWarning) for w in warned)
    with limited():
        return check(estimator, result, diverged), False


def check_result(estimator, result, diverged=False):
    """Return what is wrong with a result, or None.

    Losses of a fit that warned may be anything, and epochs without validation have no such loss.
    """
    if result is estimator:
        for name, value in vars(estimator).items():
            if name == "history_":
                value = None if diverged else value.get("loss")
            if name.endswith("_") and name[0] != "_" and _has_nan(value):
                return f"{name} is not finite"
        return None
    if isinstance(result, float):  # a score
        return None if np.isfinite(result) else f"gives {result}"
    result = np.asarray(result)
    if result.dtype.kind in "fc" and not np.isfinite(result).all():
        return "gives numbers that are not finite"
    return None


def _has_nan(value):
    if isinstance(value, dict):
        return any(map(_has_nan, value.values()))
    if isinstance(value, (list, tuple)):
        return any(map(_has_nan, value))
    if isinstance(value, float):
        return not np.isfinite(value)
    return (
        isinstance(value, np.ndarray) and value.dtype.kind == "f" and not np.isfinite(value).all()
    )


def checked_by_use(good):
    """Return a check that also uses a fitted estimator on good data."""

    def check(estimator, result, diverged):
        fault = check_result(estimator, result, diverged)
        if fault is None and result is estimator:
            use = getattr(estimator, "predict_proba", None) or estimator.transform
            with suppress(ValueError):  # it was fitted to other features
                fault = check_result(estimator, use(good))
        return fault and f"after a fit: {fault}"

    return check


def _choice(rng, options):
    options = list(options)
    return options[rng.integers(len(options))]


def spoil_parameters(rng, estimator, table):
    """Set up to three parameters to values most of which are bad; return a description."""
    said = {}
    for _ in range(rng.choice([0, 1, 1, 1, 2, 3])):
        name = _choice(rng, table)
        value = _choice(rng, [*table[name], *table[name], *ODD])
        setattr(estimator, name, value)
        said[name] = repr(value)[:40]
    return said


def classifier_case(rng, X, y, fitted):
    """Return estimator, call, check and description of a case of the classifier."""
    small = {"hidden_layer_sizes": (8,), "epochs": 1, "random_state": 0}
    method = _choice(
        rng,
        ["fit", "fit", "fit", "partial_fit", "partial_fit", "predict", "predict_proba"]
        + ["predict_log_proba", "score"],
    )
    state = _choice(rng, ["new", "fitted"])
    new = ElasticNetBNMLPClassifier(**small)
    estimator = new if state == "new" else copy.deepcopy(fitted)
    kinds = [_choice(rng, table) for table in (DATA, LABELS, WEIGHTS, CLASSES)]
    keep = rng.integers(3)  # most cases have one fault only
    params = spoil_parameters(rng, estimator, CLASSIFIER) if keep == 0 else {}
    kinds = [
        kind if rng.random() < chance else plain
        for kind, chance, plain in zip(
            kinds,
            [(0.1, 0.1, 0.1, 0.1), (1.0, 0.1, 0.1, 0.1), (0.1, 0.8, 0.5, 0.5)][keep],
            ["as it is", "as it is", "None", "right"],
            strict=True,
        )
    ]
    data, labels = DATA[kinds[0]](X), LABELS[kinds[1]](y)
    if method == "fit":
        arguments = {"y": labels, "sample_weight": WEIGHTS[kinds[2]](len(y))}
    elif method == "partial_fit":
        arguments = {
            "y": labels,
            "sample_weight": WEIGHTS[kinds[2]](len(y)),
            "classes": CLASSES[kinds[3]],
        }
    else:
        arguments = {"y": labels} if method == "score" else {}
    said = f"classifier, {state}, {method}, {dict(zip('Xywc', kinds, strict=True))}, {params}"
    return estimator, lambda: getattr(estimator, method)(data, **arguments), said


def featurizer_case(rng, images, _, fitted):
    """Return estimator, call, check and description of a case of the featurizer."""
    deep = bool(rng.integers(2))
    state = _choice(rng, ["new", "fitted", "fitted"])
    method = _choice(
        rng,
        ["fit", "partial_fit", "fit_transform", *3 * ["transform", "score", "inverse_transform"]],
    )
    estimator = new_featurizer(deep) if state == "new" else copy.deepcopy(fitted[deep])
    keep = rng.integers(2)
    params = spoil_parameters(rng, estimator, FEATURIZER) if keep == 0 else {}
    kind = _choice(rng, DATA) if keep == 1 else "as it is"
    data = images
    if method == "inverse_transform":
        data = fitted[deep].transform(images)
    data = DATA[kind](data)
    said = f"{'deep' if deep else 'whitened'}, {state}, {method}, X: {kind}, {params}"
    return estimator, lambda: getattr(estimator, method)(data), said


def new_featurizer(deep):
    small = {"kernel_size": 3, "output_size": 2, "epochs": 1, "random_state": 0}
    if deep:
        return CAEFeaturizer((3,), whiten=False, **small)
    return CAEFeaturizer(4, n_components=6, **small)


@pytest.fixture(scope="module")
def material():
    """Return images, a table, labels and estimators that are fitted to them."""
    rng = np.random.default_rng(0)
    y = np.arange(N_SAMPLES) % 3
    X = rng.normal(size=(N_SAMPLES, 5)) + y[:, None]
    images = rng.normal(size=(N_SAMPLES, 8, 8))
    classifier = ElasticNetBNMLPClassifier((8,), epochs=1, random_state=0).fit(X, y)
    featurizers = [new_featurizer(deep).fit(images) for deep in (False, True)]
    return X, y, images, classifier, featurizers


@pytest.mark.parametrize("seed", SEEDS)
def test_bad_input_ends_in_an_error_or_a_valid_result(material, seed):
    X, y, images, classifier, featurizers = material
    faults, n_raised = [], 0
    for i in range(N_CASES):
        rng = np.random.default_rng([seed, i])
        if rng.random() < 0.6:
            estimator, call, said = classifier_case(rng, X, y, classifier)
            good = X
        else:
            estimator, call, said = featurizer_case(rng, images, y, featurizers)
            good = images
        fault, raised = fault_of(estimator, call, checked_by_use(good))
        n_raised += raised
        if fault:
            faults.append(f"[{seed}, {i}] {said}: {fault}")
    assert not faults, f"{len(faults)} of {N_CASES}:\n" + "\n".join(faults)
    assert 0.2 * N_CASES < n_raised < 0.95 * N_CASES  # neither all refused nor all taken
