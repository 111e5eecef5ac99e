"""Synthetic chips, and scikit-learn's digits as images."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits

from cae_sklearn.datasets import load_digits_images, load_mstar, make_sar_chips, write_mstar_chip


def test_sar_chips_shape_balance_and_seed():
    first = make_sar_chips(10, 3, image_size=(20, 31), random_state=3)
    again = make_sar_chips(10, 3, image_size=(20, 31), random_state=3)
    other = make_sar_chips(10, 3, image_size=(20, 31), random_state=4)
    assert first.data.shape == (10, 20, 31, 1) and first.data.dtype == np.float32
    assert np.isfinite(first.data).all() and first.data.min() >= 0
    assert sorted(np.bincount(first.target)) == [3, 3, 4]
    for key in ("data", "target", "azimuth"):
        assert_array_equal(first[key], again[key])
        assert not np.array_equal(first[key], other[key])
    before = np.random.get_state()[1].copy()
    make_sar_chips(2, 1)
    make_sar_chips(2, 1, random_state=0)
    assert len(np.random.get_state()[1]) == len(before)


def test_sar_ground_is_rayleigh_speckle():
    chips = make_sar_chips(60, 2, random_state=0)
    ground = chips.data[:, :8]  # before the vehicle
    assert_allclose((ground**2).mean(), 1, rtol=0.03)
    assert_allclose(ground.std() / ground.mean(), np.sqrt(4 / np.pi - 1), rtol=0.02)


def test_sar_chips_show_bright_points_before_a_shadow_that_shortens():
    steep, flat = (
        make_sar_chips(200, 1, depression=angle, random_state=0).data[..., 0] for angle in (40, 15)
    )
    assert steep[:, 24:40, 24:40].max(axis=(1, 2)).min() > 5
    dark = [np.sqrt((chips**2).mean(axis=0))[38:, 28:36].mean(axis=1) for chips in (steep, flat)]
    assert dark[1].min() < 0.6  # the shadow, seen through all azimuths
    assert dark[1].sum() < dark[0].sum() - 2


def test_sar_classes_are_the_same_for_every_seed_and_learnable():
    from sklearn.ensemble import RandomForestClassifier

    train, test = (make_sar_chips(200, 3, image_size=(32, 32), random_state=s) for s in (1, 2))
    forest = RandomForestClassifier(40, random_state=0)
    forest.fit(train.data.reshape(200, -1), train.target)
    assert forest.score(test.data.reshape(200, -1), test.target) > 0.6


def test_sar_chips_make_an_mstar_tree(tmp_path):
    sar = make_sar_chips(8, 2, image_size=(24, 24), depression=15, random_state=0)
    for number, values in enumerate(sar.data[..., 0]):
        name = sar.target_names[sar.target[number]]
        header = {"TargetType": name, "TargetAz": sar.azimuth[number], "DesiredDepression": 15}
        write_mstar_chip(tmp_path / name / f"HB{number:05}.015", values, header=header)
    for label in ("folder", "header"):
        loaded = load_mstar(tmp_path, label=label)
        order = [int(Path(name).stem[2:]) for name in loaded.filenames]
        assert_array_equal(loaded.data, sar.data[order])
        assert_array_equal(loaded.target, sar.target[order])
        assert_allclose(loaded.azimuth, sar.azimuth[order])
        assert_allclose(loaded.depression, sar.depression[order])
        assert loaded.target_names == sar.target_names


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"n_samples": 0}, "n_samples must be an integer >= 1; got 0"),
        ({"n_classes": 2.0}, "n_classes must be an integer >= 1; got 2.0"),
        ({"n_classes": True}, "n_classes must be an integer >= 1; got True"),
        ({"image_size": (64, 15)}, r"image_size must be .* >= 16; got \(64, 15\)"),
        ({"depression": 90}, "depression must be an angle .* got 90"),
        ({"depression": "15"}, "depression must be an angle .* got '15'"),
    ],
)
def test_sar_parameters_are_checked(options, match):
    with pytest.raises(ValueError, match=match):
        make_sar_chips(**options)


def test_digits_are_those_of_scikit_learn():
    images, digits = load_digits_images(), load_digits()
    assert images.data.dtype == np.uint8 and images.image_shape == (8, 8, 1)
    assert_array_equal(images.data.reshape(1797, 64), digits.data)
    assert_array_equal(images.target, digits.target)
    assert images.target_names == list("0123456789")
