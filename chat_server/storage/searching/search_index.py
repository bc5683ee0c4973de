"""The full-text index of the messages: derived, so it may lag, and may be thrown away.

Indexing a message costs four times what storing it does, so it is not part of storing: a room is
brought up to date when somebody searches it. It is a file of its own beside the database, so that
indexing never keeps a delivery from being stored.
"""

import sqlite3
import threading
import time
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec

from chat_server.runtime.errors import SearchTooLongError, StartError
from chat_server.storage.database import (
    LOG_SIZE_KEPT,
    Readers,
    Transactions,
    check_space,
    closed_on_failure,
    make_private,
)
from chat_server.storage.searching.search_tokens import ASCII_SYMBOLS, folded, is_word, phrases_of

_VERSION = 2 << 16 | int(unicodedata.unidata_version.partition(".")[0])
"""`sql` of a virtual table cannot be altered: a new shape gets a new version, and a new file. What
is taken out of the index must be folded as it was when it was put in. So another version of Unicode
is another shape as well.
"""

_SCHEMA = f"""
CREATE VIRTUAL TABLE words USING fts5 (
    text, content='', tokenize="ascii tokenchars '{ASCII_SYMBOLS}'"
);
CREATE TABLE progress (room INTEGER PRIMARY KEY, key INTEGER NOT NULL);
PRAGMA user_version = {_VERSION};
"""

INDEX_STEP = 500
"""Messages that are indexed in one transaction."""

STEP_SIZE = 1024 * 1024
"""Characters that are indexed in one transaction."""

SEARCHES = 2
"""Queries that run at once; others wait for them."""

SECONDS = 2.0
"""What a query may take, with the indexing that it has to wait for."""

INSTRUCTIONS = 10
"""SQLite asks whether to go on after so many of its instructions: every 2 ms in the slowest
queries.
"""


class Addition(NamedTuple):
    """What an entry of a log adds to the texts that can be found, in the order of the log.

    Attributes:
        key: of the entry.
        text: what it said at first; "" for one that changes another.
        changed: the key of the message that it changes; None if it changes none.
        before: what that said until then.
        after: what it said from then on.
    """

    key: int
    text: str
    changed: int | None = None
    before: str | None = None
    after: str | None = None


class Removal(NamedTuple):
    """A message that is deleted, with its texts.

    Attributes:
        key: of the message.
        text: what it said last.
        earlier: what it said before the entry with a key, the last such entry first.
    """

    key: int
    text: str
    earlier: tuple[tuple[int, str], ...] = ()

    def text_at(self, key: int) -> str:
        """Return what it said when the log ended with a key."""
        text = self.text
        for change, before in self.earlier:
            if change <= key:
                break
            text = before
        return text


Texts = Callable[[int], list[Addition]]
"""Gives what comes next behind a key, in order; an empty list when there is no more."""

_INSERT = "INSERT INTO words (rowid, text) VALUES (?, ?)"
_REMOVE = "INSERT INTO words (words, rowid, text) VALUES ('delete', ?, ?)"


class Budget:
    """The time that one search has."""

    def __init__(self, seconds: float, stopping: threading.Event) -> None:
        """
        Args:
            seconds: how long the search may take, from now on.
            stopping: set when it has no more time, however long it took.
        """
        self._end = time.monotonic() + seconds
        self._stopping = stopping

    def is_spent(self) -> bool:
        """Return whether the search has to end."""
        return self._stopping.is_set() or time.monotonic() >= self._end

    def check(self) -> None:
        """Go on if there is time left.

        Raises:
            SearchTooLongError: there is none.
        """
        if self.is_spent():
            raise SearchTooLongError("the search took longer than it may")

    @contextmanager
    def limiting(self, connection: sqlite3.Connection) -> Iterator[None]:
        """End the queries of a connection when the time is over, while the block runs.

        Raises:
            SearchTooLongError: one was ended.
        """
        connection.set_progress_handler(self.is_spent, INSTRUCTIONS)
        try:
            yield
        except sqlite3.OperationalError:
            self.check()
            raise
        finally:
            connection.set_progress_handler(None, 0)


class SearchIndex:
    """Words to message keys. Any thread may call any method."""

    def __init__(self, path: Path, *, anew: bool = False) -> None:
        """Open the index, or begin a new one if it is missing or damaged.

        Args:
            path: of its file.
            anew: begin a new one in any case.

        Raises:
            StartError: neither is possible.
        """
        try:
            if anew:
                _remove(path)
            connection = _open(path)
            with closed_on_failure(connection):
                # Apart from `connection`, so that no search waits for another one's indexing.
                self._readers = Readers.open(path, "normal", SEARCHES)
        except (sqlite3.Error, OSError) as error:
            raise StartError(f"the search index {path} cannot be used: {error}.") from error
        self._path = path
        self._transactions = Transactions(connection, path)
        self._stopping = threading.Event()

    def stop(self) -> None:
        """End the searches that are under way. Later ones end at once."""
        self._stopping.set()

    def close(self) -> None:
        """Close the file, once the searches that are under way have ended."""
        self.stop()
        self._readers.close()
        self._transactions.close()

    def budget(self) -> Budget:
        """Return the time that a search has which begins now."""
        return Budget(SECONDS, self._stopping)

    def catch_up(self, room: int, texts: Texts, budget: Budget, count: int = 1) -> None:
        """Index what has come to a room since the last time.

        Each step is a transaction: a search in another room waits for a step and not for all, and
        what is indexed when the time is over stays.

        Args:
            room: its number.
            texts: gives what is to be indexed.
            budget: the time that there is for it.
            count: if it gives fewer at once, there are no more.

        Raises:
            SearchTooLongError: it is not finished.
            StoreError: the index could not be read or written.
        """
        budget.check()
        while self._step(room, texts, count):
            budget.check()

    def find(self, query: str, first: int, end: int, limit: int, budget: Budget) -> list[int]:
        """Return the largest up to `limit` keys, first <= key < end, of texts with all phrases.

        A word at the end of a phrase also finds the words that begin with it.

        Raises:
            SearchTooLongError: it took too long.
            StoreError: the index could not be read.
        """
        phrases = phrases_of(query)
        if not phrases:
            return []
        expression = " ".join(map(_expression, phrases))
        with self._readers.use() as reader, budget.limiting(reader):
            # As one row: the interpreter is given away for each.
            ((keys,),) = reader.execute(
                "SELECT json_group_array(rowid) FROM (SELECT rowid FROM words"
                " WHERE words MATCH ? AND rowid >= ? AND rowid < ? ORDER BY rowid DESC LIMIT ?)",
                (expression, first, end, limit),
            )
        return msgspec.json.decode(keys, type=list[int])

    def forget(self, room: int, rows: list[Removal]) -> None:
        """Take messages out of the index that are no longer kept.

        Each as the index has it: it may lag behind what changed them.

        Raises:
            StoreError: the index could not be written.
        """
        with self._transactions as writer:
            end = _progress(writer, room)
            writer.executemany(
                _REMOVE, [(row.key, folded(row.text_at(end))) for row in rows if row.key <= end]
            )

    def forget_room(self, room: int) -> None:
        """Forget how far a room was indexed of which every message is forgotten.

        Raises:
            StoreError: the index could not be written.
        """
        with self._transactions as writer:
            writer.execute("DELETE FROM progress WHERE room = ?", (room,))

    def clear(self) -> None:
        """Forget all rooms. Each is indexed anew when somebody searches it.

        Raises:
            StoreError: the index could not be written.
        """
        with self._transactions as writer:
            writer.execute("INSERT INTO words (words) VALUES ('delete-all')")
            writer.execute("DELETE FROM progress")

    def _step(self, room: int, texts: Texts, count: int) -> bool:
        """Index what comes next. Return whether there is more."""
        with self._transactions as writer:
            found = texts(_progress(writer, room))
            if not found:
                return False
            batch = _beginning(found)
            check_space(self._path)
            writer.executemany(_INSERT, [(each.key, folded(each.text)) for each in batch])
            for each in batch:
                if each.changed is not None:
                    writer.execute(_REMOVE, (each.changed, folded(each.before or "")))
                    writer.execute(_INSERT, (each.changed, folded(each.after or "")))
            writer.execute("INSERT OR REPLACE INTO progress VALUES (?, ?)", (room, batch[-1].key))
        return len(batch) < len(found) or len(found) >= count


def _beginning(batch: list[Addition]) -> list[Addition]:
    """Return as much of `batch`, from the first, as one transaction is to index."""
    size = 0
    for count, each in enumerate(batch, 1):
        size += len(each.text) + len(each.before or "") + len(each.after or "")
        if size > STEP_SIZE:
            return batch[:count]
    return batch


def _expression(phrase: tuple[str, ...]) -> str:
    """A phrase as FTS5 has it. None of its tokens has a quotation mark."""
    prefix = "*" if is_word(phrase[-1]) else ""
    return f'"{" ".join(phrase)}"{prefix}'


def _progress(connection: sqlite3.Connection, room: int) -> int:
    """The key up to which a room is in the index."""
    row = connection.execute("SELECT key FROM progress WHERE room = ?", (room,)).fetchone()
    return row[0] if row else 0


def _open(path: Path) -> sqlite3.Connection:
    try:
        return _connect(path)
    except sqlite3.DatabaseError:
        _remove(path)
        return _connect(path)


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _connect(path: Path) -> sqlite3.Connection:
    make_private(path)
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA journal_size_limit = {LOG_SIZE_KEPT}")
        if version not in (0, _VERSION):
            raise sqlite3.DatabaseError("it has another shape")  # it is made anew
        if version == 0:
            connection.executescript(_SCHEMA)
        connection.execute("SELECT count(*) FROM progress")
    except BaseException:
        connection.close()
        raise
    return connection
