"""What is kept, read from its files: beside a running server, or without one.

A database in WAL mode can be read by any number of processes while one writes. It is read in short
pages, none of which stays open: a reader that pauses, such as a pager, would keep the server's
write-ahead log from starting over.
"""

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import ClassVar, NamedTuple, Self

from chat_server.admin.show import one_line
from chat_server.identity.store import people_store as people
from chat_server.identity.store.class_store import read_pupils
from chat_server.identity.store.records import Act, Pupil
from chat_server.rooms import attendance
from chat_server.runtime.errors import AdminError
from chat_server.storage.migrations import Format
from chat_server.storage.sqlite import log_file as history
from chat_server.storage.sqlite.history_reader import HistoryReader
from protocol.messages import CHANGES, Message

STAYS_PER_PAGE = 1000
ACTS_PER_PAGE = 1000


class StoredStay(NamedTuple):
    """A row of the attendance: one name in one room. `gone` is None as long as it lasts."""

    number: int
    nick: str
    account: str | None
    session: int | None
    came: float
    gone: float | None


@contextmanager
def opened(path: Path, form: Format) -> Iterator[sqlite3.Connection]:
    """Open one of the server's databases to read it, while the block runs.

    Args:
        path: of the file.
        form: what it is known by.

    Raises:
        AdminError: it is not there, cannot be read, or is something else.
    """
    if not path.is_file():
        raise AdminError(_missing(path))
    try:
        with ExitStack() as stack:
            connection = _connect(path, stack)
            _check(connection, form)
            yield connection
    except sqlite3.Error as error:
        raise AdminError(f"{path} cannot be read: {error}.") from error


def _missing(path: Path) -> str:
    missing = f"there is no {path}: "
    if path.name == history.FILE and path.with_name(people.FILE).is_file():
        return (
            f"{missing}a server with --log keeps its messages in Redis, and this command reads "
            "files alone. `chat-server admin migrate --from redis://HOST:PORT/0` copies them into "
            "a data folder, with all servers stopped."
        )
    return f"{missing}no server has kept anything there. Name its data folder with --data."


def _connect(path: Path, stack: ExitStack) -> sqlite3.Connection:
    """Open a database to read it until the stack ends, also in a folder that cannot be written.

    In WAL mode SQLite needs a file beside the database (-shm), which it makes where there is none.
    """
    connection = stack.enter_context(closing(_read_only(path)))
    try:
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except sqlite3.OperationalError as error:
        refused = error.sqlite_errorcode & 0xFF in (
            sqlite3.SQLITE_READONLY,
            sqlite3.SQLITE_CANTOPEN,
        )
        if not refused or _beside(path, "-shm").exists():
            raise
        # No server has it open: that one would have made the file.
        return stack.enter_context(closing(_unopened(path, stack)))
    return connection


def _unopened(path: Path, stack: ExitStack) -> sqlite3.Connection:
    """Open a database that nobody has open. What its log (-wal) holds is read in a copy."""
    log = _beside(path, "-wal")
    try:
        if not log.exists() or log.stat().st_size == 0:
            return _read_only(path, "&immutable=1")
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chat-server.")))
        for each in (path, log):
            shutil.copyfile(each, folder / each.name)
    except OSError as error:
        raise AdminError(f"{path} cannot be read: {error.strerror or error}.") from error
    return _read_only(folder / path.name)


def _read_only(path: Path, more: str = "") -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode=ro{more}"
    return sqlite3.connect(uri, uri=True, isolation_level=None)


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


class _Database:
    """One of the databases in a data folder: which, says whoever is derived from this."""

    FILE: ClassVar[str]
    FORMAT: ClassVar[Format]

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @classmethod
    @contextmanager
    def open(cls, data: Path) -> Iterator[Self]:
        """Open that of a data folder to read it, while the block runs.

        Raises:
            AdminError: there is none, or it cannot be read.
        """
        with opened(data / cls.FILE, cls.FORMAT) as connection:
            yield cls(connection)


class History(_Database):
    """The rooms and messages in a data folder."""

    FILE, FORMAT = history.FILE, history.FORMAT

    def messages(self, room: str, since: float | None, until: float | None) -> Iterator[Message]:
        """Return the messages of a room, said from `since` on and before `until`, in their order.

        Args:
            room: its name.
            since: Unix seconds; from the first without.
            until: Unix seconds; to the last that there is now without.

        Raises:
            AdminError: nothing is kept of such a room, or it cannot be read.
        """
        reader = HistoryReader(self._connection)
        messages = reader.messages(room)
        if messages is None:
            raise AdminError(_no_room(room, reader.busiest_rooms(10)))
        return (
            message
            for message in messages
            if (since is None or message.time >= since) and (until is None or message.time < until)
        )

    def text_before(self, act: Act) -> str | None:
        """Return what a message said until an act changed it; None if that is not kept.

        Args:
            act: of any kind.
        """
        room, _, seq = act.whom.rpartition("/")
        if act.act not in CHANGES or not seq.isdecimal():
            return None
        return HistoryReader(self._connection).text_before(room, int(seq), act.time)


class Stays(_Database):
    """The attendance in a data folder."""

    FILE, FORMAT = attendance.FILE, attendance.FORMAT

    def known(self) -> float:
        """Return up to when the record is true, in Unix seconds."""
        ((moment,),) = self._connection.execute("SELECT moment FROM known")
        return float(moment)

    def find(self, room: str, since: float | None, until: float | None) -> Iterator[StoredStay]:
        """Return the stays in a room of who was there between two moments, by when they began.

        Raises:
            AdminError: nobody was ever in such a room.
        """
        known = self._connection.execute("SELECT 1 FROM stays WHERE room = ? LIMIT 1", (room,))
        if known.fetchone() is None:
            rooms = self._connection.execute(
                "SELECT room FROM stays GROUP BY room ORDER BY max(came) DESC LIMIT 10"
            ).fetchall()
            raise AdminError(_no_room(room, [name for (name,) in rooms]))
        return self._pages(room, since, until)

    def _pages(self, room: str, since: float | None, until: float | None) -> Iterator[StoredStay]:
        came, number = float("-inf"), 0
        while True:
            rows = self._connection.execute(
                "SELECT number, nick, account, session, came, gone FROM stays"
                " WHERE room = ? AND (came, number) > (?, ?) AND came < ?"
                " AND (gone IS NULL OR gone >= ?) ORDER BY came, number LIMIT ?",
                (
                    room,
                    came,
                    number,
                    float("inf") if until is None else until,
                    float("-inf") if since is None else since,
                    STAYS_PER_PAGE,
                ),
            ).fetchall()
            if not rows:
                return
            yield from (StoredStay(*row) for row in rows)
            number, came = rows[-1][0], rows[-1][4]


class Audit(_Database):
    """What was done by who is in charge, in a data folder."""

    FILE, FORMAT = people.FILE, people.FORMAT

    def acts(self, since: float | None, until: float | None) -> Iterator[Act]:
        """Return what was done from `since` on and before `until`, in its order."""
        number = 0
        while True:
            rows = self._connection.execute(
                "SELECT number, time, who, act, whom, until, reason FROM audit"
                " WHERE number > ? ORDER BY number LIMIT ?",
                (number, ACTS_PER_PAGE),
            ).fetchall()
            if not rows:
                return
            for number, *rest in rows:  # noqa: B007 - the last one goes on being used
                act = Act(*rest)
                if (since is None or act.time >= since) and (until is None or act.time < until):
                    yield act


class Classes(_Database):
    """The class lists in a data folder."""

    FILE, FORMAT = people.FILE, people.FORMAT

    def pupils(self, group: str | None) -> list[Pupil]:
        """Return who is on a list, or on any without `group`, in the order of the lists.

        Raises:
            AdminError: there is no such list, or none at all.
        """
        (known,) = self._connection.execute(
            "SELECT count(*) FROM sqlite_schema WHERE name = 'pupils'"
        ).fetchone()
        everybody = read_pupils(self._connection) if known else []
        found = [each for each in everybody if group in (None, each.group)]
        if found:
            return found
        names = ", ".join(dict.fromkeys(one_line(each.group) for each in everybody))
        there = f"There are: {names}." if names else "`class add FILE` makes one."
        which = "no class list" if group is None else f"no class {group}"
        raise AdminError(f"there is {which} yet. {there}")


def _check(connection: sqlite3.Connection, form: Format) -> None:
    """Check that a database is the one that it should be.

    Earlier formats are read as they are: the tables that are read here are the same in all of them.
    """
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    form.check(application, version)


def _no_room(name: str, others: list[str]) -> str:
    there = f"There are: {', '.join(others)}." if others else "There is none at all yet."
    return f"nothing is kept of a room {name}. {there}"
