"""Callbacks of scikit-learn (``sklearn.callback``, 1.9 and later), where there are any.

A fit is a tree of tasks. Callbacks, such as scikit-learn's progress bar, are told when each of them
begins and ends.
"""

import contextlib

from sklearn.base import clone

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # scikit-learn 1.6 to 1.8

    class CallbackSupportMixin:
        """Stands for the mixin where there are no callbacks."""

    def with_callbacks(method):
        """Return the method as it is."""
        return method


__all__ = ["CallbackSupportMixin", "Task", "with_callbacks"]


class Task:
    """A node of the tree of tasks that callbacks see: fit > search > point > fold > epoch.

    Parameters
    ----------
    owner : estimator or None
        Whose task it is. A search is pickled into every worker, so it is left out if nobody
        listens.
    context : sklearn.callback.CallbackContext or None
        None, if there are no callbacks: then a task does nothing.
    data : dict, default={}
        X, y and metadata of the task, for the callbacks.
    """

    def __init__(self, owner, context, data=None):
        self.owner, self.context, self.data = owner if context else None, context, data or {}

    @classmethod
    def of_fit(cls, estimator, n_subtasks, X, y, fit_params, only_if_watched=False):
        """Return the task of a whole fit, which has begun.

        With ``only_if_watched`` it does nothing if the estimator has no callbacks. (A search
        needs it even then: its candidates may have some.)
        """
        start = getattr(estimator, "_init_callback_context", None)
        if only_if_watched and not getattr(estimator, "_skl_callbacks", None):
            start = None
        context = start(max_subtasks=n_subtasks) if start else None
        task = cls(estimator, context, _data(X, y, fit_params))
        task.begin()
        return task

    def subtask(self, name, number=None, n_subtasks=0):
        """Return a task below this one; with a number if those below come in any order."""
        if self.context is None:
            return self
        context = self.context.subcontext(
            task_name=name,
            task_id=number,
            max_subtasks=n_subtasks,
            sequential_subtasks=n_subtasks == 0,
        )
        return Task(self.owner, context, self.data if n_subtasks == 0 else None)

    def begin(self):
        """Tell the callbacks that the task begins."""
        if self.context is not None:
            self.context.call_on_fit_task_begin(estimator=self.owner, **self.data)

    def end(self, learned=None):
        """Tell the callbacks that the task is over; return whether one of them wants to stop.

        ``learned``, a function without arguments, gives the attributes of a fitted estimator.
        """
        if self.context is None:
            return False
        return self.context.call_on_fit_task_end(
            estimator=self.owner, reconstruction_attributes=learned, **self.data
        )

    def __getstate__(self):
        # What an earlier fit has left in the search would go to the workers with each task.
        return {**self.__dict__, "owner": self.owner if self.owner is None else clone(self.owner)}

    @contextlib.contextmanager
    def fitting(self, estimator, X, y, fit_params):
        """Begin the task of a fit, whose estimator may have tasks of its own."""
        if self.context is None:
            yield
            return
        self.data = _data(X, y, fit_params)
        with self.context.propagate_callback_context(estimator):
            self.begin()
            yield


def _data(X, y, fit_params):
    weights = fit_params.get("sample_weight")
    metadata = None if weights is None else {"sample_weight": weights}
    return {"X": X, "y": y, "metadata": metadata}
