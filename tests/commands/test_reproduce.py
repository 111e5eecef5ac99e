"""``reproduce`` runs the four approaches and keeps to its protocols."""

import csv
from itertools import groupby, product

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV

from cae_sklearn.__main__ import get_parser, main
from cae_sklearn._commands import _reproduce
from cae_sklearn._commands._print import clock
from cae_sklearn._commands._protocols import PROTOCOLS
from cae_sklearn._commands._reproduce import choosing_data, load_images, run_protocol

SETTING = ["batch_size", "learning_rate", "alpha", "l1_ratio"]
COLUMNS = ["data", "protocol", "approach", "trial", *SETTING]
COLUMNS += ["validation_accuracy", "test_accuracy"]
COLUMNS += ["notebook_test_accuracy", "notebook_best_test_accuracy", "fit_seconds", "chosen"]
COLUMNS += ["wall_seconds"]

pytestmark = pytest.mark.filterwarnings("ignore:.*early stopping holds out")  # so few are the data


def options(data, *args):
    """Return the parsed options of a quick run on the small set of digits."""
    args = ["reproduce", "--quick", "--data", str(data / "digits.npz"), *map(str, args)]
    return get_parser().parse_args(args)


def by_search(row):
    """Return the protocol and the approach of a row."""
    return row["protocol"], row["approach"]


def table(text, title):
    """Return the lines of the printed table that starts with a title, as lists of words."""
    lines = text[text.index(title) :].splitlines()
    assert set(lines[1]) == {"-"}
    rows = [line.split() for line in lines[2 : lines.index("", 2)]]
    assert len({len(line) for line in lines[: 2 + len(rows)]}) == 1  # they are aligned
    return rows


@pytest.mark.slow
def test_four_approaches_under_both_protocols(data, small_networks, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    args = ["--quick", "--data", str(data / "digits.npz"), "--output", "some/folder"]
    main(["reproduce", *args])
    text = capfd.readouterr().out
    assert "120 training and 60 test images of 8 x 8" in text
    assert text.count("Approach 4 takes the search of approach 3") == 2
    assert text.count("totalling 8 fits") == 4
    assert text.count("point 5/5: ") == 2

    folder = tmp_path / "some" / "folder"
    with open(folder / "results.csv", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert list(rows[0]) == COLUMNS
    assert [key for key, _ in groupby(rows, by_search)] == list(product(PROTOCOLS, "1234"))
    assert [len(list(group)) for _, group in groupby(rows, by_search)] == [8, 8, 5, 5] * 2
    check_scores(rows, "original", "test_accuracy")
    check_scores(rows, "sound", "validation_accuracy")
    check_settings(rows)
    check_printed(text, [row for row in rows if row["chosen"] == "True"])

    pictures = {f"search_{protocol}_{i}" for protocol in PROTOCOLS for i in (1, 2, 3)}
    pictures |= {f"predictions_{protocol}" for protocol in PROTOCOLS} | {"test_accuracies"}
    assert {path.stem for path in folder.glob("*.png")} == pictures
    checkpoints = {path.name for path in folder.glob("*.jsonl")}
    assert checkpoints == {f"digits_{protocol}_3_0_quick.jsonl" for protocol in PROTOCOLS}
    assert [path.name for path in tmp_path.iterdir()] == ["some"]


def check_printed(text, chosen):
    """Check the printed table of the chosen candidates."""
    printed = table(text, "approach  protocol")
    assert [row[:2] for row in printed] == [[row["approach"], row["protocol"]] for row in chosen]
    for words, row in zip(printed, chosen, strict=True):
        assert [words[2], words[3]] == [row["batch_size"], f"{float(row['learning_rate']):.2e}"]
        assert float(words[7]) == pytest.approx(float(row["test_accuracy"]), abs=1e-4)
        assert words[8] == "-"  # these are not the notebook's images
        assert words[9] == clock(float(row["wall_seconds"]))
        assert words[10] == "-"  # and its times are those of its images


def check_scores(rows, protocol, chooses):
    """Check that the candidates with the best score are chosen, and judged on test images."""
    for approach in "1234":
        mine = [row for row in rows if by_search(row) == (protocol, approach)]
        scores = [float(row[chooses]) for row in mine]
        assert all(0 <= score <= 1 for score in scores)
        assert [row["chosen"] for row in mine].count("True") == 1
        best = mine[int(np.argmax(scores))]
        assert best["chosen"] == "True"
        assert float(best["wall_seconds"]) > 0
        if protocol == "sound":
            assert float(best["test_accuracy"]) > 0.6  # a third by chance
            assert [row["test_accuracy"] for row in mine].count("") == len(mine) - 1
        else:  # the refit of the chosen candidate is the fit of the search
            assert {row["validation_accuracy"] for row in mine} == {""}
            assert float(best["test_accuracy"]) == max(scores)


def check_settings(rows):
    """Check what each search varies, and that approach 4 is approach 3."""
    found = {key: list(group) for key, group in groupby(rows, by_search)}
    grid = [(str(size), rate) for size in (8, 16, 32, 64) for rate in (0.001, 0.01)]
    for (protocol, approach), alpha in zip(
        product(PROTOCOLS, "12"), [1, 0.5, 1e-3, 1e-4], strict=True
    ):
        mine = found[protocol, approach]
        assert [(row["batch_size"], float(row["learning_rate"])) for row in mine] == grid
        assert {(float(row["alpha"]), float(row["l1_ratio"])) for row in mine} == {(alpha, 0.5)}
    for protocol in PROTOCOLS:
        mine = found[protocol, "3"]
        assert all(len({row[name] for row in mine}) > 1 for name in SETTING)
        assert mine == [{**row, "approach": "3"} for row in found[protocol, "4"]]
        assert (max(float(row["alpha"]) for row in mine) > 0.1) == (protocol == "original")


@pytest.mark.slow
def test_one_approach_alone_is_printed_stored_and_drawn(data, small_networks, tmp_path, capfd):
    args = ["--quick", "--data", str(data / "digits.npz"), "--output", str(tmp_path)]
    main(["reproduce", *args, "--protocol", "sound", "--approaches", "4"])
    with open(tmp_path / "results.csv", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert list(rows[0]) == COLUMNS
    assert {by_search(row) for row in rows} == {("sound", "4")} and len(rows) == 5
    text = capfd.readouterr().out
    check_printed(text, [row for row in rows if row["chosen"] == "True"])
    assert "Accuracies of approach" not in text  # no grid, no table of it
    pictures = {"predictions_sound", "search_sound_4", "test_accuracies"}
    assert {path.stem for path in tmp_path.glob("*.png")} == pictures


@pytest.mark.slow
def test_a_search_goes_on_from_its_checkpoint(data, small_networks, tmp_path):
    args = options(data, "--output", tmp_path, "--approaches", 4, "--protocol", "sound")
    images = load_images(args)
    [(_, first)] = run_protocol("sound", images, args, tmp_path / "cache")
    [(_, second)] = run_protocol("sound", images, args, tmp_path / "cache")
    assert [path.name for path in tmp_path.glob("*.jsonl")] == ["digits_sound_4_0_quick.jsonl"]
    for name in ("mean_test_score", "mean_fit_time"):  # fitted anew, the times would differ
        assert np.array_equal(first.search.cv_results_[name], second.search.cv_results_[name]), name
    assert np.array_equal(first.predicted, second.predicted)


@pytest.mark.slow
def test_the_test_images_stay_away_from_a_sound_search(data, small_networks, tmp_path, monkeypatch):
    seen = []

    def fit(search, X, y):
        seen.append((X, y, list(search.cv.split())))
        return original(search, X, y)

    original = GridSearchCV.fit
    monkeypatch.setattr(GridSearchCV, "fit", fit)
    grid = {"clf__batch_size": [32], "clf__learning_rate": [0.01]}
    monkeypatch.setattr(_reproduce, "param_grid", lambda: grid)
    args = options(data, "--approaches", 2, 1)
    images = load_images(args)
    for protocol, n, n_train in (("sound", 120, 96), ("original", 180, 120)):
        seen.clear()
        found = run_protocol(protocol, images, args, tmp_path / protocol)
        assert [approach for approach, _ in found] == [2, 1]
        for X, y, splits in seen:
            assert len(X) == len(y) == n
            assert np.array_equal(X[:120], images.x_train)
            assert [len(indices) for indices in splits[0]] == [n_train, n - n_train]
        # The autoencoder is fitted on what the search trains on and on all training images.
        fits = list((tmp_path / protocol).rglob("output.pkl"))
        assert len(fits) == (2 if protocol == "sound" else 1)


def test_the_validation_split_is_stratified(data):
    images = load_images(options(data))
    _, y, cv = choosing_data("sound", images, seed=0)
    ((train, held_out),) = cv.split()
    assert not set(train) & set(held_out)
    assert np.ptp(np.bincount(y[held_out]) / np.bincount(y)) < 0.05
    ((_, other),) = choosing_data("sound", images, seed=1)[2].split()
    assert not np.array_equal(held_out, other)
