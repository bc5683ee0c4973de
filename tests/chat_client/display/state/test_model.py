"""The view of the terminal client: lines for events, for a lost connection, for an absence."""

import re

import pytest

from chat_client.display.state.model import View
from chat_client.display.status_line import status_line
from chat_client.display.terminal_lines import Lines
from chat_client.events import Connected, Entered, Reconnecting
from protocol.messages import Message, Presence


def test_a_try_that_fails_after_the_user_wanted_none_begins_no_countdown() -> None:
    """The status line shows no countdown, until the user wants a try again."""
    view = View(Lines(), "server", "on")

    def status_after(reason: str) -> str:
        list(view.take(Reconnecting(reason, 20.0)))
        return status_line(view, None, 80)

    assert "reconnecting in 20 s" in status_after("it broke")
    view.stop_retrying()
    assert "not connected" in status_line(view, None, 80)
    assert "not connected" in status_after("nobody listens there")
    view.retry()
    assert "reconnecting in 20 s" in status_after("nobody listens there")


def test_a_new_nick_is_told_to_others_only() -> None:
    """The user's own command tells it, whether its reply or the event comes first."""
    view = View(Lines(), "server", "on")
    list(view.take(Connected("ana", "s/1", "", again=False)))
    list(view.take(Entered("lobby", "", 2, 0, 0, 0, again=False)))

    def told(old: str, new: str) -> list[str]:
        list(view.take(Presence("lobby", [], [], [(old, new)], 2)))
        return [line[6:] for line in view.settle()]

    assert told("ana", "anna") == []
    assert told("ann", "ana") == []
    assert told("ben", "benno") == ["-- ben is now benno (2 here)"]


def said(room: str, seqs: range) -> list[Message]:
    """What somebody says."""
    return [Message(room, seq, 1.0, "bob", "text", f"number {seq}") for seq in seqs]


def lines_of(view: View, *events: object) -> list[str]:
    """What is shown of events, without days and times of day."""
    shown = [line for event in events for line in view.take(event)]  # type: ignore[arg-type]
    return [line[6:] for line in shown if re.match(r"\d\d:\d\d ", line)]


@pytest.fixture
def view() -> View:
    """Ana, who looks at #ops and is in the lobby."""
    made = View(Lines(), "server", "on")
    lines_of(
        made,
        Connected("ana", "s/1", "", again=False),
        Entered("lobby", "", 2, 10, 10, 0, again=False),
        Entered("ops", "", 2, 0, 0, 0, again=False),
    )
    return made


def again(room: str, after: int, last: int, lost: int = 0) -> Entered:
    """A room was entered again."""
    return Entered(room, "", 2, after, last, lost, again=True)


def test_few_messages_are_shown_behind_a_line(view: View) -> None:
    """All of them, in any room."""
    assert lines_of(view, again("ops", 0, 2), *said("ops", range(1, 3))) == [
        "-- you were away: +2 messages:",
        "bob  number 1",
        "bob  number 2",
        "-- you are here: #ops, 2 here",
    ]
    assert lines_of(view, again("lobby", 10, 11), *said("lobby", range(11, 12))) == [
        "-- you were away: +1 message in #lobby:",
        "#lobby bob  number 11",
        "-- that is all of #lobby",
    ]


def test_of_many_only_the_end_is_shown(view: View) -> None:
    """PgUp has all of them, from where one had read; in another room they are unread."""
    shown = lines_of(view, again("ops", 0, 2000), *said("ops", range(1, 2002)))
    assert shown == [
        "-- you were away: +2,000 messages, PgUp to read them; the last 20:",
        *(f"bob  number {seq}" for seq in range(1981, 2001)),
        "-- you are here: #ops, 2 here",
        "bob  number 2001",
    ]
    assert view.read_here == 0
    assert view.read_back() >= 2001
    assert lines_of(view, again("lobby", 10, 500), *said("lobby", range(11, 501))) == [
        "-- you were away: +490 messages in #lobby, /switch lobby and PgUp to read them"
    ]
    assert view.rooms["lobby"].unread == 490
    list(view.switch("lobby"))
    assert view.read_here == 10


def test_what_was_read_last_is_kept_through_more_than_one_absence(view: View) -> None:
    """Until the user talks; what is missed while the connection is bad is still to be read."""
    lines_of(view, again("ops", 0, 2000), *said("ops", range(1, 1000)))
    shown = lines_of(view, again("ops", 999, 2000), *said("ops", range(1000, 2001)))
    assert shown[0].startswith("-- you were away: +1,001 messages")
    assert view.read_here == 0
    view.speak()
    assert view.read_here is None
    assert view.read_back() == 200


def test_what_comes_after_a_stop_is_held_until_it_is_known_how_much(view: View) -> None:
    """It is shown once, and in order; whether the answer comes early, late, or not at all."""
    assert view.hold() == ["lobby", "ops"]
    assert view.hold() == []
    assert lines_of(view, *said("ops", range(1, 60))) == []
    shown = [line[6:] for line in view.count_missed("ops", 50) if "number" in line or "--" in line]
    assert [line for line in shown if "number" in line] == [
        f"bob  number {seq}" for seq in range(31, 60)
    ]
    assert "+50 messages, PgUp" in "".join(shown)
    lines_of(view, *said("lobby", range(11, 14)))
    assert [line[6:] for line in view.count_missed("lobby", 0)] == [
        f"#lobby bob  number {seq}" for seq in range(11, 14)
    ]
    assert view.hold() == ["lobby", "ops"]
    assert list(view.count_missed("ops", 59)) == []
    assert lines_of(view, *said("ops", range(60, 61))) == ["bob  number 60"]


def test_a_connection_that_died_while_stopped(view: View) -> None:
    """What was held back counts, and is shown in its order."""
    view.hold()
    lines_of(view, *said("ops", range(1, 4)))
    shown = lines_of(view, again("ops", 3, 5), *said("ops", range(4, 6)))
    assert shown[0] == "-- you were away: +5 messages:"
    assert [line for line in shown if "number" in line] == [
        f"bob  number {seq}" for seq in range(1, 6)
    ]
    assert list(view.count_missed("ops", 5)) == []


def test_what_was_missed_is_shown_as_it_is_now(view: View) -> None:
    """A text that was deleted meanwhile is not shown to who looks at the room later."""
    lines_of(
        view,
        Message("lobby", 11, 1.0, "bob", "text", "a secret"),
        Message("lobby", 12, 1.0, "bob", "text", "tee"),
        Message("lobby", 13, 1.0, "bob", "edit", "tea", changes=12),
        Message("lobby", 14, 1.0, "mia", "delete", "deleted message 11", changes=11),
        Message("lobby", 15, 1.0, "bob", "text", "why?", reply_to=11),
    )
    shown = "\n".join(view.switch("lobby"))
    assert "secret" not in shown
    assert "(deleted)" in shown
    assert "tea (edited)" in shown
    assert "re 11 bob: (deleted)" in shown


def test_no_change_rings(view: View) -> None:
    """The user read the name already, or it was taken back."""
    view.ringing = False
    edit = Message("lobby", 12, 1.0, "bob", "edit", "ana: look", changes=11)
    lines_of(view, edit, Message("lobby", 13, 1.0, "mia", "delete", "ana: x", changes=11))
    assert not view.ringing
