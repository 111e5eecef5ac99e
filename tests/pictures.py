"""Images that several tests learn from."""

import numpy as np


def pictures(n=40, shape=(12, 12, 3), seed=0):
    """Return smooth random pictures, uint8."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(0, 255, (n, *(-(-s // 3) for s in shape[:2]), shape[2]))
    fine = coarse.repeat(3, 1).repeat(3, 2)[:, : shape[0], : shape[1]]
    return np.uint8(np.clip(fine + rng.normal(0, 8, fine.shape), 0, 255))
