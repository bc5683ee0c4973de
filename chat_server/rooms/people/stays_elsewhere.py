"""Keeps the attendance of all servers on one engine in the record of each.

What this server notes waits in the table `untold`, written in the transaction of the stay itself,
until the others can read it: so it is told some time, however long the engine is away and however
this server ends. What they tell is written down here.

The times are those of whichever server noted a stay. It lasts until its server tells its end, or
until that server is known to have been there last.
"""

import logging
import sqlite3
import threading
from collections.abc import Iterable, Sequence
from typing import Any

from chat_server.runtime.errors import OutcomeUnknownError, StoreError
from chat_server.storage.database import Transactions
from chat_server.storage.shared_stays import (
    RUN_BITS,
    RoomForgotten,
    RunEnded,
    SharedStay,
    SharedStays,
    StayNews,
)

log = logging.getLogger(__name__)

PORTION = 500
"""Stays that are told, or read, in one go."""

DOUBT = 60.0
"""Seconds before the last telling whose stays are told again when the engine may have lost some."""

TABLES = f"""
CREATE TABLE runs (run INTEGER PRIMARY KEY) STRICT; -- of servers with this file, of several
CREATE TABLE untold ( -- stays that the other servers do not know yet, or not as they are
    number INTEGER PRIMARY KEY, -- the run's above {RUN_BITS} bits: see storage/shared_stays.py
    again INTEGER NOT NULL -- they may have been told that it has ended, and it lasts
) STRICT;
CREATE TABLE followed ( -- how far this file has what the others told
    one INTEGER PRIMARY KEY CHECK (one = 0),
    place TEXT NOT NULL
) STRICT;
"""

_OWN = f"(number >> {RUN_BITS} = 0 OR number >> {RUN_BITS} IN (SELECT run FROM runs))"
_SHARED_OWN = f"number >> {RUN_BITS} IN (SELECT run FROM runs)"
_MARK = "INSERT INTO untold VALUES (?, 0) ON CONFLICT (number) DO NOTHING"
_MARK_LASTING = f"""
INSERT INTO untold SELECT number, ? FROM stays WHERE gone IS NULL AND {_SHARED_OWN}
 ON CONFLICT (number) DO UPDATE SET again = max(again, excluded.again)
"""
_MARK_RECENT = f"""
INSERT INTO untold SELECT number, 0 FROM stays WHERE gone >= ? AND {_SHARED_OWN}
 ON CONFLICT (number) DO NOTHING
"""
_RECOVER = f"""
UPDATE stays SET gone = max(came, (SELECT moment FROM known)) WHERE gone IS NULL AND {_OWN}
"""
_UNTOLD = """
SELECT untold.number, room, nick, account, session, came, gone, again
 FROM untold LEFT JOIN stays USING (number) ORDER BY untold.number LIMIT ?
"""
_KEEP = """
INSERT INTO stays VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (number) DO UPDATE SET
 session = coalesce(excluded.session, session),
 gone = CASE WHEN ? THEN excluded.gone
  ELSE coalesce(max(gone, excluded.gone), gone, excluded.gone) END
"""
_END_RUN = """
UPDATE stays SET gone = max(came, ?) WHERE gone IS NULL AND number BETWEEN ? AND ?
"""
_FORGET = "DELETE FROM stays WHERE room = ? AND came <= ?"


class StaysElsewhere:
    """What is told and followed. Of the thread that writes the record, unless a method says else.

    Attributes:
        run: the number of this run.
    """

    def __init__(self, shared: SharedStays, transactions: Transactions) -> None:
        """
        Args:
            shared: the order that all servers share.
            transactions: of the record.
        """
        self._shared = shared
        self._transactions = transactions
        self.run = 0
        self._own: set[int] = set()  # this run and earlier ones
        self._place = ""
        self._living: frozenset[int] = frozenset()
        self._told_at = 0.0  # in Unix seconds
        self._doubt = threading.Event()  # others may not know what they were told
        self._complained = False

    def begin(self) -> int:
        """End the stays that a crash of this server left open, and begin a run.

        Returns: the number before that of its first stay.

        Raises:
            StoreError: the record cannot be written, or the engine cannot be used.
        """
        with self._transactions.exclusive() as reader:
            highest = _one(reader, f"SELECT coalesce(max(number), 0) >> {RUN_BITS} FROM stays")
            own = {run for (run,) in reader.execute("SELECT run FROM runs").fetchall()}
            self._told_at = float(_one(reader, "SELECT moment FROM known"))
            self._place = str(_one(reader, "SELECT coalesce(max(place), '') FROM followed"))
        self.run = self._shared.begin_run(max(own | {highest}))
        self._own = own | {self.run}
        with self._transactions as writer:
            writer.execute(_MARK_LASTING, (0,))
            writer.execute(_RECOVER)
            writer.execute(_MARK_RECENT, (self._told_at - DOUBT,))
            writer.execute("INSERT INTO runs VALUES (?)", (self.run,))
        return self.run << RUN_BITS

    def tell_again(self) -> None:
        """Tell the others what they may have lost, or thought to have ended. Any thread."""
        self._doubt.set()

    def mark(self, writer: sqlite3.Connection, numbers: Iterable[int]) -> None:
        """Note, in the transaction that writes stays, that the others have yet to be told them."""
        writer.executemany(_MARK, ((number,) for number in numbers))

    def exchange(
        self, moment: float, forgotten: Sequence[str], before: float | None, *, last: bool
    ) -> None:
        """Tell the others what is new, and write down what they tell.

        Args:
            moment: up to when what is marked is all, in Unix seconds.
            forgotten: rooms of which nothing is to be kept.
            before: what was told before this time, in Unix seconds, is not kept; None for all.
            last: whether this run ends.

        Raises:
            StoreError: it was not told that rooms are forgotten.
        """
        try:
            if forgotten:
                news = [RoomForgotten(room, moment) for room in forgotten]
                self._shared.tell(self.run, moment, news)
            self._tell(moment)
            if before is not None:
                self._shared.prune(before)
            if last:
                self._shared.leave(self.run)
            else:
                self._follow(moment)
        except (StoreError, OutcomeUnknownError) as error:
            if not self._complained:
                log.warning("who comes and leaves is not shared with other servers: %s", error)
            self._complained = True
            if forgotten:
                raise
            return
        if self._complained:
            log.warning("who comes and leaves is shared with other servers again")
        self._complained = False

    # -- telling

    def _tell(self, moment: float) -> None:
        if self._doubt.is_set():
            self._doubt.clear()
            self._mark_all()
        while True:
            rows = self._untold()
            news = [_stay(*row) for row in rows if row[1] is not None]
            self._shared.tell(self.run, moment, news)
            self._told_at = moment
            if not rows:
                return
            with self._transactions as writer:
                writer.executemany(
                    "DELETE FROM untold WHERE number = ?", ((row[0],) for row in rows)
                )
            if len(rows) < PORTION:
                return

    def _mark_all(self) -> None:
        """Mark what the others may not know, though it was told."""
        try:
            with self._transactions as writer:
                writer.execute(_MARK_LASTING, (1,))
                writer.execute(_MARK_RECENT, (self._told_at - DOUBT,))
        except StoreError:
            self._doubt.set()
            raise

    def _untold(self) -> list[Any]:
        with self._transactions.exclusive() as reader:
            return reader.execute(_UNTOLD, (PORTION,)).fetchall()

    # -- following

    def _follow(self, moment: float) -> None:
        while True:
            found = self._shared.follow(self._place, PORTION)
            if found.news:
                with self._transactions as writer:
                    for each in found.news:
                        self._take(writer, each)
                    writer.execute("INSERT OR REPLACE INTO followed VALUES (0, ?)", (found.place,))
                self._place = found.place
            if found.living is not None:
                break
        if found.living != self._living:
            self._end_others(found.living, moment)
            self._living = found.living

    def _take(self, writer: sqlite3.Connection, news: StayNews) -> None:
        """Write down what a server told."""
        if isinstance(news, RoomForgotten):
            writer.execute(_FORGET, (news.room, news.moment))
        elif isinstance(news, RunEnded):
            self._end(writer, news.run, news.moment)
        elif news.number >> RUN_BITS not in self._own:
            stay = (news.number, news.room, news.nick, news.account, news.session, news.came)
            writer.execute(_KEEP, (*stay, news.gone, news.again))

    def _end(self, writer: sqlite3.Connection, run: int, moment: float) -> None:
        if run not in self._own:
            first = run << RUN_BITS
            writer.execute(_END_RUN, (moment, first, first + (1 << RUN_BITS) - 1))

    def _end_others(self, living: frozenset[int], moment: float) -> None:
        """End the stays of runs that are gone, if it was lost that they have ended."""
        with self._transactions as writer:
            lasting = writer.execute(
                f"SELECT DISTINCT number >> {RUN_BITS} FROM stays WHERE gone IS NULL"
            ).fetchall()
            for (run,) in lasting:
                if run not in living:
                    self._end(writer, run, moment)


def _one(connection: sqlite3.Connection, query: str) -> Any:
    ((value,),) = connection.execute(query).fetchall()
    return value


def _stay(
    number: int,
    room: str,
    nick: str,
    account: str | None,
    session: int | None,
    came: float,
    gone: float | None,
    again: int,
) -> SharedStay:
    return SharedStay(number, room, nick, account, session, came, gone, bool(again))
