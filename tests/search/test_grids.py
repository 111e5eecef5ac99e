"""The grid and the ranges, and what works without scikit-optimize."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.model_selection import (
    ParameterGrid,
)
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

import cae_sklearn
from cae_sklearn import CAEFeaturizer
from cae_sklearn.search import param_grid, search_spaces

from .toy import Toy, X, Y, make


@pytest.mark.parametrize("prefix", ["clf__", ""])
def test_grid_and_spaces_have_the_names_and_ranges(prefix):
    grid = param_grid(prefix)
    assert grid == {f"{prefix}batch_size": [8, 16, 32, 64], f"{prefix}learning_rate": [0.001, 0.01]}
    assert len(ParameterGrid(grid)) == 8
    spaces = search_spaces(prefix)
    names = ("batch_size", "learning_rate", "alpha", "l1_ratio")
    assert list(spaces) == [prefix + name for name in names]
    size, rate, alpha, ratio = spaces.values()
    assert size.categories == (8, 16, 32, 64)
    assert (rate.bounds, rate.prior) == ((1e-5, 1e-1), "log-uniform")
    assert (alpha.bounds, alpha.prior) == ((1e-6, 1e-1), "log-uniform")
    assert (ratio.bounds, ratio.prior) == ((0, 1), "uniform")
    assert search_spaces(prefix)[prefix + "alpha"] is not alpha
    assert param_grid(prefix)[prefix + "batch_size"] is not grid[prefix + "batch_size"]


@pytest.mark.parametrize("prefix", ["cae__", "pipe__cae__"])
def test_grid_and_spaces_of_the_featurizer_are_valid(prefix):
    grid, spaces = param_grid(prefix), search_spaces(prefix)
    assert grid == {f"{prefix}resolution": [24, 32, 48], f"{prefix}output_size": [1, 3]}
    categories = {name.removeprefix(prefix): space.categories for name, space in spaces.items()}
    assert categories == {
        "resolution": (24, 32, 48),
        "output_size": (1, 2, 3, 5),
        "n_components": (200, 400, 800),
    }
    for name, values in categories.items():
        for value in values:
            CAEFeaturizer(**{name: value})._validate_params()


class Typed(Toy):
    def __init__(self, batch_size=8, learning_rate=0.1, alpha=0.1, l1_ratio=0.5):
        self.batch_size, self.learning_rate = batch_size, learning_rate
        self.alpha, self.l1_ratio, self.a, self.b = alpha, l1_ratio, 1.0, 1
        self.fail_above = np.inf


def test_native_numbers_reach_the_estimator(tmp_path):
    pipe = Pipeline([("scale", StandardScaler()), ("clf", Typed())])
    search = make(pipe, search_spaces(), n_iter=5, checkpoint=tmp_path / "c").fit(X, Y)
    search.fit(X, Y)
    kinds = {"alpha": float, "batch_size": int, "l1_ratio": float, "learning_rate": float}
    assert len(Toy.fits) == 5 * 3 + 2
    for params in Toy.fits:
        assert {name: type(value) for name, value in params.items()} == kinds
    assert {type(v) for p in search.cv_results_["params"] for v in p.values()} == {int, float}


WITHOUT_SKOPT = """
import sys
from pathlib import Path
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import GridSearchCV
sys.modules["skopt"] = None  # as if it were not installed
from cae_sklearn.search import ResumableBayesSearchCV, param_grid, search_spaces
assert len(param_grid()) == 2
data = [[0], [1]] * 4, [0, 1] * 4
GridSearchCV(DummyClassifier(), {"random_state": [0, 1]}, cv=2).fit(*data)
search = ResumableBayesSearchCV(DummyClassifier(), {"random_state": [0, 1]})
assert search.get_params()["n_iter"] == 50
assert not {"tensorflow", "keras", "scikeras"} & set(sys.modules)

def show_errors():
    for call in (search_spaces, lambda: search.fit(*data)):
        try:
            call()
        except ImportError as error:
            print(error)

show_errors()
del sys.modules["skopt"]
Path("skopt.py").write_text("import numpy; numpy.int")  # as scikit-optimize 0.9 does
sys.path.insert(0, "")
show_errors()
"""


def test_without_scikit_optimize_the_rest_works_and_errors_say_the_remedy(tmp_path):
    command = [sys.executable, "-W", "error", "-c", WITHOUT_SKOPT]
    path = os.pathsep.join([str(Path(cae_sklearn.__file__).parents[1]), *sys.path])
    env = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=env)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert ["ModuleNotFoundError" in line for line in lines] == [True, True, False, False]
    assert ["has no attribute 'int'" in line for line in lines] == [False, False, True, True]
    for line in lines:
        assert "pip install 'scikit-optimize>=0.10.2'" in line
        assert "param_grid" in line
