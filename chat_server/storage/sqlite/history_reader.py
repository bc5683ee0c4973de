"""Reads the messages in a history that a server may be writing at the same moment.

It reads short pages, none of which stays open. A reader that pauses, such as a pager, would keep
the server's write-ahead log from starting over.
"""

import sqlite3
from collections.abc import Iterator

from chat_server.storage.sqlite.keys import (
    HAS_MESSAGES,
    SEQ_BITS,
    base_of,
    key_of,
    stored_message,
)
from protocol.messages import Message

MESSAGES_PER_PAGE = 1000

_WHERE = " FROM messages WHERE key > ? AND key <= ? ORDER BY key LIMIT ?"
_PAGE = f"SELECT key, time, sender, kind, text, marks{_WHERE}"
_EARLIER_PAGE = (
    "SELECT key, time, sender, replace(kind, '+bot', ''), text,"
    f""" CASE WHEN kind LIKE '%+bot' THEN '{{"bot":true}}' END{_WHERE}"""
)
"""Up to format 3, the kind had the one mark that there was."""

_HAS_MARKS = "SELECT 1 FROM pragma_table_info('messages') WHERE name = 'marks'"

_HAS_ORIGINALS = "SELECT 1 FROM sqlite_schema WHERE name = 'originals'"
"""Formats before the fifth have no such table."""

_TEXT_BEFORE = (
    "SELECT originals.text FROM rooms"
    f" JOIN originals ON originals.message = (rooms.number << {SEQ_BITS} | ?)"
    " JOIN messages AS entry ON entry.key = originals.change"
    " WHERE rooms.name = ? AND entry.time >= ? ORDER BY originals.change LIMIT 1"
)


class HistoryReader:
    """The rooms and messages of one history. Its methods raise sqlite3.Error."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """`connection` is to the history, and need not be able to write."""
        self._connection = connection
        has_marks = connection.execute(_HAS_MARKS).fetchone()
        self._page = _PAGE if has_marks else _EARLIER_PAGE

    def busiest_rooms(self, limit: int) -> list[str]:
        """Return up to `limit` rooms of which messages are kept, with the most messages first."""
        rows = self._connection.execute(
            f"SELECT name FROM rooms WHERE {HAS_MESSAGES} ORDER BY last_seq DESC LIMIT ?", (limit,)
        )
        return [name for (name,) in rows]

    def messages(self, room: str) -> Iterator[Message] | None:
        """Return the messages of a room that there are now, in order.

        Returns None if no message of such a room is kept.
        """
        row = self._connection.execute(
            f"SELECT number, last_seq FROM rooms WHERE name = ? AND {HAS_MESSAGES}", (room,)
        ).fetchone()
        return self._pages(room, *row) if row else None

    def text_before(self, room: str, seq: int, time: float) -> str | None:
        """Return what a message said until its first change from a time on, in Unix seconds.

        Returns None if there was none, or the message is not kept any more.
        """
        if not self._connection.execute(_HAS_ORIGINALS).fetchone():
            return None
        row = self._connection.execute(_TEXT_BEFORE, (seq, room, time)).fetchone()
        return row[0] if row else None

    def _pages(self, room: str, number: int, last: int) -> Iterator[Message]:
        after = base_of(number)
        end = key_of(after, last)
        while rows := self._connection.execute(
            self._page, (after, end, MESSAGES_PER_PAGE)
        ).fetchall():
            for row in rows:
                yield stored_message(room, *row)
            after = rows[-1][0]
