"""What the two estimators have in common: parameters, seeds, a fit that is all or nothing."""

import copy
import warnings
from contextlib import contextmanager
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from ._sklearn import HasMethods, Interval, StrOptions

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


class NetworkEstimator(BaseEstimator):
    """Base of the estimators: a network whose weights are kept as plain arrays.

    A child has `_build`, which makes a `LoopModel` of an architecture, and sets
    ``_architecture`` in fit.
    """

    _parameter_constraints = {
        "activation": [StrOptions(ACTIVATIONS)],
        "batch_norm": ["boolean"],
        "epochs": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "decay_fraction": [Interval(Real, 0, 1, closed="both")],
        "optimizer": [StrOptions({"adam"}), HasMethods("get_config")],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "warm_start": ["boolean"],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
        "callbacks": [None, list, tuple],
    }

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

    def _seeds(self):
        """Return three seeds: for initial weights, for training and for the split."""
        state = self.random_state
        if isinstance(state, np.random.RandomState):
            state = state.randint(2**31)
        return np.random.SeedSequence(state).spawn(3)

    def _continues(self):
        return self.warm_start and hasattr(self, "_weights")

    def _set_architecture(self, architecture, resume):
        """Note what the network is made of; going on needs the same."""
        if resume and architecture != self._architecture:
            changed = [
                f"{name} from {self._architecture.get(name)!r} to {value!r}"
                for name, value in architecture.items()
                if self._architecture.get(name) != value
            ]
            raise ValueError(
                f"{type(self).__name__} cannot go on with a changed network: {', '.join(changed)}. "
                "Set warm_start=False and call fit, or restore the parameters."
            )
        self._architecture = architecture

    @contextmanager
    def _network(self, private=False, optimizer=None, **part):
        """Lend the network of this architecture, or make one that nobody else will use."""
        from ._training import borrowed

        if private:
            yield self._build(**self._architecture, **part, optimizer=optimizer)
        else:
            with borrowed(self._build, **self._architecture, **part) as model:
                yield model

    def _own_callbacks(self):
        """Return copies of the callbacks that were passed."""
        if not self.callbacks:
            return []
        import keras

        for callback in self.callbacks:
            if not isinstance(callback, keras.callbacks.Callback):
                raise TypeError(
                    "callbacks must be a list of keras.callbacks.Callback instances, "
                    f"but holds {callback!r}."
                )
        return copy.deepcopy(list(self.callbacks))

    def _own_optimizer(self):
        """Return a copy of the optimizer that was passed, None for the default one."""
        if isinstance(self.optimizer, str):
            return None
        import keras

        if not isinstance(self.optimizer, keras.optimizers.Optimizer):
            raise TypeError(
                "optimizer must be 'adam' or a keras.optimizers.Optimizer instance, "
                f"but is {self.optimizer!r}."
            )
        return type(self.optimizer).from_config(self.optimizer.get_config())

    def _train(
        self, X, y=None, *, hyper, initial, fit=None, resume=False, keep_state=False, **settings
    ):
        """Train for some epochs, and keep what was learned as arrays.

        Parameters
        ----------
        X, y : ndarrays
            Checked.
        hyper : dict
            Values of the hyperparameters that are variables of the network.
        initial : callable
            ``initial(model, seed)`` gives the weights to start from, a dict of arrays.
        fit : callable, default=None
            ``fit(model, X, y, **settings)``; None is the method of the model.
        resume : bool
            Go on from the present weights and optimizer state.
        keep_state : bool
            Keep the optimizer state, to go on from later.
        **settings
            Passed to ``fit``; those of the estimator's parameters are the default.
        """
        from ._training import early_stopping, may_change_the_network

        initial_seed, training_seed, _ = self._seeds()
        done = len(self.history_["loss"]) if resume else 0
        optimizer = self._own_optimizer()
        callbacks = []
        if settings.get("validation_rows") is not None:
            callbacks.append(early_stopping(int(self.n_iter_no_change), float(self.tol)))
        own_callbacks = self._own_callbacks()
        callbacks.extend(own_callbacks)
        private = optimizer is not None or may_change_the_network(own_callbacks)
        settings = {
            "batch_size": int(self.batch_size),
            "verbose": int(self.verbose),
            "callbacks": callbacks,
            "decay_fraction": 0.0 if optimizer else float(self.decay_fraction),
            **settings,
            "initial_epoch": done,
            "epochs": done + settings.get("epochs", int(self.epochs)),
        }
        with self._network(private, optimizer) as model:
            model.prepare(
                seed=[*training_seed.generate_state(4), done],
                learning_rate=None if optimizer else self.learning_rate,
                weights=self._weights if resume else initial(model, initial_seed),
                slots=self._slots if resume else None,
                **hyper,
            )
            (fit or type(model).fit)(model, X, y, **settings)
            self._weights = model.learned()
            keep_state = (keep_state or self.warm_start) and not model.diverged
            self._slots = model.slots() if keep_state else {}
            learned, diverged = model.history.history, model.diverged
        before = self.history_ if resume else {"loss": []}
        self.history_ = {
            name: before.get(name, [np.nan] * done)
            + [float(value) for value in learned.get(name, [])]
            for name in {**before, **learned}
        }
        self.n_iter_ = len(self.history_["loss"])
        for values in self.history_.values():
            values.extend([np.nan] * (self.n_iter_ - len(values)))
        if diverged:
            rate = f"learning_rate={self.learning_rate}"
            if optimizer:
                rate = "the learning rate of optimizer"
            warnings.warn(
                f"{type(self).__name__}: the loss was no longer finite in epoch {self.n_iter_}; "
                "training stopped and the last finite weights were put back. "
                f"Lower {rate}, or bring features and weights of samples to a common scale.",
                ConvergenceWarning,
                stacklevel=4,
            )

    def _outputs(self, X, weights=None, **part):
        """Return what the network gives for each row of X, by default with what was learned."""
        with self._network(**part) as model:
            model.load(self._weights if weights is None else weights)
            return model.outputs_of(X)


def check_sizes(value, name, example):
    """Return a parameter that holds one or more positive integers as a tuple of int.

    An int is one size, and a string such as ``"400-64"`` names several.
    """
    sizes = value
    if isinstance(value, str):
        sizes = [int(size) if size.isdecimal() else size for size in value.split("-")]
    sizes = sizes if np.iterable(sizes) else [sizes]
    positive = [
        isinstance(size, Integral) and not isinstance(size, bool) and size > 0 for size in sizes
    ]
    if not positive or not all(positive):
        raise ValueError(f"{name} must be positive integers, such as {example}, but is {value!r}.")
    return tuple(int(size) for size in sizes)


@contextmanager
def unchanged_on_error(estimator):
    """Put every attribute of ``estimator`` back when the block raises."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise
