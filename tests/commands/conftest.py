"""Small sets of images, and small networks that train on them in no time."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from cae_sklearn.datasets import make_sar_chips, write_mstar_chip

NAMES = np.array(["nought", "one", "two"])


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """Return a folder with small sets of digits (``.npz``, images/) and of chips (chips/ ...)."""
    folder = tmp_path_factory.mktemp("data")
    X, y = load_digits(n_class=3, return_X_y=True)
    X, y = X[:180].astype(np.uint8).reshape(-1, 8, 8), y[:180]
    write_archives(folder, X, y)
    write_pictures(folder / "images", 15 * X[:72], NAMES[y[:72]])
    for part, n, depression in (("TRAIN", 60, 17), ("TEST", 30, 15)):
        sar = make_sar_chips(n, 2, image_size=(20, 24), depression=depression, random_state=n)
        chips, names = sar.data[..., 0], np.array(sar.target_names)[sar.target]
        for i, (chip, name) in enumerate(zip(chips, names, strict=True)):
            place = folder / "chips" / part / name / "SN_1"
            write_mstar_chip(place / f"HB{i:05}.0{depression}", chip)
        write_pictures(folder / "pictures" / part, (chips * 20).clip(0, 255), names)
    link_folders(folder)
    return folder


def write_archives(folder, X, y):
    """Write sets as ``.npz``: good ones, and ones with a fault each."""
    sets = {"x_train": X[:120], "y_train": y[:120], "x_test": X[120:], "y_test": y[120:]}
    flat = {"x_train": X[:120].reshape(120, -1), "x_test": X[120:].reshape(60, -1)}
    texts = {"y_train": NAMES[y[:120]], "y_test": NAMES[y[120:]]}
    broken = X[:120].astype(np.float32)
    broken[0, 0, 0] = np.nan
    four = {"x_train": np.zeros((120, 8, 8, 4)), "x_test": np.zeros((60, 8, 8, 4))}
    faults = {
        "tiny": {"x_train": X[:9], "y_train": y[:9]},
        "flat": {**flat, **texts},
        "nan": {"x_train": broken},
        "notest": {"x_test": X[:0], "y_test": y[:0]},
        "rgba": four,
        "onlyone": {"y_train": np.zeros(120, int)},
    }
    np.savez(folder / "digits.npz", **sets, target_names=NAMES)
    np.savez(folder / "lacking.npz", x_train=X)
    for name, fault in faults.items():
        np.savez(folder / f"{name}.npz", **{**sets, **fault})


def write_pictures(folder, X, names):
    """Write pictures to a folder with one sub-folder a class."""
    from PIL import Image

    for i, (image, name) in enumerate(zip(X, names, strict=True)):
        (folder / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image.astype(np.uint8)).save(folder / name / f"{i}.png")


def link_folders(folder):
    """Make a folder of one class, and folders of TRAIN and TEST, most of them with a fault."""
    links = {
        "uneven/TRAIN/other": "chips/TRAIN/vehicle_0",
        "uneven/TEST": "chips/TEST",
        "mixed/TRAIN": "chips/TRAIN",
        "mixed/TEST": "pictures/TEST",
        "few/TRAIN/vehicle_0": "chips/TRAIN/vehicle_0",
        "few/TEST": "chips/TEST",
        "sizes/train": "images",
        "sizes/test/nought": "pictures/TRAIN/vehicle_0",
        "sizes/test/one": "pictures/TRAIN/vehicle_0",
        "sizes/test/two": "pictures/TRAIN/vehicle_0",
        "lone/images": "images",
        "whole/train": "images",
        "whole/Test": "images",
        "whole/other": "images",
    }
    for link, place in links.items():
        Path(folder, link).parent.mkdir(parents=True, exist_ok=True)
        Path(folder, link).symlink_to(folder / place)
    (folder / "few" / "TRAIN" / "vehicle_1").mkdir()


@pytest.fixture
def small_networks(monkeypatch):
    """Let the pipelines of both commands have small networks, and all else as it is."""
    from cae_sklearn._commands import _reproduce, _tune

    for module in (_tune, _reproduce):
        monkeypatch.setattr(module, "make_pipeline", shrunk(module.make_pipeline))


def shrunk(make_pipeline):
    """Return a function that makes the same pipeline with few filters, units and epochs."""

    def make(*args):
        pipeline = make_pipeline(*args)
        whiten = pipeline["cae"].whiten
        pipeline["cae"].set_params(
            filters=8 if whiten else (8, 4), kernel_size=3, noise=0.0, n_components=30
        )
        return pipeline.set_params(clf__hidden_layer_sizes=(32,), clf__epochs=8)

    return make
