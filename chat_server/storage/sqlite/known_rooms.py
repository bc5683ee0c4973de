"""What is known of the rooms without reading the file."""

import sqlite3
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from chat_server.storage.sqlite.keys import base_of, end_of, room_of, seq_of
from protocol.messages import Message


@dataclass(slots=True)
class _Room:
    """One room.

    Attributes:
        number: the upper bits of its keys.
        last: the number of its last message.
        oldest: the number of the oldest message that is kept; None if none was deleted.
        fresh: the last batch that was appended, until somebody follows the room.
    """

    number: int
    last: int = 0
    oldest: int | None = None
    fresh: Sequence[Message] = field(default=())


class KnownRooms:
    """The rooms of a file that only this process writes. Any thread may call any method."""

    def __init__(self, reader: sqlite3.Connection) -> None:
        """Read what there is.

        Raises:
            sqlite3.Error: it could not be read.
        """
        rooms = reader.execute("SELECT name, number, last_seq FROM rooms").fetchall()
        # Guards all below. A leaf.
        self._lock = threading.Lock()
        self._rooms = {
            name: _Room(number, last, _find_oldest(reader, number, last))
            for name, number, last in rooms
        }
        # Numbers that rooms had until they were removed. Their messages are still to be deleted.
        self._removed = _find_removed(reader, {number for _, number, _ in rooms})

    def number(self, room: str) -> int | None:
        """Return the number of a room; None if nothing was ever said there."""
        with self._lock:
            found = self._rooms.get(room)
            return found.number if found else None

    def end(self, room: str) -> tuple[int, int] | None:
        """Return the number of a room and of its last message; None if nothing was said there.

        While another thread appends to the same room, its messages may not count yet.
        """
        with self._lock:
            found = self._rooms.get(room)
            return (found.number, found.last) if found else None

    def numbers(self) -> list[tuple[str, int]]:
        """Return the names and numbers of all rooms."""
        with self._lock:
            return [(name, room.number) for name, room in self._rooms.items()]

    def oldest(self, room: str) -> int | None:
        """Return the number of the oldest message that is kept; None if none was deleted."""
        with self._lock:
            found = self._rooms.get(room)
            return found.oldest if found else None

    def appended(self, room: str, number: int, messages: Sequence[Message]) -> None:
        """Note messages that are committed.

        Args:
            room: the room.
            number: its number.
            messages: ascending, one or more.
        """
        with self._lock:
            found = self._rooms.get(room)
            if found is None:
                found = self._rooms[room] = _Room(number)
            if messages[-1].seq > found.last:  # two threads may come here in the other order
                found.last = messages[-1].seq
                found.fresh = messages

    def take_fresh(self, room: str, seq: int) -> Sequence[Message] | None:
        """Return what follows `seq` in a room's log: nothing, or the last batch.

        Returns None if that is more than the last batch, and has to be read.
        """
        with self._lock:
            found = self._rooms.get(room)
            if found is None or seq >= found.last:
                return ()
            fresh, found.fresh = found.fresh, ()
            return fresh if fresh and fresh[0].seq == seq + 1 else None

    def pruned(self, room: str, number: int, oldest: int) -> None:
        """Note that the messages of a room before `oldest` are deleted.

        If the room was removed meanwhile and has another number, this does not concern it.
        """
        with self._lock:
            found = self._rooms[room]
            if found.number == number:
                found.oldest = oldest

    def renumbered(self, room: str, number: int) -> None:
        """Note that a room was removed: it has another number, and no message."""
        with self._lock:
            found = self._rooms[room]
            self._removed.append(found.number)
            found.number, found.oldest, found.fresh = number, found.last + 1, ()

    def next_removed(self) -> int | None:
        """Return a number whose messages are to be deleted; None if there is none."""
        with self._lock:
            return self._removed[0] if self._removed else None

    def deleted(self, number: int) -> bool:
        """Note that the messages of a removed number are deleted. Return whether others remain."""
        with self._lock:
            self._removed.remove(number)
            return bool(self._removed)


def _find_oldest(reader: sqlite3.Connection, number: int, last: int) -> int | None:
    base = base_of(number)
    ((key,),) = reader.execute(
        "SELECT min(key) FROM messages WHERE key > ? AND key < ?", (base, end_of(base))
    )
    oldest = last + 1 if key is None else seq_of(key)
    return oldest if oldest > 1 else None


def _find_removed(reader: sqlite3.Connection, known: set[int]) -> list[int]:
    """Find numbers that messages have, but no room: the server ended while it deleted them."""
    found, number = [], 0
    while row := reader.execute(
        "SELECT key FROM messages WHERE key >= ? ORDER BY key LIMIT 1",
        (end_of(base_of(number)),),
    ).fetchone():
        number = room_of(row[0])
        if number not in known:
            found.append(number)
    return found
