"""Moments as a clock on the wall shows them."""

import time
from datetime import UTC, datetime

import pytest

from chat_client.display.time_format import Clock

NOON = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("zone", "layout", "shown"),
    [
        ("UTC", "%H:%M", "12:00"),
        ("Europe/Berlin", "%H:%M", "13:00"),
        ("Asia/Kolkata", "%I:%M:%S %p", "05:30:30 PM"),
        ("UTC", "", ""),
    ],
)
def test_a_moment_in_the_users_zone(zone: str, layout: str, shown: str) -> None:
    """As the user wants it; or not at all."""
    assert Clock(layout, zone).time(NOON) == shown


def test_days_and_dates_are_those_of_the_zone() -> None:
    """Elsewhere it is tomorrow already."""
    assert Clock(zone="UTC").day(NOON) == "Sunday 01 March 2026"
    assert Clock(zone="Pacific/Auckland").date_and_time(NOON) == "2026-03-02 01:00"


@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Berlin"])
@pytest.mark.parametrize("seconds", [1e300, -1e300, float("nan"), float("inf")])
def test_a_moment_that_no_clock_shows(zone: str | None, seconds: float) -> None:
    """A server may send any number."""
    assert Clock(zone=zone).time(seconds) == "--:--"


def test_a_zone_that_there_is_not() -> None:
    with pytest.raises((LookupError, ValueError, OSError)):
        Clock(zone="Europe/Atlantis")


def test_a_time_of_day_was_last_within_a_day() -> None:
    """To the minute."""
    clock = Clock(zone="UTC")
    for shown in ("0:00", "9:05", "09:05", "23:59"):
        found = clock.last(shown)
        assert found is not None
        assert 0 <= time.time() - found < 86_400 + 1
        assert datetime.fromtimestamp(found, UTC).strftime("%H:%M") == shown.zfill(5)


@pytest.mark.parametrize("text", ["", "24:00", "9", "9:5", "09:60", "noon", "-1:00", "9:05 "])
def test_what_is_no_time_of_day(text: str) -> None:
    assert Clock().last(text) is None
