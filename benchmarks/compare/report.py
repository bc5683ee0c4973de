"""The figures as tables in Markdown, and their place in docs/performance.md."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from benchmarks.compare.figures import Figures
from benchmarks.compare.rivals import RIVALS
from benchmarks.compare.works import WORKS

BEGIN = "<!-- begin: written by python -m benchmarks.compare -->"
"""The line before the tables."""

END = "<!-- end -->"
"""The line after the tables."""

Table = Mapping[tuple[str, str], Figures]
"""The figures by the names of work and server."""

MEGA, MILLI, MICRO, KILO = 1e6, 1e-3, 1e-6, 1e3

OURS = "ours"
"""The name of our server."""


def line(work: str, server: str, figures: Figures) -> str:
    """Return figures as a line for the terminal."""
    start = f"{WORKS[work].title:<24} {RIVALS[server].name:<19}"
    if not figures.rounds:
        return f"{start} {'; '.join(figures.troubles)}"
    if work == "idle":
        return f"{start} {figures.bytes_each / KILO:6.1f} KB each"
    text = f"{start} {figures.rate / MEGA:6.2f} M/s {figures.per_cpu_second / MEGA:6.2f} M/CPU s"
    if figures.latencies:
        times = (f"{figures.latency(share) / MILLI:.2f}" for share in (0.5, 0.99, 0.999))
        text += f"  p50/p99/p99.9 {'/'.join(times)} ms (generator {figures.lag(0.99) / MILLI:.2f})"
    shares = figures.server_cpu / figures.seconds, figures.own_cpu / figures.seconds
    text += f"  CPU {shares[0]:.0%} + {shares[1]:.0%}"
    return "  ! ".join([text, *figures.troubles])


def page_part(table: Table, machine: Sequence[str]) -> str:
    """Return all tables, and the machine that they were made on."""
    servers = [server for server in RIVALS if any(key[1] == server for key in table)]
    saturated = [work for work in WORKS if WORKS[work].window]
    paced = [work for work in WORKS if WORKS[work].rate]
    parts = [
        "\n".join(f"- {fact}" for fact in machine),
        "### As much as all can take\n\nMillions of deliveries a second, and behind the stroke for"
        " each second of the server's processor time.",
        _rows(servers, saturated, [WORKS[work].title for work in saturated], table, _throughput),
        "### Paced\n\nMilliseconds from when a message was due to when a member had it: p50 / p99 /"
        " p99.9; then microseconds of the server's processor time for each delivery.",
        _rows(servers, paced, [WORKS[work].title for work in paced], table, _latency),
        "### Memory\n\nKB of resident memory for each of 8,000 connections that say nothing.",
        _rows(servers, ["idle"], ["KB each"], table, _memory),
    ]
    if reach := _reach(table):
        parts += ["### Aims", reach]

    if troubles := list(_troubles(table)):
        parts += ["### What went wrong", "\n".join(f"- {trouble}" for trouble in troubles)]
    return "\n\n".join(parts)


def write_page(page: Path, part: str) -> None:
    """Write `part` between BEGIN and END of a page."""
    before, _, rest = page.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{BEGIN}\n\n{part}\n\n{END}{after}")


def shown(page: str) -> dict[tuple[str, str], float]:
    """Read the figures of the picture from the tables of a page.

    Returns:
        By work and server: deliveries (millions a second), p99 (milliseconds) or memory (KB).
    """
    works = {work.title: name for name, work in WORKS.items()} | {"KB each": "idle"}
    servers = {rival.name: name for name, rival in RIVALS.items()}
    found: dict[tuple[str, str], float] = {}
    columns: list[str] = []
    for row in page.splitlines():
        name, *cells = [cell.strip(" *") for cell in row.strip("|").split("|")]
        if row.startswith("| |"):
            columns = cells
        elif name in servers:
            for title, cell in zip(columns, cells, strict=False):
                numbers = re.findall(r"[0-9.]+", cell)
                work = works.get(title)
                if work and numbers:
                    place = 1 if WORKS[work].rate else 0
                    found[work, servers[name]] = float(numbers[place])
    return found


def _rows(
    servers: Iterable[str],
    works: Sequence[str],
    titles: Sequence[str],
    table: Table,
    cell: Callable[[Figures], str],
) -> str:
    lines = [f"| | {' | '.join(titles)} |", f"|---|{'---:|' * len(works)}"]
    for server in servers:
        cells = []
        for work in works:
            figures = table.get((work, server), Figures())
            mark = " (!)" if figures.troubles else ""
            cells.append((cell(figures) if figures.rounds else "-") + mark)
        name = RIVALS[server].name
        lines.append(f"| {f'**{name}**' if server == OURS else name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _throughput(figures: Figures) -> str:
    return f"{figures.rate / MEGA:.2f} / {figures.per_cpu_second / MEGA:.2f}"


def _latency(figures: Figures) -> str:
    times = " / ".join(f"{figures.latency(s) / MILLI:.1f}" for s in (0.5, 0.99, 0.999))
    return f"{times}; {figures.cpu_each / MICRO:.1f}"


def _memory(figures: Figures) -> str:
    return f"{figures.bytes_each / KILO:.1f}"


def _troubles(table: Table) -> Iterable[str]:
    for (work, server), figures in table.items():
        for trouble in figures.troubles:
            yield f"{RIVALS[server].name}, {WORKS[work].title}: {trouble}"


def _reach(table: Table) -> str:
    """Return the table of the aims for which there are figures."""
    rows = [row for row in _aims(table) if row]
    return "\n".join(["| aim | reached |", "|---|---:|", *rows]) if rows else ""


def _aims(table: Table) -> Iterable[str]:
    rate, per_cpu = (lambda f: f.rate), (lambda f: f.per_cpu_second)
    p99 = lambda f: f.latency(0.99)  # noqa: E731
    for rival in ("redis", "nats"):
        yield _aim(table, f"2.5 times {RIVALS[rival].name} at 1,000", "fan1000", rival, rate)
    yield _aim(table, "4 times Redis for each CPU second, at 1,000", "fan1000", "redis", per_cpu)
    for work in ("paced500", "paced1000"):
        title = f"p99 at most 1.1 times Redis, {WORKS[work].title}"
        yield _aim(table, title, work, "redis", p99)
    fastest = max(
        (s for s in RIVALS if s != OURS and ("all-talk", s) in table),
        key=lambda server: table["all-talk", server].rate,
        default="",
    )
    if fastest:
        title = f"faster than all where all talk (next: {RIVALS[fastest].name})"
        yield _aim(table, title, "all-talk", fastest, rate)
    if idle := table.get(("idle", OURS)):
        yield f"| at most 25 KB for each idle connection | {idle.bytes_each / KILO:.1f} KB |"


def _aim(table: Table, title: str, work: str, rival: str, value: Callable[[Figures], float]) -> str:
    ours, theirs = table.get((work, OURS)), table.get((work, rival))
    if not ours or not theirs or not value(theirs):
        return ""
    return f"| {title} | {value(ours) / value(theirs):.2f} times |"
