"""Adam in one fused kernel for each variable."""

import keras
import tensorflow as tf

from .proximal import adam_scale, is_plain, l1_of, shrink


def is_plain_adam(optimizer):
    """Tell whether one fused kernel a variable does all that this optimizer does."""
    return is_plain(optimizer, keras.optimizers.Adam)


def state_variables(optimizer):
    """Return the variables of an optimizer that a fit may go on from: all but the rate."""
    return [variable for variable in optimizer.variables if "learning_rate" not in variable.path]


def apply_adam(optimizer, variables, gradients, learning_rate):
    """Update the variables (Kingma & Ba, 2015, arXiv:1412.6980), one kernel for each.

    A proximal step follows for those with an elastic net.
    """
    _, _, *slots = optimizer.variables
    step = tf.cast(optimizer.iterations.value.assign_add(1), tf.float32)
    betas = [tf.constant(beta) for beta in (optimizer.beta_1, optimizer.beta_2)]
    epsilon = tf.constant(optimizer.epsilon)
    powers = [tf.pow(beta, step) for beta in betas]
    for i, (variable, gradient) in enumerate(zip(variables, gradients, strict=True)):
        v = slots[2 * i + 1].value
        tf.raw_ops.ResourceApplyAdam(
            var=variable.value.handle,
            m=slots[2 * i].value.handle,
            v=v.handle,
            beta1_power=powers[0],
            beta2_power=powers[1],
            lr=learning_rate,
            beta1=betas[0],
            beta2=betas[1],
            epsilon=epsilon,
            grad=gradient,
        )
        l1 = l1_of(variable)
        if l1 is not None:
            scale = adam_scale(learning_rate, *powers)
            shrink(variable.value, l1 * scale / (tf.sqrt(v.read_value()) + epsilon))
