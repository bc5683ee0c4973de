"""The one way in which a test waits for something that another thread or process does."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

DEADLINE = 60.0
"""Seconds after which what a test waits for has not happened. Far beyond what is normal: a
busy machine is slow, and only a failure takes so long.
"""

_PAUSE = 0.005

Result = TypeVar("Result")


class Deadline:
    """A moment in the future, and how far off it is."""

    def __init__(self, within: float = DEADLINE) -> None:
        self._end = time.monotonic() + within

    @property
    def left(self) -> float:
        """Seconds until then, 0 once it has passed."""
        return max(0.0, self._end - time.monotonic())


def eventually(condition: Callable[[], Result], within: float = DEADLINE) -> Result:
    """Return what `condition` returns as soon as it is true.

    Raises:
        AssertionError: it was still false after `within` seconds.
    """
    deadline = Deadline(within)
    pause = threading.Event()
    while True:
        result = condition()
        if result:
            return result
        if not deadline.left:
            raise AssertionError(f"still {result!r} after {within} s: {condition}")
        pause.wait(_PAUSE)
