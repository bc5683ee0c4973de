"""The date by which old things are deleted: no wrong clock moves it far."""

import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from chat_server.runtime.config.setting_types import Keep
from chat_server.storage.dates import CATCH_UP, Dates
from chat_server.storage.sqlite.log import SqliteLog
from tests.chat_server.house import House, say_many, whole_log
from tests.chat_server.storage.logs import append, entry
from tests.support.clock import ManualClock
from tests.support.peer import Peer
from tests.support.servers import running_server
from tests.support.waiting import eventually

DAY = 86_400.0
MONTH: dict[str, Any] = {"keep": Keep(messages=10, seconds=30 * DAY), "interval": 0.05}


def begins_at(peer: Peer, seq: int) -> bool:
    """Whether what is kept of the swept room begins there."""
    return peer.page("history", room="broom").get("oldest") == seq


def sweep(house: House) -> None:
    """Wait until all rooms were looked through once more, by the date of now.

    A room gets more than is kept, which a look at the rooms deletes. That look may have begun
    earlier, the next has not.
    """
    with Peer.connect(house.address) as peer:
        assert peer.hello("sweeper")["type"] == "welcome"
        peer.join("broom")
        for _ in range(2):
            say_many(peer, "broom", 11)
            last = peer.say("broom", "the last")
            eventually(partial(begins_at, peer, last - 9))
        peer.ok("bye")  # the nick is free at once


def test_a_clock_that_is_years_ahead_for_a_moment_deletes_nothing() -> None:
    """Neither while it is ahead nor after it was set right."""
    clock = ManualClock()
    now = clock.time()
    with running_server(clock=clock, **MONTH) as server, House(server) as house:
        ada = house.enter("ada", "lobby")
        say_many(ada, "lobby", 3)
        clock.set_time(now + 3650 * DAY)
        clock.advance(2)
        sweep(house)
        ada.say("lobby", "from the future")
        clock.set_time(now + 2)
        sweep(house)
        assert len(whole_log(ada, "lobby")) == 4


def test_a_restart_with_the_clock_years_ahead_deletes_nothing(tmp_path: Path) -> None:
    """Messages, sessions and stays survive it."""
    clock = ManualClock()
    now = clock.time()
    with running_server(tmp_path, clock, **MONTH) as server, House(server) as house:
        ada = house.enter("ada", "lobby")
        say_many(ada, "lobby", 3)
    clock.set_time(now + 3650 * DAY)
    for _ in range(2):
        with running_server(tmp_path, clock, **MONTH) as server, House(server) as house:
            sweep(house)
            again = house.connect()
            assert again.hello("ada", session=ada.session)["session"] == ada.session
            again.join("lobby")
            assert len(whole_log(again, "lobby")) == 3
    with closing(sqlite3.connect(tmp_path / "attendance.db")) as database:
        assert database.execute("SELECT count(*) FROM stays WHERE room = 'lobby'").fetchone() == (
            3,
        )


def test_the_days_that_the_server_was_off_count_after_some_hours(tmp_path: Path) -> None:
    """An hour of running for a day."""
    clock = ManualClock()
    with running_server(tmp_path, clock, **MONTH) as server, House(server) as house:
        say_many(house.enter("ada", "lobby"), "lobby", 3)
    clock.set_time(clock.time() + 31 * DAY)
    with running_server(tmp_path, clock, patience=1e9, **MONTH) as server, House(server) as house:
        ada = house.enter("ada", "lobby")
        sweep(house)
        assert len(whole_log(ada, "lobby")) == 3
        clock.advance(31 * 3600)
        eventually(lambda: not ada.page("history", room="lobby")["messages"])


def test_a_clock_that_was_at_its_beginning_costs_nothing(tmp_path: Path) -> None:
    """As on a machine without a battery until it hears of the time; nor is it slow afterwards."""
    clock = ManualClock()
    now = clock.time()
    with running_server(tmp_path, clock, **MONTH) as server, House(server) as house:
        ada = house.enter("ada", "lobby")
        say_many(ada, "lobby", 3)
    clock.set_time(0.0)
    with running_server(tmp_path, clock, **MONTH) as server, House(server) as house:
        again = house.enter("ada", session=ada.session)
        eva = house.enter("eva", "lobby")
        eva.say("lobby", "in 1970")
        clock.advance(10)
        sweep(house)
        clock.set_time(now + 20)
        sweep(house)
        assert len(whole_log(eva, "lobby")) == 4
    with running_server(tmp_path, clock, **MONTH) as server, House(server) as house:
        for before in (again, eva):
            peer = house.connect()
            assert peer.hello(before.nick, session=before.session)["session"] == before.session


def test_an_error_moves_the_date_by_as_many_times_the_time_that_passes(tmp_path: Path) -> None:
    """The date never goes beyond the wall clock, nor does a jump of any size move it by more."""
    clock = ManualClock()
    with closing(SqliteLog(tmp_path)) as log:
        dates = Dates(log, clock)
        before = clock.time()
        clock.set_time(before + 3650 * DAY)
        clock.advance(2)
        assert dates.past() == before + 2 + 2 * CATCH_UP
        assert dates.future() == clock.time()
        clock.set_time(before)
        assert (dates.past(), dates.future()) == (before, before + 2 + 2 * CATCH_UP)
        clock.advance(3600)
        assert dates.past() == dates.future() == clock.time()


def test_the_next_run_goes_on_from_the_date_that_was_kept(tmp_path: Path) -> None:
    """Whatever its clock says."""
    clock = ManualClock()
    with closing(SqliteLog(tmp_path)) as log:
        Dates(log, clock).keep()
        kept = clock.time()
        clock.set_time(kept + 100 * DAY)
        assert Dates(log, clock).past() == kept


def test_a_log_without_a_date_begins_with_its_newest_message(tmp_path: Path) -> None:
    """One from the future says nothing; without any there is the clock's."""
    clock = ManualClock()
    now = clock.time()
    with closing(SqliteLog(tmp_path)) as log:
        assert Dates(log, clock).past() == now
        append(
            log, entry(time=now - DAY, request=1), entry(room="garden", time=now + DAY, request=2)
        )
        assert Dates(log, clock).past() == now - DAY
