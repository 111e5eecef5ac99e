"""Pictures of what was learned: Display classes in the manner of scikit-learn.

A display holds plain arrays; its ``plot`` draws them, as often as wanted, on new axes or on given
ones. Needs matplotlib, which is imported by the first plot: ``pip install cae_sklearn[plot]``.
"""

from ._curves import TrainingCurveDisplay
from ._feature_map import FeatureMapDisplay
from ._filters import FilterDisplay
from ._predictions import PredictionsDisplay
from ._reconstruction import ReconstructionDisplay
from ._search import SearchResultsDisplay
from ._sparsity import SparsityDisplay

__all__ = [
    "FeatureMapDisplay",
    "FilterDisplay",
    "PredictionsDisplay",
    "ReconstructionDisplay",
    "SearchResultsDisplay",
    "SparsityDisplay",
    "TrainingCurveDisplay",
]
