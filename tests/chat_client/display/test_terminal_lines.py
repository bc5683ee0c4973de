"""What others chose cannot drive the terminal, nor pass for somebody else's line."""

import re

import pytest

from chat_client.display.terminal_lines import Lines
from chat_client.display.text import printable
from chat_client.events import Connected, Ended, Entered, Postponed, Reconnecting, Removed
from protocol.messages import (
    BanEntry,
    Direct,
    FreezeChange,
    HandChange,
    Message,
    Presence,
    RoleChange,
    RoomEntry,
)

HOSTILE = "a\x1b[31mb\x07\x9bc\rd\x00e\u202ef\u2066g\u2028h\udc80i\x7f"
TIME = 1_800_000_000.0


def message(text: str, kind: str = "text", **members: object) -> Message:
    values = {"room": "lobby", "seq": 1, "time": TIME, "from_": "ana", **members}
    return Message(kind=kind, text=text, **values)  # type: ignore[arg-type]


def shown(event: object, room: str | None = "lobby") -> str:
    """The line without its time of day."""
    line = Lines().of(event, "me", room)  # type: ignore[arg-type]
    assert line is not None
    return re.sub(r"^\d\d:\d\d ", "", line)


def test_strips_what_drives_a_terminal() -> None:
    """Controls, direction overrides and odd line separators go; text, line feeds, tabs stay."""
    assert printable(HOSTILE) == "a[31mbcdefghi"
    assert printable("a\tb\nc") == "a    b\nc"
    assert printable("שלום ж 漢 👩‍👩‍👧") == "שלום ж 漢 👩‍👩‍👧"


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (message("hi"), "ana  hi"),
        (message("hi", room="ops"), "#ops ana  hi"),
        (message("hi", from_="me"), "me> hi"),
        (message("bob  hi", from_="--"), "<-->  bob  hi"),
        (message("waves", "action"), "* ana waves"),
        (message("ship it", "topic"), "-- ana set the topic: ship it"),
        (message("", "topic"), "-- ana cleared the topic"),
        (message("beware", "notice"), "-- ana: beware"),
        (message("hi", "hologram"), "ana  hi"),
        (message("one\n12:00 bob  two"), "ana  one\n        12:00 bob  two"),
        (Direct(time=TIME, from_="ana", to="me", text="psst"), "[from ana] psst"),
        (
            Presence("lobby", ["a", "b"], ["c"], [("d", "e")], 4),
            "-- a, b joined, c left, d is now e (4 here)",
        ),
        (Presence("ops", list("abcdef"), [], [], 9), "-- #ops +6 joined (9 here)"),
        (Connected("me", "s/1", "", again=False), "-- connected to s/1 as me"),
        (
            Connected("me", "s/1", "be\nnice", again=True),
            "-- connected again as me\n   be\n   nice",
        ),
        (Reconnecting("it broke.", 1.25), "-- not connected (it broke); next try in 1.2 s"),
        (
            Connected("me", "s/1", "", again=True, address="b:1", moved=True),
            "-- connected again, to b:1, as me",
        ),
        (
            Connected("me", "s/1", "", again=True, forgotten=True),
            "-- connected again as me; the server does not know your session: you are new there",
        ),
        (
            Reconnecting("it broke.", 1.25, "b:1"),
            "-- not connected (it broke); next try in 1.2 s, at b:1",
        ),
        (Reconnecting("it broke.", 0.01), "-- not connected (it broke); next try now"),
        (Reconnecting("it broke.", 600.0), "-- not connected (it broke); next try in 10 min"),
        (Reconnecting("it broke.", float("inf")), "-- not connected (it broke); next try in inf s"),
        (Postponed("too fast", 3), "-- not done yet (too fast); next try in 3.0 s"),
        (Entered("lobby", "", 1, 0, 0, 0, again=False), "-- you are here: #lobby, 1 here"),
        (
            Entered("lobby", "tests", 1, 0, 0, 0, again=False),
            "-- you are here: #lobby, 1 here: tests",
        ),
        (
            Entered("lobby", "tests", 1, 0, 0, 0, again=False, frozen=True),
            "-- you are here: #lobby, 1 here, frozen: only moderators talk, /hand raises yours: "
            "tests",
        ),
        (
            RoleChange("moderator", "ana"),
            "-- ana made you a moderator: /help lists what that allows",
        ),
        (RoleChange("member", "ana"), "-- ana made you a member"),
        (RoleChange("owner", "me"), "-- you are an owner now: /help lists what that allows"),
        (HandChange("lobby", "ana", True, 2), "-- ana raised a hand (2 waiting): /hands"),
        (HandChange("ops", "ana", False, 1), "-- #ops ana took the hand down (1 waiting)"),
        (Removed("ops", "forbidden"), "-- you are no longer in #ops: forbidden"),
        (Ended("kicked"), "-- the chat is over: kicked"),
    ],
)
def test_shows(event: object, line: str) -> None:
    """Each event has its line."""
    assert shown(event) == line


def test_says_nothing_about_nothing() -> None:
    """An end that the user asked for, and a presence without a change, need no words."""
    lines = Lines()
    assert lines.of(Ended(None), "me", None) is None
    assert lines.of(FreezeChange("lobby", True), "me", None) is None  # a notice says it
    assert lines.of(Presence("lobby", [], [], [], 1), "me", None) is None


@pytest.mark.parametrize("colours", [0, 16, 256])
def test_no_event_lets_anything_through(colours: int) -> None:
    """Whatever member a hostile server fills: only our own colours reach the screen."""
    lines = Lines(colours)
    events = [
        message(HOSTILE, kind, room=HOSTILE, from_=HOSTILE)
        for kind in ("text", "action", "topic", "notice")
    ]
    written = [lines.of(event, "me", "lobby") for event in events]
    written += [
        lines.of(Direct(time=TIME, from_=HOSTILE, to="me", text=HOSTILE), "me", None),
        lines.of(Presence(HOSTILE, [HOSTILE], [HOSTILE], [(HOSTILE, HOSTILE)], 1), "me", None),
        lines.of(Connected(HOSTILE, HOSTILE, HOSTILE, again=False), "me", None),
        lines.of(Reconnecting(HOSTILE, 1), "me", None),
        lines.of(Postponed(HOSTILE, 1), "me", None),
        lines.of(Entered(HOSTILE, HOSTILE, 1, 0, 0, 0, again=False), "me", None),
        lines.of(Removed(HOSTILE, HOSTILE), "me", None),
        lines.of(RoleChange(HOSTILE, HOSTILE), "me", None),
        lines.of(HandChange(HOSTILE, HOSTILE, True, 1), "me", None),
        lines.sanction(BanEntry(1, HOSTILE, HOSTILE, HOSTILE, HOSTILE, TIME, TIME)),
        lines.of(Ended(HOSTILE), "me", None),
        lines.entry(RoomEntry(HOSTILE, 1, HOSTILE)),
        lines.direct("to", HOSTILE, HOSTILE),
    ]
    for line in written:
        assert line is not None
        plain = re.sub(r"\x1b\[[0-9;]+m", "", line) if colours else line
        assert printable(plain) == plain


@pytest.mark.parametrize("time", [1e308, -1e308, 1e18, -1.0])
def test_survives_any_time(time: float) -> None:
    """A server can send any number as the time."""
    assert Lines().message(message("hi", time=time), "me", "lobby")


def test_names_the_room_of_another() -> None:
    """Only what is said where one looks goes without a name."""
    assert shown(message("hi"), None) == "#lobby ana  hi"


def test_what_follows_a_mention_looks_like_what_was_before_it() -> None:
    """A notice is bold to its end."""
    line = Lines(colours=256).of(message("me first, then bob", "notice"), "me", "lobby")
    assert line is not None
    assert line.endswith("\x1b[7m\x1b[1mme\x1b[0m\x1b[1m first, then bob\x1b[0m")
