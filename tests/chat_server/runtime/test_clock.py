"""The machine's clocks."""

import time

from chat_server.runtime.clock import SystemClock, for_each_until
from tests.support.clock import ManualClock


def test_one_clock_is_for_dates_and_one_for_time_limits() -> None:
    """Each is the system's own: the readings lie between two of those."""
    clock = SystemClock()
    for read, system in ((clock.time, time.time), (clock.monotonic, time.monotonic)):
        before = system()
        assert before <= read() <= system()


def test_what_is_done_to_each_ends_when_it_is_too_late() -> None:
    """However many there are: a stop says goodbye to as many as it has time for."""
    clock, done = ManualClock(), []

    def act(number: int) -> None:
        done.append(number)
        clock.advance(0.5)

    assert for_each_until(clock.monotonic() + 1.5, clock, range(1000), act) == 3
    assert done == [0, 1, 2]
    assert for_each_until(clock.monotonic(), clock, range(1000), act) == 0
    assert for_each_until(clock.monotonic() + 1.5, clock, range(2), act) == 2
