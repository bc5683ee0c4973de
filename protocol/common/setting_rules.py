"""What values a setting may have: one rule reads, checks and writes a value.

A value is text where the command line or the environment holds it, and may be a number, a truth
value or an array where the file does. A rule raises ValueError with a sentence that says what is
allowed and quotes the value.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

from protocol.common.durations import parse_duration, write_duration

Toml = str | int | float | bool | Sequence[str]
"""What a file of settings can hold."""

NONE = "none"
"""How a limit that does not apply is written."""

LARGEST = 10**12
"""The largest number. Clocks and databases count much further."""

LONGEST = 3650 * 86400.0
"""Seconds of the longest time: ten years."""

_NUMBER = re.compile(r"[0-9]{1,18}(\.[0-9]{1,9})?")

Value = TypeVar("Value")
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule(Generic[Value]):
    """What values a setting may have.

    Attributes:
        read: returns a value as the program uses it, from what was typed or what the file holds; it
            gets a list where `kind` is `many`. Raises ValueError with the rule.
        write: returns a value as the file could hold it.
        metavar: what stands for a value in --help.
        kind: `many` for a setting that can be given more than once, `switch` for on or off.
    """

    read: Callable[[Any], Value]
    write: Callable[[Value], Toml]
    metavar: str = ""
    kind: Literal["one", "many", "switch"] = "one"


def whole(what: str, least: int = 1, most: int = LARGEST) -> Rule[int]:
    """A whole number; `what` begins the sentence: "a port"."""

    def read(value: object) -> int:
        text = as_text(value)
        if not text.isascii() or not text.isdigit() or not least <= int(text[:19]) <= most:
            upto = f"from {least} to {most}" if most != LARGEST else f"from {least} on"
            raise ValueError(f"{what} is a number {upto}, not {value!r}")
        return int(text)

    return Rule(read=read, write=_same, metavar="N")


def rate(what: str) -> Rule[float]:
    """A number above 0, perhaps with a fraction."""

    def read(value: object) -> float:
        text = as_text(value)
        if not _NUMBER.fullmatch(text) or not 0 < float(text) <= LARGEST:
            raise ValueError(f"{what} is a number above 0, not {value!r}")
        return float(text)

    return Rule(read=read, write=_same, metavar="N")


def seconds(what: str) -> Rule[float]:
    """A time above 0: so many seconds, or a number with a unit."""

    def read(value: object) -> float:
        try:
            return parse_duration(as_text(value), bare=True, longest=LONGEST)
        except ValueError:
            raise ValueError(
                f"{what} is so many seconds, or a time such as 30s, 5m, 12h or 30d, of at most "
                f"{write_duration(LONGEST)}, not {value!r}"
            ) from None

    return Rule(read=read, write=write_duration, metavar="TIME")


def or_none(rule: Rule[Value]) -> Rule[Value | None]:
    """The same, or "none"."""

    def read(value: object) -> Value | None:
        if value == NONE:
            return None
        try:
            return rule.read(value)
        except ValueError as error:
            raise ValueError(f"{error}; {NONE!r} is no limit") from None

    def write(value: Value | None) -> Toml:
        return NONE if value is None else rule.write(value)

    return Rule(read=read, write=write, metavar=rule.metavar)


def one_of(*allowed: str) -> Rule[Any]:
    """One of a few words."""

    def read(value: Any) -> Any:
        if isinstance(value, bool):  # as a file may write on and off
            value = "on" if value else "off"
        if value not in allowed:
            raise ValueError(f"{value!r} is none of {', '.join(allowed)}")
        return value

    return Rule(read=read, write=_same, metavar="|".join(allowed))


def switch() -> Rule[bool]:
    """On or off."""
    words = {"true": True, "yes": True, "on": True, "1": True}
    words |= {"false": False, "no": False, "off": False, "0": False}

    def read(value: object) -> bool:
        if isinstance(value, bool):
            return value
        found = words.get(value.lower()) if isinstance(value, str) else None
        if found is None:
            raise ValueError(f"this is true or false, not {value!r}")
        return found

    return Rule(read=read, write=_same, kind="switch")


def text(check: Callable[[str], str], metavar: str = "TEXT") -> Rule[str]:
    """A text that `check` returns as the program uses it; ValueError says what is wrong with it."""

    def read(value: object) -> str:
        if not isinstance(value, str):
            raise ValueError(f"this is a text, in quotes, not {value!r}")
        return check(value)

    return Rule(read=read, write=_same, metavar=metavar)


def path(metavar: str = "PATH") -> Rule[Path]:
    """A file or a folder; ~ is the user's own."""

    def read(value: object) -> Path:
        if not isinstance(value, str) or not value or "\0" in value:
            raise ValueError(f"this is the path of a file or a folder, in quotes, not {value!r}")
        try:
            return Path(value).expanduser()
        except RuntimeError:
            raise ValueError(f"{value!r} is in the folder of nobody on this machine") from None

    return Rule(read=read, write=lambda path: str(path.absolute()), metavar=metavar)


def path_or_none(metavar: str = "PATH") -> Rule[Path | None]:
    """The same, or none, which is written as an empty text."""
    rule = path(metavar)

    def read(value: object) -> Path | None:
        return None if value == "" else rule.read(value)

    def write(value: Path | None) -> Toml:
        return "" if value is None else rule.write(value)

    return Rule(read=read, write=write, metavar=rule.metavar)


def many(
    check: Callable[[str], Item],
    metavar: str,
    *,
    write: Callable[[Item], str] = str,
    needed: bool = False,
) -> Rule[tuple[Item, ...]]:
    """Any number of texts, each of which `check` turns into what is used.

    Args:
        check: raises ValueError with the rule.
        metavar: what stands for one in --help.
        write: the other way round.
        needed: whether there must be one; an empty text is one then, and else says that there
            is none.
    """

    def read(values: Sequence[object]) -> tuple[Item, ...]:
        if needed and not values:
            raise ValueError("there must be at least one")
        return tuple(check(_quoted(value)) for value in values if value != "" or needed)

    def written(items: tuple[Item, ...]) -> Toml:
        return [write(item) for item in items]

    return Rule(read=read, write=written, metavar=metavar, kind="many")


def _quoted(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"each of these is a text, in quotes, not {value!r}")
    return value


def _same(value: Any) -> Any:
    return value


def as_text(value: object) -> str:
    """Return a text or a number as it would be typed; "" for anything else."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return ""
    return f"{value:.9f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
