"""The store: what was said in the rooms, and who said it.

Every room is a log, so a message's place is its key: the number of its room in the upper bits,
its `seq` in the lower 40. A page of a log is one range of the table's own B-tree, and the search
index can be asked for one room by the same range.
"""

import logging
import math
import sqlite3
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from chat_server.runtime.errors import StartError, StoreError
from chat_server.storage.database import Sync, check_space, unusable
from chat_server.storage.sqlite.incarnations import Incarnations
from chat_server.storage.sqlite.log_file import HistoryFile
from chat_server.storage.sqlite.search_index import SearchIndex
from chat_server.storage.sqlite.sessions import Sessions
from protocol.messages import Message

log = logging.getLogger(__name__)

SEQ_BITS = 40
SEQ_MASK = (1 << SEQ_BITS) - 1
ROOM_BITS = 63 - SEQ_BITS  # of a room's number, as a key has 63; see sessions.py, too
BOT_MARK = "+bot"  # behind the `kind` of what a bot said, as it is stored
INDEX_STEP = 500
PRUNE_STEP = 500  # messages deleted in one transaction: a delivery waits for no more than that

# Keys of the first message that was said in a time, and of the last that was said before one.
_FIRST_BETWEEN = (
    "SELECT key FROM messages WHERE key > ? AND key < ? AND time BETWEEN ? AND ?"
    " ORDER BY key LIMIT 1"
)
_LAST_BEFORE = (
    "SELECT key FROM messages WHERE key > ? AND key < ? AND time < ? ORDER BY key DESC LIMIT 1"
)

_Row = tuple[int, float, str, str, str]

HAS_MESSAGES = (
    "EXISTS (SELECT 1 FROM messages"
    f" WHERE key > (rooms.number << {SEQ_BITS}) AND key < (rooms.number + 1 << {SEQ_BITS}))"
)
"""Whether anything that was said in a room is kept: a condition of a query of `rooms`."""


class StoredRoom(NamedTuple):
    """What is kept of a room besides its messages.

    `is_empty` if neither a message is kept nor a topic: what is left is that `seq` goes on.
    """

    name: str
    topic: str
    last_seq: int
    is_empty: bool


class Entry(NamedTuple):
    """A message and the request that brought it: what makes sending it again harmless.

    For a notice, `session` is negative; and both are 0 for one that nobody asked for, which goes
    by its own `seq`.
    """

    message: Message
    session: int
    request: int


class SqliteLog:
    """The history. Any thread may call any method.

    Attributes:
        file: where it is.
        sessions: those who wrote it.
        incarnations: which log it is.
    """

    def __init__(self, folder: Path, sync: Sync = "normal") -> None:
        """Open the history in `folder`, or begin it.

        Args:
            folder: the data folder.
            sync: when a commit is done, see SQLite's PRAGMA synchronous.

        Raises:
            StartError: it cannot be opened, is damaged, or is none of ours.
        """
        self.file = HistoryFile(folder, sync)
        try:
            self.incarnations = Incarnations(self.file, sync)
        except (StoreError, OSError) as error:
            self.file.close()
            raise StartError(unusable("the history", self.file.path, error)) from error
        self.sessions = Sessions(self.file)
        # Guards what follows. A leaf.
        self._lock = threading.Lock()
        with self.file.reader() as reader:
            self._numbers = {
                name: number for number, name in reader.execute("SELECT number, name FROM rooms")
            }
            self._oldest = {
                name: _find_oldest(reader, number) for name, number in self._numbers.items()
            }
            # Numbers that rooms had until they were removed: what was said there is to be deleted.
            self._removed = _find_removed(reader, set(self._numbers.values()))
        if self._removed:
            self.file.checkpoint_due.set()  # wakes the housekeeper
        # What an earlier log had under its numbers must not be found.
        self._index = SearchIndex(folder / "search.db", anew=self.incarnations.is_another)

    def close(self) -> None:
        """Close all. No other call may be under way."""
        self._index.close()
        try:
            self.incarnations.close()
        except (StoreError, OSError) as error:
            log.error("that the history was closed could not be noted: %s", error)
        self.file.close()

    def rooms(self) -> list[StoredRoom]:
        """Return every room in which something was ever said."""
        with self.file.reader() as reader:
            rows = reader.execute(f"SELECT name, topic, last_seq, {HAS_MESSAGES} FROM rooms")
            return [
                StoredRoom(name, topic, last, not (topic or said))
                for name, topic, last, said in rows
            ]

    def append(self, room: str, entries: Sequence[Entry]) -> None:
        """Add `entries`, whose `seq` follow the room's last without a gap, in one transaction.

        Raises:
            StoreError: nothing was added.
        """
        check_space(self.file.path)
        with self.file.transactions as writer:
            number = self._number(room) or _add_room(writer, room)
            writer.executemany(
                "INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (
                        number << SEQ_BITS | m.seq,
                        m.time,
                        m.from_,
                        m.kind + BOT_MARK if m.bot else m.kind,
                        m.text,
                        session if session > 0 else _notice_session(session, number),
                        request or m.seq,
                    )
                    for m, session, request in entries
                ],
            )
            writer.execute(
                "UPDATE rooms SET last_seq = ? WHERE number = ?",
                (entries[-1].message.seq, number),
            )
            topics = [entry.message.text for entry in entries if entry.message.kind == "topic"]
            if topics:
                writer.execute("UPDATE rooms SET topic = ? WHERE number = ?", (topics[-1], number))
        with self._lock:
            self._numbers[room] = number
            self._oldest.setdefault(room, None)

    def oldest(self, room: str) -> int | None:
        """Return the seq of the oldest message that is kept, if older ones are gone."""
        with self._lock:
            return self._oldest.get(room)

    def prune(self, keep: int | None, said_before: float | None, today: float = math.inf) -> int:
        """Delete from the start of every room's log what need not be kept. Return how much.

        Args:
            keep: how many messages of a room are kept; None for all.
            said_before: those said before this time, in Unix seconds, are not kept.
            today: Unix seconds. A message with a later date, which must be wrong, goes with the
                message behind it.

        Raises:
            StoreError: not everything could be deleted.
        """
        with self._lock:
            rooms = list(self._numbers.items())
        return sum(self._prune_room(*room, keep, said_before, today) for room in rooms)

    def remove_room(self, room: str) -> None:
        """Forget what was said in a room, and its topic; `seq` goes on from where it was.

        Nobody says anything there meanwhile. The room gets another number, which is done at once,
        whatever was said; what has the old one is nobody's, and left to `delete_removed`.

        Raises:
            StoreError: all is as it was.
        """
        old = self._number(room)
        if old is None:
            return
        with self.file.transactions as writer:
            # No row is ever deleted, so that this number was never another's.
            ((new,),) = writer.execute("SELECT max(number) + 1 FROM rooms")
            writer.execute("UPDATE rooms SET number = ?, topic = '' WHERE number = ?", (new, old))
            ((last,),) = writer.execute("SELECT last_seq FROM rooms WHERE number = ?", (new,))
        with self._lock:
            self._numbers[room] = new
            self._oldest[room] = last + 1
            self._removed.append(old)
        self.file.checkpoint_due.set()  # wakes the housekeeper

    def delete_removed(self) -> bool:
        """Delete some of what was said in rooms that were removed. Return whether there is more.

        Raises:
            StoreError: it could not be deleted.
        """
        with self._lock:
            if not self._removed:
                return False
            number = self._removed[0]
        rows = self._texts(number << SEQ_BITS, 0, PRUNE_STEP)
        if rows:
            self._delete(number, rows[-1][0])
            self._index.forget(number, rows)
            return True
        self._index.forget_room(number)
        with self._lock:
            self._removed.remove(number)
            return bool(self._removed)

    def after(self, room: str, seq: int, limit: int, space: int | None = None) -> list[Message]:
        """Return up to `limit` messages that follow `seq`, ascending.

        Args:
            room: whose.
            seq: the one before the first.
            limit: how many.
            space: bytes of a page: once the messages fill it, with the last of them too many, no
                more are read. A page of the longest texts would be read a hundred times over.
        """
        return self._select(
            room,
            "key > ? AND key < ? ORDER BY key LIMIT ?",
            lambda base: (_key(base, seq), _end(base), limit),
            space,
        )

    def before(
        self, room: str, seq: int | None, limit: int, space: int | None = None
    ) -> list[Message]:
        """Return the last up to `limit` messages ahead of `seq`, or of all; ascending.

        `space` is as in `after`; what is left out then is the oldest.
        """
        newest_first = self._select(
            room,
            "key > ? AND key < ? ORDER BY key DESC LIMIT ?",
            lambda base: (base, _end(base) if seq is None else _key(base, seq), limit),
            space,
        )
        return newest_first[::-1]

    def search(
        self, room: str, query: str, before: int | None, limit: int, space: int | None = None
    ) -> list[Message]:
        """Return the last up to `limit` messages with all words of `query`; ascending.

        `space` is as in `before`.

        Raises:
            StoreError: the store or its index cannot be read.
        """
        number = self._number(room)
        if number is None:
            return []
        base = number << SEQ_BITS
        end = _end(base) if before is None else _key(base, before)
        self._index.catch_up(number, lambda after: self._texts(base, after, INDEX_STEP))
        keys = self._index.find(query, _key(base, self.oldest(room) or 0), end, limit)
        marks = ",".join("?" * len(keys))
        where = f"key IN ({marks}) ORDER BY key DESC"
        return self._select(room, where, lambda _: keys, space)[::-1]

    def find_request(self, session: int, request: int) -> int | None:
        """Return the `seq` that a request of a session was stored with, or None."""
        with self.file.reader() as reader:
            row = reader.execute(
                "SELECT key FROM messages WHERE session = ? AND request = ?", (session, request)
            ).fetchone()
        return None if row is None else row[0] & SEQ_MASK

    def find_notices(self, session: int, request: int) -> set[str]:
        """Return the rooms in which a request of a session is stored as a notice."""
        base = session << ROOM_BITS
        with self.file.reader() as reader:
            rows = reader.execute(
                "SELECT name FROM messages JOIN rooms ON rooms.number = -session - ?"
                " WHERE session BETWEEN ? AND ? AND request = ?",
                (base, -base - (1 << ROOM_BITS) + 1, -base, request),
            ).fetchall()
        return {name for (name,) in rows}

    # -- below

    def _select(
        self,
        room: str,
        where: str,
        parameters: Callable[[int], Sequence[int]],
        space: int | None = None,
    ) -> list[Message]:
        """The messages of `room` for which a condition holds, whose parameters depend on the
        key that the room's keys are counted from; the first of them, where they fill `space`."""
        number = self._number(room)
        if number is None:
            return []
        with self.file.reader() as reader:
            cursor = reader.execute(
                f"SELECT key, time, sender, kind, text FROM messages WHERE {where}",
                parameters(number << SEQ_BITS),
            )
            with closing(cursor):  # it may have more to say
                rows = cursor.fetchall() if space is None else _filling(cursor, space)
        return [stored_message(room, *row) for row in rows]

    def _texts(
        self, base: int, after: int, limit: int, end: int | None = None
    ) -> list[tuple[int, str]]:
        """The next up to `limit` keys and texts of a room behind a key, before `end`."""
        with self.file.reader() as reader:
            return reader.execute(
                "SELECT key, text FROM messages WHERE key > ? AND key < ? ORDER BY key LIMIT ?",
                (max(base, after), end or _end(base), limit),
            ).fetchall()

    def _prune_room(
        self, room: str, number: int, keep: int | None, said_before: float | None, today: float
    ) -> int:
        deleted, base = 0, number << SEQ_BITS
        end = self._end_of_prunable(base, keep, said_before, today)
        while rows := self._texts(base, 0, PRUNE_STEP, end):
            last = rows[-1][0]
            self._delete(number, last)
            with self._lock:
                if self._numbers[room] == number:  # it was not removed meanwhile
                    self._oldest[room] = (last & SEQ_MASK) + 1
            # Second, as it can be done again: an index that still knows what is gone does no harm.
            self._index.forget(number, rows)
            deleted += len(rows)
        return deleted

    def _delete(self, number: int, last: int) -> None:
        """Delete the first messages of a log, up to the key `last`."""
        with self.file.transactions as writer:
            writer.execute(
                "DELETE FROM messages WHERE key > ? AND key <= ?", (number << SEQ_BITS, last)
            )

    def _end_of_prunable(
        self, base: int, keep: int | None, said_before: float | None, today: float
    ) -> int:
        """The first key behind the messages at the start of a log that need not be kept."""
        with self.file.reader() as reader:
            row = reader.execute(
                "SELECT last_seq FROM rooms WHERE number = ?", (base >> SEQ_BITS,)
            ).fetchone()
            if row is None:
                return base  # it was removed at this moment
            surplus = base if keep is None else base + max(0, row[0] - keep)
            if said_before is None:
                return surplus + 1
            recent = reader.execute(
                _FIRST_BETWEEN, (base, _end(base), said_before, today)
            ).fetchone()
            first: int = recent[0] if recent else _end(base)
            old = reader.execute(_LAST_BEFORE, (base, first, said_before)).fetchone()
        last: int = old[0] if old else base
        return max(surplus, last) + 1

    def _number(self, room: str) -> int | None:
        with self._lock:
            return self._numbers.get(room)


def stored_message(room: str, key: int, time: float, sender: str, kind: str, text: str) -> Message:
    """Return the message of a room that a row of the table holds."""
    bot = kind.endswith(BOT_MARK)
    return Message(room, key & SEQ_MASK, time, sender, kind.removesuffix(BOT_MARK), text, bot)


def _filling(rows: Iterable[_Row], space: int) -> list[_Row]:
    """The first of `rows`, up to the one with which their texts take more than `space`."""
    found = []
    for row in rows:
        found.append(row)
        space -= len(row[-1])  # characters: as many bytes at the least
        if space < 0:
            break
    return found


def _notice_session(session: int, room: int) -> int:
    """The session that a notice is stored with.

    One request may put a notice into many rooms, each of which is to have it once: so the room's
    number is part of it, and the sign keeps it apart from what people say.
    """
    return -(-session << ROOM_BITS | room)


def _key(base: int, seq: int) -> int:
    """The key of a message; of the room's last possible one for a seq that cannot be."""
    return base | min(seq, SEQ_MASK)


def _end(base: int) -> int:
    """The first key behind a room's."""
    return base + (1 << SEQ_BITS)


def _find_oldest(reader: sqlite3.Connection, number: int) -> int | None:
    """The seq of the oldest message that is kept of a room, if older ones are gone."""
    base = number << SEQ_BITS
    ((last,),) = reader.execute("SELECT last_seq FROM rooms WHERE number = ?", (number,))
    ((key,),) = reader.execute(
        "SELECT min(key) FROM messages WHERE key > ? AND key < ?", (base, _end(base))
    )
    oldest = last + 1 if key is None else key & SEQ_MASK
    return oldest if oldest > 1 else None


def _find_removed(reader: sqlite3.Connection, known: set[int]) -> list[int]:
    """The numbers that no room has, but messages do: the server ended while it deleted them."""
    found, number = [], 0
    while row := reader.execute(
        "SELECT key FROM messages WHERE key >= ? ORDER BY key LIMIT 1", (_end(number << SEQ_BITS),)
    ).fetchone():
        number = row[0] >> SEQ_BITS
        if number not in known:
            found.append(number)
    return found


def _add_room(writer: sqlite3.Connection, room: str) -> int:
    number = writer.execute("INSERT INTO rooms (name) VALUES (?)", (room,)).lastrowid
    assert number is not None
    return number
