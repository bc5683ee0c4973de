"""Quantities as text for people: times, bytes, counts."""

UNBOUNDED = 1_000_000
"""The width, in cells, of a line that is not folded, as in a file."""


def time_text(micros: float | None) -> str:
    """Return a time in µs with three digits and the unit that fits; a dash for None."""
    if micros is None:
        return "-"
    if micros < 1000:
        return f"{micros:.0f} µs"
    if micros < 1_000_000:
        return f"{_three(micros / 1000)} ms"
    return f"{_three(micros / 1_000_000)} s"


def tick_text(micros: float) -> str:
    """Return a round time in µs as a label of an axis."""
    for factor, unit in ((1_000_000, "s"), (1000, "ms")):
        if micros >= factor:
            return f"{micros / factor:g} {unit}"
    return f"{micros:g} µs"


def bytes_text(count: float) -> str:
    """Return a number of bytes with the unit that fits."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{_three(count)} {unit}"
        count /= 1000
    return f"{_three(count)} GB"


def count_text(count: float) -> str:
    """Return a count or a rate with commas; a small one with a fraction."""
    return f"{count:,.0f}" if count >= 100 or count == int(count) else f"{count:.3g}"


def short_text(count: float) -> str:
    """Return a round count or rate as a label of an axis."""
    for factor, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= factor:
            return f"{count / factor:g}{unit}"
    return f"{count:g}"


def count_of(count: int, thing: str) -> str:
    """Return a count and a noun, such as "1 room" or "2 rooms"."""

    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def _three(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
