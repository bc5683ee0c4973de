"""Raised hands, as they are asked for: page by page, in a room that one is in, and once."""

import pytest

from tests.chat_server.moderation.order_house import OrderedHouse, notices


def test_hands_come_page_by_page(place: OrderedHouse) -> None:
    """`after` is the last nick that one got."""
    place.mia.ok("freeze", room="lobby")
    for nick in ("zoe", "bob", "eva"):
        place.enter(nick, "lobby").ok("hand", room="lobby", up=True)
    page = place.mia.page("hands", room="lobby", after="zoe")
    assert (page["hands"], page["more"]) == (["bob", "eva"], False)
    place.mia.refused("no_such_nick", "hands", room="lobby", after="ian")


def test_hands_are_for_rooms_that_one_is_in(place: OrderedHouse) -> None:
    """Frozen or not; and nobody but moderators sees the queue."""
    bob = place.enter("bob", "lobby")
    assert bob.ok("hand", room="lobby", up=True)["place"] == 1
    bob.refused("not_in_room", "hand", room="garden", up=True)
    bob.refused("not_in_room", "hand", room="nowhere", up=False)
    place.mia.ok("freeze", room="lobby")
    bob.ok("hand", room="lobby", up=True)
    bob.refused("forbidden", "hands", room="lobby")


def test_next_is_for_moderators_and_done_once(place: OrderedHouse) -> None:
    bob, zoe = place.enter("bob", "lobby"), place.enter("zoe", "lobby")
    bob.refused("forbidden", "next", room="lobby")
    place.mia.refused("no_such_room", "next", room="nowhere")
    for peer in (bob, zoe):
        peer.ok("hand", room="lobby", up=True)
    number = place.mia.next_id()
    for _ in range(2):
        place.mia.send({"type": "next", "id": number, "room": "lobby"})
        assert place.mia.reply(number)["nick"] == "bob"
    assert place.mia.page("hands", room="lobby")["hands"] == ["zoe"]
    assert notices(zoe, 1) == ["bob has the floor"]


@pytest.mark.parametrize(
    ("question", "code"),
    [("a" * 301, "text_too_long"), ("two\nlines", "bad_text"), ("\u200b", "bad_text")],
)
def test_a_question_is_one_short_line(place: OrderedHouse, question: str, code: str) -> None:
    bob = place.enter("bob", "lobby")
    bob.refused(code, "hand", room="lobby", up=True, question=question)
    assert place.mia.page("hands", room="lobby")["hands"] == []
