"""Raised hands: who would like to speak, what they ask, and whose turn it is."""

from contextlib import closing
from pathlib import Path

import pytest

from chat_server.identity.store.people_store import PeopleStore
from chat_server.moderation.hands import raised_hands
from tests.chat_server.moderation.order_house import OrderedHouse, notices, ordered_house
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
    page = place.mia.page("hands", room="lobby")
    now = [entry.pop("time") for entry in page["queue"]]
    assert now == sorted(now)
    assert page == {
        "type": "page",
        "re": place.mia.next_id() - 1,
        "more": False,
        "hands": ["rob", "zoe"],
        "queue": [{"nick": "rob"}, {"nick": "zoe"}],
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


def test_a_question_is_heard_when_it_is_its_turn(place: OrderedHouse, clock: ManualClock) -> None:
    """Moderators read it at once, the others with the floor; each knows the own place."""
    bob, zoe = place.enter("bob", "lobby"), place.enter("zoe", "lobby")
    bob.ok("hand", room="lobby", up=True, question="  why?  ")
    assert zoe.ok("hand", room="lobby", up=True)["place"] == 2
    assert place.mia.expect("hand")["question"] == "why?"
    page = place.mia.page("hands", room="lobby")
    assert [entry.get("question") for entry in page["queue"]] == ["why?", None]
    assert place.mia.ok("next", room="lobby")["nick"] == "bob"
    for peer in (bob, zoe, place.mia):
        assert peer.expect("floor") == {
            "type": "floor",
            "room": "lobby",
            "nick": "bob",
            "question": "why?",
        }
        assert notices(peer, 1) == ["bob has the floor: why?"]
    clock.advance(raised_hands.PLACES_INTERVAL)
    assert zoe.expect("place")["place"] == 1
    assert bob.expect("place")["place"] == 0
    page = place.mia.page("hands", room="lobby")
    assert [(entry["nick"], entry.get("floor", False)) for entry in page["queue"]] == [
        ("bob", True),
        ("zoe", False),
    ]
    assert page["hands"] == ["zoe"]


def test_who_has_the_floor_may_speak_in_a_frozen_room(place: OrderedHouse) -> None:
    """Until the next has it, or they give it back; whom a freeze names besides goes on."""
    bob, zoe, tutor = (place.enter(nick, "lobby") for nick in ("bob", "zoe", "tim"))
    other = place.enter("max", "lobby")
    place.mia.ok("freeze", room="lobby", speakers=["tim", "max"])
    for peer in (bob, zoe):
        peer.refused("muted", "say", room="lobby", text="hi")
        peer.ok("hand", room="lobby", up=True)
    place.mia.ok("next", room="lobby")
    bob.say("lobby", "mine")
    zoe.refused("muted", "say", room="lobby", text="hi")
    place.mia.ok("next", room="lobby")
    bob.refused("muted", "say", room="lobby", text="hi")
    zoe.say("lobby", "mine")
    zoe.ok("hand", room="lobby", up=False)
    zoe.refused("muted", "say", room="lobby", text="hi")
    tutor.say("lobby", "still here")
    other.say("lobby", "me too")
    assert "nick" not in place.mia.ok("next", room="lobby")


def test_next_takes_the_floor_from_the_one_whom_a_freeze_let_speak(clock: ManualClock) -> None:
    """And the freeze ends when it was to end."""
    with ordered_house(clock=clock) as place:
        bob, zoe = place.enter("bob", "lobby"), place.enter("zoe", "lobby")
        place.mia.ok("freeze", room="lobby", speakers=["bob"], seconds=60)
        assert zoe.expect("floor")["nick"] == "bob"
        zoe.ok("hand", room="lobby", up=True)
        place.mia.ok("next", room="lobby")
        bob.refused("muted", "say", room="lobby", text="hi")
        zoe.say("lobby", "mine")
        bob.expect("frozen", frozen=True)
        clock.advance(60)
        bob.expect("frozen", frozen=False)
        bob.say("lobby", "hi")


def test_the_floor_and_the_place_are_told_to_who_comes_back(
    tmp_path: Path, clock: ManualClock
) -> None:
    """After a lost connection, and after a restart; who has the floor may still speak."""
    with ordered_house(tmp_path, clock) as place:
        bob, zoe = place.enter("bob", "lobby"), place.enter("zoe", "lobby")
        place.mia.ok("freeze", room="lobby")
        bob.ok("hand", room="lobby", up=True, question="why?")
        zoe.ok("hand", room="lobby", up=True, question="how?")
        place.mia.ok("next", room="lobby")
        sessions = place.ada.session, place.mia.session
    with (
        running_server(tmp_path, clock) as server,
        OrderedHouse(server, *sessions) as place,
    ):
        again = {peer.nick: place.enter(peer.nick, session=peer.session) for peer in (bob, zoe)}
        for peer in again.values():
            peer.skip_ids(100)
            peer.join("lobby")
            assert peer.expect("floor")["nick"] == "bob"
        assert again["zoe"].expect("place") == {
            "type": "place",
            "room": "lobby",
            "place": 1,
            "question": "how?",
        }
        again["bob"].say("lobby", "it is me")


def test_a_thaw_takes_the_floor_and_the_hands_that_ask_nothing(
    place: OrderedHouse, clock: ManualClock
) -> None:
    """Questions stay."""
    bob, zoe, max_ = (place.enter(nick, "lobby") for nick in ("bob", "zoe", "max"))
    place.mia.ok("freeze", room="lobby")
    max_.ok("hand", room="lobby", up=True)
    place.mia.ok("next", room="lobby")
    bob.ok("hand", room="lobby", up=True)
    zoe.ok("hand", room="lobby", up=True, question="why?")
    place.mia.ok("unfreeze", room="lobby")
    assert place.mia.page("hands", room="lobby")["hands"] == ["zoe"]
    assert bob.expect("place")["place"] == 0
    clock.advance(raised_hands.PLACES_INTERVAL)
    assert zoe.expect("place")["place"] == 1
    assert zoe.expect("floor")["nick"] == "max"
    assert "nick" not in zoe.expect("floor")
    place.mia.ping()
    told = [frame for frame in place.mia.queue if frame["type"] == "hand"]
    assert [(each["nick"], each["up"], each["hands"]) for each in told] == [
        ("max", True, 1),
        ("max", False, 0),
        ("bob", True, 1),
        ("zoe", True, 2),
        ("bob", False, 1),
    ]


def test_who_is_muted_raises_a_hand_but_asks_nothing(place: OrderedHouse) -> None:
    """And what they asked before is not read out."""
    bob, zoe = place.enter("bob", "lobby"), place.enter("zoe", "lobby")
    bob.ok("hand", room="lobby", up=True, question="something rude")
    place.mia.ok("mute", who="bob")
    bob.refused("muted", "hand", room="lobby", up=True, question="more of it")
    bob.ok("hand", room="lobby", up=True)
    place.mia.ok("next", room="lobby")
    assert notices(zoe, 1) == ["bob has the floor"]
    assert "question" not in zoe.expect("floor")
    bob.refused("muted", "say", room="lobby", text="hi")


def test_a_temporary_room_takes_its_hands_along() -> None:
    """Another room of that name has no question of somebody who was in the first."""
    with ordered_house() as place:
        zoe = place.enter("zoe")
        zoe.join("test", temporary=True)
        zoe.say("test", "hi")
        zoe.ok("hand", room="test", up=True, question="why?")
        zoe.reset()
        eventually(lambda: place.ada.request("forget", room="test")["type"] == "ok")
        place.ada.join("test")
        assert place.ada.page("hands", room="test")["queue"] == []


def test_a_room_that_goes_with_its_last_member_takes_its_hands_along(tmp_path: Path) -> None:
    """Or whoever makes rooms, asks there and breaks the connection would fill the store."""
    with ordered_house(tmp_path) as place:
        eva, zoe = place.enter("eva", "den"), place.enter("zoe", "den")
        zoe.ok("hand", room="den", up=True, question="why?")
        zoe.reset()
        eventually(lambda: eva.page("who", room="den")["members"] == ["eva"])
        assert place.ada.page("hands", room="den")["queue"]
        eva.ok("leave", room="den")
        place.ada.join("den")
        assert place.ada.page("hands", room="den")["queue"] == []
    with closing(PeopleStore(tmp_path)) as people:
        assert people.hands() == []


def test_a_queue_that_moves_is_told_in_waves(clock: ManualClock) -> None:
    """Whoever stands in it is told once where, however often it moves in a tenth of a second."""
    with ordered_house(clock=clock) as place:
        pupils = [place.enter(f"n{number}", "lobby") for number in range(10)]
        for pupil in pupils:
            pupil.ok("hand", room="lobby", up=True)
        for pupil in pupils[:9]:
            pupil.ok("hand", room="lobby", up=False)
        last = pupils[-1]
        last.ping()
        assert not [frame for frame in last.queue if frame["type"] == "place"]
        clock.advance(raised_hands.PLACES_INTERVAL)
        assert last.expect("place")["place"] == 1
        last.ping()
        assert not [frame for frame in last.queue if frame["type"] == "place"]
