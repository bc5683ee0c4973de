"""Tables for a terminal: columns aligned by the cells that text takes, with a bold head."""

from collections.abc import Iterable, Sequence

import colorama
from wcwidth import wcswidth

from chat_server.admin.show import one_line

_GAP = "  "


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
