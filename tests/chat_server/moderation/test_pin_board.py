"""What stands at the top of a room: told to all, kept, and gone with its message."""

from contextlib import closing
from pathlib import Path
from typing import Any

from chat_server.identity.store.people_store import PeopleStore
from chat_server.runtime.config.setting_types import Keep
from tests.chat_server.house import House
from tests.chat_server.moderation.order_house import OrderedHouse, ordered_house
from tests.support.peer import Peer
from tests.support.servers import running_server


def _pinned(peer: Peer) -> list[int]:
    """The numbers in the next event."""
    pins: list[dict[str, Any]] = peer.expect("pins")["pins"]
    return [pin["seq"] for pin in pins]


def _kept(data: Path) -> list[tuple[str, int]]:
    """What a stopped server keeps."""
    with closing(PeopleStore(data)) as people:
        return [(pin.room, pin.seq) for pin in people.pins()]


def test_everybody_in_the_room_is_told(place: OrderedHouse) -> None:
    """All that is pinned, in the order of the log; and who comes in, before what else follows."""
    bob = place.enter("bob", "lobby")
    bob.say("lobby", "one\ntwo")
    bob.say("lobby", "three")
    place.mia.ok("pin", room="lobby", seq=2)
    place.mia.ok("pin", room="lobby", seq=1)
    place.mia.ok("pin", room="lobby", seq=1)
    assert [_pinned(bob), _pinned(bob)] == [[2], [1, 2]]
    pins = place.enter("zoe", "lobby").expect("pins")["pins"]
    assert [(pin["from"], pin["text"], pin["by"]) for pin in pins] == [
        ("bob", "one\ntwo", "mia"),
        ("bob", "three", "mia"),
    ]
    place.ada.ok("unpin", room="lobby", seq=2)
    place.ada.ok("unpin", room="lobby", seq=1)
    assert [_pinned(bob), _pinned(bob)] == [[1], []]
    max_ = place.enter("max", "lobby")
    max_.ping()
    assert not [frame for frame in max_.queue if frame["type"] == "pins"]


def test_five_messages_are_the_most(place: OrderedHouse) -> None:
    """The longest of them fit a frame."""
    for number in range(6):
        place.mia.say("lobby", f"{number}{'🦊' * 3000}")
    for seq in range(1, 6):
        place.mia.ok("pin", room="lobby", seq=seq)
    place.mia.refused("forbidden", "pin", room="lobby", seq=6)
    told = place.enter("bob", "lobby").expect("pins")["pins"]
    assert [pin["seq"] for pin in told] == [1, 2, 3, 4, 5]
    assert {len(pin["text"]) for pin in told} == {200}


def test_a_pin_survives_a_restart(tmp_path: Path) -> None:
    """It is kept by its number."""
    with ordered_house(tmp_path) as place:
        place.mia.say("lobby", "read this")
        place.mia.ok("pin", room="lobby", seq=1)
    with running_server(tmp_path) as server, House(server) as house:
        (pin,) = house.enter("bob", "lobby").expect("pins")["pins"]
        assert (pin["seq"], pin["text"], pin["by"]) == (1, "read this", "mia")


def test_a_pin_goes_with_its_message(tmp_path: Path) -> None:
    """When it is too old to be kept; in the store, too."""
    with ordered_house(tmp_path, keep=Keep(messages=2), interval=0.05) as place:
        place.mia.say("lobby", "one")
        place.mia.ok("pin", room="lobby", seq=1)
        assert _pinned(place.ada) == [1]
        place.mia.say("lobby", "two")
        place.mia.ok("pin", room="lobby", seq=2)
        assert _pinned(place.ada) == [1, 2]
        place.mia.say("lobby", "three")
        assert _pinned(place.ada) == [2]
    assert _kept(tmp_path) == [("lobby", 2)]


def test_a_removed_room_takes_its_pins_along(tmp_path: Path) -> None:
    """Another room of that name has none."""
    with ordered_house(tmp_path) as place:
        place.ada.join("test", temporary=True)
        place.ada.say("test", "one")
        place.ada.ok("pin", room="test", seq=1)
        assert _pinned(place.ada) == [1]
        place.ada.ok("leave", room="test")
        place.ada.ok("forget", room="test")
        place.ada.join("test")
        place.ada.ping()
        assert not [frame for frame in place.ada.queue if frame.get("pins")]
    assert _kept(tmp_path) == []


def test_what_was_edited_or_deleted_is_not_told_any_more(place: OrderedHouse) -> None:
    """At once: the pin says what the message says, and goes with it."""
    bob = place.enter("bob", "lobby")
    first, second = bob.say("lobby", "tee"), bob.say("lobby", "rude")
    for seq in (first, second):
        place.mia.ok("pin", room="lobby", seq=seq)
    assert [_pinned(bob), _pinned(bob)] == [[first], [first, second]]
    bob.ok("edit", room="lobby", seq=first, text="tea")
    assert [pin["text"] for pin in bob.expect("pins")["pins"]] == ["tea", "rude"]
    place.mia.ok("delete", room="lobby", seq=second)
    assert _pinned(bob) == [first]
    place.mia.refused("no_such_message", "pin", room="lobby", seq=second)
    pins = place.enter("zoe", "lobby").expect("pins")["pins"]
    assert [pin["text"] for pin in pins] == ["tea"]
