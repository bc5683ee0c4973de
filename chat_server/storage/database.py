"""Common to all SQLite files: how to open, check, write and close one, and how errors read."""

import os
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import cache
from pathlib import Path
from queue import SimpleQueue
from typing import Literal, Self

from chat_server.runtime.errors import OutcomeUnknownError, StoreError
from chat_server.storage.migrations import Format, migrate
from protocol.common.private_files import private

Sync = Literal["normal", "full"]
"""When a commit is done: see SQLite's PRAGMA synchronous."""


RESERVED_SHARE = 0.02
RESERVED_LEAST = 8 * 1024 * 1024
RESERVED_MOST = 64 * 1024 * 1024
"""The history, its index and the attendance leave this share of the disk free: at least and at most
so many bytes. When users fill the disk by talking, the server must still be able to store their
bans, and to start again.
"""

LOG_SIZE_KEPT = 4 * 1024 * 1024
"""A write-ahead log that starts over is cut to so many bytes."""

_FILES = ("history.db", "attendance.db", "search.db", "people.db")
"""All that may stand in a data folder, and grow when its write-ahead log is folded back."""


def open_database(path: Path, file_format: Format, sync: Sync) -> sqlite3.Connection:
    """Open a database in WAL mode, or make one that only its owner can read.

    It migrates a database of an earlier format to the present one.

    Raises:
        sqlite3.Error: the database is damaged, or another program or a later version made it.
            Nothing was written to it.
        OSError: the system refuses access.
    """
    make_private(path)
    connection = connect(path, sync)
    with closed_on_failure(connection):
        _check_whole(connection)
        migrate(connection, file_format)
    return connection


def connect(path: Path, sync: Sync) -> sqlite3.Connection:
    """Return another connection to a database that `open_database` has opened.

    One thread at a time may use it. The caller begins and ends transactions.
    """
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    with closed_on_failure(connection):
        connection.execute(f"PRAGMA synchronous = {sync}")
        connection.execute(f"PRAGMA journal_size_limit = {LOG_SIZE_KEPT}")
    return connection


def make_private(path: Path) -> None:
    """Make the database file if there is none, and let only its owner read it.

    A backup that somebody copied back may be readable for everybody, and SQLite gives the files
    beside it the same mode.

    Raises:
        OSError: the system refuses access.
    """
    open(path, "a+b", opener=private).close()
    if os.name != "posix":
        return
    for suffix in ("-wal", "-shm"):  # never open them: closing would drop SQLite's locks
        file = path.with_name(path.name + suffix)
        with suppress(OSError):  # there is none, or another user owns it
            if file.stat().st_mode & 0o077:
                file.chmod(0o600)


class Transactions:
    """The transactions of one connection, one at a time: `with transactions as connection`.

    They commit what the body writes, and roll it back if the body raises. An error of SQLite at the
    beginning, in the body or at the end is raised as StoreError. So is a lack of memory, except in
    the commit: that raises OutcomeUnknownError.

    This is no generator, because a commit is the deepest call of a connection's thread, and a stack
    never shrinks: a generator cost one more page of memory for each client.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        path: Path,
        committed: Callable[[], None] | None = None,
    ) -> None:
        """
        Args:
            connection: as `connect` returned it.
            path: of its file, for error messages.
            committed: called after each commit, with the connection still locked. It must be quick.
        """
        self._connection = connection
        self._path = path
        self._committed = committed
        # Guards the use of the connection. A leaf.
        self._lock = threading.Lock()

    def __enter__(self) -> sqlite3.Connection:
        self._lock.acquire()
        try:
            if self._connection.in_transaction:  # the last one could not be rolled back
                self._roll_back()
            self._connection.execute("BEGIN IMMEDIATE")
        except BaseException as error:
            self._lock.release()
            if isinstance(error, sqlite3.Error | MemoryError):
                raise complaint(self._path, error) from error
            raise
        return self._connection

    def __exit__(self, _: object, error: BaseException | None, trace: object) -> None:
        try:
            if error is not None:
                self._roll_back()
            else:
                self._connection.execute("COMMIT")
                if self._committed is not None:
                    self._committed()
        except sqlite3.Error as failure:
            self._roll_back()
            raise complaint(self._path, failure) from failure
        except MemoryError as failure:
            raise OutcomeUnknownError(f"{self._path}: out of memory in a commit") from failure
        finally:
            self._lock.release()
        if isinstance(error, sqlite3.Error | MemoryError):
            raise complaint(self._path, error) from error

    @contextmanager
    def exclusive(self) -> Iterator[sqlite3.Connection]:
        """Use the connection alone, without a transaction: to read, or for a statement that SQLite
        does not allow in one.

        Raises:
            StoreError: instead of SQLite's errors.
        """
        with self._lock, translated(self._path):
            yield self._connection

    def close(self) -> None:
        """Close the connection once nobody uses it. Later use raises StoreError."""
        with self._lock:
            self._connection.close()

    def _roll_back(self) -> None:
        """Roll back. If that fails, the next transaction tries again before it begins."""
        with suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")


class Readers:
    """Connections that read one database. One thread at a time uses each of them."""

    def __init__(self, path: Path, connections: Sequence[sqlite3.Connection]) -> None:
        """
        Args:
            path: of its file, for error messages.
            connections: as `connect` returned them.
        """
        self._path = path
        self._count = len(connections)
        # Connections that nobody uses; None once they are closed.
        self._free: SimpleQueue[sqlite3.Connection | None] = SimpleQueue()
        for connection in connections:
            self._free.put(connection)

    @classmethod
    def open(cls, path: Path, sync: Sync, count: int) -> Self:
        """Open `count` connections to a database that `open_database` has opened.

        Raises:
            sqlite3.Error: one of them failed. No connection stays open.
        """
        with ExitStack() as opened:
            connections = [opened.enter_context(closing(connect(path, sync))) for _ in range(count)]
            opened.pop_all()
        return cls(path, connections)

    @contextmanager
    def use(self) -> Iterator[sqlite3.Connection]:
        """Wait for a free connection, and use it.

        Raises:
            StoreError: instead of SQLite's errors, and if the connections are closed.
        """
        reader = self._free.get()
        try:
            if reader is None:
                raise StoreError(f"{self._path} is closed")
            with translated(self._path):
                yield reader
        finally:
            self._free.put(reader)

    def close(self) -> None:
        """Close each connection once nobody uses it: SQLite crashes if a query runs on it."""
        for _ in range(self._count):
            reader = self._free.get()
            if reader is not None:
                reader.close()
        self._free.put(None)


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn SQLite's exceptions into StoreError, so that callers need to know no SQL."""
    try:
        yield
    except (sqlite3.Error, MemoryError) as error:
        raise complaint(path, error) from error


def log_size(path: Path | str) -> int:
    """Return how many bytes the write-ahead log of a database has."""
    try:
        return os.stat(f"{path}-wal").st_size
    except OSError:  # it has none
        return 0


def check_space(path: Path) -> None:
    """Check that a file's disk has more free space than the reserve.

    What the databases grow by when their logs are folded back counts as taken: all that is in the
    logs at most, and where that may not fit, as much as it is.

    Raises:
        StoreError: it has less.
    """
    folder, files = _data_beside(path)
    try:
        disk = shutil.disk_usage(folder)
    except (OSError, MemoryError) as error:
        raise complaint(path, error) from error
    spare = disk.free - max(RESERVED_LEAST, min(RESERVED_MOST, disk.total * RESERVED_SHARE))
    # Nearly always: the logs are among what is used, so most disks need no look at them.
    if spare >= disk.used or spare >= sum(map(log_size, files)):
        return
    if spare < sum(map(_growth, files)):
        raise StoreError(f"{path}: its disk is full, but for what is reserved")


def _growth(path: str) -> int:
    """Return by how many bytes a database grows when its log is folded back.

    Most of a log are pages that the database has already, or that were written many times.
    """
    logged = log_size(path)
    if not logged:
        return 0
    try:
        with closing(sqlite3.connect(f"{Path(path).as_uri()}?mode=ro", uri=True)) as reader:
            (pages,) = reader.execute("PRAGMA page_count").fetchone()
            (page_size,) = reader.execute("PRAGMA page_size").fetchone()
        return max(0, min(logged, int(pages * page_size) - os.stat(path).st_size))
    except (sqlite3.Error, OSError, MemoryError):  # it cannot be asked: the log is the bound
        return logged


@cache
def _data_beside(path: Path) -> tuple[str, tuple[str, ...]]:
    """Return the folder of a database, and all databases that may stand there.

    It is kept, as each commit asks for it, and making paths takes longer than to look at the disk.
    """
    folder = path.parent
    return str(folder), tuple(str(folder / name) for name in _FILES)


def unusable(what: str, path: Path, error: Exception) -> str:
    """Return the error message for an operator whose server cannot use the file at `path`."""
    reason = " ".join(str(error).split())
    return (
        f"{what} in {path} cannot be used: {reason}. Nothing in it was changed. Choose "
        "another data folder with --data, or put a copy back that is whole."
    )


def complaint(path: Path, error: Exception) -> StoreError:
    """Return what an error of SQLite's, or a lack of memory, is to those who know no SQL."""
    reason = "out of memory" if isinstance(error, MemoryError) else str(error)
    return StoreError(f"{path}: {reason}")


@contextmanager
def closed_on_failure(connection: sqlite3.Connection) -> Iterator[None]:
    """Close a connection if the block raises."""
    try:
        yield
    except BaseException:
        connection.close()
        raise


def _check_whole(connection: sqlite3.Connection) -> None:
    """Check that a database is undamaged, before the first write to it."""
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise sqlite3.DatabaseError(verdict)
