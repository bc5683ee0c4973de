"""What an engine keeps, in a form that the other one can take."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from chat_server.storage.interface import Entry

PORTION = 500
"""Entries, or sessions, that are moved at once."""


class MovedRoom(NamedTuple):
    """A room.

    Attributes:
        name: the room's.
        topic: the present one, or "".
        last: the seq of the last message.
        oldest: the seq of the oldest message that is kept; `last` + 1 if none is.
    """

    name: str
    topic: str
    last: int
    oldest: int


class MovedSession(NamedTuple):
    """A session.

    Attributes:
        number: its number.
        token: the hash of its secret.
        seen: when it was taken up last, in Unix seconds.
        newest: the highest request that it stored; 0 if it stored none.
    """

    number: int
    token: bytes
    seen: float
    newest: int


class DeletedRequests(NamedTuple):
    """That a session's requests were stored in a room, and are deleted.

    Attributes:
        room: the room's name.
        session: the number of the session.
        request: the highest of them.
        per_room: whether they left notices; see RequestKey.
    """

    room: str
    session: int
    request: int
    per_room: bool


class Source(Protocol):
    """An engine that is read. Every method raises StoreError if it cannot be."""

    def rooms(self) -> list[MovedRoom]:
        """Return all rooms."""
        ...

    def entries(self, room: MovedRoom) -> Iterator[Sequence[Entry]]:
        """Give the entries of a room's log as they were said, ascending and without a gap.

        Their messages have their numbers.
        """
        ...

    def sessions(self) -> Iterator[Sequence[MovedSession]]:
        """Give all sessions."""
        ...

    def next_session(self) -> int:
        """Return a number above those of all sessions that there ever were."""
        ...

    def deleted(self) -> Iterator[Sequence[DeletedRequests]]:
        """Give what is known of requests whose messages are deleted."""
        ...

    def names(self) -> Mapping[str, Mapping[str, int]]:
        """Return the names of the log, the present one last, and where rooms ended under each."""
        ...

    def confirmed_date(self) -> float | None:
        """Return the date that was kept last."""
        ...
