"""The file of the history: its tables, the connections to it, and its write-ahead log.

One connection writes, one batch a transaction, in WAL mode: what is committed survives the death
of the process (and of the machine, if the settings say so). A few others read beside it. The
log is folded back into the database (a checkpoint, which syncs to the disk) by the housekeeper's
thread, never by a commit, so that no delivery waits for the disk.
"""

import contextlib
import logging
import shutil
import sqlite3
import threading
from contextlib import AbstractContextManager
from pathlib import Path

from chat_server.runtime.errors import StartError, StoreError
from chat_server.storage.database import (
    Readers,
    Sync,
    Transactions,
    closed_on_failure,
    log_size,
    open_database,
    unusable,
)
from chat_server.storage.migrations import Format

log = logging.getLogger(__name__)

FILE = "history.db"

READERS = 4
COMMITS_PER_CHECKPOINT = 500
PASSES_PER_RESTART = 8
"""Checkpoints, of which one lets the log start over."""

LOG_LIMIT = 64 * 1024 * 1024
LOG_SHARE = 0.1
"""What the write-ahead log may have before it is to start over: bytes, and a share of the disk."""

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
-- A request is stored once, whatever happens; a notice once in each room, see keys.py.
CREATE UNIQUE INDEX requests ON messages (session, request);
"""

_ADDED = """
CREATE TABLE IF NOT EXISTS incarnations ( -- see incarnations.py
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;
CREATE TABLE IF NOT EXISTS forks ( -- where an incarnation ended; none for a room that it lacked
    room TEXT NOT NULL,
    incarnation INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (room, incarnation)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS opening ( -- one row; none in a copy that was made by admin backup
    generation INTEGER NOT NULL, -- grows at each start and stop
    database TEXT NOT NULL, -- which file this is
    sidecar TEXT, -- which file is beside it; NULL while that is being written
    boot TEXT, -- of the machine; NULL where it has no name
    sync TEXT NOT NULL,
    clean INTEGER NOT NULL -- whether it was closed
) STRICT;
CREATE TABLE IF NOT EXISTS confirmed (time REAL NOT NULL) STRICT; -- one row, see dates.py
"""
"""Some files of format 1 have these tables already."""

_DELETED = """
CREATE TABLE deleted ( -- requests whose messages are deleted
    session INTEGER NOT NULL, -- as in messages
    room TEXT NOT NULL,
    request INTEGER NOT NULL, -- the highest one
    PRIMARY KEY (session, room)
) STRICT, WITHOUT ROWID;
CREATE TABLE removed ( -- rooms that were removed, until their messages are deleted
    number INTEGER PRIMARY KEY, -- what the room had
    room TEXT NOT NULL
) STRICT;
"""
"""What makes it known that a message was stored, though it is deleted: see deleted.py."""

_MARKS = """
ALTER TABLE messages ADD COLUMN marks TEXT;
UPDATE messages SET kind = substr(kind, 1, length(kind) - 4), marks = '{"bot":true}'
    WHERE kind LIKE '%+bot';
"""
"""What a message has besides what every message has, as a JSON object."""

_ORIGINALS = """
CREATE TABLE originals (
    change INTEGER PRIMARY KEY, -- the key of the entry that changed the message
    message INTEGER NOT NULL, -- the key of the message
    text TEXT NOT NULL -- what it said until then
) STRICT;
CREATE INDEX originals_of ON originals (message, change);
"""
"""What messages said before an edit or a deletion: see originals.py."""

FORMAT = Format(application_id=0x4241434B, steps=(_SCHEMA, _ADDED, _DELETED, _MARKS, _ORIGINALS))


class HistoryFile:
    """The open file. Any thread may call any method.

    Attributes:
        path: where it is.
        transactions: those of the connection that writes.
        checkpoint_due: set when there is something for the housekeeper to do.
    """

    def __init__(self, folder: Path, sync: Sync) -> None:
        """Open the file in `folder`, or make it.

        Args:
            folder: the data folder.
            sync: when a commit is done, see SQLite's PRAGMA synchronous.

        Raises:
            StartError: it cannot be opened, is damaged, or is none of ours.
        """
        self.path = folder / FILE
        self.checkpoint_due = threading.Event()
        self._passes = 0  # checkpoints so far; the housekeeper's
        self._commits = 0  # since the last one; used in the writer's turn, as the next
        self._folded = 0  # how large the log was then, in bytes
        self._held_open = False  # whether it was told that the log cannot start over; as `_passes`
        try:
            self._writer = open_database(self.path, FORMAT, sync)
            with closed_on_failure(self._writer):
                # Never in a commit, which would wait for the disk.
                self._writer.execute("PRAGMA wal_autocheckpoint = 0")
                self._readers = Readers.open(self.path, sync, READERS)
        except (sqlite3.Error, OSError) as error:
            raise StartError(unusable("the history", self.path, error)) from error
        total = shutil.disk_usage(folder).total
        self._log_limit = int(min(LOG_LIMIT, total * LOG_SHARE))
        self.transactions = Transactions(self._writer, self.path, self._count_commit)

    def close(self) -> None:
        """Fold the log into the database and close, once nobody reads or writes any more."""
        with contextlib.suppress(StoreError):
            self.checkpoint()
        self._readers.close()
        self.transactions.close()

    def reader(self) -> AbstractContextManager[sqlite3.Connection]:
        """Return a context in which one of the connections that read is used, when one is free.

        It raises StoreError in place of SQLite's errors.
        """
        return self._readers.use()

    def checkpoint(self) -> None:
        """Fold the write-ahead log into the database.

        Beside the writer, which loses no time; but a log that somebody goes on writing to never
        starts over like that. So now and then, and when the log is large, what is left is folded
        with the writer held, which costs the deliveries the time of a sync.

        Raises:
            StoreError: it could not be done.
        """
        self.checkpoint_due.clear()
        with self.reader() as reader:
            reader.execute("PRAGMA wal_checkpoint(PASSIVE)")
        self._passes += 1
        with self.transactions.exclusive() as writer:
            size = log_size(self.path)
            self._commits, self._folded = 0, size
            if self._passes % PASSES_PER_RESTART == 0 or size > self._log_limit:
                writer.execute("PRAGMA wal_checkpoint(PASSIVE)")
        self._watch_size(size)

    def _watch_size(self, size: int) -> None:
        """Tell, once, that somebody keeps the log from starting over. It is as large as `size`."""
        held_open = size > 4 * self._log_limit
        if held_open and not self._held_open:
            log.warning(
                "%s-wal has %d MB and cannot start over: another program has been reading the "
                "history for long. End it, or the log grows until the disk is full.",
                self.path,
                size // 1_000_000,
            )
        self._held_open = held_open

    def _count_commit(self) -> None:
        self._commits += 1
        grown = log_size(self.path) - self._folded
        if self._commits >= COMMITS_PER_CHECKPOINT or grown > self._log_limit // 4:
            self.checkpoint_due.set()
