"""Attendance: who was in which room, under which name, from when to when.

Whoever enters or leaves a room is noted in memory, which is all that the room waits for. A thread
of its own writes the notes down, a batch of them in one transaction, into a database of its own:
so a class that comes in at once costs a few milliseconds of nobody's time.

A stay is written when it begins and again when it ends. With every batch goes the time: after a
crash the stays that never ended are known to have lasted until then.
"""

import logging
import sqlite3
import threading
from collections.abc import Callable
from itertools import groupby
from operator import itemgetter
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple

from chat_server.clock import Clock
from chat_server.database import Format, Transactions, check_space, open_database, unusable
from chat_server.errors import StartError, StoreError
from chat_server.settings import LiveSettings

if TYPE_CHECKING:
    from chat_server.outbox import Outbox
    from chat_server.room import Member
    from chat_server.session import Session

log = logging.getLogger(__name__)

FILE = "attendance.db"

# So many lines may wait for a disk that takes none; then what comes is not recorded.
BACKLOG_LIMIT = 200_000
PRUNE_INTERVAL = 3600.0  # seconds

_SCHEMA = """
CREATE TABLE stays (
    number INTEGER PRIMARY KEY,
    room TEXT NOT NULL,
    nick TEXT NOT NULL,
    account TEXT, -- whose nick it was, if somebody was logged in
    session INTEGER, -- the number it has in the history: a reconnect keeps it, a rename too
    came REAL NOT NULL,
    gone REAL -- NULL as long as it lasts
) STRICT;
CREATE INDEX by_room ON stays (room, came);
CREATE INDEX lasting ON stays (number) WHERE gone IS NULL;
CREATE TABLE known (moment REAL NOT NULL) STRICT; -- up to when all this is true: one row
INSERT INTO known VALUES (0);
"""

FORMAT = Format(application_id=0x42414154, version=1, schema=_SCHEMA)

_BEGIN = "INSERT INTO stays VALUES (?, ?, ?, ?, ?, ?, NULL)"
_END = "UPDATE stays SET gone = max(came, ?) WHERE number = ?"
_KNOWN = "UPDATE known SET moment = ?"
_RECOVER = "UPDATE stays SET gone = max(came, (SELECT moment FROM known)) WHERE gone IS NULL"
_PRUNE = "DELETE FROM stays WHERE gone < ?"


class _Name(NamedTuple):
    """What somebody goes by: a nick, and the number of an account."""

    nick: str
    account: int | None

    @classmethod
    def of(cls, session: "Session") -> "_Name":
        return cls(session.nick, session.account)


class _Note(NamedTuple):
    """Somebody came into a room, or left it."""

    time: float
    member: "Member"
    here: bool
    name: "_Name"


class _Stay:
    """A stay that lasts."""

    __slots__ = ("name", "number", "session")

    def __init__(self, number: int, session: "Session", name: _Name) -> None:
        self.number = number
        self.session = session
        self.name = name


class Attendance:
    """The record, and the thread that writes it."""

    def __init__(
        self,
        settings: LiveSettings,
        clock: Clock,
        account_of: "Callable[[Session], str | None]",
    ) -> None:
        """Open the record in the data folder, or begin it; end the stays that a crash left open.

        Args:
            settings: the server's.
            clock: the server's.
            account_of: gives the name of the account that a session is logged in to.

        Raises:
            StartError: it cannot be opened, is damaged, or is none of ours.
        """
        self._clock = clock
        self._settings = settings
        self._account_of = account_of
        self._path = settings.now.data / FILE
        self._notes: SimpleQueue[_Note] = SimpleQueue()
        self._stopping = threading.Event()
        # All below is the thread's alone.
        self._lasting: dict[tuple[str, Outbox], _Stay] = {}
        self._lines: list[tuple[str, tuple[Any, ...]]] = []  # what is still to be written
        self._complaint = ""  # why it cannot be written, as it was last logged
        self._prune_at = clock.monotonic()
        try:
            self._database = open_database(self._path, FORMAT, "normal")
            self._last = _recover(self._database)
        except (sqlite3.Error, OSError) as error:
            raise StartError(
                unusable("the record of who was there", self._path, error),
                "To begin a new one, move it away; to go without, say --no-attendance.",
            ) from error
        self._transactions = Transactions(self._database, self._path)
        self._thread = threading.Thread(target=self._run, name="attendance", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Write down what was noted, and end the thread."""
        self._stopping.set()
        self._thread.join()
        self._database.close()

    def close(self) -> None:
        """Close the record of a server that was never started."""
        self._database.close()

    # -- any thread, with a room's lock held

    def note(self, member: "Member", here: bool) -> None:
        """Note that a member has come (`here`), or left."""
        self._notes.put(_Note(self._clock.time(), member, here, _Name.of(member.session)))

    # -- the thread

    def _run(self) -> None:
        while not self._stopping.wait(self._settings.now.attendance_interval):
            self._write()
        self._write()

    def _write(self) -> None:
        self._take_notes()
        self._rename()
        self._prune()
        if not (self._lasting or self._lines):
            return
        known = (_KNOWN, (self._clock.time(),))
        try:
            check_space(self._path)
            with self._transactions as writer:
                for statement, group in groupby([*self._lines, known], key=itemgetter(0)):
                    writer.executemany(statement, (parameters for _, parameters in group))
        except StoreError as error:
            self._complain(str(error))
            return
        self._lines.clear()
        if self._complaint:
            log.warning("who comes and leaves is recorded again")
            self._complaint = ""

    def _take_notes(self) -> None:
        while True:
            try:
                note = self._notes.get_nowait()
            except Empty:
                return
            place = (note.member.room.name, note.member.outbox)
            if note.here:
                self._begin(place, note.member.session, note.name, note.time)
            else:
                self._rename_one(place, note.name, note.time)
                self._end(place, note.time)

    def _rename(self) -> None:
        """Begin a new stay for everybody who has another name by now.

        Looking at all of them costs little (20,000 take 12 ms on a busy machine), and knows every
        way in which a name can change.
        """
        changed = [
            (place, stay)
            for place, stay in self._lasting.items()
            if stay.session.nick != stay.name.nick or stay.session.account != stay.name.account
        ]
        now = self._clock.time()
        for place, stay in changed:
            self._rename_one(place, _Name.of(stay.session), now)

    def _rename_one(self, place: "tuple[str, Outbox]", name: _Name, time: float) -> None:
        stay = self._lasting.get(place)
        if stay is not None and stay.name != name:
            self._end(place, time)
            self._begin(place, stay.session, name, time)

    def _begin(
        self, place: "tuple[str, Outbox]", session: "Session", name: _Name, time: float
    ) -> None:
        self._last += 1
        self._lasting[place] = _Stay(self._last, session, name)
        account = None if name.account is None else self._account_of(session)
        self._lines.append(
            (_BEGIN, (self._last, place[0], name.nick, account, session.number, time))
        )

    def _end(self, place: "tuple[str, Outbox]", time: float) -> None:
        stay = self._lasting.pop(place, None)
        if stay is not None:
            self._lines.append((_END, (time, stay.number)))

    def _prune(self) -> None:
        settings, now = self._settings.now, self._clock.monotonic()
        keep = settings.keep_attendance or settings.keep.seconds
        if keep is not None and now >= self._prune_at:
            self._prune_at = now + PRUNE_INTERVAL
            self._lines.append((_PRUNE, (self._clock.time() - keep,)))

    def _complain(self, reason: str) -> None:
        if reason != self._complaint:
            log.error("who comes and leaves is not recorded for now: %s", reason)
            self._complaint = reason
        if len(self._lines) > BACKLOG_LIMIT:
            log.error("%d lines of the attendance are lost", len(self._lines))
            self._lines.clear()


def _recover(database: sqlite3.Connection) -> int:
    """End the stays that a crash left open. Return the number of the last stay."""
    try:
        database.execute(_RECOVER)
        ((last,),) = database.execute("SELECT coalesce(max(number), 0) FROM stays")
        return int(last)
    except BaseException:
        database.close()
        raise
