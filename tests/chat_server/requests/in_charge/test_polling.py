"""Polls, over the wire: who may ask, who votes, and what everybody sees."""

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from chat_server.identity.store.people_store import PeopleStore
from tests.chat_server.house import House
from tests.chat_server.moderation.order_house import OrderedHouse, ordered_house
from tests.support.clock import ManualClock
from tests.support.peer import Frame, Peer
from tests.support.servers import running_server
from tests.support.waiting import eventually

QUESTION = "Is recv blocking?"
OPTIONS = ["yes", "no", "it depends"]


@pytest.fixture
def place() -> Any:
    with ordered_house() as house:
        yield house


def ask(peer: Peer, **members: Any) -> Frame:
    """Ask a room."""
    return peer.ok("poll", room="lobby", question=QUESTION, options=OPTIONS, **members)


def opened(peer: Peer) -> Frame:
    """What somebody is told of a poll that is open."""
    return peer.take(lambda frame: frame.get("type") == "poll" and frame["open"])


def said(peer: Peer, count: int = 1) -> list[Frame]:
    """The next messages of the kind `poll`."""
    return [peer.take(lambda frame: frame.get("kind") == "poll") for _ in range(count)]


def counted(peer: Peer, *counts: int) -> None:
    """Wait until who asked is told of so many votes."""
    peer.take(lambda frame: frame.get("type") == "poll" and frame.get("counts") == list(counts))


def test_a_poll_from_its_question_to_its_result(place: OrderedHouse) -> None:
    """Only who asked sees the counts before the end; nobody sees who voted for what."""
    bob, zoe = place.enter("bob", "lobby"), place.enter("zoe", "lobby")
    ask(place.mia)
    for peer in (bob, zoe):
        told = opened(peer)
        assert (told["question"], told["options"], told["by"]) == (QUESTION, OPTIONS, "mia")
        assert "counts" not in told
    (question,) = said(bob)
    assert question["from"] == "mia"
    assert QUESTION in question["text"]
    assert "2. no" in question["text"]
    assert "counts" not in question["poll"]
    bob.ok("vote", room="lobby", choice=1)
    bob.ok("vote", room="lobby", choice=2)
    zoe.ok("vote", room="lobby", choice=2)
    counted(place.mia, 0, 2, 0)
    place.mia.ok("end_poll", room="lobby")
    for peer in (zoe, place.mia, place.ada):
        result = said(peer, 2)[-1]
        assert result["poll"]["counts"] == [0, 2, 0]
        assert "voters" not in result["poll"]
        assert "yes 0, no 2, it depends 0" in result["text"]
    zoe.take(lambda frame: frame.get("type") == "poll" and not frame["open"])
    assert not [frame for frame in zoe.queue if frame.get("counts")]
    zoe.refused("forbidden", "vote", room="lobby", choice=1)
    place.mia.refused("forbidden", "end_poll", room="lobby")
    page = zoe.page("history", room="lobby", limit=1)
    assert page["messages"][0]["poll"]["counts"] == [0, 2, 0]


def test_a_named_poll_says_who_voted_for_what(place: OrderedHouse) -> None:
    bob, zoe = place.enter("bob", "lobby"), place.enter("zoe", "lobby")
    ask(place.mia, named=True)
    assert opened(bob)["named"]
    for peer in (zoe, bob):
        peer.ok("vote", room="lobby", choice=3)
    place.mia.ok("end_poll", room="lobby")
    assert said(zoe, 2)[-1]["poll"]["voters"] == [[], [], ["bob", "zoe"]]


def test_a_poll_survives_a_restart_with_its_votes(tmp_path: Path) -> None:
    """One vote a person holds over it; who asked is told the counts, who voted their vote."""
    with ordered_house(tmp_path) as place:
        bob, zoe = place.enter("bob", "lobby"), place.enter("zoe", "lobby")
        ask(place.mia)
        bob.ok("vote", room="lobby", choice=1)
        sessions = place.ada.session, place.mia.session
    with running_server(tmp_path) as server, OrderedHouse(server, *sessions) as place:
        assert opened(place.mia)["counts"] == [1, 0, 0]
        again = place.enter("bob", session=bob.session)
        again.skip_ids(100)
        again.join("lobby")
        assert opened(again)["choice"] == 1
        again.ok("vote", room="lobby", choice=2)
        other = place.enter("zoe", session=zoe.session)
        other.skip_ids(100)
        other.join("lobby")
        assert "choice" not in opened(other)
        other.ok("vote", room="lobby", choice=2)
        counted(place.mia, 0, 2, 0)
        place.mia.ok("end_poll", room="lobby")
        assert said(other)[-1]["poll"]["counts"] == [0, 2, 0]


def test_one_account_is_one_vote(place: OrderedHouse) -> None:
    """On whichever device, and whether it voted before it logged in."""
    bob = place.enter("bob", "lobby")
    bob.ok("register", password="correct horse")
    phone = place.enter("bobby", "lobby")
    ask(place.mia)
    bob.ok("vote", room="lobby", choice=1)
    phone.ok("vote", room="lobby", choice=2)
    counted(place.mia, 1, 1, 0)
    bob.ok("bye")
    bob.expect_end("bye")
    phone.ok("login", password="correct horse", account="bob")
    phone.ok("vote", room="lobby", choice=3)
    counted(place.mia, 1, 0, 1)


def test_others_ask_only_where_nobody_is_in_charge(place: OrderedHouse) -> None:
    """There anybody may; and who is in charge may end it."""
    bob, zoe = place.enter("bob", "lobby", "garden"), place.enter("zoe", "garden")
    refused = bob.refused("forbidden", "poll", room="lobby", question=QUESTION, options=OPTIONS)
    assert "in charge" in refused["text"]
    bob.ok("poll", room="garden", question=QUESTION, options=OPTIONS)
    zoe.ok("vote", room="garden", choice=1)
    zoe.refused("forbidden", "end_poll", room="garden")
    zoe.refused("forbidden", "poll", room="garden", question="mine?", options=["a", "b"])
    place.mia.join("garden")
    place.mia.ok("end_poll", room="garden")
    assert said(zoe, 2)[-1]["from"] == "mia"


def test_whoever_may_ask_may_end_a_poll_whose_asker_has_gone(place: OrderedHouse) -> None:
    """Nobody keeps a room from asking by leaving a poll behind."""
    bob, zoe = place.enter("bob", "garden"), place.enter("zoe", "garden")
    bob.ok("poll", room="garden", question=QUESTION, options=OPTIONS)
    bob.ok("leave", room="garden")
    zoe.ok("end_poll", room="garden")
    zoe.ok("poll", room="garden", question="mine?", options=["a", "b"])


def test_who_may_not_speak_asks_nothing(place: OrderedHouse) -> None:
    """Who is muted does not vote either. In a frozen room everybody else does."""
    bob, zoe = place.enter("bob", "garden", "lobby"), place.enter("zoe", "garden", "lobby")
    members = {"room": "garden", "question": QUESTION, "options": OPTIONS}
    place.mia.ok("mute", who="bob")
    bob.refused("muted", "poll", **members)
    place.mia.ok("freeze", room="garden")
    zoe.refused("muted", "poll", **members)
    place.mia.ok("unfreeze", room="garden")
    place.mia.ok("slow", room="garden", seconds=60)
    zoe.say("garden", "hi")
    zoe.refused("rate_limited", "poll", **members)
    place.mia.ok("freeze", room="lobby")
    ask(place.mia)
    zoe.ok("vote", room="lobby", choice=1)
    bob.refused("muted", "vote", room="lobby", choice=1)
    counted(place.mia, 1, 0, 0)


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"options": ["yes"]}, "bad_request"),
        ({"options": [str(number) for number in range(11)]}, "bad_request"),
        ({"options": ["yes", " yes"]}, "bad_request"),
        ({"options": ["yes", "n" * 101]}, "text_too_long"),
        ({"options": ["yes", ""]}, "bad_text"),
        ({"question": "a" * 301}, "text_too_long"),
        ({"question": "two\nlines?"}, "bad_text"),
        ({"room": "nowhere"}, "not_in_room"),
    ],
)
def test_a_poll_that_breaks_a_rule(place: OrderedHouse, members: Frame, code: str) -> None:
    whole = {"room": "lobby", "question": QUESTION, "options": OPTIONS, **members}
    place.mia.refused(code, "poll", **whole)


def test_a_vote_is_for_an_option_of_a_room_that_one_is_in(place: OrderedHouse) -> None:
    bob, outside = place.enter("bob", "lobby"), place.enter("max")
    bob.refused("forbidden", "vote", room="lobby", choice=1)
    ask(place.mia)
    bob.refused("bad_request", "vote", room="lobby", choice=4)
    for choice in (0, 11, -1):
        bob.refused("bad_request", "vote", room="lobby", choice=choice)
    outside.refused("not_in_room", "vote", room="lobby", choice=1)
    outside.refused("not_in_room", "end_poll", room="lobby")


def test_a_request_that_comes_again_is_done_once(place: OrderedHouse) -> None:
    bob = place.enter("bob", "lobby")
    asked = {"type": "poll", "room": "lobby", "question": QUESTION, "options": OPTIONS}
    for frame in (asked, {"type": "end_poll", "room": "lobby"}):
        number = place.mia.next_id()
        for _ in range(2):
            place.mia.send({"id": number, **frame})
            assert place.mia.reply(number)["type"] == "ok"
    messages = bob.page("history", room="lobby")["messages"]
    assert [message["kind"] for message in messages] == ["poll", "poll"]


def test_the_poll_of_a_room_that_is_removed_goes_with_it(tmp_path: Path) -> None:
    with running_server(tmp_path) as server, House(server) as house:
        bob = house.connect()
        bob.hello("bob")
        bob.ok("join", room="shed", temporary=True)
        bob.ok("poll", room="shed", question=QUESTION, options=OPTIONS)
        bob.ok("leave", room="shed")
        eventually(lambda: bob.request("forget", room="shed")["type"] == "ok")
        bob.ok("join", room="shed")
        bob.refused("forbidden", "vote", room="shed", choice=1)


def test_those_in_charge_leave_a_line_in_the_audit_log(tmp_path: Path, clock: ManualClock) -> None:
    """Others do not: what they ask is in the room's log."""
    with ordered_house(tmp_path, clock) as place:
        ask(place.mia)
        place.mia.ok("end_poll", room="lobby")
        bob = place.enter("bob", "garden")
        bob.ok("poll", room="garden", question=QUESTION, options=OPTIONS)
    with closing(PeopleStore(tmp_path)) as people:
        acts = [act for _, act in people.acts()]
    assert [(act.who, act.act, act.whom, act.reason) for act in acts[-2:]] == [
        ("mia", "poll", "lobby", QUESTION),
        ("mia", "end_poll", "lobby", QUESTION),
    ]
