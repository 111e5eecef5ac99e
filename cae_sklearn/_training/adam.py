"""Adam in one fused kernel for each variable."""

import keras
import tensorflow as tf


def is_plain_adam(optimizer):
    """Tell whether one fused kernel a variable does all that this optimizer does."""
    extras = (
        "weight_decay",
        "clipnorm",
        "clipvalue",
        "global_clipnorm",
        "use_ema",
        "amsgrad",
        "loss_scale_factor",
        "gradient_accumulation_steps",
    )
    has_rate = any("learning_rate" in variable.path for variable in optimizer.variables)
    return (
        type(optimizer) is keras.optimizers.Adam
        and has_rate  # not a schedule
        and not any(getattr(optimizer, extra, None) for extra in extras)
    )


def state_variables(optimizer):
    """Return the variables of an optimizer that a fit may go on from: all but the rate."""
    return [variable for variable in optimizer.variables if "learning_rate" not in variable.path]


def apply_adam(optimizer, values, gradients, learning_rate):
    """Update the variables (Kingma & Ba, 2015, arXiv:1412.6980), one kernel for each."""
    _, _, *slots = optimizer.variables
    step = tf.cast(optimizer.iterations.value.assign_add(1), tf.float32)
    betas = [tf.constant(beta) for beta in (optimizer.beta_1, optimizer.beta_2)]
    epsilon = tf.constant(optimizer.epsilon)
    powers = [tf.pow(beta, step) for beta in betas]
    for i, (value, gradient) in enumerate(zip(values, gradients, strict=True)):
        tf.raw_ops.ResourceApplyAdam(
            var=value.handle,
            m=slots[2 * i].value.handle,
            v=slots[2 * i + 1].value.handle,
            beta1_power=powers[0],
            beta2_power=powers[1],
            lr=learning_rate,
            beta1=betas[0],
            beta2=betas[1],
            epsilon=epsilon,
            grad=gradient,
        )
