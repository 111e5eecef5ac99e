"""Optimizers that the fast loop serves: Adam, AdamW, SGD and RMSprop, each in a few kernels.

Each is one of Keras's, which holds its state, and does what that does, to rounding. After the
update of a weight with an elastic net comes the proximal step in the metric of the optimizer.
"""

import json
from dataclasses import dataclass

import keras
import tensorflow as tf

from .proximal import AdamW, adam_scale, is_plain, l1_of, shrink


@dataclass(frozen=True)
class Recipe:
    """What an optimizer is made of. It is hashable, and so a part of the key of the pool.

    Parameters
    ----------
    kind : type
        The class of the optimizer.
    config : str
        Its configuration as JSON.
    """

    kind: type
    config: str = "{}"

    @classmethod
    def named(cls, name, momentum=0.0):
        """Return the recipe of an optimizer with Keras's default settings; SGD has a momentum."""
        config = json.dumps({"momentum": float(momentum)}) if name == "sgd" else "{}"
        kinds = {"adam": keras.optimizers.Adam, "adamw": AdamW, "sgd": keras.optimizers.SGD}
        return cls(kinds.get(name, keras.optimizers.RMSprop), config)

    @classmethod
    def of(cls, optimizer):
        """Return the recipe of one of Keras's optimizers, or None if JSON does not tell it."""
        if not type(optimizer).__module__.startswith("keras."):
            return None
        config = {key: value for key, value in optimizer.get_config().items() if key != "name"}
        try:
            return cls(type(optimizer), json.dumps(config, sort_keys=True))
        except TypeError:
            return None


def make(optimizer):
    """Return a new optimizer of a recipe, or the optimizer that was passed."""
    if isinstance(optimizer, Recipe):
        return optimizer.kind.from_config(json.loads(optimizer.config))
    return optimizer


def is_fast(optimizer):
    """Tell whether the kernels here do all that this optimizer does."""
    return (
        is_plain(optimizer, *UPDATES)
        and not getattr(optimizer, "nesterov", False)
        and not getattr(optimizer, "centered", False)
        and not (type(optimizer) is keras.optimizers.RMSprop and optimizer.momentum)
    )


def state_variables(optimizer):
    """Return the variables of an optimizer that a fit may go on from: all but the rate."""
    return [variable for variable in optimizer.variables if "learning_rate" not in variable.path]


def apply_update(optimizer, variables, gradients, learning_rate, built_for=None):
    """Update the variables, and bring those with an elastic net nearer to zero.

    ``built_for`` are the variables that the optimizer was built for, if these are more: callbacks
    may have frozen some.
    """
    step = tf.cast(optimizer.iterations.value.assign_add(1), tf.float32)
    update = UPDATES[type(optimizer)](optimizer, learning_rate, step)
    _, _, *slots = optimizer.variables
    places = {id(variable): i for i, variable in enumerate(built_for or variables)}
    n_slots = len(slots) // max(1, len(places))
    for variable, gradient in zip(variables, gradients, strict=True):
        i = places[id(variable)]
        own = [slot.value for slot in slots[n_slots * i : n_slots * (i + 1)]]
        threshold = update(variable.value, gradient, *own)
        l1 = l1_of(variable)
        if l1 is not None:
            shrink(variable.value, threshold(l1))


def _adam(optimizer, learning_rate, step):
    """Return an update of Adam (Kingma & Ba, 2015, arXiv:1412.6980), in one fused kernel."""
    betas = [tf.constant(beta) for beta in (optimizer.beta_1, optimizer.beta_2)]
    epsilon = tf.constant(optimizer.epsilon)
    powers = [tf.pow(beta, step) for beta in betas]

    def update(variable, gradient, m, v):
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=m.handle,
            v=v.handle,
            beta1_power=powers[0],
            beta2_power=powers[1],
            lr=learning_rate,
            beta1=betas[0],
            beta2=betas[1],
            epsilon=epsilon,
            grad=gradient,
        )
        scale = adam_scale(learning_rate, *powers)
        return lambda l1: l1 * scale / (tf.sqrt(v.read_value()) + epsilon)

    return update


def _adamw(optimizer, learning_rate, step):
    """Return an update of Adam after a decay of the weight (Loshchilov & Hutter, 2019)."""
    adam = _adam(optimizer, learning_rate, step)
    decay = tf.constant(optimizer.weight_decay) * learning_rate

    def update(variable, *arguments):
        variable.assign_sub(variable.read_value() * decay)
        return adam(variable, *arguments)

    return update


def _sgd(optimizer, learning_rate, step):
    """Return an update of gradient descent with momentum, or without any."""

    def update(variable, gradient, m=None):
        if m is None:
            tf.raw_ops.ResourceApplyGradientDescent(
                var=variable.handle, alpha=learning_rate, delta=gradient
            )
        else:
            tf.raw_ops.ResourceApplyKerasMomentum(
                var=variable.handle,
                accum=m.handle,
                lr=learning_rate,
                grad=gradient,
                momentum=tf.constant(optimizer.momentum),
            )
        # in the end a gradient moves a weight by rate / (1 - momentum) times itself
        return lambda l1: l1 * learning_rate / (1.0 - optimizer.momentum)

    return update


def _rmsprop(optimizer, learning_rate, step):
    """Return an update of RMSprop (Tieleman & Hinton, 2012)."""
    rho, epsilon = tf.constant(optimizer.rho), tf.constant(optimizer.epsilon)

    def update(variable, gradient, v):
        rate = learning_rate * tf.math.rsqrt(
            v.assign(rho * v.read_value() + (1.0 - rho) * tf.square(gradient)) + epsilon
        )
        variable.assign_sub(rate * gradient)
        return lambda l1: l1 * rate

    return update


UPDATES = {
    keras.optimizers.Adam: _adam,
    AdamW: _adamw,
    keras.optimizers.SGD: _sgd,
    keras.optimizers.RMSprop: _rmsprop,
}
