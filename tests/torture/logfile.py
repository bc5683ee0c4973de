"""What is wrong in the server's log: tracebacks, and what the interpreter says when it crashes."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

_SIGNS = ("Traceback (most recent call last)", "Fatal Python error", "Exception ignored")
_LINES = 40
_SHOWN = 5


def tracebacks(log: Path) -> list[str]:
    """Return the first few tracebacks in a log, each with what stands around it."""
    with log.open(encoding="utf-8", errors="replace") as lines:
        return list(islice(_find(lines), _SHOWN))


def errors(log: Path) -> tuple[int, list[str]]:
    """Return how many lines report an error, and the first few of them."""
    count, shown = 0, []
    with log.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if " ERROR " in line:
                count += 1
                if count <= _SHOWN:
                    shown.append(line.strip())
    return count, shown


def _find(lines: Iterator[str]) -> Iterator[str]:
    before = ""
    for line in lines:
        if any(sign in line for sign in _SIGNS):
            yield "in the server's log:\n" + before + line + "".join(islice(lines, _LINES))
        before = line
