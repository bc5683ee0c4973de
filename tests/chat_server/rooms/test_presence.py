"""Who comes and goes is told to those who are there, in few words."""

import random
from collections.abc import Callable
from functools import partial

import pytest

from tests.chat_server.house import House
from tests.support.peer import Frame, Peer
from tests.support.servers import running_server
from tests.support.waiting import Deadline, eventually


def presences(peer: Peer, enough: Callable[[list[Frame]], bool]) -> list[Frame]:
    """Take presence events until there are enough."""
    deadline = Deadline()
    found: list[Frame] = []
    while not enough(found):
        found.append(peer.take(lambda frame: frame["type"] == "presence", deadline.left))
    return found


def joined(events: list[Frame]) -> list[str]:
    return [nick for event in events for nick in event["joined"]]


def left(events: list[Frame]) -> list[str]:
    return [nick for event in events for nick in event["left"]]


def renamed(events: list[Frame]) -> list[list[str]]:
    return [pair for event in events for pair in event["renamed"]]


def test_who_joins_is_announced(house: House) -> None:
    """`presence` with every member, the count being what it is then."""
    ada = house.enter("ada", "lobby")
    house.enter("eva", "lobby")
    event = presences(ada, lambda found: "eva" in joined(found))[-1]
    assert set(event) == {"type", "room", "joined", "left", "renamed", "members"}
    assert (event["room"], event["members"]) == ("lobby", 2)


def test_who_leaves_is_announced(house: House) -> None:
    """By leave, by bye, and by vanishing."""
    ada = house.enter("ada", "lobby")
    leaver, byer, vanisher = (house.enter(nick, "lobby") for nick in ("eva", "zoe", "max"))
    presences(ada, lambda found: {"eva", "zoe", "max"} <= set(joined(found)))
    leaver.ok("leave", room="lobby")
    byer.ok("bye")
    vanisher.reset()
    events = presences(ada, lambda found: len(left(found)) >= 3)
    assert sorted(left(events)) == ["eva", "max", "zoe"]
    assert events[-1]["members"] == 1


def test_a_new_nick_is_announced_in_every_room(house: House) -> None:
    """`renamed` has pairs of old and new."""
    ada, eva = house.enter("ada", "lobby", "garden"), house.enter("eva", "lobby", "garden")
    zoe = house.enter("zoe", "garden")
    presences(ada, lambda found: joined(found).count("eva") >= 2)
    presences(zoe, lambda found: bool(found))
    eva.ok("nick", nick="evita")
    events = presences(ada, lambda found: len(renamed(found)) >= 2)
    assert sorted(event["room"] for event in events if event["renamed"]) == ["garden", "lobby"]
    assert renamed(events) == [["eva", "evita"]] * 2
    events = presences(zoe, lambda found: len(renamed(found)) >= 1)
    assert (renamed(events), events[-1]["room"]) == ([["eva", "evita"]], "garden")


def test_other_rooms_are_not_told(house: House) -> None:
    """Presence is a room's own."""
    ada, eva = house.enter("ada", "lobby"), house.enter("eva", "garden")
    house.enter("zoe", "garden")
    presences(eva, lambda found: "zoe" in joined(found))
    ada.say("lobby", "anybody?")
    ada.messages(1)
    seen = [frame for frame in ada.queue if frame["type"] == "presence"]
    assert {frame["room"] for frame in seen} <= {"lobby"}
    assert "zoe" not in joined(seen)


def test_joins_close_together_arrive_as_one(house: House) -> None:
    """200 clients that join at once are a few events, and each of them is named once."""
    ada = house.enter("ada", "lobby")
    peers = [house.enter(f"student{n}") for n in range(200)]
    for peer in peers:
        peer.post("join", room="lobby")
    everybody = sorted(peer.nick for peer in peers)
    events = presences(ada, lambda found: set(everybody) <= set(joined(found)))
    assert sorted(nick for nick in joined(events) if nick != "ada") == everybody
    assert events[-1]["members"] == 201
    assert len(events) <= 60
    for peer in peers:
        peer.post("leave", room="lobby")
    events = presences(ada, lambda found: len(left(found)) >= 200)
    assert sorted(left(events)) == everybody
    assert events[-1]["members"] == 1
    assert len(events) <= 60


def test_who_comes_back_under_another_nick_leaves_under_the_one_that_is_known(
    house: House,
) -> None:
    """The room was never told of the new one."""
    ada, eva = house.enter("ada", "lobby"), house.connect()
    session = eva.hello("eva")["session"]
    eva.join("lobby")
    presences(ada, lambda found: "eva" in joined(found))
    again = house.enter("zoe", session=session)
    eva.expect_end("replaced")
    assert left(presences(ada, lambda found: bool(left(found)))) == ["eva"]
    again.join("lobby")
    assert joined(presences(ada, lambda found: bool(joined(found)))) == ["zoe"]


def test_presence_is_not_stored(house: House) -> None:
    """It has no seq, takes none, and is not in the history."""
    ada = house.enter("ada", "lobby")
    for n in range(5):
        with Peer.connect(house.address) as peer:
            peer.hello(f"guest{n}")
            peer.join("lobby")
    events = presences(ada, lambda found: len(left(found)) + len(joined(found)) >= 1)
    assert all("seq" not in event for event in events)
    assert ada.say("lobby", "hi") == 1
    assert len(ada.page("history", room="lobby")["messages"]) == 1


def apply(there: set[str], event: Frame) -> set[str]:
    """Who is there after an event: those who left and the old nicks go, the others come."""
    pairs = [(old, new) for old, new in event["renamed"]]
    gone = {*event["left"], *(old for old, _ in pairs)}
    return (there - gone) | {*event["joined"], *(new for _, new in pairs)}


def test_who_was_in_a_list_is_known_to_leave() -> None:
    """`who` may name somebody ahead of the event that they came: they leave by an event then."""
    with running_server(presence_interval=0.5) as server, House(server) as house:
        ada, eva = house.enter("ada", "lobby"), house.enter("eva", "lobby")
        zoe = house.enter("zoe", "lobby")
        there = set(server_members(ada))
        assert there == {"ada", "eva", "zoe"}
        eva.ok("leave", room="lobby")
        zoe.ok("nick", nick="zoey")
        for event in presences(ada, lambda found: {"zoey"} <= {*joined(found), *news(found)}):
            there = apply(there, event)
        assert there == {"ada", "zoey"} == set(server_members(ada))


def test_who_was_in_a_list_may_go_and_come_back() -> None:
    """Also where all of it is one event, and somebody else did not see the list."""
    with running_server(presence_interval=0.5) as server, House(server) as house:
        ada, eva = house.enter("ada", "lobby"), house.enter("eva", "lobby")
        there, other = set(server_members(ada)), {"ada"}
        eva.ok("leave", room="lobby")
        eva.join("lobby")
        for event in presences(ada, lambda found: "eva" in joined(found)):
            there, other = apply(there, event), apply(other, event)
        assert there == other == {"ada", "eva"}


def news(events: list[Frame]) -> list[str]:
    return [new for event in events for _, new in event["renamed"]]


class ConnectionLimit:
    """People who come, go and change their nicks at random."""

    def __init__(self, house: House, seed: int) -> None:
        self._house = house
        self._source = random.Random(seed)
        self._peers: list[Peer] = []
        self._nicks = [f"p{n}" for n in range(12)]

    def act(self) -> None:
        """Do one thing that the room is to be told."""
        choice = self._source.randrange(5)
        if choice == 0 or len(self._peers) < 4:
            self._come()
        elif choice == 1:
            self._go(self._peers.pop(self._source.randrange(len(self._peers))))
        else:
            self._do(self._source.choice(self._peers), choice)

    def _come(self) -> None:
        peer = self._house.connect()
        if peer.hello(self._source.choice(self._nicks))["type"] == "welcome":
            peer.join("lobby")
            self._peers.append(peer)

    def _go(self, peer: Peer) -> None:
        if self._source.random() < 0.5:
            peer.ok("bye")
        peer.close()

    def _do(self, peer: Peer, choice: int) -> None:
        if choice == 2:
            peer.request("leave", room="lobby")
        elif choice == 3:
            peer.join("lobby")
        else:
            peer.request("nick", nick=self._source.choice(self._nicks))


@pytest.mark.parametrize("seed", range(4))
def test_presence_and_who_agree_in_the_end(seed: int) -> None:
    """Whoever follows the events knows who is there, whatever came together in one of them."""
    with running_server(presence_interval=0.02) as server, House(server) as house:
        ada, crowd = house.enter("ada", "lobby"), ConnectionLimit(house, seed)
        there = set(ada.page("who", room="lobby")["members"])
        for _ in range(250):
            crowd.act()
        house.enter("last", "lobby")
        for event in presences(ada, lambda found: "last" in joined(found)):
            there = apply(there, event)
        eventually(partial(_catches_up, ada, there))


def server_members(peer: Peer) -> list[str]:
    """Who the server says is there."""
    members: list[str] = peer.page("who", room="lobby")["members"]
    return members


def _catches_up(ada: Peer, there: set[str]) -> bool:
    """Apply what came since, and compare."""
    members = set(server_members(ada))
    events = [frame for frame in ada.queue if frame["type"] == "presence"]
    ada.queue.clear()
    for event in events:
        there ^= there ^ apply(there, event)
    return there == members
