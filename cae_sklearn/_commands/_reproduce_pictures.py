"""The pictures of ``reproduce``."""

import numpy as np

from ..plotting import PredictionsDisplay, SearchResultsDisplay
from ._protocols import PROTOCOLS


def draw(table, results, images):
    """Return the figures by name."""
    pictures = {
        "test_accuracies": draw_accuracies([record for record in table if record["chosen"]])
    }
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
    return pictures


def draw_accuracies(chosen):
    """Return a figure of the test accuracies as bars, with the notebook's."""
    import matplotlib.pyplot as plt

    heights = {}
    for record in chosen:
        if record["notebook_best_test_accuracy"] is not None:
            values = heights.setdefault("notebook", {})
            values[record["approach"]] = record["notebook_best_test_accuracy"]
        heights.setdefault(record["protocol"], {})[record["approach"]] = record["test_accuracy"]
    figure, ax = plt.subplots(figsize=(8, 4), layout="tight")
    approaches = sorted({record["approach"] for record in chosen})
    width = 0.8 / len(heights)
    for i, (name, values) in enumerate(heights.items()):
        places = np.arange(len(approaches)) + (i - (len(heights) - 1) / 2) * width
        bars = ax.bar(places, [values[approach] for approach in approaches], width, label=name)
        ax.bar_label(bars, fmt="%.3f", fontsize=8)
    ax.set_xticks(range(len(approaches)), [f"approach {approach}" for approach in approaches])
    ax.set(ylabel=f"test accuracy, {chosen[0]['data']}", ylim=(0, 1.08))
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False)
    return figure
