"""What is kept of a room: as much as the settings say, and the rest is named as gone."""

from pathlib import Path
from typing import Any

import pytest

from chat_server.runtime.config.setting_types import Keep
from chat_server.storage.sqlite.log import SqliteLog
from tests.chat_server.house import House, say_many, seqs, texts, whole_log
from tests.chat_server.storage.logs import append, entries
from tests.support.clock import ManualClock
from tests.support.peer import Peer
from tests.support.servers import ServerProcess, running_server
from tests.support.waiting import eventually


def test_no_more_messages_than_are_to_be_kept() -> None:
    """The newest stay; asking for more begins with the oldest there is, and says so."""
    with (
        running_server(keep=Keep(messages=10), interval=0.05) as server,
        House(server) as house,
    ):
        ada = house.enter("ada", "lobby")
        say_many(ada, "lobby", 30)
        eventually(lambda: ada.page("history", room="lobby").get("oldest") == 21)
        page = ada.page("history", room="lobby", after=5)
        assert page["oldest"] == 21
        assert seqs(page["messages"]) == list(range(21, 31))
        assert "oldest" not in ada.page("history", room="lobby", after=20)
        assert "oldest" not in ada.page("history", room="lobby", limit=3)


def test_who_fell_behind_what_is_kept_is_told(tmp_path: Path) -> None:
    """Once, in its place among the messages; none is missing that it does not tell of."""
    with (
        running_server(keep=Keep(messages=5), interval=0.05, unix=tmp_path / "socket") as server,
        House(server) as house,
    ):
        # Over a Unix socket, whose buffer does not grow.
        slow = house.enter("slow", "lobby", address=str(server.addresses[-1]))
        ada = house.enter("ada", "lobby")
        for _ in range(300):
            ada.say("lobby", "\N{GRINNING FACE}" * 4000)
            ada.queue.clear()
        eventually(lambda: ada.page("history", room="lobby", limit=1)["messages"][0]["seq"] == 300)
        eventually(lambda: kept_from(ada, 296))
        heard = 0
        told: list[int] = []
        while heard < 300:
            frame = slow.take(lambda frame: frame["type"] in ("message", "oldest"))
            if frame["type"] == "oldest":
                told.append(frame["oldest"])
                heard = frame["oldest"] - 1
            else:
                assert frame["seq"] == heard + 1
                heard = frame["seq"]
        assert len(told) == 1


def kept_from(peer: Peer, seq: int) -> bool:
    """Whether what was said in the lobby is kept from `seq` on."""
    return peer.page("history", room="lobby", after=0).get("oldest") == seq


def test_who_joins_in_the_past_is_told_where_it_begins() -> None:
    """`after` a message that is gone: the log follows from the oldest, then live, unbroken."""
    with (
        running_server(keep=Keep(messages=5), interval=0.05) as server,
        House(server) as house,
    ):
        ada = house.enter("ada", "lobby")
        say_many(ada, "lobby", 20)
        eventually(lambda: ada.page("history", room="lobby").get("oldest") == 16)
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
        eventually(lambda: ada.page("history", room="lobby").get("oldest") == 4)
        assert ada.page("history", room="lobby")["messages"] == []
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
        "--host",
        "127.0.0.1",
        "--port",
        "0",
        "--data",
        tmp_path,
        "--keep",
        "30d",
        "--keep",
        "5",
        environment={"CHAT_PRUNE_INTERVAL": "0.05"},
    ) as server:
        server.wait_until_listening()
        with House(server.address) as house:
            ada = house.enter("ada", "lobby")
            say_many(ada, "lobby", 9)
            eventually(lambda: ada.page("history", room="lobby").get("oldest") == 5)
