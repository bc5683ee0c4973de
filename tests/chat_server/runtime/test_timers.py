"""Functions are called later, in the order in which they are due."""

import threading
from collections.abc import Iterator

import pytest

from chat_server.runtime.timers import Timers
from tests.support.clock import ManualClock
from tests.support.waiting import DEADLINE


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def timers(clock: ManualClock) -> Iterator[Timers]:
    """Timers by that clock, whose thread runs."""
    timers = Timers(clock)
    timers.start()
    yield timers
    timers.stop()


def _until_called(timers: Timers) -> None:
    """Wait until something that is due now was called, and with it all that was due before."""
    called = threading.Event()
    timers.call_later(0, called.set)
    timers.wake()  # the test may have moved the clock
    assert called.wait(DEADLINE)


def test_what_is_due_first_is_called_first(timers: Timers, clock: ManualClock) -> None:
    """Whatever was added first; of two that are due at once, the one that was added first."""
    called: list[str] = []
    for name, delay in (("late", 3.0), ("soon", 1.0), ("soon too", 1.0), ("between", 2.0)):
        timers.call_later(delay, lambda name=name: called.append(name))  # type: ignore[misc]
    _until_called(timers)
    assert called == []
    clock.advance(1.5)
    _until_called(timers)
    assert called == ["soon", "soon too"]
    clock.advance(1.5)
    _until_called(timers)
    assert called == ["soon", "soon too", "between", "late"]


def test_what_is_called_may_set_another_timer(timers: Timers, clock: ManualClock) -> None:
    """A repeated job does so."""
    called: list[float] = []

    def again() -> None:
        called.append(clock.monotonic())
        timers.call_later(10.0, again)

    begun = clock.monotonic()
    timers.call_later(0, again)
    _until_called(timers)
    clock.advance(10.0)
    _until_called(timers)
    assert called == [begun, begun + 10.0]


def test_what_is_due_after_the_end_is_not_called(clock: ManualClock) -> None:
    """And the thread is gone, though it waited for hours."""
    timers = Timers(clock)
    timers.start()
    called: list[str] = []
    timers.call_later(3600.0, lambda: called.append("late"))
    timers.stop()
    clock.advance(7200.0)
    assert called == []
    assert not timers._thread.is_alive()
