"""Who listens to a fit: callbacks of scikit-learn, and whoever reads the screen."""

import time
from contextlib import contextmanager

from ._arrays.progress import heard_by
from ._tasks import Task

HEARTBEAT = 4.0  # seconds after which a line says how far a long stage is


@contextmanager
def watched(estimator, X, y=None, sample_weight=None, *, n_stages=0, n_epochs=0):
    """Let callbacks of scikit-learn, and the screen if verbose, follow the fit in the block.

    Parameters
    ----------
    estimator : estimator
        What is fitted.
    X, y, sample_weight : array-like
        As they come, for the callbacks.
    n_stages : int
        How many stages the fit has at most, all epochs being one of them. With 0 it has only
        epochs.
    n_epochs : int
        How many epochs it has then, at most.
    """
    data = X, y, {"sample_weight": sample_weight}
    task = Task.of_fit(estimator, int(n_stages or n_epochs), *data, only_if_watched=True)
    screen = Screen(type(estimator).__name__) if estimator.verbose else None
    with heard_by(Listener(task, screen, n_stages) if task.context or screen else None):
        yield
    task.end()


class Listener:
    """Passes on what a fit tells of itself.

    Parameters
    ----------
    task : Task
        That of the fit; it does nothing where there are no callbacks.
    screen : Screen or None
        Where lines are printed.
    n_stages : int
        How many stages the task has at most; 0 if its subtasks are the epochs.
    """

    def __init__(self, task, screen, n_stages):
        self._task, self._screen = task, screen
        self._of_epochs = None if n_stages else task
        self._stages_left = n_stages
        self._epoch = None

    @contextmanager
    def stage(self, name):
        """Tell of the stage in the block."""
        task = self._subtask(name)
        self._begin(task, name)
        yield
        if task:
            task.end()
        if self._screen:
            self._screen.end()

    def _subtask(self, name, n_subtasks=0):
        """Return the task of a stage, or None if there are more than was said."""
        self._stages_left -= 1
        if self._stages_left < 0:
            return None
        return self._task.subtask(name, n_subtasks=n_subtasks)

    def _begin(self, task, name):
        if task:
            task.begin()
        if self._screen:
            self._screen.begin(name)

    def advanced(self, share):
        """Tell that a share of the stage is done."""
        if self._screen:
            self._screen.advanced(share)

    def begin_epochs(self, n_epochs):
        """Tell that so many epochs follow, at most."""
        self._n_epochs, self._done = n_epochs, 0
        self._is_stage = self._of_epochs is None
        if self._is_stage:
            self._of_epochs = self._subtask("epochs", n_epochs)
            if self._of_epochs:
                self._of_epochs.begin()

    def begin_epoch(self, name):
        """Tell that an epoch begins."""
        if self._of_epochs:
            number = self._done if self._is_stage else None
            self._epoch = self._of_epochs.subtask("epoch", number)
        self._begin(self._epoch, name)

    def end_epoch(self, logs, learned):
        """Tell the losses and scores of an epoch; return whether a callback wants to stop.

        ``learned``, a function without arguments, gives the attributes of a fitted estimator.
        """
        self._done += 1
        if self._screen:
            self._screen.end(logs, self._n_epochs - self._done)
        return bool(self._epoch and self._epoch.end(learned))

    def end_epochs(self):
        """Tell that no epochs follow."""
        if self._is_stage and self._of_epochs:
            self._of_epochs.end()


class Screen:
    """Prints a line for each stage and epoch, and one in between where these are long.

    Parameters
    ----------
    name : str
        Stands before each line.
    """

    def __init__(self, name):
        self._name, self._stage = name, None
        self._epoch_seconds = []

    def begin(self, stage):
        """Note when a stage begins."""
        self._stage = stage
        self._begun = self._printed = time.monotonic()

    def advanced(self, share):
        """Print how far the stage is, if nothing was printed for some seconds."""
        now = time.monotonic()
        if self._stage and share < 1 and now - self._printed > HEARTBEAT:
            left = (now - self._begun) * (1 - share) / share
            self._print(f"{self._stage}, {share:.0%}", f"{left:.0f} s left")

    def end(self, logs=None, epochs_left=0):
        """Print what a stage, or an epoch, took and gave."""
        taken = time.monotonic() - self._begun
        values = [f"{name}: {value:.4g}" for name, value in (logs or {}).items()]
        left = []
        if epochs_left:
            self._epoch_seconds.append(taken)
            recent = self._epoch_seconds[-5:]
            seconds = epochs_left * sum(recent) / len(recent)
            left = [f"at most {seconds:.0f} s to the last epoch"]
        self._print(self._stage, *values, f"{taken:.1f} s", *left)
        self._stage = None

    def _print(self, *parts):
        print(f"[{self._name}]", ", ".join(parts), flush=True)
        self._printed = time.monotonic()
