"""Images with their labels."""

import numpy as np

from ._axes import HIGHLIGHT, given_axes, pyplot
from ._pictures import as_pictures, limits_of, show_picture


class PredictionsDisplay:
    """Images with their true and predicted labels, wrong ones framed in red.

    Make it with `from_estimator` or `from_predictions`.

    Parameters
    ----------
    images : ndarray of shape (n, H, W, 1) or (n, H, W, 3)
        The images, in any unit.
    y_true, y_pred : ndarrays of shape (n,)
        True and predicted labels.
    target_names : dict or sequence, default=None
        ``target_names[label]`` is what a label is called; None shows the labels themselves.

    Attributes
    ----------
    axes_ : ndarray of shape (n,) of matplotlib Axes
        One for each image.
    figure_ : matplotlib Figure
        The figure of the axes.

    See Also
    --------
    sklearn.metrics.ConfusionMatrixDisplay : All predictions in figures.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import RidgeClassifier
    >>> from cae_sklearn.plotting import PredictionsDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> clf = RidgeClassifier().fit(X[:1000], y[:1000])
    >>> display = PredictionsDisplay.from_estimator(
    ...     clf, X[1000:], y[1000:], n_images=8, image_shape=(8, 8)
    ... )
    >>> display.axes_.shape
    (8,)
    """

    def __init__(self, *, images, y_true, y_pred, target_names=None):
        self.images = images
        self.y_true = y_true
        self.y_pred = y_pred
        self.target_names = target_names

    @classmethod
    def from_estimator(cls, estimator, X, y, *, n_images=16, **options):
        """Predict the first images with a fitted classifier, and plot.

        Parameters
        ----------
        estimator : classifier or Pipeline
            Fitted on images.
        X : array-like of shape (n, H, W, C), (n, H, W) or (n, n_features)
            Images.
        y : array-like of shape (n,)
            True labels.
        n_images : int >= 1, default=16
            The most images to show.
        **options
            As in `from_predictions`.

        Returns
        -------
        PredictionsDisplay
            The display, drawn.
        """
        images, y = X[:n_images], np.asarray(y)[:n_images]
        return cls.from_predictions(images, y, estimator.predict(images), **options)

    @classmethod
    def from_predictions(
        cls, images, y_true, y_pred, *, image_shape=None, target_names=None, axes=None, cmap="gray"
    ):
        """Plot images with given predictions.

        Parameters
        ----------
        images : array-like of shape (n, H, W, C), (n, H, W) or (n, n_features)
            With C = 1 or 3 channels, in any unit.
        y_true, y_pred : array-like of shape (n,)
            True and predicted labels.
        image_shape : tuple of int, default=None
            ``(H, W, C)`` or ``(H, W)``, needed for flat images.
        target_names : dict or sequence, default=None
            ``target_names[label]`` is what a label is called; None shows the labels themselves.
        axes : array-like of n matplotlib Axes, default=None
            Where to draw; None makes a figure.
        cmap : str or matplotlib Colormap, default="gray"
            Colours of images with one channel.

        Returns
        -------
        PredictionsDisplay
            The display, drawn.
        """
        images = as_pictures("images", images, image_shape)
        y_true, y_pred = np.asarray(y_true), np.asarray(y_pred)
        if not y_true.shape == y_pred.shape == (len(images),):
            raise ValueError(
                f"y_true and y_pred must hold a label for each of {len(images)} images, but have "
                f"the shapes {y_true.shape} and {y_pred.shape}. Pass as many labels as images."
            )
        display = cls(images=images, y_true=y_true, y_pred=y_pred, target_names=target_names)
        return display.plot(axes=axes, cmap=cmap)

    def plot(self, *, axes=None, cmap="gray"):
        """Draw the images.

        Parameters
        ----------
        axes : array-like of matplotlib Axes, default=None
            As in `from_predictions`.
        cmap : str or Colormap, default=None
            As in `from_predictions`.

        Returns
        -------
        PredictionsDisplay
            The display, drawn.
        """
        n = len(self.images)
        pairs = list(zip(self.y_true, self.y_pred, strict=True))
        titles = [f"true {self._name(a)}\npred. {self._name(b)}" for a, b in pairs]
        if axes is None:
            n_columns = min(n, 8)
            n_rows = -(-n // n_columns)
            size = max(1.25 * n_columns, 2), 1.65 * n_rows
            figure = pyplot(self).figure(figsize=size, layout="tight")
            axes = [figure.add_subplot(n_rows, n_columns, i + 1) for i in range(n)]
        self.axes_ = given_axes(self, axes, n)
        self.figure_ = self.axes_[0].figure
        limits = limits_of(self.images)
        wrongs = [true != predicted for true, predicted in pairs]
        for ax, image, title, wrong in zip(self.axes_, self.images, titles, wrongs, strict=True):
            show_picture(ax, image, limits, cmap)
            style = {"color": HIGHLIGHT, "fontweight": "bold"} if wrong else {}
            ax.set_title(title, fontsize=8, **style)
            if wrong:
                ax.spines[:].set(color=HIGHLIGHT, linewidth=2.5)
        return self

    def _name(self, label):
        """Return what a label is called; a negative one does not count from the end."""
        names = self.target_names
        if names is None:
            return label
        if hasattr(names, "keys"):
            known = label in names.keys()  # noqa: SIM118  (a Series looks among its values)
        else:
            known = any(label == place for place in range(len(names)))
            label = int(label) if known else label
        if not known:
            label = np.asarray(label).item()
            raise ValueError(
                f"target_names must have a name for each label that is shown; got {len(names)} "
                f"names and the label {label!r}. Pass a dict such as {{{label!r}: 'unknown', ...}} "
                "of all labels, or target_names=None."
            )
        return names[label]
