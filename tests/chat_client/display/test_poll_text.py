"""Polls as text, also those of a server that breaks the rules."""

from typing import Any

from chat_client.display.poll_text import BAR, bars, poll_text
from protocol.messages import PollResult


def poll(**members: Any) -> PollResult:
    return PollResult(
        **{"question": "Is it?", "options": ["yes", "no"], "by": "ana", "time": 0.0, **members}
    )


def test_a_question() -> None:
    assert poll_text(poll()).split("\n") == [
        "poll: Is it?",
        "1. yes",
        "2. no",
        "/vote NUMBER; nobody sees who votes for what",
    ]
    assert "names who voted" in poll_text(poll(named=True))


def test_a_result() -> None:
    """The longest bar is for the most votes; a named one has the nicks."""
    lines = poll_text(poll(counts=[3, 1], voters=[["a", "b", "c"], ["d"]])).split("\n")
    assert lines == [
        "result of the poll: Is it?",
        f"{'█' * BAR} 3 (75%) yes",
        f"{'█' * 7} 1 (25%) no",
        "yes: a, b, c",
        "no: d",
    ]


def test_no_votes() -> None:
    assert bars(["yes", "no"], [0, 0]) == ["- 0 yes", "- 0 no"]


def test_a_hostile_server() -> None:
    """Any numbers of anything make a few lines."""
    lines = poll_text(poll(options=["x"] * 5000, counts=[-5, 10**30, 3], voters=[[]]))
    assert len(lines.split("\n")) == 4
    assert max(map(len, lines.split("\n"))) < 80
