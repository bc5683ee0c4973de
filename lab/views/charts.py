"""The plots of a hand-out, as SVG elements. The page colours the classes `c0` to `c5`."""

from collections.abc import Sequence
from html import escape

from chat_client.load.report.plots import Axis, linear_axis
from lab.stage.stage import STRIP
from lab.views.recorder import Act

_WIDTH, _HEIGHT = 480, 230
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 10, 34

LINES = 6
"""How many lines a plot has at most."""

_STRIP_HEIGHT = 60
_SLOWEST = 3000.0
"""Milliseconds that fill the strip."""


def received_plot(act: Act) -> str:
    """Return what each client has received, over time, with a legend below."""
    names = list(act.samples[-1].received)[:LINES] if act.samples else []
    seconds = [sample.at for sample in act.samples]
    most = [sample.received.get(name, 0) for sample in act.samples for name in names]
    x, y = linear_axis(seconds, _number), linear_axis(most, _number)
    lines = [
        _line(number, x, y, [(each.at, each.received.get(name, 0)) for each in act.samples])
        for number, name in enumerate(names)
    ]
    legend = "".join(
        f'<span class="key"><i class="c{number}"></i>{escape(name)}</span>'
        for number, name in enumerate(names)
    )
    frame = [*_frame(x, y), *lines]
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="Lines received by each client over time">{"".join(frame)}</svg>'
        f'<p class="legend">{legend}</p>'
    )


def strip_plot(act: Act) -> str:
    """Return the longest latency in each tenth of a second, as bars."""
    if not any(act.strip):
        return ""
    x = linear_axis([sample.at for sample in act.samples], _number)  # as in the plot above
    wide = _x(x, STRIP) - _x(x, 0)
    bars = []
    for number, value in enumerate(act.strip):
        height = _STRIP_HEIGHT * min(1.0, (value / _SLOWEST) ** 0.5)
        level = "slow" if value > 1000 else "late" if value > 100 else "fast"
        bars.append(
            f'<rect class="{level}" x="{_x(x, number * STRIP):.1f}" '
            f'y="{_STRIP_HEIGHT - height:.1f}" width="{max(0.6, wide - 0.4):.1f}" '
            f'height="{height:.1f}"/>'
        )
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_STRIP_HEIGHT + 4}" role="img" '
        f'aria-label="Latency over time"><text x="{_LEFT - 6}" y="14" text-anchor="end">latency'
        f"</text>{''.join(bars)}</svg>"
    )


def _frame(x: Axis, y: Axis) -> list[str]:
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    parts = []
    for value, label in y.ticks:
        at = _y(y, value)
        parts.append(f'<line class="grid" x1="{_LEFT}" y1="{at:.1f}" x2="{right}" y2="{at:.1f}"/>')
        parts.append(_text(_LEFT - 6, at + 4, "end", label))
    for value, label in x.ticks:
        at = _x(x, value)
        parts.append(f'<line class="grid" x1="{at:.1f}" y1="{_TOP}" x2="{at:.1f}" y2="{bottom}"/>')
        parts.append(_text(at, bottom + 15, "middle", label))
    parts.append(_text(_LEFT + (right - _LEFT) / 2, _HEIGHT - 3, "middle", "seconds"))
    return parts


def _line(number: int, x: Axis, y: Axis, points: Sequence[tuple[float, float]]) -> str:
    # Lines that lie on one another are all seen: the first is the widest.
    width = 1.5 + (LINES - 1 - number)
    shown = " ".join(f"{_x(x, at):.1f},{_y(y, value):.1f}" for at, value in points)
    return f'<polyline class="c{number}" stroke-width="{width:.1f}" points="{shown}"/>'


def _text(x: float, y: float, anchor: str, text: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:g}"


def _x(axis: Axis, value: float) -> float:
    return _LEFT + axis.share(value) * (_WIDTH - _LEFT - _RIGHT)


def _y(axis: Axis, value: float) -> float:
    return _HEIGHT - _BOTTOM - axis.share(value) * (_HEIGHT - _TOP - _BOTTOM)
