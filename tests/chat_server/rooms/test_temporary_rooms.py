"""A room that a test made goes when it is asked to, and never one that others talk in."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chat_server.rooms.directory import LEAVING_RETRY_AFTER
from tests.support.peer import Peer
from tests.support.servers import ServerProcess, address_of, running_server


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
    """Nor who asks for it."""
    make(ana)
    ben.ok("join", room="test", temporary=True)
    assert "1 person is in test" in ana.refused("forbidden", "forget", room="test")["text"]
    assert "1 person is in test" in ben.refused("forbidden", "forget", room="test")["text"]
    assert ben.refused("forbidden", "forget", room="test")["retry_after"] == LEAVING_RETRY_AFTER
    ben.ok("leave", room="test")
    ana.ok("forget", room="test")


@pytest.mark.parametrize("first", [True, False], ids=["before", "after"])
def test_a_room_that_others_talk_in_stays(ana: Peer, ben: Peer, first: bool) -> None:
    """Whoever comes without wanting it to be temporary keeps it, for good, also by coming back."""
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
    """Who was in it is not known any more: only the operator removes it."""
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
    """What a moderator has done there is to be seen."""
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
