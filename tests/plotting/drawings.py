"""Data for displays, and what they have drawn of it."""

import numpy as np


def images(*shape, seed=0):
    return np.random.default_rng(seed).uniform(size=shape)


def results(params, scores, std=0.01):
    """Return cv_results_ as scikit-learn makes them, of params {name: values}."""
    scores = np.asarray(scores, float)
    masked = {}
    for name, values in params.items():
        masked[f"param_{name}"] = np.ma.empty(len(values), dtype=object)
        for i, value in enumerate(values):
            masked[f"param_{name}"][i] = value
    return {**masked, "mean_test_score": scores, "std_test_score": np.full(len(scores), std)}


GRID = {"clf__batch_size": [8, 8, 16, 16], "clf__learning_rate": [0.001, 0.01] * 2}


def shown(ax):
    """Return the colours of the picture in axes."""
    (image,) = ax.images
    return image.to_rgba(image.get_array())


def drawn(line):
    return np.transpose(line.get_data()).tolist()
