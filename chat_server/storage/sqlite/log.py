"""The log engine on SQLite. One process writes the file, which is locked with the data folder.

So what this process appends is all that is ever added to a log, and `follow` is simple: it returns
the batch that was appended last, from memory.
"""

import logging
import math
import sqlite3
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, closing
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from chat_server.runtime.errors import OutcomeUnknownError, StartError, StoreError
from chat_server.storage.database import Sync, check_space, unusable
from chat_server.storage.interface import (
    Entry,
    NeighbourListener,
    NotKnown,
    NotStored,
    Outcome,
    Said,
    Stored,
    StoredRoom,
    acting,
)
from chat_server.storage.searching.search_index import INDEX_STEP, SearchIndex
from chat_server.storage.sqlite.deleted import was_deleted
from chat_server.storage.sqlite.incarnations import Incarnations
from chat_server.storage.sqlite.keys import (
    HAS_MESSAGES,
    ROOM_BITS,
    SEQ_BITS,
    MessageRow,
    base_of,
    end_of,
    key_of,
    request_columns,
    row_of,
    seq_of,
    stored_message,
)
from chat_server.storage.sqlite.known_rooms import KnownRooms
from chat_server.storage.sqlite.log_file import HistoryFile
from chat_server.storage.sqlite.originals import apply_change, read_additions
from chat_server.storage.sqlite.retention import Retention
from chat_server.storage.sqlite.sessions import Sessions
from protocol.messages import Message

log = logging.getLogger(__name__)

ROWS_PER_INSERT = 32
"""Messages that are inserted by one statement. Each statement gives the interpreter away twice, and
there is one for each number of rows up to it, which the connection keeps compiled.
"""

FOLLOW_LIMIT = 1000
"""Messages that `follow` reads at once, if they are not in memory."""

_ROW = "(?, ?, ?, ?, ?, ?, ?, ?)"
_INSERT = f"INSERT INTO messages VALUES {_ROW}"
_UPDATE_END = "UPDATE rooms SET last_seq = ? WHERE number = ?"
_UPDATE_TOPIC = "UPDATE rooms SET topic = ? WHERE number = ?"
_FIND_REQUEST = (
    f"SELECT key FROM messages JOIN rooms ON rooms.number = key >> {SEQ_BITS}"
    " WHERE session = ? AND request = ? AND rooms.name = ?"
)
"""A room that was removed has another number; its messages are deleted later."""

_NEWEST = (
    "SELECT max(time) FROM rooms JOIN messages"
    f" ON key = (rooms.number << {SEQ_BITS} | last_seq) WHERE time <= ?"
)

_REFUSED_ROW = (sqlite3.IntegrityError, sqlite3.DataError, ValueError, OverflowError)
"""What SQLite or its module raises for a row that it does not take: a request that is there, a text
that is not Unicode or too long, a number of more than 64 bits.
"""

_Row = tuple[int, float, str, str, str, str | None]


class _RowRefusedError(Exception):
    """SQLite does not take a row of a batch. Each has to be tried by itself."""


class _Appended(NamedTuple):
    """What became of the entries of one room.

    Attributes:
        number: the room's.
        last: the number of the room's last message.
        messages: those that are new.
        seqs: of each entry, see Stored.
    """

    number: int
    last: int
    messages: list[Message]
    seqs: Sequence[int | None]


_Rooms = dict[str, list[Entry]]
"""What is to be stored, by room. Each room has one entry at least."""


class SqliteLog:
    """The engine. Any thread may call any method. What it does is said in storage/interface.py.

    Attributes:
        file: the file of the history.
        commits_wait: whether each commit is synced.
        sessions: the sessions that it keeps.
    """

    def __init__(self, folder: Path, sync: Sync = "normal") -> None:
        """Open the history in `folder`, or begin it.

        Args:
            folder: the data folder.
            sync: when a commit is done, see SQLite's PRAGMA synchronous.

        Raises:
            StartError: it cannot be opened, is damaged, or is not ours.
        """
        self.file = HistoryFile(folder, sync)
        self.commits_wait = sync == "full"
        with ExitStack() as opened:
            opened.callback(self.file.close)
            self._open(folder, sync)
            opened.pop_all()

    def _open(self, folder: Path, sync: Sync) -> None:
        """Read what the file holds of rooms, and open the index."""
        try:
            self._incarnations = Incarnations(self.file, sync)
        except (StoreError, OSError) as error:
            raise StartError(unusable("the history", self.file.path, error)) from error
        self.sessions = Sessions(self.file)
        with self.file.reader() as reader:
            self._known = KnownRooms(reader)
        # What an earlier log had under its numbers must not be found.
        self._index = SearchIndex(folder / "search.db", anew=self._incarnations.is_another)
        self._retention = Retention(self.file, self._known, self._index)
        if self._known.next_removed() is not None:
            self.maintenance_due.set()

    @property
    def neighbours(self) -> None:
        """None: no other server uses the data folder."""
        return None

    def watch(self, listener: NeighbourListener) -> None:
        """Do nothing: there is nobody to hear of."""

    def stop_searches(self) -> None:
        """End the searches that are under way. Later ones end at once."""
        self._index.stop()

    def close(self) -> None:
        """Close the files, once nobody uses them."""
        self._index.close()
        try:
            self._incarnations.close()
        except (StoreError, OutcomeUnknownError, OSError) as error:
            log.error("that the history was closed could not be noted: %s", error)
        self.file.close()

    @property
    def name(self) -> str:
        """The name of this log."""
        return self._incarnations.name

    def common(self, room: str, name: str, seq: int) -> int | None:
        """Return the last message up to `seq` that a log of another name has in common."""
        return self._incarnations.common(room, name, seq)

    def rooms(self) -> list[StoredRoom]:
        """Return every room in which something was ever said."""
        with self.file.reader() as reader:
            rows = reader.execute(f"SELECT name, topic, last_seq, {HAS_MESSAGES} FROM rooms")
            return [
                StoredRoom(name, topic, last, not (topic or said))
                for name, topic, last, said in rows
            ]

    def room(self, name: str) -> StoredRoom | None:  # noqa: ARG002
        """Return None: no other process makes rooms."""
        return None

    # -- writing

    def append(self, entries: Sequence[Entry]) -> Outcome:
        """Number entries and add them to the logs of their rooms, in one transaction."""
        try:
            check_space(self.file.path)
            try:
                return self._store(entries, self._insert_together)
            except _RowRefusedError:
                return self._store(entries, _insert_singly)
        except OutcomeUnknownError as error:
            return NotKnown(str(error))
        except StoreError as error:
            return NotStored(str(error))

    def follow(self, room: str, seq: int) -> list[Message]:
        """Return the next messages behind `seq` that have become part of a room's log."""
        fresh = self._known.take_fresh(room, seq)
        return self.after(room, seq, FOLLOW_LIMIT) if fresh is None else list(fresh)

    def prune(self, keep: int | None, said_before: float | None, today: float = math.inf) -> int:
        """Delete from the start of every room's log what need not be kept. Return how much."""
        return self._retention.prune(keep, said_before, today)

    def remove_room(self, room: str) -> None:
        """Forget all messages of a room, and its topic."""
        self._retention.remove_room(room)
        self.maintenance_due.set()

    # -- reading

    def after(self, room: str, seq: int, limit: int, space: int | None = None) -> list[Message]:
        """Return up to `limit` messages that follow `seq`, ascending."""
        return self._select(
            room,
            "key > ? AND key < ? ORDER BY key LIMIT ?",
            lambda base: (key_of(base, seq), end_of(base), limit),
            space,
        )

    def before(
        self, room: str, seq: int | None, limit: int, space: int | None = None
    ) -> list[Message]:
        """Return the last up to `limit` messages before `seq`, or of all; ascending."""
        newest_first = self._select(
            room,
            "key > ? AND key < ? ORDER BY key DESC LIMIT ?",
            lambda base: (base, end_of(base) if seq is None else key_of(base, seq), limit),
            space,
        )
        return newest_first[::-1]

    def search(
        self, room: str, query: str, before: int | None, limit: int, space: int | None = None
    ) -> list[Message]:
        """Return the last up to `limit` messages with all words of `query`; ascending."""
        number = self._known.number(room)
        if number is None:
            return []
        base = base_of(number)
        end = end_of(base) if before is None else key_of(base, before)
        budget = self._index.budget()
        self._index.catch_up(
            number,
            lambda after: read_additions(self.file, max(base, after), end_of(base), INDEX_STEP),
            budget,
            INDEX_STEP,
        )
        first = key_of(base, self.oldest(room) or 0)
        keys = self._index.find(query, first, end, limit, budget)
        where = f"key IN ({','.join('?' * len(keys))}) ORDER BY key DESC"
        return self._select(room, where, lambda _: keys, space)[::-1]

    def oldest(self, room: str) -> int | None:
        """Return the number of the oldest message that is kept; None if none was deleted."""
        return self._known.oldest(room)

    def said(self, room: str, seq: int) -> Said | None:
        """Return a message and the session that said it; None if it is not kept."""
        number = self._known.number(room)
        if number is None:
            return None
        with self.file.reader() as reader:
            row = reader.execute(
                "SELECT key, time, sender, kind, text, marks, session,"
                " (SELECT count(*) FROM originals WHERE message = key)"
                " FROM messages WHERE key = ?",
                (key_of(base_of(number), seq),),
            ).fetchone()
        if row is None:
            return None
        *columns, session, edits = row
        return Said(stored_message(room, *columns), session if session > 0 else None, edits)

    def find_request(self, room: str, session: int, request: int) -> int | None:
        """Return the number of a stored request; None if it is not stored in that room."""
        with self.file.reader() as reader:
            row = reader.execute(_FIND_REQUEST, (session, request, room)).fetchone()
        return None if row is None else seq_of(row[0])

    def was_deleted(self, room: str, session: int, request: int) -> bool:
        """Return whether a request was stored in a room, and its message is deleted."""
        with self.file.reader() as reader:
            return was_deleted(reader, room, session, request)

    def find_notices(self, session: int, request: int) -> set[str]:
        """Return the rooms in which a `per_room` request of a session is stored."""
        base = session << ROOM_BITS
        with self.file.reader() as reader:
            rows = reader.execute(
                "SELECT name FROM messages JOIN rooms ON rooms.number = -session - ?"
                " WHERE session BETWEEN ? AND ? AND request = ?"
                " UNION SELECT room FROM deleted WHERE session BETWEEN ? AND ? AND request >= ?",
                (base, *2 * (-base - (1 << ROOM_BITS) + 1, -base, request)),
            ).fetchall()
        return {name for (name,) in rows}

    # -- upkeep

    @property
    def maintenance_due(self) -> threading.Event:
        """Set when `maintain` has something to do."""
        return self.file.checkpoint_due

    def maintain(self, stopping: Callable[[], bool]) -> None:
        """Fold the write-ahead log back, and delete the messages of removed rooms."""
        if not self.maintenance_due.is_set():  # little is said
            self.file.cut_log()
        more = True
        while more and not stopping():
            if self.maintenance_due.is_set():
                self.file.checkpoint()
            more = self._retention.delete_removed()

    def newest_time(self, up_to: float) -> float | None:
        """Return when the newest message was said, not counting any after `up_to`."""
        with self.file.reader() as reader:
            ((newest,),) = reader.execute(_NEWEST, (up_to,))
        return None if newest is None else float(newest)

    def confirmed_date(self) -> float | None:
        """Return the date that was kept last; None if none was."""
        with self.file.reader() as reader:
            row = reader.execute("SELECT time FROM confirmed").fetchone()
        return float(row[0]) if row else None

    def keep_confirmed_date(self, date: float) -> None:
        """Keep a date for the next start."""
        with self.file.transactions as writer:
            writer.execute("DELETE FROM confirmed")
            writer.execute("INSERT INTO confirmed VALUES (?)", (date,))

    # -- below

    def _store(
        self,
        entries: Sequence[Entry],
        insert: Callable[[sqlite3.Connection, _Rooms], dict[str, _Appended]],
    ) -> Stored:
        """Add entries in one transaction.

        Args:
            entries: of one room or several.
            insert: adds them to the logs of their rooms.

        Raises:
            _RowRefusedError: one of them cannot be stored; nothing was added.
            StoreError: nothing was added.
            OutcomeUnknownError: nobody knows.
        """
        rooms: _Rooms = {}
        for entry in entries:
            rooms.setdefault(entry.message.room, []).append(entry)
        with self.file.transactions as writer:
            appended = insert(writer, rooms)
            _settle(writer, appended)
        for room, done in appended.items():
            if done.messages:
                self._known.appended(room, done.number, done.messages)
        if len(appended) == 1:
            return Stored(next(iter(appended.values())).seqs)
        seqs = {room: iter(done.seqs) for room, done in appended.items()}
        return Stored([next(seqs[entry.message.room]) for entry in entries])

    def _insert_together(self, writer: sqlite3.Connection, rooms: _Rooms) -> dict[str, _Appended]:
        """Add entries to the logs of rooms, which have none of them, by one statement.

        Raises:
            _RowRefusedError: a log has one, or cannot store one, or ends further on than known.
        """
        appended: dict[str, _Appended] = {}
        rows = []
        for room, entries in rooms.items():
            number, last = self._known.end(room) or _end_of_log(writer, room)
            seqs = range(last + 1, last + 1 + len(entries))
            messages = [replace(e.message, seq=seq) for e, seq in zip(entries, seqs, strict=True)]
            rows += [
                row_of(message, number, entry.request)
                for message, entry in zip(messages, entries, strict=True)
            ]
            appended[room] = _Appended(number, seqs[-1], messages, seqs)
        try:
            _insert(writer, rows)
        except _REFUSED_ROW as error:
            raise _RowRefusedError from error
        return appended

    def _select(
        self,
        room: str,
        where: str,
        parameters: Callable[[int], Sequence[int]],
        space: int | None = None,
    ) -> list[Message]:
        """Return the messages of `room` that a condition holds for, until they fill `space`.

        The condition's parameters depend on the key that the room's keys are counted from.
        """
        number = self._known.number(room)
        if number is None:
            return []
        with self.file.reader() as reader:
            cursor = reader.execute(
                f"SELECT key, time, sender, kind, text, marks FROM messages WHERE {where}",
                parameters(base_of(number)),
            )
            with closing(cursor):  # it may have more to say
                rows = cursor.fetchall() if space is None else _filling(cursor, space)
        return [stored_message(room, *row) for row in rows]


def _insert(writer: sqlite3.Connection, rows: Sequence[MessageRow]) -> None:
    """Insert rows, with as few statements as may be."""
    for start in range(0, len(rows), ROWS_PER_INSERT):
        part = rows[start : start + ROWS_PER_INSERT]
        more = f", {_ROW}" * (len(part) - 1)
        writer.execute(_INSERT + more, list(chain.from_iterable(part)))


def _insert_singly(writer: sqlite3.Connection, rooms: _Rooms) -> dict[str, _Appended]:
    """Add entries to the logs of rooms, but for those that they have or cannot store."""
    appended: dict[str, _Appended] = {}
    for room, entries in rooms.items():
        number, last = _end_of_log(writer, room)
        messages: list[Message] = []
        seqs: list[int | None] = []
        for entry in entries:
            message = replace(entry.message, seq=last + 1)
            try:
                writer.execute(_INSERT, row_of(message, number, entry.request))
            except _REFUSED_ROW:  # the statement alone is undone
                seqs.append(_find_request(writer, entry, number))
            else:
                last += 1
                messages.append(message)
                seqs.append(last)
        appended[room] = _Appended(number, last, messages, seqs)
    return appended


def _find_request(connection: sqlite3.Connection, entry: Entry, room: int) -> int | None:
    """Return the number with which the request of an entry is stored; None if it is not."""
    if entry.request is None:
        return None
    try:
        row = connection.execute(
            "SELECT key FROM messages WHERE session = ? AND request = ?",
            request_columns(entry.request, room, 0),
        ).fetchone()
    except OverflowError:  # a number that no column holds
        return None
    return None if row is None else seq_of(row[0])


def _settle(writer: sqlite3.Connection, appended: dict[str, _Appended]) -> None:
    """Note where the logs of rooms end, and do what their new messages do: set a topic, or change
    messages. Of those messages, `appended` has the present state then.
    """
    writer.executemany(_UPDATE_END, [(done.last, done.number) for done in appended.values()])
    for number, _, messages, _ in appended.values():
        if not (acts := acting(messages)):  # nearly always
            continue
        topics = [message.text for message in acts if message.kind == "topic"]
        writer.executemany(_UPDATE_TOPIC, [(topic, number) for topic in topics[-1:]])
        for message in acts:
            if message.kind != "topic":
                messages[message.seq - messages[0].seq] = apply_change(writer, number, message)


def _end_of_log(writer: sqlite3.Connection, room: str) -> tuple[int, int]:
    """Return the number of a room and of its last message. The room gets a row if it has none."""
    writer.execute("INSERT INTO rooms (name) VALUES (?) ON CONFLICT (name) DO NOTHING", (room,))
    ((number, last),) = writer.execute("SELECT number, last_seq FROM rooms WHERE name = ?", (room,))
    return number, last


def _filling(rows: Iterable[_Row], space: int) -> list[_Row]:
    """Return the first of `rows`, up to the one with which their texts take more than `space`."""
    found = []
    for row in rows:
        found.append(row)
        space -= len(row[4])  # characters: at least as many bytes
        if space < 0:
            break
    return found
