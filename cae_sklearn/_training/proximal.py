"""The elastic net: its smooth part for the gradient, its L1 part as a step of its own.

No subgradient makes a weight exactly zero. So the L2 part alone goes into the gradient, and
after each step of the optimizer comes the proximal step of the L1 part, soft thresholding.
The threshold of a weight is ``l1`` times the step size that the optimizer has for it: for
Adam this is the proximal step in Adam's own metric (Yun, Lozano & Yang, 2021,
arXiv:2007.07484). A weight rests exactly where the objective with its L1 part does, at zero
where the gradient of the rest is below ``l1``, however large the steps.

Optimizers whose step sizes are not known here are served orthant by orthant (Andrew & Gao,
2007, doi:10.1145/1273496.1273501), which needs none: see `orthant_wise`.
"""

import keras
import tensorflow as tf


class ElasticNet(keras.regularizers.Regularizer):
    """``l1 * sum(abs(w)) + l2 * sum(w**2)`` of two variables.

    Its gradient is that of the second term. A weight with this regularizer also needs
    `shrink` or `orthant_wise` in each step.
    """

    def __init__(self, l1, l2):
        self.l1, self.l2 = l1, l2

    def __call__(self, w):
        w, l1, l2 = map(tf.convert_to_tensor, (w, self.l1, self.l2))
        norm = tf.reduce_sum(tf.abs(tf.stop_gradient(w)))
        return l1 * norm + (l2 + l2) * tf.nn.l2_loss(w)


def has_elastic_net(variable):
    """Tell whether a Keras variable has an elastic net."""
    return isinstance(variable.regularizer, ElasticNet)


def l1_of(variable):
    """Return the factor of the L1 norm of a Keras variable with an elastic net."""
    return tf.convert_to_tensor(variable.regularizer.l1)


def shrink(variable, threshold):
    """Bring a TensorFlow variable nearer to zero by ``threshold``, at most to zero itself.

    This is the proximal step of ``sum(threshold * abs(w))``. With a threshold of zero no bit
    changes.
    """
    excess = tf.raw_ops.ClipByValue(
        t=variable.read_value(), clip_value_min=-threshold, clip_value_max=threshold
    )
    variable.assign_sub(excess)


def adam_scale(learning_rate, beta1_power, beta2_power):
    """Return Adam's step size times ``sqrt(v) + epsilon``, the same for all weights."""
    return learning_rate * tf.sqrt(1.0 - beta2_power) / (1.0 - beta1_power)


# -- Keras's optimizers -------------------------------------------------------


class AdamW(keras.optimizers.AdamW):
    """Keras's AdamW, which leaves no variable out of its weight decay."""


def is_plain(optimizer, *kinds):
    """Tell whether an optimizer is of one of these very classes, with nothing added to its update.

    The decay of the weights belongs to AdamW, and is an addition to all others.
    """
    extras = (
        "clipnorm",
        "clipvalue",
        "global_clipnorm",
        "use_ema",
        "amsgrad",
        "loss_scale_factor",
        "gradient_accumulation_steps",
    )
    if not isinstance(optimizer, keras.optimizers.AdamW):
        extras += ("weight_decay",)
    has_rate = any("learning_rate" in variable.path for variable in optimizer.variables)
    return (
        type(optimizer) in kinds
        and has_rate  # not a schedule
        and not any(getattr(optimizer, extra, None) for extra in extras)
    )


def apply_gradients(optimizer, gradients, variables):
    """Let a Keras optimizer do a step, the L1 parts of elastic nets included.

    Plain Adam, AdamW, SGD and RMSprop, whose step sizes are known, are followed by the proximal
    step. Steps of any other optimizer are orthant-wise.
    """
    gradients, finish = list(gradients), []
    for i, variable in enumerate(variables):
        if not has_elastic_net(variable):
            continue
        l1 = l1_of(variable)
        if is_plain(optimizer, keras.optimizers.Adam, keras.optimizers.AdamW, AdamW):
            finish.append((_shrink_after_adam, variable, l1, optimizer, i))
        elif is_plain(optimizer, keras.optimizers.SGD):
            finish.append((_shrink_after_sgd, variable, l1, optimizer))
        elif is_plain(optimizer, keras.optimizers.RMSprop) and not optimizer.centered:
            finish.append((_shrink_after_rmsprop, variable, l1, optimizer, i))
        else:
            gradients[i], orthant = orthant_wise(variable.value, gradients[i], l1)
            finish.append((stay_in_orthant, variable, l1, orthant))
    scale = optimizer.scale_loss(tf.constant(1.0))
    optimizer.apply_gradients(
        (scale * gradient, variable)
        for gradient, variable in zip(gradients, variables, strict=True)
    )
    for function, variable, *arguments in finish:
        function(variable.value, *arguments)


def _shrink_after_adam(variable, l1, optimizer, i):
    _, _, *slots = optimizer.variables
    step = tf.cast(optimizer.iterations.value, tf.float32)
    powers = [tf.pow(tf.constant(beta), step) for beta in (optimizer.beta_1, optimizer.beta_2)]
    scale = adam_scale(tf.convert_to_tensor(optimizer.learning_rate), *powers)
    v = tf.convert_to_tensor(slots[2 * i + 1].value)
    shrink(variable, l1 * scale / (tf.sqrt(v) + optimizer.epsilon))


def _shrink_after_sgd(variable, l1, optimizer):
    # a gradient moves a weight by rate / (1 - momentum) times itself in the end
    rate = tf.convert_to_tensor(optimizer.learning_rate) / (1.0 - optimizer.momentum)
    shrink(variable, l1 * rate)


def _shrink_after_rmsprop(variable, l1, optimizer, i):
    _, _, *slots = optimizer.variables
    v = tf.convert_to_tensor(slots[i].value)
    rate = tf.convert_to_tensor(optimizer.learning_rate) / (1.0 - optimizer.momentum)
    shrink(variable, l1 * rate * tf.math.rsqrt(v + optimizer.epsilon))


def orthant_wise(w, gradient, l1):
    """Return the gradient with that of ``l1 * sum(abs(w))``, and the signs that a step may reach.

    At zero it is the subgradient of least size, which is zero where ``abs(gradient) <= l1``.
    The sign of a weight at zero is the one that descent gives it, else its own.
    """
    w = tf.convert_to_tensor(w)
    at_zero = gradient - tf.clip_by_value(gradient, -l1, l1)
    sign = tf.sign(w)
    total = tf.where(w == 0.0, at_zero, gradient + l1 * sign)
    return total, tf.where(w == 0.0, -tf.sign(total), sign)


def stay_in_orthant(variable, l1, orthant):
    """Set to zero what has left its orthant in a step."""
    w = variable.read_value()
    left = tf.logical_or(orthant == 0.0, w * orthant < 0.0)
    variable.assign(tf.where(tf.logical_and(l1 > 0.0, left), tf.zeros_like(w), w))
