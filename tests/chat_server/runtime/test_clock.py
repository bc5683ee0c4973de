"""The machine's clocks."""

import time

from chat_server.runtime.clock import SystemClock


def test_one_clock_is_for_dates_and_one_for_time_limits() -> None:
    """Each is the system's own: the readings lie between two of those."""
    clock = SystemClock()
    for read, system in ((clock.time, time.time), (clock.monotonic, time.monotonic)):
        before = system()
        assert before <= read() <= system()
