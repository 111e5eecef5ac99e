"""Scores of a search."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ._axes import HIGHLIGHT, given_axes, pyplot
from ._parameters import (
    best_of,
    label_of,
    masked_objects,
    n_distinct,
    places_of,
    scale_of_values,
    scales_of_spaces,
    short_names,
)


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
            key[6:]: masked_objects(values)
            for key, values in results.items()
            if key.startswith("param_")
        }
        deviations = results.get(f"std_test_{metric}")
        display = cls(
            params=params,
            scores=np.asarray(results[f"mean_test_{metric}"], float),
            deviations=None if deviations is None else np.asarray(deviations, float),
            scales=scales_of_spaces(getattr(search, "search_spaces", None)),
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
        varied = {name: values for name, values in self.params.items() if n_distinct(values) > 1}
        sizes = [n_distinct(values) for values in varied.values()]
        cells = set(zip(*(map(label_of, values) for values in varied.values()), strict=True))
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
        self.axes_ = given_axes(self, axes, n_axes)
        self.figure_ = self.axes_[0].figure
        names = short_names(varied)
        if n_axes == 1 and is_grid:
            self._plot_heatmap(self.axes_[0], varied, names)
            return self
        self._plot_trials(self.axes_[0])
        for ax, (name, values) in zip(self.axes_[1:], varied.items(), strict=True):
            scale = (self.scales or {}).get(name) or scale_of_values(values)
            self._plot_param(ax, values, scale)
            ax.set_xlabel(names[name])
            place = ax.get_subplotspec()
            if place is None or place.is_first_col():
                ax.set_ylabel(self.score_name)
        return self

    def _new_axes(self, n_axes, sizes):
        """Return the axes of a new figure: the trials above, up to four parameters a row."""
        plt = pyplot(self)
        if n_axes == 1:
            size = (1.1 * sizes[1] + 2.5, 0.6 * sizes[0] + 1.4) if len(sizes) == 2 else (7, 3)
            return plt.subplots(figsize=(max(size[0], 4), max(size[1], 2.4)), layout="tight")[1]
        n_columns = min(n_axes - 1, 4)
        n_rows = -(-(n_axes - 1) // n_columns)
        figure = plt.figure(figsize=(max(2.8 * n_columns, 6), 3 + 2.6 * n_rows), layout="tight")
        grid = figure.add_gridspec(n_rows + 1, n_columns)
        places = [divmod(i, n_columns) for i in range(n_axes - 1)]
        return [
            figure.add_subplot(grid[0, :]),
            *(figure.add_subplot(grid[row + 1, column]) for row, column in places),
        ]

    def _plot_heatmap(self, ax, varied, names):
        (row_name, rows), (column_name, columns) = varied.items()
        (i, row_labels), (j, column_labels) = places_of(rows), places_of(columns)
        grid = np.full((len(row_labels), len(column_labels)), np.nan)
        grid[i, j] = np.where(np.isfinite(self.scores), self.scores, np.nan)
        image = ax.imshow(grid, cmap="viridis", aspect="auto")
        ax.set_facecolor("lightgray")  # what failed cells let through
        low, high = image.get_clim()
        for place, score in np.ndenumerate(grid):
            dark = np.isfinite(score) and score < (low + high) / 2
            text = f"{score:.4g}" if np.isfinite(score) else "failed"
            ax.text(*place[::-1], text, ha="center", va="center", color="w" if dark else "k")
        if (best := best_of(self.scores)) is not None:
            corner = j[best] - 0.5, i[best] - 0.5
            frame = {"fill": False, "edgecolor": HIGHLIGHT, "linewidth": 2.5, "clip_on": False}
            ax.add_patch(pyplot(self).Rectangle(corner, 1, 1, **frame))
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
            x, labels = places_of(values)
            ax.set_xticks(range(len(labels)), labels)
            ax.margins(x=0.1)
        else:
            x = values.astype(float).filled(np.nan)
            ax.set_xscale(scale)
        ax.plot(x, np.where(np.isfinite(self.scores), self.scores, np.nan), ".")
        self._mark(ax, x)

    def _mark(self, ax, x):
        """Mark the best trial, and at the lower edge those that failed."""
        if (best := best_of(self.scores)) is not None:
            ax.plot(x[best], self.scores[best], "*", color=HIGHLIGHT, ms=10, label="best", zorder=3)
        failed = ~np.isfinite(self.scores)
        if failed.any():
            y, edge = np.full(failed.sum(), 0.03), ax.get_xaxis_transform()
            ax.plot(x[failed], y, "x", color="k", transform=edge, label="failed")
