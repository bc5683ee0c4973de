"""`admin polls`: the results of a room's polls, from its log."""

import csv
import json
from pathlib import Path

import pytest

from tests.chat_server.admin.folders import Operator
from tests.chat_server.moderation.order_house import ordered_house


@pytest.fixture
def polled(tmp_path: Path) -> Path:
    """The data of a server with one poll that has ended, of two."""
    with ordered_house(tmp_path / "polled") as place:
        bob = place.enter("bob", "lobby")
        wanted = {"room": "lobby", "options": ["yes", "=no"]}
        place.mia.ok("poll", question="Is it?", named=True, **wanted)
        bob.ok("vote", room="lobby", choice=2)
        place.mia.ok("end_poll", room="lobby")
        place.mia.ok("poll", question="And this?", **wanted)
        bob.ok("vote", room="lobby", choice=2)
    return tmp_path / "polled"


def test_what_ended_is_written(operator: Operator, polled: Path) -> None:
    """As text, CSV and JSON; what is open has no result yet."""
    operator.data = polled
    first, *options = operator.done("polls", "--room", "lobby").lines
    assert first.endswith("mia: Is it?")
    assert [line.split() for line in options] == [["0", "yes"], ["1", "=no", "(bob)"]]
    rows = list(csv.reader(operator.done("polls", "--room", "lobby", "--format", "csv").lines))
    assert [row[5:] for row in rows] == [
        ["question", "option", "votes", "voters"],
        ["Is it?", "yes", "0", ""],
        ["Is it?", "'=no", "1", "bob"],
    ]
    (line,) = operator.done("polls", "--room", "lobby", "--format", "json").lines
    record = json.loads(line)
    assert (record["question"], record["counts"]) == ("Is it?", [0, 1])
    assert record["voters"] == [[], ["bob"]]
