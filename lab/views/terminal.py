"""A lesson as a live picture in a terminal, with keys.

The refreshing thread of `rich` and its redirection of the standard streams are off, as in the
picture of chat-load. What clients and servers say is text, never markup.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table as Grid
from rich.text import Text

from chat_client.load.report.keys import Keys
from lab.stage.client import CLOSED, READS
from lab.stage.lesson import Lesson, Server
from lab.stage.server import Thread
from lab.stage.stage import Row, Snapshot, Stage, Table, Verdict
from lab.views.view import ViewError, unit

WIDTH = 100
"""Cells of the picture at most."""

COLOURS = {
    "recv": "cyan",
    "accept": "blue",
    "select": "cyan",
    "send": "yellow",
    "lock": "red",
    "condition": "magenta",
    "queue": "magenta",
    "result": "magenta",
    "sleep": "bright_black",
    "print": "yellow",
    "join": "bright_black",
    "runs": "green",
}
"""The colour of a thread, by what it waits for."""

STATES = {
    "reads": ("▶", "green"),
    "suspended": ("‖", "yellow"),
    "unplugged": ("≠", "red"),
    "closed": ("×", "bright_black"),
}

KEYS = "1-9 choose a client   s suspend, resume   c cut   p step by step   space next   q quit"

_BARS = " ▁▂▃▄▅▆▇█"
_BAR = 30
_THREADS, _STEPS = 8, 3


class Picture:
    """Draws a lesson and obeys keys. A context manager."""

    def __init__(self, console: Console | None = None) -> None:
        # rich would take exported COLUMNS and LINES for the size of this terminal.
        exported = ("COLUMNS", "LINES")
        environment = {name: each for name, each in os.environ.items() if name not in exported}
        self._console = console or Console(_environ=environment)
        self._keys = Keys()
        self._live: Live | None = None
        self._restored = ExitStack()
        self._title = ""
        self._chosen = 0

    def __enter__(self) -> Self:
        self._restored.enter_context(self._keys)
        return self

    def __exit__(self, *_: object) -> None:
        with self._restored, suppress(OSError):  # the terminal may be gone
            self._stop()

    def begin(self, lesson: Lesson, server: Server) -> None:
        """A server is about to be attacked."""
        self._title = f"{lesson.number}  {lesson.title}: {server.file}, {server.label}"
        self._live = Live(
            console=self._console,
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        with _written():
            self._live.start()

    def watch(self, stage: Stage, now: Snapshot) -> None:
        """Obey the keys, and draw."""
        for key in self._keys.pressed():
            self.obey(key, stage)
        if self._live is not None:
            with _written():
                self._live.update(self.drawn(now), refresh=True)

    def end(self, verdict: Verdict) -> None:
        """Leave the last picture, and the verdict below it."""
        with _written():
            self._stop()
            self._console.print(verdict_panel(verdict, self._width()))

    def table(self, table: Table) -> None:
        """Print measurements."""
        grid = Grid(title=table.title, title_justify="left", title_style="bold")
        for heading in table.headings:
            grid.add_column(heading, overflow="fold")
        for row in table.rows:
            grid.add_row(*(Text(cell) for cell in row))
        with _written():
            self._console.print(grid)

    def obey(self, key: str, stage: Stage) -> None:
        """Obey a key. Most keys do nothing."""
        clients = stage.clients
        if key.isdecimal() and 1 <= int(key) <= len(clients):
            self._chosen = int(key) - 1
        elif key in (" ", "n"):
            stage.go_on()
        elif key == "p":
            stage.step_by_step = not stage.step_by_step
            stage.go_on()
        elif key == "q":
            stage.stop()
        elif self._chosen < len(clients) and key == "s":
            stage.toggle(clients[self._chosen])
        elif self._chosen < len(clients) and key == "c":
            clients[self._chosen].cut()

    def drawn(self, now: Snapshot) -> RenderableType:
        """What is drawn of a moment."""
        width = self._width()
        parts: list[RenderableType] = [
            clients_grid(now.clients, self._chosen),
            "",
            threads_grid(now.report.threads, now.report.count),
            "",
            values_line(now),
            strip_line(now.strip, width - 36),
            "",
            *steps_lines(now),
        ]
        return Panel(
            Group(*parts),
            title=Text(self._title),
            title_align="left",
            subtitle=KEYS if width >= len(KEYS) + 6 else "1-9 s c p space q",
            subtitle_align="left",
            width=width,
        )

    def _width(self) -> int:
        return min(WIDTH, self._console.size.width)

    def _stop(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None


@contextmanager
def _written() -> Iterator[None]:
    """Say it in a sentence where the terminal cannot be written.

    Raises:
        ViewError: it cannot.
    """
    try:
        yield
    except OSError as error:
        raise ViewError(f"the terminal cannot be written: {error.strerror}") from None


def clients_grid(rows: list[Row], chosen: int) -> RenderableType:
    """The clients: a row each, with a bar of what it has received."""
    grid = Grid.grid(padding=(0, 2))
    most = max((row.received for row in rows), default=0) or 1
    for number, row in enumerate(rows[:9]):
        sign, colour = STATES.get(row.state, STATES[CLOSED])
        mark = "›" if number == chosen else " "
        length = round(_BAR * row.received / most)
        waits = ", ".join(
            f"{unit(count)} {where}"
            for count, where in ((row.unsent, "unsent"), (row.unread, "unread"))
            if count
        )
        grid.add_row(
            Text(f"{mark}{number + 1}"),
            Text(row.name[:10], style="bold"),
            Text(f"{sign} {row.state}", style=colour),
            Text(
                "█" * length + "·" * (_BAR - length), style=colour if row.state == READS else "dim"
            ),
            Text(f"{row.received:,}", justify="right"),
            Text(waits, style="dim"),
        )
    if len(rows) > 9:
        grid.add_row("", Text(f"and {len(rows) - 9} more", style="dim"))
    return grid


def threads_grid(threads: list[Thread], count: int) -> RenderableType:
    """The threads: a dot each, and for the first of them what they do."""
    grid = Grid.grid(padding=(0, 2))
    first = sorted(threads, key=lambda each: (not each.waits, not each.holds))[:_THREADS]
    for thread in first:
        colour = COLOURS.get(thread.state, "white")
        grid.add_row(
            Text("●", style=colour),
            Text(thread.name[:16]),
            Text(f"waits for {thread.waits}" if thread.waits else thread.state, style=colour),
            Text(f"holds {', '.join(thread.holds)}" if thread.holds else "", style="bold red"),
            Text(f"{thread.line}: {thread.text}"[:34] if thread.line else "", style="dim"),
        )
    dots = Text("threads ")
    for thread in threads:
        dots.append("●", style=COLOURS.get(thread.state, "white"))
    dots.append(f" {count}")
    return Group(dots, grid)


def values_line(now: Snapshot) -> Text:
    """The server's own variables, and its memory."""
    parts = [f"{name} {value:,}" for name, value in now.report.values.items()]
    parts.append(f"memory {unit(now.report.memory)}")
    return Text("   ".join(parts))


def strip_line(strip: list[float], width: int) -> Text:
    """The latencies as bars; the height is logarithmic, from 1 ms to 10 s."""
    shown = strip[-max(10, width) :]
    text = Text("latency ")
    for value in shown:
        height = bar_height(value)
        colour = "red" if value > 1000 else "yellow" if value > 100 else "green"
        text.append(_BARS[height], style=colour)
    text.append(f"  longest now {max(shown[-10:], default=0):,.0f} ms", style="dim")
    return text


def bar_height(milliseconds: float) -> int:
    """How high a bar is, from 0 to 8: two steps for each power of ten."""
    height = 0
    for bound in (0.01, 0.3, 1, 3, 10, 100, 1000, 3000):
        height += milliseconds > bound
    return height


def steps_lines(now: Snapshot) -> list[Text]:
    """What the attack did last, the newest line bright."""
    shown = now.steps[-_STEPS:]
    lines = [Text(f"  {step}", style="dim") for step in shown[:-1]]
    lines += [Text(f"→ {step}", style="bold") for step in shown[-1:]]
    if now.waits:
        lines.append(Text("  Press space to go on.", style="reverse"))
    return lines


def verdict_panel(verdict: Verdict, width: int) -> RenderableType:
    """The verdict and its numbers."""
    colour = "green" if verdict.passed else "red"
    grid = Grid.grid(padding=(0, 2))
    for name, value in verdict.numbers.items():
        grid.add_row(Text(name, style="dim"), Text(value))
    word = "It holds. " if verdict.passed else "It breaks. "
    sentence = Text.assemble((word, f"bold {colour}"), verdict.sentence)
    return Panel(Group(sentence, "", grid), border_style=colour, width=width)
