"""The examples run as commands, on every kind of data, and say what is wrong with bad ones."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

TUNE = Path(__file__).parents[1] / "examples" / "plot_01_tune_pipeline.py"
PICTURES = {
    "learning_curves.png",
    "predictions_wrong_first.png",
    "reconstructions.png",
    "search_bayesian.png",
    "search_grid.png",
    "sparsity.png",
}
TITLES = "search batch size learning rate alpha l1_ratio CV accuracy held-out accuracy wall time"


# of joblib where psutil is installed: it replaces a worker whose memory grew
REPLACED = "ignore:A worker stopped while some jobs were given to the executor:UserWarning"


def run(folder, *args):
    """Run the example in a folder."""
    return subprocess.run(
        [sys.executable, TUNE, *map(str, args)],
        cwd=folder,
        env={**os.environ, "MPLBACKEND": "Agg", "PYTHONWARNINGS": REPLACED},
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def tune():
    """Return the example as a module."""
    spec = importlib.util.spec_from_file_location("tune", TUNE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Return a folder with small sets: flat.npz, labels.npz, tiny.npz, images/."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("data")
    X, y = load_digits(n_class=3, return_X_y=True)
    X, y, names = X[:160].astype(np.uint8), y[:160], np.array(["nought", "one", "two"])
    sets = {"x_train": X[:120], "y_train": y[:120], "x_test": X[120:], "y_test": y[120:]}
    np.savez(folder / "flat.npz", **{**sets, "y_train": names[y[:120]], "y_test": names[y[120:]]})
    np.savez(folder / "tiny.npz", **{**sets, "x_train": X[:9], "y_train": y[:9]})
    np.savez(folder / "lacking.npz", x_train=X)
    for i in range(72):
        path = folder / "images" / names[y[i]] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(15 * X[i].reshape(8, 8)).save(path)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("args", "images", "least"),
    [
        ((), "digits: 400 training and 200 held-out images of 8 x 8 x 1", 0.9),
        (
            ("--data", "flat.npz", "--image-size", 8, 8, "--n-jobs", 2, "--seed", 1),
            "flat.npz: 120 training and 40 held-out images of 8 x 8 x 1",
            0.8,
        ),
        (
            ("--data", "images", "--image-size", 10, 9),
            "images: 54 training and 18 held-out images of 10 x 9 x 1",
            0.7,
        ),
    ],
    ids=["digits", "npz", "folder"],
)
def test_tuning_ends_with_a_table_and_pictures(data, tmp_path, args, images, least):
    args = [data / arg if arg in ("flat.npz", "images") else arg for arg in args]
    done = run(tmp_path, "--quick", "--output", "some/folder", *args)
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    assert "absl" not in done.stderr
    assert images in done.stdout
    assert "END clf__batch_size=64, clf__learning_rate=0.01;" in done.stdout
    assert "point 5/5: " in done.stdout

    table = done.stdout[done.stdout.index("search  ") :].splitlines()
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

    folder = tmp_path / "some" / "folder"
    assert str(folder) in table[5]
    assert {path.name for path in folder.iterdir()} == PICTURES
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in folder.iterdir())
    assert [path.name for path in tmp_path.iterdir()] == ["some"]  # and nothing else


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--data", "nothing"], "--data must be digits, cifar10, .* exists; got 'nothing'"),
        (["--data", "missing.npz"], "No such file or directory: 'missing.npz'"),
        (["--data", "{data}/lacking.npz"], "lacks y_train, x_test, y_test"),
        (["--data", "{data}/flat.npz"], "rows of 64 numbers, not images. Pass --image-size"),
        (["--data", "{data}/flat.npz", "--image-size", "7", "9"], "whose product divides it"),
        (
            ["--data", "{data}/tiny.npz", "--image-size", "8", "8"],
            "Two classes with 9 images each are the least; got 0: 3, 1: 3, 2: 3",
        ),
        (["--data", "{data}"], "Two classes with 12 images each are the least; got images: 72"),
        (["--data", "."], "folder must hold images, in one sub-folder a class; got '.'"),
        (["--data", "{data}/images", "--image-size", "0", "8"], "image_size must be a pair"),
        (["--n-train", "9"], "9 images are too few for 10 classes"),
        (["--n-train", "60"], "Two classes with 9 images each are the least"),
        (["--n-jobs", "0"], "--n-jobs must not be 0"),
        (["--seed", "-1"], "--seed lie between"),
        (["--seed", "x"], "invalid int value: 'x'"),
        (["--output", "{data}/tiny.npz"], "File exists"),
    ],
)
def test_errors_are_clear(tune, data, tmp_path, monkeypatch, capsys, args, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        tune.main([arg.format(data=data) for arg in args])
    assert stop.value.code == 2
    assert re.search(message, capsys.readouterr().err)
    assert not list(tmp_path.iterdir())


def test_the_command_exits_with_its_error(tmp_path):
    done = run(tmp_path, "--data", "nothing")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "error: --data must be digits" in done.stderr


def test_without_matplotlib_the_error_comes_first(tune, monkeypatch, capsys):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "matplotlib" else find_spec(name)
    )
    with pytest.raises(SystemExit):
        tune.main([])
    assert "pip install cae_sklearn[plot]" in capsys.readouterr().err


def test_without_a_network_cifar10_is_an_error(tune, monkeypatch, capsys):
    def fail():
        raise Exception("URL fetch failure")

    monkeypatch.setattr(tune, "load_cifar10", fail)
    with pytest.raises(SystemExit):
        tune.main(["--data", "cifar10"])
    assert "CIFAR-10 could not be fetched: URL fetch failure" in capsys.readouterr().err


def test_cifar10_keeps_its_own_parts_and_names(tune, monkeypatch):
    from sklearn.utils import Bunch

    def load():
        parts = {"x_train": np.zeros((4, 5, 5, 3)), "x_test": np.ones((2, 5, 5, 3))}
        return Bunch(**parts, y_train=[0, 1, 0, 1], y_test=[1, 0], target_names=["cat", "dog"])

    monkeypatch.setattr(tune, "load_cifar10", load)
    X, y, X_test, y_test, names = tune.load_images("cifar10")
    assert (X == 0).all() and (X_test == 1).all()
    assert (y, y_test, names) == ([0, 1, 0, 1], [1, 0], {0: "cat", 1: "dog"})


def test_the_held_out_digits_are_stratified_and_not_trained_on(tune):
    X, y, X_test, y_test, _ = tune.load_images("digits", seed=0)
    assert 0.2 <= len(y_test) / 1797 <= 0.25 + 1e-3
    share = np.bincount(y_test) / np.bincount(np.concatenate([y, y_test]))
    assert np.ptp(share) < 0.01
    seen = {image.tobytes() for image in X}
    assert not any(image.tobytes() in seen for image in X_test)
    other = tune.load_images("digits", seed=1)[3]
    assert not np.array_equal(y_test, other)


def test_images_need_one_channel_or_three(tune, tmp_path):
    X, y = np.zeros((40, 6, 6, 2)), np.arange(40) % 2
    np.savez(tmp_path / "two.npz", x_train=X, y_train=y, x_test=X, y_test=y)
    with pytest.raises(ValueError, match=r"one channel or three; got the shape \(40, 6, 6, 2\)"):
        tune.load_images(str(tmp_path / "two.npz"))
