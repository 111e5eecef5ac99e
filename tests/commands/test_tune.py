"""``tune`` ends with a table and pictures on every kind of data."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest

from cae_sklearn.__main__ import main

PICTURES = {
    "confusion_matrix.png",
    "learning_curves.png",
    "predictions_wrong_first.png",
    "reconstructions.png",
    "search_bayesian.png",
    "search_grid.png",
    "sparsity.png",
}
TITLES = "search batch size learning rate alpha l1_ratio CV accuracy held-out accuracy wall time"
DIGITS = ["nought", "one", "two"]
# of joblib where psutil is installed: it replaces a worker whose memory grew
REPLACED = "ignore:A worker stopped while some jobs were given to the executor:UserWarning"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("args", "images", "classes", "least"),
    [
        (
            "{data}/flat.npz --image-size 8 8 --seed 1",
            "120 training and 60 held-out images of 8 x 8 x 1",
            DIGITS,
            0.8,
        ),
        pytest.param(
            "{data}/images --image-size 10 9",
            "54 training and 18 held-out images of 10 x 9 x 1",
            DIGITS,
            0.6,
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "{data}/chips --image-size 16 18",
            "60 training and 30 held-out images of 16 x 18 x 1",
            ["vehicle_0", "vehicle_1"],
            0.6,
            marks=pytest.mark.slow,
        ),
    ],
    ids=["npz", "folder", "chips"],
)
def test_tuning_ends_with_a_table_and_pictures(
    data, small_networks, tmp_path, monkeypatch, capfd, args, images, classes, least
):
    monkeypatch.chdir(tmp_path)
    args = args.format(data=data).split()
    main(["tune", "--quick", "--output", "some/folder", "--data", *args])
    text = capfd.readouterr().out
    assert f"{args[0]}: {images}" in text
    assert "END clf__batch_size=64, clf__learning_rate=0.01;" in text
    assert "point 5/5: " in text
    check_tables(text, classes, least)
    folder = tmp_path / "some" / "folder"
    assert f"Pictures in {folder}" in text
    assert {path.name for path in folder.iterdir()} == PICTURES
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in folder.iterdir())
    assert [path.name for path in tmp_path.iterdir()] == ["some"]  # and nothing else


def check_tables(text, classes, least):
    """Check the table of the searches and the accuracies of the classes."""
    table = text[text.index("search  ") :].splitlines()
    assert table[0].split() == TITLES.split()
    assert set(table[1]) == {"-"}
    assert len({len(line) for line in table[:4]}) == 1
    rows = [line.split() for line in table[2:4]]
    assert [row[0] for row in rows] == ["grid", "Bayesian"]
    assert rows[0][3:5] == ["1.00e-04", "0.500"]  # the grid leaves the penalty as it is
    cross_validated = [float(row[5]) for row in rows]
    held_out = [row[6] for row in rows]
    [chosen] = [i for i in range(2) if held_out[i] != "-"]
    assert cross_validated[chosen] == max(cross_validated)
    assert least <= float(held_out[chosen]) <= 1
    wrong, n = map(int, re.match(r"(\d+) of (\d+) held-out images", table[4]).groups())
    assert float(held_out[chosen]) == pytest.approx(1 - wrong / n, abs=1e-4)

    lines = text[text.index("class  ") :].splitlines()
    rows = [line.split() for line in lines[2 : lines.index("")]]
    assert [row[0] for row in rows] == [*classes, "all"]
    counts, shares = np.array([row[1:] for row in rows], float).T
    assert counts[:-1].sum() == counts[-1] == n
    assert shares[-1] == pytest.approx(np.average(shares[:-1], weights=counts[:-1]), abs=1e-4)
    assert shares[-1] == float(held_out[chosen])


@pytest.mark.slow
def test_the_demo_runs_as_a_process_with_two_workers(tmp_path):
    args = ["tune", "--quick", "--n-jobs", "2", "--output", "pictures"]
    done = subprocess.run(
        [sys.executable, "-m", "cae_sklearn", *args],
        cwd=tmp_path,
        env={**os.environ, "MPLBACKEND": "Agg", "PYTHONWARNINGS": REPLACED},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    check_tables(done.stdout, list("0123456789"), least=0.9)
    assert {path.name for path in (tmp_path / "pictures").iterdir()} == PICTURES
