"""The values of a search's parameters: their labels, order and axes."""

from numbers import Real

import numpy as np


def masked_objects(values):
    """Return values as a one-dimensional masked array of objects, be they tuples."""
    array = np.ma.empty(len(values), dtype=object)
    for i, value in enumerate(values):
        array[i] = value
    return array


def best_of(scores):
    """Return the place of the first best score, or None."""
    finite = np.isfinite(scores)
    return int(np.argmax(np.where(finite, scores, -np.inf))) if finite.any() else None


def label_of(value):
    """Return a short text for the value of a parameter."""
    text = f"{value:.4g}" if isinstance(value, float | np.floating) else str(value)
    return text if len(text) <= 20 else text[:19] + "…"


def n_distinct(values):
    return len(set(map(label_of, values)))


def places_of(values):
    """Return the place of each value among the distinct ones, and the labels of these.

    Numbers are in order, others as they come. Masked values have the place nan.
    """
    known = values.compressed()
    if all(map(_is_number, known)):
        known = sorted(known)
    labels = list(dict.fromkeys(map(label_of, known)))
    if len(known) == len(values):
        return np.array([labels.index(label_of(value)) for value in values]), labels
    masked = np.ma.getmaskarray(values)
    places = [
        np.nan if mask else labels.index(label_of(value))
        for value, mask in zip(values.data, masked, strict=True)
    ]
    return np.array(places), labels


def _is_number(value):
    return isinstance(value, Real) and not isinstance(value, bool)


def scale_of_values(values):
    """Judge by the values of a parameter on what axis they lie."""
    known = values.compressed()
    if not all(map(_is_number, known)) or 2 * n_distinct(values) <= len(values):
        return "category"
    low, middle, high = np.quantile(known.astype(float), [0, 0.5, 1])
    return "log" if low > 0 and middle - low < 0.1 * (high - low) else "linear"


def scales_of_spaces(spaces):
    """Return how skopt sampled each parameter."""
    spaces = [spaces] if isinstance(spaces, dict) else spaces or []
    scales = {}
    for space in spaces:
        for name, dimension in (space[0] if isinstance(space, tuple) else space).items():
            if hasattr(dimension, "categories"):
                scales[name] = "category"
            elif isinstance(prior := getattr(dimension, "prior", None), str):
                scales[name] = "log" if prior == "log-uniform" else "linear"
    return scales


def short_names(names):
    """Return each name without the pipeline steps before it, unless two names then are equal."""
    short = {name: name.rsplit("__", 1)[-1] for name in names}
    return short if len(set(short.values())) == len(short) else dict(zip(names, names, strict=True))
