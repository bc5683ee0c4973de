"""Moments as an operator writes them, and as they are shown: local, with the zone.

`--since` and `--until` take a date, a date and a time, `today`, `yesterday`, `now`, or how long
ago: `2h`. A date as `--until` includes that day.
"""

from contextlib import suppress
from datetime import datetime, timedelta

from protocol.common.durations import parse_duration

_FORMATS = (
    "%Y-%m-%d",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%dT%H:%M:%S",
)
_DAYS_AGO = {"today": 0, "yesterday": 1}

FORMS = "a date (2026-11-20), a date and time ('2026-11-20 10:00'), today, yesterday, now or 2h"


def parse_since(text: str, now: float) -> float:
    """Return the moment that `text` names, in Unix seconds; the beginning of a day.

    Args:
        text: what the operator wrote.
        now: Unix seconds.

    Raises:
        ValueError: it names none.
    """
    return _parse(text, now)[0].timestamp()


def parse_until(text: str, now: float) -> float:
    """Return the moment that `text` names, in Unix seconds; the end of a day.

    Args:
        text: what the operator wrote.
        now: Unix seconds.

    Raises:
        ValueError: it names none.
    """
    moment, is_day = _parse(text, now)
    # By the calendar and not by 24 hours: a day may have 23 or 25.
    return (moment + timedelta(days=1) if is_day else moment).timestamp()


def shown(time: float) -> str:
    """Return a moment as a person reads it, with the zone: 2026-11-20 10:00:03 CET."""
    return datetime.fromtimestamp(time).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")


def clock_shown(time: float) -> str:
    """Return the time of a day: 10:00:03."""
    return datetime.fromtimestamp(time).strftime("%H:%M:%S")


def day_shown(time: float) -> str:
    """Return the day, with the zone: 2026-11-20 (CET)."""
    return datetime.fromtimestamp(time).astimezone().strftime("%Y-%m-%d (%Z)")


def iso(time: float) -> str:
    """Return a moment by ISO 8601, with the offset: 2026-11-20T10:00:03.250+01:00."""
    return datetime.fromtimestamp(time).astimezone().isoformat(timespec="milliseconds")


def _parse(text: str, now: float) -> tuple[datetime, bool]:
    """The moment, and whether it stands for a whole day."""
    here = datetime.fromtimestamp(now)
    if text == "now":
        return here, False
    if text in _DAYS_AGO:
        midnight = here.replace(hour=0, minute=0, second=0, microsecond=0)
        return midnight - timedelta(days=_DAYS_AGO[text]), True
    with suppress(ValueError):
        return datetime.fromtimestamp(max(0.0, now - parse_duration(text))), False
    for form in _FORMATS:
        try:
            return datetime.strptime(text, form), form == _FORMATS[0]
        except ValueError:
            continue
    try:
        return datetime.fromisoformat(text), False
    except ValueError:
        raise ValueError(f"{text!r} is no time: write {FORMS}") from None
