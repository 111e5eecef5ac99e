"""Arrays that are read chunk by chunk."""

import numpy as np
import pytest

from cae_sklearn._arrays import streaming
from cae_sklearn._arrays.streaming import (
    channel_statistics,
    chunks,
    deviation,
    drawn,
    load_chunk,
    sample_indices,
)


@pytest.mark.parametrize("n_samples", [0, 1, 2, 9, 10, 11, 25])
@pytest.mark.parametrize(("n_bytes", "multiple_of", "size"), [(4, 1, 5), (4, 3, 3), (99, 2, 2)])
def test_chunks_cover_all_samples(monkeypatch, n_samples, n_bytes, multiple_of, size):
    monkeypatch.setattr(streaming, "CHUNK_BYTES", 20)
    parts = list(chunks(n_samples, n_bytes, multiple_of))
    covered = [i for part in parts for i in range(part.start, part.stop)]
    assert covered == list(range(n_samples))
    lengths = [part.stop - part.start for part in parts]
    assert all(length == size for length in lengths[:-1])
    assert not lengths or n_samples == 1 or 2 <= lengths[-1] <= size + 1


@pytest.mark.parametrize("dtype", [np.uint8, np.float64, np.int64, np.float32])
def test_chunks_are_loaded_as_bytes_or_floats(dtype):
    X = np.arange(24).reshape(6, 4).astype(dtype)
    loaded = load_chunk(X, slice(0, 6, 2))
    assert loaded.dtype == (np.uint8 if dtype is np.uint8 else np.float32)
    assert loaded.flags.c_contiguous
    np.testing.assert_array_equal(loaded, X[::2])


def test_samples_are_drawn_in_their_order():
    rng = np.random.default_rng(0)
    np.testing.assert_array_equal(sample_indices(5, 5, rng), np.arange(5))
    drawn = sample_indices(100, 20, rng)
    assert len(drawn) == 20
    assert (np.diff(drawn) > 0).all()


@pytest.mark.parametrize("chunk_bytes", [2**24, 16 * 4 * 60 * 3])
def test_the_statistics_of_chunks_are_those_of_all(monkeypatch, chunk_bytes):
    monkeypatch.setattr(streaming, "CHUNK_BYTES", chunk_bytes)
    X = np.random.default_rng(0).normal([1e4, -3.0, 0.0], [0.5, 20.0, 0.0], (37, 5, 4, 3))
    mean, std = channel_statistics(X)
    np.testing.assert_allclose(mean, X.mean(axis=(0, 1, 2)), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(std[:2], X.std(axis=(0, 1, 2))[:2], rtol=1e-8)
    assert std[2] == 1.0


def test_a_quiet_feature_does_not_become_the_loudest():
    features = np.random.default_rng(0).normal(size=(1000, 3)) * [1.0, 1e-6, 2.0]
    scaled = features / deviation(features)
    assert scaled.std(axis=0)[1] < 0.01
    np.testing.assert_allclose(scaled.std(axis=0)[[0, 2]], 1.0, atol=0.01)
    assert deviation(np.full((5, 2), 3.0)).min() >= 1.0


def test_drawn_samples_are_read_when_they_are_needed():
    X = np.arange(24.0).reshape(6, 2, 2, 1)
    some = drawn(X, 4, 0)
    numbers = some[:][:, 0, 0, 0]
    assert some.shape == (4, 2, 2, 1) and len(some) == some.size // 4 == len(set(numbers)) == 4
    assert (some.dtype, some.ndim) == (X.dtype, X.ndim)
    np.testing.assert_array_equal(some[np.array([3, 0])], some[:][[3, 0]])
    np.testing.assert_array_equal(some[1:3], some[:][1:3])
    assert drawn(X, 6, None) is X and drawn(X, None, None) is X
