"""Linear algebra with the same bits for any number of threads.

Products and solutions are computed for blocks of columns side by side, each on one thread.
"""

from functools import cache, partial
from itertools import pairwise

import numpy as np
import tensorflow as tf

from .confined import Standing
from .progress import counted
from .streaming import deviation
from .threads import threads_for

N_BLOCKS = 8  # of columns of a product, computed side by side
RIDGE = 0.1  # added to the variance of the features, in a regression, times its mean
N_ITERATIONS = 4  # of the search for the principal components


def inner(x, y):
    """Return the product of the transpose of ``x`` with ``y``, two matrices of one dtype."""
    return _by_blocks(_product, x, y)


def cholesky(gram):
    """Return the lower Cholesky factor of a float64 matrix."""
    return tf.linalg.cholesky(gram).numpy()


def substitute(root, right):
    """Return the solution of ``root @ root.T @ solution = right``, all float64."""
    return _by_blocks(tf.linalg.cholesky_solve, root, np.asarray(right, np.float64))


def ridge(inputs, targets, intercept=True):
    """Return kernel and bias of the ridge regression of ``targets`` on ``inputs``."""
    x_mean = inputs.mean(axis=0, dtype=np.float64) * intercept
    y_mean = targets.mean(axis=0, dtype=np.float64) * intercept
    x, y = inputs - np.float32(x_mean), targets - np.float32(y_mean)
    penalty = RIDGE * float(np.sum(np.square(x), dtype=np.float64)) / x.shape[1] + 1e-6
    kernel = _regression(x, y, penalty)
    return kernel, np.float32(y_mean - x_mean @ kernel)


def further_ridge(kernel, bias, n_earlier, inputs, targets):
    """Return kernel and bias of a ridge regression that goes on with more samples.

    What the earlier regression leaves over is fitted. The ``n_earlier`` samples before, whose
    inputs had mean 0 and variance 1, hold kernel and bias where they were.
    """
    x = np.concatenate([inputs, np.ones((len(inputs), 1), np.float32)], axis=1)
    penalty = (1.0 + RIDGE) * n_earlier + RIDGE * len(x) + 1e-6
    kernel = np.float32(1.0 - RIDGE * len(x) / penalty) * kernel  # the ridge of these samples
    change = _regression(x, targets - inner(inputs.T, kernel) - bias, penalty)
    return kernel + change[:-1], bias + change[-1]


def _regression(x, y, penalty):
    """Return the ridge regression of y on x, both without means.

    The system solved has the size of the features or of the samples, whichever is less.
    """
    dual = x.shape[1] > x.shape[0]
    gram, right = (inner(x.T, x.T), y) if dual else (inner(x, x), inner(x, y))
    gram = np.asarray(gram, np.float64) + penalty * np.eye(len(gram))
    kernel = np.float32(substitute(cholesky(gram), right))
    return inner(x, kernel) if dual else kernel


def principal_axes(features, n_components, rng, n_iterations=N_ITERATIONS):
    """Return axes (d, n_components) that span the first principal components, float32.

    By subspace iteration (Halko, Martinsson & Tropp, 2011, doi:10.1137/090771806). The axes
    are orthonormal and turned at random within their span, so that the features vary about
    as much along each; to scale components to one variance would blow up the last ones.
    """
    features = np.ascontiguousarray(features, np.float32)
    transposed = np.ascontiguousarray(features.T)
    axes = rng.normal(size=(features.shape[1], n_components))
    for _ in counted(range(n_iterations)):
        axes = inner(features, inner(transposed, np.float32(_orthonormal(axes))))
    rotation = _orthonormal(rng.normal(size=(n_components, n_components)))
    return np.float32(inner(_orthonormal(axes).T, rotation))


def rescaled(kernel, features):
    """Return ``kernel`` with columns that give features of variance one."""
    return kernel / deviation(inner(features.T, kernel))


def shrunk(covariance, shrinkage):
    """Return a covariance of which a share is replaced by its mean variance."""
    d = len(covariance)
    penalty = shrinkage * np.trace(covariance) / d + 1e-6
    covariance = (1 - shrinkage) * covariance
    covariance[np.diag_indices(d)] += penalty
    return covariance


def _orthonormal(x):
    """Return an orthonormal basis of the columns of ``x``, float64.

    Cholesky's decomposition of their products gives it faster than Householder's reflections;
    done twice, as exactly (Yamamoto et al., 2015, doi:10.1553/etna_vol44s306).
    """
    x = np.asarray(x, np.float64)
    for _ in range(2):
        gram = inner(x, x)
        gram[np.diag_indices(len(gram))] += 1e-11 * np.trace(gram) / len(gram) + 1e-300
        inverse = tf.linalg.triangular_solve(cholesky(gram), np.eye(len(gram))).numpy()
        x = inner(x.T, inverse.T)
    return x


def _by_blocks(function, x, y):
    """Return ``function(x, y)``, computed for blocks of the columns of y side by side."""
    tensors = [tf.constant(np.ascontiguousarray(array)) for array in (x, y)]
    threads = threads_for(x.size * y.shape[1])
    if threads is None:
        return _blocks(*tensors, function=function).numpy()
    return _standing_blocks(function, tensors[0].dtype, threads)(*tensors).numpy()


@cache
def _standing_blocks(function, dtype, threads):
    specs = [tf.TensorSpec([None, None], dtype)] * 2
    return Standing(partial(_blocks, function=function), specs, threads, autograph=False)


def _blocks(x, y, function):
    edges = [tf.shape(y)[1] * i // N_BLOCKS for i in range(N_BLOCKS + 1)]
    blocks = [y[:, start:stop] for start, stop in pairwise(edges)]
    return tf.concat([function(x, block) for block in blocks], 1)


def _product(x, y):
    return tf.matmul(x, y, transpose_a=True)
