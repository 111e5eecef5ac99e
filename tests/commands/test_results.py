"""The table of ``reproduce`` beside the figures of the notebook."""

import numpy as np
from sklearn.utils import Bunch

from cae_sklearn.__main__ import get_parser
from cae_sklearn._commands._protocols import NOTEBOOK
from cae_sklearn._commands._reproduce_images import load_images
from cae_sklearn._commands._reproduce_pictures import draw_accuracies
from cae_sklearn._commands._results import records

SETTING = ["batch_size", "learning_rate", "alpha", "l1_ratio"]


def test_the_notebooks_figures_stand_beside_cifar10_only(tmp_path):
    result = Bunch(
        search=Bunch(
            cv_results_={
                "params": [
                    {f"clf__{name}": value for name, value in zip(SETTING, values, strict=True)}
                    for values in ((64, 0.001, 0.5, 0.5), (8, 0.1, 0.5, 0.5))
                ],
                "mean_fit_time": [1.0, 1.0],
                "mean_test_score": [0.5, 0.4],
            },
            best_index_=0,
        ),
        test_accuracy=0.5,
        seconds=60.0,
    )
    y = np.arange(100) % 10
    for shape, known in (((32, 32, 3), (0.3917, None, 0.3917)), ((8, 8, 3), (None,) * 3)):
        X = np.zeros((100, *shape), np.uint8)
        np.savez(tmp_path / "set.npz", x_train=X, y_train=y, x_test=X, y_test=y)
        args = get_parser().parse_args(["reproduce", "--data", str(tmp_path / "set.npz")])
        rows = records("original", 2, result, load_images(args))
        found = [row["notebook_test_accuracy"] for row in rows]
        assert (*found, rows[0]["notebook_best_test_accuracy"]) == known
        assert rows[0]["data"] == "set"
        labels = draw_accuracies(rows[:1]).axes[0].get_legend_handles_labels()[1]
        assert labels == (["notebook"] if known[0] else []) + ["original"]
    grids = [NOTEBOOK[approach].grid for approach in (1, 2, 3, 4)]
    notebook = [0.2378, 0.2418, 0.2594, 0.2388, 0.2368, 0.2548, 0.0969, 0.2800]
    assert list(grids[0].values()) == notebook
    assert grids[1:] == [{(64, 0.001): 0.3917}, {}, {}]
    best = {approach: notebook.best for approach, notebook in NOTEBOOK.items()}
    assert best == {1: 0.28, 2: 0.3917, 3: 0.261, 4: 0.2806}
