"""What changes messages that are stored: edits and deletions, which are entries of the log.

In the transaction that stores such an entry, the row of the message that it changes gets the latest
state. So whoever reads the log finds that, and reading costs no more for it. What the row said
before goes into the table `originals`, for as long as the message is kept.

An edit says the new text by itself, so it is changed by what follows it as the message is: a text
that was deleted stands nowhere in the log any more.
"""

import sqlite3

from chat_server.storage.searching.search_index import Addition, Removal
from chat_server.storage.sqlite.keys import base_of, key_of, stored_message, written_marks
from chat_server.storage.sqlite.log_file import HistoryFile
from protocol.messages import Message

_READ = "SELECT key, time, sender, kind, text, marks FROM messages WHERE key = ?"
_EDITS = (
    "SELECT key, time, sender, kind, text, marks FROM messages WHERE kind = 'edit'"
    " AND key IN (SELECT change FROM originals WHERE message = ? AND change <> ?)"
)
_WRITE = "UPDATE messages SET kind = ?, text = ?, marks = ? WHERE key = ?"
_KEEP = "INSERT INTO originals VALUES (?, ?, ?)"
_FORGET = "DELETE FROM originals WHERE message > ? AND message <= ?"

_SAYS = (
    "CASE WHEN {0}.kind IN ('edit', 'delete') OR json_extract({0}.marks, '$.deleted')"
    " THEN '' ELSE {0}.text END"
)
"""What a row says, to who searches: nothing, if it says what another does, or no longer what it
did.
"""

_SAID_AT = (
    "CASE WHEN {0}.marks IS NULL THEN {0}.text ELSE coalesce((SELECT text FROM originals AS later"
    " WHERE later.message = {0}.key AND later.change > {1} ORDER BY later.change LIMIT 1), "
    f"{_SAYS}) END"
)
"""The same, as it was when the log ended with the key that is given."""

_ADDITIONS = (
    f"SELECT log.key, {_SAID_AT.format('log', 'log.key')},"
    f" original.message, original.text, {_SAID_AT.format('changed', 'log.key')}"
    " FROM messages AS log"
    " LEFT JOIN originals AS original ON original.change = log.key"
    " LEFT JOIN messages AS changed ON changed.key = original.message"
    " WHERE log.key > ? AND log.key < ? ORDER BY log.key LIMIT ?"
)
_LATEST = f"SELECT key, {_SAYS.format('messages')} FROM messages WHERE key > ? AND key < ?"
_ORIGINALS = (
    "SELECT message, change, text FROM originals WHERE message > ? AND message <= ?"
    " ORDER BY message, change DESC"
)


def read_additions(file: HistoryFile, after: int, end: int, limit: int) -> list[Addition]:
    """Return what the next up to `limit` entries behind the key `after` and before `end` add.

    Raises:
        StoreError: they could not be read.
    """
    with file.reader() as reader:
        rows = reader.execute(_ADDITIONS, (after, end, limit)).fetchall()
    return [Addition(*row) for row in rows]


def read_removals(file: HistoryFile, after: int, end: int, limit: int) -> list[Removal]:
    """Return the next up to `limit` messages behind the key `after` and before `end`.

    Raises:
        StoreError: they could not be read.
    """
    with file.reader() as reader:
        rows = reader.execute(f"{_LATEST} ORDER BY key LIMIT ?", (after, end, limit)).fetchall()
        last = rows[-1][0] if rows else after
        originals = reader.execute(_ORIGINALS, (after, last)).fetchall()
    earlier: dict[int, list[tuple[int, str]]] = {}
    for key, change, text in originals:
        earlier.setdefault(key, []).append((change, text))
    return [Removal(key, text, tuple(earlier.get(key, ()))) for key, text in rows]


def apply_change(writer: sqlite3.Connection, room: int, entry: Message) -> Message:
    """Bring the message that an entry changes to its latest state, in the same transaction.

    Args:
        writer: the connection that writes; it has stored the entry.
        room: the number of the room.
        entry: of a kind in CHANGES, with its number.

    Returns: the entry as it is stored now: an edit of what is deleted by then says nothing.
    """
    base = base_of(room)
    changed, change = key_of(base, entry.changes), key_of(base, entry.seq)
    row = writer.execute(_READ, (changed,)).fetchone()
    if row is None:  # it is not kept any more
        return entry
    message = stored_message(entry.room, *row)
    if message.deleted:
        entry = entry.changed_by(message) if entry.kind == "edit" else entry
        _write(writer, change, entry)
        return entry
    writer.execute(_KEEP, (change, changed, message.text))
    _write(writer, changed, message.changed_by(entry))
    for key, *rest in writer.execute(_EDITS, (changed, change)).fetchall():
        edit = stored_message(entry.room, key, *rest)
        _write(writer, key, edit.changed_by(entry))
    return entry


def forget_originals(writer: sqlite3.Connection, first: int, last: int) -> None:
    """Forget what messages said at first, in the transaction that deletes these.

    Args:
        writer: the connection that writes.
        first: the key before the first message.
        last: the key of the last one.
    """
    writer.execute(_FORGET, (first, last))


def _write(writer: sqlite3.Connection, key: int, message: Message) -> None:
    writer.execute(_WRITE, (message.kind, message.text, written_marks(message), key))
