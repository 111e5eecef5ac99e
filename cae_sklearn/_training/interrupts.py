"""Ctrl-C while a network trains: the epoch ends at once, and what was learned is kept.

An exception that is raised wherever Python happens to be would leave callbacks and optimizers
half-way, or be lost in a destructor: TensorFlow's ``AtomicFunction.__del__`` has swallowed some.
So the first Ctrl-C is only noted, and the loops look for it after every call; a second one raises
KeyboardInterrupt, as always. asyncio's runner does the same. Only Python's own handler is
replaced, for as long as the training takes.
"""

import signal
import threading
from contextlib import contextmanager


class Interrupt:
    """Whether Ctrl-C was pressed."""

    def __init__(self):
        self.pressed = False

    def __call__(self, number, frame):
        """Handle the signal."""
        if self.pressed:
            signal.default_int_handler(number, frame)
        self.pressed = True


@contextmanager
def noted_interrupts():
    """Yield an `Interrupt` that notes the first Ctrl-C within the block."""
    interrupt = Interrupt()
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield interrupt
        return
    signal.signal(signal.SIGINT, interrupt)
    try:
        yield interrupt
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
