"""The time, as a part that a test can swap for one that it moves by hand."""

import time
from typing import Protocol


class Clock(Protocol):
    """Two clocks: one for time limits, which never jumps, and one for dates."""

    def monotonic(self) -> float:
        """Return seconds since some fixed moment."""
        ...

    def time(self) -> float:
        """Return Unix seconds, UTC."""
        ...


class SystemClock:
    """The machine's clocks."""

    monotonic = staticmethod(time.monotonic)
    time = staticmethod(time.time)
