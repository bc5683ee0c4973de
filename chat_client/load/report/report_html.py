"""The report as a page: one file that loads nothing from the network, for screen and paper."""

from collections.abc import Callable, Iterable, Sequence
from html import escape

from chat_client.load.model.capacity import Capacity, Step, doubtful, finding, held_text, middle_run
from chat_client.load.model.histogram import Histogram
from chat_client.load.model.result import Result, Row, Verdict
from chat_client.load.model.units import count_text, short_text, tick_text, time_text
from chat_client.load.model.verdict import times
from chat_client.load.report.compare import about, comparison_rows, when_text
from chat_client.load.report.hints import LOOK_AT, hints
from chat_client.load.report.plots import (
    Axis,
    Band,
    Line,
    linear_axis,
    log_axis,
    percentile_axis,
    plot,
)
from chat_client.load.report.report_text import TIME_NAMES, WORDS, figure_rows, latency_rows

_STYLE = """
:root { color-scheme: light dark; --text: #1d2129; --soft: #5b6472; --page: #fff; --card: #f5f6f8;
  --line: #d9dde3; --good: #17753a; --warn: #8a5a00; --bad: #b3261e; --c0: #1f5fbf; --c1: #c2570c;
  --c2: #7a3fb0; }
@media (prefers-color-scheme: dark) { :root { --text: #e7eaee; --soft: #a0a9b5; --page: #14171b;
  --card: #1d2127; --line: #353b44; --good: #57c785; --warn: #f0b429; --bad: #ff8a80;
  --c0: #7fb0ff; --c1: #ffab6b; --c2: #c9a2f2; } }
@media print { :root { --text: #000; --soft: #444; --page: #fff; --card: #fff; --line: #bbb;
  --good: #17753a; --warn: #8a5a00; --bad: #b3261e; --c0: #1f5fbf; --c1: #c2570c; --c2: #7a3fb0; }
  section, figure, tr { break-inside: avoid; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.25rem 1rem 3rem; max-width: 75rem; color: var(--text);
  background: var(--page); font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
.soft { color: var(--soft); } .good { color: var(--good); } .bad { color: var(--bad); }
.warn { color: var(--warn); } .look li { padding: .15rem 0 .15rem 1.2rem; }
.verdict { background: var(--card); border-left: .4rem solid; border-radius: .25rem;
  padding: .75rem 1rem; margin: 1rem 0; }
.verdict strong { font-size: 1.35rem; } .verdict p { margin: 0; font-weight: 600; }
.verdict ul { color: var(--text); }
ul { list-style: none; margin: .4rem 0 0; padding: 0; }
li { padding-left: 1.2rem; text-indent: -1.2rem; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .75rem .25rem 0; text-align: right; border-bottom: 1px solid var(--line);
  white-space: nowrap; }
th:first-child, td:first-child { text-align: left; } th { color: var(--soft); font-weight: 600; }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .2rem 1rem; margin: 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
.plots { display: grid; gap: 1rem; margin: 1rem 0;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 26rem), 1fr)); }
figure { margin: 0; background: var(--card); border-radius: .25rem; padding: .5rem; }
figcaption { font-weight: 600; padding: 0 .25rem .25rem; }
figure p { margin: .25rem; font-size: .9rem; }
svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--soft); font: 12.5px system-ui, sans-serif; }
svg .band { fill: var(--line); opacity: .55; } svg .grid { stroke: var(--line); }
svg polyline { fill: none; stroke-width: 2.2; stroke-linejoin: round; }
svg line { stroke-width: 1; } svg line[class^=c] { stroke-width: 3; }
svg .c0 { stroke: var(--c0); } svg .c1 { stroke: var(--c1); } svg .c2 { stroke: var(--c2); }
code { font: .9em/1.5 ui-monospace, monospace; overflow-wrap: anywhere; }
.verdict, h1, p { overflow-wrap: anywhere; }
@media screen and (max-width: 40rem) {
  .wide, .wide tbody, .wide tr, .wide td { display: block; } .wide thead { display: none; }
  .wide tr { padding: .4rem 0; border-bottom: 1px solid var(--line); }
  .wide tr { display: grid; grid-template-columns: repeat(auto-fill, minmax(8.5rem, 1fr)); }
  .wide td { border: 0; padding: .05rem .5rem .05rem 0; text-align: left; white-space: normal;
    overflow-wrap: anywhere; }
  .wide td:first-child { grid-column: 1 / -1; font-weight: 600; }
  .wide td::before { content: attr(data-name) " "; color: var(--soft); }
  .wide td:first-child::before { content: ""; }
  .wide td:empty { display: none; } .wide td.long { grid-column: 1 / -1; }
  svg text { font-size: 16px; } }
@media print { body { font-size: .8rem; padding: 0; } table { font-size: .7rem; }
  th, td { padding-right: .4rem; } .plots { grid-template-columns: 1fr 1fr; } }
"""


_COLOURS = {"passed": "good", "inconclusive": "warn", "failed": "bad"}
"""The class of a verdict, by its outcome."""

_LONG = 24
"""Characters: a longer cell has a line of its own on a narrow screen."""


def report_page(result: Result) -> str:
    """Return the report on a run as a page."""
    return _page(
        "Load test",
        [
            f'<p class="soft">{escape(result.software)}, {when_text(result)}</p>',
            _verdict(result.verdict),
            f'<section class="look"><h2>What to look at</h2>{_list(hints(result))}</section>',
            *_body(result),
        ],
    )


def comparison_page(a: Result, b: Result) -> str:
    """Return the comparison of two runs as a page."""
    rows = [["", "A", "B", "change"], *map(list, comparison_rows(a, b))]
    differ = "" if a.load == b.load else "<li>! The two runs have different workloads.</li>"
    lines = [Line("A", _spectrum(times(a, "delivery"))), Line("B", _spectrum(times(b, "delivery")))]
    return _page(
        "Load tests compared",
        [
            f"<ul><li>A: {escape(about(a))}</li><li>B: {escape(about(b))}</li>{differ}</ul>",
            f"<section>{_table(rows)}</section>",
            '<div class="plots">',
            _percentile_figure("Delivery latency by percentile", lines),
            _over_time("Deliveries a second", [("A", a, _deliveries), ("B", b, _deliveries)]),
            _times_over_time("Delivery p99 over time", [("A", a, _p99), ("B", b, _p99)]),
            "</div>",
            "<h2>A</h2>",
            _machine(a),
            "<h2>B</h2>",
            _machine(b),
        ],
    )


def capacity_page(capacity: Capacity) -> str:
    """Return what a search for the limit found, as a page."""
    steps = [middle_run(capacity.runs_at(rate)) for rate in capacity.rates]
    colour = "bad" if capacity.highest is None else "warn" if doubtful(capacity) else "good"
    headings = ["messages/s", "deliveries/s", "p50", "p99", "p99 from", "p99 to", "held", "why not"]
    rows = [headings, *(_rate_cells(capacity.runs_at(rate)) for rate in capacity.rates)]
    return _page(
        "The limit",
        [
            f'<div class="verdict {colour}"><p>{escape(finding(capacity))}</p></div>',
            '<div class="plots">',
            _capacity_figure(steps),
            "</div>",
            f"<section>{_table(rows)}</section>",
            f"<h2>The run at {count_text(capacity.last.load.rate or 0)} messages/s</h2>",
            *_body(capacity.last),
        ],
    )


def _body(result: Result) -> list[str]:
    """The parts of the page of one run that follow the verdict."""
    delivery, ok = times(result, "delivery"), times(result, "ok")
    meanings = "; ".join(f"{name}: {meaning}" for name, meaning in TIME_NAMES.items())
    parts = [
        f"<h2>Summary</h2>{_terms(figure_rows(result))}",
        f"<section><h2>Times</h2>{_table(latency_rows(result))}"
        f'<p class="soft">{escape(meanings)}.</p></section>',
        '<div class="plots">',
        _percentile_figure(
            "Latency by percentile",
            [Line("delivery", _spectrum(delivery)), Line("ok", _spectrum(ok))],
        ),
        _times_over_time(
            "Delivery latency over time",
            [("p50", result, _p50), ("p99", result, _p99), ("max", result, _max)],
        ),
        _over_time("Deliveries a second", [("deliveries/s", result, _deliveries)]),
        _over_time(
            "Messages a second",
            [("said", result, lambda row: row.tick.sent), ("confirmed", result, _confirmed)],
        ),
        _over_time(
            "Clients connected, errors",
            [("connected", result, lambda row: row.up), ("errors", result, _row_errors)],
        ),
        _percentile_figure(
            "Coming in, by percentile",
            [
                Line("connect", _spectrum(times(result, "connect"))),
                Line("welcome", _spectrum(times(result, "welcome"))),
            ],
        ),
        "</div>",
    ]
    return [*parts, _errors(result), "<h2>Machine</h2>", _machine(result)]


def _page(title: str, parts: Iterable[str]) -> str:
    return "\n".join(
        [
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8"/>',
            '<meta name="viewport" content="width=device-width, initial-scale=1"/>',
            f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>",
            f"<h1>{escape(title)}</h1>",
            *parts,
            "</body>\n</html>\n",
        ]
    )


def _verdict(verdict: Verdict) -> str:
    word, colour = WORDS[verdict.outcome], _COLOURS[verdict.outcome]
    checks = "".join(_check_item(check.passed, check.text) for check in verdict.checks)
    notes = "".join(f"<li>! {escape(note)}</li>" for note in (*verdict.doubts, *verdict.notes))
    return f'<div class="verdict {colour}"><strong>{word}</strong><ul>{checks}{notes}</ul></div>'


def _check_item(passed: bool, text: str) -> str:
    mark, colour = ("✓", "good") if passed else ("✗", "bad")
    return f'<li><span class="{colour}">{mark}</span> {escape(text)}</li>'


def _table(rows: Sequence[Sequence[str]]) -> str:
    head, *body = rows
    cells = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    lines = [
        "".join(_cell(name, text) for name, text in zip(head, row, strict=True)) for row in body
    ]
    # On a narrow screen each row of a wide table becomes a block with the headings in it.
    wide = ' class="wide"' if len(head) > 3 else ""
    return (
        f'<div class="scroll"><table{wide}><thead><tr>{cells}</tr></thead><tbody>'
        + "".join(f"<tr>{line}</tr>" for line in lines)
        + "</tbody></table></div>"
    )


def _cell(name: str, text: str) -> str:
    long = ' class="long"' if len(text) > _LONG else ""
    return f'<td{long} data-name="{escape(name)}">{escape(text)}</td>'


def _list(texts: Iterable[str]) -> str:
    return f"<ul>{''.join(f'<li>→ {escape(text)}</li>' for text in texts)}</ul>"


def _terms(rows: Iterable[tuple[str, str]]) -> str:
    items = [f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in rows]
    return f"<dl>{''.join(items)}</dl>"


def _errors(result: Result) -> str:
    if not result.errors:
        return '<h2>Errors</h2><p class="soft">None.</p>'
    rows = [["code", "count", "first", "last"]]
    rows += [
        [code, f"{error.count:,}", f"{error.first:.1f} s", f"{error.last:.1f} s"]
        for code, error in result.errors.items()
    ]
    return f"<section><h2>Errors</h2>{_table(rows)}</section>"


def _machine(result: Result) -> str:
    machine = result.machine
    rows = [
        ("python", f"{machine.python}, GIL {machine.gil}"),
        ("cores", f"{machine.cores}, {machine.processor}"),
        ("system", machine.system),
        ("server", result.software),
    ]
    if machine.commit:
        rows.append(("commit", machine.commit))
    command = f"<dt>command</dt><dd><code>{escape(result.command)}</code></dd>"
    return _terms(rows).replace("</dl>", f"{command}</dl>")


def _spectrum(histogram: Histogram) -> list[tuple[float, float]]:
    """The points of a percentile plot: 1 / (1 - share of the shorter values), time in µs."""
    points: list[tuple[float, float]] = []
    total, seen = histogram.total, 0
    for value, count in histogram.values():
        points.append((total / (total - seen), max(value, 1)))
        seen += count
    if points:  # of n values, the longest is at 1 / (1 - (n - 1) / n), which is n
        points.append((float(total), max(histogram.largest, 1)))
    return points


def _percentile_figure(title: str, lines: Sequence[Line]) -> str:
    values = [y for line in lines for _, y in line.points]
    most = max((x for line in lines for x, _ in line.points), default=100.0)
    drawn = plot(
        title,
        lines,
        percentile_axis(most),
        log_axis(values, tick_text),
        "percent of the values that are not longer",
    )
    return _figure(title, drawn)


_Value = Callable[[Row], float]


def _over_time(title: str, what: Sequence[tuple[str, Result, _Value]]) -> str:
    lines = [Line(name, _points(result, value)) for name, result, value in what]
    y = linear_axis([b for line in lines for _, b in line.points], short_text)
    return _time_figure(title, lines, y, _warm_up(*(result for _, result, _ in what)))


def _times_over_time(title: str, what: Sequence[tuple[str, Result, _Value]]) -> str:
    lines = [
        Line(name, [(a, b) for a, b in _points(result, value) if b > 0])
        for name, result, value in what
    ]
    y = log_axis([b for line in lines for _, b in line.points], tick_text)
    return _time_figure(title, lines, y, _warm_up(*(result for _, result, _ in what)))


def _time_figure(title: str, lines: Sequence[Line], y: Axis, band: Band) -> str:
    x = linear_axis([a for line in lines for a, _ in line.points], lambda value: f"{value:g}")
    return _figure(title, plot(title, lines, x, y, "seconds since the load began", band))


def _warm_up(*results: Result) -> Band:
    """The warm-up; of several runs, the stretch that is warm-up in all of them."""
    return Band(0.0, min(result.load.warm_up for result in results), "warm-up")


def _capacity_figure(steps: Sequence[Step]) -> str:
    title = "Delivery latency by rate"
    lines = [
        Line("p50", [(step.rate, step.p50) for step in steps if step.p50]),
        Line("p99", [(step.rate, step.p99) for step in steps if step.p99]),
        Line("p99, held", [(step.rate, step.p99) for step in steps if step.p99 and step.held]),
    ]
    x = log_axis([step.rate for step in steps], short_text)
    y = log_axis([b for line in lines for _, b in line.points], tick_text)
    return _figure(title, plot(title, lines, x, y, "messages a second"))


def _figure(title: str, drawn: str) -> str:
    look = LOOK_AT.get(title, "")
    below = f'<p class="soft">{escape(look)}</p>' if look else ""
    return f"<figure><figcaption>{escape(title)}</figcaption>{drawn}{below}</figure>"


def _rate_cells(runs: Sequence[Step]) -> list[str]:
    step, values = middle_run(runs), [each.p99 for each in runs if each.p99 is not None]
    return [
        count_text(step.rate),
        count_text(step.deliveries),
        time_text(step.p50),
        time_text(step.p99),
        time_text(min(values, default=None)),
        time_text(max(values, default=None)),
        held_text(runs),
        next((each.reason for each in runs if not each.held), ""),
    ]


def _points(result: Result, value: _Value) -> list[tuple[float, float]]:
    # The ramp and the drain are not made of whole seconds.

    rows = [row for row in result.rows if row.tick.phase in ("warm-up", "measure")]
    return [(float(row.second), value(row)) for row in rows]


def _deliveries(row: Row) -> float:
    return row.tick.deliveries


def _confirmed(row: Row) -> float:
    return row.tick.confirmed


def _row_errors(row: Row) -> float:
    return sum(row.tick.errors.values())


def _p50(row: Row) -> float:
    return row.tick.delivery.percentile(50) or 0


def _p99(row: Row) -> float:
    return row.tick.delivery.percentile(99) or 0


def _max(row: Row) -> float:
    return row.tick.delivery.percentile(100) or 0
