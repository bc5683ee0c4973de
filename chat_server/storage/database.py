"""What our SQLite files have in common: how one is opened, checked, written, and complained of."""

import os
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Literal, Self

from chat_server.runtime.errors import OutcomeUnknownError, StoreError
from chat_server.storage.migrations import Format, migrate
from protocol.common.private_files import private

Sync = Literal["normal", "full"]
"""When a commit is done: see SQLite's PRAGMA synchronous."""


# What the history and the attendance leave free: of the disk, but no more than so many bytes. Who
# fills the disk by talking shall be banned, and that has to be written; others use it as well.
RESERVED_SHARE = 0.02
RESERVED_MOST = 64 * 1024 * 1024


def open_database(path: Path, file_format: Format, sync: Sync) -> sqlite3.Connection:
    """Open a database, or make it, readable for its owner alone; in WAL mode.

    A database of an earlier format is taken to the present one.

    Raises:
        sqlite3.Error: it is damaged, another program's or a later version's. Nothing was written
            to it.
        OSError: the system does not let us have it.
    """
    make_private(path)
    connection = connect(path, sync)
    with closed_on_failure(connection):
        _check_whole(connection)
        migrate(connection, file_format)
    return connection


def connect(path: Path, sync: Sync) -> sqlite3.Connection:
    """Return another connection to a database that is open already.

    It may be used by any thread, but by one at a time, and leaves transactions to the caller.
    """
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    with closed_on_failure(connection):
        connection.execute(f"PRAGMA synchronous = {sync}")
    return connection


def make_private(path: Path) -> None:
    """Make a database that is not there, and see that nobody but its owner reads what it holds.

    A copy that somebody put back is readable for everybody, as copies are, and SQLite gives the
    files beside it the same mode.

    Raises:
        OSError: the system does not let us have it.
    """
    open(path, "a+b", opener=private).close()
    if os.name != "posix":
        return
    for suffix in ("-wal", "-shm"):  # not opened: to close them would end SQLite's locks
        file = path.with_name(path.name + suffix)
        with suppress(OSError):  # it is not there, or another's, who may have reasons
            if file.stat().st_mode & 0o077:
                file.chmod(0o600)


class Transactions:
    """The transactions of one connection, one at a time: `with transactions as connection`.

    What the body writes is committed, or nothing of it if it raises. What SQLite complains of, be
    it at the beginning, in the body or at the end, is raised as StoreError; so is a lack of memory
    at the beginning and in the body. A commit that lacks memory is OutcomeUnknownError.

    No generator makes this: a commit is the deepest that a connection's thread ever gets, and what
    its stack once grew to it keeps. With one it was another page for each client.
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
            path: of its file, which a complaint names.
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
            self._roll_back()  # where the one before could not
            self._connection.execute("BEGIN IMMEDIATE")
        except BaseException as error:
            self._lock.release()
            if isinstance(error, sqlite3.Error | MemoryError):
                raise _complaint(self._path, error) from error
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
            raise _complaint(self._path, failure) from failure
        except MemoryError as failure:
            raise OutcomeUnknownError(f"{self._path}: out of memory in a commit") from failure
        finally:
            self._lock.release()
        if isinstance(error, sqlite3.Error | MemoryError):
            raise _complaint(self._path, error) from error

    @contextmanager
    def exclusive(self) -> Iterator[sqlite3.Connection]:
        """Use the connection alone, without a transaction: to read, or for what cannot be in one.

        Raises:
            StoreError: in place of SQLite's.
        """
        with self._lock, translated(self._path):
            yield self._connection

    def close(self) -> None:
        """Close the connection, once nobody uses it. Whoever wants it later gets StoreError."""
        with self._lock:
            self._connection.close()

    def _roll_back(self) -> None:
        """End what was not committed. If even that fails, nothing else is begun before it is."""
        with suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")


class Readers:
    """Connections that read one database, each used by one thread at a time."""

    def __init__(self, path: Path, connections: Sequence[sqlite3.Connection]) -> None:
        """
        Args:
            path: of its file, which a complaint names.
            connections: as `connect` returned them.
        """
        self._path = path
        self._count = len(connections)
        # Those that nobody uses; None once they are closed.
        self._free: SimpleQueue[sqlite3.Connection | None] = SimpleQueue()
        for connection in connections:
            self._free.put(connection)

    @classmethod
    def open(cls, path: Path, sync: Sync, count: int) -> Self:
        """Open `count` connections to a database that is open already.

        Raises:
            sqlite3.Error: it cannot be opened so often; no connection is left open.
        """
        with ExitStack() as opened:
            connections = [opened.enter_context(closing(connect(path, sync))) for _ in range(count)]
            opened.pop_all()
        return cls(path, connections)

    @contextmanager
    def use(self) -> Iterator[sqlite3.Connection]:
        """Use one of the connections, when one is free.

        Raises:
            StoreError: in place of SQLite's, and if they are closed.
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
        """Close each connection once nobody uses it: SQLite crashes if a query still runs on it."""
        for _ in range(self._count):
            reader = self._free.get()
            if reader is not None:
                reader.close()
        self._free.put(None)


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn SQLite's exceptions into our own: its users know no SQL."""
    try:
        yield
    except (sqlite3.Error, MemoryError) as error:
        raise _complaint(path, error) from error


def check_space(path: Path) -> None:
    """See that the disk of a file has room for more than what has to be written.

    Raises:
        StoreError: it has not.
    """
    try:
        disk = shutil.disk_usage(str(path.parent))
    except (OSError, MemoryError) as error:
        raise _complaint(path, error) from error
    if disk.free < min(RESERVED_MOST, disk.total * RESERVED_SHARE):
        raise StoreError(f"{path}: its disk is full, but for what is reserved")


def unusable(what: str, path: Path, error: Exception) -> str:
    """Return the sentence for an operator whose server cannot start with the file at `path`."""
    reason = " ".join(str(error).split())
    return (
        f"{what} in {path} cannot be used: {reason}. Nothing in it was changed. Choose "
        "another data folder with --data, or put a copy back that is whole."
    )


def _complaint(path: Path, error: Exception) -> StoreError:
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
    """Check that a database is whole before the first byte is written to it."""
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise sqlite3.DatabaseError(verdict)
