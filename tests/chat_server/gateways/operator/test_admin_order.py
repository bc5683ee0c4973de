"""What the operator does as moderators do, from the shell."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chat_server.admin.folders import Operator
from tests.chat_server.house import House
from tests.chat_server.moderation.order_house import (
    OrderedHouse,
    is_refused,
    notices,
    ordered_house,
)
from tests.support.servers import running_server


@pytest.fixture
def operator(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Operator:
    """An operator, whose data folder is that of the server."""
    return Operator(capsys, tmp_path)


@pytest.fixture
def place(operator: Operator) -> Iterator[OrderedHouse]:
    """A server with its owner and a moderator, on the operator's data."""
    with ordered_house(operator.data) as place:
        yield place


def acts(operator: Operator) -> list[tuple[str, str, str, str]]:
    """What the audit log has of the operator."""
    records = operator.done("audit", "--format", "json").records
    return [
        (each["act"], each["whom"], each["reason"], "until" if each["until"] else "")
        for each in records
        if each["who"] == "the operator"
    ]


def test_ban_and_unban(operator: Operator, place: OrderedHouse) -> None:
    """Who is banned is told by whom and why, and may come in again after it."""
    bob = place.enter("bob", "lobby")
    assert operator.done("ban", "bob", "enough", "--for", "2h").lines == ["bob: banned for 2 h."]
    text = bob.expect_end("banned")[-1]["text"]
    assert "the operator" in text
    assert "enough" in text
    is_refused(place.connect(), "bob")
    assert operator.done("unban", "bob").lines == ["bob may come in again."]
    place.enter("bob")
    assert "bob" in operator.refused("unban", "bob")
    assert acts(operator) == [("ban", "bob", "enough", "until"), ("unban", "bob", "", "")]


def test_a_ban_of_the_address(operator: Operator) -> None:
    """Of everybody who has it; not where an owner is connected from there."""
    with running_server(operator.data) as server, House(server) as house:
        zoe, kim = house.enter("zoe"), house.enter("kim")
        operator.done("ban", "zoe", "--address", "--json")
        zoe.expect_end("banned")
        kim.expect_end("banned")


def test_an_owner_cannot_be_banned(operator: Operator, place: OrderedHouse) -> None:
    """Not even by mistake: nobody is locked out for good."""
    assert "owner" in operator.refused("ban", "ada")
    place.ada.ping()


def test_mute_and_unmute(operator: Operator, place: OrderedHouse) -> None:
    """As a moderator's."""
    bob = place.enter("bob", "lobby")
    assert operator.done("mute", "bob").lines == ["bob: muted."]
    assert "the operator" in bob.refused("muted", "say", room="lobby", text="hm")["text"]
    assert "moderator" in operator.refused("mute", "mia")
    operator.done("unmute", "bob")
    bob.say("lobby", "again")
    assert acts(operator) == [("mute", "bob", "", ""), ("unmute", "bob", "", "")]


def test_freeze_and_unfreeze(operator: Operator, place: OrderedHouse) -> None:
    """One room or all, for a time, but for some; a notice says so before the command is done."""
    bob, eva = place.enter("bob", "lobby"), place.enter("eva", "lobby", "garden")
    done = operator.done("freeze", "--room", "#lobby", "--for", "5m", "--but", "eva")
    assert done.lines == ["lobby is frozen for 5 min."]
    assert "eva" in notices(bob, 1)[0]
    bob.refused("muted", "say", room="lobby", text="hm")
    eva.say("lobby", "I may")
    assert operator.done("unfreeze", "--room", "lobby").lines == [
        "lobby is open to everybody again."
    ]
    bob.say("lobby", "again")
    assert operator.done("freeze").lines == ["all rooms are frozen."]
    eva.refused("muted", "say", room="garden", text="hm")
    operator.done("unfreeze")
    eva.say("garden", "again")
    assert [act[:2] for act in acts(operator)] == [
        ("freeze", "lobby"),
        ("unfreeze", "lobby"),
        ("freeze", "all rooms"),
        ("unfreeze", "all rooms"),
    ]


def test_what_there_is_not(operator: Operator, place: OrderedHouse) -> None:
    """A room, a speaker, a duration: a sentence for each, and nothing happened."""
    assert "no room attic" in operator.refused("freeze", "--room", "attic")
    assert "zed" in operator.refused("freeze", "--but", "zed")
    with House(place.running) as house:
        house.enter("bob", "lobby").say("lobby", "still open")
    outcome = operator.types("mute", "bob", "--for", "soon")
    assert (outcome.code, "no duration" in outcome.err) == (2, True)
