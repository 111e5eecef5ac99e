"""The axes that a display draws on."""

import numpy as np

HIGHLIGHT = "tab:red"  # of what is best, or wrong


def pyplot(display):
    """Return ``matplotlib.pyplot``, or say how to get it."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            f"{type(display).__name__} needs matplotlib. "
            "Install it with: pip install cae_sklearn[plot]"
        ) from error
    return plt


def given_axes(display, axes, n):
    """Return axes of any arrangement as a flat array of n."""
    axes = np.array(axes, dtype=object).ravel()
    if len(axes) != n:
        raise ValueError(
            f"axes must hold {n} axes for this {type(display).__name__}, but holds {len(axes)}. "
            "Pass as many, or axes=None for a new figure."
        )
    return axes
