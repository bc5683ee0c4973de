"""The report on a terminal: the verdict first, then the figures."""

from collections.abc import Iterator, Sequence

from colorama import Fore, Style

from chat_client.display.text import wrap
from chat_client.load.model.capacity import Capacity, Step, finding, held_text, middle_run
from chat_client.load.model.result import Result, Verdict
from chat_client.load.model.units import UNBOUNDED, bytes_text, count_of, count_text, time_text
from chat_client.load.model.verdict import times

PERCENTS = (50, 90, 95, 99, 99.9)
"""The percentiles in the table of latencies."""

WORDS = {"passed": "PASSED", "inconclusive": "INCONCLUSIVE", "failed": "FAILED"}
"""The first line of a report, by the outcome."""

_COLOURS = {"PASSED": Fore.GREEN, "INCONCLUSIVE": Fore.YELLOW, "FAILED": Fore.RED}
"""The colour of that line."""

_LEAST_NEEDED = ("stddev", "mean", "p95", "p90", "count", "p99.9")
"""Columns that are left out on a narrow terminal, in this order."""

_BAR_CELLS = 12
"""Cells of the longest bar of the curve."""

TIME_NAMES = {
    "delivery": "due to received, every member",
    "ok": "due to ok",
    "connect": "connecting",
    "welcome": "hello to welcome",
    "lag": "the generator's own lateness",
}
"""The times of a report, and what each of them is."""


def report_text(result: Result, width: int = UNBOUNDED) -> str:
    """Return the report on a run for a terminal, with a line feed at its end.

    Args:
        result: the result of the run.
        width: cells of a line.
    """
    lines = [*_verdict(result.verdict, width), "", *_figures(result, width), ""]
    lines += _latencies(result, width)
    if result.errors:
        lines += ["", *_errors(result)]
    return "\n".join([*lines, ""])


def painted(report: str, colours: int) -> str:
    """Return a report with its first line in green, amber or red.

    Args:
        report: the report, as `report_text` returns it.
        colours: how many colours the terminal has.
    """
    if not colours:
        return report
    verdict, rest = report.split("\n", 1)
    return f"{Style.BRIGHT}{_COLOURS[verdict]}{verdict}{Style.RESET_ALL}\n{rest}"


def _verdict(verdict: Verdict, width: int) -> Iterator[str]:
    yield WORDS[verdict.outcome]
    for check in verdict.checks:
        yield _folded(f"  {'✓' if check.passed else '✗'} ", check.text, width)
    for note in (*verdict.doubts, *verdict.notes):
        yield _folded("  ! ", note, width)


def _folded(head: str, text: str, width: int) -> str:
    indent = len(head)
    return head + f"\n{' ' * indent}".join(wrap(text, width, indent, indent))


def load_text(result: Result) -> str:
    """Return a line that describes the load of a run."""
    load = result.load
    pace = "as fast as it goes" if load.rate is None else f"{count_text(load.rate)} messages/s"
    size = str(load.shortest)
    if load.longest != load.shortest:
        size += f" to {load.longest}"
    parts = [
        f"{count_of(load.clients, 'client')} in {count_of(load.rooms, 'room')}",
        f"{count_of(load.talking, 'talker')}",
        f"{pace} of {size} bytes",
    ]
    if load.churn:
        parts.append(f"{load.churn:g} reconnects/s")
    if load.slow_ones:
        parts.append(f"{load.slow_ones:,} slow")
    return ", ".join(parts)


def figure_rows(result: Result) -> list[tuple[str, str]]:
    """Return the figures that are not latencies: the name and the text of each."""
    measured, load = result.measured, result.load
    wanted = "-" if load.rate is None else f"{count_text(load.rate)}/s"
    rows = [
        ("load", load_text(result)),
        (
            "measured",
            f"{result.seconds:.1f} s after {load.warm_up:g} s of warm-up; drained in "
            f"{result.drained:.1f} s",
        ),
        (
            "messages",
            f"wanted {wanted}, said {_rate(result, measured.sent)}, confirmed "
            f"{_rate(result, measured.confirmed)}, waited for a connection {measured.missed:,}",
        ),
        (
            "deliveries",
            f"{_rate(result, measured.deliveries)}; in all {result.received:,} of "
            f"{result.expected:,}",
        ),
        (
            "bytes",
            f"received {bytes_text(result.per_second(measured.bytes_in))}/s, sent "
            f"{bytes_text(result.per_second(measured.bytes_out))}/s",
        ),
        (
            "generator",
            f"{count_of(load.processes, 'worker')}, the busiest used {result.busiest:.0%} of a "
            "core",
        ),
    ]
    return [*rows, ("server", _server(result))]


def _server(result: Result) -> str:
    side = result.server_side
    limits = ", which limits each client" if result.limited else ""
    unchecked = " (its certificate was not checked)" if "tls://" in result.server else ""
    name = f"{result.software} at {result.server}{unchecked}{limits}"
    if side is None:
        return f"{name}; its process is not visible from here"
    share = side.cpu / result.seconds if result.seconds else 0.0
    return (
        f"{name}: {share:.0%} of a core, {bytes_text(side.memory)} of memory, "
        f"{count_of(side.threads, 'thread')}"
    )


def _figures(result: Result, width: int) -> Iterator[str]:
    for name, text in figure_rows(result):
        yield _folded(f"{name:<12}", text, width)


def latency_rows(result: Result) -> list[list[str]]:
    """Return the table of the latencies; its first row is the headings."""
    table = [["", *(f"p{percent:g}" for percent in PERCENTS), "max", "mean", "stddev", "count"]]
    for name in TIME_NAMES:
        histogram = times(result, name)
        if not histogram.counts:
            continue
        values = [*(histogram.percentile(percent) for percent in PERCENTS), histogram.largest]
        table.append(
            [
                name,
                *(time_text(value) for value in values),
                time_text(histogram.mean()),
                time_text(histogram.deviation()),
                f"{histogram.total:,}",
            ]
        )
    return table


def _latencies(result: Result, width: int) -> Iterator[str]:
    headings, *rows = latency_rows(result)
    sizes = {heading: 13 if heading == "count" else 9 for heading in headings[1:]}
    for heading in _LEAST_NEEDED:
        if 10 + sum(sizes.values()) > width:
            del sizes[heading]
    for name, *cells in [headings, *rows]:
        named = dict(zip(headings[1:], cells, strict=True))
        yield f"{name:<10}" + "".join(f"{named[each]:>{size}}" for each, size in sizes.items())


def _errors(result: Result) -> Iterator[str]:
    yield f"{'errors':<24}{'count':>9}{'first':>10}{'last':>10}"
    for code, error in result.errors.items():
        yield f"{code:<24}{error.count:>9,}{error.first:>8.1f} s{error.last:>8.1f} s"


def _rate(result: Result, count: int) -> str:
    return f"{count_text(result.per_second(count))}/s"


def capacity_lines(capacity: Capacity, width: int = UNBOUNDED) -> list[str]:
    """Return the lines of a report on a search for the limit: the finding, then the curve.

    Args:
        capacity: what was found.
        width: cells of a line.
    """

    lines = [*wrap(finding(capacity), width, 0, 0), ""]
    lines.append(
        f"{'messages/s':>11}{'deliveries/s':>14}{'p50':>9}{'p99':>9}{'from':>9}{'to':>9}"
        f"{'server':>8}  held"
    )
    top = max((step.p99 or 0 for step in capacity.steps), default=0) or 1
    for rate in capacity.rates:
        runs = capacity.runs_at(rate)
        lines.append(_rate_line(runs, top, width))
    return lines


def _rate_line(runs: Sequence[Step], top: float, width: int) -> str:
    step, values = middle_run(runs), [each.p99 for each in runs if each.p99 is not None]
    cpu = "-" if step.server_cpu is None else f"{step.server_cpu:.0%}"
    good = sum(each.held for each in runs) * 2 > len(runs)
    line = (
        f"{count_text(step.rate):>11}{count_text(step.deliveries):>14}"
        f"{time_text(step.p50):>9}{time_text(step.p99):>9}"
        f"{time_text(min(values, default=None)):>9}{time_text(max(values, default=None)):>9}"
        f"{cpu:>8}  {'✓' if good else '✗'} {held_text(runs)}"
    )
    reason = next((each.reason for each in runs if not each.held), "")
    bar = "  " + "█" * max(1, round(_BAR_CELLS * (step.p99 or 0) / top))
    for more in (bar, f" {reason}" if reason else ""):
        if len(line) + len(more) <= width:
            line += more
    return line
