"""Ctrl-C within a block: noted or raised, never lost, and nothing of it stays behind."""

import contextlib
import inspect
import os
import signal
import sys
import time
import weakref
from contextlib import suppress

import pytest

from cae_sklearn._arrays import interrupts
from cae_sklearn._arrays.interrupts import Note, Raise, handled


@pytest.fixture(autouse=True)
def _soon_again(monkeypatch):
    monkeypatch.setattr(interrupts, "AGAIN", 0.05)
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def press():
    signal.raise_signal(signal.SIGINT)


class Destroyed:
    def __del__(self):
        press()


class Referred:
    pass


def with_a_destructor():
    Destroyed()


def with_a_weak_reference():
    thing = Referred()
    _reference = weakref.ref(thing, lambda _: press())
    del thing


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("swallow", [with_a_destructor, with_a_weak_reference])
def test_a_swallowed_interrupt_comes_again(swallow):
    with pytest.raises(KeyboardInterrupt), handled(Raise()):
        swallow()
        for _ in range(100):
            time.sleep(0.05)
        pytest.fail("the interrupt is lost")


def test_an_interrupt_that_was_heard_does_not_come_again():
    with pytest.raises(KeyboardInterrupt), handled(Raise()):
        press()
    time.sleep(0.1)


@pytest.mark.parametrize("error", [SystemError, RuntimeError, AttributeError])
def test_an_interrupt_that_became_an_error_is_an_interrupt(error):
    with pytest.raises(KeyboardInterrupt) as raised, handled(Raise()):
        try:
            press()
        except KeyboardInterrupt:
            raise error("made of it") from None
    assert isinstance(raised.value.__cause__, error)


def test_an_error_without_an_interrupt_stays():
    with pytest.raises(SystemError, match="own"), handled(Raise()):
        raise SystemError("own")


def test_the_first_is_noted_and_the_second_raised():
    with pytest.raises(KeyboardInterrupt), handled(Note()) as note:
        assert not note.pressed
        press()
        assert note.pressed and not note.has_raised
        press()
        pytest.fail("the second is noted")
    assert note.has_raised


def test_after_the_inner_block_the_outer_handler_is_back():
    with pytest.raises(KeyboardInterrupt), handled(Raise()) as outer:
        with handled(Note()) as note:
            press()
        assert note.pressed
        assert signal.getsignal(signal.SIGINT) is outer and not outer.has_raised
        press()
        pytest.fail("it is not raised")
    assert outer.has_raised


@pytest.mark.parametrize("handler", [Raise, Note])
def test_who_takes_the_interrupt_only_puts_it_off(handler):
    reached = []
    with pytest.raises(KeyboardInterrupt), handled(handler()):
        press()
        with suppress(KeyboardInterrupt):
            press()
        reached.append("the end")
    assert reached == (["the end"] if handler is Note else [])


def test_what_is_swallowed_before_the_training_ends_the_fit():
    with pytest.raises(KeyboardInterrupt), handled(Raise()):
        with suppress(KeyboardInterrupt):
            press()
        with handled(Note()) as note:
            time.sleep(0.2)  # it is sent again, and noted
    assert note.pressed


def test_what_is_sent_again_wakes_who_sleeps():
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt), handled(Raise()):
        with suppress(KeyboardInterrupt):
            press()
        time.sleep(10)
    assert time.monotonic() - start < 5


@pytest.mark.parametrize("line", ["signal.signal(signal.SIGINT, before)", "    try:\n"])
def test_a_signal_at_the_edge_of_a_block_leaves_no_handler_behind(line):
    """Pressed just before a line of ``handled`` runs, by a tracer of its lines."""
    code, first = inspect.getsourcelines(handled.__wrapped__)
    number = first + next(i for i, text in enumerate(code) if line in text)
    told = []

    def trace(frame, event, argument):
        if frame.f_code is not handled.__wrapped__.__code__:
            return trace if frame.f_code.co_filename == contextlib.__file__ else None
        if event == "line" and frame.f_lineno == number and not told:
            told.append(number)
            os.kill(os.getpid(), signal.SIGINT)
        return trace

    before = sys.gettrace()
    with pytest.raises(KeyboardInterrupt):
        sys.settrace(trace)
        try:
            with handled(Raise()):
                pass
        finally:
            sys.settrace(before)
    assert told


def test_a_handler_that_is_set_in_the_block_stays():
    def own(*arguments):
        pass

    try:
        with handled(Raise()):
            signal.signal(signal.SIGINT, own)
        assert signal.getsignal(signal.SIGINT) is own
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def test_a_handler_of_the_user_stays():
    pressed = []

    def own(*arguments):
        pressed.append(arguments)

    signal.signal(signal.SIGINT, own)
    try:
        with handled(Raise()), handled(Note()) as note:
            assert signal.getsignal(signal.SIGINT) is own
            press()
        assert len(pressed) == 1 and not note.pressed
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
