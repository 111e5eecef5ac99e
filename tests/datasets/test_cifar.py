"""CIFAR-10: the published files, forged ones, and Keras's arrays."""

import os
import pickle
import sys
import tracemalloc
import types

import numpy as np
import pytest
from image_files import RNG, picture
from numpy.testing import assert_array_equal

from cae_sklearn.datasets import _plain_pickles, load_cifar10


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


@pytest.mark.parametrize("protocol", [0, 2, 3, 4, 5])
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
        except ValueError as error:
            assert str(path) in str(error)


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


def refused(tmp_path, blob, match):
    """Check that a batch is refused, in little time and memory."""
    path = tmp_path / "data_batch_1"
    path.write_bytes(blob)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=rf"{path} must be a pickled CIFAR-10 batch.*{match}"):
            load_cifar10(tmp_path)
        assert tracemalloc.get_traced_memory()[1] < 1e6 + 60 * len(blob)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("as_array", [True, False])
@pytest.mark.parametrize(
    ("labels", "said"),
    [([300, 1], "300"), ([-5, 1], "-5"), ([1.5, 1], "1.5"), ([1, np.nan], "nan")],
)
def test_cifar10_labels_are_whole_and_of_ten(tmp_path, labels, said, as_array):
    batch_files(tmp_path)
    batch = {"data": np.zeros((2, 3072), np.uint8)}
    batch["labels"] = np.array(labels) if as_array else labels
    refused(tmp_path, pickle.dumps(batch), rf"labels must hold whole .* 0 to 9.* such as {said}")


@pytest.mark.parametrize(
    ("value", "said"), [(300.7, "300.7"), (-1, "-1"), (np.nan, "nan"), (256, "256"), (0.5, "0.5")]
)
def test_cifar10_pixels_do_not_wrap(tmp_path, value, said):
    batch_files(tmp_path)
    data = np.zeros((2, 3072), np.int16 if isinstance(value, int) else np.float64)
    data[1, 7] = value
    blob = pickle.dumps({"data": data, "labels": [0, 1]})
    refused(tmp_path, blob, rf"data must hold whole .* 0 to 255.* such as {said}")


@pytest.mark.parametrize("labels", [["1", "2"], [None, 1], [[1], [2]], "12", {"a": 1}, [1j, 1]])
def test_cifar10_labels_are_numbers(tmp_path, labels):
    batch_files(tmp_path)
    batch = {"data": np.zeros((2, 3072), np.uint8), "labels": labels}
    (tmp_path / "data_batch_1").write_bytes(pickle.dumps(batch, 4))
    with pytest.raises(ValueError, match=r"data_batch_1 must be a pickled CIFAR-10 batch"):
        load_cifar10(tmp_path)


def test_cifar10_whole_numbers_of_any_type_are_pixels(tmp_path):
    images, labels = batch_files(tmp_path)
    pixels = images[0].transpose(0, 3, 1, 2).reshape(3, 3072)
    for dtype in (np.float32, np.int64, ">u2"):
        batch = {"data": pixels.astype(dtype), "labels": labels[0].astype(float)}
        (tmp_path / "data_batch_1").write_bytes(pickle.dumps(batch))
        sets = load_cifar10(tmp_path)
        assert_array_equal(sets.x_train[:3], images[0])
        assert sets.x_train.dtype == np.uint8 and sets.y_train.dtype == np.int64


def shared_lists(depth=40):
    """Return a small pickle of a list that has 2 ** depth elements once it is spread out."""
    shared = [0]
    for _ in range(depth):
        shared = [shared, shared]
    return pickle.dumps({"data": shared, "labels": shared})


def colliding_keys(n=20_000):
    """Return a pickle of a dict whose keys all have one hash."""
    keys = b"".join(pickle.dumps(i * (2**61 - 1), 2)[2:-1] + b"N" for i in range(1, n))
    return b"\x80\x02}(" + keys + b"u."


NEST = b"\x80\x04]q\x00K\x00a" + 40 * b"]h\x00ah\x00aq\x00"
BOMBS = {
    "shared lists": shared_lists(),
    "colliding keys": colliding_keys(),
    "bytes of 4.2 GB": b"\x80\x03B\xff\xff\xff\xff.",
    "bytes of 2 ** 62": b"\x80\x04\x8e" + (2**62).to_bytes(8, "little") + b".",
    "place 2 ** 29 in the memory": b"\x80\x02Nr\x00\x00\x00\x20.",
    "frame of 2 ** 62": b"\x80\x04\x95" + (2**62).to_bytes(8, "little") + b"N.",
    "the same text again and again": b"\x80\x02c_codecs\nencode\nq\x00X\x00\x10\x00\x00"
    + 4096 * b"a"
    + b"q\x01X\x06\x00\x00\x00latin1q\x02"
    + 4000 * b"h\x00h\x01h\x02\x86R"
    + b".",
    "wide numbers": b"\x80\x03cnumpy\ndtype\nX\x09\x00\x00\x00V99999999K\x00K\x01\x87R.",
    "a name of shared lists": NEST + b"h\x00h\x00\x93.",
    "a type of shared lists": NEST + b"cnumpy\ndtype\nh\x00\x85R.",
    "itself": b"\x80\x02]q\x00h\x00a.",
    "deep": b"\x80\x02" + 20_000 * b"]" + 19_999 * b"a" + b".",
}


@pytest.mark.parametrize("name", BOMBS)
def test_cifar10_pickles_that_would_take_all_memory_or_time_are_refused(tmp_path, name):
    batch_files(tmp_path)
    refused(tmp_path, BOMBS[name], "Fetch the file again")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("colliding keys", "keys of its dicts must be strings"),
        ("the same text again and again", "encodes the same text again and again"),
    ],
)
def test_cifar10_pickles_are_refused_before_they_take_time(tmp_path, name, reason):
    batch_files(tmp_path)
    refused(tmp_path, BOMBS[name], reason)


def test_cifar10_steps_are_bounded(tmp_path, monkeypatch):
    batch_files(tmp_path)
    monkeypatch.setattr(_plain_pickles, "_MOST_STEPS", 50)
    refused(tmp_path, b"\x80\x02]" + 100 * b"Na" + b".", "more than 50 steps")


def test_cifar10_damaged_batches_end_in_an_error_that_names_them(tmp_path):
    batch_files(tmp_path)
    path, rng = tmp_path / "test_batch", np.random.default_rng(0)
    blobs = [
        pickle.dumps({"data": np.zeros((1, 3072), np.uint8), "labels": [3]}, protocol)
        for protocol in (0, 2, 4, 5)
    ]
    for number in range(160):
        blob = bytearray(blobs[number % 4])
        places = [rng.integers(200), len(blob) - 1 - rng.integers(60)]
        blob[places[number % 2]] = rng.integers(256)
        path.write_bytes(blob if number % 3 else blob[: rng.integers(len(blob))])
        try:
            load_cifar10(tmp_path)
        except ValueError as error:
            assert str(path) in str(error)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_cifar10_pipe_is_no_batch(tmp_path):
    batch_files(tmp_path)
    (tmp_path / "test_batch").unlink()
    os.mkfifo(tmp_path / "test_batch")
    with pytest.raises(FileNotFoundError, match="lacks test_batch"):
        load_cifar10(tmp_path)
