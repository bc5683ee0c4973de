"""The figures as tables in Markdown, and their place in docs/performance.md."""

import re
import sysconfig
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from benchmarks.compare.figures import Figures
from benchmarks.compare.rivals import RIVALS
from benchmarks.compare.works import WORKS, RoomsWork, Work

BEGIN = "<!-- begin: written by python -m benchmarks.compare -->"
"""The line before the tables."""

END = "<!-- end -->"
"""The line after the tables."""

Table = Mapping[tuple[str, str], Figures]
"""The figures by the names of work and server."""

MEGA, MILLI, MICRO, KILO = 1e6, 1e-3, 1e-6, 1e3

OURS, BARE = "ours", "bare"
"""The names of our server, and of the one that is the least of its design."""


def line(work: str, server: str, figures: Figures) -> str:
    """Return figures as a line for the terminal."""
    start = f"{WORKS[work].title:<24} {RIVALS[server].name:<19}"
    if not figures.rounds:
        return f"{start} {'; '.join(figures.troubles)}"
    if work == "idle":
        return f"{start} {figures.bytes_each / KILO:6.1f} KB each"
    if not figures.seconds:
        text = f"{start} {figures.entering_each_round:6.2f} s"
        text += f" {figures.entering_cpu_each / MILLI:6.2f} ms CPU each"
        return "  ! ".join([text, *figures.troubles])
    text = f"{start} {figures.rate / MEGA:6.2f} M/s {figures.per_cpu_second / MEGA:6.2f} M/CPU s"
    if isinstance(WORKS[work], RoomsWork):
        text += f"  messages {figures.taken_in:,.0f}/s {figures.taken_in_per_cpu_second:,.0f}/CPU s"
    if figures.latencies:
        times = (f"{figures.latency(share) / MILLI:.2f}" for share in (0.5, 0.99, 0.999))
        text += f"  p50/p99/p99.9 {'/'.join(times)} ms (generator {figures.lag(0.99) / MILLI:.2f})"
        if figures.gap:
            text += f"  stall {figures.gap / MILLI:.1f} ms (generator {figures.lag(1) / MILLI:.1f})"
    shares = figures.server_cpu / figures.seconds, figures.own_cpu / figures.seconds
    text += f"  CPU {shares[0]:.0%} + {shares[1]:.0%}"
    return "  ! ".join([text, *figures.troubles])


def page_part(table: Table, machine: Sequence[str]) -> str:
    """Return all tables, and the machine that they were made on."""
    large = [name for name, work in WORKS.items() if isinstance(work, Work)]
    small = [name for name in WORKS if name not in large]
    parts = ["\n".join(f"- {fact}" for fact in machine)]
    parts += [
        "### As much as all can take\n\nMillions of deliveries a second, and behind the stroke for"
        " each second of the server's processor time.",
        _table(table, [work for work in large if WORKS[work].window], _throughput),
        "### Paced\n\nMilliseconds from when a message was due to when a member had it: p50 / p99 /"
        " p99.9; then microseconds of the server's processor time for each delivery.",
        _table(table, [work for work in large if WORKS[work].rate], _latency),
        "### Memory\n\nKB of resident memory for each of 8,000 connections that say nothing.",
        _table(table, ["idle"], _memory, ["KB each"]),
    ]
    if any(work in small for work, _ in table):
        parts += _small_rooms(table, small)
    if reach := _reach(table):
        parts += ["### Aims", reach]

    if troubles := list(_troubles(table)):
        parts += ["### What went wrong", "\n".join(f"- {trouble}" for trouble in troubles)]
    return "\n\n".join(parts)


def _small_rooms(table: Table, works: Sequence[str]) -> list[str]:
    """Return the tables of small rooms and of coming in."""
    saturated = [work for work in works if WORKS[work].window]
    paced = [work for work in works if WORKS[work].rate]
    entering = [work for work in works if work not in saturated + paced]
    return [
        "### Small rooms: as much as they can take\n\nThousands of messages that the server takes"
        " in a second, and behind the stroke for each second of its processor time. Redis Streams"
        " store them, and deliver none.",
        "\n".join([_table(table, saturated, _taken_in), _own_limits(table, saturated)]),
        "### Small rooms: paced\n\nMilliseconds from when a message was due to when a member had"
        " it: p50 / p99; then microseconds of the server's processor time for each delivery; then"
        " the longest time without a delivery while one was due, in milliseconds, and in"
        " parentheses how late the generator was at most.",
        _table(table, paced, _latency_and_gap),
        "### Coming in\n\nSeconds until all clients have connected, said hello and joined; then"
        " milliseconds of the server's processor time for each.",
        _table(table, entering, _entering),
    ]


def _own_limits(table: Table, works: Sequence[str]) -> str:
    """Return a row with what the generator could do if it had a core of its own."""
    cells = []
    for work in works:
        each = [
            figures.messages / figures.own_cpu
            for (done, _), figures in table.items()
            if done == work and figures.own_cpu
        ]
        cells.append(f"{max(each) / KILO:.0f}" if each else "-")
    return f"| the generator, on a core of its own | {' | '.join(cells)} |"


def write_page(page: Path, part: str, begin: str = BEGIN) -> None:
    """Write `part` between the line `begin` and END of a page."""
    before, _, rest = page.read_text().partition(begin)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{begin}\n\n{part}\n\n{END}{after}")


def shown(page: str) -> dict[tuple[str, str], float]:
    """Read the figures of the picture from the tables of a page.

    Returns:
        By work and server: deliveries (millions a second), p99 (milliseconds) or memory (KB).
    """
    works = {work.title: name for name, work in WORKS.items()} | {"KB each": "idle"}
    servers = {rival.name: name for name, rival in RIVALS.items() if name != BARE}
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


def _table(
    table: Table,
    works: Sequence[str],
    cell: Callable[[Figures], str],
    titles: Sequence[str] = (),
) -> str:
    """Return a table with a row for each server, and a column for each work."""
    servers = [server for server in RIVALS if _belongs(server, works, table)]
    titles = titles or [WORKS[work].title for work in works]
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


def _belongs(server: str, works: Iterable[str], table: Table) -> bool:
    """Return whether a server is in this run, and can do some of the works."""
    can = any(server in WORKS[work].servers for work in works)
    return can and any(key[1] == server for key in table)


def _throughput(figures: Figures) -> str:
    return f"{figures.rate / MEGA:.2f} / {figures.per_cpu_second / MEGA:.2f}"


def _latency(figures: Figures) -> str:
    times = " / ".join(f"{figures.latency(s) / MILLI:.1f}" for s in (0.5, 0.99, 0.999))
    return f"{times}; {figures.cpu_each / MICRO:.1f}"


def _taken_in(figures: Figures) -> str:
    return f"{figures.taken_in / KILO:.0f} / {figures.taken_in_per_cpu_second / KILO:.0f}"


def _latency_and_gap(figures: Figures) -> str:
    times = " / ".join(f"{figures.latency(share) / MILLI:.2f}" for share in (0.5, 0.99))
    stall = f"{figures.gap / MILLI:.0f} ({figures.lag(1) / MILLI:.0f})"
    return f"{times}; {figures.cpu_each / MICRO:.1f}; {stall}"


def _entering(figures: Figures) -> str:
    return f"{figures.entering_each_round:.2f}; {figures.entering_cpu_each / MILLI:.2f}"


def _memory(figures: Figures) -> str:
    return f"{figures.bytes_each / KILO:.1f}"


def _troubles(table: Table) -> Iterable[str]:
    for (work, server), figures in table.items():
        for trouble in figures.troubles:
            yield f"{RIVALS[server].name}, {WORKS[work].title}: {trouble}"


def _reach(table: Table) -> str:
    """Return the table of the aims for which there are figures, and what the bare server reaches of
    those that it is measured for: about what CPython allows.
    """
    table = {key: figures for key, figures in table.items() if figures.rounds}
    reached, limits = dict(_aims(table)), dict(_aims_of_small_rooms(table, BARE))
    if not reached:
        return ""
    rows = [f"| {aim} | {value} | {limits.get(aim, '')} |" for aim, value in reached.items()]
    return "\n".join([f"| aim | reached | {RIVALS[BARE].name} |", "|---|---:|---:|", *rows])


Aims = Iterable[tuple[str, str]]
"""Aims, and what is reached of each."""


def _aims(table: Table) -> Aims:
    rate, per_cpu = (lambda f: f.rate), (lambda f: f.per_cpu_second)
    for rival in ("redis", "nats"):
        title = f"2.5 times {RIVALS[rival].name} at 1,000"
        yield from _aim(table, title, ("fan1000", OURS), rival, rate)
    title = "4 times Redis for each CPU second, at 1,000"
    yield from _aim(table, title, ("fan1000", OURS), "redis", per_cpu)
    for work in ("paced500", "paced1000"):
        title = f"p99 at most 1.1 times Redis, {WORKS[work].title}"
        yield from _aim(table, title, (work, OURS), "redis", _p99)
    fastest = max(
        (s for s in RIVALS if s != OURS and ("all-talk", s) in table),
        key=lambda rival: table["all-talk", rival].rate,
        default="",
    )
    if fastest:
        title = f"faster than all where all talk (next: {RIVALS[fastest].name})"
        yield from _aim(table, title, ("all-talk", OURS), fastest, rate)
    if idle := table.get(("idle", OURS)):
        yield "at most 25 KB for each idle connection", f"{idle.bytes_each / KILO:.1f} KB"
    yield from _aims_of_small_rooms(table, OURS)


def _p99(figures: Figures) -> float:
    return figures.latency(0.99)


def _aims_of_small_rooms(table: Table, server: str) -> Aims:
    taken_in, p50, p99 = (lambda f: f.taken_in), (lambda f: f.latency(0.5)), _p99
    if idle := table.get(("idle", server)):
        most = 64 if sysconfig.get_config_var("Py_GIL_DISABLED") else 16
        yield f"at most {most} KB for each idle connection", f"{idle.bytes_each / KILO:.1f} KB"
    for work in ("pair", "rooms10"):
        title = f"take in what Redis Streams do, one text each: {WORKS[work].title}"
        yield from _aim(table, title, (work, server), "streams", taken_in, their_work="one-each")
    paced = f"at {WORKS['paced-rooms'].title}"
    title = f"p99 at most 2 times Redis {paced}"
    yield from _aim(table, title, ("paced-rooms", server), "redis", p99)
    if rooms := table.get(("paced-rooms", server)):
        gap = f"{rooms.gap / MILLI:.0f} ms (generator {rooms.lag(1) / MILLI:.0f} ms)"
        yield f"no stall over 10 ms {paced}", gap
        yield f"at most 15 us for each delivery {paced}", f"{rooms.cpu_each / MICRO:.1f} us"
    title = f"p50 at most 1.5 times Redis at {WORKS['class'].title}"
    yield from _aim(table, title, ("class", server), "redis", p50)
    if crowd := table.get(("at-once", server)):
        yield "all in within 2 s, 5,000 at once", f"{crowd.entering_each_round:.2f} s"
        each = f"{crowd.entering_cpu_each / MILLI:.2f} ms"
        yield "at most 0.3 ms for each client that comes in, 5,000 at once", each


def _aim(
    table: Table,
    title: str,
    ours: tuple[str, str],
    rival: str,
    value: Callable[[Figures], float],
    their_work: str = "",
) -> Aims:
    """Yield the value of one server by that of a rival, at the same work if no other is given."""
    work, _ = ours
    mine, theirs = table.get(ours), table.get((their_work or work, rival))
    if mine and theirs and value(theirs):
        yield title, f"{value(mine) / value(theirs):.2f} times"
