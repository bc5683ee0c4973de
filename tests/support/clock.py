"""A clock that moves when a test says so."""

import threading


class ManualClock:
    """Stands in for the server's clock: the same two methods, and no time but the test's."""

    def __init__(self, time: float = 1_800_000_000.0) -> None:
        self._lock = threading.Lock()  # guards the two readings
        self._monotonic = 1000.0
        self._time = time

    def monotonic(self) -> float:
        """Seconds since some moment; never goes back."""
        with self._lock:
            return self._monotonic

    def time(self) -> float:
        """Unix seconds."""
        with self._lock:
            return self._time

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass."""
        with self._lock:
            self._monotonic += seconds
            self._time += seconds

    def set_time(self, time: float) -> None:
        """Set the wall clock alone, as an administrator or NTP does, forward or back."""
        with self._lock:
            self._time = time
