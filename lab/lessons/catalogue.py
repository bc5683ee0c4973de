"""Which lessons there are, in the order in which they build on one another."""

import difflib
from pathlib import Path

from lab.stage.errors import LabError
from lab.stage.lesson import Lesson, load

NAMES = (
    "iterative-server",
    "tcp-has-no-messages",
    "send-is-not-sendall",
    "registry-without-lock",
    "lost-update",
    "frozen-reader",
    "deadlock",
    "backpressure",
    "dead-peers",
    "thread-each",
    "the-gil",
    "udp",
    "measuring-honestly",
    "names-and-addresses",
)
"""The lessons, as the user types them. The folder of each is called like it, with underscores."""


def lesson(name: str) -> Lesson:
    """Return the lesson of that name, or of that number.

    Raises:
        LabError: there is none.
    """
    if name.isdecimal() and 1 <= int(name) <= len(NAMES):
        name = NAMES[int(name) - 1]
    if name not in NAMES:
        near = difflib.get_close_matches(name, NAMES, 1, 0.5)
        hint = f"Did you mean {near[0]}?" if near else "chat-lab lists the lessons."
        raise LabError(f"There is no lesson {name!r}. {hint}")
    package = name.replace("-", "_")
    folder = Path(__file__).parent / package
    return load(name, NAMES.index(name) + 1, folder, f"lab.lessons.{package}")


def lessons() -> list[Lesson]:
    """Return all lessons."""
    return [lesson(name) for name in NAMES]
