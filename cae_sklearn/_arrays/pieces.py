"""Samples that come in pieces: the first few are kept, later ones add to what is known."""

from dataclasses import dataclass

import numpy as np

from .streaming import CHUNK_BYTES, float_bytes

FAIR = 300  # samples that are enough to begin with
MOST = 3_000  # samples that the earlier ones count for, at most
FIRST_BYTES = 4 * CHUNK_BYTES  # of the first samples that are kept, at most


@dataclass(frozen=True)
class Earlier:
    """What was learned from earlier samples.

    Parameters
    ----------
    weights : dict of str to ndarray
        What was learned.
    n_samples : int
        From so many.
    """

    weights: dict
    n_samples: int

    @property
    def weight(self):
        """Return for how many samples they count."""
        return min(self.n_samples, MOST)

    def mixed(self, before, now, n_samples):
        """Return the mean of a moment of the earlier samples and of that of ``n_samples`` more."""
        return before + n_samples / (self.weight + n_samples) * (now - before)


def first_samples(kept, X):
    """Return the samples to begin with, and a copy of them if more should come first, or None.

    They are those that were ``kept``, which may be None, and those of X; or those of X alone
    where all would take too much memory.
    """
    if kept is not None and (len(kept) + len(X)) * float_bytes(X) <= FIRST_BYTES:
        X = np.concatenate([kept, X[:]])
    few = len(X) < FAIR and len(X) * float_bytes(X) <= FIRST_BYTES
    return X, np.array(X[:]) if few else None
