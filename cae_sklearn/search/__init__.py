"""Parameter grids, search spaces, and a Bayesian search that survives failures and restarts."""

from ._bayes import ResumableBayesSearchCV
from ._grids import param_grid, search_spaces

__all__ = ["ResumableBayesSearchCV", "param_grid", "search_spaces"]
