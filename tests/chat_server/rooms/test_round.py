"""The way round a room's members: everybody is fed, once, whatever comes while it is under way."""

import gc
import weakref

import pytest

from chat_server.delivery import fanout
from chat_server.gateways.native import NATIVE
from chat_server.rooms.people.session import Session
from chat_server.rooms.room import ROUND_LIMIT, Draft, Member, Room
from chat_server.runtime.round_robin import SERVER_ITSELF
from protocol.messages import Message
from tests.chat_server.house import House, seqs
from tests.support.codec import segment
from tests.support.peer import encode
from tests.support.servers import running_server


class Someone:
    """Stands where a member's outbox does: a round never looks into it."""

    codec = NATIVE
    party = SERVER_ITSELF


class FedRoom:
    """A room, and members that note what they are fed."""

    def __init__(self, count: int) -> None:
        self.room = Room("lobby", "", 0, lambda _: None, lambda _: None)
        self.members = [self.enter() for _ in range(count)]

    def enter(self) -> Member:
        member = Member(self.room, Session(b"", "ada", 1, 0), Someone(), self.room.last)  # type: ignore[arg-type]
        self.room.add(member, None)
        return member

    def publish(self) -> None:
        seq = self.room.last + 1
        self.room.publish(segment(seq, seq), None)

    def feed(self, count: int) -> list[Member]:
        """One turn's stride."""
        stride = self.room.round.take(count, self.room.last, self.room.members)
        for member in stride:
            member.cursor = self.room.last
        return list(stride)

    @property
    def needed(self) -> bool:
        return self.room.round.needed(self.room.last)

    def finish(self, count: int) -> list[Member]:
        """Turn by turn, as long as one is needed. Return who was passed, in order."""
        passed = []
        while self.needed:
            passed += self.feed(count)
        return passed


@pytest.mark.parametrize("stride", [1, 2, 3, 5, 7])
def test_a_round_passes_everybody_once(stride: int) -> None:
    crowd = FedRoom(5)
    assert not crowd.needed
    crowd.publish()
    assert crowd.finish(stride) == crowd.members


def test_what_is_published_on_the_way_is_taken_along_and_reaches_who_was_passed() -> None:
    crowd = FedRoom(5)
    crowd.publish()
    assert crowd.feed(2) == crowd.members[:2]
    crowd.publish()
    assert crowd.feed(2) == crowd.members[2:4]
    assert [member.cursor for member in crowd.members] == [1, 1, 2, 2, 0]
    crowd.finish(2)
    assert [member.cursor for member in crowd.members] == [2, 2, 2, 2, 2]


def test_who_comes_in_on_the_way_has_the_next_round() -> None:
    """Its cursor is at the end already; only what follows is owed to it."""
    crowd = FedRoom(3)
    crowd.publish()
    crowd.feed(1)
    crowd.publish()
    newcomer = crowd.enter()
    crowd.publish()
    crowd.finish(1)
    assert newcomer.cursor == 3
    assert {member.cursor for member in crowd.members} == {3}


def test_who_goes_on_the_way_makes_nobody_be_passed_over() -> None:
    crowd = FedRoom(4)
    crowd.publish()
    crowd.feed(2)
    crowd.room.remove(crowd.members[0])
    assert crowd.finish(1) == crowd.members[2:]


def test_a_round_that_is_done_holds_nobody() -> None:
    crowd = FedRoom(1)
    crowd.publish()
    crowd.finish(4)
    gone = weakref.ref(crowd.members[0].outbox)
    crowd.room.remove(crowd.members.pop())
    gc.collect()
    assert gone() is None


def test_an_empty_room_needs_no_turn() -> None:
    crowd = FedRoom(0)
    crowd.publish()
    assert crowd.feed(4) == []
    assert not crowd.needed


def test_a_round_takes_no_more_than_the_tail_can_hold() -> None:
    """The first member of the round must still find all of it in the tail."""
    crowd = FedRoom(2)
    session = Session(b"", "ada", 1, 0)
    for request in range(1, 101):
        crowd.room.post(
            Draft(session, 1, request, Message.unnumbered("ada", "text", "x" * 4000), ()), None
        )
    first = crowd.room.take_drafts()
    assert 0 < sum(draft.cost for draft in first) < ROUND_LIMIT + 8000
    crowd.room.publish(segment(1, 1, "x" * ROUND_LIMIT), None)
    crowd.feed(1)
    assert crowd.room.take_drafts() == []
    crowd.finish(1)
    assert crowd.room.take_drafts()


def test_a_room_larger_than_a_stride(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody has everything in order, with several talkers, and newcomers on the way."""
    monkeypatch.setattr(fanout, "STRIDE", 2)
    with running_server() as server, House(server) as house:
        people = [house.enter(f"p{number}", "lobby") for number in range(7)]
        for turn in range(20):
            for person in people[:3]:
                person.post("say", room="lobby", text=f"turn {turn}")
            if turn % 5 == 0:
                late = house.enter(f"late{turn}")
                late.ok("join", room="lobby", after=0)
                people.append(late)
        for person in people:
            assert seqs(person.messages(60)) == list(range(1, 61))


def test_who_says_something_and_bye_still_sees_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The `ok` lets the goodbye go; what was said must not come behind that."""
    monkeypatch.setattr(fanout, "STRIDE", 1)
    say = {"type": "say", "id": 101, "room": "lobby", "text": "last words"}
    bye = {"type": "bye", "id": 102}
    with running_server() as server, House(server) as house:
        for number in range(10):
            house.enter(f"listener{number}", "lobby")
        for number in range(10):
            talker = house.enter(f"talker{number}", "lobby")
            talker.send_raw(encode(say) + encode(bye))
            frames = [frame for frame in talker.read_to_end() if frame["type"] != "presence"]
            assert [frame["type"] for frame in frames] == ["ok", "message", "ok", "goodbye"]
