"""Custom gradients leave nothing behind.

TensorFlow registers the gradient of each call of a `tf.custom_gradient` function in a graph, under
a new name and for ever, and with it the graph. A process that builds network after network would
grow by 5 to 40 MB for each. A gradient that is computed in the graph that was traced is not looked
up again, so its entry may go. The registry is not public; where a release of TensorFlow has
another one, nothing is removed.
"""

from contextlib import contextmanager

WRITERS = (
    __name__.split(".")[0],
    "tensorflow.python.distribute",  # of the step of a Keras optimizer, which a fit here traces
)


def _registered():
    """Return the entries of the registry by name, a dict of TensorFlow's own, or an empty one."""
    try:
        from tensorflow.python.framework import ops

        return ops.gradient_registry._registry
    except (ImportError, AttributeError):
        return {}


def _is_ours(function, depth=3):
    """Tell whether a gradient stems from a fit here: TensorFlow wraps it in functions."""
    if (getattr(function, "__module__", None) or "").startswith(WRITERS):
        return True
    cells = getattr(function, "__closure__", None) or ()
    return depth > 0 and any(_is_ours(cell.cell_contents, depth - 1) for cell in cells)


@contextmanager
def forgotten_gradients():
    """Remove the gradients of this package that are registered while the block traces graphs."""
    registry = _registered()
    before = set(registry)
    try:
        yield
    finally:
        for name in set(registry) - before:
            entry = registry.get(name)
            if isinstance(entry, dict) and _is_ours(entry.get("type")):
                registry.pop(name, None)
