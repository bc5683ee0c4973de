"""The history in a data folder, as it is moved to Redis, and as it is written from there.

A row of the history has its latest state. What a message said at first is in the table `originals`,
and so is what each edit but the last has said: they are put back, so that the other engine can
apply all changes again.
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from msgspec.structs import replace

from chat_server.runtime.errors import StartError, StoreError
from chat_server.storage.interface import Entry, RequestKey, Stored
from chat_server.storage.moving.content import (
    PORTION,
    DeletedRequests,
    MovedRoom,
    MovedSession,
    Source,
)
from chat_server.storage.sqlite.incarnations import FILE as NAME_FILE
from chat_server.storage.sqlite.incarnations import mark_copy
from chat_server.storage.sqlite.keys import ROOM_BITS, base_of, key_of, stored_message
from chat_server.storage.sqlite.log import SqliteLog
from chat_server.storage.sqlite.log_file import FILE, HistoryFile
from chat_server.storage.sqlite.sessions import next_number
from protocol.messages import CHANGES

_ROOM_MASK = (1 << ROOM_BITS) - 1

_ROWS = (
    "SELECT key, time, sender, kind, text, marks, session, request FROM messages"
    " WHERE key > ? AND key <= ? ORDER BY key LIMIT ?"
)
_AT_FIRST = (
    "SELECT message, text FROM originals WHERE message > ? AND message <= ?"
    " GROUP BY message HAVING change = min(change)"
)
_EDIT_SAID = (
    "SELECT change, (SELECT text FROM originals AS later WHERE later.message = own.message"
    " AND later.change > own.change ORDER BY later.change LIMIT 1)"
    " FROM originals AS own WHERE change > ? AND change <= ?"
)
_NEWEST = f"""
SELECT number, token, seen, max(
    (SELECT coalesce(max(request), 0) FROM messages WHERE session = number),
    (SELECT coalesce(max(request), 0) FROM messages
     WHERE session BETWEEN 1 - (number + 1 << {ROOM_BITS}) AND -(number << {ROOM_BITS})),
    (SELECT coalesce(max(request), 0) FROM deleted WHERE session = number
        OR session BETWEEN 1 - (number + 1 << {ROOM_BITS}) AND -(number << {ROOM_BITS}))
) FROM sessions WHERE number > ? ORDER BY number LIMIT ?
"""


class SqliteSource:
    """An open history that is read."""

    def __init__(self, log: SqliteLog) -> None:
        """
        Args:
            log: nobody writes to it. What is to be deleted of removed rooms is, first.
        """
        log.maintain(lambda: False)
        self._log = log
        self._file = log.file

    def rooms(self) -> list[MovedRoom]:
        """Return all rooms. See Source."""
        found = [(room, self._log.oldest(room.name) or 1) for room in self._log.rooms()]
        return [
            MovedRoom(room.name, room.topic, room.last_seq, oldest)
            for room, oldest in found
            if room.last_seq
        ]

    def entries(self, room: MovedRoom) -> Iterator[Sequence[Entry]]:
        """Give the entries of a room's log as they were said. See Source."""
        with self._file.reader() as reader:
            (number,) = reader.execute(
                "SELECT number FROM rooms WHERE name = ?", (room.name,)
            ).fetchone()
        base = base_of(number)
        after, end = key_of(base, room.oldest - 1), key_of(base, room.last)
        while after < end:
            with self._file.reader() as reader:
                rows = reader.execute(_ROWS, (after, end, PORTION)).fetchall()
                if not rows:
                    return
                last = rows[-1][0]
                at_first = dict(reader.execute(_AT_FIRST, (after, last)).fetchall())
                said = dict(reader.execute(_EDIT_SAID, (after, last)).fetchall())
            yield [_entry(room.name, row, at_first, said) for row in rows]
            after = last

    def sessions(self) -> Iterator[Sequence[MovedSession]]:
        """Give all sessions. See Source."""
        behind = -1
        while True:
            with self._file.reader() as reader:
                rows = reader.execute(_NEWEST, (behind, PORTION)).fetchall()
            if not rows:
                return
            yield [MovedSession(*row) for row in rows]
            behind = rows[-1][0]

    def next_session(self) -> int:
        """Return a number above those of all sessions. See Source."""
        with self._file.reader() as reader:
            return next_number(reader)

    def deleted(self) -> Iterator[Sequence[DeletedRequests]]:
        """Give what is known of requests whose messages are deleted. See Source."""
        with self._file.reader() as reader:
            rows = reader.execute("SELECT room, session, request FROM deleted").fetchall()
        found = [
            DeletedRequests(room, session, request, False)
            if session > 0
            else DeletedRequests(room, -session >> ROOM_BITS, request, True)
            for room, session, request in rows
        ]
        for start in range(0, len(found), PORTION):
            yield found[start : start + PORTION]

    def names(self) -> Mapping[str, Mapping[str, int]]:
        """Return the names of the log, and where rooms ended under each. See Source."""
        with self._file.reader() as reader:
            chain = reader.execute("SELECT number, name FROM incarnations ORDER BY number")
            numbers = dict(chain.fetchall())
            forks = reader.execute("SELECT incarnation, room, seq FROM forks").fetchall()
        names: dict[str, dict[str, int]] = {name: {} for name in numbers.values()}
        for number, room, seq in forks:
            names[numbers[number]][room] = seq
        return names

    def confirmed_date(self) -> float | None:
        """Return the date that was kept last."""
        return self._log.confirmed_date()


def _entry(
    room: str, row: Sequence[object], at_first: Mapping[int, str], said: Mapping[int, str | None]
) -> Entry:
    """Return what a row was before any other entry changed it."""
    *columns, session, number = row
    assert isinstance(session, int)
    assert isinstance(number, int)
    message = stored_message(room, *columns)  # type: ignore[arg-type]
    key = columns[0]
    assert isinstance(key, int)
    text = message.text
    if message.kind == "edit":
        text = said.get(key) or text
    elif message.kind not in CHANGES:
        text = at_first.get(key, text)
    message = replace(message, text=text, edited=False, deleted=False)
    return Entry(message, _request(session, number))


def _request(session: int, number: int) -> RequestKey | None:
    """Return which request brought a message; see keys.py."""
    if session > 0:
        return RequestKey(session, number)
    owner = -session >> ROOM_BITS
    return RequestKey(owner, number, per_room=True) if owner else None


def write_history(folder: Path, source: Source, check: Callable[[SqliteLog], None]) -> int:
    """Write a history into a data folder that has none. Return how many messages.

    Its first start gives the log another name, with all messages in common.

    Args:
        folder: this process has it.
        source: where it comes from.
        check: called when all is written; raises StoreError if something is wrong with it.

    Raises:
        StartError: the file cannot be made.
        StoreError: it cannot be written, or the source cannot be read; nothing of it is left.
    """
    try:
        rooms = source.rooms()
        _begin(folder, source, rooms)
        log = SqliteLog(folder)
        with closing(log):
            count = sum(_append(log, entry) for room in rooms for entry in source.entries(room))
            with log.file.transactions as writer:
                _write_names(writer, source)
            check(log)
        mark_moved(folder)
    except BaseException:
        for name in (FILE, f"{FILE}-wal", f"{FILE}-shm", NAME_FILE):
            (folder / name).unlink(missing_ok=True)
        raise
    return count


def _begin(folder: Path, source: Source, rooms: Sequence[MovedRoom]) -> None:
    """Write all but the messages. The numbers of those go on where the kept ones begin."""
    file = HistoryFile(folder, "normal")
    with closing(file), file.transactions as writer:
        numbers = {room.name: number for number, room in enumerate(rooms, start=1)}
        writer.executemany(
            "INSERT INTO rooms VALUES (?, ?, ?, ?)",
            [(numbers[room.name], room.name, room.topic, room.oldest - 1) for room in rooms],
        )
        for sessions in source.sessions():
            writer.executemany(
                "INSERT INTO sessions VALUES (?, ?, ?)",
                [(each.number, each.token, each.seen) for each in sessions],
            )
        for deleted in source.deleted():
            writer.executemany(
                "INSERT INTO deleted VALUES (?, ?, ?)",
                [
                    (
                        -(each.session << ROOM_BITS | numbers[each.room])
                        if each.per_room
                        else each.session,
                        each.room,
                        each.request,
                    )
                    for each in deleted
                    if each.room in numbers
                ],
            )
        date = source.confirmed_date()
        if date is not None:
            writer.execute("INSERT INTO confirmed VALUES (?)", (date,))


def _append(log: SqliteLog, entries: Sequence[Entry]) -> int:
    outcome = log.append(entries)
    if not isinstance(outcome, Stored):
        raise StoreError(outcome.reason)
    for entry, seq in zip(entries, outcome.seqs, strict=True):
        if seq != entry.message.seq:
            raise StoreError(
                f"message {entry.message.seq} of {entry.message.room} cannot be taken: its request "
                "is stored already, in another place. A history in SQLite holds a request once"
            )
    return len(entries)


def _write_names(writer: sqlite3.Connection, source: Source) -> None:
    """Write the chain of names. The first start begins another one, with all in common."""
    writer.execute("DELETE FROM incarnations")
    writer.execute("DELETE FROM forks")
    for number, (name, forks) in enumerate(source.names().items(), start=1):
        writer.execute("INSERT INTO incarnations VALUES (?, ?)", (number, name))
        writer.executemany(
            "INSERT INTO forks VALUES (?, ?, ?)",
            [(room, number, seq) for room, seq in forks.items()],
        )


def has_history(folder: Path) -> bool:
    """Return whether a data folder holds a history."""
    return (folder / FILE).exists()


def mark_moved(folder: Path) -> None:
    """Let a history that was moved have another name at its next start: it is a copy now.

    Raises:
        StartError: it cannot be written.
    """
    try:
        with closing(sqlite3.connect(folder / FILE, isolation_level=None)) as connection:
            mark_copy(connection)
    except sqlite3.Error as error:
        raise StartError(f"{folder / FILE} cannot be written: {error}") from error
