"""Features on a plane."""

import numpy as np

from ._axes import pyplot
from ._estimators import features_of

# Okabe and Ito's colours, which people with any kind of colour vision tell apart
COLORS = ["#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442", "#000000"]
MARKERS = "os^Dv<>P"


class FeatureMapDisplay:
    """Features of images as points on a plane: near points are images that look alike.

    Make it with `from_estimator` or `from_features`.

    Parameters
    ----------
    points : ndarray of shape (n, 2)
        Where each image lies.
    y : ndarray of shape (n,) or None, default=None
        Labels, each with a colour and a shape of its own.
    target_names : dict or sequence, default=None
        ``target_names[label]`` is what a label is called; None shows the labels themselves.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes.
    figure_ : matplotlib Figure
        The figure of the axes.
    points_ : list of matplotlib PathCollection
        The points of each class, in the order of the legend.

    See Also
    --------
    sklearn.manifold.TSNE : The map by default.

    Notes
    -----
    t-SNE keeps neighbours together. Sizes of groups and distances between them say little.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from cae_sklearn.plotting import FeatureMapDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> display = FeatureMapDisplay.from_features(X, y, projection=PCA(2))
    >>> display.points.shape
    (1000, 2)
    """

    def __init__(self, *, points, y=None, target_names=None):
        self.points = points
        self.y = y
        self.target_names = target_names

    @classmethod
    def from_estimator(cls, estimator, X, y=None, **options):
        """Plot the features that a fitted featurizer gives to images.

        Parameters
        ----------
        estimator : CAEFeaturizer or Pipeline
            Fitted; of a Pipeline, the steps before its classifier.
        X : array-like of shape (n, H, W, C), (n, H, W) or (n, n_features)
            Images.
        y : array-like of shape (n,), default=None
            Labels.
        **options
            As in `from_features`.

        Returns
        -------
        FeatureMapDisplay
            The display, drawn.
        """
        n_images = options.get("n_images", 1000)
        y = None if y is None else y[:n_images]
        return cls.from_features(features_of(estimator, X[:n_images]), y, **options)

    @classmethod
    def from_features(
        cls, features, y=None, *, n_images=1000, projection=None, target_names=None, ax=None
    ):
        """Plot rows of features.

        Parameters
        ----------
        features : array-like of shape (n, n_features)
            A row for each image.
        y : array-like of shape (n,), default=None
            Labels.
        n_images : int >= 2, default=1000
            The most images to show, the first ones. t-SNE takes some 5 seconds for 1,000.
        projection : transformer, default=None
            Its ``fit_transform`` gives two numbers for each row. None is
            ``TSNE(init="pca", random_state=0)``, with fewer neighbours where images are few.
        target_names : dict or sequence, default=None
            ``target_names[label]`` is what a label is called; None shows the labels themselves.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        FeatureMapDisplay
            The display, drawn.
        """
        features = np.asarray(features)[:n_images]
        y = None if y is None else np.asarray(y)[:n_images]
        if y is not None and y.shape != (len(features),):
            raise ValueError(
                f"y must hold a label for each of {len(features)} images, but has the shape "
                f"{y.shape}. Pass as many labels as images, or y=None."
            )
        if projection is None:
            from sklearn.manifold import TSNE  # late: it is slow to import

            neighbours = max(1.0, min(30.0, (len(features) - 1) / 3))
            projection = TSNE(init="pca", perplexity=neighbours, random_state=0)
        points = np.asarray(projection.fit_transform(features))
        if points.shape != (len(features), 2):
            raise ValueError(
                f"projection must give two numbers for each row, but gave the shape {points.shape}."
                " Pass for instance PCA(n_components=2)."
            )
        return cls(points=points, y=y, target_names=target_names).plot(ax=ax)

    def plot(self, *, ax=None):
        """Draw the points.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        FeatureMapDisplay
            The display, drawn.
        """
        if ax is None:
            _, ax = pyplot(self).subplots(figsize=(6.5, 5), layout="tight")
        self.ax_, self.figure_ = ax, ax.figure
        self.points_ = []
        style = {"s": 14, "alpha": 0.8, "linewidths": 0}
        labels = [None] if self.y is None else np.unique(self.y)
        for i, label in enumerate(labels):
            x, y = (self.points if label is None else self.points[self.y == label]).T
            color = COLORS[i % len(COLORS)]
            # shapes go on where colours begin anew
            marker = MARKERS[(i + i // len(COLORS)) % len(MARKERS)]
            name = label if self.target_names is None else self.target_names[label]
            self.points_.append(ax.scatter(x, y, color=color, marker=marker, label=name, **style))
        ax.set(xticks=[], yticks=[])
        if self.y is not None and len(labels) <= 30:
            ax.legend(loc="center left", bbox_to_anchor=(1, 0.5), markerscale=1.5)
        return self
