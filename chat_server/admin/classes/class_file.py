"""A class list as a file: CSV with name, nick, and PIN or none.

The first line may be a head. Semicolons are read as well as commas, and a byte order mark is passed
over, since that is what spreadsheets write. Whatever is wrong is told at once, with its line.
"""

import csv
import io
import secrets
from pathlib import Path
from typing import NamedTuple

from chat_server.runtime.errors import AdminError
from protocol.errors import ProtocolError
from protocol.text import nick_key, nick_skeleton, normalize_nick, normalize_password
from protocol.text import normalize_reason as normalize_line

PUPILS_LIMIT = 150
"""How many people one list may have."""
SIZE_LIMIT = 1_000_000
"""Bytes of a file that is read."""
PIN_DIGITS = 8
"""Of a PIN that is made: with the waits between wrong ones, a century of guesses."""

_HEAD = "nick"


class ClassRow(NamedTuple):
    """One person.

    Attributes:
        line: of the file, from 1.
        name: the person's.
        nick: as normalize_nick returned it.
        pin: as normalize_password returned it.
    """

    line: int
    name: str
    nick: str
    pin: str


def read_class(path: Path) -> list[ClassRow]:
    """Return the people in a file; a PIN is made for whoever has none.

    Raises:
        AdminError: it cannot be read, or something in it is wrong: a line for each mistake.
    """
    lines = _lines(path)
    rows: list[ClassRow] = []
    problems: list[str] = []
    for line, cells in lines:
        try:
            rows.append(_row(line, cells))
        except ValueError as error:
            problems.append(f"line {line}: {error}.")
        except ProtocolError as error:
            problems.append(f"line {line}: {error.text.rstrip(' .')}.")
    problems += _doubles(rows)
    if not lines:
        problems.append("nobody is in it: a line is a name, a nick, and a PIN or none.")
    if len(lines) > PUPILS_LIMIT:
        problems.append(f"{len(lines)} people are in it, and a list has at most {PUPILS_LIMIT}.")
    if problems:
        raise AdminError("\n".join([f"{path}: nothing was done.", *problems]))
    return rows


def _lines(path: Path) -> list[tuple[int, list[str]]]:
    """The lines that are not empty, with their numbers, without the head."""
    try:
        with open(path, "rb") as file:
            data = file.read(SIZE_LIMIT + 1)
    except OSError as error:
        raise AdminError(f"{path} cannot be read: {error.strerror or error}.") from error
    if len(data) > SIZE_LIMIT:
        raise AdminError(f"{path} is too large for a class list: more than {SIZE_LIMIT} bytes.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise AdminError(
            f"{path}: line {line} is not in UTF-8: save the list as CSV in UTF-8."
        ) from error
    first = text.split("\n", 1)[0]
    delimiter = ";" if first.count(";") > first.count(",") else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    found = []
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if any(stripped):
                found.append((reader.line_num, stripped))
    except csv.Error as error:
        raise AdminError(f"{path}: line {reader.line_num}: this is no CSV ({error}).") from error
    is_head = bool(found) and len(found[0][1]) > 1 and found[0][1][1].casefold() == _HEAD
    return found[1:] if is_head else found


def _row(line: int, cells: list[str]) -> ClassRow:
    while len(cells) > 2 and not cells[-1]:
        cells = cells[:-1]
    if len(cells) not in (2, 3):
        raise ValueError(
            f"a line is a name, a nick, and a PIN or none; here are {len(cells)} cells"
        )
    name, nick, *pins = cells
    if not name:
        raise ValueError("there is no name")
    if not nick:
        raise ValueError("there is no nick")
    pin = normalize_password(pins[0]) if pins else _new_pin()
    return ClassRow(line, normalize_line(name), normalize_nick(nick), pin)


def _doubles(rows: list[ClassRow]) -> list[str]:
    """A sentence for each nick that is, or looks like, one before it."""
    seen: dict[str, ClassRow] = {}
    problems = []
    for row in rows:
        keys = (nick_key(row.nick), f"looks {nick_skeleton(row.nick)}")
        before = next((seen[key] for key in keys if key in seen), None)
        if before is not None:
            problems.append(
                f"line {row.line}: the nick {row.nick!r} is, or looks like, {before.nick!r} in "
                f"line {before.line}."
            )
        for key in keys:
            seen.setdefault(key, row)
    return problems


def _new_pin() -> str:
    return "".join(secrets.choice("0123456789") for _ in range(PIN_DIGITS))
