"""Files that are on their way, for the status line."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from chat_client.display.text import cells, chop
from protocol.file_names import shown_size

_NAME = 24
"""Cells of a file's name."""


@dataclass(eq=False)
class Transfer:
    """A file on its way. The thread that passes it on writes `done`; the view's reads it.

    Attributes:
        what: which way it goes.
        name: what it is called, printable.
        size: its bytes.
        done: how many of them are there.
    """

    what: Literal["sending", "fetching"]
    name: str
    size: int
    done: int = 0

    def advance(self, done: int) -> None:
        """Note how many bytes are there."""
        self.done = done


def shown(transfers: Sequence[Transfer]) -> str:
    """Return how far they are, in a few words; empty if there are none."""
    if not transfers:
        return ""
    size = sum(each.size for each in transfers)
    percent = 100 * sum(each.done for each in transfers) // max(1, size)
    first = transfers[0]
    what = f"{first.what} {_short(first.name)}"
    if len(transfers) > 1:
        what = f"{len(transfers)} files on their way"
    return f"{what}, {percent} % of {shown_size(size)}"


def _short(name: str) -> str:
    if cells(name) <= _NAME:
        return name
    return f"{chop(name, _NAME - 1, _NAME)[0]}…"
