"""The date by which old things are deleted: the machine's, as far as passing time confirms it.

The wall clock may be years ahead for a moment, or at a start, and what was deleted by it would be
gone for good. So the confirmed date moves with the monotonic clock, and towards the wall clock by
no more than CATCH_UP times as much. An error of any size that lasts two seconds moves it by a
minute; after the server was off for a day, an hour of running catches up. It is kept over restarts.
"""

import threading

from chat_server.runtime.clock import Clock
from chat_server.storage.interface import RoomLog

CATCH_UP = 24.0
"""Seconds towards the wall clock for each second that passes."""


class Dates:
    """The confirmed date. Any thread may call any method."""

    def __init__(self, log: RoomLog, clock: Clock) -> None:
        """Go on from the date of the last run; without one, from the newest message.

        Args:
            log: keeps it.
            clock: the machine's.

        Raises:
            StoreError: the log could not be read.
        """
        self._log = log
        self._clock = clock
        wall = clock.time()
        kept = log.confirmed_date()
        date = log.newest_time(wall) if kept is None else kept
        self._lock = threading.Lock()  # guards the two below; a leaf
        self._at = clock.monotonic()
        self._confirmed = wall if date is None else date

    def past(self) -> float:
        """Return the date before which things may be deleted: no later than today.

        Returns: Unix seconds: the confirmed date or the wall clock's, whichever is earlier.
        """
        return min(self._move(), self._clock.time())

    def future(self) -> float:
        """Return the date after which nothing can have been said: no earlier than today.

        Returns: Unix seconds: the confirmed date or the wall clock's, whichever is later.
        """
        return max(self._move(), self._clock.time())

    def keep(self) -> None:
        """Keep the date for the next run.

        Raises:
            StoreError: it could not be kept.
        """
        self._log.keep_confirmed_date(self._move())

    def _move(self) -> float:
        wall, at = self._clock.time(), self._clock.monotonic()
        with self._lock:
            passed = max(0.0, at - self._at)
            self._at = max(self._at, at)
            self._confirmed += passed
            step = passed * CATCH_UP
            self._confirmed += max(-step, min(step, wall - self._confirmed))
            return self._confirmed
