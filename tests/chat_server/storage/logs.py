"""Entries for a log, and what a test wants of it: that they are stored."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from msgspec.structs import replace

from chat_server.storage.interface import (
    UNNUMBERED,
    Entry,
    Outcome,
    RequestKey,
    RoomLog,
    Stored,
)
from protocol.messages import Message

SESSION = 1

Opened = Callable[[], AbstractContextManager[RoomLog]]
"""Opens the engine on the same data each time."""


def entry(
    text: str = "hello",
    *,
    room: str = "lobby",
    request: RequestKey | int | None = None,
    time: float = 1000.0,
    from_: str = "ada",
    kind: str = "text",
    bot: bool = False,
    changes: int = 0,
) -> Entry:
    """Return something to be stored; a number alone is a request of SESSION."""
    if isinstance(request, int):
        request = RequestKey(SESSION, request)
    return Entry(Message(room, UNNUMBERED, time, from_, kind, text, bot, changes=changes), request)


def entries(count: int, *, first: int = 1, time: float = 1000.0) -> list[Entry]:
    """Return entries of one session, whose texts are `word1`, `word2` and so on."""
    return [entry(f"word{seq}", request=seq, time=time) for seq in range(first, first + count)]


def numbered(entries: Sequence[Entry], first: int) -> list[Message]:
    """Return the messages that entries of one room are, once they are stored from `first` on."""
    return [replace(entry.message, seq=seq) for seq, entry in enumerate(entries, first)]


def seqs_of(outcome: Outcome) -> list[int | None]:
    """Return the numbers of an outcome, which must be that all is stored."""
    assert isinstance(outcome, Stored), outcome
    return list(outcome.seqs)


def append(log: RoomLog, *entries: Entry) -> list[int | None]:
    """Append entries, which must be stored, and return their numbers."""
    return seqs_of(log.append(entries))
