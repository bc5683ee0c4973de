"""What several servers know of people alike: each has a copy, and makes the same writes in order.

A write is a call of a method (shared_calls.py). It is made in the copy of this server, and before
that is kept, it is added to the order that all share (storage/shared_writes.py). Where somebody
else was faster, nothing is kept: this server makes their writes first, and decides again
(`decided`). So a number, a nick or a rule is what it would be if one server had done it all. The
place in the order is kept in the same transaction as the write.

What others wrote is made by a thread of its own, which then lets it hold here (`Follower`).
Whoever needs that it holds on all servers waits until each living one has said so (`settle`).

The module is long, as the place of the copy in the order changes in all of it.
"""

import logging
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from msgspec import msgpack

from chat_server.identity.store.shared_calls import Owner, encode_call, make_call
from chat_server.runtime.errors import BackchannelError, StartError, StoreError
from chat_server.runtime.threads import ServerThread, Survived
from chat_server.storage.shared_commit import SharedCommits
from chat_server.storage.shared_writes import (
    LapsedError,
    Position,
    SharedWrite,
    SharedWrites,
    WrittenDown,
)

log = logging.getLogger(__name__)

TABLES = (
    "accounts",
    "sessions",
    "sanctions",
    "rules",
    "secrets",
    "audit",
    "done",
    "pupils",
    "hands",
    "pins",
    "polls",
    "votes",
    "late",
    "late_refused",
)
"""The tables that all servers have alike, a table behind those that it refers to."""

PRECIOUS = ("accounts", "sanctions", "rules", "pupils", "pins")
"""Those that nobody throws away unasked."""

BATCH = 100
"""Writes of others that are made in one transaction."""

KEEP_EVERY = 1000
"""Writes after which everything is written down for servers that are new."""

SETTLE_TIMEOUT = 30.0
"""Seconds that the others may take. The lease of one that does not answer ends before that."""

LOOK_INTERVAL = 0.5
"""Seconds after which Redis is asked again how far the others are, as a lease may have ended."""

TRIES = 100
"""How often something is decided again as others were faster."""

NUMBERS_SKIPPED = 1000
"""Numbers that are left out where the order begins anew: more than others may have come further."""

Result = TypeVar("Result")


class _Behind(BackchannelError):
    """Others have written something that this server has not made yet."""


class Follower(Protocol):
    """What a server does so that what others wrote holds here. With no lock held that it takes."""

    def follow(
        self, name: str, arguments: Sequence[Any], result: Any
    ) -> Sequence[Callable[[], None]]:
        """Let a write hold that another server made, and this one has made after it.

        Args:
            name: of the method, with its class.
            arguments: what it was called with.
            result: what it returned here.

        Returns: what is to be written because of it. It is called before the others are told that
            the write holds here.
        """
        ...

    def follow_all(self) -> None:
        """Let hold whatever is in the copy: it may all be other than before."""
        ...


_Rows = tuple[list[str], list[Any]]
"""The columns of a table, and its rows."""


class Replica:
    """The copy of this server. Any thread may call any method.

    Attributes:
        follower: lets what others wrote hold here; set before `start`.
    """

    def __init__(
        self,
        commits: SharedCommits,
        writes: SharedWrites,
        version: int,
        made: Callable[[Sequence[Any]], None],
    ) -> None:
        """
        Args:
            commits: the use of the database.
            writes: the order that all servers share.
            version: the format of the database.
            made: called with the arguments of each write, once it is kept here.
        """
        self._commits = commits
        self._writes = writes
        self._version = version
        self._made = made
        self._owners: dict[str, Owner] = {}
        self.follower: Follower | None = None
        # Held while something is decided and written, and while the writes of others are made and
        # let hold. Above all locks but Session.posting; it waits for Redis and for the disk.
        self._turn = threading.RLock()
        self._position = Position("", 0, "")  # guarded by _turn; read without it as a guess
        self._deciding = False  # guarded by _turn
        self._later: list[Callable[[], None]] = []  # what is to be written; guarded by _turn
        # Guards the next four, and wakes the thread and those who wait for others. A leaf.
        self._news = threading.Condition()
        self._told = 0  # how often another server said how far it is
        self._soon: list[Callable[[], None]] = []  # what somebody here wants to be written
        self._due = False
        self._stopping = False
        self._thread = ServerThread(self._run, "people")

    def own(self, owner: Owner) -> None:
        """Make the marked methods of an owner's class on it."""
        self._owners[type(owner).__name__] = owner

    # -- the beginning and the end

    def join(self) -> None:
        """Have what all servers have: read it, or, as the first one, give it to the others.

        Raises:
            StartError: this server has people of its own, who would be lost.
            StoreError: it cannot be done just now.
        """
        with self._turn:
            self._position = self._read_position()
            end = self._writes.end()
            if end is None and not self._begin(None):
                end = self._writes.end()  # another one was first
            if end is not None and self._position.history != end.history:
                self._check_nothing_own()
                self._load()
            self._catch_up()
            self._writes.note_made(self._position)

    def start(self) -> None:
        """Make what others write, from now on. `follower` is set.

        Raises:
            StoreError: what was written meanwhile could not be made.
        """
        self._writes.watch(self.note_written, self.note_made)
        self.catch_up()
        self._thread.start()
        self.note_written()

    def stop(self) -> None:
        """End the thread, and let nobody wait for this server."""
        with self._news:
            self._stopping = True
            self._news.notify_all()
        self._thread.join()
        try:
            self._writes.leave()
        except StoreError as error:
            log.warning("other servers wait for this one until its lease ends: %s", error)

    # -- what other servers tell

    def note_written(self) -> None:
        """Make what others wrote, soon; Redis may have been away, or begun anew."""
        with self._news:
            self._due = True
            self._news.notify_all()

    def note_made(self) -> None:
        """Note that another server has made some writes, or stopped."""
        with self._news:
            self._told += 1
            self._news.notify_all()

    # -- by those who decide

    def decided(self, decide: Callable[[], Result]) -> Result:
        """Decide upon what holds everywhere, write it, and return what `decide` returns.

        Args:
            decide: does both. It is called again where others were faster, and has done nothing
                before its first write then.

        Raises:
            StoreError: others were faster each time.
        """
        with self._turn:
            if self._deciding:
                return decide()
            for _ in range(TRIES):
                self._deciding = True
                try:
                    return decide()
                except _Behind:
                    pass
                finally:
                    self._deciding = False
                self._catch_up()
        raise StoreError("other servers change the same all the time")

    def write(self, name: str, arguments: Sequence[Any]) -> Any:
        """Make a write here and in the order of all.

        Raises:
            StoreError: it is not kept; or nobody knows whether the others have it.
        """
        data = encode_call(name, arguments)
        with self._turn:
            for _ in range(TRIES):
                try:
                    return self._write(data)
                except _Behind:
                    if self._deciding:
                        raise
                    self._catch_up()
        raise StoreError("other servers write all the time")

    def catch_up(self) -> None:
        """Make all that others have written until now.

        Raises:
            StoreError: Redis cannot be asked, or not all could be made.
        """
        with self._turn:
            self._catch_up()

    def settle(self) -> None:
        """Wait until each living server has made what this one has.

        Raises:
            StoreError: it is not known whether they have.
        """
        number = self._position.number
        deadline = time.monotonic() + SETTLE_TIMEOUT
        while time.monotonic() < deadline:
            with self._news:
                told = self._told
            if not self._writes.count_behind(number):
                return
            self._wait_for_others(told)
        raise StoreError("another server has not answered")

    def _wait_for_others(self, told: int) -> None:
        with self._news:
            self._news.wait_for(lambda: self._told != told, LOOK_INTERVAL)

    def soon(self, write: Callable[[], None]) -> None:
        """Have something written by the thread, again and again until it can be.

        Whoever holds a lock, or must not wait, may call this.

        Args:
            write: raises StoreError if it cannot be written just now.
        """
        with self._news:
            self._soon.append(write)
            self._due = True
            self._news.notify_all()

    # -- the thread

    def _run(self) -> None:
        while self._wait():
            with Survived("making what other servers wrote"):
                try:
                    self._make_all()
                except StoreError as error:
                    log.error("what other servers wrote does not hold here for now: %s", error)
                    self._retry()

    def _make_all(self) -> None:
        """Make what others wrote, write what has to be because of it, and tell them."""
        while True:
            with self._turn:
                self._catch_up()
                later, self._later = self._later, []
                if not later:
                    self._writes.note_made(self._position)
                    break
            self._write_later(later)
        self._write_soon()

    def _write_later(self, later: Sequence[Callable[[], None]]) -> None:
        """Write what has to be; what cannot be written just now is written before others are told.

        Raises:
            StoreError: something could not be written.
        """
        left, has_lapsed = _write_all(later)
        if left:
            with self._turn:
                self._later = left + self._later
                if has_lapsed:  # nobody waits for this server, and it gets no lease without that
                    self._writes.note_made(self._position)
            raise StoreError("what follows from it cannot be written")

    def _write_soon(self) -> None:
        """Write what somebody here wants. Others are told before that how far this server is: one
        that is behind gets no lease, and without that it could write nothing.

        Raises:
            StoreError: something could not be written.
        """
        with self._news:
            soon, self._soon = self._soon, []
        left, _ = _write_all(soon)
        if left:
            with self._news:
                self._soon = left + self._soon
            raise StoreError("what is to be written soon cannot be written yet")

    def _wait(self) -> bool:
        with self._news:
            self._news.wait_for(lambda: self._due or self._stopping)
            self._due = False
            return not self._stopping

    def _retry(self) -> None:
        """Try again in a moment, or when there is more."""
        with self._news:
            self._news.wait_for(lambda: self._due or self._stopping, LOOK_INTERVAL)
            self._due = True

    # -- with the turn

    def _write(self, data: bytes) -> Any:
        with self._commits.writing() as writer:
            call = make_call(data, self._owners)
            position = self._writes.append(self._position, data)
            if position is None:
                raise _Behind
            _note_position(writer, position)
        self._position = position
        self._made(call.arguments)
        self._keep_sometimes()
        self.note_written()  # so that the thread tells the others how far this one is
        return call.result

    def _catch_up(self) -> None:
        found = self._writes.after(self._position, BATCH)
        if found is None:
            self._begin_or_load()
            found = self._writes.after(self._position, BATCH)
        while found:
            self._follow(found)
            found = self._writes.after(self._position, BATCH)

    def _follow(self, found: Sequence[SharedWrite]) -> None:
        """Make writes of others, and let them hold."""
        with self._commits.writing() as writer:
            made = [make_call(write.data, self._owners) for write in found]
            _note_position(writer, found[-1].position)
        self._position = found[-1].position
        for call in made:
            self._made(call.arguments)
            if self.follower is not None:
                with Survived("letting hold what another server wrote"):
                    self._later += self.follower.follow(*call)

    def _begin_or_load(self) -> None:
        """The order is not what this server has followed: give it what it lost, or read it all."""
        end = self._writes.end()
        has_less = end is None or (
            end.history == self._position.history and end.number < self._position.number
        )
        if has_less:
            log.error(
                "Redis has lost some of what was written of people: this server gives it back"
            )
            if self._begin(end):
                return
        log.warning("what is known of people is read from Redis anew")
        self._load()
        if self.follower is not None:
            self.follower.follow_all()

    def _begin(self, end: Position | None) -> bool:
        """Begin the order with what this server has."""
        before = self._position
        position = Position(_name(), before.number + NUMBERS_SKIPPED, _name())
        with self._commits.writing() as writer:
            if not self._writes.begin(WrittenDown(position, self._dump(writer)), end):
                return False
            _note_position(writer, position)
        self._position = position
        return True

    def _load(self) -> None:
        """Have what was written down last of everything, instead of what is here."""
        kept = self._writes.kept()
        if kept is None:
            raise StoreError("nothing is written down of people")
        version, tables = msgpack.decode(kept.data, type=tuple[int, dict[str, _Rows]])
        if version > self._version:
            raise StartError(
                "a later version wrote what is known of people in Redis: let all servers be of "
                "one version."
            )
        with self._commits.writing() as writer:
            for table in reversed(TABLES):
                writer.execute(f"DELETE FROM {table}")
            for table in TABLES:
                _put_rows(writer, table, tables[table])
            writer.execute(
                f"DELETE FROM sqlite_sequence WHERE name IN ({', '.join('?' * len(TABLES))})",
                TABLES,
            )
            _put_rows(writer, "sqlite_sequence", tables["sqlite_sequence"])
            _note_position(writer, kept.position)
        self._position = kept.position

    def _keep_sometimes(self) -> None:
        """Write everything down, where it is time to."""
        if self._position.number % KEEP_EVERY:
            return
        with self._commits.reading() as reader:
            data = self._dump(reader)
        try:
            self._writes.keep(WrittenDown(self._position, data))
        except StoreError as error:
            log.warning("what is known of people was not written down: %s", error)

    def _dump(self, reader: sqlite3.Connection) -> bytes:
        tables = {table: _rows(reader, f"SELECT * FROM {table}") for table in TABLES}
        names = ", ".join(f"'{table}'" for table in TABLES)
        tables["sqlite_sequence"] = _rows(
            reader, f"SELECT name, seq FROM sqlite_sequence WHERE name IN ({names})"
        )
        return msgpack.encode([self._version, tables])

    def _read_position(self) -> Position:
        with self._commits.reading() as reader:
            row = reader.execute("SELECT history, number, tip FROM shared").fetchone()
        return Position("", 0, "") if row is None else Position(*row)

    def _check_nothing_own(self) -> None:
        with self._commits.reading() as reader:
            own = [
                table
                for table in PRECIOUS
                if reader.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone()
            ]
        if own:
            raise StartError(
                f"people.db in the data folder has {' and '.join(own)} that are not those of the "
                "other servers on this Redis, and would be lost. Move people.db away, with the "
                "files people.db-wal and people.db-shm beside it, or choose another folder with "
                "--data."
            )


def _write_all(writes: Sequence[Callable[[], None]]) -> tuple[list[Callable[[], None]], bool]:
    """Write. Return what cannot be written just now, and whether as the lease has ended."""
    left, has_lapsed = [], False
    for write in writes:
        with Survived("writing because of what happened on this server or another"):
            try:
                write()
            except StoreError as error:
                left.append(write)
                has_lapsed = has_lapsed or isinstance(error, LapsedError)
    return left, has_lapsed


def _name() -> str:
    return secrets.token_hex(8)


def _note_position(writer: sqlite3.Connection, position: Position) -> None:
    writer.execute("INSERT OR REPLACE INTO shared VALUES (0, ?, ?, ?)", position)


def _rows(reader: sqlite3.Connection, query: str) -> _Rows:
    cursor = reader.execute(query)
    return [column[0] for column in cursor.description], cursor.fetchall()


def _put_rows(writer: sqlite3.Connection, table: str, rows: _Rows) -> None:
    columns, values = rows
    marks = ", ".join("?" * len(columns))
    writer.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", values)
