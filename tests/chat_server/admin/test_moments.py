"""The moments that an operator writes, and how they are shown."""

import time
from collections.abc import Iterator
from datetime import datetime

import pytest

from chat_server.admin.moments import iso, parse_since, parse_until, shown

NOW = datetime(2026, 11, 20, 15, 30).timestamp()


@pytest.fixture
def vienna(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A place with a summer time."""
    monkeypatch.setenv("TZ", "Europe/Vienna")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def at(*parts: int) -> float:
    return datetime(*parts).timestamp()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "since", "until"),
    [
        ("2026-11-19", (2026, 11, 19), (2026, 11, 20)),
        ("2026-11-19 10:00", (2026, 11, 19, 10), (2026, 11, 19, 10)),
        ("2026-11-19 10:00:05", (2026, 11, 19, 10, 0, 5), (2026, 11, 19, 10, 0, 5)),
        ("2026-11-19T10:00", (2026, 11, 19, 10), (2026, 11, 19, 10)),
        ("today", (2026, 11, 20), (2026, 11, 21)),
        ("yesterday", (2026, 11, 19), (2026, 11, 20)),
        ("now", (2026, 11, 20, 15, 30), (2026, 11, 20, 15, 30)),
        ("2h", (2026, 11, 20, 13, 30), (2026, 11, 20, 13, 30)),
        ("30m", (2026, 11, 20, 15, 0), (2026, 11, 20, 15, 0)),
        ("1d", (2026, 11, 19, 15, 30), (2026, 11, 19, 15, 30)),
        ("1h30m", (2026, 11, 20, 14, 0), (2026, 11, 20, 14, 0)),
    ],
)
def test_a_moment(text: str, since: tuple[int, ...], until: tuple[int, ...]) -> None:
    """A day begins at midnight as `--since`, and ends at midnight as `--until`."""
    assert parse_since(text, NOW) == at(*since)
    assert parse_until(text, NOW) == at(*until)


def test_an_offset_is_kept() -> None:
    """What another program wrote by ISO 8601 means the same here."""
    assert parse_since("2026-11-20T10:00:00+00:00", NOW) == 1795168800
    assert parse_since(iso(1795168800.25), NOW) == 1795168800.25


@pytest.mark.parametrize(
    "text", ["", "soon", "2026-13-01", "2h30", "-2h", "１h", "2026-11-20 25:00"]
)
def test_what_is_no_moment(text: str) -> None:
    """It is said what could be written instead."""
    with pytest.raises(ValueError, match="2026-11-20 10:00"):
        parse_since(text, NOW)


@pytest.mark.usefixtures("vienna")
def test_a_day_may_have_25_hours() -> None:
    """The night in which clocks are set back belongs to its day as a whole."""
    long_day = parse_until("2026-10-25", NOW) - parse_since("2026-10-25", NOW)
    assert long_day == 25 * 3600


@pytest.mark.usefixtures("vienna")
def test_times_are_shown_with_their_zone() -> None:
    """Two o'clock comes twice in that night; the zone tells which."""
    assert shown(1792888200) == "2026-10-25 02:30:00 CEST"
    assert shown(1792891800) == "2026-10-25 02:30:00 CET"
    assert iso(1792891800) == "2026-10-25T02:30:00.000+01:00"
