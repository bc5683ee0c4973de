"""/poll and /vote."""

from pathlib import Path
from typing import Any

import pytest

from chat_client import Message, PollChange, PollResult
from chat_client.display.state.model import View
from chat_client.display.status_line import status_line
from chat_client.errors import CommandError
from chat_client.events import Entered
from tests.chat_client.desk import LINES, desk

RESULT: dict[str, Any] = {
    "room": "lobby",
    "seq": 3,
    "time": 60.0,
    "from": "ana",
    "kind": "poll",
    "text": "result",
    "poll": {
        "question": "Is it?",
        "options": ["yes", "no"],
        "by": "ana",
        "time": 0.0,
        "counts": [2, 1],
    },
}
SAID = {name: value for name, value in RESULT.items() if name != "poll"} | {"seq": 2}


def test_what_is_asked() -> None:
    with desk(None, None, None, None) as (user, asked):
        user.enter("/poll Is recv blocking? yes | no | it depends")
        user.enter("/poll --named Tea | green | black")
        assert user.enter("/vote 2") == ["you have voted; /vote with another number changes it"]
        user.enter("/poll end")
        assert asked == [
            {
                "type": "poll",
                "room": "lobby",
                "question": "Is recv blocking?",
                "options": ["yes", "no", "it depends"],
            },
            {
                "type": "poll",
                "room": "lobby",
                "question": "Tea",
                "options": ["green", "black"],
                "named": True,
            },
            {"type": "vote", "room": "lobby", "choice": 2},
            {"type": "end_poll", "room": "lobby"},
        ]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("/poll Is it?", "type /poll"),
        ("/vote", "type /vote"),
        ("/vote two", "'two' is no number"),
        ("/vote 11", "'11' is no number"),
        ("/poll csv", "a name of a file is missing"),
    ],
)
def test_what_is_typed_wrongly(line: str, says: str) -> None:
    with desk() as (user, _), pytest.raises(CommandError) as caught:
        user.enter(line)
    assert says in str(caught.value)


def test_results_are_saved(tmp_path: Path) -> None:
    """All that are in the room's log; nothing is written over."""
    page = ("page", {"messages": [SAID, RESULT], "more": False})
    file = tmp_path / "polls.csv"
    with desk(page, page, ("page", {"messages": [], "more": False})) as (user, _):
        assert user.enter(f"/poll csv {file}") == [f"1 poll is in {file}"]
        assert file.read_text(encoding="utf-8").splitlines()[1:] == [
            "lobby,3,1970-01-01T00:00:00Z,1970-01-01T00:01:00Z,ana,Is it?,yes,2,",
            "lobby,3,1970-01-01T00:00:00Z,1970-01-01T00:01:00Z,ana,Is it?,no,1,",
        ]
        with pytest.raises(CommandError, match="is there already"):
            user.enter(f"/poll csv {file}")
        with pytest.raises(CommandError, match="no poll has ended"):
            user.enter(f"/poll csv {tmp_path / 'other.csv'}")


def test_the_time_of_a_hostile_server_is_left_out(tmp_path: Path) -> None:
    wild = {**RESULT, "time": 1e300}
    with desk(("page", {"messages": [wild], "more": False})) as (user, _):
        user.enter(f"/poll csv {tmp_path / 'polls.csv'}")
    assert ",1970-01-01T00:00:00Z,,ana" in (tmp_path / "polls.csv").read_text(encoding="utf-8")


def opened(**members: Any) -> PollChange:
    return PollChange("lobby", True, "ana", "Is it?", ["yes", "no"], **members)


def test_the_poll_that_is_open() -> None:
    """Its options; for who asked, with the votes so far."""
    with desk() as (user, _):
        assert user.enter("/poll") == ["no poll is open; /poll Is it? yes | no asks one"]
        list(user.view.take(opened()))
        assert user.enter("/poll") == ["ana asks: Is it?", "1. yes", "2. no"]
        list(user.view.take(opened(counts=[1, 0])))
        shown = user.enter("/poll")
        assert shown[1].endswith("1 (100%) yes")
        assert shown[-1] == "/poll end ends it, and shows this to all"


def test_the_status_line_has_the_votes() -> None:
    """For who asked. It is gone with the poll's end, and where one comes in anew."""
    view = View(LINES, "server", "on")
    list(view.take(Entered("lobby", "", 3, 0, 0, 0, again=False)))
    assert list(view.take(opened())) == []
    assert "a poll is open: /vote" in status_line(view, None, 80)
    list(view.take(opened(counts=[12, 3])))
    assert "poll: 12/3" in status_line(view, None, 80)
    list(view.take(PollChange("lobby", False)))
    assert "poll" not in status_line(view, None, 80)
    list(view.take(opened()))
    list(view.take(Entered("lobby", "", 3, 0, 0, 0, again=True)))
    assert "poll" not in status_line(view, None, 80)


def test_a_result_has_bars() -> None:
    """Whatever its text says."""
    view = View(LINES, "server", "on")
    list(view.take(Entered("lobby", "", 3, 0, 0, 0, again=False)))
    poll = PollResult("Is it?", ["yes", "no"], "ana", 0.0, counts=[2, 0])
    *_, line = view.take(Message("lobby", 1, 0.0, "ana", "poll", "text", poll=poll))
    first, yes, no = line.split("\n")
    assert first.endswith("-- ana: result of the poll: Is it?")
    assert yes.endswith("\u2588 2 (100%) yes")
    assert no.endswith("- 0 (0%) no")
