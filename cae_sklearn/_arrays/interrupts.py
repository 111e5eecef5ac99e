"""Ctrl-C during a fit: it is never lost, and while a network trains what was learned is kept.

An exception that is raised wherever Python happens to be would leave callbacks and optimizers
half-way, so the first Ctrl-C of a training is only noted, and the loops look for it after every
call; a second one raises KeyboardInterrupt, as always. asyncio's runner does the same. The
exception may be swallowed: by destructors and callbacks of weak references, of which TensorFlow has
many, or by C, which also makes a SystemError of it. So the signal is sent again while the fit goes
on, and whatever error ends it then is a KeyboardInterrupt. Only Python's own handler is replaced,
for as long as the fit takes.
"""

import _thread
import signal
import threading
import time
from contextlib import contextmanager

AGAIN = 1.0  # seconds from one KeyboardInterrupt to the next, if the block goes on


class Raise:
    """Handler of a signal that raises KeyboardInterrupt until the block is left."""

    def __init__(self):
        self.has_raised = self.is_left = False

    def __call__(self, number, frame):
        """Handle the signal."""
        self.has_raised = True
        # threading.Timer takes a lock that the interrupted code may hold
        _thread.start_new_thread(self._insist, (number,))
        raise KeyboardInterrupt

    def _insist(self, number):
        time.sleep(AGAIN)
        if not self.is_left:
            signal.raise_signal(number)


class Note(Raise):
    """Handler that notes the first signal, ``pressed``, and raises for those that follow."""

    def __init__(self):
        super().__init__()
        self.pressed = False

    def __call__(self, number, frame):
        """Handle the signal."""
        if self.pressed:
            super().__call__(number, frame)
        self.pressed = True


@contextmanager
def handled(handler):
    """Let SIGINT go to a handler, unless the user has one or this is not the main thread.

    Yields the handler. Whatever error its KeyboardInterrupt became, that is what is raised.
    """
    main = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGINT)
    if not main or not (before is signal.default_int_handler or isinstance(before, Raise)):
        yield handler
        return
    signal.signal(signal.SIGINT, handler)
    try:
        yield handler
    except Exception as error:
        if handler.has_raised:
            raise KeyboardInterrupt from error
        raise
    finally:
        handler.is_left = True
        signal.signal(signal.SIGINT, before)
