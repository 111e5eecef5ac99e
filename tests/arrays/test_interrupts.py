"""Ctrl-C within a block: noted or raised, never lost, and nothing of it stays behind."""

import signal
import time
import weakref

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
    with handled(Raise()) as outer:
        with handled(Note()) as note:
            assert not note.pressed
            press()
            assert note.pressed
            with pytest.raises(KeyboardInterrupt):
                press()
        assert signal.getsignal(signal.SIGINT) is outer and not outer.has_raised
        with pytest.raises(KeyboardInterrupt):
            press()


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
