"""All that the search asks of scikit-optimize. No other module of the package imports it."""

import copy
import numbers
import warnings

import numpy as np

try:
    from skopt import Optimizer
    from skopt.callbacks import check_callback
    from skopt.space import Categorical, Integer, Real, check_dimension
    from skopt.utils import eval_callbacks
except Exception as error:  # missing, or broken by a newer numpy or scikit-learn
    reason = " ".join([f"{type(error).__name__}:", *str(error).splitlines()[:1]])
    raise ImportError(
        f"Bayesian search needs scikit-optimize, which cannot be imported here ({reason}). "
        "Install it with "
        "pip install 'scikit-optimize>=0.10.2', or use cae_sklearn.search.param_grid with "
        "scikit-learn's GridSearchCV, which needs no scikit-optimize."
    ) from error

__all__ = [
    "Categorical",
    "Proposer",
    "Real",
    "check_callback",
    "check_spaces",
    "eval_callbacks",
]


def check_spaces(spaces, n_iter):
    """Return (dimensions by name, n_iter) of each search space, with new dimension objects."""
    spaces = [spaces] if isinstance(spaces, dict) else spaces
    if not spaces or not all(space[0] if isinstance(space, tuple) else space for space in spaces):
        raise ValueError(
            f"search_spaces must name at least one parameter in each space, got {spaces!r:.200}. "
            "Pass a dict such as search_spaces() returns."
        )
    return [_check_space(space, n_iter) for space in spaces]


def _check_space(space, n_iter):
    if isinstance(space, tuple) and len(space) == 2:
        space, n_iter = space
    if not isinstance(space, dict):
        raise ValueError(
            "search_spaces must be a dict, or a list of dict and (dict, int), got "
            f"{space!r:.200} among them."
        )
    if not isinstance(n_iter, numbers.Integral) or isinstance(n_iter, bool) or n_iter < 1:
        raise ValueError(
            f"The number of points of a search space must be an int of at least 1, got {n_iter!r} "
            "in search_spaces. Pass for instance (space, 20)."
        )
    return {name: _dimension(name, space[name]) for name in sorted(space)}, int(n_iter)


def _dimension(name, value):
    try:
        # A copy, since skopt writes names and transformers into what it is given.
        dimension = copy.copy(check_dimension(value))
    except Exception as error:
        raise ValueError(
            f"The range of {name!r} in search_spaces must be a Real, Integer or Categorical of "
            f"skopt.space, or what skopt makes one of, got {value!r:.200} ({error}). Pass for "
            "instance Categorical([8, 16]) or Real(1e-5, 1e-1, prior='log-uniform')."
        ) from error
    if dimension.name is None:
        dimension.name = name
    return dimension


def _decode(dim, value):
    whole = isinstance(dim, (Categorical, Integer))
    kind = numbers.Integral if whole else numbers.Real
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ValueError(f"{value!r} stands where {dim.name!r} should have a number")
    if not isinstance(dim, Categorical):
        return value if whole else float(value)
    if not 0 <= value < len(dim.categories):
        raise ValueError(f"{dim.name!r} has no category number {value}")
    return dim.categories[value]


class Proposer:
    """The optimizer of one search space, with points as lists of native Python values.

    Parameters
    ----------
    space : dict of str to skopt.space.Dimension
        The ranges, in the order of the values of a point.
    n_iter : int
        Points to evaluate.
    rng : numpy.random.RandomState
        Draws points. It is shared by the optimizers of all spaces.
    options : dict
        Arguments of ``skopt.Optimizer``.
    """

    def __init__(self, space, n_iter, rng, options):
        self.names, self.dimensions = list(space), list(space.values())
        for name, instead in (("random_state", "random_state"), ("dimensions", "search_spaces")):
            if name in options:
                raise ValueError(
                    f"optimizer_kwargs must not have {name!r}, got {options[name]!r:.100}. Pass "
                    f"the parameter {instead} of the search."
                )
        try:
            self.optimizer = Optimizer(self.dimensions, random_state=rng, **options)
        except (AttributeError, ValueError) as error:
            name = options.get("base_estimator")
            if str(name).upper() not in {"GBRT", "DUMMY"}:
                raise
            raise ValueError(
                f"optimizer_kwargs={{'base_estimator': {name!r}}} does not work: scikit-optimize "
                "makes of it what this scikit-learn takes for no regressor. Use 'GP' (the "
                f"default), 'ET' or 'RF'. For random points alone pass n_initial_points={n_iter}."
            ) from error

    def ask(self, n_points, pending=()):
        """Propose new points: fewer, or none, once a finite space is used up.

        ``ask()`` of skopt proposes from the surrogate that the last ``tell`` fitted.
        ``ask(n_points=1)`` fits two more, to the same data and to a lie about its own proposal.
        With points pending, that is asked for and not yet told, a copy of the optimizer is told
        a lie about them (the best value so far), so that it proposes others.
        """
        optimizer = self.optimizer
        if pending:
            optimizer = optimizer.copy(random_state=optimizer.rng.randint(2**31 - 1))
            lie = min(optimizer.yi, default=0.0)
            optimizer.tell(list(pending), [lie] * len(pending))
        with warnings.catch_warnings():  # skopt warns where it proposes a point a second time
            warnings.filterwarnings("ignore", "The objective has been evaluated", UserWarning)
            asked = [optimizer.ask()] if n_points == 1 else optimizer.ask(n_points=n_points)
        points = []
        for point in map(_native, asked):
            seen = optimizer.Xi + points
            if point in seen:
                draws = optimizer.space.rvs(n_samples=1000, random_state=optimizer.rng)
                point = next((p for p in map(_native, draws) if p not in seen), None)
            if point is not None:
                points.append(point)
        return points

    def tell(self, points, scores):
        """Tell new points and all scores; failed ones count as the worst mean score so far."""
        values = -np.asarray(scores)
        finite = np.isfinite(values)
        values[~finite] = values[finite].max() if finite.any() else 0.0
        self.optimizer.yi[:] = values[: -len(points)].tolist()
        return self.optimizer.tell(points, values[-len(points) :].tolist())

    def params(self, point):
        """Return the point as parameters by name."""
        return dict(zip(self.names, point, strict=True))

    def encode(self, point):
        """Return the point as JSON can hold it: of a category its place, as it may be anything."""
        return [
            dim.categories.index(value) if isinstance(dim, Categorical) else value
            for dim, value in zip(self.dimensions, point, strict=True)
        ]

    def decode(self, values):
        """Return the point of which `encode` gave these values; raise ValueError if none."""
        pairs = list(zip(self.dimensions, values, strict=True))
        point = [_decode(dim, value) for dim, value in pairs]
        if not all(value in dim for dim, value in zip(self.dimensions, point, strict=True)):
            raise ValueError(f"the point {point} lies outside the search space")
        return point


def _native(point):
    return [value.item() if isinstance(value, np.generic) else value for value in point]
