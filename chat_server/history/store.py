"""The store: rooms, messages and sessions in one SQLite file.

Every room is a log, so a message's place is its key: the number of its room in the upper bits,
its `seq` in the lower 40. A page of a log is one range of the table's own B-tree, and the search
index can be asked for one room by the same range.

One connection writes, one batch a transaction, in WAL mode: what is committed survives the death
of the process (and of the machine, if the settings say so). A few others read beside it. The
log is folded back into the database (a checkpoint, which syncs to the disk) by the housekeeper's
thread, never by a commit, so that no delivery waits for the disk.
"""

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

from chat_server.database import (
    Format,
    Sync,
    Transactions,
    check_space,
    connect,
    open_database,
    translated,
    unusable,
)
from chat_server.errors import StartError, StoreError
from chat_server.history.search import SearchIndex
from protocol.messages import Message

FILE = "history.db"

SEQ_BITS = 40
SEQ_MASK = (1 << SEQ_BITS) - 1
ROOM_BITS = 63 - SEQ_BITS  # of a room's number, as a key has 63; see _UNUSED_SESSION, too
READERS = 4
INDEX_STEP = 500
PRUNE_STEP = 500  # messages deleted in one transaction: a delivery waits for no more than that
COMMITS_PER_CHECKPOINT = 500
PASSES_PER_RESTART = 8  # checkpoints, of which one lets the log start over

_SCHEMA = """
CREATE TABLE rooms (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    topic TEXT NOT NULL DEFAULT '',
    last_seq INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE sessions (
    number INTEGER PRIMARY KEY,
    token BLOB NOT NULL UNIQUE, -- a SHA-256: who reads the file cannot resume anybody's session
    seen REAL NOT NULL -- when it was last taken up
) STRICT;
CREATE TABLE messages (
    key INTEGER PRIMARY KEY, -- room << 40 | seq
    time REAL NOT NULL,
    sender TEXT NOT NULL,
    kind TEXT NOT NULL,
    text TEXT NOT NULL,
    session INTEGER NOT NULL,
    request INTEGER NOT NULL
) STRICT;
-- A request is stored once, whatever happens; a notice once in each room, see _notice_session.
CREATE UNIQUE INDEX requests ON messages (session, request);
"""

FORMAT = Format(application_id=0x4241434B, version=1, schema=_SCHEMA)

# A session that was forgotten leaves its messages behind: its number is not another's, whose
# requests would be taken for those.
_UNUSED_SESSION = """
SELECT 1 + max(
    (SELECT coalesce(max(number), 0) FROM sessions),
    (SELECT coalesce(max(session), 0) FROM messages),
    (SELECT coalesce(-min(session), 0) >> 23 FROM messages)
)
"""

_Row = tuple[int, float, str, str, str]

HAS_MESSAGES = (
    "EXISTS (SELECT 1 FROM messages"
    f" WHERE key > (rooms.number << {SEQ_BITS}) AND key < (rooms.number + 1 << {SEQ_BITS}))"
)
"""Whether anything that was said in a room is kept: a condition of a query of `rooms`."""

_UNUSED_SESSIONS = """
SELECT number, token FROM sessions
WHERE number > ? AND seen < ? AND number < (SELECT max(number) FROM sessions)
    AND NOT EXISTS (SELECT 1 FROM messages WHERE session = sessions.number)
ORDER BY number LIMIT ?
"""


class StoredRoom(NamedTuple):
    """What is kept of a room besides its messages.

    `is_empty` if neither a message is kept nor a topic: what is left is that `seq` goes on.
    """

    name: str
    topic: str
    last_seq: int
    is_empty: bool


class StoredSession(NamedTuple):
    """What is kept of a session. `newest` is the highest request that it stored."""

    number: int
    newest: int


class Entry(NamedTuple):
    """A message and the request that brought it: what makes sending it again harmless.

    For a notice, `session` is negative; and both are 0 for one that nobody asked for, which goes
    by its own `seq`.
    """

    message: Message
    session: int
    request: int


class Store:
    """The open database. Any thread may call any method."""

    def __init__(self, folder: Path, sync: Sync = "normal") -> None:
        """Open the database in `folder`, or make it.

        Args:
            folder: the data folder.
            sync: when a commit is done, see SQLite's PRAGMA synchronous.

        Raises:
            StartError: it cannot be opened, is damaged, or is none of ours.
        """
        self._path = folder / FILE
        # Guards _numbers, _oldest and _removed. A leaf.
        self._lock = threading.Lock()
        self._passes = 0  # checkpoints so far; the housekeeper's
        self._commits = 0  # since the last one; used in the writer's turn
        self.checkpoint_due = threading.Event()
        try:
            self._writer = open_database(self._path, FORMAT, sync)
        except (sqlite3.Error, OSError) as error:
            raise StartError(unusable("the history", self._path, error)) from error
        self._transactions = Transactions(self._writer, self._path, self._count_commit)
        # Never in a commit, which would wait for the disk.
        self._writer.execute("PRAGMA wal_autocheckpoint = 0")
        self._numbers = {
            name: number for number, name in self._writer.execute("SELECT number, name FROM rooms")
        }
        self._oldest = {name: self._find_oldest(number) for name, number in self._numbers.items()}
        # Numbers that rooms had until they were removed: what was said there is to be deleted.
        self._removed = self._find_removed()
        if self._removed:
            self.checkpoint_due.set()  # wakes the housekeeper
        self._readers: SimpleQueue[sqlite3.Connection] = SimpleQueue()
        for _ in range(READERS):
            self._readers.put(connect(self._path, sync))
        self._index = SearchIndex(folder / "search.db")

    def close(self) -> None:
        """Fold the log into the database and close. No other call may be under way."""
        with contextlib.suppress(StoreError):
            self.checkpoint()
        self._index.close()
        for _ in range(READERS):
            self._readers.get().close()
        self._writer.close()

    # -- rooms and messages

    def rooms(self) -> list[StoredRoom]:
        """Return every room in which something was ever said."""
        with self._reader() as reader:
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
        check_space(self._path)
        with self._transactions as writer:
            number = self._number(room) or _add_room(writer, room)
            writer.executemany(
                "INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (
                        number << SEQ_BITS | m.seq,
                        m.time,
                        m.from_,
                        m.kind,
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

    def prune(self, keep: int | None, said_before: float | None) -> int:
        """Delete from the start of every room's log what need not be kept. Return how much.

        Args:
            keep: how many messages of a room are kept; None for all.
            said_before: those said before this time, in Unix seconds, are not kept.

        Raises:
            StoreError: not everything could be deleted.
        """
        with self._lock:
            rooms = list(self._numbers.items())
        return sum(self._prune_room(*room, keep, said_before) for room in rooms)

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
        with self._transactions as writer:
            # No row is ever deleted, so that this number was never another's.
            ((new,),) = writer.execute("SELECT max(number) + 1 FROM rooms")
            writer.execute("UPDATE rooms SET number = ?, topic = '' WHERE number = ?", (new, old))
            ((last,),) = writer.execute("SELECT last_seq FROM rooms WHERE number = ?", (new,))
        with self._lock:
            self._numbers[room] = new
            self._oldest[room] = last + 1
            self._removed.append(old)
        self.checkpoint_due.set()  # wakes the housekeeper

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
        with self._reader() as reader:
            row = reader.execute(
                "SELECT key FROM messages WHERE session = ? AND request = ?", (session, request)
            ).fetchone()
        return None if row is None else row[0] & SEQ_MASK

    def find_notices(self, session: int, request: int) -> set[str]:
        """Return the rooms in which a request of a session is stored as a notice."""
        base = session << ROOM_BITS
        with self._reader() as reader:
            rows = reader.execute(
                "SELECT name FROM messages JOIN rooms ON rooms.number = -session - ?"
                " WHERE session BETWEEN ? AND ? AND request = ?",
                (base, -base - (1 << ROOM_BITS) + 1, -base, request),
            ).fetchall()
        return {name for (name,) in rows}

    # -- sessions

    def add_session(self, token: bytes, now: float) -> int:
        """Keep a new session, by the hash of its secret, and return its number.

        Args:
            token: that hash.
            now: Unix seconds.

        Raises:
            StoreError: it could not be kept.
        """
        check_space(self._path)
        with self._transactions as writer:
            ((number,),) = writer.execute(_UNUSED_SESSION)
            writer.execute("INSERT INTO sessions VALUES (?, ?, ?)", (number, token, now))
            return int(number)

    def touch_session(self, number: int, now: float) -> None:
        """Note that a session was taken up, at `now` in Unix seconds.

        Raises:
            StoreError: it could not be noted.
        """
        with self._transactions as writer:
            writer.execute("UPDATE sessions SET seen = ? WHERE number = ?", (now, number))

    def forget_sessions(self, seen_before: float) -> None:
        """Forget the sessions that nobody has taken up since a time, in Unix seconds.

        Raises:
            StoreError: they could not be forgotten.
        """
        with self._transactions as writer:
            writer.execute("DELETE FROM sessions WHERE seen < ?", (seen_before,))

    def unused_sessions(self, behind: int, seen_before: float) -> list[tuple[int, bytes]]:
        """Return the next sessions that stored nothing, as numbers and hashes of secrets.

        The newest is never among them, so that its number is given to no other.

        Args:
            behind: the number before the first.
            seen_before: those taken up later, in Unix seconds, are not meant.

        Raises:
            StoreError: they could not be read.
        """
        with self._reader() as reader:
            return reader.execute(_UNUSED_SESSIONS, (behind, seen_before, PRUNE_STEP)).fetchall()

    def drop_sessions(self, numbers: Sequence[int]) -> None:
        """Forget sessions, at most PRUNE_STEP.

        Raises:
            StoreError: they could not be forgotten.
        """
        with self._transactions as writer:
            writer.executemany(
                "DELETE FROM sessions WHERE number = ?", [(number,) for number in numbers]
            )

    def find_session(self, token: bytes) -> StoredSession | None:
        """Return the session whose secret has this hash, if there is one."""
        with self._reader() as reader:
            row = reader.execute(
                "SELECT number, (SELECT coalesce(max(request), 0) FROM messages"
                " WHERE session = sessions.number) FROM sessions WHERE token = ?",
                (token,),
            ).fetchone()
        return None if row is None else StoredSession(*row)

    # -- upkeep

    def checkpoint(self) -> None:
        """Fold the write-ahead log into the database.

        Beside the writer, which loses no time; but a log that somebody goes on writing to never
        starts over like that. So now and then what is left is folded with the writer held, which
        costs the deliveries the time of a sync.
        """
        self.checkpoint_due.clear()
        with self._reader() as reader:
            reader.execute("PRAGMA wal_checkpoint(PASSIVE)")
        self._passes += 1
        with self._transactions.turn() as writer:
            self._commits = 0
            if self._passes % PASSES_PER_RESTART == 0:
                writer.execute("PRAGMA wal_checkpoint(PASSIVE)")

    # -- below

    def _count_commit(self) -> None:
        self._commits += 1
        if self._commits >= COMMITS_PER_CHECKPOINT:
            self.checkpoint_due.set()

    @contextmanager
    def _reader(self) -> Iterator[sqlite3.Connection]:
        reader = self._readers.get()
        try:
            with translated(self._path):
                yield reader
        finally:
            self._readers.put(reader)

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
        with self._reader() as reader:
            cursor = reader.execute(
                f"SELECT key, time, sender, kind, text FROM messages WHERE {where}",
                parameters(number << SEQ_BITS),
            )
            with contextlib.closing(cursor):  # it may have more to say
                rows = cursor.fetchall() if space is None else _filling(cursor, space)
        return [
            Message(room=room, seq=key & SEQ_MASK, time=time, from_=sender, kind=kind, text=text)
            for key, time, sender, kind, text in rows
        ]

    def _texts(self, base: int, after: int, limit: int) -> list[tuple[int, str]]:
        """The next up to `limit` keys and texts of a room behind a key."""
        with self._reader() as reader:
            return reader.execute(
                "SELECT key, text FROM messages WHERE key > ? AND key < ? ORDER BY key LIMIT ?",
                (max(base, after), _end(base), limit),
            ).fetchall()

    def _find_oldest(self, number: int) -> int | None:
        base = number << SEQ_BITS
        ((last,),) = self._writer.execute("SELECT last_seq FROM rooms WHERE number = ?", (number,))
        ((key,),) = self._writer.execute(
            "SELECT min(key) FROM messages WHERE key > ? AND key < ?", (base, _end(base))
        )
        oldest = last + 1 if key is None else key & SEQ_MASK
        return oldest if oldest > 1 else None

    def _find_removed(self) -> list[int]:
        """The numbers that no room has, but messages do: the server ended while it deleted them."""
        known, found, number = set(self._numbers.values()), [], 0
        while row := self._writer.execute(
            "SELECT key FROM messages WHERE key >= ? ORDER BY key LIMIT 1",
            (_end(number << SEQ_BITS),),
        ).fetchone():
            number = row[0] >> SEQ_BITS
            if number not in known:
                found.append(number)
        return found

    def _prune_room(
        self, room: str, number: int, keep: int | None, said_before: float | None
    ) -> int:
        deleted = 0
        while rows := self._prunable(number, keep, said_before):
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
        with self._transactions as writer:
            writer.execute(
                "DELETE FROM messages WHERE key > ? AND key <= ?", (number << SEQ_BITS, last)
            )

    def _prunable(
        self, number: int, keep: int | None, said_before: float | None
    ) -> list[tuple[int, str]]:
        """Keys and texts of the next messages at the start of a log that need not be kept."""
        base = number << SEQ_BITS
        with self._reader() as reader:
            row = reader.execute(
                "SELECT last_seq FROM rooms WHERE number = ?", (number,)
            ).fetchone()
            if row is None:
                return []  # it was removed at this moment
            surplus = base if keep is None else base + max(0, row[0] - keep)
            rows = reader.execute(
                "SELECT key, text, time FROM messages"
                " WHERE key > ? AND key < ? ORDER BY key LIMIT ?",
                (base, _end(base), PRUNE_STEP),
            ).fetchall()
        old = takewhile(lambda row: row[0] <= surplus or row[2] < (said_before or 0.0), rows)
        return [(key, text) for key, text, _ in old]

    def _number(self, room: str) -> int | None:
        with self._lock:
            return self._numbers.get(room)


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


def _add_room(writer: sqlite3.Connection, room: str) -> int:
    number = writer.execute("INSERT INTO rooms (name) VALUES (?)", (room,)).lastrowid
    assert number is not None
    return number
