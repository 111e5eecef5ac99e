"""Training and prediction of Keras networks: a fast loop, Keras's own, and a pool of networks."""

from .._arrays import start  # noqa: F401  before TensorFlow is imported elsewhere
