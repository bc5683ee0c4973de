"""The live view of a run: a picture on a terminal, else one line a second.

The parent's only thread draws. The refreshing thread of `rich` and its redirection of the standard
streams are off: both are known to cause deadlocks.
"""

import os
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from chat_client.load.model.result import Result, Row
from chat_client.load.model.units import count_text, time_text
from chat_client.load.report.output import is_terminal

if TYPE_CHECKING:
    from rich.console import JustifyMethod, RenderableType

    from chat_client.load.report.keys import Keys

_BARS = "▁▂▃▄▅▆▇█"
"""The bars of a curve, from the lowest to the highest."""

_SECONDS_SHOWN = 40
"""How many seconds a curve shows."""

_WIDTH, _HEIGHT = 78, 20
"""Cells and rows of the whole picture. On a smaller terminal parts of it are left out."""

_BESIDE_BAR = 36
"""Cells of a row beside the progress bar."""

INTERVALS = (0.5, 1.0, 2.0, 5.0, 10.0)
"""Seconds between two drawings: the keys + and - choose. The workers report twice a second."""


class RunView(Protocol):
    """A view of a run that goes on. A context manager."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    def show(self, result: Result, row: Row) -> None:
        """Show the result so far and the newest complete second."""


class LiveLines:
    """A view that prints one line a second."""

    def __init__(self, say: Callable[[str], None]) -> None:
        """
        Args:
            say: prints a line.
        """
        self._say = say
        self._printed = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing: nothing has to be restored."""

    def show(self, _result: Result, row: Row) -> None:
        """Print the second, unless it was printed."""
        if row.second > self._printed:
            self._say(_line(row))
            self._printed = row.second


class Picture:
    """A view with progress bars and a table. The keys + and - set how often it is drawn, q ends.

    Attributes:
        interval: seconds between two drawings.
    """

    def __init__(self, keys: "Keys | None" = None, end: Callable[[], None] | None = None) -> None:
        """
        Args:
            keys: the keyboard, None if there is none.
            end: ends the load early.
        """
        from rich.console import Console
        from rich.live import Live

        self.interval = INTERVALS[0]
        self._keys = keys
        self._end = end
        # rich would take exported COLUMNS and LINES for the size of this terminal.
        exported = ("COLUMNS", "LINES")
        environment = {name: each for name, each in os.environ.items() if name not in exported}
        console = Console(_environ=environment)
        self._live = Live(
            console=console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False
        )
        self._restored = ExitStack()
        self._drawn = -INTERVALS[-1]
        self._newest: RenderableType = ""

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            if self._keys is not None:
                stack.enter_context(self._keys)
            self._live.start()
            stack.callback(self._live.stop)
            self._restored = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        with self._restored:
            self._live.update(self._newest)

    def show(self, result: Result, row: Row) -> None:
        """Obey the keys, and draw if it is time."""
        pressed = self._keys.pressed() if self._keys is not None else ""
        for key in pressed:
            self.obey(key)
        width, height = self._live.console.size
        size = min(width, _WIDTH), height
        self._newest = _picture(result, row, self._help(size[0]), *size)
        now = time.monotonic()
        # Ticks come a little early or late: an interval may be a tenth shorter.
        if pressed or now - self._drawn >= self.interval * 0.9:
            self._drawn = now
            self._live.update(self._newest, refresh=True)

    def obey(self, key: str) -> None:
        """Obey a key. Most keys do nothing."""
        place = INTERVALS.index(self.interval)
        if key == "q" and self._end is not None:
            self._end()
        elif key == "+":
            self.interval = INTERVALS[min(place + 1, len(INTERVALS) - 1)]
        elif key == "-":
            self.interval = INTERVALS[max(place - 1, 0)]

    def _help(self, width: int) -> str:
        if self._keys is None:
            return ""
        if width < _WIDTH:
            return f"q ends, + -: every {self.interval:g} s"
        return f"q ends the run, + and - change how often this is drawn: every {self.interval:g} s"


def choose_view(
    live: bool, end: Callable[[], None] | None = None, say: Callable[[str], None] = print
) -> RunView:
    """Return the picture if it is wanted and possible, else the lines.

    Args:
        live: whether the picture is wanted.
        end: ends the load early, for the picture's key q.
        say: prints a line.
    """
    if not live or not is_terminal():
        return LiveLines(say)
    return Picture(_keyboard(), end)


def _keyboard() -> "Keys | None":
    if sys.stdin is None or not sys.stdin.isatty():
        return None
    from chat_client.load.report.keys import (
        Keys,  # Windows, where chat-load does not run, lacks termios
    )

    return Keys()


def _line(row: Row) -> str:
    tick = row.tick
    return (
        f"{row.second:>4} s {tick.phase:<8} {row.up:>6,} up  {tick.sent:>7,} said/s "
        f"{tick.deliveries:>10,} deliveries/s  p50 {time_text(tick.delivery.percentile(50)):>8} "
        f"p99 {time_text(tick.delivery.percentile(99)):>8}  "
        f"{sum(tick.errors.values()):,} errors"
    )


def _picture(result: Result, row: Row, keys: str, width: int, height: int) -> "RenderableType":
    """What is drawn in so many cells and rows. On few of them, parts are left out."""

    from rich.console import Group
    from rich.panel import Panel
    from rich.table import Table
    from rich.text import Text

    load = result.load
    bars, length = Table.grid(padding=(0, 2)), width - _BESIDE_BAR
    bars.add_row("clients", _bar(row.up, load.clients, length), f"{row.up:,} of {load.clients:,}")
    total = load.warm_up + load.duration
    done = min(total, row.second + 1.0)
    bars.add_row("time", _bar(done, total, length), f"{done:.0f} of {total:g} s, {row.tick.phase}")
    title = Text(f"chat-load {result.server}")  # a path may look like markup
    table = _table(result, row, narrow=width < _WIDTH)
    parts = [bars, "", table, "", *_history(result, row)] if height >= _HEIGHT else [bars, table]
    return Panel(
        Group(*parts),
        title=title,
        title_align="left",
        subtitle=keys or None,
        subtitle_align="left",
        width=width,
    )


def _bar(done: float, total: float, length: int) -> "RenderableType":
    from rich.progress_bar import ProgressBar

    return ProgressBar(total=total, completed=done, width=max(1, min(40, length)))


def _table(result: Result, row: Row, *, narrow: bool) -> "RenderableType":
    from rich.table import Table

    load, tick, whole = result.load, row.tick, result.measured
    table = Table(box=None, padding=(0, 1 if narrow else 2), pad_edge=False)
    for heading in ("", "last second", "so far"):
        side: JustifyMethod = "right" if heading else "left"
        table.add_column(heading, justify=side, min_width=None if narrow else 16, no_wrap=True)
    wanted = "as fast as it goes" if load.rate is None else f"{count_text(load.rate)}/s"
    errors = sum(error.count for error in result.errors.values())
    per_second = result.per_second
    rows = [
        ("rate wanted", wanted, ""),
        ("rate got", f"{tick.confirmed:,}/s", f"{count_text(per_second(whole.confirmed))}/s"),
        ("deliveries", f"{tick.deliveries:,}/s", f"{count_text(per_second(whole.deliveries))}/s"),
    ]
    rows += [
        (
            f"{name} p{percent}",
            time_text(getattr(tick, name).percentile(percent)),
            time_text(getattr(whole, name).percentile(percent)),
        )
        for name, percent in (("delivery", 50), ("delivery", 99), ("ok", 99), ("lag", 99))
    ]
    rows.append(("errors", f"{sum(tick.errors.values()):,}", f"{errors:,}"))
    rows.append(("busiest worker", f"{row.busiest:.0%}", f"{result.busiest:.0%}"))
    for cells in rows:
        table.add_row(*cells)
    return table


def _history(result: Result, newest: Row) -> list[str]:
    rows = [row for row in result.rows if 0 <= row.second <= newest.second]
    shown = rows[-_SECONDS_SHOWN:]
    return [
        f"deliveries  {_sparks([row.tick.deliveries for row in shown])}",
        f"p99         {_sparks([row.tick.delivery.percentile(99) or 0 for row in shown])}",
    ]


def _sparks(values: list[int]) -> str:
    most = max(values, default=0) or 1
    return "".join(_BARS[value * (len(_BARS) - 1) // most] for value in values)
