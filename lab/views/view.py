"""What whoever shows a lesson must have."""

from types import TracebackType
from typing import Protocol, Self

from lab.stage.lesson import Lesson, Server
from lab.stage.stage import Snapshot, Stage, Table, Verdict


class ViewError(Exception):
    """What shows the lesson does not work any more. The message is a sentence for the user."""


class View(Protocol):
    """Shows a lesson. A context manager."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    def begin(self, lesson: Lesson, server: Server) -> None:
        """A server is about to be attacked."""

    def watch(self, stage: Stage, now: Snapshot) -> None:
        """It is being attacked. Called ten times a second."""

    def end(self, verdict: Verdict) -> None:
        """The attack is over."""

    def table(self, table: Table) -> None:
        """Show measurements."""


def unit(count: int) -> str:
    """Return a number of bytes as a short text."""
    for name, size in (("MB", 1_000_000), ("KB", 1_000)):
        if count >= size:
            return f"{count / size:.0f} {name}"
    return f"{count} B" if count else ""
