"""The picture of docs/performance.md: bars in four panels, as SVG."""

from collections.abc import Mapping
from html import escape
from statistics import median
from typing import NamedTuple

from benchmarks.compare.report import OURS
from benchmarks.compare.rivals import RIVALS

WIDTH, PANEL, ROW, TOP, NAMES, BAR = 860, 430, 22, 40, 140, 210
"""Pixels: of the picture, a panel, a row, a title, the names and the longest bar."""

INK, FAINT, OUR_COLOUR, THEIR_COLOUR, PAPER = "#24292f", "#57606a", "#0969da", "#afb8c1", "#ffffff"
"""The colours of the text, the figures, our bars, the other bars and the background."""

CUT = 4.0
"""If less is better, a bar longer than this times the median is cut: it would dwarf all others. If
more is better, no bar is cut."""

GAP = 6
"""Pixels of the gap in a bar that is cut."""


class Panel(NamedTuple):
    """A panel: its title, its work, and whether the smaller figure is the better one."""

    title: str
    work: str
    less_is_better: bool = False


PANELS = (
    Panel("4 talk to 1,000: million deliveries/s", "fan1000"),
    Panel("500 talk to all: million deliveries/s", "all-talk"),
    Panel("400 messages/s to 1,000: p99, ms (less is better)", "paced1000", less_is_better=True),
    Panel("8,000 idle: KB each (less is better)", "idle"),
)


class Bar(NamedTuple):
    """A bar: its name, its value and its colour."""

    name: str
    value: float
    colour: str


def svg(values: Mapping[tuple[str, str], float]) -> str:
    """Return the picture.

    Args:
        values: the figures by the names of work and server, as `report.shown` returns them.
    """
    height = TOP + ROW * len(RIVALS) + 20
    panels = [
        _panel(number % 2 * PANEL, number // 2 * height, panel, _bars(values, panel.work))
        for number, panel in enumerate(PANELS)
    ]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {2 * height}"'
            ' font-family="sans-serif" font-size="12" role="img">',
            "<title>Backchannel and others, given the same work</title>",
            f'<rect width="100%" height="100%" fill="{PAPER}"/>',
            *panels,
            "</svg>\n",
        ]
    )


def _bars(values: Mapping[tuple[str, str], float], work: str) -> list[Bar]:
    return [
        Bar(rival.name, values[work, server], OUR_COLOUR if server == OURS else THEIR_COLOUR)
        for server, rival in RIVALS.items()
        if (work, server) in values
    ]


def _panel(left: int, top: int, panel: Panel, bars: list[Bar]) -> str:
    parts = [_text(left + 10, top + 24, panel.title, INK, 'font-weight="bold"')]
    most = _longest(panel, bars)
    scale = BAR * (0.8 if any(bar.value > most for bar in bars) else 1.0) / most
    for number, bar in enumerate(bars):
        y = top + TOP + number * ROW
        cut = bar.value > most
        length = BAR if cut else max(1.0, scale * bar.value)
        parts += [
            _text(left + NAMES, y + 13, bar.name, INK, 'text-anchor="end"'),
            f'<rect x="{left + NAMES + 8}" y="{y + 1}" width="{length:.1f}" height="{ROW - 6}"'
            f' fill="{bar.colour}"/>',
            _text(left + NAMES + 14 + round(length), y + 13, _short(bar.value), FAINT),
        ]
        if cut:
            parts.append(_gap(left + NAMES + 8 + round(BAR * 0.9), y + 1))
    return "\n".join(parts)


def _longest(panel: Panel, bars: list[Bar]) -> float:
    """Return the largest value that is drawn to scale."""
    values = [bar.value for bar in bars]
    if panel.less_is_better and values:
        values = [value for value in values if value <= CUT * median(values)]
    return max(values, default=0.0) or 1.0


def _gap(x: int, y: int) -> str:
    """Return a slanted gap, which shows that the bar is cut."""

    bottom = y + ROW - 6
    corners = f"{x + GAP},{y} {x + 2 * GAP},{y} {x + GAP},{bottom} {x},{bottom}"
    return f'<polygon points="{corners}" fill="{PAPER}"/>'


def _text(x: int, y: int, text: str, colour: str, more: str = "") -> str:
    return f'<text x="{x}" y="{y}" fill="{colour}" {more}>{escape(text)}</text>'


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
