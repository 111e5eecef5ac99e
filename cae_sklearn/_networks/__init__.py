"""Networks: each a frozen dataclass that knows its geometry, graph, first weights and closed forms.

The contract of all of them:

``for_images`` or ``for_features``
    Class method; makes the description for data of this shape, or raises an error.
``build(part, optimizer=None)``
    A new `Trainer` or `Predictor` of this network.
``start(model, seed, ...)``
    The weights that training starts from, a dict of arrays by path.
``finish(weights, ...)``
    These weights with what is learned in closed form after training.

A description is hashable: it is the key of the pool, and what a warm start compares.
"""

from .._arrays import start  # noqa: F401  before TensorFlow is imported elsewhere
