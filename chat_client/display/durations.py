"""How long something lasts, as people write and read it: `30s`, `10m`, `2h`, `1d`, `1h30m`."""

import re

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
"""Seconds by the letter that stands for them, from the shortest."""

LONGEST = 1_000_000_000
"""Seconds of the longest duration that the protocol has."""

_NAMES = {"d": "day", "h": "hour", "m": "minute", "s": "second"}
_WHOLE = re.compile(r"([0-9]{1,9}[smhd])+\Z", re.IGNORECASE)
_PART = re.compile(r"([0-9]+)([smhd])", re.IGNORECASE)


def parse_duration(text: str) -> float:
    """Return the seconds that a duration has.

    Raises:
        ValueError: it is none, with the rule as its text.
    """
    if not _WHOLE.match(text):
        raise ValueError(f"{text!r} is no duration: one is 30s, 10m, 2h or 1d")
    seconds = sum(int(count) * UNITS[unit.lower()] for count, unit in _PART.findall(text))
    if not 0 < seconds <= LONGEST:
        raise ValueError(f"{text!r} cannot be: a duration is from 1s to {LONGEST // UNITS['d']}d")
    return float(seconds)


def is_duration(text: str) -> bool:
    """Whether a word is meant for a duration: a number, whatever stands behind it."""
    return text[:1].isascii() and text[:1].isdigit()


def spoken(seconds: float) -> str:
    """Return a duration for a person, such as "10 minutes", in its two largest units."""
    left = max(1, round(seconds))
    parts: list[str] = []
    for letter, name in _NAMES.items():
        count, left = divmod(left, UNITS[letter])
        if count:
            parts.append(f"{count} {name}{'' if count == 1 else 's'}")
        elif parts:
            break
    return " ".join(parts[:2])
