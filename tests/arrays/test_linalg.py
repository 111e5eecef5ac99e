"""Linear algebra: parity with NumPy and scikit-learn, the same bits for any number of threads."""

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge

from cae_sklearn._arrays.linalg import (
    RIDGE,
    cholesky,
    inner,
    principal_axes,
    rescaled,
    ridge,
    shrunk,
    substitute,
)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize(("n", "columns"), [(1, 1), (700, 5), (900, 33)])
def test_products_are_the_same_for_any_number_of_threads(n, columns, monkeypatch):
    x, y = normal(n, 19), normal(n, columns, seed=1)
    products = []
    for threads in (1, 3, None):
        monkeypatch.setattr("cae_sklearn._arrays.linalg.threads_for", lambda work, t=threads: t)
        products.append(inner(x, y))
    np.testing.assert_array_equal(products[0], products[1])
    for product in products:
        np.testing.assert_allclose(product, x.T.astype(float) @ y, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("threads", [1, 3, None])
def test_systems_are_solved(threads, monkeypatch):
    monkeypatch.setattr("cae_sklearn._arrays.linalg.threads_for", lambda work: threads)
    x = np.float64(normal(50, 20))
    gram, right = x.T @ x, normal(20, 11)
    root = cholesky(gram)
    np.testing.assert_allclose(np.tril(root) @ np.tril(root).T, gram, atol=1e-9)
    np.testing.assert_allclose(substitute(root, right), np.linalg.solve(gram, right), atol=1e-6)


@pytest.mark.parametrize("n", [20, 200])
def test_ridge_regression(n):
    rng = np.random.default_rng(0)
    X, Y = rng.normal(1, 2, (n, 50)).astype("f"), rng.normal(3, 1, (n, 4)).astype("f")
    kernel, bias = ridge(X, Y)
    penalty = RIDGE * np.square(X - X.mean(axis=0)).sum() / 50
    reference = Ridge(penalty).fit(X, Y)
    np.testing.assert_allclose(kernel, reference.coef_.T, atol=1e-4)
    np.testing.assert_allclose(bias, reference.intercept_, atol=1e-3)
    kernel, bias = ridge(X, Y, intercept=False)
    penalty = RIDGE * np.square(X).sum() / 50
    reference = Ridge(penalty, fit_intercept=False).fit(X, Y)
    np.testing.assert_allclose(kernel, reference.coef_.T, atol=1e-4)
    assert not bias.any()


def test_few_components_hold_what_the_first_principal_ones_do():
    rng = np.random.default_rng(0)
    scales = 2.0 ** -np.arange(20)
    turned = np.linalg.qr(rng.normal(size=(20, 20)))[0]
    X = np.float32(rng.normal(size=(500, 20)) * scales @ turned)
    X -= X.mean(axis=0)
    axes = principal_axes(X, 5, rng)
    np.testing.assert_allclose(axes.T @ axes, np.eye(5), atol=1e-6)
    components = PCA(5).fit(X).components_
    np.testing.assert_allclose(np.linalg.svd(components @ axes)[1], 1.0, atol=1e-6)
    variances = np.var(X @ axes, axis=0)
    assert variances.max() / variances.min() < 100 < scales[0] ** 2 / scales[4] ** 2


def test_rescaled_features_have_variance_one():
    features, kernel = normal(500, 30), normal(30, 7, seed=1)
    scaled = features @ rescaled(kernel, features)
    np.testing.assert_allclose(scaled.std(axis=0), 1.0, atol=0.01)


def test_a_covariance_is_drawn_towards_its_mean_variance():
    covariance = np.float64([[4.0, 2.0], [2.0, 2.0]])
    np.testing.assert_allclose(shrunk(covariance, 0.5), [[3.5, 1.0], [1.0, 2.5]], rtol=1e-5)
    np.testing.assert_allclose(shrunk(covariance, 1.0), [[3.0, 0.0], [0.0, 3.0]], rtol=1e-5)
    np.testing.assert_array_equal(covariance, [[4.0, 2.0], [2.0, 2.0]])
