"""Custom gradients leave nothing behind.

TensorFlow registers the gradient of each call of a `tf.custom_gradient` function in a graph, under
a new name and for ever, and with it the graph. A process that builds network after network would
grow by 5 to 40 MB for each. A gradient that is computed in the graph that was traced is not looked
up again, so its entry may go. The registry is not public; where a release of TensorFlow has
another one, nothing is removed.
"""

from contextlib import contextmanager

PACKAGE = __name__.split(".")[0]


def _registered():
    """Return the entries of the registry by name, a dict of TensorFlow's own, or an empty one."""
    try:
        from tensorflow.python.framework import ops

        return ops.gradient_registry._registry
    except (ImportError, AttributeError):
        return {}


def _is_ours(entry):
    """Tell whether a gradient was written in this package."""
    function = entry.get("type") if isinstance(entry, dict) else None
    cells = getattr(function, "__closure__", None) or ()
    functions = [cell.cell_contents for cell in cells if callable(cell.cell_contents)]
    return any((getattr(f, "__module__", None) or "").startswith(PACKAGE) for f in functions)


@contextmanager
def forgotten_gradients():
    """Remove the gradients of this package that are registered while the block traces graphs."""
    registry = _registered()
    before = set(registry)
    try:
        yield
    finally:
        for name in set(registry) - before:
            if name.startswith("CustomGradient") and _is_ours(registry.get(name)):
                registry.pop(name, None)
