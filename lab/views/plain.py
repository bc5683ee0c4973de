"""A lesson as lines of text, for where there is no terminal."""

from collections.abc import Callable
from typing import Self

from lab.stage.lesson import Lesson, Server
from lab.stage.stage import Snapshot, Stage, Table, Verdict


class Lines:
    """Prints the steps as they come, and once a second what each client has received."""

    def __init__(self, say: Callable[[str], None] = print) -> None:
        """
        Args:
            say: prints a line.
        """
        self._say = say
        self._steps = 0
        self._second = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing: nothing has to be restored."""

    def begin(self, lesson: Lesson, server: Server) -> None:
        """A server is about to be shown."""
        self._steps = self._second = 0
        self._say(f"{lesson.name}, {server.file}: {server.label}")

    def watch(self, _: Stage, now: Snapshot) -> None:
        """Print what is new."""
        for step in now.steps[self._steps :]:
            self._say(f"  {now.at:5.1f} s  {step}")
        self._steps = len(now.steps)
        if int(now.at) > self._second:
            self._second = int(now.at)
            shown = ", ".join(
                f"{row.name} {row.received}{'' if row.state == 'reads' else ' ' + row.state}"
                for row in now.clients[:6]
            )
            self._say(f"  {now.at:5.1f} s  received: {shown}")

    def end(self, verdict: Verdict) -> None:
        """The attack is over."""
        self._say(f"  {'passed' if verdict.passed else 'FAILED'}: {verdict.sentence}")
        for name, value in verdict.numbers.items():
            self._say(f"    {name}: {value}")

    def table(self, table: Table) -> None:
        """Print measurements."""
        rows = [table.headings, *table.rows]
        widths = [max(len(row[column]) for row in rows) for column in range(len(table.headings))]
        self._say(table.title)
        for row in rows:
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            self._say(("  " + "  ".join(cells)).rstrip())
