"""What the two estimators have in common: parameters, seeds, a fit that is all or nothing."""

import copy
import inspect
import warnings
from contextlib import contextmanager, nullcontext
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from ._arrays.interrupts import Raise, handled
from ._arrays.progress import listener
from ._interrupts import end_or_warn
from ._sklearn import HasMethods, Interval, Options, StrOptions
from ._tasks import CallbackSupportMixin
from ._validation import LARGEST
from ._version import __version__

FORMAT = 3  # of the state of a fitted estimator; raised when older files would mean another thing
_OF_THE_FIT = {"callbacks_"}  # not saved: callbacks may hold files and networks
MOST = 2**53  # epochs, samples and the like: more are no longer counted exactly
COUNT = Interval(Integral, 1, MOST, closed="both")
OPTIMIZERS = {"adam", "adamw", "rmsprop", "sgd"}
ACTIVATIONS = {
    "relu",
    "elu",
    "gelu",
    "leaky_relu",
    "selu",
    "silu",
    "tanh",
    "sigmoid",
    "linear",
}


class NetworkEstimator(CallbackSupportMixin, BaseEstimator):
    """Base of the estimators: a network whose weights are kept as plain arrays.

    What was learned is one attribute, a tuple of a network's description, its weights and what
    else a prediction needs, so that one in another thread finds all of the same fit.
    """

    _seed_names = ("start", "training", "split")

    _parameter_constraints = {
        "activation": [StrOptions(ACTIVATIONS)],
        "batch_norm": ["boolean"],
        "epochs": [COUNT],
        "batch_size": [COUNT],
        "learning_rate": [Interval(Real, 0, LARGEST, closed="right")],
        "decay_fraction": [Interval(Real, 0, 1, closed="both")],
        "optimizer": [StrOptions(OPTIMIZERS), HasMethods("get_config")],
        "momentum": [Interval(Real, 0, 1, closed="left")],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [COUNT, Options(Real, {np.inf})],
        "tol": [Interval(Real, 0, LARGEST, closed="both")],
        "warm_start": ["boolean"],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
        "callbacks": [None, list, tuple, HasMethods("set_model")],
    }

    def __getstate__(self):
        state = super().__getstate__()
        state = {name: value for name, value in state.items() if name not in _OF_THE_FIT}
        if "n_features_in_" in state:
            state["_saved_by"] = FORMAT, __version__
        return state

    def __setstate__(self, state):
        state = dict(state)
        saved_format, version = state.pop("_saved_by", (0, "of an earlier, unnumbered release"))
        fitted = "n_features_in_" in state
        if fitted and saved_format != FORMAT:
            raise ValueError(
                f"This {type(self).__name__} was fitted and saved by cae_sklearn {version} "
                f"(format {saved_format}); cae_sklearn {__version__} reads format {FORMAT}. "
                "Load it with the release that saved it, or fit it again."
            )
        super().__setstate__(state)

    @property
    def loss_curve_(self):
        """Training loss of each epoch, a list of floats."""
        check_is_fitted(self)
        return self.history_["loss"]

    @property
    def validation_loss_curve_(self):
        """Validation loss of each epoch, a list of floats; empty without validation."""
        check_is_fitted(self)
        return self.history_.get("val_loss", [])

    @property
    def loss_(self):
        """Training loss of the last epoch, nan without epochs."""
        return self.loss_curve_[-1] if self.loss_curve_ else np.nan

    @property
    def best_loss_(self):
        """The least training loss of an epoch, nan without epochs."""
        return min(self.loss_curve_, default=np.nan)

    def _seeds(self):
        """Return a seed for each random part of one fit, by name."""
        state = self.random_state
        if isinstance(state, np.random.RandomState):
            state = state.randint(2**31)
        seeds = np.random.SeedSequence(state).spawn(len(self._seed_names))
        return dict(zip(self._seed_names, seeds, strict=True))

    @property
    def _network(self):
        return self._learned[0]

    @property
    def _weights(self):
        return self._learned[1]

    def _continues(self):
        return self.warm_start and hasattr(self, "_learned")

    def _check_same_network(self, network):
        """Raise an error if training cannot go on with this network."""
        changed = self._network.difference(network)
        if changed:
            raise ValueError(
                f"{type(self).__name__} cannot go on with a changed network: {', '.join(changed)}. "
                "Set warm_start=False and call fit, or restore the parameters."
            )

    def _own_callbacks(self):
        """Return copies of the callbacks that were passed."""
        if not self.callbacks:
            return []
        import keras

        several = isinstance(self.callbacks, list | tuple)
        callbacks = list(self.callbacks) if several else [self.callbacks]
        for callback in callbacks:
            if not isinstance(callback, keras.callbacks.Callback):
                raise TypeError(
                    "callbacks must be one keras.callbacks.Callback instance or a list of them, "
                    f"but holds {callback!r}."
                )
        return copy.deepcopy(callbacks)

    def _own_optimizer(self):
        """Return a copy of the optimizer that was passed, None for one that has a name."""
        is_named = isinstance(self.optimizer, str)
        self._warn_of_no_effect("momentum", "sgd", is_named and self.optimizer == "sgd")
        self._warn_of_no_effect("learning_rate", "adam", is_named)
        if is_named:
            return None
        import keras

        if not isinstance(self.optimizer, keras.optimizers.Optimizer):
            raise TypeError(
                f"optimizer must be one of {sorted(OPTIMIZERS)} or a keras.optimizers.Optimizer, "
                f"but is {self.optimizer!r}."
            )
        return type(self.optimizer).from_config(self.optimizer.get_config())

    def _warn_of_no_effect(self, name, optimizer, has_effect):
        """Warn of a parameter that the optimizer does not look at, unless it is the default."""
        default = inspect.signature(type(self)).parameters[name].default
        value = getattr(self, name)
        if value != default and not has_effect:
            warnings.warn(
                f"{name}={value} has no effect with optimizer={self.optimizer!r}. Set "
                f"optimizer={optimizer!r}, or the {name} of an optimizer instance.",
                UserWarning,
                stacklevel=6,
            )

    def _train(self, network, X, y=None, *, seeds, start, hyper, resume, fit=None, **settings):
        """Train for some epochs; return the weights as arrays, and whether the loss diverged.

        Parameters
        ----------
        network : dataclass
            Description of the network.
        X, y : ndarrays
            Checked.
        seeds : dict of str to SeedSequence
            As `_seeds` returns them.
        start : callable
            ``start(model, seed)`` gives the weights to start from, a dict of arrays.
        hyper : dict
            Values of the hyperparameters that are variables of the network.
        resume : bool
            Go on from the present weights and optimizer state.
        fit : callable, default=None
            ``fit(model, X, y, **settings)``; None is the method of the model.
        **settings
            ``keep_state``, to go on from the optimizer state later; ``anew``, to start anew
            within one history; and what ``fit`` takes, the estimator's parameters by default.
        """
        from ._training.callbacks import released

        before = _undisturbed(self.history_) if resume else {"loss": []}
        done = len(before["loss"])
        optimizer, callbacks = self._own_optimizer(), self._own_callbacks()
        keep_state = settings.pop("keep_state", self.warm_start)
        anew = settings.pop("anew", not resume)
        settings = self._settings(done, optimizer, callbacks, settings)
        with self._trainer(network, optimizer, settings["callbacks"]) as model:
            model.prepare(
                seed=[*seeds["training"].generate_state(4), 0 if anew else done],
                learning_rate=None if optimizer else self.learning_rate,
                weights=start(model, seeds["start"]) if anew else self._weights,
                slots=None if anew else self._slots,
                **hyper,
            )
            (fit or type(model).fit)(model, X, y, **settings)
            weights, history = model.learned(), model.history.history
            diverged, interrupted = model.diverged, model.interrupted
            self._slots = model.slots() if keep_state and not diverged else {}
        self.history_ = _joined(before, history, done)
        self.n_iter_ = len(self.history_["loss"])
        self.callbacks_ = released(callbacks)
        if interrupted:
            end_or_warn(type(self).__name__, self.n_iter_, settings["epochs"])
        if diverged:
            self._warn_of_divergence("the learning rate of optimizer" if optimizer else None)
        return weights, diverged

    def _settings(self, done, optimizer, callbacks, settings):
        """Return what the fit of a model takes; ``settings`` go before the parameters."""
        from ._training.callbacks import Reporter, Scores, early_stopping

        n_epochs = settings.pop("epochs", int(self.epochs))
        learned, scores_of = settings.pop("learned", None), settings.pop("scores_of", None)
        callbacks = list(callbacks)
        validates = settings.get("held_out") is not None
        if validates or self.tol > 0:
            stopping = early_stopping(self.n_iter_no_change, float(self.tol), validates)
            callbacks.insert(0, stopping)
        if scores_of is not None:  # before those that look at scores
            callbacks.insert(0, Scores(scores_of))
        if listener() is not None:
            callbacks.append(Reporter(listener(), n_epochs, learned))
        return {
            "batch_size": int(self.batch_size),
            "callbacks": callbacks,
            "decay_fraction": 0.0 if optimizer else float(self.decay_fraction),
            **settings,
            "initial_epoch": done,
            "epochs": done + n_epochs,
        }

    def _trainer(self, network, optimizer, callbacks):
        """Lend the trainer of the pool, or make one that nobody else will use."""
        from ._training.callbacks import may_change_the_network
        from ._training.optimizers import Recipe
        from ._training.pool import borrowed, built

        if optimizer is None:
            recipe = Recipe.named(self.optimizer, self.momentum)
        else:
            recipe = Recipe.of(optimizer)
        if recipe is not None and not may_change_the_network(callbacks):
            return borrowed(network.trained, "trainer", recipe)
        return nullcontext(built(network.trained, "trainer", recipe or optimizer))

    def _warn_of_divergence(self, rate):
        warnings.warn(
            f"{type(self).__name__}: the loss was no longer finite in epoch {self.n_iter_}; "
            "training stopped and the last finite weights were put back. "
            f"Lower {rate or f'learning_rate={self.learning_rate}'}, or bring features and "
            "weights of samples to a common scale.",
            ConvergenceWarning,
            stacklevel=5,
        )


def _undisturbed(history):
    """Return a history without the epochs that were undone, whose loss was not finite."""
    kept = np.isfinite(history["loss"])
    return {
        name: [value for value, keep in zip(values, kept, strict=True) if keep]
        for name, values in history.items()
    }


def _joined(before, after, done):
    """Return two histories one behind the other, lists of floats of one length.

    What one of them lacks is nan; ``done`` epochs came before.
    """
    history = {
        name: before.get(name, [np.nan] * done) + [float(value) for value in after.get(name, [])]
        for name in {**before, **after}
    }
    n_epochs = len(history["loss"])
    return {name: values + [np.nan] * (n_epochs - len(values)) for name, values in history.items()}


def check_finite(weights, name):
    """Raise an error if learned arrays are not finite."""
    bad = [path for path, array in weights.items() if not np.isfinite(array).all()]
    if bad:
        raise ValueError(
            f"{name} would learn numbers that are not finite ({', '.join(bad)}), since X has "
            "values too far from each other, or from those of earlier calls, for float32. Nothing "
            "was changed. Rescale X, or leave such samples out."
        )


@contextmanager
def all_or_nothing(estimator):
    """Put every attribute of ``estimator`` back when the block raises, and lose no Ctrl-C."""
    before = dict(vars(estimator))
    try:
        with handled(Raise()):
            yield
    except BaseException:
        for name in vars(estimator).keys() - before.keys():
            delattr(estimator, name)
        vars(estimator).update(before)
        raise
