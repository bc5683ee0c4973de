"""Rooms come into being and go, and no request reaches one that there is not."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chat_server.rooms.directory import LEAVING_RETRY_AFTER
from tests.chat_server.house import House, seqs, whole_log
from tests.support.peer import Peer
from tests.support.servers import ServerProcess, address_of, running_server


def test_an_empty_topic_clears_the_topic(tmp_path: Path) -> None:
    """As a message of the log; who comes later, also after a restart, finds none."""
    with running_server(tmp_path) as server, House(server) as house:
        ada, eva = house.enter("ada", "lobby"), house.enter("eva", "lobby")
        ada.ok("topic", room="lobby", topic="tests")
        ada.ok("topic", room="lobby", topic="")
        said = [(message["kind"], message["text"]) for message in eva.messages(2)]
        assert said == [("topic", "tests"), ("topic", "")]
        assert house.enter("zoe").join("lobby")["topic"] == ""
        assert ada.page("rooms")["rooms"][0]["topic"] == ""
    with running_server(tmp_path) as server, House(server) as house:
        assert house.enter("ada").join("lobby")["topic"] == ""


def test_upper_case_is_folded(house: House) -> None:
    """Lobby and LOBBY are lobby, and that is what everybody reads."""
    ada = house.enter("ada")
    assert ada.join("Lobby")["room"] == "lobby"
    eva = house.enter("eva", "LOBBY")
    eva.say("lObby", "hi")
    assert [message["room"] for message in ada.messages(1)] == ["lobby"]


ROOM_REQUESTS: dict[str, dict[str, Any]] = {
    "join": {},
    "leave": {},
    "say": {"text": "hi"},
    "topic": {"topic": "hi"},
    "who": {},
    "history": {},
    "search": {"query": "hi"},
}


BAD_ROOMS = ("", "a b", "#lobby", "é", "a/b", "x" * 51, "lobby\n", "\u212a")


@pytest.mark.parametrize("kind", ROOM_REQUESTS)
def test_a_bad_room_is_refused_everywhere(house: House, kind: str) -> None:
    """Whatever is asked of it; and the connection lives on."""
    ada = house.enter("ada")
    for room in BAD_ROOMS:
        ada.refused("bad_room", kind, room=room, **ROOM_REQUESTS[kind])
    assert ada.page("rooms")["rooms"] == []


@pytest.mark.parametrize("kind", ["leave", "say", "topic", "who", "history", "search"])
def test_a_room_one_is_not_in_is_refused(house: House, kind: str) -> None:
    """It exists, but was not joined."""
    house.enter("eva", "lobby")
    house.enter("ada").refused("not_in_room", kind, room="lobby", **ROOM_REQUESTS[kind])


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("leave", "not_in_room"),
        ("say", "not_in_room"),
        ("topic", "not_in_room"),
        ("who", "no_such_room"),
        ("history", "no_such_room"),
        ("search", "no_such_room"),
    ],
)
def test_a_room_that_does_not_exist_is_refused(house: House, kind: str, code: str) -> None:
    """And asking for it does not make it."""
    ada = house.enter("ada")
    ada.refused(code, kind, room="nowhere", **ROOM_REQUESTS[kind])
    assert ada.page("rooms")["rooms"] == []


# -- rooms ----------------------------------------------------------------------------------------


def test_rooms_and_topics_outlive_a_restart(tmp_path: Any) -> None:
    """What was said there is kept, so the room is."""
    with running_server(tmp_path) as server, House(address_of(server)) as house:
        house.enter("ada", "lobby").ok("topic", room="lobby", topic="Tea")
    with running_server(tmp_path) as server, House(address_of(server)) as house:
        ada = house.enter("ada")
        assert ada.page("rooms")["rooms"] == [{"room": "lobby", "members": 0, "topic": "Tea"}]
        ok = ada.join("lobby")
        assert (ok["seq"], ok["topic"]) == (1, "Tea")


def test_there_are_so_many_rooms_and_no_more() -> None:
    """Those that there are can be joined; a room without a word goes with its last member."""
    with running_server(rooms=2) as server, House(server) as house:
        ada, eva = house.enter("ada", "one", "two"), house.enter("eva", "one")
        ada.say("one", "kept")
        error = eva.refused("too_many_rooms", "join", room="three")
        assert "2" in error["text"]
        assert error["retry_after"] > 0
        ada.ok("leave", room="two")
        assert eva.join("three")["seq"] == 0
        eva.refused("too_many_rooms", "join", room="four")
        ada.ok("leave", room="one")
        eva.ok("leave", room="one")
        eva.refused("too_many_rooms", "join", room="four")
        assert eva.join("one")["seq"] == 1


def test_a_room_that_comes_and_goes_with_its_members_counts_on() -> None:
    """Six join, speak and leave without a pause: nobody is left in a room that is gone."""
    with running_server() as server, House(server) as house:
        peers = [house.enter(f"p{n}") for n in range(6)]
        threads = [threading.Thread(target=_come_and_go, args=(peer,)) for peer in peers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        log = whole_log(house.enter("ada", "lobby"), "lobby")
        assert seqs(log) == list(range(1, 6 * 20 + 1))


def _come_and_go(peer: Peer) -> None:
    for n in range(60):
        ok = peer.join("lobby")
        if n % 3 == 0:
            seq = peer.say("lobby", f"{n}")
            assert seq > ok["seq"]
            peer.take(lambda frame, seq=seq: frame.get("seq") == seq and "from" in frame)  # type: ignore[misc]
        peer.ok("leave", room="lobby")
        peer.queue.clear()


def test_empty_rooms_come_and_go_and_say_is_never_lost() -> None:
    """Rooms in which nothing was said yet: whoever got an ok to a join is heard there."""
    with running_server(presence_interval=0.01) as server, House(server) as house:
        peers = [house.enter(f"p{n}") for n in range(4)]
        threads = [threading.Thread(target=_drop_in, args=(peer,)) for peer in peers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        rooms = peers[0].page("rooms")["rooms"]
        assert [entry["members"] for entry in rooms] == [0] * len(rooms)


def _drop_in(peer: Peer) -> None:
    """Join and leave empty rooms, and speak in each tenth."""
    for n in range(150):
        room = f"room{n // 10}"
        peer.join(room)
        assert peer.nick in peer.page("who", room=room)["members"]
        if n % 10 == 9:
            seq = peer.say(room, "hi")
            assert next(m for m in whole_log(peer, room) if m["seq"] == seq)["from"] == peer.nick
        peer.ok("leave", room=room)
        peer.queue.clear()


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """A server's."""
    with running_server(tmp_path, rooms_per_address=3) as server:
        yield address_of(server)


@pytest.fixture
def ana(address: str) -> Iterator[Peer]:
    """Somebody who is in no room."""
    with Peer.connect(address) as peer:
        peer.hello("ana")
        yield peer


@pytest.fixture
def ben(address: str) -> Iterator[Peer]:
    """Somebody else."""
    with Peer.connect(address) as peer:
        peer.hello("ben")
        yield peer


def rooms(peer: Peer) -> list[str]:
    """Which rooms there are."""
    return [each["room"] for each in peer.page("rooms")["rooms"]]


def make(peer: Peer, room: str = "test") -> None:
    """Make a temporary room, say something there, and leave it."""
    peer.ok("join", room=room, temporary=True)
    peer.say(room, "x")
    peer.ok("leave", room=room)


def test_a_temporary_room_is_forgotten(ana: Peer) -> None:
    """With all that was said there, while its numbers go on. Nobody removes it unless asked."""
    make(ana)
    assert rooms(ana) == ["test"]
    ana.ok("forget", room="TEST")
    assert rooms(ana) == []
    ana.refused("no_such_room", "forget", room="test")
    assert ana.ok("join", room="test", history=10)["seq"] == 1


def test_nobody_may_be_in_it(ana: Peer, ben: Peer) -> None:
    """The client that asks must have left it, too."""
    make(ana)
    ben.ok("join", room="test", temporary=True)
    assert "1 person is in test" in ana.refused("forbidden", "forget", room="test")["text"]
    assert "1 person is in test" in ben.refused("forbidden", "forget", room="test")["text"]
    assert ben.refused("forbidden", "forget", room="test")["retry_after"] == LEAVING_RETRY_AFTER
    ben.ok("leave", room="test")
    ana.ok("forget", room="test")


@pytest.mark.parametrize("first", [True, False], ids=["before", "after"])
def test_a_room_that_others_talk_in_stays(ana: Peer, ben: Peer, first: bool) -> None:
    """A join without `temporary` keeps the room for good, also a join of a member."""
    if first:
        ben.join("test")
        ben.say("test", "mine")
    make(ana)
    if not first:
        ben.join("test", after=0)
    ben.ok("leave", room="test")
    ana.ok("join", room="test", temporary=True)
    ana.ok("leave", room="test")
    for peer in (ana, ben):
        assert "is not temporary" in peer.refused("forbidden", "forget", room="test")["text"]
    assert ana.ok("join", room="test", history=10)["seq"] >= 1


def test_forgotten_names_count(ana: Peer) -> None:
    """Each is kept for the sake of its numbers: an address has not more of them than rooms. The
    same name may come and go.
    """
    for _ in range(5):
        make(ana, "one")
        ana.ok("forget", room="one")
    for room in ("two", "three"):
        make(ana, room)
        ana.ok("forget", room=room)
    assert ana.refused("too_many_rooms", "join", room="four")["retry_after"]


def test_a_server_that_was_restarted_keeps_it(tmp_path: Path) -> None:
    """The server does not know any more who was in it, so only the operator can remove it."""
    with ServerProcess.serve(tmp_path) as first:
        with Peer.connect(first.address) as peer:
            peer.hello("ana")
            make(peer)
        first.kill()
        with first.restarted() as second, Peer.connect(second.address) as peer:
            peer.hello("ana")
            peer.refused("forbidden", "forget", room="test")


def test_the_audit_log_tells_of_it(tmp_path: Path) -> None:
    """Who asked for it."""
    with running_server(tmp_path) as server, Peer.connect(address_of(server)) as peer:
        peer.hello("ana")
        make(peer)
        peer.ok("forget", room="test")
        acts = [(act.who, act.act, act.whom) for _, act in server._parts.people.acts()]
    assert acts == [("ana", "forget", "test")]


def test_a_room_with_rules_stays(tmp_path: Path) -> None:
    """A moderator's rules for the room must not vanish."""
    with running_server(tmp_path) as server, Peer.connect(address_of(server)) as owner:
        owner.hello("owner")
        owner.ok("register", password="correct horse battery")
        owner.ok("claim", secret=server.owner_secret)
        with Peer.connect(address_of(server)) as ana:
            ana.hello("ana")
            ana.ok("join", room="test", temporary=True)
            ana.say("test", "x")
            owner.ok("slow", room="test", seconds=1)
            ana.ok("leave", room="test")
            told = ana.refused("forbidden", "forget", room="test")["text"]
    assert "a moderator has set rules" in told
