"""What moderators ask for: who may, and what comes twice is done once."""

from pathlib import Path
from typing import Any

import pytest

from tests.chat_server.house import texts, whole_log
from tests.chat_server.moderation.order_house import OrderedHouse, ordered_house
from tests.support.clock import ManualClock
from tests.support.peer import Frame
from tests.support.servers import running_server

ACTS: list[tuple[str, dict[str, Any]]] = [
    ("kick", {"who": "zoe"}),
    ("ban", {"who": "zoe"}),
    ("unban", {"who": "zoe"}),
    ("mute", {"who": "zoe"}),
    ("unmute", {"who": "zoe"}),
    ("bans", {}),
    ("slow", {"room": "lobby", "seconds": 5}),
    ("lock", {"room": "lobby", "locked": True}),
    ("announce", {"text": "hi"}),
    ("freeze", {}),
    ("unfreeze", {}),
    ("hands", {"room": "lobby"}),
]


@pytest.mark.parametrize(("act", "members"), ACTS, ids=lambda each: str(each))
def test_a_member_may_do_none_of_it(place: OrderedHouse, act: str, members: dict[str, Any]) -> None:
    """`forbidden`, and nothing happened."""
    bob, zoe = place.enter("bob", "lobby"), place.enter("zoe", "lobby")
    bob.refused("forbidden", act, **members)
    zoe.say("lobby", "still here")
    assert texts(whole_log(zoe, "lobby")) == ["still here"]


def test_who_was_deposed_may_do_nothing_more(place: OrderedHouse) -> None:
    """A role is looked at when the request comes."""
    place.enter("bob")
    place.ada.ok("deop", who="mia")
    place.mia.refused("forbidden", "kick", who="bob")


def test_a_kick_sent_again_is_done_once(place: OrderedHouse) -> None:
    """The same request after a reconnect: who came back stays, and no second notice is written."""
    bob = place.enter("bob", "lobby")
    kick = {"type": "kick", "id": 50, "who": "bob"}
    place.mia.send(kick)
    assert place.mia.reply(50)["type"] == "ok"
    bob.expect_end("kicked")
    again = place.enter("bob", "lobby", session=bob.session)
    again.skip_ids(100)
    mia = place.enter("mia", "lobby", session=place.mia.session)
    mia.send(kick)
    assert mia.reply(50)["type"] == "ok"
    again.ping()
    assert texts(whole_log(again, "lobby")) == ["bob was thrown out"]


@pytest.mark.parametrize("restart", [False, True], ids=["runs on", "restarts"])
def test_a_kick_from_no_room_sent_again_is_done_once(tmp_path: Path, restart: bool) -> None:
    """No notice says that it was done."""
    kick = {"type": "kick", "id": 5000, "who": "bob"}
    with ordered_house(tmp_path) as place:
        bob = place.enter("bob")
        place.mia.send(kick)
        assert place.mia.reply(5000)["type"] == "ok"
        bob.expect_end("kicked")
        sessions = place.ada.session, place.mia.session
        if not restart:
            _kick_again(place, kick, bob.session)
    if restart:
        with running_server(tmp_path) as server:
            _kick_again(OrderedHouse(server, *sessions), kick, bob.session)


def _kick_again(place: OrderedHouse, kick: Frame, session: str) -> None:
    with place:
        again = place.enter("bob", session=session)
        place.mia.send(kick)
        assert place.mia.reply(5000)["type"] == "ok"
        again.ping()


def test_bans_and_mutes_sent_again_are_done_once(place: OrderedHouse, clock: ManualClock) -> None:
    """One that was lifted since does not come back, nor is what is lifted lifted again."""
    requests: list[Frame] = [
        {"type": "ban", "id": 100, "who": "bob", "seconds": 60},
        {"type": "unban", "id": 101, "who": "bob"},
        {"type": "mute", "id": 102, "who": "bob"},
        {"type": "unmute", "id": 103, "who": "bob"},
    ]
    for request in requests * 2:
        place.mia.send(request)
        assert place.mia.reply(request["id"])["type"] == "ok"
    assert place.mia.page("bans")["bans"] == []
    until = []
    for _ in range(2):
        place.mia.send({"type": "ban", "id": 104, "who": "bob", "seconds": 60})
        assert place.mia.reply(104)["type"] == "ok"
        until += [ban["until"] for ban in place.mia.page("bans")["bans"]]
        clock.advance(30)
    assert until == [until[0]] * 2


BAD_REASONS = [
    ("x" * 201, "text_too_long"),
    ("a\x1b[2J", "bad_text"),
    ("a\nb", "bad_text"),
    ("", "bad_text"),
    ("a\u202eb", "bad_text"),
]


@pytest.mark.parametrize(("reason", "code"), BAD_REASONS, ids=ascii)
@pytest.mark.parametrize("act", ["kick", "ban", "mute"])
def test_a_bad_reason_is_refused(place: OrderedHouse, act: str, reason: str, code: str) -> None:
    """It stands in others' terminals, and in the operator's log."""
    bob = place.enter("bob")
    place.mia.refused(code, act, who="bob", reason=reason)
    bob.ping()


def test_bans_are_listed_page_by_page(place: OrderedHouse) -> None:
    """In the order of their numbers, bans and mutes alike."""
    place.mia.ok("ban", who="bob", reason="one", seconds=60)
    place.mia.ok("mute", who="192.0.2.0/24")
    for number in range(90):
        place.mia.ok("ban", who=f"n{number}", reason="🦊" * 200)
    first = place.mia.page("bans")
    assert first["more"]
    bob, network = first["bans"][:2]
    assert (bob["act"], bob["who"], bob["reason"], bob["by"]) == ("ban", "bob", "one", "mia")
    assert bob["until"] == pytest.approx(bob["time"] + 60)
    assert (network["act"], network["who"], network["reason"]) == ("mute", "192.0.2.0/24", "")
    assert "until" not in network
    found = list(first["bans"])
    while first["more"]:
        first = place.mia.page("bans", after=found[-1]["number"])
        found += first["bans"]
    assert [each["who"] for each in found[2:]] == [f"n{number}" for number in range(90)]
    assert [each["number"] for each in found] == sorted(each["number"] for each in found)
