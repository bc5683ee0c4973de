"""The results of polls as CSV."""

import csv
from typing import Any

from protocol.messages import Message, PollResult
from protocol.messages.poll_table import HEADS, poll_csv


def result(seq: int, **members: Any) -> Message:
    poll = PollResult(
        **{"question": "Is it?", "options": ["yes", "no"], "by": "ana", "time": 0.0, **members}
    )
    return Message("lobby", seq, 60.0, "ana", "poll", "text", poll=poll)


def read(*messages: Message) -> list[list[str]]:
    return list(csv.reader(poll_csv(messages, "{:.0f} s".format)))


def test_a_line_for_each_option() -> None:
    """What is no result is left out."""
    text = Message("lobby", 1, 0.0, "ana", "text", "hi")
    named = result(3, counts=[2, 0], named=True, voters=[["ben", "zoe"], []])
    heads, *rows = read(text, result(2), named)
    assert heads == list(HEADS)
    about = ["lobby", "3", "0 s", "60 s", "ana", "Is it?"]
    assert rows == [[*about, "yes", "2", "ben, zoe"], [*about, "no", "0", ""]]


def test_nothing_is_a_formula_and_nothing_breaks_a_line() -> None:
    """Whatever somebody, or a hostile server, wrote."""
    wild = result(
        1,
        question="=1+1",
        options=['a,"b"', " @SUM(A1)", "\x1b[2J\n"],
        counts=[1, 2],
        voters=[["-x"]],
    )
    rows = read(wild)[1:]
    assert [row[5:] for row in rows] == [
        ["'=1+1", 'a,"b"', "1", "'-x"],
        ["'=1+1", "' @SUM(A1)", "2", ""],
    ]
