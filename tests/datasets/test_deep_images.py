"""Images of more than 8 bits."""

import zlib

import numpy as np
import pytest
from image_files import save
from numpy.testing import assert_array_equal

from cae_sklearn.datasets import load_image_folder


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("x.png", np.array([[0, 257, 32896, 65535]], np.uint16), [0, 1, 128, 255]),
        ("x.tif", np.array([[0, 257, 32896, 65535]], np.uint16), [0, 1, 128, 255]),
        ("x.tif", np.array([[0, 257, 32896, 65535]], np.int32), [0, 1, 128, 255]),
        ("x.tif", np.array([[0, 0.25, 0.5, 1]], np.float32), [0, 64, 128, 255]),
    ],
)
def test_deep_grey_is_scaled_to_8_bits(tmp_path, mode, name, values, expected):
    save(tmp_path / "a" / name, values)
    data = load_image_folder(tmp_path, mode=mode).data
    for channel in range(data.shape[-1]):
        assert_array_equal(data[0, 0, :, channel], expected)


def levels(pixels):
    return len(np.unique(pixels))


def test_narrow_grey_keeps_its_levels_and_the_loss_is_said(tmp_path):
    """349 levels of a 12-bit camera were left with 3."""
    values = np.arange(1800, 2149, dtype=np.uint16).reshape(1, -1)
    save(tmp_path / "a/1.png", values)
    save(tmp_path / "b/2.png", values[:, ::-1])
    match = r"scaled from \[1800, 2148\].*256 of 349 are left in .*1\.png.*dtype=\"stored\""
    with pytest.warns(UserWarning, match=match) as record:
        data = load_image_folder(tmp_path, mode="L").data
    assert [warning.filename for warning in record] == [__file__]
    assert levels(data) == 256
    assert_array_equal(data[0, 0, :, 0], np.rint((values[0] - 1800.0) * 255 / 348))
    assert_array_equal(data[1, 0, ::-1, 0], data[0, 0, :, 0])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([[0, 100, 255]], np.int32), [0, 100, 255]),  # as they are
        (np.array([[3, 100, 20]], np.int32), [3, 100, 20]),
        (np.array([[3, 100, 20]], np.uint16), [3, 100, 20]),
        (np.array([[0, 2048, 4000]], np.uint16), [0, 128, 249]),  # of 12 bits
        (np.array([[-1000, 0, 1550]], np.int32), [0, 100, 255]),  # Hounsfield units
        (np.array([[70000, 70051]], np.int32), [0, 255]),
        (np.array([[0, 127.5, 510]], np.float32), [0, 64, 255]),
        (np.array([[0.001, 0.002, 0.003]], np.float32), [0, 128, 255]),
        (np.array([[0.5, 0.5]], np.float32), [128, 128]),
        (np.array([[500, 500]], np.uint16), [250, 250]),
        (np.array([[-7, -7]], np.int32), [0, 0]),
    ],
)
def test_deep_grey_is_scaled_by_its_range(tmp_path, values, expected):
    save(tmp_path / "a/x.tif", values)
    assert_array_equal(load_image_folder(tmp_path, mode="L").data[0, 0, :, 0], expected)


def test_one_range_holds_for_all_deep_files_of_a_folder(tmp_path):
    save(tmp_path / "a/0.png", np.array([[7, 255]], np.uint8))  # 8 bits stay
    save(tmp_path / "a/1.png", np.array([[0, 1000]], np.uint16))
    save(tmp_path / "b/2.tif", np.array([[0, 4095]], np.int32))
    save(tmp_path / "b/3.tif", np.array([[0, 1]], np.float32))  # floats have their own
    (tmp_path / "b/4.png").write_bytes(b"damaged")
    with pytest.warns(UserWarning, match=r"4\.png"):
        data = load_image_folder(tmp_path, mode="L", on_error="warn").data
    assert_array_equal(data[:, 0, :, 0], [[7, 255], [0, 62], [0, 255], [0, 255]])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_named(tmp_path, value):
    path = save(tmp_path / "a/x.tif", np.array([[value, 1]], np.float32))
    save(tmp_path / "a/y.tif", np.array([[0, 1]], np.float32))
    with pytest.raises(ValueError, match=rf'{path}.*must be finite.*dtype="stored"'):
        load_image_folder(tmp_path)
    with pytest.warns(UserWarning, match=str(path)):
        data = load_image_folder(tmp_path, mode="L", on_error="warn").data
    assert_array_equal(data[0, 0, :, 0], [0, 255])
    stored = load_image_folder(tmp_path, mode="L", dtype="stored").data
    assert_array_equal(stored[0, 0, :, 0], np.array([value, 1], np.float32))


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float32])
def test_stored_values_are_kept(tmp_path, mode, dtype):
    values = np.arange(0, 240, 10).reshape(2, 3, 4).astype(dtype)
    for number, image in enumerate(values):
        save(tmp_path / f"a/{number}.tif", image)
    images = load_image_folder(tmp_path, mode=mode, dtype="stored", memmap=tmp_path / "images.npy")
    assert images.data.dtype == dtype
    assert images.image_shape == (3, 4, 3 if mode == "RGB" else 1)
    for channel in range(images.image_shape[-1]):
        assert_array_equal(images.data[..., channel], values)


def test_stored_types_meet_in_one_that_holds_all(tmp_path):
    save(tmp_path / "a/0.png", np.array([[7, 255]], np.uint8))
    save(tmp_path / "a/1.png", np.array([[0, 65535]], np.uint16))
    images = load_image_folder(tmp_path, mode="L", dtype="stored")
    assert images.data.dtype == np.uint16
    save(tmp_path / "a/2.tif", np.array([[-1, 70000]], np.int32))
    images = load_image_folder(tmp_path, mode="L", dtype="stored")
    assert images.data.dtype == np.int32
    assert_array_equal(images.data[..., 0, :, 0], [[7, 255], [0, 65535], [-1, 70000]])


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32])
def test_stored_values_are_resized_and_cropped(tmp_path, dtype):
    values = np.full((4, 6), 60000, dtype)
    save(tmp_path / "a/x.tif", values)
    for size in ((2, 3), (8, 9)):
        scaled = load_image_folder(tmp_path, mode="L", dtype="stored", image_size=size).data
        assert_array_equal(scaled, np.full((1, *size, 1), 60000, dtype))
    cropped = load_image_folder(
        tmp_path, mode="L", dtype="stored", image_size=(2, 8), resize="crop"
    ).data
    assert_array_equal(cropped[0, 0, :, 0], [0] + 6 * [60000] + [0])


def wide_colour(path):
    """Write a PNG with colours of 16 bits, which Pillow cannot write."""
    rows = b"\0" + np.arange(0, 6 * 4000, 4000, dtype=">u2").tobytes()

    def chunk(kind, data):
        check = zlib.crc32(kind + data).to_bytes(4, "big")
        return len(data).to_bytes(4, "big") + kind + data + check

    header = (2).to_bytes(4, "big") + (1).to_bytes(4, "big") + bytes([16, 2, 0, 0, 0])
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + parts)


@pytest.mark.parametrize("kind", ["png", "ppm"])
def test_colours_that_lose_bits_are_said(tmp_path, kind):
    path = tmp_path / f"a/x.{kind}"
    path.parent.mkdir()
    if kind == "png":
        wide_colour(path)
    else:
        path.write_bytes(b"P6 2 1 4095\n" + np.arange(6, dtype=">u2").tobytes())
    save(tmp_path / "a/y.png", np.zeros((1, 2, 3), np.uint8))
    match = rf"only the upper 8 are read: 1 files, such as {path}"
    with pytest.warns(UserWarning, match=match) as record:
        images = load_image_folder(tmp_path)
    assert [warning.filename for warning in record] == [__file__]
    assert images.data.shape == (2, 1, 2, 3)
    with pytest.raises(ValueError, match=rf"{path}.*colours of more than 8 bits.*load_npz"):
        load_image_folder(tmp_path, dtype="stored")


def test_unsigned_values_that_pillow_reads_as_negative_are_refused(tmp_path):
    path = save(tmp_path / "a/x.tif", np.array([[5, -5]], np.int32))
    blob = path.read_bytes()
    signed = np.array([339, 3], "<u2").tobytes() + np.array([1, 2], "<u4").tobytes()
    assert blob.count(signed) == 1  # the entry SampleFormat, 2 for signed
    path.write_bytes(blob.replace(signed, signed[:8] + b"\1" + signed[9:]))
    for dtype in ("uint8", "stored"):
        with pytest.raises(ValueError, match=rf"{path}.*above 2147483647"):
            load_image_folder(tmp_path, mode="L", dtype=dtype)
