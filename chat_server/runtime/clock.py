"""The time, as a part that a test can swap for one that it moves by hand."""

import time
from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

AnyThing = TypeVar("AnyThing")


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


def for_each_until(
    deadline: float, clock: Clock, things: Iterable[AnyThing], act: Callable[[AnyThing], None]
) -> int:
    """Do something to one thing after the other until it is too late.

    Args:
        deadline: from when on nothing more is done, in the clock's monotonic seconds.
        clock: the time.
        things: to which it is to be done.
        act: does it.

    Returns:
        To how many it was done.
    """
    done = 0
    for thing in things:
        if clock.monotonic() >= deadline:
            break
        act(thing)
        done += 1
    return done
