"""MSTAR chips: the format, damage to it, and folders of chips."""

import os
import warnings
from pathlib import Path

import numpy as np
import pytest
from image_files import RNG, picture, save
from numpy.testing import assert_allclose, assert_array_equal

from cae_sklearn.datasets import (
    _chips,
    is_mstar_chip,
    load_mstar,
    read_mstar_chip,
    write_mstar_chip,
)


def chip(rows=6, columns=5, phase=True):
    magnitude = RNG.rayleigh(size=(rows, columns)).astype(np.float32)
    angles = RNG.uniform(-np.pi, np.pi, (rows, columns)).astype(np.float32)
    return magnitude, angles if phase else None


HEADER = {"TargetType": "bmp2_tank", "TargetAz": "30.25", "DesiredDepression": "17"}


@pytest.mark.parametrize("with_phase", [True, False])
def test_chip_round_trip(tmp_path, with_phase):
    path = tmp_path / "deep/er/HB00001.017"
    magnitude, phase = chip(phase=with_phase)
    write_mstar_chip(path, magnitude, phase, HEADER)
    magnitude2, phase2, header = read_mstar_chip(path)
    assert magnitude2.dtype == np.float32 and magnitude2.dtype.isnative
    assert_array_equal(magnitude2, magnitude)
    if with_phase:
        assert_array_equal(phase2, phase)
    else:
        assert phase2 is None
    assert {key: header[key] for key in HEADER} == HEADER
    assert int(header["PhoenixSigSize"]) == path.stat().st_size
    again = tmp_path / "again.017"
    write_mstar_chip(again, magnitude2, phase2, header)
    assert again.read_bytes() == path.read_bytes()


def published(values, top="[PhoenixHeaderVer01.04]", drop=(), **changes):
    """Return a chip laid out by hand as the published files are: a line break comes first."""
    rows, columns = values.shape[1:]
    lines = {
        "PhoenixHeaderLength": "00000",
        "PhoenixSigSize": "000000000",
        "PhoenixSigNum": "0001",
        "PhoenixHeaderCallingSequence": "",
        "native_header_length": "0",
        "NumberOfColumns": str(columns),
        "NumberOfRows": str(rows),
        "TargetType": "t72_tank",
        "TargetAz": "141.5",
        "MeasuredDepression": "15.05",
    }
    native = int(changes.get("native_header_length", 0))

    def text():
        kept = {**lines, **changes}
        body = "".join(f"{key}= {value}\n" for key, value in kept.items() if key not in drop)
        return f"\n{top}\n{body}[EndofPhoenixHeader]\n".encode()

    lines["PhoenixHeaderLength"] = f"{len(text()):05}"
    total = len(text()) + native + values.nbytes
    lines["PhoenixSigSize"] = f"{total:09}"
    return text() + b"\xff" * native + values.tobytes()


@pytest.mark.parametrize("top", ["[PhoenixHeaderVer01.04]", "[PhoenixHeaderVer01.05]"])
@pytest.mark.parametrize("native", ["0", "512"])
def test_chip_laid_out_as_published(tmp_path, top, native):
    values = np.stack(chip()).astype(">f4")
    path = tmp_path / "HB03787.015"
    path.write_bytes(published(values, top, native_header_length=native))
    magnitude, phase, header = read_mstar_chip(path)
    assert_array_equal(magnitude, values[0])
    assert_array_equal(phase, values[1])
    assert header["TargetType"] == "t72_tank" and header["PhoenixHeaderCallingSequence"] == ""


VALUES = np.stack(chip()).astype(">f4")
BLOB = published(VALUES)


@pytest.mark.parametrize(
    ("blob", "match"),
    [
        (b"", "must start with.*PhoenixHeaderVer.*got b''"),
        (b"\x89PNG\r\n" + BLOB[10:], "must start with"),
        (BLOB[:100], "EndofPhoenixHeader.*not found in 100 bytes"),
        (BLOB.replace(b"[EndofPhoenixHeader]", b"[EndofPhoenixHeadex]"), "must close the header"),
        (published(VALUES, drop=["NumberOfRows"]), "must hold NumberOfRows; got.*NumberOfColumns"),
        (published(VALUES, drop=["NumberOfColumns"]), "must hold NumberOfColumns"),
        (published(VALUES, drop=["PhoenixHeaderLength"]), "must hold PhoenixHeaderLength"),
        (published(VALUES, NumberOfRows="six"), "NumberOfRows must be an integer >= 1; got 'six'"),
        (published(VALUES, NumberOfRows="0"), "NumberOfRows must be an integer >= 1; got '0'"),
        (published(VALUES, NumberOfRows="-6"), "NumberOfRows must be .* got '-6'"),
        (published(VALUES, NumberOfColumns=""), "NumberOfColumns must be .* got ''"),
        (published(VALUES, PhoenixHeaderLength="00012"), "PhoenixHeaderLength must reach.*got 12"),
        (published(VALUES, PhoenixHeaderLength="99999"), "need 120 bytes.*got 0 in a file of"),
        (published(VALUES, NumberOfRows="9" * 18), "9{18} rows and 5 columns need .* got 240"),
        (published(VALUES, NumberOfRows="9" * 4000), r"NumberOfRows must be .* got '9+\.\.\.9+'"),
        (published(VALUES, NumberOfColumns="9" * 4400), "NumberOfColumns must be an integer >= 1"),
        (published(VALUES, PhoenixHeaderLength="9" * 4000), "PhoenixHeaderLength must be an int"),
        (published(VALUES, NumberOfRows="\xb2"), "NumberOfRows must be .* got"),
        (published(VALUES, NumberOfRows="11"), "11 rows and 5 columns need 220.*got 240"),
        (BLOB[:-4], "need 120 bytes of magnitude and as many of phase.*got 236"),
        (BLOB[:-120], "need 120 bytes .*got 120"),
        (BLOB[:-124], "need 120 bytes .*got 116"),
        (BLOB[:-240], "need 120 bytes .*got 0"),
        (published((VALUES * np.nan).astype(">f4")), "every magnitude must be finite"),
        (
            published(VALUES.astype(">u2"), native_header_length="512"),
            "native_header_length must be 0 in a target chip; got 512.*full scene",
        ),
    ],
)
def test_damaged_chip_is_named(tmp_path, blob, match):
    path = tmp_path / "HB03787.015"
    path.write_bytes(blob)
    with pytest.raises(ValueError, match=f"{path} is not a readable MSTAR chip: .*{match}"):
        read_mstar_chip(path)


def test_chip_writer_refuses_complex_pixels(tmp_path):
    chip = np.full((4, 5), 1 + 1j)
    with pytest.raises(TypeError, match=r"magnitude must be real.*Pass np.abs\(chip\)"):
        write_mstar_chip(tmp_path / "chip.001", chip)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ((np.ones((2, 2, 1)),), r"magnitude must be .* two-dimensional array; got shape \(2, 2, 1"),
        ((np.ones((0, 2)),), r"magnitude must be .* non-empty"),
        ((np.full((2, 2), np.inf),), "magnitude must be a finite.*4 non-finite"),
        ((np.full((2, 2), 1e39),), "magnitude must be a finite.*4 non-finite"),
        ((np.ones((2, 2)), np.ones((2, 3))), r"phase must have the shape of magnitude, \(2, 2\)"),
        ((np.ones((2, 2)), None, {"a\nb": 1}), r"header must map .*got 'a\\nb': 1"),
        ((np.ones((2, 2)), None, {"a": "\xe9"}), "header must map .*one ASCII line"),
        ((np.ones((2, 2)), None, {"a=b": 1}), "header must map .*'a=b'"),
    ],
)
def test_chip_writer_checks(tmp_path, arguments, match):
    path = tmp_path / "folder/HB1.015"
    with pytest.raises(ValueError, match=match):
        write_mstar_chip(path, *arguments)
    assert not path.parent.exists()


@pytest.fixture
def chips(tmp_path):
    """Chips of two classes, two folders deep, of two sizes, among foreign files."""
    root = tmp_path / "TEST"
    values = {}
    for number, (name, size) in enumerate(
        [("T72/SN_132/b.016", (6, 5)), ("BMP2/SN_1/a.015", (8, 8)), ("BMP2/SN_1/plain", (3, 4))]
    ):
        values[name] = chip(*size)[0]
        header = {"TargetType": f"type_{name[0]}", "TargetAz": 10.5 * number}
        if number:
            header["MeasuredDepression"] = 15.1
        if number == 2:
            header["DesiredDepression"] = 15
        write_mstar_chip(root / name, values[name], header=header)
    save(root / "T72/SN_132/b.jpg", picture(6, 5))
    (root / "T72/readme.txt").write_text("no chip")
    (root / "T72/.b.016").write_text("hidden")
    return root, values


def test_load_mstar(chips):
    root, values = chips
    loaded = load_mstar(root, image_size=(5, 5))
    order = ["BMP2/SN_1/a.015", "BMP2/SN_1/plain", "T72/SN_132/b.016"]
    assert [Path(name).relative_to(root).as_posix() for name in loaded.filenames] == order
    assert loaded.data.dtype == np.float32 and loaded.image_shape == (5, 5, 1)
    assert_array_equal(loaded.data[0, ..., 0], values[order[0]][1:6, 1:6])
    assert_array_equal(loaded.data[1, ..., 0], np.pad(values[order[1]], [(1, 1), (0, 1)]))
    assert_array_equal(loaded.data[2, ..., 0], values[order[2]][:5])
    assert loaded.target_names == ["BMP2", "T72"]
    assert_array_equal(loaded.target, [0, 0, 1])
    assert_allclose(loaded.azimuth, [10.5, 21.0, 0.0])
    assert_allclose(loaded.depression, [15.1, 15.0, np.nan])


def test_load_mstar_labels_from_headers(chips):
    root, _ = chips
    loaded = load_mstar(root.parent, image_size=(5, 5), label="header")
    assert loaded.target_names == ["type_B", "type_T"]
    assert_array_equal(loaded.target, [0, 0, 1])
    write_mstar_chip(root / "T72/a.015", np.ones((5, 5)))
    with pytest.raises(ValueError, match=r'needs TargetType.*a\.015 has none.*label="folder"'):
        load_mstar(root.parent, image_size=(5, 5), label="header")


def test_load_mstar_needs_one_size(chips):
    with pytest.raises(ValueError, match=r"a\.015 has 8 x 8 .*plain has 3 x 4.*Pass image_size"):
        load_mstar(chips[0])


@pytest.mark.parametrize("blob", [BLOB[:-7], b"", b"no header"])
def test_load_mstar_names_or_leaves_out_damaged_chips(chips, blob):
    root, _ = chips
    bad = root / "BMP2/SN_1/0.015"
    bad.write_bytes(blob)
    with pytest.raises(ValueError, match=str(bad)):
        load_mstar(root, image_size=(5, 5))
    with pytest.warns(UserWarning, match=f"Left out: {bad}") as record:
        loaded = load_mstar(root, image_size=(5, 5), on_error="warn")
    assert [warning.filename for warning in record] == [__file__]
    assert_array_equal(loaded.target, [0, 0, 1])
    assert_allclose(loaded.azimuth, [10.5, 21.0, 0.0])


def test_load_mstar_without_chips(tmp_path):
    with pytest.raises(ValueError, match=r'hold MSTAR chips, in one sub-folder.*label="header"'):
        load_mstar(tmp_path)
    with pytest.raises(ValueError, match="hold MSTAR chips; got.*Check the path"):
        load_mstar(tmp_path, label="header")
    with pytest.raises(ValueError, match="label must be 'folder' or 'header'; got 'name'"):
        load_mstar(tmp_path, label="name")


def test_load_mstar_does_not_warn(chips):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_mstar(chips[0], image_size=(4, 4))


def test_chip_that_is_cut_while_it_is_read_is_named(tmp_path, monkeypatch):
    path = tmp_path / "HB03787.015"
    path.write_bytes(BLOB)
    count = _chips._count_planes

    def cut_then_count(*args):
        os.truncate(path, len(BLOB) - 10)
        return count(*args)

    monkeypatch.setattr(_chips, "_count_planes", cut_then_count)
    with pytest.raises(ValueError, match=rf"{path} is not .*ended at value 57 of 60.*Replace"):
        read_mstar_chip(path)


def test_damaged_chips_end_in_an_error_that_names_them(tmp_path):
    rng = np.random.default_rng(0)
    path = tmp_path / "HB03787.015"
    for number in range(300):
        blob = bytearray(BLOB[: rng.integers(len(BLOB))] if number % 3 == 0 else BLOB)
        for place in rng.integers(0, max(len(blob), 1), 3) if blob else ():
            blob[place] = rng.integers(256)
        path.write_bytes(blob)
        try:
            magnitude, _, _ = read_mstar_chip(path)
        except ValueError as error:
            assert str(error).startswith(f"{path} is not a readable MSTAR chip: ")
        else:
            assert np.isfinite(magnitude).all()


def test_is_mstar_chip_takes_strings(tmp_path):
    path = tmp_path / "plain"
    path.write_bytes(BLOB)
    for name, expected in ((path, True), (tmp_path / "x.015", True), (tmp_path / "none", False)):
        assert is_mstar_chip(name) is is_mstar_chip(str(name)) is expected


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_pipes_are_no_chips(tmp_path):
    (tmp_path / "T72").mkdir()
    os.mkfifo(tmp_path / "T72/HB1.015")
    os.mkfifo(tmp_path / "T72/plain")
    assert not is_mstar_chip(tmp_path / "T72/plain")
    with pytest.raises(ValueError, match=r"HB1\.015 must be a regular file, but is a pipe"):
        read_mstar_chip(tmp_path / "T72/HB1.015")
    with pytest.raises(ValueError, match=r"HB1\.015 must be a regular file, but is a pipe"):
        load_mstar(tmp_path)
