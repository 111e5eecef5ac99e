"""NumPy archives of a training and a test set."""

import io
import os
import zipfile

import numpy as np
import pytest
from image_files import picture
from numpy.testing import assert_array_equal

from cae_sklearn.datasets import load_npz


def arrays(n_train=4, n_test=2):
    y = np.arange(n_train + n_test) % 2
    x = picture(n_train + n_test, 8, 8)
    return {"x_train": x[:n_train], "y_train": y[:n_train]} | {
        "x_test": x[n_train:],
        "y_test": y[n_train:],
    }


def test_npz_round_trip(tmp_path):
    stored = arrays()
    np.savez_compressed(tmp_path / "set.npz", **stored)
    sets = load_npz(tmp_path / "set.npz")
    for name, values in stored.items():
        assert_array_equal(sets[name], values)
        assert sets[name].dtype == values.dtype
    assert sets.target_names == ["0", "1"] and sets.image_shape == (8, 8)


@pytest.mark.parametrize("key", ["target_names", "class_names"])
def test_npz_names_and_column_labels(tmp_path, key):
    stored = arrays()
    stored["y_train"] = stored["y_train"][:, np.newaxis]
    np.savez(tmp_path / "set.npz", **stored, **{key: np.array([b"cat", b"dog"])})
    sets = load_npz(tmp_path / "set.npz")
    assert sets.target_names == ["cat", "dog"]
    assert sets.y_train.shape == (4,)


def test_npz_missing_arrays_are_named(tmp_path):
    path = tmp_path / "set.npz"
    np.savez(path, x_train=np.ones((2, 2)), labels=np.ones(2))
    with pytest.raises(ValueError, match="lacks y_train, x_test, y_test and holds labels, x_train"):
        load_npz(path)
    np.savez(path)
    with pytest.raises(ValueError, match="lacks x_train, .* and holds nothing"):
        load_npz(path)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        load_npz(tmp_path / "nowhere.npz")


@pytest.mark.parametrize("fault", ["text", "empty", "array", "objects", "cut", "flipped"])
def test_npz_damage_is_named(tmp_path, fault):
    path = tmp_path / "set.npz"
    stored = arrays()
    if fault == "objects":
        stored["y_train"] = np.array([{}] * 4)
    np.savez_compressed(path, **stored)
    blob = path.read_bytes()
    if fault == "text":
        path.write_bytes(b"no archive")
    elif fault == "empty":
        path.write_bytes(b"")
    elif fault == "array":
        with path.open("wb") as stream:
            np.save(stream, np.ones(3))
    elif fault == "cut":
        path.write_bytes(blob[:-100])
    elif fault == "flipped":
        path.write_bytes(blob[:150] + bytes(255 - byte for byte in blob[150:170]) + blob[170:])
    with pytest.raises(ValueError, match=f"path must be an intact .npz archive.*{path}.*savez"):
        load_npz(path)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"y_train": np.zeros(3)}, r"x_train must hold one image .*\(4, 8, 8\) and \(3,\)"),
        ({"y_test": np.zeros((2, 2))}, r"x_test must hold one image .*\(2, 2\)"),
        ({"x_train": np.zeros(4)}, r"x_train must hold one image .*\(4,\)"),
        ({"x_test": np.zeros((2, 8, 9))}, r"the shape of x_train, \(8, 8\); got \(8, 9\)"),
    ],
)
def test_npz_arrays_must_fit_together(tmp_path, changes, match):
    np.savez(tmp_path / "set.npz", **(arrays() | changes))
    with pytest.raises(ValueError, match=match):
        load_npz(tmp_path / "set.npz")


def damaged(blob, rng):
    """Return a cut, flipped, overwritten or shifted copy."""
    copy, kind = bytearray(blob), rng.integers(4)
    start = rng.integers(len(copy))
    if kind == 0:
        return copy[:start]
    if kind == 1:
        copy[start] ^= 1 << rng.integers(8)
    elif kind == 2:
        copy[start : start + 20] = rng.bytes(20)
    else:
        del copy[start : start + rng.integers(1, 20)]
    return copy


@pytest.mark.parametrize("compressed", [False, True])
def test_damaged_archives_end_in_one_error(tmp_path, compressed):
    """Such files raised LZMAError, TokenError, OverflowError, NotImplementedError and more."""
    path, rng = tmp_path / "set.npz", np.random.default_rng(0)
    stored = {name: values[..., :2] if values.ndim > 1 else values for name, values in small()}
    stored["target_names"] = np.array(["cat", "dog"])
    (np.savez_compressed if compressed else np.savez)(path, **stored)
    blob, n_refused = path.read_bytes(), 0
    for _ in range(400):
        path.write_bytes(damaged(blob, rng))
        try:
            sets = load_npz(path)
        except ValueError as error:
            n_refused += 1
            assert str(path) in str(error) and "numpy.savez" in str(error)
        else:  # what was hit matters to nobody
            for name, values in stored.items():
                assert_array_equal(sets[name], values)
    assert n_refused > 200


def small():
    return arrays(3, 2).items()


@pytest.mark.parametrize("shape", [(10**12,), (2**40, 2**40), (1,)])
def test_headers_that_claim_another_size_are_refused(tmp_path, shape):
    path = tmp_path / "set.npz"
    np.savez(path, **arrays())
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "|u1", "fortran_order": False, "shape": shape}
    )
    members["y_test.npy"] = header.getvalue() + bytes(16)
    with zipfile.ZipFile(path, "w") as archive:
        for name, blob in members.items():
            archive.writestr(name, blob)
    with pytest.raises(ValueError, match=rf"{path} .*y_test\.npy needs \d+ bytes .*holds 16"):
        load_npz(path)


def test_array_of_any_layout_is_read(tmp_path):
    stored = arrays()
    stored["x_train"] = np.asfortranarray(stored["x_train"].astype(">f4"))
    stored["y_test"] = stored["y_test"].astype(np.int16)
    np.savez(tmp_path / "set.npz", **stored)
    sets = load_npz(tmp_path / "set.npz")
    for name, values in stored.items():
        assert_array_equal(sets[name], values)
        assert sets[name].dtype == values.dtype and sets[name].flags.writeable


@pytest.mark.parametrize("names", [np.array("cat"), np.array([b"\xe9", b"dog"])])
def test_names_that_are_no_list_of_text_are_named(tmp_path, names):
    path = tmp_path / "set.npz"
    np.savez(path, **arrays(), target_names=names)
    with pytest.raises(ValueError, match=rf"got {path} .*Write it"):
        load_npz(path)


@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize("labels", [[-1, 0, 1], [1, 2, 3]])
def test_labels_that_names_do_not_count_are_said(tmp_path, labels, named):
    path = tmp_path / "set.npz"
    names = {"target_names": np.array(["a", "b", "c"])} if named else {}
    y = {"y_train": np.array(labels), "y_test": np.array(labels[:2])}
    x = {"x_train": np.zeros((3, 4)), "x_test": np.zeros((2, 4))}
    np.savez(path, **x, **y, **names)
    match = rf"3 names, for the labels 0 to 2, but .*{path} run from {labels[0]} to {labels[-1]}"
    with pytest.warns(UserWarning, match=match) as record:
        sets = load_npz(path)
    assert [warning.filename for warning in record] == [__file__]
    assert_array_equal(sets.y_train, labels)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_pipe_is_no_archive(tmp_path):
    os.mkfifo(tmp_path / "set.npz")
    with pytest.raises(ValueError, match=r"set\.npz must be a regular file, but is a pipe"):
        load_npz(tmp_path / "set.npz")


@pytest.mark.parametrize(
    ("y_train", "y_test"),
    [
        (np.array(["0", "1"]), np.array([0, 1])),
        (np.array([2**60, 1]), np.array([2**60 + 1, 1], np.uint64)),
        (np.array(["2026-01-01"] * 2, "M8[D]"), np.array([0, 1])),
    ],
)
def test_labels_of_two_types_are_refused(tmp_path, y_train, y_test):
    x = np.zeros((2, 4, 4), np.uint8)
    path = tmp_path / "two.npz"
    np.savez(path, x_train=x, y_train=y_train, x_test=x, y_test=y_test)
    with pytest.raises(ValueError, match=f"y_train and y_test must both.*{path}"):
        load_npz(path)
