"""How far a fit is: told by those who do the work to one who listens, if there is one.

Networks and loops name the stage they are in; they know neither callbacks nor screens. The
listener belongs to a fit, so that fits in several threads have one each.
"""

from contextlib import contextmanager
from contextvars import ContextVar

_listener = ContextVar("listener", default=None)


@contextmanager
def heard_by(listener):
    """Tell this listener, or None, of the stages within the block."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def listener():
    """Return who listens, or None."""
    return _listener.get()


@contextmanager
def stage(name):
    """Tell that the block is a stage of the fit."""
    listener = _listener.get()
    if listener is None:
        yield
    else:
        with listener.stage(name):
            yield


def advanced(share):
    """Tell that a share of the present stage, or of the present epoch, is done."""
    listener = _listener.get()
    if listener is not None:
        listener.advanced(share)


def counted(parts):
    """Yield the parts of a list, and tell after each how far the stage is."""
    for i, part in enumerate(parts, start=1):
        yield part
        advanced(i / len(parts))
