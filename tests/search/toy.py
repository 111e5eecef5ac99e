"""An estimator that costs nothing, and a search over it."""

import numpy as np
from numpy.testing import assert_array_equal
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_iris
from skopt.learning import ExtraTreesRegressor
from skopt.space import Categorical, Real

from cae_sklearn.search import ResumableBayesSearchCV

X, Y = load_iris(return_X_y=True)
X, Y = X[::2], Y[::2]
SPACE = {"a": Real(1e-4, 1e2, prior="log-uniform"), "b": Categorical([1, 2, 3])}
RANDOM = {"base_estimator": "ET", "n_initial_points": 1000}  # never a surrogate
# Few random points, few candidates, small trees: the surrogate has its say, yet costs little.
GAUSSIAN = {
    "n_initial_points": 3,
    "acq_optimizer": "sampling",
    "acq_optimizer_kwargs": {"n_points": 50},
}
QUICK = {**GAUSSIAN, "base_estimator": ExtraTreesRegressor(n_estimators=5, random_state=0)}


class Toy(ClassifierMixin, BaseEstimator):
    """Scores by formula; counts its fits, and fails where it is told to."""

    fits = []  # shared, since clone and set_params leave no other way in
    stop_at = None

    def __init__(self, a=1.0, b=1, c=0, fail_above=np.inf, bad=None):
        self.a, self.b, self.c, self.fail_above, self.bad = a, b, c, fail_above, bad

    def fit(self, X, y, sample_weight=None):
        if len(Toy.fits) == Toy.stop_at:
            raise KeyboardInterrupt
        Toy.fits.append(self.get_params())
        self.weight_ = None if sample_weight is None else float(np.sum(sample_weight))
        if self.a > self.fail_above and self.bad is None:
            raise RuntimeError(f"a is {self.a} too high")
        self.classes_ = np.unique(y)
        self.shift_ = float(np.mean(X))
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])

    def score(self, X, y, sample_weight=None):
        if self.a > self.fail_above:
            return self.bad
        return -((np.log10(self.a) - 0.5) ** 2) - 0.1 * self.b + 0.01 * self.shift_


def make(estimator=None, spaces=SPACE, **params):
    """Return a search over `Toy`, at random unless told otherwise."""
    params = {"n_iter": 8, "cv": 3, "random_state": 0, "optimizer_kwargs": RANDOM, **params}
    return ResumableBayesSearchCV(Toy() if estimator is None else estimator, spaces, **params)


def assert_same_results(one, other, times=False):
    assert one.keys() == other.keys()
    assert one["params"] == other["params"]
    for key in one:
        if key != "params" and (times or "time" not in key):
            assert_array_equal(one[key], other[key], err_msg=key)
