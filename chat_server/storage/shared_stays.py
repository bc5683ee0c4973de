"""What an engine does that several servers share so that each has the attendance of all.

What there is to tell stands in one order, which each server follows from where it was last. Each
run of a server has a number of its own, and the numbers of the stays that it notes begin with that:
so a stay has one number everywhere. What is told twice is harmless.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from msgspec import Struct

RUN_BITS = 40
"""The number of a stay has that of its run above so many bits. A server that shares nothing has
none: its stays count from 1.
"""


class SharedStay(Struct, frozen=True, array_like=True, tag="stay"):
    """A stay: somebody in a room under one name. Times are Unix seconds.

    Attributes:
        number: of the stay.
        room: where.
        nick: theirs.
        account: the name of the one that they were logged in to.
        session: the number of the session.
        came: when it began.
        gone: when it ended; None if it lasts.
        again: whether it lasts still, whatever was told of its run before.
    """

    number: int
    room: str
    nick: str
    account: str | None
    session: int | None
    came: float
    gone: float | None
    again: bool = False


class RunEnded(Struct, frozen=True, array_like=True, tag="end"):
    """A server is dead: its stays are known to have lasted until `moment`, in Unix seconds."""

    run: int
    moment: float


class RoomForgotten(Struct, frozen=True, array_like=True, tag="forget"):
    """Nothing is kept of who was in a room up to `moment`, in Unix seconds."""

    room: str
    moment: float


StayNews = SharedStay | RunEnded | RoomForgotten


class FollowedStays(NamedTuple):
    """What follows a place in the order.

    Attributes:
        news: that, in order.
        place: where the order goes on behind it.
        living: the runs that live; None if there may be more news behind these.
    """

    news: Sequence[StayNews]
    place: str
    living: frozenset[int] | None


class SharedStays(Protocol):
    """The order. Each method raises StoreError if the engine cannot be used just now."""

    def begin_run(self, above: int) -> int:
        """Return the number of a new run, higher than `above` and than any before."""
        ...

    def tell(self, run: int, moment: float, news: Sequence[StayNews]) -> None:
        """Add news of a run to the order.

        Args:
            run: the one of this server.
            moment: up to when its stays are known to last, in Unix seconds.
            news: may be none.
        """
        ...

    def follow(self, place: str, limit: int) -> FollowedStays:
        """Return up to `limit` news behind a place; "" is the beginning.

        A run whose server has died is ended first.
        """
        ...

    def prune(self, before: float) -> None:
        """Forget what was told before a time, in Unix seconds."""
        ...

    def leave(self, run: int) -> None:
        """Note that a run has ended, and all of its stays are told."""
        ...
