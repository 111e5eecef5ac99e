"""Image folders, MSTAR chips, archives, CIFAR-10 batches and synthetic chips."""

import io
import os
import pickle
import subprocess
import sys
import types
import warnings
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits, load_files

from cae_sklearn.datasets import (
    load_cifar10,
    load_digits_images,
    load_image_folder,
    load_mstar,
    load_npz,
    make_sar_chips,
    read_mstar_chip,
    write_mstar_chip,
)

Image = pytest.importorskip("PIL.Image")

RNG = np.random.default_rng(0)


def picture(height, width, channels=3):
    shape = (height, width) if channels == 1 else (height, width, channels)
    return RNG.integers(0, 256, shape, dtype=np.uint8)


def save(path, pixels, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(path, **options)
    return path


def encoded(pixels, kind, **options):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind, **options)
    return stream.getvalue()


@pytest.fixture
def tree(tmp_path):
    """Two classes of lossless 4 x 6 colour images, one of them two folders deep."""
    root = tmp_path / "TRAIN"
    pixels = {
        "BMP2/SN_9563/b.png": picture(4, 6),
        "BMP2/SN_9563/a.png": picture(4, 6),
        "BMP2/z.bmp": picture(4, 6),
        "T72/c.PNG": picture(4, 6),
    }
    for name, values in pixels.items():
        save(root / name, values)
    return root, pixels


# Image folders


def test_folder_keeps_pixels_classes_and_order(tree):
    root, pixels = tree
    images = load_image_folder(root)
    order = ["BMP2/z.bmp", "BMP2/SN_9563/a.png", "BMP2/SN_9563/b.png", "T72/c.PNG"]
    assert [Path(name).relative_to(root).as_posix() for name in images.filenames] == order
    assert_array_equal(images.data, np.stack([pixels[name] for name in order]))
    assert images.data.dtype == np.uint8
    assert images.target_names == ["BMP2", "T72"]
    assert_array_equal(images.target, [0, 0, 0, 1])
    assert images.image_shape == (4, 6, 3)


def test_folder_agrees_with_load_files(tree):
    root, _ = tree
    (root / "AAA").mkdir()
    for path in (root / "BMP2/SN_9563").iterdir():  # load_files reads one level only
        path.rename(root / "BMP2" / path.name)
    (root / "BMP2/SN_9563").rmdir()
    with pytest.warns(UserWarning, match="AAA"):
        images = load_image_folder(root)
    files = load_files(root, load_content=False, shuffle=False)
    assert images.target_names == files.target_names == ["AAA", "BMP2", "T72"]
    assert dict(zip(images.filenames, images.target, strict=True)) == dict(
        zip(files.filenames, files.target, strict=True)
    )


def test_folder_order_does_not_depend_on_the_file_system(tree, monkeypatch):
    root, _ = tree
    save(root / "BMP2/SN_9000/d.png", picture(4, 6))
    expected = load_image_folder(root)
    walk, iterdir = os.walk, Path.iterdir

    def backwards(top, **options):
        for folder, subfolders, files in walk(top, **options):
            subfolders.sort(reverse=True)
            yield folder, subfolders, sorted(files, reverse=True)

    monkeypatch.setattr(os, "walk", backwards)
    monkeypatch.setattr(Path, "iterdir", lambda path: sorted(iterdir(path), reverse=True))
    again = load_image_folder(root)
    assert_array_equal(again.filenames, expected.filenames)
    assert_array_equal(again.data, expected.data)
    assert_array_equal(again.target, expected.target)


def test_folder_ignores_hidden_foreign_and_stray_files(tree):
    root, _ = tree
    expected = load_image_folder(root).filenames
    save(root / "BMP2/.thumb.png", picture(9, 9))
    save(root / ".cache/x.png", picture(9, 9))
    save(root / "T72/.git/x.png", picture(9, 9))
    save(root / "__MACOSX/x.png", picture(9, 9))
    save(root / "stray.png", picture(9, 9))
    for name in ("notes.txt", "Thumbs.db", "page.ps", "data.h5", "chip.015", "none"):
        (root / "T72" / name).write_bytes(b"no image")
    assert_array_equal(load_image_folder(root).filenames, expected)
    assert load_image_folder(root).target_names == ["BMP2", "T72"]


def test_folder_of_mixed_sizes_needs_image_size(tree):
    root, _ = tree
    save(root / "T72/d.png", picture(8, 5))
    save(root / "T72/e.png", picture(3, 3))
    with pytest.raises(ValueError, match=r"z\.bmp has 4 x 6 .*d\.png has 8 x 5.*Pass image_size"):
        load_image_folder(root)
    images = load_image_folder(root, image_size=(5, 7))
    assert images.data.shape == (6, 5, 7, 3)


def test_resize_scales_the_whole_image(tmp_path):
    pixels = picture(9, 14)
    save(tmp_path / "a/x.png", pixels)
    images = load_image_folder(tmp_path, image_size=(4, 5))
    expected = Image.fromarray(pixels).resize((5, 4), Image.Resampling.BILINEAR)
    assert_array_equal(images.data[0], np.asarray(expected))


@pytest.mark.parametrize("have", [(4, 4), (5, 9), (9, 5), (10, 11), (3, 20)])
@pytest.mark.parametrize("want", [(4, 4), (7, 6)])
def test_crop_takes_the_central_window_and_pads(tmp_path, have, want):
    pixels = RNG.integers(1, 256, (*have, 3), dtype=np.uint8)
    save(tmp_path / "a/x.png", pixels)
    window = load_image_folder(tmp_path, image_size=want, resize="crop").data[0]
    middle = pixels
    for axis in (0, 1):
        if have[axis] >= want[axis]:
            start = (have[axis] - want[axis]) // 2
            middle = np.take(middle, range(start, start + want[axis]), axis=axis)
        else:
            before = (want[axis] - have[axis]) // 2
            margins = [(0, 0)] * 3
            margins[axis] = (before, want[axis] - have[axis] - before)
            middle = np.pad(middle, margins)
    assert_array_equal(window, middle)


def test_grey_and_colour_are_converted(tmp_path):
    grey, colour = picture(4, 6, 1), picture(4, 6)
    save(tmp_path / "a/1.png", grey)
    save(tmp_path / "a/2.png", colour)
    rgb = load_image_folder(tmp_path).data
    assert_array_equal(rgb[0], np.repeat(grey[..., np.newaxis], 3, axis=2))
    assert_array_equal(rgb[1], colour)
    images = load_image_folder(tmp_path, mode="L")
    assert images.image_shape == (4, 6, 1)
    assert_array_equal(images.data[0, ..., 0], grey)
    assert_array_equal(images.data[1, ..., 0], np.asarray(Image.fromarray(colour).convert("L")))


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_transparent_pixels_become_black(tmp_path, mode):
    pixels = np.full((2, 4, 4), 200, dtype=np.uint8)
    pixels[..., 3] = [[0, 255, 255, 0], [0, 0, 255, 255]]
    save(tmp_path / "a/rgba.png", pixels)
    save(tmp_path / "a/la.png", Image.fromarray(pixels).convert("LA"))
    palette = Image.new("P", (4, 2), 1)
    palette.putpalette([0, 255, 0, 200, 200, 200, 9, 9, 9])
    for row, column in np.argwhere(pixels[..., 3] == 0):
        palette.putpixel((int(column), int(row)), 0)
    save(tmp_path / "a/palette.png", palette, transparency=bytes([0, 255, 255]))
    save(tmp_path / "a/palette.gif", palette, transparency=0)
    data = load_image_folder(tmp_path, mode=mode).data
    assert len(data) == 4
    for image in data:
        assert_array_equal(image, np.where(pixels[..., 3:] == 255, 200, 0) + np.zeros_like(image))


def test_other_modes_are_converted(tmp_path):
    colour = Image.fromarray(picture(4, 6))
    save(tmp_path / "a/bits.png", colour.convert("1"))
    save(tmp_path / "a/cmyk.tif", colour.convert("CMYK"))
    save(tmp_path / "a/palette.png", colour.quantize(16))
    bits, cmyk, palette = load_image_folder(tmp_path).data
    assert set(np.unique(bits)) <= {0, 255}
    assert_allclose(cmyk, np.asarray(colour), atol=2)
    assert_array_equal(palette, np.asarray(colour.quantize(16).convert("RGB")))


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


@pytest.mark.parametrize(
    "values",
    [
        np.array([[0.0, 1.5]], np.float32),
        np.array([[-0.1, 1.0]], np.float32),
        np.array([[np.nan, 1.0]], np.float32),
        np.array([[0, 65536]], np.int32),
    ],
)
def test_deep_grey_out_of_range_is_named(tmp_path, values):
    path = save(tmp_path / "a/x.tif", values)
    with pytest.raises(ValueError, match=rf"{path}.*must lie in \[0, (1|65535)\].*load_npz"):
        load_image_folder(tmp_path, mode="L")


def test_photographs_are_turned_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by a quarter
    pixels = picture(4, 6)
    save(tmp_path / "a/x.png", pixels, exif=exif)
    assert_array_equal(load_image_folder(tmp_path).data[0], np.rot90(pixels, -1))


def damage(kind, smooth):
    blob = encoded(smooth, kind)
    return {
        "cut": blob[: len(blob) // 2],
        "tail": blob[:-40],  # a PNG ends with 20 bytes that hold no pixels
        "empty": b"",
        "text": b"these are not pixels",
        "header": blob[:4],
    }


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "BMP"])
@pytest.mark.parametrize("fault", ["cut", "tail", "empty", "text", "header"])
def test_damaged_file_is_named_or_left_out(tmp_path, kind, fault):
    good = picture(40, 40)
    for name in ("a/1.png", "a/3.png", "b/4.png"):
        save(tmp_path / name, good)
    bad = tmp_path / f"a/2.{kind.lower()}"
    bad.write_bytes(damage(kind, good)[fault])
    with pytest.raises(ValueError, match=rf"{bad} cannot be read.*Replace or remove.*on_error"):
        load_image_folder(tmp_path)
    with pytest.warns(UserWarning, match=rf"Left out: {bad}") as record:
        images = load_image_folder(tmp_path, on_error="warn")
    assert [warning.filename for warning in record] == [__file__]
    assert_array_equal(images.data, [good, good, good])
    assert_array_equal(images.target, [0, 0, 1])
    assert [Path(name).name for name in images.filenames] == ["1.png", "3.png", "4.png"]


def test_first_file_may_be_the_damaged_one(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a/0.png").write_bytes(b"")
    save(tmp_path / "a/1.png", picture(4, 4))
    with pytest.warns(UserWarning, match="0.png"):
        assert load_image_folder(tmp_path, on_error="warn").data.shape == (1, 4, 4, 3)


def test_folder_without_a_readable_file(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a/0.png").write_bytes(b"")
    with (
        pytest.warns(UserWarning, match="0.png"),
        pytest.raises(ValueError, match=r"got 1, none readable.*0\.png"),
    ):
        load_image_folder(tmp_path, on_error="warn")


def test_empty_class_stays_in_target_names(tree):
    root, _ = tree
    (root / "BTR70").mkdir()
    (root / "ZSU/deeper").mkdir(parents=True)
    with pytest.warns(UserWarning, match="class folders BTR70, ZSU; they stay") as record:
        images = load_image_folder(root)
    assert [warning.filename for warning in record] == [__file__]
    assert images.target_names == ["BMP2", "BTR70", "T72", "ZSU"]
    assert_array_equal(images.target, [0, 0, 0, 2])


def test_folder_without_images(tmp_path):
    with pytest.raises(ValueError, match="folder must hold images.*CLASS/FILE"):
        load_image_folder(tmp_path)
    save(tmp_path / "x.png", picture(4, 4))
    with pytest.raises(ValueError, match="folder must hold images.*CLASS/FILE"):
        load_image_folder(tmp_path)
    write_mstar_chip(tmp_path / "BMP2/HB1.015", np.ones((4, 4)))
    with pytest.raises(ValueError, match=r"HB1\.015 with load_mstar"):
        load_image_folder(tmp_path)


@pytest.mark.parametrize("load", [load_image_folder, load_mstar, load_cifar10])
def test_missing_folder_is_named(tmp_path, load):
    with pytest.raises(FileNotFoundError, match="folder must be an existing folder.*nowhere"):
        load(tmp_path / "nowhere")
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError, match="folder must be an existing folder.*file"):
        load(tmp_path / "file")


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"mode": "RGBA"}, "mode must be 'RGB' or 'L'; got 'RGBA'. Pass mode='RGB'"),
        ({"resize": "fit"}, "resize must be 'resize' or 'crop'; got 'fit'"),
        ({"on_error": None}, "on_error must be 'raise' or 'warn'; got None"),
        ({"image_size": 32}, r"image_size must be a pair .* >= 1; got 32. Pass"),
        ({"image_size": (32, 32, 3)}, r"got \(32, 32, 3\)"),
        ({"image_size": (32.0, 32)}, r"got \(32.0, 32\)"),
        ({"image_size": (True, 32)}, r"got \(True, 32\)"),
        ({"image_size": (0, 32)}, r"got \(0, 32\)"),
        ({"memmap": "images.dat"}, r"memmap must name a \.npy file.*got 'images.dat'"),
        ({"memmap": "nowhere/images.npy"}, "existing folder; got 'nowhere/images.npy'"),
    ],
)
def test_folder_parameters_are_checked(tree, options, match):
    with pytest.raises(ValueError, match=match):
        load_image_folder(tree[0], **options)


def test_numpy_integers_are_sizes(tree):
    images = load_image_folder(tree[0], image_size=np.array([3, 2]))
    assert images.image_shape == (3, 2, 3)


def test_missing_pillow_is_explained(tree, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImportError, match=r"needs Pillow.*pip install cae_sklearn\[images\]"):
        load_image_folder(tree[0])


def test_memmap_holds_the_same_images(tree, tmp_path):
    root, _ = tree
    target = tmp_path / "out" / "images.npy"
    target.parent.mkdir()
    target.write_bytes(b"old")
    images = load_image_folder(root, memmap=target)
    assert isinstance(images.data, np.memmap)
    assert not images.data.flags.writeable
    assert_array_equal(images.data, load_image_folder(root).data)
    assert_array_equal(np.load(target), images.data)
    assert list(target.parent.iterdir()) == [target]


def test_memmap_is_cut_to_the_files_read(tree, tmp_path):
    root, _ = tree
    target = tmp_path / "images.npy"
    (root / "BMP2/SN_9563/a.png").write_bytes(b"")
    with pytest.warns(UserWarning, match="a.png"):
        images = load_image_folder(root, memmap=target, on_error="warn")
    with pytest.warns(UserWarning, match="a.png"):
        expected = load_image_folder(root, on_error="warn").data
    assert images.data.shape == (3, 4, 6, 3)
    assert_array_equal(np.load(target), expected)
    assert target.stat().st_size == images.data.offset + expected.nbytes


def test_memmap_leaves_nothing_after_an_error(tree, tmp_path):
    root, _ = tree
    target = tmp_path / "out" / "images.npy"
    target.parent.mkdir()
    target.write_bytes(b"old")
    (root / "T72/c.PNG").write_bytes(b"")
    with pytest.raises(ValueError, match="c.PNG"):
        load_image_folder(root, memmap=target)
    assert [path.read_bytes() for path in target.parent.iterdir()] == [b"old"]


def anonymous_memory():
    """Return the resident anonymous memory of this process in MB; file pages do not count."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) / 1024


class Progress:
    """Stands for tqdm, and notes the memory in use on the way."""

    def __init__(self):
        self.seen, self.memory = 0, []

    def __call__(self, paths, **options):
        for path in paths:
            if self.seen % 500 == 0 and sys.platform == "linux":
                self.memory.append(anonymous_memory())
            self.seen += 1
            yield path


def use_progress(monkeypatch, progress):
    module = types.ModuleType("tqdm.auto")
    module.tqdm = progress
    monkeypatch.setitem(sys.modules, "tqdm", types.ModuleType("tqdm"))
    monkeypatch.setitem(sys.modules, "tqdm.auto", module)


def test_progress_is_shown_on_request_only(tree, monkeypatch, capsys):
    progress = Progress()
    use_progress(monkeypatch, progress)
    load_image_folder(tree[0])
    assert progress.seen == 0
    load_image_folder(tree[0], verbose=1)
    assert progress.seen == 4
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    load_image_folder(tree[0], verbose=1)
    assert capsys.readouterr() == ("", "")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_20000_files_in_bounded_memory(tmp_path, monkeypatch):
    blobs = [encoded(picture(12, 12), "PNG") for _ in range(10)]
    for number in range(20_000):
        folder = tmp_path / f"set/{number % 10}/{number % 70}"
        if number < 70:
            folder.mkdir(parents=True)
        (folder / f"{number:05}.png").write_bytes(blobs[number % 10])
    progress = Progress()
    use_progress(monkeypatch, progress)
    before = anonymous_memory()
    images = load_image_folder(
        tmp_path / "set", image_size=(56, 56), memmap=tmp_path / "images.npy", verbose=1
    )
    assert progress.seen == 20_000
    assert images.data.shape == (20_000, 56, 56, 3)
    assert images.data.nbytes > 188e6
    rise = max(progress.memory) - before
    assert rise < 40, f"rose by {rise:.0f} MB"  # mostly 20,000 path objects
    first = images.data[np.unique(images.target, return_index=True)[1]]
    assert_array_equal(images.data[1::2000], first)  # sorted: 2,000 files a class


# MSTAR


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


# Synthetic chips


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

    train, test = (make_sar_chips(300, 3, image_size=(32, 32), random_state=s) for s in (1, 2))
    forest = RandomForestClassifier(100, random_state=0)
    forest.fit(train.data.reshape(300, -1), train.target)
    assert forest.score(test.data.reshape(300, -1), test.target) > 0.6


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


# Archives


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


# CIFAR-10 and digits


def batch_files(folder, protocol=4, bytes_keys=True):
    """Write six small batches; return the images and labels in them."""
    folder.mkdir(parents=True, exist_ok=True)
    images, labels = [], []
    for name in [f"data_batch_{number}" for number in range(1, 6)] + ["test_batch"]:
        pixels = RNG.integers(0, 256, (3, 3072), dtype=np.uint8)
        classes = RNG.integers(0, 10, 3).tolist()
        batch = {"batch_label": "a batch", "labels": classes, "data": pixels, "filenames": ["x"]}
        if bytes_keys:
            batch = {key.encode(): value for key, value in batch.items()}
        (folder / name).write_bytes(pickle.dumps(batch, protocol))
        images.append(pixels.reshape(3, 3, 32, 32).transpose(0, 2, 3, 1))
        labels.append(classes)
    return np.stack(images), np.array(labels)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("bytes_keys", [True, False])
@pytest.mark.parametrize("inner", ["", "cifar-10-batches-py"])
def test_cifar10_batches(tmp_path, protocol, bytes_keys, inner):
    images, labels = batch_files(tmp_path / inner, protocol, bytes_keys)
    sets = load_cifar10(tmp_path)
    assert_array_equal(sets.x_train, images[:5].reshape(15, 32, 32, 3))
    assert_array_equal(sets.y_train, labels[:5].ravel())
    assert_array_equal(sets.x_test, images[5])
    assert_array_equal(sets.y_test, labels[5])
    assert sets.x_train.dtype == np.uint8 and sets.x_test.flags.c_contiguous
    assert sets.target_names[3] == "cat" and len(sets.target_names) == 10


def test_cifar10_reads_pickles_of_python_2(tmp_path):
    """The published batches are protocol 2, name numpy.core, and hold byte strings."""
    batch_files(tmp_path)
    raw = bytes(range(256)) * 12
    blob = (
        b"\x80\x02}(U\x06labelsK\x07aU\x04datacnumpy.core.multiarray\n_reconstruct\n"
        b"cnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01K\x01M\x00\x0c\x86cnumpy\ndtype\n"
        b"U\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        b"\x89T" + len(raw).to_bytes(4, "little") + raw + b"tbu."
    ).replace(b"K\x07aU", b"]K\x07aU")
    (tmp_path / "test_batch").write_bytes(blob)
    sets = load_cifar10(tmp_path)
    assert_array_equal(sets.x_test[0].transpose(2, 0, 1).ravel(), np.frombuffer(raw, np.uint8))
    assert_array_equal(sets.y_test, [7])


def test_cifar10_arrays_of_any_order_and_labels_in_an_array(tmp_path):
    """What NumPy pickles for these arrays is read back as it was."""
    batch_files(tmp_path)
    pixels = np.asfortranarray(RNG.integers(0, 256, (3, 3072), dtype=np.uint8))
    labels = np.array([1, 2, 3], dtype=">i4")
    for protocol in (3, 5):
        blob = pickle.dumps({"data": pixels, "labels": labels}, protocol)
        (tmp_path / "test_batch").write_bytes(blob)
        sets = load_cifar10(tmp_path)
        assert_array_equal(sets.x_test.transpose(0, 3, 1, 2).reshape(3, 3072), pixels)
        assert_array_equal(sets.y_test, [1, 2, 3])


def test_cifar10_forged_arrays_do_not_crash(tmp_path):
    """A forged dtype state (here: the flags of an object array) crashes NumPy's own reader."""
    batch_files(tmp_path)
    path = tmp_path / "data_batch_1"
    pixels = RNG.integers(0, 256, (2, 3072), dtype=np.uint8)
    blob = pickle.dumps({b"data": pixels, b"labels": [1, 2]}, 4)
    state = b"J\xff\xff\xff\xffJ\xff\xff\xff\xffK"
    assert blob.count(state + b"\x00") == 1
    path.write_bytes(blob.replace(state + b"\x00", state + b"\x3f"))
    assert_array_equal(load_cifar10(tmp_path).y_train[:2], [1, 2])
    rng = np.random.default_rng(0)
    for _ in range(300):
        forged = bytearray(blob)
        forged[rng.integers(200)] = rng.integers(256)
        path.write_bytes(forged)
        try:
            load_cifar10(tmp_path)
        except (ValueError, MemoryError) as error:
            assert isinstance(error, MemoryError) or str(path) in str(error)


class Run:
    """Runs code when it is unpickled by a careless reader."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize(
    ("function", "name"),
    [(os.mkdir, r"(posix|nt)\.mkdir"), (eval, r"\w+\.eval"), (getattr, r"\w+\.getattr")],
)
def test_cifar10_refuses_code(tmp_path, protocol, function, name):
    batch_files(tmp_path)
    trap = tmp_path / "sprung"
    call = {
        os.mkdir: (str(trap),),
        eval: (f"__import__('os').mkdir({str(trap)!r})",),
        getattr: ("", "join"),
    }
    batch = {"data": Run(function, *call[function]), "labels": [0]}
    (tmp_path / "data_batch_2").write_bytes(pickle.dumps(batch, protocol))
    with pytest.raises(ValueError, match=rf"data_batch_2 must be .*asks for {name}.*refused"):
        load_cifar10(tmp_path)
    assert not trap.exists()


def test_cifar10_damage_is_named(tmp_path):
    batch_files(tmp_path)
    path = tmp_path / "test_batch"
    pixels = np.zeros((2, 3072), np.uint8)
    for batch in (
        {"labels": [0, 1]},
        {"data": pixels},
        {"data": pixels[:, :-1], "labels": [0, 1]},
        {"data": pixels, "labels": [0]},
        {"data": pixels.astype(object), "labels": [0, 1]},
        [1, 2],
    ):
        path.write_bytes(pickle.dumps(batch))
        with pytest.raises(ValueError, match=rf"{path} must be a pickled CIFAR-10 batch.*again"):
            load_cifar10(tmp_path)
    for blob in (b"", b"text", pickle.dumps({"data": pixels})[:-50]):
        path.write_bytes(blob)
        with pytest.raises(ValueError, match=rf"{path} must be a pickled CIFAR-10 batch"):
            load_cifar10(tmp_path)
    path.unlink()
    (tmp_path / "data_batch_3").unlink()
    with pytest.raises(FileNotFoundError, match=r"lacks data_batch_3, test_batch\. Unpack"):
        load_cifar10(tmp_path)


@pytest.mark.parametrize("channels_first", [False, True])
def test_cifar10_through_keras(monkeypatch, channels_first):
    x, y = picture(6, 32 * 32).reshape(6, 32, 32, 3), np.arange(6, dtype=np.uint8)[:, np.newaxis]
    given = x.transpose(0, 3, 1, 2) if channels_first else x
    module = types.ModuleType("keras.datasets")
    module.cifar10 = types.SimpleNamespace(
        load_data=lambda: ((given[:4], y[:4]), (given[4:], y[4:]))
    )
    monkeypatch.setitem(sys.modules, "keras", types.ModuleType("keras"))
    monkeypatch.setitem(sys.modules, "keras.datasets", module)
    sets = load_cifar10()
    assert_array_equal(sets.x_train, x[:4])
    assert_array_equal(sets.x_test, x[4:])
    assert_array_equal(sets.y_train, [0, 1, 2, 3])
    assert sets.target_names[0] == "airplane" and sets.image_shape == (32, 32, 3)


def test_digits_are_those_of_scikit_learn():
    images, digits = load_digits_images(), load_digits()
    assert images.data.dtype == np.uint8 and images.image_shape == (8, 8, 1)
    assert_array_equal(images.data.reshape(1797, 64), digits.data)
    assert_array_equal(images.target, digits.target)
    assert images.target_names == list("0123456789")


def test_import_loads_neither_tensorflow_nor_pillow():
    code = "import sys, cae_sklearn.datasets; print([m for m in sys.modules if '.' not in m])"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert not {"tensorflow", "keras", "PIL", "tqdm"} & set(eval(result.stdout))


def test_loaders_do_not_warn(tree, chips):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_image_folder(tree[0], image_size=(4, 4))
        load_mstar(chips[0], image_size=(4, 4))
