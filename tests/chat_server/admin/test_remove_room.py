"""A room that nobody wants: all of it goes, its numbers go on, and whoever comes loses nothing."""

import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from chat_server.admin.ask import ask
from chat_server.admin.backup import back_up
from chat_server.admin.messages import RemoveRoom
from chat_server.identity.store.people_store import PeopleStore
from chat_server.identity.store.records import StoredPolicy
from chat_server.rooms import attendance
from chat_server.storage.database import RESERVED_MOST
from chat_server.storage.sqlite.log import SqliteLog
from chat_server.storage.sqlite.retention import STEP
from tests.chat_server.admin.folders import START, Operator, keep
from tests.chat_server.house import House, seqs, texts, whole_log
from tests.support.servers import ServerProcess, running_server
from tests.support.waiting import DEADLINE, eventually


def stored(data: Path, name: str = "history.db", table: str = "messages") -> int:
    """How many rows there are."""
    connection = sqlite3.connect(data / name)
    try:
        (count,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
        return int(count)
    finally:
        connection.close()


def has_only(data: Path, count: int) -> bool:
    """Whether no more messages are there than so many."""
    return stored(data) == count


@contextmanager
def busy(database: Path) -> Iterator[None]:
    """Keep everybody from writing to a database while the block runs."""
    blocker = sqlite3.connect(database, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        blocker.execute("ROLLBACK")
        blocker.close()


def said(count: int) -> list[tuple[float, str, str, str]]:
    """So many messages."""
    return [(START, "ada", "text", f"word {number}") for number in range(count)]


def remove(data: Path, room: str = "lobby") -> None:
    """Ask the server for it."""
    list(ask(data, RemoveRoom(room)))


def test_all_that_is_kept_of_it_goes(operator: Operator) -> None:
    """Messages, topic, words in the index, attendance; all other rooms stay."""
    with running_server(operator.data) as server, House(server) as house:
        ada = house.enter("ada", "lobby", "garden")
        ada.say("lobby", "secret things")
        ada.say("garden", "roses")
        ada.ok("topic", room="lobby", topic="old")
        assert ada.page("search", room="lobby", query="secret")["messages"]
        ada.ok("leave", room="lobby")
        assert operator.done("remove-room", "lobby").out == "the room lobby was removed.\n"
        assert [room["room"] for room in ada.page("rooms")["rooms"]] == ["garden"]
        assert "lobby" not in operator.done("rooms").out
        eventually(lambda: stored(operator.data) == 1)
        assert "nothing is kept" in operator.refused("export", "--room", "lobby")
        assert "nothing is kept" in operator.refused("attendance", "--room", "lobby")
        ada.say("garden", "and tulips")
        assert ada.join("lobby", after=0)["topic"] == ""
        assert ada.page("search", room="lobby", query="secret")["messages"] == []
        assert len(operator.done("export", "--room", "garden").lines) == 2
        eventually(lambda: stored(operator.data, "search.db", "progress") == 0)
    (act,) = operator.done("audit", "--format", "json").records
    assert (act["who"], act["act"], act["whom"]) == ("the operator", "remove-room", "lobby")


def test_its_numbers_go_on(operator: Operator) -> None:
    """A client that comes back behind its last message is told what is gone, and misses nothing."""
    with running_server(operator.data) as server, House(server) as house:
        ada, eva = house.enter("ada", "lobby"), house.enter("eva", "lobby")
        for text in ("one", "two", "three"):
            ada.say("lobby", text)
        for peer in (ada, eva):
            peer.messages(3)
            peer.ok("leave", room="lobby")
        operator.done("remove-room", "lobby")
        again = ada.join("lobby", after=3)
        assert (again["seq"], "oldest" in again) == (3, False)
        assert ada.say("lobby", "four") == 4
        assert eva.join("lobby", after=1)["oldest"] == 4
        assert ada.say("lobby", "five") == 5
        assert seqs(ada.messages(2)) == seqs(eva.messages(2)) == [4, 5]
        zoe = house.enter("zoe")
        assert zoe.join("lobby", history=50)["oldest"] == 4
        assert texts(zoe.messages(2)) == ["four", "five"]
        assert seqs(whole_log(zoe, "lobby")) == [4, 5]


def test_its_numbers_go_on_after_a_restart(operator: Operator) -> None:
    """Also where nothing was said since; and once more."""
    keep(operator.data, "lobby", [*said(2), (START, "ada", "topic", "old")])
    with running_server(operator.data):
        operator.done("remove-room", "lobby")
    with running_server(operator.data) as server, House(server) as house:
        ada = house.enter("ada")
        assert ada.page("rooms")["rooms"] == []
        assert ada.join("lobby", after=3)["seq"] == 3
        ada.ok("leave", room="lobby")
        eventually(lambda: ada.page("rooms")["rooms"] == [])  # nothing is kept of it
        ada.join("lobby")
        assert ada.say("lobby", "again") == 4
        ada.ok("leave", room="lobby")
        assert [room["room"] for room in ada.page("rooms")["rooms"]] == ["lobby"]
        operator.done("remove-room", "lobby")
        assert ada.join("lobby", after=0)["oldest"] == 5


def test_nobody_is_thrown_out(operator: Operator) -> None:
    """A room that somebody is in stays."""
    with running_server(operator.data) as server, House(server) as house:
        ada, eva = house.enter("ada", "lobby"), house.enter("eva", "lobby")
        ada.say("lobby", "still here")
        assert "2 people are in lobby" in operator.refused("remove-room", "lobby")
        eva.ok("leave", room="lobby")
        assert "1 person is in lobby" in operator.refused("remove-room", "#LOBBY")
        assert texts(whole_log(ada, "lobby")) == ["still here"]
        ada.ok("leave", room="lobby")
        operator.done("remove-room", "#LOBBY")
        assert "there is no room lobby" in operator.refused("remove-room", "lobby")
    assert "no server" in operator.refused("remove-room", "lobby")


def test_its_rules_go_with_it(operator: Operator) -> None:
    """Nobody is locked out of a new room of that name, now and after a restart."""
    with running_server(operator.data) as server, House(server) as house:
        ada = house.enter("ada", "lobby")
        ada.ok("claim", secret=server.owner_secret)
        ada.ok("slow", room="lobby", seconds=60)
        ada.ok("lock", room="lobby", locked=True)
        ada.ok("freeze", room="lobby", seconds=600)
        ada.ok("leave", room="lobby")
        house.enter("eva").refused("forbidden", "join", room="lobby")
        operator.done("remove-room", "lobby")
        eva = house.enter("zoe", "lobby")
        assert [eva.say("lobby", text) for text in ("one", "two")] == [4, 5]
    with running_server(operator.data) as server, House(server) as house:
        house.enter("eva", "lobby").say("lobby", "three")


def test_rules_that_a_crash_left_behind(operator: Operator) -> None:
    """The room is gone and its lock is not: the same command removes that."""
    people = PeopleStore(operator.data)
    people.put_policy(StoredPolicy("lobby", locked=True, locked_by="ada"))
    people.close()
    with running_server(operator.data) as server, House(server) as house:
        ada = house.enter("ada")
        ada.refused("forbidden", "join", room="lobby")
        operator.done("remove-room", "lobby")
        ada.join("lobby")


def test_a_request_that_is_sent_again(operator: Operator) -> None:
    """It was stored, and is gone: that is the answer, at once and when all of it is deleted."""
    with running_server(operator.data) as server, House(server) as house:
        ada = house.enter("ada", "lobby")
        ada.say("lobby", "one")
        lost = ada.post("say", room="lobby", text="two")
        eva = house.enter("eva", "lobby")
        eventually(lambda: len(whole_log(eva, "lobby")) == 2)
        ada.close()  # and never saw the reply
        eva.ok("leave", room="lobby")
        eventually(lambda: eva.page("rooms")["rooms"][0]["members"] == 0)
        operator.done("remove-room", "lobby")
        back = house.enter("ada", session=ada.session)
        back.join("lobby", after=1)
        again = {"type": "say", "id": lost, "room": "lobby", "text": "two"}
        back.send(again)
        assert back.reply(lost) == {"type": "ok", "re": lost, "gone": True}
        eventually(lambda: stored(operator.data) == 0)
        back.send(again)
        assert back.reply(lost) == {"type": "ok", "re": lost, "gone": True}
        back.skip_ids(lost)
        assert back.say("lobby", "three") == 3
        assert texts(whole_log(back, "lobby")) == ["three"]


def test_who_comes_meanwhile_waits(operator: Operator) -> None:
    """And is in the new room then, not in the one that is being deleted."""
    keep(operator.data, "lobby", said(3))
    with running_server(operator.data) as server, House(server) as house:
        record: Any = server._running.attendance
        ada = house.enter("ada")
        with record._transactions.exclusive():  # as if the disk were slow
            remover = threading.Thread(target=remove, args=(operator.data,))
            remover.start()
            room: Any = server._parts.rooms.find("lobby")
            eventually(lambda: room._closed)
            join = ada.post("join", room="lobby", after=0)
            eva = house.enter("eva", "garden")
            eva.say("garden", "others talk on")
            with pytest.raises(TimeoutError):
                ada.reply(join, within=0.05)
        remover.join()
        assert ada.reply(join)["oldest"] == 4
        assert ada.say("lobby", "first") == 4
        assert texts(whole_log(ada, "lobby")) == ["first"]


def test_who_waited_is_bound_by_no_old_rules(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though the room is made before its rules are gone."""
    monkeypatch.setattr(attendance, "FORGET_PATIENCE", DEADLINE)
    forgetting, forget = threading.Event(), attendance.Attendance.forget

    def tell_and_forget(record: attendance.Attendance, room: str) -> None:
        forgetting.set()
        forget(record, room)

    monkeypatch.setattr(attendance.Attendance, "forget", tell_and_forget)
    keep(operator.data, "lobby", said(3))
    with running_server(operator.data) as server, House(server) as house, ExitStack() as busy_disk:
        parts: Any = server._parts
        record: Any = server._running.attendance
        ada = house.enter("ada")
        ada.ok("claim", secret=server.owner_secret)
        ada.ok("slow", room="lobby", seconds=60)
        eva = house.enter("eva")
        with record._transactions.exclusive():
            remover = threading.Thread(target=remove, args=(operator.data,))
            remover.start()
            assert forgetting.wait(DEADLINE)
            busy_disk.enter_context(parts.people.commits.writing())  # before the rules go
            join = eva.post("join", room="lobby")
        assert eva.reply(join)["seq"] == 4  # the notice of slow mode was the last
        assert eva.say("lobby", "one") == 5
        eva.refused("rate_limited", "say", room="lobby", text="two")
        busy_disk.close()
        remover.join()
        assert eva.say("lobby", "two") == 6


def test_what_cannot_be_deleted_stays_whole(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And who waited comes in."""
    monkeypatch.setattr(attendance, "FORGET_PATIENCE", 0.1)
    keep(operator.data, "lobby", said(3))
    with running_server(operator.data) as server, House(server) as house:
        record: Any = server._running.attendance
        with record._transactions.exclusive():
            assert attendance.FILE in operator.refused("remove-room", "lobby")
        ada = house.enter("ada", "lobby")
        assert len(whole_log(ada, "lobby")) == 3
        assert ada.say("lobby", "more") == 4
        ada.ok("leave", room="lobby")
        operator.done("remove-room", "lobby")


def test_when_the_disk_is_full(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rooms can be removed though nothing more is stored: it makes space for what comes."""
    keep(operator.data, "lobby", said(3))
    with running_server(operator.data) as server, House(server) as house:
        house.enter("ada", "lobby", "garden").ok("leave", room="lobby")
        full = shutil.disk_usage(operator.data)._replace(total=10**12, free=RESERVED_MOST - 1)
        monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
        operator.done("remove-room", "lobby")
        eventually(lambda: stored(operator.data) == 0)
        assert stored(operator.data, attendance.FILE, "stays") == 1


def test_a_moderator_who_acts_on_it_meanwhile(operator: Operator) -> None:
    """Is told that it was not stored, and the server goes on."""
    keep(operator.data, "lobby", said(3))
    with running_server(operator.data) as server, House(server) as house:
        record: Any = server._running.attendance
        ada = house.enter("ada")
        ada.ok("claim", secret=server.owner_secret)
        with record._transactions.exclusive():
            remover = threading.Thread(target=remove, args=(operator.data,))
            remover.start()
            room: Any = server._parts.rooms.find("lobby")
            eventually(lambda: room._closed)
            ada.refused("unavailable", "slow", room="lobby", seconds=5)
        remover.join()
        ada.refused("no_such_room", "slow", room="lobby", seconds=5)
        assert ada.join("lobby")["seq"] == 3


def test_a_big_one_is_deleted_a_little_at_a_time(tmp_path: Path) -> None:
    """Others that have something to store wait for one portion, and no more."""
    keep(tmp_path, "lobby", said(3 * STEP + 1))
    keep(tmp_path, "garden", said(2))
    store = SqliteLog(tmp_path)
    try:
        store.search("lobby", "word", None, 10)
        store.remove_room("lobby")
        left: list[int] = []

        def stopping() -> bool:  # it is asked before each portion
            left.append(stored(tmp_path))
            return False

        store.maintain(stopping)
        assert left == [3 * STEP + 3, 2 * STEP + 3, STEP + 3, 3, 2]
        assert store.search("lobby", "word", None, 10) == []
        assert len(store.search("garden", "word", None, 10)) == 2
    finally:
        store.close()


def test_killed_while_it_deletes(tmp_path: Path) -> None:
    """The room is gone from the moment in which it was said to be; the next start goes on."""
    data, copy, count = tmp_path / "data", tmp_path / "copy", 3 * STEP
    keep(data, "lobby", said(count))
    with ServerProcess.serve(data) as server, House(server.address) as house:
        ada = house.enter("ada", "lobby")
        assert ada.page("search", room="lobby", query="word")["messages"]
        ada.ok("leave", room="lobby")
        with busy(data / "search.db"):  # where the housekeeper waits after the first portion
            remove(data)
            eventually(lambda: stored(data) == count - STEP)
            server.kill()
    back_up(data, copy, force=False)
    for folder in (data, copy):
        with running_server(folder) as again, House(again) as house:
            ada = house.enter("ada")
            assert ada.page("rooms")["rooms"] == []
            assert ada.join("lobby", after=0)["oldest"] == count + 1
            assert ada.page("search", room="lobby", query="word")["messages"] == []
            assert ada.say("lobby", "first") == count + 1
            assert texts(whole_log(ada, "lobby")) == ["first"]
            eventually(partial(has_only, folder, 1))


def test_it_makes_place_for_others(operator: Operator) -> None:
    """Rooms are counted, in all and by who made them."""
    with (
        running_server(operator.data, rooms=2, rooms_per_address=2) as server,
        House(server) as house,
    ):
        ada = house.enter("ada", "one", "two")
        ada.say("one", "hi")
        ada.ok("leave", room="one")
        ada.refused("too_many_rooms", "join", room="three")
        operator.done("remove-room", "one")
        ada.join("three")
        ada.refused("too_many_rooms", "join", room="one")


def test_what_was_delivered_there_stays_counted(operator: Operator) -> None:
    """A counter that falls would be read as a restart."""
    with running_server(operator.data) as server, House(server) as house:
        ada = house.enter("ada", "lobby")
        ada.say("lobby", "hi")
        ada.messages(1)
        rooms = server._parts.rooms
        eventually(lambda: rooms.delivered == 1)
        ada.ok("leave", room="lobby")
        operator.done("remove-room", "lobby")
        assert rooms.delivered == 1
