"""Weights of the output layer."""

from numbers import Real

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ._axes import given_axes, pyplot
from ._estimators import step_with


class SparsityDisplay:
    """Weights of the output layer, and how many of them are zero.

    Make it with `from_estimator`.

    Parameters
    ----------
    coef : ndarray of shape (n_classes, n_hidden)
        The weights.
    threshold : float >= 0, default=0.0
        Weights of at most this absolute value count as zero.
    class_names : list of str, default=None
        Labels of the rows.

    Attributes
    ----------
    sparsity : float in [0, 1]
        Share of the weights that count as zero.
    axes_ : ndarray of shape (2,) of matplotlib Axes
        The weights as an image, and the histogram of their absolute values.
    figure_ : matplotlib Figure
        The figure of the axes.

    See Also
    --------
    cae_sklearn.ElasticNetBNMLPClassifier : Its `alpha` and `l1_ratio` make weights zero.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.svm import LinearSVC
    >>> from cae_sklearn.plotting import SparsityDisplay
    >>> sparse = LinearSVC(penalty="l1", dual=False, C=0.02).fit(*load_iris(return_X_y=True))
    >>> SparsityDisplay.from_estimator(sparse).sparsity
    0.5
    """

    def __init__(self, *, coef, threshold=0.0, class_names=None):
        self.coef = coef
        self.threshold = threshold
        self.class_names = class_names

    @classmethod
    def from_estimator(cls, estimator, *, threshold=0.0, axes=None):
        """Plot the output layer of a fitted classifier.

        Parameters
        ----------
        estimator : classifier with ``output_coef_`` or ``coef_``, or Pipeline
            `ElasticNetBNMLPClassifier`, or a linear model of scikit-learn; of a Pipeline, its last
            step with weights.
        threshold : float >= 0, default=0.0
            Weights of at most this absolute value count as zero. With the default the share is
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
        """Share of the weights that count as zero."""
        self._check_threshold()
        return float(np.mean(np.abs(self.coef) <= self.threshold))

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
        if not (isinstance(self.threshold, Real) and 0 <= self.threshold < np.inf):
            raise ValueError(
                f"threshold must be a finite number, 0 or above; got {self.threshold!r}. "
                "Pass 0 to count the weights that are exactly zero."
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
        zero = sizes <= self.threshold
        largest = max(sizes.max(), self.threshold) or 1.0
        # zeros have no place on a logarithmic axis: the first bar is theirs
        least = max(self.threshold, largest * 1e-5)
        edges = least / 1.5, largest * 1.5
        ax.hist(np.clip(sizes[~zero], least, None), np.geomspace(least, edges[1], 40))
        ax.bar(edges[0], np.sum(zero), least - edges[0], align="edge", color="C3")
        ax.set_xscale("log")
        ax.set(xlim=edges, xlabel="absolute value of the weight", ylabel="weights")
        ax.annotate("0", (edges[0], 0), xytext=(2, 2), textcoords="offset points")
        counted = "zero" if self.threshold == 0 else f"at most {self.threshold:g}"
        ax.set_title(f"{self.sparsity:.1%} of {sizes.size} weights are {counted}")
