"""Losses of each epoch."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ._axes import pyplot
from ._estimators import step_with


class TrainingCurveDisplay:
    """Training and validation loss of each epoch, the best epoch marked.

    Make it with `from_estimator`.

    Parameters
    ----------
    loss : array-like of shape (n_epochs,)
        Training losses.
    validation_loss : array-like of shape (n_validated,), default=()
        Validation losses of the last `n_validated` epochs.
    name : str, default=None
        Stands before the labels of the curves, to tell several estimators apart.

    Attributes
    ----------
    best_epoch : int or None
        The epoch, counted from 1, whose validation loss (without validation: training loss)
        is the lowest; None if no loss is finite.
    ax_ : matplotlib Axes
        The axes.
    figure_ : matplotlib Figure
        The figure of the axes.
    lines_ : list of matplotlib Line2D
        The curves.

    See Also
    --------
    sklearn.model_selection.LearningCurveDisplay : Scores against the number of samples.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.neural_network import MLPClassifier
    >>> from cae_sklearn.plotting import TrainingCurveDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = MLPClassifier(max_iter=500, random_state=0).fit(X, y)
    >>> display = TrainingCurveDisplay.from_estimator(clf)
    >>> display.ax_.get_xlabel()
    'epoch'
    """

    def __init__(self, *, loss, validation_loss=(), name=None):
        self.loss = loss
        self.validation_loss = validation_loss
        self.name = name

    @classmethod
    def from_estimator(cls, estimator, *, name=None, ax=None):
        """Plot the losses of a fitted estimator.

        Parameters
        ----------
        estimator : estimator with ``loss_curve_``, or Pipeline
            `CAEFeaturizer`, `ElasticNetBNMLPClassifier` or, for example, scikit-learn's
            ``MLPClassifier``; of a Pipeline, its last step with losses.
            ``validation_loss_curve_`` is drawn where there is one.
        name : str, default=None
            Stands before the labels of the curves.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        TrainingCurveDisplay
            The display, drawn.
        """
        check_is_fitted(estimator)
        step, loss = step_with(estimator, "loss_curve_")
        validation_loss = getattr(step, "validation_loss_curve_", ())
        return cls(loss=loss, validation_loss=validation_loss, name=name).plot(ax=ax)

    @property
    def best_epoch(self):
        """The epoch of the lowest loss, counted from 1."""
        judged = np.asarray(self.validation_loss if len(self.validation_loss) else self.loss, float)
        if not np.isfinite(judged).any():
            return None
        best = np.argmin(np.where(np.isfinite(judged), judged, np.inf))
        return len(self.loss) - len(judged) + int(best) + 1

    def plot(self, *, ax=None):
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure. Several estimators may share axes.

        Returns
        -------
        TrainingCurveDisplay
            The display, drawn.
        """
        if ax is None:
            _, ax = pyplot(self).subplots(figsize=(6, 4), layout="tight")
        self.ax_, self.figure_ = ax, ax.figure
        prefix = "" if self.name is None else f"{self.name}, "
        marker = "." if len(self.loss) == 1 else None
        self.lines_ = []
        curves = {"training": (self.loss, "--"), "validation": (self.validation_loss, "-")}
        for label, (losses, style) in curves.items():
            if not len(losses):
                continue
            epochs = np.arange(len(self.loss) - len(losses), len(self.loss)) + 1
            color = self.lines_[0].get_color() if self.lines_ else None
            self.lines_ += ax.plot(
                epochs, losses, style, color=color, marker=marker, label=prefix + label
            )
        if (best := self.best_epoch) is not None:
            lowest = self.lines_[-1].get_ydata()[best - 1 - len(self.loss)]
            label = f"{prefix}lowest, epoch {best}: {lowest:.3g}"
            ax.plot(best, lowest, "o", color=self.lines_[-1].get_color(), label=label)
        ax.set(xlabel="epoch", ylabel="loss")
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.legend()
        return self
