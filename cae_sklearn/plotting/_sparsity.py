"""Weights of the output layer."""

from numbers import Real

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ._axes import given_axes, pyplot
from ._estimators import step_with


class SparsityDisplay:
    """Weights of the output layer, and how many of them are near zero.

    Make it with `from_estimator`.

    Parameters
    ----------
    coef : ndarray of shape (n_classes, n_hidden)
        The weights.
    threshold : float > 0, default=1e-3
        Weights of a smaller absolute value count as zero.
    class_names : list of str, default=None
        Labels of the rows.

    Attributes
    ----------
    sparsity : float in [0, 1]
        Share of the weights below the threshold.
    axes_ : ndarray of shape (2,) of matplotlib Axes
        The weights as an image, and the histogram of their absolute values.
    figure_ : matplotlib Figure
        The figure of the axes.

    See Also
    --------
    cae_sklearn.ElasticNetBNMLPClassifier : Its `alpha` and `l1_ratio` make weights small.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.svm import LinearSVC
    >>> from cae_sklearn.plotting import SparsityDisplay
    >>> sparse = LinearSVC(penalty="l1", dual=False, C=0.02).fit(*load_iris(return_X_y=True))
    >>> SparsityDisplay.from_estimator(sparse).sparsity
    0.5
    """

    def __init__(self, *, coef, threshold=1e-3, class_names=None):
        self.coef = coef
        self.threshold = threshold
        self.class_names = class_names

    @classmethod
    def from_estimator(cls, estimator, *, threshold=1e-3, axes=None):
        """Plot the output layer of a fitted classifier.

        Parameters
        ----------
        estimator : classifier with ``output_coef_`` or ``coef_``, or Pipeline
            `ElasticNetBNMLPClassifier`, or a linear model of scikit-learn; of a Pipeline, its last
            step with weights.
        threshold : float > 0, default=1e-3
            Weights of a smaller absolute value count as zero. The default is that of
            ``sparsity_``.
        axes : array-like of 2 matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        SparsityDisplay
            The display, drawn.
        """
        check_is_fitted(estimator)
        step, coef = step_with(estimator, "output_coef_", "coef_")
        coef = np.atleast_2d(coef)
        classes = list(map(str, getattr(step, "classes_", ())))
        class_names = classes if len(classes) == len(coef) else None
        return cls(coef=coef, threshold=threshold, class_names=class_names).plot(axes=axes)

    @property
    def sparsity(self):
        """Share of the weights below the threshold."""
        self._check_threshold()
        return float(np.mean(np.abs(self.coef) < self.threshold))

    def plot(self, *, axes=None):
        """Draw the image and the histogram.

        Parameters
        ----------
        axes : array-like of 2 matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        SparsityDisplay
            The display, drawn.
        """
        self._check_threshold()
        if axes is None:
            figure = pyplot(self).figure(figsize=(10, 3.6), layout="tight")
            axes = figure.subplots(1, 2, width_ratios=(3, 2))
        self.axes_ = given_axes(self, axes, 2)
        self.figure_ = self.axes_[0].figure
        self._plot_image(self.axes_[0])
        self._plot_histogram(self.axes_[1])
        return self

    def _check_threshold(self):
        # NaN is not above 0 either; the histogram's logarithmic axis has no place for 0.
        if not (isinstance(self.threshold, Real) and 0 < self.threshold < np.inf):
            raise ValueError(
                f"threshold must be a finite number above 0; got {self.threshold!r}. "
                "Weights that are exactly zero lie below any: pass for example threshold=1e-12."
            )

    def _plot_image(self, ax):
        largest = np.max(np.abs(self.coef)) or 1.0
        scale = {"vmin": -largest, "vmax": largest, "cmap": "RdBu_r"}
        image = ax.imshow(self.coef, aspect="auto", interpolation="nearest", **scale)
        ax.set(xlabel="hidden unit", ylabel="class")
        if self.class_names is not None and len(self.class_names) <= 25:
            ax.set_yticks(range(len(self.class_names)), self.class_names)
        self.figure_.colorbar(image, ax=ax, label="weight")

    def _plot_histogram(self, ax):
        sizes = np.abs(np.ravel(self.coef))
        # Four decades below the threshold tell nothing more than three: zeros go there too.
        edges = self.threshold * 1e-3, max(sizes.max(), self.threshold) * 2
        ax.hist(np.clip(sizes, *edges), np.geomspace(*edges, 50))
        ax.axvspan(edges[0], self.threshold, color="0.9", zorder=0)
        ax.axvline(self.threshold, color="k", linewidth=0.8)
        ax.set_xscale("log")
        ax.set(xlim=edges, xlabel="absolute value of the weight", ylabel="weights")
        ax.set_title(f"{self.sparsity:.1%} of {sizes.size} weights below {self.threshold:g}")
