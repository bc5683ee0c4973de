"""Attendance: who was in which room, under which name, from when to when.

Whoever enters or leaves a room, or takes another name there, is noted in memory, which is all that
anybody waits for. A thread of its own writes the notes down, a batch of them in one transaction,
into a database of its own: so a class that comes in at once costs a few milliseconds of nobody's
time. However short a stay is, it is noted.

A stay is written when it begins and again when it ends, each a moment later. With every batch goes
the time, and now and then by itself: after a crash the stays that never ended are known to have
lasted until then.

Where several servers share an engine, each record has the stays on all: see people/stays_elsewhere.
"""

import logging
import sqlite3
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from chat_server.identity.participant import Participant
from chat_server.rooms.people.session import Session
from chat_server.rooms.people.stays_elsewhere import TABLES, StaysElsewhere
from chat_server.rooms.room import Member, Outlet, Room
from chat_server.runtime.clock import Clock
from chat_server.runtime.config.settings import LiveSettings
from chat_server.runtime.errors import OutcomeUnknownError, StartError, StoreError
from chat_server.runtime.threads import ServerThread
from chat_server.storage.database import (
    Transactions,
    check_space,
    closed_on_failure,
    open_database,
    unusable,
)
from chat_server.storage.migrations import Format
from chat_server.storage.shared_stays import RUN_BITS, SharedStays

log = logging.getLogger(__name__)

FILE = "attendance.db"

GATHERING = 0.1
"""What comes together within so many seconds is one transaction. A SIGKILL costs no more than that.
"""

BACKLOG_LIMIT = 100_000
"""So many stays may wait for a disk that takes none; then what ends before it is written is not
recorded. Who is still there when the disk takes some again, is.
"""

PRUNE_INTERVAL = 3600.0
"""Seconds between two looks for stays that are kept no longer."""

KNOWN_INTERVAL = 2.0
"""Seconds between two writings of the time up to which those in the record are known to be there:
this is how exactly a crash tells who was.
"""

FORGET_PATIENCE = 2.0
"""How long somebody waits for a room to be forgotten: less than a visit of the operator's may take.
"""

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

FORMAT = Format(application_id=0x42414154, steps=(_SCHEMA, TABLES))

_KEEP = (
    "INSERT INTO stays VALUES (?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (number) DO UPDATE SET gone = excluded.gone, session = excluded.session"
)
_KNOWN = "UPDATE known SET moment = ?"
_RECOVER = "UPDATE stays SET gone = max(came, (SELECT moment FROM known)) WHERE gone IS NULL"
_LAST = f"SELECT coalesce(max(number), 0) FROM stays WHERE number >> {RUN_BITS} = 0"
_PRUNE = "DELETE FROM stays WHERE gone < ?"
_FORGET = "DELETE FROM stays WHERE room = ?"


@dataclass(eq=False, slots=True)
class _Stay:
    """Somebody in a room, under one name. Times are Unix seconds.

    `gone` is None as long as it lasts, and written under the lock; nothing else ever changes.
    """

    number: int
    room: str
    session: Participant
    nick: str
    account: str | None
    came: float
    gone: float | None = None


@dataclass(eq=False, slots=True)
class _Removal:
    """A room of which nothing is to be kept, and what came of that: written under the lock."""

    room: str
    is_done: bool = False
    error: StoreError | None = None


class Attendance:
    """The record, and the thread that writes it."""

    def __init__(
        self,
        settings: LiveSettings,
        clock: Clock,
        account_of: Callable[[Participant], str | None],
        confirmed: Callable[[], float],
        shared: SharedStays | None = None,
    ) -> None:
        """Open the record in the data folder, or begin it; end the stays that a crash left open.

        Args:
            settings: the server's.
            clock: the server's.
            account_of: gives the name of the account that a session is logged in to; it takes no
                lock but a leaf.
            confirmed: gives the date by which old stays are deleted, in Unix seconds; called when
                the thread runs.
            shared: where several servers share what they record.

        Raises:
            StartError: it cannot be opened, is damaged, or is none of ours; or what they share
                cannot be used.
        """
        self._clock = clock
        self._settings = settings
        self._account_of = account_of
        self._confirmed = confirmed
        self._path = settings.now.data / FILE
        try:
            self._database = open_database(self._path, FORMAT, "normal")
            self._transactions = Transactions(self._database, self._path)
            self._elsewhere = StaysElsewhere(shared, self._transactions) if shared else None
            last = self._recover()
        except (sqlite3.Error, OSError) as error:
            raise StartError(
                unusable("the record of who was there", self._path, error),
                "To begin a new one, move it away; to go without, say --no-attendance.",
            ) from error
        # Guards what follows, and wakes the thread. Taken with a room's lock held; while it is held
        # nothing is taken but the lock of the accounts.
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._last = last  # the number of the last stay that was noted
        self._written = last  # the same of those that are in the record, or just being written
        self._lasting: dict[tuple[Room, Outlet], _Stay] = {}
        self._unwritten: dict[_Stay, None] = {}  # what has begun or ended since it was written
        self._under_way = 0  # how many are being written
        self._lost = 0  # how many there was no space for
        self._removals: list[_Removal] = []  # that somebody waits for
        self._stopping = False
        # The thread's alone.
        self._complaint = ""  # why it cannot be written, as it was last logged
        self._prune_at = clock.monotonic()
        self._thread = ServerThread(self._run, "attendance")

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Write down what was noted, and end the thread."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join()
        self._database.close()

    def close(self) -> None:
        """Close the record of a server that was never started."""
        self._database.close()

    # -- any thread

    def note(self, member: Member, here: bool) -> None:
        """Note that a member has come (`here`), or left. With the room's lock held."""
        place = (member.room, member.outbox)
        with self._changed:
            if here:
                self._begin(place, member.session)
            else:
                self._end(place)

    def renamed(self, session: Session) -> None:
        """Note that somebody has another nick or another account now, or none.

        In each room that is the end of one stay and the beginning of another.
        """
        connection = session.connection
        for member in connection.outbox.members() if connection is not None else ():
            place = (member.room, member.outbox)
            with self._changed:
                stay = self._lasting.get(place)
                if stay is not None and (stay.nick, stay.account) != self._name_of(session):
                    self._end(place)
                    self._begin(place, session)

    def forget(self, room: str) -> None:
        """Delete all that is recorded of a room in which nobody is, and wait until it is gone.

        Raises:
            StoreError: it could not be deleted, or not at once.
        """
        removal = _Removal(room)
        with self._changed:
            self._removals.append(removal)
            self._changed.notify_all()
            if not self._changed.wait_for(lambda: removal.is_done, FORGET_PATIENCE):
                removal.error = StoreError(f"{self._path}: it cannot be written just now")
                if removal in self._removals:
                    self._removals.remove(removal)
            error = removal.error
        if error is not None:
            raise error

    def tell_again(self) -> None:
        """Tell other servers what they may have lost."""
        if self._elsewhere is not None:
            self._elsewhere.tell_again()

    def _recover(self) -> int:
        """End the stays that a crash left open. Return the number of the last stay."""
        with closed_on_failure(self._database):
            if self._elsewhere is not None:
                return self._elsewhere.begin()
            self._database.execute(_RECOVER)
            ((last,),) = self._database.execute(_LAST)
            return int(last)

    # -- with the lock held

    def _begin(self, place: tuple[Room, Outlet], session: Participant) -> None:
        assert self._lock.locked()
        self._last += 1
        nick, account = self._name_of(session)
        stay = _Stay(self._last, place[0].name, session, nick, account, self._clock.time())
        self._lasting[place] = stay
        self._add(stay)

    def _end(self, place: tuple[Room, Outlet]) -> None:
        assert self._lock.locked()
        stay = self._lasting.pop(place, None)
        if stay is None:
            return
        stay.gone = max(stay.came, self._clock.time())
        waiting = len(self._unwritten) + self._under_way
        if waiting < BACKLOG_LIMIT or stay.number <= self._written:  # else it would last for ever
            self._add(stay)
            return
        self._unwritten.pop(stay, None)
        self._lost += 1

    def _add(self, stay: _Stay) -> None:
        assert self._lock.locked()
        if not self._unwritten:
            self._changed.notify_all()
        self._unwritten[stay] = None

    def _name_of(self, session: Participant) -> tuple[str, str | None]:
        account = None if session.account is None else self._account_of(session)
        return session.nick, account

    # -- the thread

    def _run(self) -> None:
        while self._wait():
            self._write()
        self._write()

    def _wait(self) -> bool:
        """Wait until there is something to write, and what comes with it. False when stopping."""
        interval = KNOWN_INTERVAL
        with self._changed:
            if not self._complaint:
                self._changed.wait_for(
                    lambda: self._unwritten or self._removals or self._stopping, interval
                )
            gathering = interval if self._complaint else GATHERING
            self._changed.wait_for(lambda: self._removals or self._stopping, gathering)
            return not self._stopping

    def _write(self) -> None:
        with self._changed:
            written, self._written = self._written, self._last
            stays, self._unwritten = self._unwritten, {}
            self._under_way = len(stays)
            removals, self._removals = self._removals, []
            now, empty, stopping = self._clock.time(), not self._lasting, self._stopping
        old = self._too_old()
        if not empty or stays or removals or old is not None:
            try:
                self._store(stays, removals, now, old)
            except (StoreError, OutcomeUnknownError, MemoryError) as error:
                reason = str(error) or "the server is out of memory"
                self._put_back(stays, written)  # what was stored is stored again: that is no harm
                self._answer(removals, StoreError(reason))
                self._complain(reason)
                return
            self._note_stored()
            if old is not None:
                self._prune_at = self._clock.monotonic() + PRUNE_INTERVAL
        self._answer(removals, self._share(removals, now, old, last=stopping))

    def _note_stored(self) -> None:
        with self._changed:
            self._under_way = 0
            lost, self._lost = self._lost, 0
        if self._complaint:
            missing = f"; {lost} stays are missing" if lost else ""
            log.warning("who comes and leaves is recorded again%s", missing)
            self._complaint = ""

    def _store(
        self, stays: Iterable[_Stay], removals: Sequence[_Removal], now: float, old: float | None
    ) -> None:
        """Write stays, and up to when all is true; delete what is not to be kept.

        Args:
            stays: what has changed.
            removals: of rooms.
            now: Unix seconds.
            old: what ended before is not kept; None for all.

        Raises:
            StoreError: all is as it was.
        """
        if not removals:  # which make space
            check_space(self._path)
        with self._transactions as writer:
            writer.executemany(_KEEP, map(_row, stays))
            if self._elsewhere is not None:
                self._elsewhere.mark(writer, (stay.number for stay in stays))
            writer.execute(_KNOWN, (now,))
            writer.executemany(_FORGET, ((removal.room,) for removal in removals))
            if old is not None:
                writer.execute(_PRUNE, (old,))

    def _share(
        self, removals: Sequence[_Removal], now: float, old: float | None, *, last: bool
    ) -> StoreError | None:
        """Tell other servers what is written down, and write down what they tell.

        Args:
            removals: of rooms.
            now: Unix seconds.
            old: what was told before is forgotten; None for nothing.
            last: whether this is the last time.

        Returns: why they could not be told that rooms were removed; None if they were.
        """
        if self._elsewhere is None:
            return None
        try:
            self._elsewhere.exchange(now, [each.room for each in removals], old, last=last)
        except StoreError as error:
            return error
        return None

    def _answer(self, removals: Sequence[_Removal], error: StoreError | None) -> None:
        """Tell whoever waits for removals what came of them."""
        with self._changed:
            for removal in removals:
                removal.is_done, removal.error = True, error
            self._changed.notify_all()

    def _put_back(self, stays: dict[_Stay, None], written: int) -> None:
        """Keep for later what could not be written, as far as there is space."""
        with self._changed:
            self._written = written
            self._under_way = 0
            self._unwritten = stays | self._unwritten
            surplus = len(self._unwritten) - BACKLOG_LIMIT
            if surplus <= 0:
                return
            ended = [
                each for each in self._unwritten if each.gone is not None and each.number > written
            ]
            for stay in ended[-surplus:]:
                del self._unwritten[stay]
            self._lost += min(surplus, len(ended))

    def _too_old(self) -> float | None:
        """When a stay must have ended to be deleted now; None if it is not time for that."""
        settings = self._settings.now
        keep = settings.keep_attendance or settings.keep.seconds
        due = keep is not None and self._clock.monotonic() >= self._prune_at
        return self._confirmed() - keep if due and keep is not None else None

    def _complain(self, reason: str) -> None:
        if reason != self._complaint:
            log.error("who comes and leaves is not recorded for now: %s", reason)
            self._complaint = reason


def _row(stay: _Stay) -> tuple[Any, ...]:
    """What is stored of a stay. If it ends at this moment it is written once more."""
    who = stay.nick, stay.account, stay.session.number
    return (stay.number, stay.room, *who, stay.came, stay.gone)
