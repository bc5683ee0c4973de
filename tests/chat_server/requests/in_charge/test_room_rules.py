"""The rules of a room: who sets them, what holds, and who learns of a room at all."""

import pytest

from chat_server.rooms.policy import GUESTS_LIMIT
from tests.chat_server.moderation.order_house import OrderedHouse, notices


def test_a_member_may_set_none_of_them(place: OrderedHouse) -> None:
    """Nor invite; what holds is told to who is in the room."""
    bob = place.enter("bob", "lobby")
    bob.refused("forbidden", "set_rules", room="lobby", read_only=True)
    bob.refused("forbidden", "set_rules", room="lobby", images=True)
    bob.refused("forbidden", "invite", room="lobby", who="mia")
    bob.refused("forbidden", "uninvite", room="lobby", who="mia")
    assert bob.ok("rules", room="lobby")["rules"] == {
        "topic": "moderators",
        "topic_by_default": True,
    }
    zoe = place.enter("zoe")
    zoe.refused("not_in_room", "rules", room="lobby")
    zoe.refused("no_such_room", "rules", room="nowhere")


def test_what_holds_is_shown(place: OrderedHouse) -> None:
    """Every rule, and to moderators who is invited."""
    bob = place.enter("bob", "lobby")
    place.mia.ok("slow", room="lobby", seconds=5)
    place.mia.ok("lock", room="lobby", locked=True)
    place.mia.ok("freeze", room="lobby", seconds=60)
    others = {"read_only": True, "invite_only": True, "forget": True, "images": True}
    place.mia.ok("set_rules", room="lobby", topic="everybody", **others)
    known = bob.ok("rules", room="lobby")["rules"]
    assert known.pop("until") > 0
    assert known == {
        "topic": "everybody",
        "read_only": True,
        "invite_only": True,
        "locked": True,
        "frozen": "mia",
        "slow": 5,
        "forget": True,
        "images": True,
    }
    assert place.mia.ok("rules", room="lobby")["rules"]["invited"] == ["ada", "bob", "mia"]


def test_a_request_that_names_no_rule_is_refused(place: OrderedHouse) -> None:
    """As is a value that there is not."""
    place.mia.refused("bad_request", "set_rules", room="lobby")
    place.mia.refused("bad_request", "set_rules", room="lobby", topic="nobody")
    place.mia.refused("no_such_room", "set_rules", room="nowhere", forget=True)
    place.mia.refused("no_such_room", "invite", room="nowhere", who="ada")


def test_a_rule_is_told_in_one_notice(place: OrderedHouse) -> None:
    """However many are set at once; sent again it is not done again."""
    bob = place.enter("bob", "lobby")
    place.mia.ok("set_rules", room="lobby", topic="moderators", read_only=True)
    (told,) = notices(bob, 1)
    assert "only moderators set the topic here" in told
    assert "only moderators speak here" in told


def test_the_topic_is_the_moderators_while_an_owner_is_here(place: OrderedHouse) -> None:
    """By default; a rule says otherwise, and a room without an owner is everybody's."""
    bob = place.enter("bob", "lobby", "garden")
    bob.refused("forbidden", "topic", room="lobby", topic="mine")
    bob.ok("topic", room="garden", topic="mine")
    place.mia.ok("topic", room="lobby", topic="ours")
    place.mia.ok("set_rules", room="lobby", topic="everybody")
    bob.ok("topic", room="lobby", topic="mine")
    place.mia.ok("set_rules", room="garden", topic="moderators")
    bob.refused("forbidden", "topic", room="garden", topic="mine")
    place.mia.ok("set_rules", room="lobby", topic="default")
    bob.refused("forbidden", "topic", room="lobby", topic="mine")
    place.ada.ok("leave", room="lobby")
    bob.ok("topic", room="lobby", topic="mine")


def test_only_moderators_speak_in_a_read_only_room(place: OrderedHouse) -> None:
    """Whom a freeze lets speak may, too; `tell` goes on."""
    bob = place.enter("bob", "lobby")
    place.mia.ok("set_rules", room="lobby", read_only=True)
    error = bob.refused("muted", "say", room="lobby", text="hi")
    assert "announcements" in error["text"]
    place.mia.say("lobby", "news")
    place.mia.ok("freeze", room="lobby", speakers=["bob"])
    bob.say("lobby", "I was asked to")
    place.mia.ok("unfreeze", room="lobby")
    bob.refused("muted", "say", room="lobby", text="hi")
    place.mia.ok("set_rules", room="lobby", read_only=False)
    bob.say("lobby", "hi")


def test_who_is_not_invited_does_not_learn_of_the_room(place: OrderedHouse) -> None:
    """No list has it, no request tells it from none; a join is refused as where it is locked."""
    bob = place.enter("bob", "lobby")
    place.mia.join("staff")
    place.mia.join("locked")
    place.mia.ok("set_rules", room="staff", invite_only=True)
    place.mia.ok("lock", room="locked", locked=True)
    assert [each["room"] for each in bob.page("rooms")["rooms"]] == ["lobby", "locked"]
    hidden = bob.refused("forbidden", "join", room="staff")
    locked = bob.refused("forbidden", "join", room="locked")
    assert hidden["text"] == locked["text"]
    for kind, members in (
        ("who", {}),
        ("history", {}),
        ("search", {"query": "x"}),
        ("rules", {}),
        ("leave", {}),
        ("say", {"text": "hi"}),
        ("topic", {"topic": "hi"}),
        ("hand", {"up": True}),
        ("forget", {}),
    ):
        asked = [
            bob.request(kind, room=room, **members)["text"].replace(room, "ROOM")
            for room in ("staff", "nowhere")
        ]
        assert asked[0] == asked[1], kind
    assert "staff" in [each["room"] for each in place.ada.page("rooms")["rooms"]]


def test_at_most_so_many_are_invited(place: OrderedHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """One more is refused, also where the room has more people than may be invited."""
    assert GUESTS_LIMIT == 300
    monkeypatch.setattr("chat_server.moderation.guests.GUESTS_LIMIT", 3)
    place.enter("bob", "lobby")
    place.mia.ok("set_rules", room="lobby", invite_only=True)
    zoe = place.enter("zoe")
    error = place.mia.refused("unavailable", "invite", room="lobby", who="zoe")
    assert "3 may be" in error["text"]
    zoe.refused("forbidden", "join", room="lobby")
    place.mia.ok("uninvite", room="lobby", who="bob")
    place.mia.ok("invite", room="lobby", who="zoe")
    zoe.join("lobby")
