"""Samples that come in pieces: what they add up to."""

import numpy as np
import pytest

from cae_sklearn._arrays import pieces
from cae_sklearn._arrays.linalg import further_ridge, ridge
from cae_sklearn._arrays.pieces import Earlier, first_samples


def problem(n, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 6)).astype(np.float32)
    targets = x @ np.arange(18).reshape(6, 3) + rng.normal(size=(n, 3)) + [1, 2, 3]
    return x, np.float32(targets)


@pytest.mark.parametrize("n_more", [1, 4, 300])
def test_a_further_regression_is_that_of_all_samples(n_more):
    x, targets = problem(2000, 0)
    more, more_targets = problem(n_more, 1)
    both = ridge(np.concatenate([x, more]), np.concatenate([targets, more_targets]))
    first = ridge(x, targets)
    further = further_ridge(*first, 2000, more, more_targets)
    for learned, expected, before in zip(further, both, first, strict=True):
        assert np.abs(learned - expected).max() < 0.05
        assert np.abs(learned - expected).max() <= np.abs(before - expected).max() + 0.01


def test_a_further_regression_follows_what_has_changed():
    x, targets = problem(500, 0)
    kernel, bias = ridge(x, targets)
    for seed in range(1, 40):
        x, targets = problem(100, seed)
        kernel, bias = further_ridge(kernel, bias, 500, x, 5 - targets)
    expected = ridge(x, 5 - targets)
    np.testing.assert_allclose(bias, expected[1], atol=0.4)
    assert np.abs(kernel - expected[0]).max() < 0.1 * np.abs(expected[0]).max()


def test_a_moment_is_that_of_all_samples():
    x = np.random.default_rng(0).normal(size=(1000, 4))
    merged = x[:100].mean(axis=0)
    for start in range(100, 1000, 50):
        piece = x[start : start + 50]
        merged = Earlier({}, start).mixed(merged, piece.mean(axis=0), 50)
    np.testing.assert_allclose(merged, x.mean(axis=0), rtol=1e-9)


def test_earlier_samples_count_for_a_bounded_number():
    assert Earlier({}, 10**9).mixed(0.0, 1.0, pieces.MOST) == 0.5


def test_the_first_samples_are_kept_until_they_are_enough(monkeypatch):
    X = np.arange(12.0).reshape(4, 3)
    begun, kept = first_samples(None, X)
    assert begun is X and kept is not X and kept.dtype == X.dtype
    begun, kept = first_samples(kept, np.full((2, 3), 7, np.uint8))
    np.testing.assert_array_equal(begun, np.concatenate([X, np.full((2, 3), 7)]))
    np.testing.assert_array_equal(kept, begun)
    begun, kept = first_samples(kept, np.zeros((pieces.FAIR, 3)))
    assert len(begun) == pieces.FAIR + 6 and kept is None
    monkeypatch.setattr(pieces, "FIRST_BYTES", 5 * 3 * 4)
    assert first_samples(X, X)[0] is X  # all would take too much memory
    assert first_samples(None, np.zeros((6, 3)))[1] is None
