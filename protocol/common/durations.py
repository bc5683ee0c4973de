"""How long something lasts, as people type it, as a file holds it, and as people read it.

People type `90`, `30s`, `1.5h`, `1h30m`, `2d`. A file holds the same, in one unit. People read
`1 h 30 min`.
"""

import re

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604_800}
"""Seconds by the letter that stands for them, the shortest unit first."""

LONGEST = 11_574 * 86_400.0
"""Seconds of the longest duration that a request can have: almost 32 years."""

_NAMES = {"d": "d", "h": "h", "m": "min", "s": "s"}
_WHOLE = re.compile(r"(?:[0-9]{1,9}(?:\.[0-9]{1,9})?[smhdw])+", re.IGNORECASE)
_PART = re.compile(r"([0-9.]+)([smhdw])", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9]{1,18}(?:\.[0-9]{1,9})?")


def parse_duration(text: str, *, bare: bool = False, longest: float = LONGEST) -> float:
    """Return the seconds that a duration has.

    Args:
        text: one or more numbers, each with its unit, such as `30s`, `1.5h` or `1h30m`.
        bare: also accept a number without a unit, as seconds.
        longest: seconds that it may have at most.

    Raises:
        ValueError: `text` is no duration, is 0, or is too long; the message says what is allowed.
    """
    if bare and _NUMBER.fullmatch(text):
        seconds = float(text)
    elif _WHOLE.fullmatch(text):
        seconds = sum(float(count) * UNITS[unit.lower()] for count, unit in _PART.findall(text))
    else:
        raise ValueError(f"{text!r} is no duration: one is 30s, 10m, 2h or 1d")
    if not 0 < seconds <= longest:
        raise ValueError(
            f"{text!r} cannot be: a duration is above 0 and at most {write_duration(longest)}"
        )
    return seconds


def write_duration(seconds: float) -> str:
    """Return a duration as `parse_duration` reads it, in the largest unit without a fraction."""
    unit = next((unit for unit in "dhm" if seconds % UNITS[unit] == 0), "s")
    return f"{seconds / UNITS[unit]:.9f}".rstrip("0").rstrip(".") + unit


def show_duration(seconds: float) -> str:
    """Return a duration for a person, in its two largest units: `1 h 30 min`.

    Less than a second is `1 s`: whoever waits for it has to wait.
    """
    left = max(1, round(seconds)) if seconds > 0 else 0
    parts: list[str] = []
    for letter, name in _NAMES.items():
        count, left = divmod(left, UNITS[letter])
        if count:
            parts.append(f"{count} {name}")
        elif parts:
            break
    return " ".join(parts[:2]) or "0 s"


def begins_duration(word: str) -> bool:
    """Return whether a word is meant for a duration: it begins with a digit."""
    return word[:1].isascii() and word[:1].isdigit()
