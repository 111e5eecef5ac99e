"""The images of ``tune``: what is held out, and what is read alike."""

import numpy as np
import pytest
from sklearn.utils import Bunch

from cae_sklearn.__main__ import main
from cae_sklearn._commands import _subsets
from cae_sklearn._commands._tune_images import read_images


def fail():
    raise Exception("URL fetch failure")


def test_without_a_network_cifar10_is_an_error(monkeypatch, capsys):
    monkeypatch.setattr(_subsets, "load_cifar10", fail)
    with pytest.raises(SystemExit):
        main(["tune", "--data", "cifar10"])
    assert "CIFAR-10 could not be fetched: URL fetch failure" in capsys.readouterr().err


def test_cifar10_keeps_its_own_parts_and_names(monkeypatch):
    def load():
        parts = {"x_train": np.zeros((4, 5, 5, 3)), "x_test": np.ones((2, 5, 5, 3))}
        return Bunch(**parts, y_train=[0, 1, 0, 1], y_test=[1, 0], target_names=["cat", "dog"])

    monkeypatch.setattr(_subsets, "load_cifar10", load)
    images = read_images("cifar10")
    assert (images.x_train == 0).all() and (images.x_test == 1).all()
    assert (images.y_train, images.y_test) == ([0, 1, 0, 1], [1, 0])
    assert images.names == {0: "cat", 1: "dog"}


def test_the_held_out_digits_are_stratified_and_not_trained_on():
    images = read_images("digits", seed=0)
    y, y_test = images.y_train, images.y_test
    assert 0.2 <= len(y_test) / 1797 <= 0.25 + 1e-3
    share = np.bincount(y_test) / np.bincount(np.concatenate([y, y_test]))
    assert np.ptp(share) < 0.01
    seen = {image.tobytes() for image in images.x_train}
    assert not any(image.tobytes() in seen for image in images.x_test)
    assert not np.array_equal(y_test, read_images("digits", seed=1).y_test)


def test_pictures_and_chips_are_read_alike(data):
    chips = read_images(str(data / "chips"))
    pictures = read_images(str(data / "pictures"), image_size=[64, 64], crop=True)
    assert (chips.is_radar, pictures.is_radar) == (True, False)
    assert chips.names == pictures.names == {0: "vehicle_0", 1: "vehicle_1"}
    assert (chips.x_train.dtype, pictures.x_train.dtype) == (np.float32, np.uint8)
    for part, n in (("train", 60), ("test", 30)):
        X, other = chips[f"x_{part}"], pictures[f"x_{part}"]
        assert X.shape == other.shape == (n, 64, 64, 1)
        assert np.array_equal(chips[f"y_{part}"], pictures[f"y_{part}"])
        assert (X[:, 0] == 0).all() and (other[:, 0] == 0).all()  # padded and not scaled


def test_pictures_are_scaled_unless_they_are_cut(data):
    scaled = read_images(str(data / "pictures"), image_size=[64, 64])
    assert scaled.x_train.shape == (60, 64, 64, 1)
    assert (scaled.x_train[:, 0] > 0).any()


def test_chips_without_parts_are_held_out_too(data):
    images = read_images(str(data / "chips" / "TRAIN"), image_size=[20, 24])
    assert images.is_radar
    assert (len(images.x_train), len(images.x_test)) == (45, 15)
    assert np.bincount(images.y_train).max() == 23


def test_parts_are_found_in_any_case_and_other_folders_are_named(data, capsys):
    images = read_images(str(data / "whole"))
    assert len(images.x_train) == len(images.x_test) == 72
    assert capsys.readouterr().out.strip().endswith("not read: other")


def test_colour_is_kept_where_one_part_has_it(data, tmp_path):
    from PIL import Image

    (tmp_path / "train").symlink_to(data / "images")
    for name in ("nought", "one", "two"):
        (tmp_path / "test" / name).mkdir(parents=True)
        Image.new("RGB", (8, 8), (9, 0, 0)).save(tmp_path / "test" / name / "red.png")
    images = read_images(str(tmp_path))
    assert images.x_train.shape[1:] == images.x_test.shape[1:] == (8, 8, 3)
