"""Plots as SVG elements of a page. The page's style colours the classes `c0`, `c1` and `c2`."""

import math
from collections.abc import Callable, Sequence
from html import escape

from msgspec import Struct

_WIDTH, _HEIGHT = 480, 290
"""Pixels of a plot."""

_LEFT, _RIGHT, _TOP, _BOTTOM = 66, 14, 28, 40
"""Pixels of its margins, which hold the labels."""

Point = tuple[float, float]


class Line(Struct, frozen=True):
    """A line of a plot: its name, and its points with ascending x."""

    name: str
    points: Sequence[Point]


class Band(Struct, frozen=True):
    """A marked stretch of the x axis, and its name."""

    start: float
    stop: float
    name: str


class Axis(Struct, frozen=True):
    """An axis: its first and last value, its labels, and whether it is logarithmic."""

    low: float
    high: float
    ticks: Sequence[tuple[float, str]]
    log: bool = False

    def share(self, value: float) -> float:
        """Return the position of a value on the axis, from 0 to 1."""
        low, high, at = self.low, self.high, min(max(value, self.low), self.high)
        if self.log:
            low, high, at = math.log(low), math.log(high), math.log(at)
        return (at - low) / (high - low)


def linear_axis(values: Sequence[float], write: Callable[[float], str]) -> Axis:
    """Return an axis from 0 to a round number that no value exceeds.

    Args:
        values: the values to show.
        write: returns the label of a value.
    """
    most = max(values, default=0.0) or 1.0
    step = 10.0 ** math.floor(math.log10(most))
    for factor in (0.2, 0.25, 0.5, 1.0, 2.0):
        if most / (step * factor) <= 5:
            step *= factor
            break
    count = math.ceil(most / step - 1e-9)
    return Axis(0.0, step * count, [(step * i, write(step * i)) for i in range(count + 1)])


def log_axis(values: Sequence[float], write: Callable[[float], str]) -> Axis:
    """Return a logarithmic axis that holds every positive value.

    Args:
        values: the values to show. Those up to 0 are left out.
        write: returns the label of a value.
    """
    positive = [value for value in values if value > 0] or [1.0]
    low = 10.0 ** math.floor(math.log10(min(positive)))
    high = 10.0 ** math.ceil(math.log10(max(positive)))
    high = max(high, low * 10)
    ticks, decade = [], low
    steps = (1, 2, 5) if high / low <= 1000 else (1,)
    while decade <= high * 1.001:
        ticks += [(decade * s, write(decade * s)) for s in steps if decade * s <= high * 1.001]
        decade *= 10
    return Axis(low, high, ticks, log=True)


def percentile_axis(most: float) -> Axis:
    """Return the axis of a percentile plot, on which each further nine takes the same space.

    Args:
        most: the largest x, which is 1 / (1 - share of the values). The axis ends at 99.999 %.
    """
    ticks = [(1.0, "0"), (2.0, "50"), (10.0, "90")]
    high = 100.0
    for number, label in enumerate(["99", "99.9", "99.99", "99.999"], 2):
        high = 10.0**number
        ticks.append((high, label))
        if high >= most:
            break
    return Axis(1.0, high, ticks, log=True)


def plot(
    title: str, lines: Sequence[Line], x: Axis, y: Axis, below: str, band: Band | None = None
) -> str:
    """Return a plot as an SVG element.

    Args:
        title: the title, for readers who cannot see it.
        lines: up to three lines.
        x: the axis at the bottom.
        y: the axis at the left.
        below: the name of the x axis.
        band: a stretch to mark.
    """
    parts = [
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}">',
        *([_marked(band, x)] if band and band.stop > band.start else []),
        *[_horizontal(y, tick, text) for tick, text in y.ticks],
        *[_vertical(x, tick, text) for tick, text in x.ticks],
        _text(_LEFT + (_WIDTH - _LEFT - _RIGHT) / 2, _HEIGHT - 4, "middle", below),
    ]
    for number, line in enumerate(line for line in lines if line.points):
        parts.append(_polyline(line, x, y, number))
        at = _LEFT + 6 + number * 130
        parts.append(f'<line class="c{number}" x1="{at}" y1="12" x2="{at + 18}" y2="12"/>')
        parts.append(_text(at + 24, 17, "start", line.name))
    return "\n".join([*parts, "</svg>"])


def _marked(band: Band, x: Axis) -> str:
    left, right = _x(x, band.start), _x(x, band.stop)
    height = _HEIGHT - _BOTTOM - _TOP
    area = (
        f'<rect class="band" x="{left:.1f}" y="{_TOP}" width="{right - left:.1f}" '
        f'height="{height}"/>'
    )
    # If there is no room for the name, the sentence below the plot says what the band is.

    wide = right - left >= 8 * len(band.name)
    return area + (_text(left + 4, _TOP + 14, "start", band.name) if wide else "")


def _polyline(line: Line, x: Axis, y: Axis, number: int) -> str:
    points = " ".join(f"{_x(x, a):.1f},{_y(y, b):.1f}" for a, b in line.points)
    if len(line.points) == 1:
        a, b = line.points[0]
        return f'<circle class="c{number}" cx="{_x(x, a):.1f}" cy="{_y(y, b):.1f}" r="3"/>'
    return f'<polyline class="c{number}" points="{points}"/>'


def _horizontal(y: Axis, value: float, text: str) -> str:
    at = _y(y, value)
    line = f'<line class="grid" x1="{_LEFT}" y1="{at:.1f}" x2="{_WIDTH - _RIGHT}" y2="{at:.1f}"/>'
    return line + _text(_LEFT - 6, at + 4, "end", text)


def _vertical(x: Axis, value: float, text: str) -> str:
    at, bottom = _x(x, value), _HEIGHT - _BOTTOM
    anchor = "end" if at > _WIDTH - 2 * _RIGHT and len(text) > 4 else "middle"
    line = f'<line class="grid" x1="{at:.1f}" y1="{_TOP}" x2="{at:.1f}" y2="{bottom}"/>'
    return line + _text(at + (8 if anchor == "end" else 0), bottom + 16, anchor, text)


def _text(x: float, y: float, anchor: str, text: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _x(axis: Axis, value: float) -> float:
    return _LEFT + axis.share(value) * (_WIDTH - _LEFT - _RIGHT)


def _y(axis: Axis, value: float) -> float:
    return _HEIGHT - _BOTTOM - axis.share(value) * (_HEIGHT - _TOP - _BOTTOM)
