"""Values from a server's messages, checked: a server may leave them out, or send nonsense."""

import time

from msgspec import UnsetType

from protocol.messages import LARGEST_ID, Welcome

_SHORTEST_DELAY = 0.1
"""Seconds. A server that asks for less does not make the client busy."""

_LONGEST_DELAY = 3600.0
"""Seconds. The longest wait that the client takes over from a server."""


def count(number: int | UnsetType) -> int:
    """Return a number between 0 and the largest id; 0 if the server sent none."""
    return min(max(number, 0), LARGEST_ID) if isinstance(number, int) else 0


def text(value: str | UnsetType) -> str | None:
    """Return a text, None if the server sent none."""
    return None if isinstance(value, UnsetType) else value


def delay(seconds: float | UnsetType) -> float | None:
    """Return a delay that a clock can take, in seconds; None if the server sent none."""
    if isinstance(seconds, UnsetType):
        return None
    return min(max(seconds, _SHORTEST_DELAY), _LONGEST_DELAY)


def last_id(welcome: Welcome) -> int:
    """Return an id that is at least as large as any that the session has used.

    The client that used the session before may have been killed, and its counter is lost then.
    """
    if isinstance(welcome.last_id, UnsetType):  # an older server: the clock is ahead of any counter
        return int(time.time() * 1000)
    return count(welcome.last_id)
