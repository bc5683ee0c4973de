"""Who comes and goes is told to those who are there, in few words."""

from collections import Counter
from collections.abc import Callable

from tests.chat_server.house import House
from tests.support.peer import Frame, Peer
from tests.support.waiting import Deadline


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
    events = presences(ada, lambda found: len(joined(found)) >= 200)
    named = Counter(joined(events))
    assert named == Counter(peer.nick for peer in peers) + Counter(
        {"ada": named["ada"]} if named["ada"] else {}
    )
    assert events[-1]["members"] == 201
    assert len(events) <= 60
    for peer in peers:
        peer.post("leave", room="lobby")
    events = presences(ada, lambda found: len(left(found)) >= 200)
    assert sorted(left(events)) == sorted(peer.nick for peer in peers)
    assert events[-1]["members"] == 1
    assert len(events) <= 60


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


def test_presence_and_who_agree_in_the_end(house: House) -> None:
    """Whoever follows the events knows who is there."""
    ada = house.enter("ada", "lobby")
    there = set(ada.page("who", room="lobby")["members"])
    peers = [house.enter(f"p{n}", "lobby") for n in range(10)]
    for peer in peers[:5]:
        peer.ok("leave", room="lobby")
    for peer in peers[5:7]:
        peer.ok("nick", nick=f"{peer.nick}x")
    house.enter("last", "lobby")
    for event in presences(ada, lambda found: "last" in joined(found)):
        there |= set(event["joined"])
        for old, new in event["renamed"]:
            there.discard(old)
            there.add(new)
        there -= set(event["left"])
    assert sorted(there) == ada.page("who", room="lobby")["members"]
    assert event["members"] == len(there)
