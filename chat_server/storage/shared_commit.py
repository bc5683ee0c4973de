"""Writes of many threads to one database, of which all that come together share one commit.

A commit that waits for the disk takes milliseconds, and what is written in it some microseconds. So
whoever has written hands the connection to the next who waits, and waits; the last one commits for
all. Nobody waits for more than the commit that is under way and the next one, however many write:
that is fair without a queue in which clients take turns.

Each thread's part is undone by itself if its body raises. If the commit fails, nobody's is kept.
Reads have connections of their own: they do not wait for a commit, and see only what is kept.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from chat_server.runtime.errors import OutcomeUnknownError, StoreError
from chat_server.storage.database import Readers, complaint

GROUP = 500
"""How many parts one commit has at most, so that the first of them does not wait for too long."""


class _Group:
    """Parts that are committed together.

    Attributes:
        parts: how many there are so far; the thread's that has the connection.
        done: set when they are kept, or cannot be.
        error: why they are not, if so; read when `done` is set.
    """

    __slots__ = ("done", "error", "parts")

    def __init__(self) -> None:
        self.parts = 0
        self.done = threading.Event()
        self.error: StoreError | OutcomeUnknownError | None = None


class SharedCommits:
    """The use of one database by many threads. Any thread may call any method.

    Attributes:
        commits: how many there were.
    """

    def __init__(self, writer: sqlite3.Connection, readers: Readers, path: Path) -> None:
        """
        Args:
            writer: as `connect` returned it.
            readers: other connections to the same database.
            path: of its file, for error messages.
        """
        self._writer = writer
        self._readers = readers
        self._path = path
        # Guards the next two, and wakes who waits for the connection. A leaf. It is not held while
        # the connection is used: `_taken` says that somebody does.
        self._freed = threading.Condition()
        self._taken = False
        self._user: int | None = None  # the thread that has taken it; written by that one
        self._waiting = 0  # threads that want the connection
        self._group: _Group | None = None  # what is not committed yet; of whoever has taken it
        self.commits = 0  # as `_group`

    def reading(self) -> AbstractContextManager[sqlite3.Connection]:
        """Return a context in which a connection is used to read what is kept.

        It raises StoreError in place of SQLite's errors.
        """
        return self._readers.use()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Write, together with others; what is written is kept when the block has ended.

        The block must not wait for another thread. A block in a block of the same thread is a part
        of the outer one, and kept with it.

        Raises:
            StoreError: nothing of it is kept.
            OutcomeUnknownError: nobody knows whether it is.
        """
        if self.is_writing:
            yield self._writer
            return
        self._take()
        group = self._begin()
        try:
            yield self._writer
        except BaseException as error:
            self._undo(group)
            self._finish(group)
            if isinstance(error, sqlite3.Error | MemoryError):
                raise complaint(self._path, error) from error
            raise
        self._end_part(group)
        self._finish(group)
        if group.error is not None:
            raise type(group.error)(str(group.error)) from group.error

    @property
    def is_writing(self) -> bool:
        """Whether this thread is in a block that writes."""
        return self._user == threading.get_ident()

    def close(self) -> None:
        """Close the connections once nobody uses them. Later use raises StoreError."""
        self._readers.close()
        self._take()
        if self._group is not None:  # somebody handed it over
            self._end_group(self._group)
            self._take()
        self._writer.close()
        self._free()

    # -- whose turn it is

    def _take(self) -> None:
        """Wait until nobody uses the connection, and use it."""
        with self._freed:
            self._waiting += 1
            self._freed.wait_for(lambda: not self._taken)
            self._waiting -= 1
            self._taken = True
            self._user = threading.get_ident()

    def _free(self) -> None:
        with self._freed:
            self._taken, self._user = False, None
            self._freed.notify()

    def _hands_over(self, group: _Group) -> bool:
        """Let the next one use the connection, if somebody waits who can share the commit."""
        with self._freed:
            if not self._waiting or group.parts >= GROUP or group.error is not None:
                return False
            self._taken, self._user = False, None
            self._freed.notify()
            return True

    # -- by whoever has taken the connection

    def _begin(self) -> _Group:
        """Begin a part, and a transaction if there is none. Return what it is a part of."""
        group = self._group
        try:
            if group is None:
                self._roll_back()  # if the last transaction could not
                self._writer.execute("BEGIN IMMEDIATE")
                group = self._group = _Group()
            self._writer.execute("SAVEPOINT part")
        except BaseException as error:
            if group is not None:
                self._undo(group)
                self._finish(group)
            else:
                self._free()
            if isinstance(error, sqlite3.Error | MemoryError):
                raise complaint(self._path, error) from error
            raise
        group.parts += 1
        return group

    def _end_part(self, group: _Group) -> None:
        try:
            self._writer.execute("RELEASE part")
        except (sqlite3.Error, MemoryError) as error:
            group.error = complaint(self._path, error)

    def _undo(self, group: _Group) -> None:
        """Undo the part that is under way; all of the group, if SQLite has done that, or must."""
        try:
            self._writer.execute("ROLLBACK TO part")
            self._writer.execute("RELEASE part")
        except (sqlite3.Error, MemoryError) as error:
            group.error = group.error or complaint(self._path, error)

    def _finish(self, group: _Group) -> None:
        """Wait until the group is committed, or commit it."""
        if self._hands_over(group):
            group.done.wait()
        else:
            self._end_group(group)

    def _end_group(self, group: _Group) -> None:
        """Commit a group, let those go on who wait for it, and the next use the connection."""
        self._group = None
        try:
            self._commit(group)
        finally:
            self._free()
            group.done.set()

    def _commit(self, group: _Group) -> None:
        try:
            if group.error is None:
                self._writer.execute("COMMIT")
                self.commits += 1
                return
        except sqlite3.Error as error:
            group.error = complaint(self._path, error)
        except MemoryError:
            group.error = OutcomeUnknownError(f"{self._path}: out of memory in a commit")
            return
        self._roll_back()

    def _roll_back(self) -> None:
        """Roll back. If that fails, the next transaction tries again before it begins."""
        with suppress(sqlite3.Error):
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
