"""Optimizers that the fast loop serves: Adam, AdamW, SGD and RMSprop, each in a few kernels.

Each is one of Keras's, which holds its state, and does what that does, to rounding. After the
update of a weight with an elastic net comes the proximal step in the metric of the optimizer.
"""

import json
from dataclasses import dataclass

import keras
import tensorflow as tf

from .proximal import AdamW, adam_scale, has_elastic_net, is_plain, l1_of, shrink


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
        is_plain(optimizer, *KINDS)
        and not getattr(optimizer, "nesterov", False)
        and not getattr(optimizer, "centered", False)
        and not (type(optimizer) is keras.optimizers.RMSprop and optimizer.momentum)
    )


def state_variables(optimizer):
    """Return the variables of an optimizer that a fit may go on from: all but the rate."""
    return [variable for variable in optimizer.variables if "learning_rate" not in variable.path]


def numbers_of_steps(optimizer, learning_rate, n_steps, variables):
    """Count some more steps; return what the updates of each need, a row of numbers a step.

    These are the numbers of the optimizer and, for each of the variables with an elastic net,
    the one that its threshold is made of. Computed at once they cost nothing, one by one in
    each step several per cent of it. Powers are taken in double precision: in float32 those of
    a vector are rounded in another way than single ones, and differently by their place.
    """
    last = optimizer.iterations.value.assign_add(tf.cast(n_steps, optimizer.iterations.dtype))
    steps = tf.cast(last - tf.range(n_steps - 1, -1, -1, dtype=last.dtype), tf.float64)
    rates = tf.cast(learning_rate, tf.float64) * tf.ones_like(steps)
    numbers, _ = KINDS[type(optimizer)]
    *own, scale = numbers(optimizer, rates, steps)
    l1s = [l1_of(variable) for variable in variables if has_elastic_net(variable)]
    scales = [tf.cast(l1, tf.float64) * scale for l1 in l1s]
    return tf.cast(tf.stack([*own, *scales], axis=1), tf.float32)


def apply_update(optimizer, variables, gradients, numbers, built_for=None):
    """Update the variables, and bring those with an elastic net nearer to zero.

    ``numbers`` is the row of this step for these variables. ``built_for`` are the variables
    that the optimizer was built for, if these are more: callbacks may have frozen some.
    """
    _, update = KINDS[type(optimizer)]
    numbers = tf.unstack(numbers)
    n_own = len(numbers) - sum(map(has_elastic_net, variables))
    own, scales = numbers[:n_own], iter(numbers[n_own:])
    _, _, *slots = optimizer.variables
    places = {id(variable): i for i, variable in enumerate(built_for or variables)}
    n_slots = len(slots) // max(1, len(places))
    for variable, gradient in zip(variables, gradients, strict=True):
        i = places[id(variable)]
        of_variable = [slot.value for slot in slots[n_slots * i : n_slots * (i + 1)]]
        threshold = update(optimizer, own, variable.value, gradient, *of_variable)
        if has_elastic_net(variable):
            shrink(variable.value, threshold(next(scales)))


def _numbers_of_adam(optimizer, rates, steps):
    betas = [
        tf.cast(tf.constant(beta), steps.dtype) for beta in (optimizer.beta_1, optimizer.beta_2)
    ]
    powers = [tf.pow(beta, steps) for beta in betas]
    return [rates, *powers, adam_scale(rates, *powers)]


def _adam(optimizer, numbers, variable, gradient, m, v):
    """Do a step of Adam (Kingma & Ba, 2015, arXiv:1412.6980), in one fused kernel."""
    rate, beta1_power, beta2_power = numbers
    epsilon = tf.constant(optimizer.epsilon)
    tf.raw_ops.ResourceApplyAdam(
        var=variable.handle,
        m=m.handle,
        v=v.handle,
        beta1_power=beta1_power,
        beta2_power=beta2_power,
        lr=rate,
        beta1=tf.constant(optimizer.beta_1),
        beta2=tf.constant(optimizer.beta_2),
        epsilon=epsilon,
        grad=gradient,
    )
    return lambda scale: scale / (tf.sqrt(v.read_value()) + epsilon)


def _numbers_of_adamw(optimizer, rates, steps):
    return [optimizer.weight_decay * rates, *_numbers_of_adam(optimizer, rates, steps)]


def _adamw(optimizer, numbers, variable, *arguments):
    """Do a step of Adam after a decay of the weight (Loshchilov & Hutter, 2019)."""
    decay, *numbers = numbers
    variable.assign_sub(variable.read_value() * decay)
    return _adam(optimizer, numbers, variable, *arguments)


def _numbers_of_sgd(optimizer, rates, steps):
    # in the end a gradient moves a weight by rate / (1 - momentum) times itself
    return [rates, rates / (1.0 - optimizer.momentum)]


def _sgd(optimizer, numbers, variable, gradient, m=None):
    """Do a step of gradient descent with momentum, or without any."""
    [rate] = numbers
    if m is None:
        tf.raw_ops.ResourceApplyGradientDescent(var=variable.handle, alpha=rate, delta=gradient)
    else:
        tf.raw_ops.ResourceApplyKerasMomentum(
            var=variable.handle,
            accum=m.handle,
            lr=rate,
            grad=gradient,
            momentum=tf.constant(optimizer.momentum),
        )
    return lambda scale: scale


def _numbers_of_rmsprop(optimizer, rates, steps):
    return [rates, rates]


def _rmsprop(optimizer, numbers, variable, gradient, v):
    """Do a step of RMSprop (Tieleman & Hinton, 2012)."""
    rho, epsilon = tf.constant(optimizer.rho), tf.constant(optimizer.epsilon)
    [rate] = numbers
    unit = tf.math.rsqrt(
        v.assign(rho * v.read_value() + (1.0 - rho) * tf.square(gradient)) + epsilon
    )
    variable.assign_sub(rate * unit * gradient)
    return lambda scale: scale * unit


# for each class a function that gives the numbers of all steps (the last of them, times l1, is
# what a threshold is made of), and one that does a step with all but that
KINDS = {
    keras.optimizers.Adam: (_numbers_of_adam, _adam),
    AdamW: (_numbers_of_adamw, _adamw),
    keras.optimizers.SGD: (_numbers_of_sgd, _sgd),
    keras.optimizers.RMSprop: (_numbers_of_rmsprop, _rmsprop),
}
