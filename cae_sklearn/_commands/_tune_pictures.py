"""The pictures of ``tune``."""

import numpy as np
from sklearn.metrics import ConfusionMatrixDisplay

from ..plotting import (
    PredictionsDisplay,
    ReconstructionDisplay,
    SearchResultsDisplay,
    SparsityDisplay,
    TrainingCurveDisplay,
)

MOST_NUMBERS = 30  # classes up to which the cells of the confusion matrix hold their numbers


def draw(pipeline, searches, images, predicted, matrix):
    """Return the figures by name."""
    X, y = images.x_test, images.y_test
    some = X[:: max(1, len(X) // 8)][:8]  # a folder is read class by class
    wrong_first = np.argsort(predicted == y, kind="stable")[:16]
    pictures = {
        "reconstructions": draw_reconstructions(pipeline["cae"], some, images.is_radar),
        "learning_curves": draw_curves(pipeline),
        "sparsity": SparsityDisplay.from_estimator(pipeline["clf"]).figure_,
        "predictions_wrong_first": PredictionsDisplay.from_predictions(
            for_the_eye(X[wrong_first], images.is_radar),
            y[wrong_first],
            predicted[wrong_first],
            target_names=images.names,
        ).figure_,
        "confusion_matrix": draw_confusion(matrix, list(images.names.values())),
    }
    for name, search in searches.items():
        display = SearchResultsDisplay.from_search(search, score_name="cross-validated accuracy")
        pictures[f"search_{name.lower()}"] = display.figure_
    return pictures


def draw_reconstructions(cae, X, is_radar):
    """Return a figure of images above what is restored from their features."""
    restored = cae.inverse_transform(cae.transform(X))
    return ReconstructionDisplay.from_arrays(
        for_the_eye(X, is_radar), for_the_eye(restored, is_radar)
    ).figure_


def for_the_eye(X, is_radar):
    """Return the root of a radar's magnitudes, which shows ground and scatterers."""
    return np.sqrt(np.maximum(X, 0)) if is_radar else X


def draw_curves(pipeline):
    """Return a figure of the losses of both steps."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(11, 4), layout="tight")
    titles = {"cae": "autoencoder", "clf": "classifier"}
    for ax, (step, title) in zip(axes, titles.items(), strict=True):
        TrainingCurveDisplay.from_estimator(pipeline[step], ax=ax)
        ax.set_title(title)
    return figure


def draw_confusion(matrix, names):
    """Return a figure of the confusion matrix."""
    import matplotlib.pyplot as plt

    side = 2.5 + 0.45 * min(len(names), MOST_NUMBERS)
    figure, ax = plt.subplots(figsize=(side, side), layout="tight")
    ConfusionMatrixDisplay(matrix, display_labels=names).plot(
        ax=ax,
        cmap="Blues",
        xticks_rotation="vertical",
        colorbar=False,
        include_values=len(names) <= MOST_NUMBERS,
    )
    ax.set_title(f"{np.trace(matrix)} of {matrix.sum()} images right")
    return figure
