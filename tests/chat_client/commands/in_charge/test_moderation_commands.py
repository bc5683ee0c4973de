"""Accounts, and being in charge: what is typed, what the server is asked, what is shown."""

from typing import Any

import pytest

from chat_client import (
    FloorChange,
    FreezeChange,
    HandChange,
    Message,
    PlaceChange,
    Refused,
    RoleChange,
)
from chat_client.display.state.model import View
from chat_client.display.status_line import status_line
from chat_client.errors import CommandError
from chat_client.events import Entered
from tests.chat_client.desk import LINES, desk

# -- what is typed ----------------------------------------------------------------------------


ASKED = [
    ("/op bob", {"type": "op", "who": "bob"}),
    ("/deop @bob", {"type": "deop", "who": "@bob"}),
    ("/kick bob", {"type": "kick", "who": "bob"}),
    ("/kick bob  so  rude ", {"type": "kick", "who": "bob", "reason": "so  rude"}),
    ("/mute bob", {"type": "mute", "who": "bob"}),
    ("/mute bob 10m", {"type": "mute", "who": "bob", "seconds": 600.0}),
    ("/mute bob not now", {"type": "mute", "who": "bob", "reason": "not now"}),
    ("/unmute bob", {"type": "unmute", "who": "bob"}),
    ("/ban 10.1.0.0/16", {"type": "ban", "who": "10.1.0.0/16"}),
    (
        "/ban bob 1d spam, again",
        {"type": "ban", "who": "bob", "seconds": 86400.0, "reason": "spam, again"},
    ),
    ("/ban -a bob 2h", {"type": "ban", "who": "bob", "address": True, "seconds": 7200.0}),
    ("/unban @bob", {"type": "unban", "who": "@bob"}),
    ("/slow 30s", {"type": "slow", "room": "lobby", "seconds": 30.0}),
    ("/slow off", {"type": "slow", "room": "lobby", "seconds": 0.0}),
    ("/slow 0", {"type": "slow", "room": "lobby", "seconds": 0.0}),
    ("/lock", {"type": "lock", "room": "lobby", "locked": True}),
    ("/unlock #Ops", {"type": "lock", "room": "ops", "locked": False}),
    ("/announce the bus leaves", {"type": "announce", "text": "the bus leaves"}),
    ("/announce #ops now", {"type": "announce", "text": "now", "room": "ops"}),
    ("/freeze", {"type": "freeze", "room": "lobby"}),
    ("/freeze 10m", {"type": "freeze", "room": "lobby", "seconds": 600.0}),
    (
        "/freeze all 10m but ben, clara",
        {"type": "freeze", "seconds": 600.0, "speakers": ["ben", "clara"]},
    ),
    ("/freeze but ben", {"type": "freeze", "room": "lobby", "speakers": ["ben"]}),
    ("/freeze ops 1h", {"type": "freeze", "room": "ops", "seconds": 3600.0}),
    ("/unfreeze", {"type": "unfreeze", "room": "lobby"}),
    ("/unfreeze all", {"type": "unfreeze"}),
    ("/hand", {"type": "hand", "room": "lobby", "up": True}),
    ("/hand down", {"type": "hand", "room": "lobby", "up": False}),
]


def test_what_the_server_is_asked() -> None:
    """Every command, with what may be left out and without."""
    with desk(*[None] * len(ASKED)) as (user, asked):
        for line, request in ASKED:
            user.enter(line)
            assert asked[-1] == request


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("/kick", "type /kick WHO"),
        ("/ban", "type /ban"),
        ("/ban -a", "type /ban"),
        ("/ban bob 5min spam", "'5min' is no duration: one is 30s, 10m, 2h or 1d"),
        ("/mute bob 10", "'10' is no duration"),
        ("/slow", "type /slow DURATION|off"),
        ("/slow down", "'down' is no duration"),
        ("/slow 25h", "'25h' is too slow: it is 1d at the most"),
        ("/mute bob 0s", "'0s' cannot be: a duration is above 0 and at most 11574d"),
        ("/freeze 0m", "'0m' cannot be"),
        ("/ban bob 99999d", "'99999d' cannot be: a duration is above 0 and at most 11574d"),
        ("/freeze lobby 10m more", "'more' is one word too many"),
        ("/freeze but", "nobody stands behind 'but'"),
        ("/lock two words", "cannot be a room"),
        ("/announce", "type /announce"),
        ("/announce #ops", "type /announce"),
    ],
)
def test_what_is_typed_wrongly(line: str, says: str) -> None:
    """Nothing is asked; a sentence says how it is typed."""
    with desk() as (user, _), pytest.raises(CommandError) as caught:
        user.enter(line)
    assert says in str(caught.value)


# -- passwords --------------------------------------------------------------------------------


# -- what is shown ----------------------------------------------------------------------------


_floor = {"nick": "ana", "time": 0.0, "floor": True}
_asks = {"nick": "ben", "time": 4e9, "question": "why?"}


def test_lists() -> None:
    """Who is banned or muted, page by page; whose hands are up."""
    entry = {"number": 1, "act": "ban", "who": "@bob", "reason": "spam", "by": "ana", "time": 0.0}
    more = {"number": 2, "act": "mute", "who": "ben", "reason": "", "by": "ana", "time": 60.0}
    with desk(
        ("page", {"bans": [entry], "more": True}),
        ("page", {"bans": [{**more, "until": 3600.0}], "more": False}),
        ("page", {"bans": [], "more": False}),
        ("page", {"hands": ["ben"], "queue": [_floor, _asks], "more": True}),
        ("page", {"hands": ["clara"], "more": False}),
        ("page", {"hands": [], "more": False}),
        ("error", {"code": "forbidden", "text": "You are a member."}),
    ) as (user, asked):
        assert user.enter("/bans") == [
            "2 banned or muted:",
            "@bob  banned: spam (ana, 1970-01-01 00:00)",
            "ben  muted until 1970-01-01 01:00 (ana, 1970-01-01 00:01)",
        ]
        assert asked == [{"type": "bans"}, {"type": "bans", "after": 1}]
        assert user.view.barred == {"@bob", "ben"}
        assert user.enter("/bans") == ["nobody is banned or muted"]
        assert user.enter("/hands") == [
            "hands up in #lobby: /next gives the first the floor",
            "ana has the floor",
            "1. ben: why?",
            "2. clara",
        ]
        assert user.view.rooms["lobby"].hands == 2
        assert user.enter("/hands") == ["no hand is up"]
        assert user.view.rooms["lobby"].hands == 0
        assert user.enter("/hands") == ["your hand is not up: /hand raises it"]


def test_what_a_notice_tells_is_told_once() -> None:
    """The notice of a room that the user is in tells it; for other rooms the client confirms it."""
    with desk(*[None] * 6) as (user, _):
        assert user.enter("/freeze") == []
        assert user.enter("/freeze ops 10m") == ["#ops is frozen for 10 min"]
        assert user.enter("/lock ops") == ["#ops is locked; /unlock ops opens it"]
        assert user.enter("/announce hi") == []
        assert user.enter("/ban -a bob 1d") == [
            "bob and the address are banned for 1 d; /bans shows them"
        ]
        assert user.enter("/mute bob") == ["bob is muted; /unmute bob ends it"]


def entered(view: View, **members: Any) -> list[str]:
    values = {"topic": "", "members": 3, "after": 0, "last": 0, "lost": 0, "again": False}
    return list(view.take(Entered(**{"room": "lobby", **values, **members})))


def test_a_frozen_room() -> None:
    """It is told to those who may not talk, and stands in the status line of all."""
    view = View(LINES, "server", "on")
    assert entered(view, frozen=True) == [
        "-- you are here: #lobby, 3 here, frozen: only moderators talk, /hand raises yours"
    ]
    assert "#lobby 3 here, frozen |" in status_line(view, None, 80)
    assert list(view.take(FreezeChange("lobby", False))) == []
    assert "#lobby 3 here |" in status_line(view, None, 80)
    assert list(view.take(FreezeChange("ops", True))) == []
    (told,) = view.take(RoleChange("moderator", "ana"))
    assert told.startswith("-- ana made you a moderator")
    assert entered(view, frozen=True) == ["-- you are here: #lobby, 3 here"]
    assert "| moderator |" in status_line(view, None, 80)


def test_hands_are_told_and_counted() -> None:
    """One line for a hand that goes up; the status line has how many there are."""
    view = View(LINES, "server", "on")
    entered(view)
    assert list(view.take(HandChange("lobby", "ben", True, 2))) == [
        "-- ben raised a hand (2 waiting): /hands"
    ]
    assert "#lobby 3 here, 2 hands up" in status_line(view, None, 80)
    assert list(view.take(HandChange("lobby", "zoe", True, 2, "why?"))) == [
        "-- zoe asks: why? (2 waiting): /hands"
    ]
    assert list(view.take(HandChange("lobby", "ben", False, 1))) == []
    assert "#lobby 3 here, 1 hand up" in status_line(view, None, 80)
    assert list(view.take(HandChange("ops", "ben", True, 1))) == []


def test_the_house_is_heard_by_all() -> None:
    """A notice is shown whoever is hidden."""
    view = View(LINES, "server", "on", ignored=["ben"])
    entered(view)
    said = Message(room="lobby", seq=1, time=0.0, from_="ben", kind="notice", text="the end")
    assert "-- ben: the end" in list(view.take(said))


def test_bots_can_be_in_charge() -> None:
    """What a room offers, and what is refused as an exception."""
    refused = ("error", {"code": "forbidden", "text": "You are a member."})
    page = ("page", {"hands": ["ben"], "more": False})
    with desk(None, None, None, None, None, None, None, None, page, refused) as (user, asked):
        (room,) = user.chat.joined
        room.freeze(seconds=60, speakers=["ben"])
        room.unfreeze()
        room.slow(5)
        room.lock()
        room.unlock()
        room.announce("hi")
        room.raise_hand()
        room.lower_hand()
        assert room.hands() == ["ben"]
        with pytest.raises(Refused, match="member") as caught:
            user.chat.kick("ben", "why")
        assert caught.value.code == "forbidden"
        assert [request["type"] for request in asked] == [
            "freeze",
            "unfreeze",
            "slow",
            "lock",
            "lock",
            "announce",
            "hand",
            "hand",
            "hands",
            "kick",
        ]
        assert {request.get("room") for request in asked[:-1]} == {"lobby"}


def test_a_hand_has_a_place_and_a_question() -> None:
    """The user is told it, and it stands in the status line, with who has the floor."""
    with desk(("ok", {"place": 2}), ("ok", {"place": 2}), None) as (user, asked):
        assert user.enter("/hand") == [
            "your hand is up, number 2 in the queue; /hand down takes it down"
        ]
        user.enter("/hand why is it so?")
        assert user.enter("/hand down") == ["your hand is down"]
        assert [request.get("question") for request in asked] == [None, "why is it so?", None]
    view = View(LINES, "server", "on")
    entered(view)
    assert list(view.take(PlaceChange("lobby", 2, "why?"))) == []
    assert "#lobby 3 here, your hand is number 2 |" in status_line(view, None, 80)
    assert list(view.take(PlaceChange("lobby", 1, "why?"))) == [
        "-- your hand is number 1 in the queue"
    ]
    assert list(view.take(FloorChange("lobby", "ben"))) == []
    assert "ben has the floor, your hand is number 1" in status_line(view, None, 80)
    assert list(view.take(PlaceChange("lobby", 0))) == ["-- your hand is down"]
    entered(view, again=True)
    assert "#lobby 3 here |" in status_line(view, None, 80)


def test_next() -> None:
    """The notice tells who has the floor."""
    with desk(("ok", {"nick": "ben"}), None) as (user, asked):
        assert user.enter("/next") == []
        assert user.enter("/next") == ["no hand is up: nobody has the floor"]
        assert asked == [{"type": "next", "room": "lobby"}] * 2
