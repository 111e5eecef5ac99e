"""The command line: its errors, its options, and its start as a module."""

import importlib.util
import re
import subprocess
import sys

import pytest

from cae_sklearn.__main__ import get_parser, main


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ("tune --data nothing", "--data must be digits, cifar10, .* exists; got 'nothing'"),
        ("tune --data missing.npz", "No such file or directory: 'missing.npz'"),
        ("tune --data {data}/lacking.npz", "lacks y_train, x_test, y_test"),
        ("tune --data {data}/flat.npz", "rows of 64 numbers, not images. Pass --image-size"),
        ("tune --data {data}/flat.npz --image-size 7 9", "whose product divides it"),
        (
            "tune --data {data}/tiny.npz",
            "Two classes with 9 images each are the least; got 0: 3, 1: 3, 2: 3",
        ),
        (
            "tune --data {data}/lone",
            r"Two classes with 12 images each are the least; got images: 72",
        ),
        ("tune --data .", "folder must hold images, in one sub-folder a class; got '.'"),
        ("tune --data {data}/images --image-size 0 8", "image_size must be a pair"),
        ("tune --data {data}/rgba.npz", r"one channel or three; got the shape \(120, 8, 8, 4\)"),
        ("tune --n-train 9", "9 images are too few for 10 classes"),
        ("tune --n-train 60", "Two classes with 9 images each are the least"),
        ("tune --n-jobs 0", "--n-jobs must not be 0"),
        ("tune --seed -1", "--seed lie between"),
        ("tune --seed x", "invalid int value: 'x'"),
        ("tune --output {data}/tiny.npz", "File exists"),
        ("tune --data {data}/mixed", "both hold MSTAR.s chips, or both pictures"),
        ("tune --data {data}/uneven", "same class folders; got other and vehicle_0, veh"),
        ("tune --data {data}/few", "two classes with 9 images .*: 30, vehicle_1: 0"),
        ("tune --data {data}/sizes", "same image size; got 8, 8, 3 and 20, 24, 3"),
        ("reproduce --data nothing", "--data must be cifar10, .* got 'nothing'"),
        ("reproduce --data missing.npz", "No such file or directory: 'missing.npz'"),
        ("reproduce --data {data}", "lacks data_batch_1"),
        ("reproduce --data {data}/flat.npz", r"must hold images .*; got the shape \(120, 64\)"),
        ("reproduce --data {data}/tiny.npz", "ten training images each"),
        ("reproduce --data {data}/nan.npz", "x_train must be finite"),
        ("reproduce --data {data}/notest.npz", r"x_test must hold images.*\(0, 8, 8\)"),
        ("reproduce --data {data}/rgba.npz", "one channel or three"),
        ("reproduce --data {data}/onlyone.npz", "got 1 classes"),
        ("reproduce --protocol other", "invalid choice: 'other'"),
        ("reproduce --approaches 5", "invalid choice: 5"),
        ("reproduce --n-jobs 0", "--n-jobs must not be 0"),
        ("reproduce --seed -1", "--seed lie between 0 and"),
        ("reproduce --seed 4294967296", "--seed lie between 0 and"),
        ("reproduce --data {data}/digits.npz --output {data}/tiny.npz", "File exists"),
        ("", "required: COMMAND"),
        ("other", "invalid choice: 'other'"),
    ],
)
@pytest.mark.filterwarnings("ignore:No file to read in the class folders")
def test_errors_are_clear(data, tmp_path, monkeypatch, capsys, args, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        main([arg.format(data=data) for arg in args.split()])
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert re.search(message, error)
    assert "python -m cae_sklearn" in error and "error: " in error
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", ["tune", "reproduce"])
def test_without_matplotlib_the_error_comes_first(monkeypatch, capsys, command):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        "cae_sklearn.__main__.find_spec",
        lambda name: name != "matplotlib" and find_spec(name) or None,
    )
    with pytest.raises(SystemExit):
        main([command, "--data", "nothing"])
    assert "pip install cae_sklearn[plot]" in capsys.readouterr().err


def test_the_options_have_their_defaults():
    tune, reproduce = (vars(get_parser().parse_args([name])) for name in ("tune", "reproduce"))
    same = {"n_jobs": 1, "seed": 0, "quick": False}
    assert same.items() <= tune.items() and same.items() <= reproduce.items()
    assert (tune["data"], str(tune["output"])) == ("digits", "demo_output")
    assert (reproduce["data"], str(reproduce["output"])) == ("cifar10", "four_approaches")
    assert (reproduce["protocol"], reproduce["approaches"]) == ("both", [1, 2, 3, 4])


def test_the_module_prints_help_without_loading_libraries():
    code = (
        "import atexit, runpy, sys\n"
        "heavy = {'skopt', 'tensorflow', 'matplotlib'}\n"
        "atexit.register(lambda: print(sorted(heavy & set(sys.modules))))\n"
        "sys.argv = ['cae_sklearn', '--help']\n"
        "runpy.run_module('cae_sklearn', run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "tune " in done.stdout and "reproduce" in done.stdout
    assert done.stdout.endswith("[]\n")
