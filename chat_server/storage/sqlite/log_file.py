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
    LOG_SIZE_KEPT,
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
"""After so many commits the log is folded back: earlier, where they write much."""

LOG_LIMIT = 64 * 1024 * 1024
LOG_SHARE = 0.1
"""What the write-ahead log is kept at: bytes, and a share of the disk. It is folded back before it
has grown by a quarter of that, and starts over when it is half full.
"""

_FOLD = "PRAGMA wal_checkpoint(PASSIVE)"
_FRAME_HEADER = 24
"""Bytes before each page in the log: https://sqlite.org/fileformat2.html, 4.1."""

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

FORMAT = Format(
    application_id=0x4241434B,
    steps=(_SCHEMA, _ADDED, _DELETED, _MARKS, _ORIGINALS),
    # A commit logs each page that it touches as a whole, and where many talk in many rooms that is
    # two for each message.
    page_size=1024,
)


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
        total = shutil.disk_usage(folder).total
        self._log_limit = int(min(LOG_LIMIT, total * LOG_SHARE))
        self._commits = 0  # since the last checkpoint; used in the writer's turn, as the next
        self._folded = 0  # how large the log was then, in bytes
        self._used = 0  # how much of it stayed in use, in bytes; the housekeeper's
        # With how many commits the next one is due. The housekeeper's; the writer reads it.
        self._commits_due = COMMITS_PER_CHECKPOINT
        self._held_open = False  # whether it was told that the log cannot start over; as `_used`
        try:
            self._writer = open_database(self.path, FORMAT, sync)
            with closed_on_failure(self._writer):
                # Never in a commit, which would wait for the disk.
                self._writer.execute("PRAGMA wal_autocheckpoint = 0")
                # Nor is the log cut in one: see `cut_log`.
                self._writer.execute(f"PRAGMA journal_size_limit = {2 * self._log_limit}")
                (self._page_size,) = self._writer.execute("PRAGMA page_size").fetchone()
                self._readers = Readers.open(self.path, sync, READERS)
        except (sqlite3.Error, OSError) as error:
            raise StartError(unusable("the history", self.path, error)) from error
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
        starts over like that. So when it is half full, what came meanwhile is folded with the
        writer held, which costs the deliveries the time of two short syncs.

        Raises:
            StoreError: it could not be done.
        """
        with self.transactions.exclusive():
            commits, self._commits = self._commits, 0
            self._folded = size = log_size(self.path)
            self.checkpoint_due.clear()
        before = self._used
        used = self._fold()
        written = used - before if used >= before else used
        if commits and written:
            due = self._log_limit // 4 * commits // written
            self._commits_due = max(1, min(COMMITS_PER_CHECKPOINT, due))
        if used > self._log_limit // 2:
            self._fold()  # so that little is left
            with self.transactions.exclusive() as writer:
                writer.execute(_FOLD)
            used = 0
        # Where nobody has committed meanwhile, all is folded, and the next commit starts it over.
        self._used = used if self._commits else 0
        self._watch_size(size)

    def cut_log(self) -> None:
        """Cut a large write-ahead log, so that what a busy hour took is not kept from others.

        The writer is held for as long as the system takes to free the space, 100 ms on some disks.
        So this is for when little is said. While somebody reads, nothing is done.

        Raises:
            StoreError: it could not be done.
        """
        if log_size(self.path) <= LOG_SIZE_KEPT:
            return
        self._fold()
        with self.transactions.exclusive() as writer:
            (patience,) = writer.execute("PRAGMA busy_timeout").fetchone()
            writer.execute("PRAGMA busy_timeout = 0")
            try:
                writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            finally:
                writer.execute(f"PRAGMA busy_timeout = {patience}")
            self._folded = log_size(self.path)

    def _fold(self) -> int:
        """Fold the log beside the writer. Return how many bytes of it were in use."""
        with self.reader() as reader:
            _, frames, _ = reader.execute(_FOLD).fetchone()
        used: int = frames * (self._page_size + _FRAME_HEADER)
        return used

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
        if self._commits >= self._commits_due or grown > self._log_limit // 4:
            self.checkpoint_due.set()
