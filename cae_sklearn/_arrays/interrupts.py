"""Ctrl-C during a fit: it is never lost, and while a network trains what was learned is kept.

An exception that is raised wherever Python happens to be would leave callbacks and optimizers
half-way, so the first Ctrl-C of a training is only noted, and the loops look for it after every
call; a second one raises KeyboardInterrupt, as always. asyncio's runner does the same. The
exception may be swallowed: by destructors and callbacks of weak references, of which TensorFlow has
many, or by C, which also makes a SystemError of it. So the signal is sent again while the fit goes
on, and a fit in which KeyboardInterrupt was raised ends in it, whatever became of it. Only Python's
own handler is replaced, for as long as the fit takes.
"""

import _thread
import signal
import threading
import time
from contextlib import contextmanager

AGAIN = 1.0  # seconds from one KeyboardInterrupt to the next, if the block goes on


class Raise:
    """Handler of a signal that raises KeyboardInterrupt while its block runs.

    A signal that comes while the handler is being set or taken back counts at the block's end.
    """

    def __init__(self):
        self.has_raised = self.is_active = False

    def __call__(self, number, frame):
        """Handle the signal."""
        self.has_raised = True
        if self.is_active:
            # threading.Timer takes a lock that the interrupted code may hold
            _thread.start_new_thread(self._insist, (number,))
            raise KeyboardInterrupt

    def _insist(self, number):
        time.sleep(AGAIN)
        if not self.is_active:
            return
        if hasattr(signal, "pthread_kill"):  # wakes the thread where it waits
            signal.pthread_kill(threading.main_thread().ident, number)
        else:  # Windows
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

    Yields the handler. Whatever becomes of its KeyboardInterrupt, that is what is raised.
    """
    main = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGINT)
    if not main or not (before is signal.default_int_handler or isinstance(before, Raise)):
        yield handler
        return
    signal.signal(signal.SIGINT, handler)
    error = None
    try:
        try:
            handler.is_active = True
            yield handler
        finally:  # a signal may come before this is done; then the outer one does it
            handler.is_active = False
    except Exception as other:
        if not handler.has_raised:
            raise
        error = other
    finally:
        handler.is_active = False
        if signal.getsignal(signal.SIGINT) is handler:  # the user has set no other meanwhile
            signal.signal(signal.SIGINT, before)
    if handler.has_raised:
        raise KeyboardInterrupt from error
