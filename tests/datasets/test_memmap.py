"""Image folders as memory maps of a .npy file."""

import os
import stat
import sys

import numpy as np
import pytest
from image_files import encoded, picture
from numpy.testing import assert_array_equal
from progress import Progress, anonymous_memory, use_progress

from cae_sklearn.datasets import load_image_folder


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


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_thousands_of_files_in_bounded_memory(tmp_path, monkeypatch):
    blobs = [encoded(picture(12, 12), "PNG") for _ in range(10)]
    for number in range(1_000):
        folder = tmp_path / f"set/{number % 10}/{number % 70}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number:05}.png").write_bytes(blobs[number % 10])
    progress = Progress()
    use_progress(monkeypatch, progress)
    before = anonymous_memory()
    images = load_image_folder(
        tmp_path / "set", image_size=(128, 128), memmap=tmp_path / "images.npy", verbose=1
    )
    assert progress.seen == 1_000
    assert images.data.shape == (1_000, 128, 128, 3)
    assert images.data.nbytes > 49e6
    rise = max(progress.memory) - before
    assert rise < 10, f"rose by {rise:.0f} MB"
    first = images.data[np.unique(images.target, return_index=True)[1]]
    assert_array_equal(images.data[1::100], first)  # sorted: 100 files a class


def test_planted_link_is_not_followed(tree, tmp_path, monkeypatch):
    out, victim = tmp_path / "out", tmp_path / "victim"
    out.mkdir()
    victim.write_bytes(b"precious")
    target = out / "images.npy"
    monkeypatch.setattr("secrets.token_hex", lambda _: "guessed")
    for name in ("images.npy.part", "images.npy.guessed.part"):
        (out / name).symlink_to(victim)
    with pytest.raises(FileExistsError):  # the name that was guessed
        load_image_folder(tree[0], memmap=target)
    monkeypatch.undo()
    images = load_image_folder(tree[0], memmap=target)
    assert victim.read_bytes() == b"precious"
    assert_array_equal(images.data, load_image_folder(tree[0]).data)


@pytest.mark.skipif(os.name != "posix", reason="needs links and modes")
def test_memmap_is_written_through_a_link_with_the_old_mode(tree, tmp_path):
    real, link = tmp_path / "disk" / "big.npy", tmp_path / "images.npy"
    real.parent.mkdir()
    real.write_bytes(b"old")
    real.chmod(0o640)
    link.symlink_to(real)
    images = load_image_folder(tree[0], memmap=link)
    assert link.is_symlink()
    assert_array_equal(np.load(real), images.data)
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    new = tmp_path / "new.npy"
    load_image_folder(tree[0], memmap=new)
    (tmp_path / "plain").touch()
    assert new.stat().st_mode == (tmp_path / "plain").stat().st_mode
