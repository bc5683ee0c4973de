"""Who may offer a file, and what the room gets of it."""

import hashlib
from typing import Any

import pytest

from tests.chat_server.gateways.web.test_file_transfer import put
from tests.chat_server.moderation.order_house import OrderedHouse, ordered_house
from tests.support.images import png
from tests.support.peer import Frame, Peer

DATA = b"what a file holds"
SHA256 = hashlib.sha256(DATA).hexdigest()
FILE = {"name": "a b.txt", "size": len(DATA), "sha256": SHA256}


def offered(place: OrderedHouse, peer: Peer, data: bytes = DATA, **members: Any) -> str:
    """Offer a file and send all of it. Returns its number."""
    ok = peer.ok("offer", room="lobby", **{**FILE, **members})
    assert ok["have"] == 0
    assert put(place, ok["upload"], data)[0] == 201
    number: str = ok["file"]
    return number


def _said(peer: Peer) -> Frame:
    return peer.expect("message", kind="file")


def test_the_room_gets_an_entry_of_its_log(place: OrderedHouse) -> None:
    """Its text says the same to clients that know nothing of files."""
    bob = place.enter("bob", "lobby")
    number = offered(place, bob)
    seq = bob.ok("share", room="lobby", file=number)["seq"]
    said = _said(place.mia)
    path = f"/files/{number}/a%20b.txt"
    wanted = {"from": "bob", "seq": seq, "file": path, "size": len(DATA), "sha256": SHA256}
    assert {name: said[name] for name in wanted} == wanted
    assert said["text"] == f"a b.txt, 17 B: {path}"
    (kept,) = place.mia.page("history", room="lobby")["messages"]
    assert kept == said


def test_an_image_says_its_type_and_its_size(place: OrderedHouse) -> None:
    """Whether or not it may be shown yet; who deletes it takes that away, too."""
    bob = place.enter("bob", "lobby")
    data = png(30, 20)
    file = {"name": "a.txt", "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    bob.ok("share", room="lobby", file=offered(place, bob, data, **file))
    assert _said(place.mia)["image"] == {"type": "image/png", "width": 30, "height": 20}
    (kept,) = place.mia.page("history", room="lobby")["messages"]
    assert kept["image"]["width"] == 30
    place.mia.ok("delete", room="lobby", seq=1)
    deleted, _ = place.mia.page("history", room="lobby")["messages"]
    assert (deleted["text"], "image" in deleted, "file" in deleted) == ("(deleted)", False, False)


@pytest.mark.parametrize("kind", ["offer", "share"])
def test_who_may_not_talk_offers_nothing(place: OrderedHouse, kind: str) -> None:
    """Muted, or in a frozen room: neither before the upload nor after it."""
    bob = place.enter("bob", "lobby")
    number = offered(place, bob)
    members: dict[str, Any] = {"file": number} if kind == "share" else dict(FILE)
    place.ada.ok("mute", who="bob")
    bob.refused("muted", kind, room="lobby", **members)
    place.ada.ok("unmute", who="bob")
    place.ada.ok("freeze", room="lobby")
    bob.refused("muted", kind, room="lobby", **members)
    place.ada.ok("unfreeze", room="lobby")
    bob.ok(kind, room="lobby", **members)
    place.ada.ok("freeze", room="lobby")
    place.mia.ok("offer", room="lobby", **FILE)  # moderators may


def test_slow_mode_holds_for_files(place: OrderedHouse) -> None:
    """They count as messages."""
    bob = place.enter("bob", "lobby")
    number = offered(place, bob)
    place.ada.ok("slow", room="lobby", seconds=600)
    bob.say("lobby", "one")
    bob.refused("rate_limited", "share", room="lobby", file=number)


def test_a_file_is_offered_by_whoever_sent_it_where_they_said(place: OrderedHouse) -> None:
    """Not before it is whole, nor by others, nor elsewhere."""
    bob = place.enter("bob", "lobby", "ops")
    ok = bob.ok("offer", room="lobby", **FILE)
    bob.refused("forbidden", "share", room="lobby", file=ok["file"])
    put(place, ok["upload"], DATA)
    place.mia.refused("forbidden", "share", room="lobby", file=ok["file"])
    bob.refused("forbidden", "share", room="ops", file=ok["file"])
    bob.refused("forbidden", "share", room="lobby", file="0" * 32)
    bob.refused("not_in_room", "offer", room="elsewhere", **FILE)
    bob.ok("share", room="lobby", file=ok["file"])


@pytest.mark.parametrize(
    "wrong",
    [{"size": 0}, {"size": -1}, {"sha256": "x"}, {"name": ""}, {"name": "x" * 1001}],
    ids=str,
)
def test_what_is_no_offer_is_refused(place: OrderedHouse, wrong: dict[str, Any]) -> None:
    """By its form."""
    place.mia.refused("bad_request", "offer", room="lobby", **{**FILE, **wrong})


def test_the_limits_are_told() -> None:
    """In `welcome`; 0 where no files are taken."""
    with ordered_house(file_size=3) as place:
        assert place.connect().hello("bob")["limits"]["file"] == 3_000_000
    with ordered_house(files=False) as place:
        assert place.connect().hello("bob")["limits"]["file"] == 0
        place.mia.refused("forbidden", "offer", room="lobby", **FILE)
