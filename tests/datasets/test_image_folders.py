"""Folders of images: files, order, sizes, colours, damage and messages."""

import os
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from image_files import RNG, encoded, picture, save
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from progress import Progress, use_progress
from sklearn.datasets import load_files

from cae_sklearn.datasets import load_cifar10, load_image_folder, load_mstar, write_mstar_chip


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


def test_folder_ignores_hidden_files(tree):
    root, _ = tree
    expected = load_image_folder(root).filenames
    save(root / "BMP2/.thumb.png", picture(9, 9))
    save(root / ".cache/x.png", picture(9, 9))
    save(root / "T72/.git/x.png", picture(9, 9))
    save(root / "__MACOSX/x.png", picture(9, 9))
    for name in ("T72/Thumbs.db", "BMP2/desktop.ini", "README.txt"):
        (root / name).write_bytes(b"no image")
    assert_array_equal(load_image_folder(root).filenames, expected)
    assert load_image_folder(root).target_names == ["BMP2", "T72"]


def test_files_left_out_are_counted_and_named(tree):
    root, _ = tree
    expected = load_image_folder(root).filenames
    names = ("x.heic", "y.heic", "z.mpo", "notes.txt", "page.ps", "data.h5", "chip.015", "none")
    for name in names:
        (root / "T72" / name).write_bytes(b"no image")
    save(root / "stray.png", picture(9, 9))
    if hasattr(os, "mkfifo"):
        os.mkfifo(root / "T72/pipe.fifo")
    with pytest.warns(UserWarning, match="Left out") as record:
        images = load_image_folder(root)
    assert [warning.filename for warning in record] == [__file__]
    message = str(record[0].message)
    assert f"Left out {len(names) + 1 + hasattr(os, 'mkfifo')} files" in message
    for kind in (
        f"2 .heic (such as {root}/T72/x.heic)",
        f"1 .mpo (such as {root}/T72/z.mpo)",
        f"1 without a suffix (such as {root}/T72/none)",
        f"1 .png outside the class folders (such as {root}/stray.png)",
    ):
        assert kind in message
    assert_array_equal(images.filenames, expected)
    assert images.target_names == ["BMP2", "T72"]


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
        ({"dtype": "uint16"}, "dtype must be 'uint8' or 'stored'; got 'uint16'"),
        ({"on_error": None}, "on_error must be 'raise' or 'warn'; got None"),
        ({"image_size": 32}, r"image_size must be a pair .* >= 1; got 32. Pass"),
        ({"image_size": (32, 32, 3)}, r"got \(32, 32, 3\)"),
        ({"image_size": (32.0, 32)}, r"got \(32.0, 32\)"),
        ({"image_size": (True, 32)}, r"got \(True, 32\)"),
        ({"image_size": (0, 32)}, r"got \(0, 32\)"),
        ({"memmap": "images.dat"}, r"memmap must name a \.npy file.*got 'images.dat'"),
        ({"memmap": "folder.npy"}, "a file that can be written; got 'folder.npy'"),
        ({"memmap": "nowhere/images.npy"}, "existing folder; got 'nowhere/images.npy'"),
    ],
)
def test_folder_parameters_are_checked(tree, options, match, monkeypatch):
    monkeypatch.chdir(tree[0])
    (tree[0] / "folder.npy").mkdir()
    with pytest.raises(ValueError, match=match):
        load_image_folder(tree[0], **options)


def test_numpy_integers_are_sizes(tree):
    images = load_image_folder(tree[0], image_size=np.array([3, 2]))
    assert images.image_shape == (3, 2, 3)


def test_missing_pillow_is_explained(tree, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImportError, match=r"needs Pillow.*pip install cae_sklearn\[images\]"):
        load_image_folder(tree[0])


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


def test_loader_does_not_warn(tree):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_image_folder(tree[0], image_size=(4, 4))


def test_folder_without_images_says_what_it_holds(tmp_path):
    (tmp_path / "a").mkdir()
    for name in ("1.heic", "2.heic"):
        (tmp_path / "a" / name).write_bytes(b"")
    with pytest.raises(ValueError, match=r"has none\. Left out 2 files.*2 \.heic .*CLASS/FILE"):
        load_image_folder(tmp_path)


def test_too_many_pixels_say_what_to_set(tmp_path, monkeypatch):
    path = save(tmp_path / "a/x.png", picture(10, 10))
    save(tmp_path / "a/y.png", picture(5, 5))
    for limit in (90, 33):  # Pillow warns above one limit, here an error, and refuses above two
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        match = rf"{path} cannot be read.*set PIL\.Image\.MAX_IMAGE_PIXELS, now {limit},.*on_error"
        with pytest.raises(ValueError, match=match):
            load_image_folder(tmp_path)
    with pytest.warns(UserWarning, match=match):
        images = load_image_folder(tmp_path, image_size=(5, 5), on_error="warn")
    assert len(images.data) == 1
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    assert len(load_image_folder(tmp_path, image_size=(5, 5)).data) == 2


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
@pytest.mark.parametrize("kind", ["pipe", "device", "link"])
@pytest.mark.parametrize("dtype", ["uint8", "stored"])
def test_pipes_and_devices_are_refused(tmp_path, kind, dtype):
    save(tmp_path / "a/1.tif", picture(4, 4, 1).astype(np.int32))
    path = tmp_path / "a/0.png"
    if kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "link":
        os.mkfifo(tmp_path / "pipe")
        path.symlink_to(tmp_path / "pipe")
    else:
        os.mkfifo(path)
    match = f"{path} cannot be read as an image: .*must be a regular file, but is a pipe"
    with pytest.raises(ValueError, match=match):
        load_image_folder(tmp_path, dtype=dtype)
    with pytest.warns(UserWarning, match=match):
        images = load_image_folder(tmp_path, dtype=dtype, on_error="warn")
    assert len(images.data) == 1


def test_image_sizes_that_no_memory_holds_are_refused(tmp_path):
    with pytest.raises(ValueError, match="image_size must have at most 268,435,456 pixels"):
        load_image_folder(tmp_path, image_size=(10**9, 10**9))
