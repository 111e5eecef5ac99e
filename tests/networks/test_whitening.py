"""What the whitened autoencoder starts from."""

import numpy as np
import pytest
from pictures import pictures

from cae_sklearn._networks import whitening as whitening_module
from cae_sklearn._networks.whitening import (
    FLOOR,
    PATCH_RIDGE,
    first_filters,
    normalize_contrast,
    sample_patches,
    whitening,
)


@pytest.fixture(scope="module")
def patches():
    X = pictures(500, (16, 16, 3))
    return sample_patches((X, np.zeros(3), np.full(3, 64.0)), (4, 4), np.random.default_rng(0))


def test_patches_are_whitened(patches):
    kernel, bias = whitening(np.float32(patches), np.random.default_rng(0))
    white = np.float32(normalize_contrast(patches)) @ kernel + bias
    covariance = np.cov(white, rowvar=False)
    np.testing.assert_allclose(covariance, np.diag(np.diag(covariance)), atol=1e-3)
    variances = np.linalg.eigvalsh(np.cov(normalize_contrast(patches), rowvar=False))
    without_noise = 1 - variances[1] / np.maximum(variances, variances[1])
    expected = without_noise**2 * variances / (variances + PATCH_RIDGE)
    np.testing.assert_allclose(np.sort(np.diag(covariance)), np.sort(expected), atol=1e-3)


def test_of_large_patches_the_first_components_are_whitened(patches, monkeypatch):
    monkeypatch.setattr(whitening_module, "N_WHITE", 10)
    kernel, bias = whitening(np.float32(patches), np.random.default_rng(0))
    assert kernel.shape == (48, 10) and bias.shape == (10,)
    white = np.float32(normalize_contrast(patches)) @ kernel + bias
    covariance = np.cov(white, rowvar=False)
    np.testing.assert_allclose(covariance, np.diag(np.diag(covariance)), atol=1e-2)
    assert np.diag(covariance).min() > 0.2


def test_white_noise_is_not_amplified(monkeypatch):
    rng = np.random.default_rng(0)
    wave = np.sin(np.arange(16) / 2 + rng.uniform(0, 6, (5000, 1)))
    noise = 0.5 * rng.normal(size=wave.shape)
    shares = []
    for n_components in (whitening_module.N_COMPONENTS, 17):  # 17: too few to tell the noise
        monkeypatch.setattr(whitening_module, "N_COMPONENTS", n_components)
        kernel, _ = whitening(np.float32(wave + noise), rng)
        shares.append((noise @ kernel).var() / (wave @ kernel).var())
    assert shares[0] < 0.2 < 1.0 < shares[1]


def test_the_kernel_takes_the_mean_of_a_patch_away(patches):
    kernel, _ = whitening(patches, np.random.default_rng(0))
    np.testing.assert_allclose(kernel.sum(axis=0), 0.0, atol=1e-4)


def test_patches_are_windows_of_standardised_images():
    X = np.arange(3 * 5 * 6).reshape(3, 5, 6, 1)
    patches = sample_patches(
        (X, np.float32([10.0]), np.float32([2.0])), (2, 3), np.random.default_rng(0)
    )
    windows = np.lib.stride_tricks.sliding_window_view(X[..., 0], (2, 3), (1, 2))
    possible = {tuple(window.ravel()) for window in windows.reshape(-1, 6)}
    assert {tuple(patch) for patch in 2.0 * patches + 10.0} == possible


def test_faint_patches_stay_fainter():
    rng = np.random.default_rng(0)
    patches = rng.normal(size=(2, 50)).astype(np.float32)
    patches *= np.float32([[0.1], [10.0]]) / patches.std(axis=1, keepdims=True)
    faint, strong = normalize_contrast(patches + 7.0).std(axis=1)
    assert faint == pytest.approx(0.1 / np.sqrt(0.01 + FLOOR), rel=1e-3)
    assert strong == pytest.approx(1.0, rel=0.01)


def test_filters_start_as_patches_of_unit_norm(patches):
    white = np.float32(patches[:, :30] - patches[:, :30].mean(axis=0))
    encoder, threshold, decoder = first_filters(white, 200, np.random.default_rng(0))
    np.testing.assert_allclose(np.linalg.norm(encoder, axis=0), 1.0, rtol=1e-5)
    directions = white / np.linalg.norm(white, axis=1, keepdims=True)
    assert (directions[:5000] @ encoder).max() <= 1.00001
    assert len(set(map(bytes, encoder.T))) > 190  # few patches are equal
    assert (threshold < 0).all()
    restored = np.maximum(white @ encoder + threshold, 0.0) @ decoder
    assert np.square(restored - white).mean() < 0.5 * np.square(white).mean()
    few = first_filters(white[:3], 8, np.random.default_rng(0))[0]
    assert few.shape == (30, 8)
