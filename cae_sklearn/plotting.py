"""Pictures of what was learned: Display classes in the manner of scikit-learn.

A display holds plain arrays; its ``plot`` draws them, as often as wanted, on new axes or on given
ones. Needs matplotlib, which is imported by the first plot: ``pip install cae_sklearn[plot]``.
"""

from numbers import Real

import numpy as np
from sklearn.utils.validation import check_is_fitted

__all__ = [
    "PredictionsDisplay",
    "ReconstructionDisplay",
    "SearchResultsDisplay",
    "SparsityDisplay",
    "TrainingCurveDisplay",
]

_WRONG = "tab:red"


class ReconstructionDisplay:
    """Images above what an autoencoder makes of them.

    Make it with `from_estimator` or `from_arrays`.

    Parameters
    ----------
    images : ndarray of shape (n, H, W, 1) or (n, H, W, 3)
        The originals, in any unit.
    reconstructions : ndarray of the same shape
        The reconstructions, in the same unit.

    Attributes
    ----------
    axes_ : ndarray of shape (2, n) of matplotlib Axes
        Originals in the first row.
    figure_ : matplotlib Figure
        The figure of the axes.

    See Also
    --------
    cae_sklearn.CAEFeaturizer : Learns the autoencoder.

    Notes
    -----
    All pictures share one scale, from the 0.5th to the 99.5th percentile of the originals:
    what the reconstruction loses in contrast shows, and single bright pixels, as in radar
    images, do not darken the rest.

    Examples
    --------
    >>> import numpy as np
    >>> from cae_sklearn.plotting import ReconstructionDisplay
    >>> images = np.random.default_rng(0).uniform(size=(3, 8, 8))
    >>> display = ReconstructionDisplay.from_arrays(images, images.round(1))
    >>> display.axes_.shape
    (2, 3)
    """

    def __init__(self, *, images, reconstructions):
        self.images = images
        self.reconstructions = reconstructions

    @classmethod
    def from_estimator(cls, featurizer, X, *, n_images=8, axes=None, cmap="gray"):
        """Reconstruct images with a fitted featurizer, and plot.

        Parameters
        ----------
        featurizer : CAEFeaturizer
            Fitted.
        X : array-like of shape (n, H, W, C), (n, H, W) or (n, n_features)
            Images; the first ones are shown.
        n_images : int >= 1, default=8
            The most images to show.
        axes : array-like of 2 * n_images matplotlib Axes, default=None
            Where to draw; None makes a figure.
        cmap : str or matplotlib Colormap, default="gray"
            Colours of images with one channel.

        Returns
        -------
        ReconstructionDisplay
            The display, drawn.
        """
        images = X[:n_images]
        reconstructions = featurizer.inverse_transform(featurizer.transform(images))
        shape = getattr(featurizer, "image_shape_", None)
        return cls.from_arrays(images, reconstructions, image_shape=shape, axes=axes, cmap=cmap)

    @classmethod
    def from_arrays(cls, images, reconstructions, *, image_shape=None, axes=None, cmap="gray"):
        """Plot images and reconstructions.

        Parameters
        ----------
        images : array-like of shape (n, H, W, C), (n, H, W) or (n, n_features)
            The originals, with C = 1 or 3 channels, in any unit.
        reconstructions : array-like of as many images
            In the unit of the originals.
        image_shape : tuple of int, default=None
            ``(H, W, C)`` or ``(H, W)``, needed for flat images.
        axes : array-like of matplotlib Axes, default=None
            As in `from_estimator`.
        cmap : str or Colormap, default=None
            As in `from_estimator`.

        Returns
        -------
        ReconstructionDisplay
            The display, drawn.
        """
        images = _pictures("images", images, image_shape)
        reconstructions = _pictures("reconstructions", reconstructions, image_shape)
        if images.shape != reconstructions.shape:
            raise ValueError(
                f"reconstructions must have the shape of images, {images.shape}, but have "
                f"{reconstructions.shape}. Pass as many images of the same size."
            )
        return cls(images=images, reconstructions=reconstructions).plot(axes=axes, cmap=cmap)

    def plot(self, *, axes=None, cmap="gray"):
        """Draw the two rows of pictures.

        Parameters
        ----------
        axes : array-like of matplotlib Axes, default=None
            As in `from_estimator`.
        cmap : str or Colormap, default=None
            As in `from_estimator`.

        Returns
        -------
        ReconstructionDisplay
            The display, drawn.
        """
        n = len(self.images)
        if axes is None:
            figure = _pyplot(self).figure(figsize=(max(1.15 * n, 2) + 0.3, 2.5), layout="tight")
            axes = figure.subplots(2, n, squeeze=False)
        self.axes_ = _given_axes(self, axes, 2 * n).reshape(2, n)
        self.figure_ = self.axes_[0, 0].figure
        limits = _limits(self.images)
        for row, pictures in zip(self.axes_, (self.images, self.reconstructions), strict=True):
            for ax, picture in zip(row, pictures, strict=True):
                _show(ax, picture, limits, cmap)
        self.axes_[0, 0].set_ylabel("original")
        self.axes_[1, 0].set_ylabel("reconstructed")
        return self


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
        estimator : estimator with ``loss_curve_``
            `CAEFeaturizer`, `ElasticNetBNMLPClassifier` or, for example, scikit-learn's
            ``MLPClassifier``. ``validation_loss_curve_`` is drawn where there is one.
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
        loss = _learned(estimator, "loss_curve_")
        validation_loss = getattr(estimator, "validation_loss_curve_", ())
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
            _, ax = _pyplot(self).subplots(figsize=(6, 4), layout="tight")
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


class SearchResultsDisplay:
    """Scores of a search: a heat map over two parameters, or trials and parameters.

    Make it with `from_search`.

    Parameters
    ----------
    params : dict of str to masked array of shape (n_trials,)
        Values by name of the parameters; masked where a trial has none.
    scores : ndarray of shape (n_trials,)
        Mean scores, the higher the better; nan or infinite where a trial failed.
    deviations : ndarray of shape (n_trials,), default=None
        Standard deviations of the scores over the folds.
    scales : dict of str to {"linear", "log", "category"}, default=None
        Axes of the parameters; those left out are judged by the values.
    score_name : str, default="score"
        What the axis of the scores is called.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes
        One for a heat map; else one for the trials, then one for each varied parameter.
    figure_ : matplotlib Figure
        The figure of the axes.

    See Also
    --------
    cae_sklearn.search.ResumableBayesSearchCV : A search whose results this shows.
    sklearn.model_selection.ValidationCurveDisplay : One parameter, training scores too.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn.svm import SVC
    >>> from cae_sklearn.plotting import SearchResultsDisplay
    >>> grid = {"C": [0.1, 1, 10], "gamma": [0.01, 0.1]}
    >>> search = GridSearchCV(SVC(), grid).fit(*load_iris(return_X_y=True))
    >>> display = SearchResultsDisplay.from_search(search, score_name="accuracy")
    >>> display.axes_[0].get_xlabel()
    'gamma'
    """

    def __init__(self, *, params, scores, deviations=None, scales=None, score_name="score"):
        self.params = params
        self.scores = scores
        self.deviations = deviations
        self.scales = scales
        self.score_name = score_name

    @classmethod
    def from_search(cls, search, *, metric="score", score_name=None, kind="auto", axes=None):
        """Plot the results of a search.

        Parameters
        ----------
        search : fitted search, or dict
            ``GridSearchCV``, ``BayesSearchCV`` and the like, or their ``cv_results_``. Only the
            search of skopt knows which parameters were sampled on a logarithmic scale; else the
            values tell.
        metric : str, default="score"
            Which score, for searches with several.
        score_name : str, default=None
            What the axis of the scores is called; None is the mean test score.
        kind : {"auto", "heatmap", "trials"}, default="auto"
            "heatmap" needs a full grid over two parameters, and is then what "auto" takes.
            "trials" shows the score of each trial with the best so far, and the scores against
            each parameter that varies.
        axes : matplotlib Axes or array-like of them, default=None
            Where to draw: one for a heat map, else one and one for each parameter that varies.
            None makes a figure.

        Returns
        -------
        SearchResultsDisplay
            The display, drawn.
        """
        if not isinstance(search, dict):
            check_is_fitted(search, "cv_results_")
        results = search if isinstance(search, dict) else search.cv_results_
        if f"mean_test_{metric}" not in results:
            known = [key[10:] for key in results if key.startswith("mean_test_")]
            raise ValueError(
                f"metric={metric!r} is none of this search, which has {', '.join(known) or 'none'}."
                " Pass one of these."
            )
        params = {
            key[6:]: _masked(values) for key, values in results.items() if key.startswith("param_")
        }
        deviations = results.get(f"std_test_{metric}")
        display = cls(
            params=params,
            scores=np.asarray(results[f"mean_test_{metric}"], float),
            deviations=None if deviations is None else np.asarray(deviations, float),
            scales=_scales_of_spaces(getattr(search, "search_spaces", None)),
            score_name=score_name or f"mean test {metric}",
        )
        return display.plot(kind=kind, axes=axes)

    def plot(self, *, kind="auto", axes=None):
        """Draw the scores.

        Parameters
        ----------
        kind : str, default="auto"
            As in `from_search`.
        axes : matplotlib Axes or array-like of them, default=None
            As in `from_search`.

        Returns
        -------
        SearchResultsDisplay
            The display, drawn.
        """
        if kind not in ("auto", "heatmap", "trials"):
            raise ValueError(f"kind must be 'auto', 'heatmap' or 'trials', but is {kind!r}.")
        varied = {name: values for name, values in self.params.items() if _n_distinct(values) > 1}
        sizes = [_n_distinct(values) for values in varied.values()]
        cells = set(zip(*(map(_label, values) for values in varied.values()), strict=True))
        is_grid = len(varied) == 2 and len(cells) == len(self.scores) == np.prod(sizes)
        if kind == "heatmap" and not is_grid:
            raise ValueError(
                "kind='heatmap' needs every combination of two parameters once, but "
                f"{len(self.scores)} trials vary {', '.join(varied) or 'nothing'}. "
                "Pass kind='trials'."
            )
        n_axes = 1 if is_grid and kind != "trials" else 1 + len(varied)
        if axes is None:
            axes = self._new_axes(n_axes, sizes)
        self.axes_ = _given_axes(self, axes, n_axes)
        self.figure_ = self.axes_[0].figure
        names = _short_names(varied)
        if n_axes == 1 and is_grid:
            self._plot_heatmap(self.axes_[0], varied, names)
            return self
        self._plot_trials(self.axes_[0])
        for ax, (name, values) in zip(self.axes_[1:], varied.items(), strict=True):
            scale = (self.scales or {}).get(name) or _scale_of_values(values)
            self._plot_param(ax, values, scale)
            ax.set_xlabel(names[name])
            place = ax.get_subplotspec()
            if place is None or place.is_first_col():
                ax.set_ylabel(self.score_name)
        return self

    def _new_axes(self, n_axes, sizes):
        """Return the axes of a new figure: the trials above, up to four parameters a row."""
        pyplot = _pyplot(self)
        if n_axes == 1:
            size = (1.1 * sizes[1] + 2.5, 0.6 * sizes[0] + 1.4) if len(sizes) == 2 else (7, 3)
            return pyplot.subplots(figsize=(max(size[0], 4), max(size[1], 2.4)), layout="tight")[1]
        n_columns = min(n_axes - 1, 4)
        n_rows = -(-(n_axes - 1) // n_columns)
        figure = pyplot.figure(figsize=(max(2.8 * n_columns, 6), 3 + 2.6 * n_rows), layout="tight")
        grid = figure.add_gridspec(n_rows + 1, n_columns)
        places = [divmod(i, n_columns) for i in range(n_axes - 1)]
        return [
            figure.add_subplot(grid[0, :]),
            *(figure.add_subplot(grid[row + 1, column]) for row, column in places),
        ]

    def _plot_heatmap(self, ax, varied, names):
        (row_name, rows), (column_name, columns) = varied.items()
        (i, row_labels), (j, column_labels) = _places(rows), _places(columns)
        grid = np.full((len(row_labels), len(column_labels)), np.nan)
        grid[i, j] = np.where(np.isfinite(self.scores), self.scores, np.nan)
        image = ax.imshow(grid, cmap="viridis", aspect="auto")
        ax.set_facecolor("lightgray")  # what failed cells let through
        low, high = image.get_clim()
        for place, score in np.ndenumerate(grid):
            dark = np.isfinite(score) and score < (low + high) / 2
            text = f"{score:.4g}" if np.isfinite(score) else "failed"
            ax.text(*place[::-1], text, ha="center", va="center", color="w" if dark else "k")
        if (best := _best(self.scores)) is not None:
            corner = j[best] - 0.5, i[best] - 0.5
            frame = {"fill": False, "edgecolor": _WRONG, "linewidth": 2.5, "clip_on": False}
            ax.add_patch(_pyplot(self).Rectangle(corner, 1, 1, **frame))
        ax.set_xticks(range(len(column_labels)), column_labels)
        ax.set_yticks(range(len(row_labels)), row_labels)
        ax.set(xlabel=names[column_name], ylabel=names[row_name])
        self.figure_.colorbar(image, ax=ax, label=self.score_name)

    def _plot_trials(self, ax):
        trials = np.arange(1, len(self.scores) + 1)
        scores = np.where(np.isfinite(self.scores), self.scores, np.nan)
        ax.errorbar(trials, scores, self.deviations, fmt=".", elinewidth=0.8, label="trial")
        ax.step(trials, np.fmax.accumulate(scores), where="post", color="k", label="best so far")
        self._mark(ax, trials)
        ax.set(xlabel="trial", ylabel=self.score_name)
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=4, frameon=False)

    def _plot_param(self, ax, values, scale):
        if scale == "category":
            x, labels = _places(values)
            ax.set_xticks(range(len(labels)), labels)
            ax.margins(x=0.1)
        else:
            x = values.astype(float).filled(np.nan)
            ax.set_xscale(scale)
        ax.plot(x, np.where(np.isfinite(self.scores), self.scores, np.nan), ".")
        self._mark(ax, x)

    def _mark(self, ax, x):
        """Mark the best trial, and at the lower edge those that failed."""
        if (best := _best(self.scores)) is not None:
            ax.plot(x[best], self.scores[best], "*", color=_WRONG, ms=10, label="best", zorder=3)
        failed = ~np.isfinite(self.scores)
        if failed.any():
            y, edge = np.full(failed.sum(), 0.03), ax.get_xaxis_transform()
            ax.plot(x[failed], y, "x", color="k", transform=edge, label="failed")


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
        estimator : classifier with ``coef_``
            `ElasticNetBNMLPClassifier`, or a linear model of scikit-learn.
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
        coef = np.atleast_2d(_learned(estimator, "coef_"))
        classes = list(map(str, getattr(estimator, "classes_", ())))
        class_names = classes if len(classes) == len(coef) else None
        return cls(coef=coef, threshold=threshold, class_names=class_names).plot(axes=axes)

    @property
    def sparsity(self):
        """Share of the weights below the threshold."""
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
        if axes is None:
            figure = _pyplot(self).figure(figsize=(10, 3.6), layout="tight")
            axes = figure.subplots(1, 2, width_ratios=(3, 2))
        self.axes_ = _given_axes(self, axes, 2)
        self.figure_ = self.axes_[0].figure
        self._plot_image(self.axes_[0])
        self._plot_histogram(self.axes_[1])
        return self

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
        images = _pictures("images", images, image_shape)
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
        if axes is None:
            n_columns = min(n, 8)
            n_rows = -(-n // n_columns)
            size = max(1.25 * n_columns, 2), 1.65 * n_rows
            figure = _pyplot(self).figure(figsize=size, layout="tight")
            axes = [figure.add_subplot(n_rows, n_columns, i + 1) for i in range(n)]
        self.axes_ = _given_axes(self, axes, n)
        self.figure_ = self.axes_[0].figure
        limits = _limits(self.images)
        drawn = zip(self.axes_, self.images, self.y_true, self.y_pred, strict=True)
        for ax, image, true, predicted in drawn:
            _show(ax, image, limits, cmap)
            wrong = true != predicted
            style = {"color": _WRONG, "fontweight": "bold"} if wrong else {}
            text = f"true {self._name(true)}\npred. {self._name(predicted)}"
            ax.set_title(text, fontsize=8, **style)
            if wrong:
                ax.spines[:].set(color=_WRONG, linewidth=2.5)
        return self

    def _name(self, label):
        return label if self.target_names is None else self.target_names[label]


# -- axes and estimators ---------------------------------------------------------


def _pyplot(display):
    """Return ``matplotlib.pyplot``, or say how to get it."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            f"{type(display).__name__} needs matplotlib. "
            "Install it with: pip install cae_sklearn[plot]"
        ) from error
    return plt


def _given_axes(display, axes, n):
    """Return axes of any arrangement as a flat array of n."""
    axes = np.array(axes, dtype=object).ravel()
    if len(axes) != n:
        raise ValueError(
            f"axes must hold {n} axes for this {type(display).__name__}, but holds {len(axes)}. "
            "Pass as many, or axes=None for a new figure."
        )
    return axes


def _learned(estimator, name):
    """Return a learned attribute, or say where to look for it."""
    if not hasattr(estimator, name):
        raise TypeError(
            f"estimator must have learned {name}, but {type(estimator).__name__} has not. "
            "Of a Pipeline pass the step, such as pipeline['clf']."
        )
    return getattr(estimator, name)


# -- pictures --------------------------------------------------------------------


def _pictures(name, images, image_shape=None):
    """Return images as an array (n, H, W, C)."""
    images = np.asarray(images)
    shape = images.shape[1:] if image_shape is None else tuple(image_shape)
    if len(shape) == 2:
        shape = (*shape, 1)
    if len(shape) != 3 or shape[2] not in (1, 3) or images.size != len(images) * np.prod(shape):
        raise ValueError(
            f"{name} must have the shape (n, H, W), (n, H, W, 1) or (n, H, W, 3), or be flat with "
            f"image_shape=(H, W, C); got the shape {images.shape} with image_shape={image_shape}."
        )
    if not len(images):
        raise ValueError(f"{name} must hold one image or more; got the shape {images.shape}.")
    return images.reshape(len(images), *shape)


def _limits(images):
    """Return the values that are drawn black and white."""
    low, high = np.nanpercentile(images, [0.5, 99.5])
    if low == high:  # next to all pixels have one value
        low, high = np.nanmin(images), np.nanmax(images)
    return float(low), float(high if high > low else low + 1)


def _show(ax, picture, limits, cmap):
    low, high = limits
    aspect = "auto" if 1 in picture.shape[:2] else "equal"  # a signal is a line of one pixel
    if picture.shape[-1] == 1:
        ax.imshow(picture[..., 0], cmap=cmap, vmin=low, vmax=high, aspect=aspect)
    else:
        ax.imshow(np.clip((picture.astype(float) - low) / (high - low), 0, 1), aspect=aspect)
    ax.set(xticks=[], yticks=[])


# -- parameters of searches --------------------------------------------------------


def _masked(values):
    """Return values as a one-dimensional masked array of objects, be they tuples."""
    array = np.ma.empty(len(values), dtype=object)
    for i, value in enumerate(values):
        array[i] = value
    return array


def _best(scores):
    """Return the place of the first best score, or None."""
    finite = np.isfinite(scores)
    return int(np.argmax(np.where(finite, scores, -np.inf))) if finite.any() else None


def _label(value):
    """Return a short text for the value of a parameter."""
    text = f"{value:.4g}" if isinstance(value, float | np.floating) else str(value)
    return text if len(text) <= 20 else text[:19] + "…"


def _n_distinct(values):
    return len(set(map(_label, values)))


def _places(values):
    """Return the place of each value among the distinct ones, and the labels of these.

    Numbers are in order, others as they come. Masked values have the place nan.
    """
    known = values.compressed()
    if all(map(_is_number, known)):
        known = sorted(known)
    labels = list(dict.fromkeys(map(_label, known)))
    if len(known) == len(values):
        return np.array([labels.index(_label(value)) for value in values]), labels
    masked = np.ma.getmaskarray(values)
    places = [
        np.nan if mask else labels.index(_label(value))
        for value, mask in zip(values.data, masked, strict=True)
    ]
    return np.array(places), labels


def _is_number(value):
    return isinstance(value, Real) and not isinstance(value, bool)


def _scale_of_values(values):
    """Judge by the values of a parameter on what axis they lie."""
    known = values.compressed()
    if not all(map(_is_number, known)) or 2 * _n_distinct(values) <= len(values):
        return "category"
    low, middle, high = np.quantile(known.astype(float), [0, 0.5, 1])
    return "log" if low > 0 and middle - low < 0.1 * (high - low) else "linear"


def _scales_of_spaces(spaces):
    """Return how skopt sampled each parameter."""
    spaces = [spaces] if isinstance(spaces, dict) else spaces or []
    scales = {}
    for space in spaces:
        for name, dimension in (space[0] if isinstance(space, tuple) else space).items():
            if hasattr(dimension, "categories"):
                scales[name] = "category"
            elif isinstance(prior := getattr(dimension, "prior", None), str):
                scales[name] = "log" if prior == "log-uniform" else "linear"
    return scales


def _short_names(names):
    """Return each name without the pipeline steps before it, unless two names then are equal."""
    short = {name: name.rsplit("__", 1)[-1] for name in names}
    return short if len(set(short.values())) == len(short) else dict(zip(names, names, strict=True))
