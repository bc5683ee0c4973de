"""The figures as bars: one picture, four panels, no library."""

from collections.abc import Callable, Sequence
from html import escape

from benchmarks.compare.report import KILO, MEGA, MILLI, OURS, Table
from benchmarks.compare.rivals import RIVALS
from benchmarks.compare.works import Figures

WIDTH, PANEL, ROW, TOP, NAMES, BAR = 860, 430, 22, 40, 140, 210
INK, FAINT, OUR_COLOUR, THEIR_COLOUR, PAPER = "#24292f", "#57606a", "#0969da", "#afb8c1", "#ffffff"

PANELS: Sequence[tuple[str, str, Callable[[Figures], float]]] = (
    ("4 talk to 1,000: million deliveries/s", "fan1000", lambda figures: figures.rate / MEGA),
    ("500 talk to all: million deliveries/s", "all-talk", lambda figures: figures.rate / MEGA),
    (
        "400 messages/s to 1,000: p99, ms",
        "paced1000",
        lambda figures: figures.latency(0.99) / MILLI,
    ),
    ("8,000 idle: KB each", "idle", lambda figures: figures.bytes_each / KILO),
)


def svg(table: Table) -> str:
    """Return the picture."""
    height = TOP + ROW * len(RIVALS) + 20
    panels = [
        _panel(number % 2 * PANEL, number // 2 * height, title, _bars(table, work, value))
        for number, (title, work, value) in enumerate(PANELS)
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


def _bars(
    table: Table, work: str, value: Callable[[Figures], float]
) -> list[tuple[str, float, str]]:
    """What each bar is called, how long it is, and in which colour."""
    return [
        (rival.name, value(table[work, server]), OUR_COLOUR if server == OURS else THEIR_COLOUR)
        for server, rival in RIVALS.items()
        if (work, server) in table and table[work, server].rounds
    ]


def _panel(left: int, top: int, title: str, bars: list[tuple[str, float, str]]) -> str:
    longest = max((value for _, value, _ in bars), default=0.0) or 1.0
    parts = [_text(left + 10, top + 24, title, INK, 'font-weight="bold"')]
    for number, (name, value, colour) in enumerate(bars):
        y = top + TOP + number * ROW
        length = max(1.0, BAR * value / longest)
        parts += [
            _text(left + NAMES, y + 13, name, INK, 'text-anchor="end"'),
            f'<rect x="{left + NAMES + 8}" y="{y + 1}" width="{length:.1f}" height="{ROW - 6}"'
            f' fill="{colour}"/>',
            _text(left + NAMES + 14 + round(length), y + 13, _short(value), FAINT),
        ]
    return "\n".join(parts)


def _text(x: int, y: int, text: str, colour: str, more: str = "") -> str:
    return f'<text x="{x}" y="{y}" fill="{colour}" {more}>{escape(text)}</text>'


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
