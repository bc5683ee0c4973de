"""Two runs side by side: A is the earlier one, B the later one."""

from chat_client.load.model.result import Result
from chat_client.load.model.units import bytes_text, count_text, time_text
from chat_client.load.model.verdict import times
from chat_client.load.report.report_text import TIME_NAMES, load_text

SAME = 0.05
"""A smaller share of change is called "same": two runs of the same server differ as much."""

_PERCENTS = (50, 99, 99.9)
"""The percentiles of each time that are compared."""


def comparison_rows(a: Result, b: Result) -> list[tuple[str, str, str, str]]:
    """Return the rows of the comparison: name, A's figure, B's figure, change from A to B."""
    rows = [
        ("verdict", _verdict(a), _verdict(b), ""),
        *[
            (f"{name} /s", count_text(left), count_text(right), change_text(left, right))
            for name, left, right in _rates(a, b)
        ],
    ]
    for family in TIME_NAMES:
        first, second = times(a, family), times(b, family)
        for percent in _PERCENTS:
            left, right = first.percentile(percent), second.percentile(percent)
            change = change_text(left, right)
            rows.append((f"{family} p{percent:g}", time_text(left), time_text(right), change))
    rows += [
        (name, *_counts(getattr(a.faults, name), getattr(b.faults, name)), "")
        for name in a.faults.__struct_fields__
    ]
    rows.append(("errors", *_counts(_errors(a), _errors(b)), ""))
    if a.server_side and b.server_side:
        left_cpu, right_cpu = _cpu(a), _cpu(b)
        change = change_text(left_cpu, right_cpu)
        rows.append(("server, of a core", f"{left_cpu:.0%}", f"{right_cpu:.0%}", change))
        left, right = a.server_side.memory, b.server_side.memory
        change = change_text(left, right)
        rows.append(("server memory", bytes_text(left), bytes_text(right), change))
    return rows


def comparison_lines(a: Result, b: Result) -> list[str]:
    """Return the comparison for a terminal."""
    lines = [f"A  {about(a)}", f"B  {about(b)}"]
    if a.load != b.load:
        lines.append("!  The two runs have different workloads: compare with care.")
    lines += ["", f"{'':<20}{'A':>14}{'B':>14}{'change':>12}"]
    lines += [
        f"{name:<20}{x:>14}{y:>14}{change:>12}" for name, x, y, change in comparison_rows(a, b)
    ]
    return lines


def about(result: Result) -> str:
    """Return a line that names a run: when it was made, of what server, with which load."""

    return f"{when_text(result)}, {result.software}: {load_text(result)}"


def when_text(result: Result) -> str:
    """Return when a run was made, such as "2026-11-20 15:30:00 UTC"."""
    return result.started.replace("T", " ").replace("+00:00", " UTC")


def change_text(before: float | None, after: float | None) -> str:
    """Return the change from one value to another: a factor, a percentage or "same"."""
    if not before or after is None:
        return "-" if before != after else "same"
    ratio = after / before
    if abs(ratio - 1) < SAME:
        return "same"
    return f"× {ratio:.1f}" if ratio >= 2 else f"{ratio - 1:+.0%}"


def _rates(a: Result, b: Result) -> list[tuple[str, float, float]]:
    names = ("sent", "confirmed", "deliveries")
    return [
        (
            "said" if name == "sent" else name,
            a.per_second(getattr(a.measured, name)),
            b.per_second(getattr(b.measured, name)),
        )
        for name in names
    ]


def _verdict(result: Result) -> str:
    return "FAILED" if result.verdict.outcome == "failed" else result.verdict.outcome


def _counts(a: int, b: int) -> tuple[str, str]:
    return f"{a:,}", f"{b:,}"


def _errors(result: Result) -> int:
    return sum(error.count for error in result.errors.values())


def _cpu(result: Result) -> float:
    assert result.server_side is not None
    return result.server_side.cpu / result.seconds if result.seconds else 0.0
