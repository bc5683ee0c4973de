"""Requests whose messages are deleted: they were stored, and must not be stored again.

A room's log has the requests of one session in the order of their ids. So the highest id that was
deleted there is enough to know all: an id up to it, which the log does not have any more, was
deleted too. Ids are compared within one room, as a request to another room may have been lost while
a later one was stored.

A room that was removed has another number, and its messages are deleted later. Until then the rows
themselves tell that the requests were stored.
"""

import sqlite3

from chat_server.storage.sqlite.keys import ROOM_BITS, SEQ_BITS, base_of

_NOTE = f"""
INSERT INTO deleted
SELECT session, ?, max(request) FROM messages
WHERE key > ? AND key <= ? AND EXISTS (
    SELECT 1 FROM sessions
    WHERE number = CASE WHEN session > 0 THEN session ELSE -session >> {ROOM_BITS} END
)
GROUP BY session
ON CONFLICT (session, room) DO UPDATE SET request = max(request, excluded.request)
"""
"""Only of sessions that are still known: the number of another may be given to a new one."""

_WAS_DELETED = f"""
SELECT EXISTS (
    SELECT 1 FROM deleted WHERE session = ? AND room = ? AND request >= ?
) OR EXISTS (
    SELECT 1 FROM messages JOIN removed ON removed.number = key >> {SEQ_BITS}
    WHERE session = ? AND request = ?
)
"""
_FORGET = f"""
DELETE FROM deleted
WHERE CASE WHEN session > 0 THEN session ELSE -session >> {ROOM_BITS} END
    NOT IN (SELECT number FROM sessions)
"""


def note_deletion(writer: sqlite3.Connection, room: str, number: int, last: int) -> None:
    """Note, in the transaction that deletes them, that the first messages of a log are deleted.

    Args:
        writer: the connection that writes.
        room: the room's name.
        number: the number that its messages have.
        last: the key of the last message that is deleted.
    """
    writer.execute(_NOTE, (room, base_of(number), last))


def was_deleted(reader: sqlite3.Connection, room: str, session: int, request: int) -> bool:
    """Return whether a request was stored in a room, and its message is deleted.

    The caller has looked for the message, and the log does not have it.
    """
    row = reader.execute(_WAS_DELETED, (session, room, request, session, request)).fetchone()
    return bool(row[0])


def forget_sessions(writer: sqlite3.Connection) -> None:
    """Forget the requests of sessions that are not known any more."""
    writer.execute(_FORGET)
