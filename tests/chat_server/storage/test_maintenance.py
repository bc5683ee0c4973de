"""What is kept of a room: as much as the settings say, and the rest is named as gone."""

import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from chat_server.runtime.setting_types import Keep
from chat_server.storage.interface import Entry
from chat_server.storage.sqlite.log import SqliteLog
from tests.chat_server.house import House, seqs, texts, whole_log
from tests.chat_server.storage.logs import append, entry
from tests.support.clock import ManualClock
from tests.support.peer import Peer
from tests.support.servers import ServerProcess, running_server
from tests.support.waiting import eventually


def say_many(peer: Peer, room: str, count: int) -> None:
    """Say the numbers from 1 on."""
    for number in range(1, count + 1):
        peer.say(room, f"number {number}")


def entries(count: int, *, first: int = 1, time: float = 1000.0) -> list[Entry]:
    """Messages for a store, by one session."""
    return [entry(f"word{seq}", request=seq, time=time) for seq in range(first, first + count)]


def test_no_more_messages_than_are_to_be_kept() -> None:
    """The newest stay; asking for more begins with the oldest there is, and says so."""
    with (
        running_server(keep=Keep(messages=10), interval=0.05) as server,
        House(server) as house,
    ):
        ada = house.enter("ada", "lobby")
        say_many(ada, "lobby", 30)
        eventually(lambda: ada.page("history", room="lobby").get("oldest") == 21, within=20)
        page = ada.page("history", room="lobby", after=5)
        assert page["oldest"] == 21
        assert seqs(page["messages"]) == list(range(21, 31))
        assert "oldest" not in ada.page("history", room="lobby", after=20)
        assert "oldest" not in ada.page("history", room="lobby", limit=3)


def test_who_joins_in_the_past_is_told_where_it_begins() -> None:
    """`after` a message that is gone: the log follows from the oldest, then live, unbroken."""
    with (
        running_server(keep=Keep(messages=5), interval=0.05) as server,
        House(server) as house,
    ):
        ada = house.enter("ada", "lobby")
        say_many(ada, "lobby", 20)
        eventually(lambda: ada.page("history", room="lobby").get("oldest") == 16, within=20)
        eva = house.enter("eva")
        # The end of the log is in memory still, from where it may be more than is kept.
        assert eva.join("lobby", after=2)["oldest"] == 16
        ada.say("lobby", "live")
        received = eva.messages(1)
        while received[-1]["text"] != "live":
            received += eva.messages(1)
        assert seqs(received) == list(range(received[0]["seq"], 22))


def test_a_log_that_is_gone_altogether_goes_on(tmp_path: Path) -> None:
    """`seq` never starts over, though nothing is left, also across a restart."""
    clock = ManualClock()
    kept: dict[str, Any] = {"keep": Keep(seconds=60.0), "interval": 0.05}
    with running_server(tmp_path, clock, **kept) as server, House(server) as house:
        ada = house.enter("ada", "lobby")
        say_many(ada, "lobby", 3)
        clock.advance(120)
        eventually(lambda: ada.page("history", room="lobby")["messages"] == [], within=20)
        assert ada.page("history", room="lobby")["oldest"] == 4
    with running_server(tmp_path, clock, **kept) as server, House(server) as house:
        ada = house.enter("ada")
        assert ada.join("lobby", after=0)["oldest"] == 4
        assert ada.say("lobby", "again") == 4
        assert seqs(ada.messages(1)) == [4]


def test_a_room_of_which_nothing_is_left_is_no_more(tmp_path: Path) -> None:
    """From the next start on; one with a topic is."""
    clock = ManualClock()
    kept: dict[str, Any] = {"keep": Keep(seconds=60.0), "interval": 0.05}
    with running_server(tmp_path, clock, **kept) as server, House(server) as house:
        ada = house.enter("ada", "lobby", "garden")
        ada.say("lobby", "hi")
        ada.ok("topic", room="garden", topic="roses")
        clock.advance(120)
        eventually(lambda: not ada.page("history", room="lobby")["messages"])
        eventually(lambda: not ada.page("history", room="garden")["messages"])
    with running_server(tmp_path, clock, **kept) as server, House(server) as house:
        rooms = house.enter("ada").page("rooms")["rooms"]
        assert [(room["room"], room["topic"]) for room in rooms] == [("garden", "roses")]


def test_what_is_gone_is_not_found(tmp_path: Path) -> None:
    """Pruning takes messages out of the search index as well."""
    store = SqliteLog(tmp_path)
    try:
        append(store, *entries(1200))
        assert len(store.search("lobby", "word", None, 1000)) == 1000
        assert store.prune(100, None) == 1100
        assert [m.seq for m in store.search("lobby", "word", None, 1000)] == list(range(1101, 1201))
        assert store.search("lobby", "word7", None, 1000) == []
        assert store.oldest("lobby") == 1101
    finally:
        store.close()


def test_age_and_count_together(tmp_path: Path) -> None:
    """Whatever breaks one of the two rules goes."""
    store = SqliteLog(tmp_path)
    try:
        append(store, *entries(10, time=1000.0))
        append(store, *entries(10, first=11, time=2000.0))
        assert store.prune(15, None) == 5
        assert store.prune(15, 1500.0) == 5
        assert store.prune(15, 1500.0) == 0
        assert [m.seq for m in store.after("lobby", 0, 100)] == list(range(11, 21))
    finally:
        store.close()


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


@pytest.mark.parametrize(
    ("times", "left"),
    [
        ([1.0, 9000.0, 2.0, 100.0], [100.0]),  # one from the future blocks nothing behind it
        ([9000.0, 9001.0, 1.0, 100.0], [100.0]),
        ([1.0, 9000.0, 100.0], [9000.0, 100.0]),  # but goes with the one behind it
        ([1.0, 2.0, 9000.0], [9000.0]),  # or stays, where there is none
        ([100.0, 1.0, 101.0], [100.0, 1.0, 101.0]),  # one from the past deletes nothing before it
        ([1.0, 9000.0, 100.0, 2.0, 101.0], [9000.0, 100.0, 2.0, 101.0]),
        ([9000.0] * 1200 + [1.0, 100.0], [100.0]),
    ],
)
def test_messages_with_a_wrong_date(tmp_path: Path, times: list[float], left: list[float]) -> None:
    """Messages from before 50 are old, and it is 200 now."""
    with closing(SqliteLog(tmp_path)) as store:
        for seq, time in enumerate(times, 1):
            append(store, *entries(1, first=seq, time=time))
        assert store.prune(None, 50.0, 200.0) == len(times) - len(left)
        assert [message.time for message in store.after("lobby", 0, 2000)] == left


def test_without_the_option_everything_is_kept() -> None:
    """The default forgets nothing."""
    with running_server() as server, House(server) as house:
        ada = house.enter("ada", "lobby")
        say_many(ada, "lobby", 50)
        assert texts(whole_log(ada, "lobby")) == [f"number {n}" for n in range(1, 51)]


@pytest.mark.parametrize("value", ["", "0", "d", "30x", "-5", "1.5", "٣"])
def test_what_cannot_be_kept_is_wrong_use(tmp_path: Path, value: str) -> None:
    """Exit code 2, and a sentence that names the value."""
    with ServerProcess("--data", tmp_path, "--keep", value) as server:
        assert server.wait() == 2
        assert repr(value) in server.stderr or "expected one argument" in server.stderr


def test_the_option_takes_ages_and_counts(tmp_path: Path) -> None:
    """Both may be given."""
    with ServerProcess(
        "--host", "127.0.0.1", "--port", "0", "--data", tmp_path, "--keep", "30d", "--keep", "5",
        environment={"CHAT_PRUNE_INTERVAL": "0.05"},
    ) as server:  # fmt: skip
        server.wait_until_listening()
        with House(server.address) as house:
            ada = house.enter("ada", "lobby")
            say_many(ada, "lobby", 9)
            eventually(lambda: ada.page("history", room="lobby").get("oldest") == 5, within=20)
