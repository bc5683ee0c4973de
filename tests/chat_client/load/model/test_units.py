"""Quantities as text."""

import pytest

from chat_client.load.model.units import (
    bytes_text,
    count_of,
    count_text,
    short_text,
    tick_text,
    time_text,
)


@pytest.mark.parametrize(
    ("micros", "text"),
    [
        (None, "-"),
        (0, "0 µs"),
        (999, "999 µs"),
        (1000, "1.00 ms"),
        (12_340, "12.3 ms"),
        (123_400, "123 ms"),
        (1_500_000, "1.50 s"),
        (60_000_000, "60.0 s"),
    ],
)
def test_a_time(micros: float | None, text: str) -> None:
    """A time has three digits and the unit that fits."""
    assert time_text(micros) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(999, "999 B"), (1000, "1.00 kB"), (3.34e7, "33.4 MB"), (5e9, "5.00 GB")],
)
def test_bytes(count: float, text: str) -> None:
    """The units are powers of 1,000."""
    assert bytes_text(count) == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0"), (1.5, "1.5"), (99.94, "99.9"), (100.4, "100"), (12_345, "12,345")]
)
def test_a_count(count: float, text: str) -> None:
    """A small count has a fraction."""
    assert count_text(count) == text


def test_labels_of_an_axis() -> None:
    """Labels are short."""
    assert [tick_text(micros) for micros in (50, 2000, 1e6)] == ["50 µs", "2 ms", "1 s"]
    assert [short_text(count) for count in (5, 2500, 3e6, 1e9)] == ["5", "2.5k", "3M", "1G"]


def test_one_or_many() -> None:
    """The noun gets an s unless the count is 1."""
    assert (count_of(1, "room"), count_of(1200, "room")) == ("1 room", "1,200 rooms")
