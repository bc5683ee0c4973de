"""Durations: what people type, what a file holds, what people read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.common.durations import (
    begins_duration,
    parse_duration,
    show_duration,
    write_duration,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *[("30s", 30), ("1m", 60), ("2H", 7200), ("1d", 86400), ("90m", 5400), ("2w", 1_209_600)],
        *[("1h30m", 5400), ("1d5s", 86405), ("1.5h", 5400), ("0.1s", 0.1)],
    ],
)
def test_what_is_typed(text: str, seconds: float) -> None:
    """Numbers with units; with or without `bare` they mean the same."""
    assert parse_duration(text) == parse_duration(text, bare=True) == seconds


def test_a_bare_number() -> None:
    """It is a number of seconds, where that is allowed."""
    assert parse_duration("90", bare=True) == 90
    assert parse_duration("0.25", bare=True) == 0.25
    with pytest.raises(ValueError, match="'90' is no duration: one is 30s, 10m, 2h or 1d"):
        parse_duration("90")


@pytest.mark.parametrize(
    "text", ["", "m", "5min", "-1m", "10m ", "1m\n", "٣m", "1.m", ".5m", "1.2.3s", "1h30", "1e3s"]
)
@pytest.mark.parametrize("bare", [False, True])
def test_what_is_no_duration(text: str, bare: bool) -> None:
    """The message says what is one."""
    with pytest.raises(ValueError, match="one is 30s, 10m, 2h or 1d"):
        parse_duration(text, bare=bare)


@pytest.mark.parametrize("text", ["0s", "0m0s", "11575d", "999999999d"])
def test_what_cannot_be(text: str) -> None:
    """Nothing takes no time, and nobody waits for so long."""
    with pytest.raises(ValueError, match="a duration is above 0 and at most 11574d"):
        parse_duration(text)
    with pytest.raises(ValueError, match="at most 1h"):
        parse_duration("61m", longest=3600)


@given(st.integers(1, 10**9))
def test_what_is_written_is_read_back(milliseconds: int) -> None:
    """Exactly, whatever the unit."""
    seconds = milliseconds / 1000
    assert parse_duration(write_duration(seconds)) == pytest.approx(seconds, rel=1e-12)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(30, "30s"), (90, "90s"), (120, "2m"), (5400, "90m"), (86400 * 30, "30d"), (0.1, "0.1s")],
)
def test_what_is_written(seconds: float, text: str) -> None:
    """In the largest unit without a fraction."""
    assert write_duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        *[(0, "0 s"), (0.2, "1 s"), (59.4, "59 s"), (59.6, "1 min"), (90, "1 min 30 s")],
        *[(3600, "1 h"), (3605, "1 h"), (7500, "2 h 5 min"), (86_400, "1 d"), (90_000, "1 d 1 h")],
    ],
)
def test_what_is_shown(seconds: float, text: str) -> None:
    """The two largest units that follow one another."""
    assert show_duration(seconds) == text


@pytest.mark.parametrize(("word", "does"), [("10", True), ("5min", True), ("bob", False), ("٣", 0)])
def test_what_is_meant_for_one(word: str, does: bool) -> None:
    """Only digits of ASCII count."""
    assert begins_duration(word) == does
