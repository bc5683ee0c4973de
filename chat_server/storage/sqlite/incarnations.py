"""The name of the log: another one when numbers may have been given out with other texts.

An incarnation is a stretch of the log's life in which no number was taken back. It goes on over
stops, restarts and SIGKILL. Another one begins at a start on a restored copy, and at a start after
a power cut that may have cost the log its tail. The database keeps the chain of incarnations and
where each one ended in every room, so that a reader of an earlier one can be told the last message
that both have in common.

A copy is recognised by a small file beside the database. Both hold a number that grows at each
start and stop, and the database notes which file that is (inode and time of change): so it is
noticed when either is put back, in place or not. A false alarm does no harm: the incarnations have
all messages in common then.
"""

import logging
import secrets
import sqlite3
from pathlib import Path
from typing import NamedTuple

from chat_server.storage.database import Sync
from chat_server.storage.sqlite.log_file import HistoryFile
from protocol.common.private_files import write_private

log = logging.getLogger(__name__)

FILE = "log-name"
KEPT = 100
"""Incarnations that are remembered. A reader of an older one begins at the first message."""


class _Opening(NamedTuple):
    generation: int
    database: str
    sidecar: str | None
    boot: str | None
    sync: Sync
    clean: bool


class _Sidecar(NamedTuple):
    name: str
    generation: int
    identity: str


class Incarnations:
    """The chain, of which the last is the present one. Any thread may call any method.

    Attributes:
        name: of the present one.
        is_another: whether it began just now, in place of an earlier one.
    """

    def __init__(self, file: HistoryFile, sync: Sync) -> None:
        """Go on with the present incarnation, or begin another.

        Args:
            file: the database.
            sync: when a commit is done.

        Raises:
            StoreError: the database could not be written.
            OSError: the file beside it could not.
        """
        self._file = file
        self._sync = sync
        self._boot = boot_id()
        self._path = file.path.with_name(FILE)
        opening, last = self._read()
        self._generation = opening.generation if opening else 0
        reason = self._reason(opening, last[1] if last else "")
        self.is_another = last is not None and reason is not None
        if last is None or reason is not None:
            last = self._begin(last[0] if last else None)
        self._number, self.name = last
        if self.is_another:
            log.warning("the log has another name from now on: %s", reason)
        self._note(clean=False)

    def close(self) -> None:
        """Note that nothing more is written.

        Raises:
            StoreError: the database could not be written.
            OSError: the file beside it could not.
        """
        self._note(clean=True)

    def common(self, room: str, name: str, seq: int) -> int | None:
        """Return the last message up to `seq` that another incarnation shares with the present one.

        Args:
            room: whose.
            name: the incarnation that a reader knows.
            seq: how far the reader has come in it.

        Returns: its seq; 0 if there is none or it cannot be known; None if `name` is the present
            one.

        Raises:
            StoreError: the database could not be read.
        """
        if name == self.name:
            return None
        with self._file.reader() as reader:
            found = reader.execute(
                "SELECT number FROM incarnations WHERE name = ?", (name,)
            ).fetchone()
            if found is None:
                return 0
            forks, fork = reader.execute(
                "SELECT count(*), coalesce(min(seq), 0) FROM forks"
                " WHERE room = ? AND incarnation >= ?",
                (room, found[0]),
            ).fetchone()
        return min(seq, fork) if forks == self._number - found[0] else 0

    # -- below

    def _read(self) -> tuple[_Opening | None, tuple[int, str] | None]:
        """What was noted when it was opened or closed last, and the last of the chain."""
        with self._file.reader() as reader:
            opening = reader.execute("SELECT * FROM opening").fetchone()
            last = reader.execute(
                "SELECT number, name FROM incarnations ORDER BY number DESC LIMIT 1"
            ).fetchone()
        return _Opening(*opening) if opening else None, last

    def _reason(self, opening: _Opening | None, name: str) -> str | None:
        """Why another incarnation must begin; None if the last one goes on."""
        if opening is None or not self._is_original(opening, name):
            return "the history is a copy that was put back"
        cut = opening.boot is None or opening.boot != self._boot
        if cut and not opening.clean and opening.sync != "full":
            return "the machine may have lost power while the server ran"
        return None

    def _is_original(self, opening: _Opening, name: str) -> bool:
        sidecar = self._read_sidecar()
        if sidecar is None or opening.database != _identity(self._file.path):
            return False
        if opening.sidecar is None:  # the server was killed while it wrote that file
            return sidecar.generation in (opening.generation - 1, opening.generation)
        return sidecar == (name, opening.generation, opening.sidecar)

    def _begin(self, ended: int | None) -> tuple[int, str]:
        """Begin an incarnation, and note where the one before ended."""
        number, name = (ended or 0) + 1, secrets.token_urlsafe(9)
        with self._file.transactions as writer:
            if ended is not None:
                writer.execute("INSERT INTO forks SELECT name, ?, last_seq FROM rooms", (ended,))
            writer.execute("INSERT INTO incarnations VALUES (?, ?)", (number, name))
            writer.execute("DELETE FROM incarnations WHERE number <= ?", (number - KEPT,))
            writer.execute("DELETE FROM forks WHERE incarnation <= ?", (number - KEPT,))
        return number, name

    def _note(self, *, clean: bool) -> None:
        """Write the next number to both. A kill between any two steps is recognised."""
        self._generation += 1
        database = _identity(self._file.path)
        with self._file.transactions as writer:
            writer.execute("DELETE FROM opening")
            writer.execute(
                "INSERT INTO opening VALUES (?, ?, NULL, ?, ?, ?)",
                (self._generation, database, self._boot, self._sync, clean),
            )
        self._write_sidecar()
        with self._file.transactions as writer:
            writer.execute("UPDATE opening SET sidecar = ?", (_identity(self._path, changed=True),))

    def _read_sidecar(self) -> _Sidecar | None:
        try:
            name, generation = self._path.read_text(encoding="ascii").split()
            return _Sidecar(name, int(generation), _identity(self._path, changed=True))
        except (OSError, ValueError):  # missing, or no file of ours
            return None

    def _write_sidecar(self) -> None:
        write_private(self._path, f"{self.name} {self._generation}\n".encode("ascii"))


def mark_copy(connection: sqlite3.Connection) -> None:
    """Let the first start on a copy of the database begin another incarnation.

    Raises:
        sqlite3.Error: it could not be written.
    """
    if connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'opening'").fetchone():
        connection.execute("DELETE FROM opening")


def boot_id() -> str | None:
    """Return what names the time since the machine was started; None where nothing does."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return None


def _identity(path: Path, *, changed: bool = False) -> str:
    """Which file that is; with `changed`, also when it was changed last, which nobody can set."""
    status = path.stat()
    return f"{status.st_ino}:{status.st_ctime_ns}" if changed else f"{status.st_ino}"
