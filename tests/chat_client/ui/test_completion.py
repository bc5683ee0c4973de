"""What Tab offers: what a command's usage names, and nothing that could not stand there."""

import pytest

from chat_client.commands.table import COMMANDS
from chat_client.display.state.model import View
from chat_client.display.state.room_view import RoomView
from chat_client.display.terminal_lines import Lines
from chat_client.events import Connected, Entered
from chat_client.ui.completion import Cycle, candidates
from protocol.messages import HandChange, Presence, RoleChange

PEOPLE = ["ben", "bertha", "clara"]
ROOMS = ["lobby", "ops"]


@pytest.fixture
def view() -> View:
    """Ana, in the lobby with three others."""
    made = View(Lines(), "server", "on")
    for event in (
        Connected("ana", "s/1", "", again=False, role="moderator"),
        Entered("lobby", "", 4, 0, 0, 0, again=False),
        Presence("lobby", ["ana", *PEOPLE], [], [], 4),
    ):
        list(made.take(event))
    made.listed = {"ops"}
    return made


@pytest.mark.parametrize(
    ("before", "offered"),
    [
        ("/fr", ["/freeze"]),
        ("/uni", ["/unignore", "/uninvite"]),
        ("/unl", ["/unlock"]),
        ("/rules r", ["read-only"]),
        ("/rules topic ", ["on", "off", "everybody", "moderators", "default"]),
        ("be", ["ben:", "bertha:"]),
        ("hello be", ["ben", "bertha"]),
        ("hello #o", ["#ops"]),
        ("//me be", ["ben", "bertha"]),
        ("/me waves at be", ["ben", "bertha"]),
        ("/msg ", PEOPLE),
        ("/msg ben hi cl", ["clara"]),
        ("/w be", ["ben", "bertha"]),
        ("/reply be", ["ben", "bertha"]),
        ("/delete be", ["ben", "bertha"]),
        ("/join ", ROOMS),
        ("/join #o", ["#ops"]),
        ("/switch l", ["lobby"]),
        ("/leave ", ROOMS),
        ("/bell ", ["on", "off", "all"]),
        ("/history ", []),
        ("/history 1", []),
        ("/focus ben cl", ["clara"]),
        ("/kick ", PEOPLE),
        ("/kick ben cl", ["clara"]),
        ("/ban -", ["-a"]),
        ("/ban b", ["ben", "bertha"]),
        ("/ban -a b", ["ben", "bertha"]),
        ("/ban ben 1", ["1s", "1m", "1h", "1d", "1w"]),
        ("/ban ben 1d cl", ["clara"]),
        ("/mute ben ", ["30s", "10m", "2h", "1d", *PEOPLE]),
        ("/slow ", ["30s", "10m", "2h", "1d", "off"]),
        ("/slow 30s ", []),
        ("/freeze ", [*ROOMS, "all", "30s", "10m", "2h", "1d", "but"]),
        ("/freeze ops ", ["30s", "10m", "2h", "1d", "but"]),
        ("/freeze all 10m ", ["but"]),
        ("/freeze but ", PEOPLE),
        ("/freeze 10m but ben cl", ["clara"]),
        ("/unfreeze a", ["all"]),
        ("/lock o", ["ops"]),
        ("/hand ", ["down"]),
        ("/login ", []),
        ("/password ", []),
        ("/passw", ["/password"]),
        ("/logout be", ["ben", "bertha"]),
        ("/nonsense be", []),
    ],
)
def test_candidates(view: View, before: str, offered: list[str]) -> None:
    """One after the other, and never oneself."""
    start, found = candidates(before, view, COMMANDS)
    assert [each.rstrip() for each in found] == offered
    assert before[start:] == before.split(" ")[-1]


def test_who_is_no_moderator_is_offered_no_command_of_theirs(view: View) -> None:
    """But as soon as somebody is one; and whoever types one nevertheless is helped on."""
    list(view.take(RoleChange("member", "carla")))
    assert candidates("/un", view, COMMANDS)[1] == ["/unignore "]
    assert candidates("/fr", view, COMMANDS)[1] == []
    every = candidates("/", view, COMMANDS)[1]
    assert not {"/kick ", "/op ", "/hands ", "/announce "} & set(every)
    assert {"/hand ", "/msg ", "/claim "} <= set(every)
    assert candidates("/kick b", view, COMMANDS)[1] == ["ben ", "bertha "]
    list(view.take(RoleChange("moderator", "carla")))
    assert candidates("/fr", view, COMMANDS)[1] == ["/freeze "]


def test_who_raised_a_hand_comes_first(view: View) -> None:
    """To be given the floor with two keys; until the hand is down."""
    list(view.take(HandChange("lobby", "clara", True, 1)))
    list(view.take(HandChange("lobby", "bertha", True, 2)))
    line = "/freeze but "
    assert candidates(line, view, COMMANDS)[1] == ["clara ", "bertha ", "ben "]
    list(view.take(HandChange("lobby", "clara", False, 1)))
    assert candidates(line, view, COMMANDS)[1][0] == "bertha "
    list(view.take(HandChange("lobby", "bertha", False, 0)))
    assert candidates(line, view, COMMANDS)[1][0] == "ben "


def test_who_is_barred_can_be_let_in_again(view: View) -> None:
    """After /bans showed them: who is banned is not in the room."""
    view.barred = {"@eve", "10.0.0.7"}
    assert candidates("/unban @", view, COMMANDS)[1] == ["@eve "]
    assert candidates("/unban 10", view, COMMANDS)[1] == ["10.0.0.7 "]


def test_tab_goes_round() -> None:
    """Forwards and backwards, until something else is typed."""
    view = View(Lines(), "here", "on")
    room = view.rooms["lobby"] = view.current = RoomView("lobby")
    view.nick = "bo"
    room.nicks = {"bob", "bobby", "bo", "zoe"}
    room.speakers = {"zoe": None, "bobby": None}
    start, found = candidates("b", view, COMMANDS)
    assert (start, found) == (0, ["bobby: ", "bob: "])
    cycle = Cycle()
    text = cycle.advance("b", 1, start, found)
    assert text == "bobby: "
    text = cycle.advance(text, 1, 0, [])
    assert text == "bob: "
    assert cycle.advance(text, 1, 0, []) == "bobby: "
    assert cycle.advance("bobby: ", -1, 0, []) == "bob: "
    assert candidates("hi ", view, COMMANDS)[1] == ["bobby ", "zoe ", "bob "]
    assert candidates("", view, COMMANDS)[1] == []
    assert cycle.advance("x", 1, 0, []) == "x"
