"""Raised hands: who would like to speak in a frozen room."""

from pathlib import Path

import pytest

from tests.chat_server.moderation.order_house import OrderedHouse, ordered_house
from tests.support.clock import ManualClock
from tests.support.servers import running_server
from tests.support.waiting import eventually


def test_hands_are_a_queue(place: OrderedHouse) -> None:
    """Moderators in the room are told; each person stands in it once."""
    bob, zoe = place.enter("bob", "lobby"), place.enter("zoe", "lobby")
    outside = place.enter("max")
    place.ada.ok("op", who="max")
    place.mia.ok("freeze", room="lobby")
    bob.ok("hand", room="lobby", up=True)
    zoe.ok("hand", room="lobby", up=True)
    bob.ok("hand", room="lobby", up=True)
    bob.ok("nick", nick="rob")
    bob.ok("hand", room="lobby", up=True)
    assert place.mia.page("hands", room="lobby") == {
        "type": "page",
        "re": place.mia.next_id() - 1,
        "more": False,
        "hands": ["rob", "zoe"],
    }
    bob.ok("hand", room="lobby", up=False)
    bob.ok("hand", room="lobby", up=False)
    for moderator in (place.mia, place.ada):
        told = [moderator.expect("hand") for _ in range(3)]
        shown = [(each["nick"], each["up"], each["hands"]) for each in told]
        assert shown == [("bob", True, 1), ("zoe", True, 2), ("rob", False, 1)]
    for peer in (outside, bob, zoe):
        peer.ping()
        assert not [frame for frame in peer.queue if frame["type"] == "hand"]


@pytest.mark.parametrize("way", ["leave", "bye", "kick"])
def test_who_goes_takes_the_hand_along(place: OrderedHouse, way: str) -> None:
    """And the moderators see it."""
    bob = place.enter("bob", "lobby")
    place.mia.ok("freeze", room="lobby")
    bob.ok("hand", room="lobby", up=True)
    place.mia.expect("hand", up=True)
    if way == "leave":
        bob.ok("leave", room="lobby")
    elif way == "bye":
        bob.ok("bye")
    else:
        place.mia.ok("kick", who="bob")
    place.mia.expect("hand", nick="bob", up=False, hands=0)
    assert place.mia.page("hands", room="lobby")["hands"] == []


def test_a_hand_stays_up_while_the_connection_is_lost(place: OrderedHouse) -> None:
    """Where it stood; a take-over is no end of it either."""
    bob, zoe = place.enter("bob", "lobby"), place.enter("zoe", "lobby")
    place.mia.ok("freeze", room="lobby")
    bob.ok("hand", room="lobby", up=True)
    zoe.ok("hand", room="lobby", up=True)
    taker = place.enter("bob", session=bob.session)
    bob.expect_end("replaced")
    taker.reset()
    eventually(lambda: "bob" not in place.mia.page("who", room="lobby")["members"])
    assert place.mia.page("hands", room="lobby")["hands"] == ["bob", "zoe"]
    again = place.enter("robert", session=bob.session)
    again.skip_ids(100)
    again.join("lobby")
    assert place.mia.page("hands", room="lobby")["hands"] == ["robert", "zoe"]
    again.ok("hand", room="lobby", up=False)
    assert place.mia.page("hands", room="lobby")["hands"] == ["zoe"]


def test_hands_survive_a_restart(tmp_path: Path, clock: ManualClock) -> None:
    """As long as the freeze holds, also where that ended meanwhile."""
    with ordered_house(tmp_path, clock) as place:
        bob = place.enter("bob", "lobby", "garden", "shed")
        place.mia.ok("freeze", room="lobby")
        place.mia.ok("freeze", room="garden", seconds=60)
        place.mia.ok("freeze", room="shed")
        for room in ("lobby", "garden", "shed"):
            bob.ok("hand", room=room, up=True)
        bob.ok("hand", room="shed", up=False)
        sessions = place.ada.session, place.mia.session
    clock.advance(60)
    with (
        running_server(tmp_path, clock) as server,
        OrderedHouse(server, *sessions) as place,
    ):
        shown = [
            place.mia.page("hands", room=room)["hands"] for room in ("lobby", "garden", "shed")
        ]
        assert shown == [["bob"], [], []]
        again = place.enter("bob", session=bob.session)
        again.skip_ids(100)
        again.join("lobby")
        place.mia.ok("freeze", room="lobby", speakers=["bob"])
        assert place.mia.page("hands", room="lobby")["hands"] == []


def test_hands_come_page_by_page(place: OrderedHouse) -> None:
    """`after` is the last nick that one got."""
    place.mia.ok("freeze", room="lobby")
    for nick in ("zoe", "bob", "eva"):
        place.enter(nick, "lobby").ok("hand", room="lobby", up=True)
    page = place.mia.page("hands", room="lobby", after="zoe")
    assert (page["hands"], page["more"]) == (["bob", "eva"], False)
    place.mia.refused("no_such_nick", "hands", room="lobby", after="ian")


def test_hands_are_for_frozen_rooms_that_one_is_in(place: OrderedHouse) -> None:
    """Elsewhere one just talks; and nobody but moderators sees the queue."""
    bob = place.enter("bob", "lobby")
    bob.refused("forbidden", "hand", room="lobby", up=True)
    bob.refused("not_in_room", "hand", room="garden", up=True)
    bob.refused("not_in_room", "hand", room="nowhere", up=False)
    place.mia.ok("freeze", room="lobby")
    bob.ok("hand", room="lobby", up=True)
    bob.refused("forbidden", "hands", room="lobby")


def test_hands_go_down_when_the_room_thaws_or_the_word_is_given(place: OrderedHouse) -> None:
    """Not while another freeze still holds."""
    bob, zoe = place.enter("bob", "lobby"), place.enter("zoe", "lobby")
    place.mia.ok("freeze", room="lobby")
    place.mia.ok("freeze")
    for peer in (bob, zoe):
        peer.ok("hand", room="lobby", up=True)
    place.mia.ok("freeze", room="lobby", speakers=["bob"])
    assert place.mia.page("hands", room="lobby")["hands"] == ["zoe"]
    place.mia.ok("unfreeze")
    assert place.mia.page("hands", room="lobby")["hands"] == ["zoe"]
    place.mia.ok("unfreeze", room="lobby")
    assert place.mia.page("hands", room="lobby")["hands"] == []
