"""The filters of a convolutional network."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ._axes import given_axes, pyplot
from ._estimators import step_with


class FilterDisplay:
    """Filters of the first convolution as small pictures.

    Make it with `from_estimator`.

    Parameters
    ----------
    filters : ndarray of shape (n, height, width, 1) or (n, height, width, 3)
        The weights of each filter.

    Attributes
    ----------
    axes_ : ndarray of shape (n,) of matplotlib Axes
        One for each filter.
    figure_ : matplotlib Figure
        The figure of the axes.

    See Also
    --------
    ReconstructionDisplay : What is left of an image when it is restored from its features.

    Notes
    -----
    Each filter is scaled by its own largest weight; mid grey is zero. Filters of whitened patches
    are drawn with the whitening, as they act on pixels. A grey filter answers to lightness, a
    coloured one to a contrast of colours.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from cae_sklearn import CAEFeaturizer
    >>> from cae_sklearn.plotting import FilterDisplay
    >>> cae = CAEFeaturizer(filters=8, epochs=1, random_state=0).fit(load_digits().images[:200])
    >>> FilterDisplay.from_estimator(cae).filters.shape
    (8, 4, 4, 1)
    """

    def __init__(self, *, filters):
        self.filters = filters

    @classmethod
    def from_estimator(cls, estimator, *, n_filters=40, axes=None):
        """Plot the first filters of a fitted featurizer.

        Parameters
        ----------
        estimator : CAEFeaturizer or Pipeline
            Fitted; of a Pipeline, its last step with ``filters_``.
        n_filters : int >= 1, default=40
            The most filters to show.
        axes : array-like of matplotlib Axes, default=None
            Where to draw, one for each filter; None makes a figure.

        Returns
        -------
        FilterDisplay
            The display, drawn.
        """
        check_is_fitted(estimator)
        _, filters = step_with(estimator, "filters_")
        if filters.shape[-1] not in (1, 3):
            raise ValueError(
                "estimator must have learned filters of images with 1 or 3 channels, but they have "
                f"{filters.shape[-1]}. Pass filters=... of the channels to show to FilterDisplay."
            )
        return cls(filters=filters[:n_filters]).plot(axes=axes)

    def plot(self, *, axes=None):
        """Draw the filters.

        Parameters
        ----------
        axes : array-like of matplotlib Axes, default=None
            As in `from_estimator`.

        Returns
        -------
        FilterDisplay
            The display, drawn.
        """
        n = len(self.filters)
        if axes is None:
            n_columns = min(n, 10)
            n_rows = -(-n // n_columns)
            size = max(0.7 * n_columns, 2), 0.7 * n_rows
            figure = pyplot(self).figure(figsize=size, layout="tight")
            axes = [figure.add_subplot(n_rows, n_columns, i + 1) for i in range(n)]
        self.axes_ = given_axes(self, axes, n)
        self.figure_ = self.axes_[0].figure
        for ax, weights in zip(self.axes_, self.filters, strict=True):
            largest = np.max(np.abs(weights)) or 1.0
            picture = np.broadcast_to(0.5 + 0.5 * weights / largest, (*weights.shape[:2], 3))
            aspect = "auto" if 1 in weights.shape[:2] else "equal"  # a signal is a line
            ax.imshow(picture, interpolation="nearest", aspect=aspect)
            ax.set(xticks=[], yticks=[])
        return self
