"""The notebook's approaches and the radar example run as commands, and keep to their protocols."""

import csv
import importlib.util
import os
import re
import subprocess
import sys
from itertools import groupby, product
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.utils import Bunch

from cae_sklearn.datasets import make_sar_chips, write_mstar_chip

EXAMPLES = Path(__file__).parents[1] / "examples"
PROTOCOLS = ["original", "sound"]
SETTING = ["batch_size", "learning_rate", "alpha", "l1_ratio"]
COLUMNS = [
    "data",
    "protocol",
    "approach",
    "trial",
    *SETTING,
    "validation_accuracy",
    "test_accuracy",
]
COLUMNS += ["notebook_test_accuracy", "notebook_best_test_accuracy", "fit_seconds", "chosen"]
COLUMNS += ["wall_seconds"]


def run(name, folder, *args):
    """Run an example in a folder."""
    return subprocess.run(
        [sys.executable, EXAMPLES / f"{name}.py", *map(str, args)],
        cwd=folder,
        env={**os.environ, "MPLBACKEND": "Agg"},
        capture_output=True,
        text=True,
    )


def load(name):
    """Return an example as a module."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def approaches():
    return load("plot_02_four_approaches")


@pytest.fixture(scope="module")
def mstar():
    return load("plot_mstar")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Return a folder with small sets: digits.npz, flat.npz, tiny.npz, chips/, pictures/."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("data")
    X, y = load_digits(n_class=3, return_X_y=True)
    X = X.astype(np.uint8)[:180].reshape(-1, 8, 8)
    sets = {"x_train": X[:120], "y_train": y[:120], "x_test": X[120:], "y_test": y[120:180]}
    np.savez(folder / "digits.npz", **sets, target_names=["nought", "one", "two"])
    np.savez(folder / "flat.npz", **{**sets, "x_train": X[:120, 0], "x_test": X[120:, 0]})
    np.savez(folder / "tiny.npz", **{**sets, "x_train": X[:9], "y_train": y[:9]})
    broken = X[:120].astype(np.float32)
    broken[0, 0, 0] = np.nan
    np.savez(folder / "nan.npz", **{**sets, "x_train": broken})
    np.savez(folder / "notest.npz", **{**sets, "x_test": X[:0], "y_test": y[:0]})
    rgba = {
        f"x_{part}": np.zeros((n, 8, 8, 4), np.uint8) for part, n in (("train", 120), ("test", 60))
    }
    np.savez(folder / "rgba.npz", **{**sets, **rgba})
    np.savez(folder / "onlyone.npz", **{**sets, "y_train": np.zeros(120, int)})
    for part, n, depression in (("TRAIN", 60, 17), ("TEST", 30, 15)):
        sar = make_sar_chips(n, 2, image_size=(20, 24), depression=depression, random_state=n)
        for i, (chip, label) in enumerate(zip(sar.data[..., 0], sar.target, strict=True)):
            place = Path(part, sar.target_names[label], "SN_1")
            write_mstar_chip(folder / "chips" / place / f"HB{i:05}.0{depression}", chip)
            picture = folder / "pictures" / place / f"{i}.png"
            picture.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray((chip * 20).clip(0, 255).astype(np.uint8)).save(picture)
    (folder / "uneven" / "TRAIN").mkdir(parents=True)
    (folder / "uneven" / "TRAIN" / "other").symlink_to(folder / "chips/TRAIN/vehicle_0")
    (folder / "uneven" / "TEST").symlink_to(folder / "chips/TEST")
    (folder / "mixed").mkdir()
    (folder / "mixed" / "TRAIN").symlink_to(folder / "chips/TRAIN")
    (folder / "mixed" / "TEST").symlink_to(folder / "pictures/TEST")
    (folder / "few" / "TRAIN").mkdir(parents=True)
    (folder / "few" / "TRAIN" / "vehicle_0").symlink_to(folder / "chips/TRAIN/vehicle_0")
    (folder / "few" / "TRAIN" / "vehicle_1").mkdir()
    (folder / "few" / "TEST").symlink_to(folder / "chips/TEST")
    return folder


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
def test_four_approaches_under_both_protocols(approaches, data, tmp_path):
    args = "--quick", "--data", data / "digits.npz", "--output", "some/folder"
    done = run("plot_02_four_approaches", tmp_path, *args)
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    assert "120 training and 60 test images of 8 x 8" in done.stdout
    assert done.stdout.count("Approach 4 takes the search of approach 3") == 2
    assert done.stdout.count("totalling 8 fits") == 4
    assert done.stdout.count("point 5/5: ") == 2

    folder = tmp_path / "some" / "folder"
    with open(folder / "results.csv", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert list(rows[0]) == COLUMNS
    assert [key for key, _ in groupby(rows, by_search)] == list(product(PROTOCOLS, "1234"))
    assert [len(list(group)) for _, group in groupby(rows, by_search)] == [8, 8, 5, 5] * 2
    check_scores(rows, "original", "test_accuracy")
    check_scores(rows, "sound", "validation_accuracy")
    check_settings(rows)

    chosen = [row for row in rows if row["chosen"] == "True"]
    printed = table(done.stdout, "approach  protocol")
    assert [row[:2] for row in printed] == [[row["approach"], row["protocol"]] for row in chosen]
    for words, row in zip(printed, chosen, strict=True):
        assert [words[2], words[3]] == [row["batch_size"], f"{float(row['learning_rate']):.2e}"]
        assert float(words[7]) == pytest.approx(float(row["test_accuracy"]), abs=1e-4)
        assert words[8] == "-"  # these are not the notebook's images
        assert words[9] == approaches.clock(float(row["wall_seconds"]))
    assert all(row[10] == "-" for row in printed)  # and its times are those of its images

    pictures = {f"search_{protocol}_{i}" for protocol in PROTOCOLS for i in (1, 2, 3)}
    pictures |= {f"predictions_{protocol}" for protocol in PROTOCOLS} | {"test_accuracies"}
    assert {path.stem for path in folder.glob("*.png")} == pictures
    assert [path.name for path in tmp_path.iterdir()] == ["some"]


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


def test_the_notebooks_figures_stand_beside_cifar10_only(approaches, tmp_path):
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
        args = approaches.get_parser().parse_args(["--data", str(tmp_path / "set.npz")])
        rows = approaches.records("original", 2, result, approaches.load_images(args))
        found = [row["notebook_test_accuracy"] for row in rows]
        assert (*found, rows[0]["notebook_best_test_accuracy"]) == known
        assert rows[0]["data"] == "set"
        labels = approaches.draw_accuracies(rows[:1]).axes[0].get_legend_handles_labels()[1]
        assert labels == (["notebook"] if known[0] else []) + ["original"]
    grids = [approaches.NOTEBOOK[approach].grid for approach in (1, 2, 3, 4)]
    notebook = [0.2378, 0.2418, 0.2594, 0.2388, 0.2368, 0.2548, 0.0969, 0.2800]
    assert list(grids[0].values()) == notebook
    assert grids[1:] == [{(64, 0.001): 0.3917}, {}, {}]
    best = {approach: notebook.best for approach, notebook in approaches.NOTEBOOK.items()}
    assert best == {1: 0.28, 2: 0.3917, 3: 0.261, 4: 0.2806}


def test_the_test_images_stay_away_from_a_sound_search(approaches, data, tmp_path, monkeypatch):
    seen = []

    def fit(search, X, y):
        seen.append((X, y, list(search.cv.split())))
        return original(search, X, y)

    original = GridSearchCV.fit
    monkeypatch.setattr(GridSearchCV, "fit", fit)
    grid = {"clf__batch_size": [32], "clf__learning_rate": [0.01]}
    monkeypatch.setattr(approaches, "param_grid", lambda: grid)
    monkeypatch.chdir(tmp_path)
    args = approaches.get_parser().parse_args(
        ["--quick", "--data", str(data / "digits.npz"), "--approaches", "2", "1", "1"]
    )
    images = approaches.prepare(args)
    for protocol, n, n_train in (("sound", 120, 96), ("original", 180, 120)):
        seen.clear()
        found = approaches.run_protocol(protocol, images, args, tmp_path / protocol)
        assert [approach for approach, _ in found] == [1, 2]
        for X, y, splits in seen:
            assert len(X) == len(y) == n
            assert np.array_equal(X[:120], images.x_train)
            assert [len(rows) for rows in splits[0]] == [n_train, n - n_train]
        # The autoencoder is fitted on what the search trains on and on all training images.
        fits = list((tmp_path / protocol).rglob("output.pkl"))
        assert len(fits) == (2 if protocol == "sound" else 1)


def test_the_validation_split_is_stratified(approaches, data):
    args = approaches.get_parser().parse_args(["--data", str(data / "digits.npz")])
    images = approaches.load_images(args)
    _, y, cv = approaches.choosing_data("sound", images, seed=0)
    ((train, held_out),) = cv.split()
    assert not set(train) & set(held_out)
    assert np.ptp(np.bincount(y[held_out]) / np.bincount(y)) < 0.05
    ((_, other),) = approaches.choosing_data("sound", images, seed=1)[2].split()
    assert not np.array_equal(held_out, other)


def test_without_a_network_a_quick_run_takes_digits(approaches, monkeypatch, capsys):
    def fail():
        raise Exception("URL fetch failure")

    monkeypatch.setattr(approaches, "load_cifar10", fail)
    images = approaches.load_images(approaches.get_parser().parse_args(["--quick"]))
    assert images.x_train.shape == (1000, 8, 8, 1)
    assert "digits take its place" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        approaches.main([])
    assert "CIFAR-10 could not be fetched: URL fetch failure" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("example", "args", "message"),
    [
        ("approaches", ["--data", "nothing"], "--data must be cifar10, .* got 'nothing'"),
        ("approaches", ["--data", "missing.npz"], "No such file or directory: 'missing.npz'"),
        ("approaches", ["--data", "{data}"], "lacks data_batch_1"),
        (
            "approaches",
            ["--data", "{data}/flat.npz"],
            r"must hold images .*; got the shape \(120, 8\)",
        ),
        ("approaches", ["--data", "{data}/tiny.npz"], "ten training images each"),
        ("approaches", ["--protocol", "other"], "invalid choice: 'other'"),
        ("approaches", ["--approaches", "5"], "invalid choice: 5"),
        ("approaches", ["--n-jobs", "0"], "--n-jobs must not be 0"),
        ("approaches", ["--seed", "-1"], "--seed lie between 0 and"),
        ("approaches", ["--seed", str(2**32)], "--seed lie between 0 and"),
        ("approaches", ["--data", "{data}/nan.npz"], "x_train must be finite"),
        ("approaches", ["--data", "{data}/notest.npz"], r"x_test must hold images.*\(0, 8, 8\)"),
        ("approaches", ["--data", "{data}/rgba.npz"], "one channel or three"),
        ("approaches", ["--data", "{data}/onlyone.npz"], "got 1 classes"),
        ("mstar", ["--data", "{data}/mixed"], "both hold MSTAR.s chips, or both pictures"),
        ("mstar", ["--data", "nothing"], "must be an existing folder; got 'nothing.TRAIN'"),
        ("mstar", ["--data", "{data}/chips/TEST"], "must be an existing folder; got '.*TRAIN'"),
        ("mstar", ["--data", "{data}/uneven"], "same class folders; got other and vehicle_0, veh"),
        ("mstar", ["--data", "{data}/few"], "two classes with 9 chips .*: 30, vehicle_1: 0"),
        ("mstar", ["--image-size", "8", "8"], "integers >= 16"),
        ("mstar", ["--n-jobs", "0"], "--n-jobs must not be 0"),
        ("mstar", ["--seed", "-1"], "--seed lie between"),
        ("mstar", ["--output", "{data}/tiny.npz"], "File exists"),
    ],
)
@pytest.mark.filterwarnings("ignore:No file to read in the class folders")
def test_errors_are_clear(request, data, tmp_path, monkeypatch, capsys, example, args, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        request.getfixturevalue(example).main([arg.format(data=data) for arg in args])
    assert stop.value.code == 2
    assert re.search(message, capsys.readouterr().err)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("args", "title"),
    [
        (["--data", "chips", "--image-size", 16, 18], "60 and 30 chips of 16 x 18 x 1, 2"),
        (["--image-size", 32, 40], "300 and 150 chips of 32 x 40 x 1, 5"),
    ],
    ids=["chips", "synthetic"],
)
def test_radar_chips_end_in_a_confusion_matrix(data, tmp_path, args, title):
    args = [data / arg if arg == "chips" else arg for arg in args]
    done = run("plot_mstar", tmp_path, "--quick", "--output", "some/folder", *args)
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    assert f"{title} classes" in done.stdout
    assert "point 3/3: " in done.stdout
    lines = done.stdout[done.stdout.index("class  ") :].splitlines()
    rows = [line.split() for line in lines[1:-1]]
    n_classes = int(title[-1])
    assert [row[0] for row in rows] == [*(f"vehicle_{i}" for i in range(n_classes)), "all"]
    counts, shares = np.array([row[1:] for row in rows], float).T
    assert counts[:-1].sum() == counts[-1]
    assert shares[-1] == pytest.approx(np.average(shares[:-1], weights=counts[:-1]), abs=1e-4)
    assert shares[-1] > 1.3 / n_classes
    pictures = {"confusion_matrix.png", "predictions.png", "reconstructions.png", "search.png"}
    assert {path.name for path in (tmp_path / "some" / "folder").iterdir()} == pictures
    assert [path.name for path in tmp_path.iterdir()] == ["some"]


def test_pictures_and_chips_are_read_alike(mstar, data):
    chips, pictures = (
        mstar.load_chips(mstar.get_parser().parse_args(["--data", str(data / kind)]))
        for kind in ("chips", "pictures")
    )
    for part, other in zip(chips, pictures, strict=True):
        assert part.data.shape == other.data.shape == (len(part.target), 64, 64, 1)
        assert (part.data.dtype, other.data.dtype) == (np.float32, np.uint8)
        assert part.target_names == other.target_names
        assert np.array_equal(np.bincount(part.target), np.bincount(other.target))
        for X in (part.data, other.data):
            assert (X[:, 0] == 0).all()  # a margin was padded, nothing was scaled


def test_synthetic_chips_differ_in_depression_only_by_part(mstar):
    train, test = mstar.load_chips(mstar.get_parser().parse_args(["--quick"]))
    assert set(train.depression) == {17} and set(test.depression) == {15}
    assert train.target_names == test.target_names
    assert not (train.data[: len(test.data)] == test.data).all(axis=(1, 2, 3)).any()
