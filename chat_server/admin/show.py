"""How things are printed: text of others made harmless, tables, sizes.

The server lets no control character in. This is the second lock: a file that was tampered with
cannot drive the operator's terminal either, nor turn a line around with a bidirectional override.
"""

import re
from collections.abc import Iterable, Sequence

import colorama
from wcwidth import wcswidth

from protocol.common.unsafe_characters import MARKS, UNSAFE, escape

_dangerous = re.compile(f"[{UNSAFE}{MARKS}]")
_GAP = "  "
_line_break = re.compile(r"[\t\n]")
_markup = re.compile(r"[\\`*_{}\[\]<>&|~#$]")

_FORMULA = ("=", "+", "-", "@", "|", "%", "\t", "\r", "＝", "＋", "－", "＠")
"""What a spreadsheet takes for the beginning of a formula."""


def harmless(text: str) -> str:
    """Return `text` with every dangerous character as its escape; tab and line feed stay."""
    return _dangerous.sub(escape, text)


def one_line(text: str) -> str:
    """Return `text` on one line, with every dangerous character as its escape."""
    return harmless(_line_break.sub(" ", text))


def harmless_json(document: str) -> str:
    """Return a JSON document with the dangerous characters in its strings as JSON escapes.

    What JSON itself escapes is left alone: a line feed between values is none of a string's.
    """
    return _dangerous.sub(lambda found: f"\\u{ord(found[0]):04x}", document)


def markdown(text: str) -> str:
    """Return `text` so that Markdown shows it as it is, on one line, with <br> for line feeds."""
    lines = (_markup.sub(r"\\\g<0>", harmless(line)) for line in text.split("\n"))
    return "<br>".join(line.replace("\t", "    ") for line in lines)


def csv_cell(text: str) -> str:
    """Return `text` so that no spreadsheet takes it for a formula (OWASP: CSV injection)."""
    plain = one_line(text)
    return f"'{plain}" if text.lstrip(" ").startswith(_FORMULA) else plain


def table(heads: Sequence[str], rows: Iterable[Sequence[object]], colours: bool) -> str:
    """Return lines with a head and a line for each row, made harmless. Numbers stand at the right.

    Args:
        heads: of the columns.
        rows: what is in them.
        colours: whether the head is bold.
    """
    rows = list(rows)
    lines = [[one_line(str(cell)) for cell in row] for row in [heads, *rows]]
    widths = [max(map(_width, column)) for column in zip(*lines, strict=True)]
    right = [
        bool(rows) and all(isinstance(row[place], int | float) for row in rows)
        for place in range(len(heads))
    ]
    shown = [_line(line, widths, right) for line in lines]
    if colours:
        shown[0] = f"{colorama.Style.BRIGHT}{shown[0]}{colorama.Style.RESET_ALL}"
    return "\n".join(shown)


def size_shown(size: int) -> str:
    """Return a size in bytes as a person reads it: 512 bytes, 1.4 kB, 20.1 MB."""
    if size < 1000:
        return f"{size} bytes"
    value = float(size)
    for unit in ("kB", "MB", "GB"):
        value /= 1000
        if value < 1000:
            return f"{value:.1f} {unit}"
    return f"{value / 1000:.1f} TB"


def _line(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    padded = []
    for cell, width, at_right in zip(cells, widths, right, strict=True):
        space = " " * (width - _width(cell))
        padded.append(space + cell if at_right else cell + space)
    return _GAP.join(padded).rstrip()


def _width(text: str) -> int:
    return max(wcswidth(text), 0) if wcswidth(text) >= 0 else len(text)
