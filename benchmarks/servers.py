"""One server on SQLite, one on Redis, and two on Redis with half of the members each, in one run.

    python -m benchmarks.servers            about three minutes; prints
    python -m benchmarks.servers --write    the same; also writes the tables of docs/scaling.md

All clients are in one room. The talkers first say as much as all members can take, then a fixed
number of texts a second. Servers, Redis and the generator share the cores of this machine, so a
second server adds deliveries a second only where there is a core for it. What a second of the
servers' processor time delivers depends on that much less.
"""

import argparse
import contextlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.command import exit_code_of, machine, positive
from benchmarks.compare.figures import Figures
from benchmarks.compare.generator import Generator
from benchmarks.compare.report import write_page
from benchmarks.compare.rivals import OUR_SERVER, RIVALS
from benchmarks.compare.works import Work, figures_of
from benchmarks.server_process import ServerGroup, running_server

PAGE = Path(__file__).parents[1] / "docs" / "scaling.md"

BEGIN = "<!-- begin: written by python -m benchmarks.servers -->"
"""The line before the tables."""

REDIS = RIVALS["streams"]
"""Redis with an append-only file, which is what docs/scaling.md asks for."""

KILO, MILLI = 1e3, 1e-3


@dataclass(frozen=True)
class Setup:
    """Servers, and where they keep the logs.

    Attributes:
        title: its name in the tables.
        servers: how many servers there are.
        on_redis: whether they keep the logs in one Redis.
    """

    title: str
    servers: int
    on_redis: bool

    @contextlib.contextmanager
    def running(self) -> Iterator[ServerGroup]:
        """Run the servers, and their Redis, while the block runs.

        Raises:
            ServerFailedError: one of them did not start.
        """
        with contextlib.ExitStack() as stack:
            engine, arguments = None, [*OUR_SERVER.arguments]
            if self.on_redis:
                engine = stack.enter_context(REDIS.running())
                arguments += ["--log", f"redis://127.0.0.1:{engine.address[1]}/0"]
            servers = [
                stack.enter_context(running_server(OUR_SERVER.module, arguments))
                for _ in range(self.servers)
            ]
            yield ServerGroup(servers, engine)


SQLITE = Setup("one server, SQLite", 1, on_redis=False)
ONE = Setup("one server, Redis", 1, on_redis=True)
TWO = Setup("two servers, Redis", 2, on_redis=True)
SETUPS = (SQLITE, ONE, TWO)

Table = Mapping[tuple[Work, Setup], Figures]
"""The figures of each work with each setup."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print the result.

    Args:
        arguments: the command line; that of the process if it is None.

    Returns:
        The exit code: 0; 1 if a client did not get what it should, or a run could not be made; 130
        after Ctrl-C.
    """
    options = _parser().parse_args(arguments)
    missing = REDIS.missing()
    if missing:
        print(missing, file=sys.stderr)
        return 1
    return exit_code_of(lambda: _measure(options))


def _measure(options: argparse.Namespace) -> int:
    works = _works(options)
    table = {(work, setup): Figures() for work in works for setup in SETUPS}
    facts = [*machine(), _rounds(options), f"Redis {REDIS.version()}, {OUR_SERVER.version()}"]
    print("\n".join(facts), flush=True)
    for work in works:
        for round_ in range(options.rounds):
            # The order changes, so that no setup always follows the same one.
            first = round_ % len(SETUPS)
            for setup in SETUPS[first:] + SETUPS[:first]:
                once = _once(work, setup, options)
                table[work, setup].include(once, f"round {round_ + 1}")
                print(f"{work.title}: {_row(setup, once)}", flush=True)
    part = page_part(table, facts)
    print(f"\n{part}")
    if options.write:
        write_page(PAGE, part, BEGIN)
    return int(any(figures.troubles for figures in table.values()))


def _works(options: argparse.Namespace) -> list[Work]:
    members, talkers = options.members, options.talkers
    paced = f"{options.rate:,} messages/s to {members:,}"
    return [
        Work(f"As much as {members:,} can take", members, talkers, window=options.window),
        Work(paced, members, talkers, rate=options.rate),
    ]


def _once(work: Work, setup: Setup, options: argparse.Namespace) -> Figures:
    with (
        setup.running() as servers,
        contextlib.closing(Generator(servers, OUR_SERVER.wire)) as generator,
    ):
        generator.fill(work.members, work.talkers)
        if work.window:
            return figures_of(generator.saturate(work.window, options.warm_up, options.seconds))
        return figures_of(generator.pace(work.rate, options.warm_up, options.seconds))


def page_part(table: Table, facts: Sequence[str]) -> str:
    """Return all tables, and the facts that they depend on, a line for each.

    Args:
        table: the figures.
        facts: lines about the machine and the run.
    """
    parts = ["\n".join(f"- {fact}" for fact in facts)]
    for work in dict.fromkeys(work for work, _ in table):
        rows = [_row(setup, table[work, setup]) for setup in SETUPS]
        parts += [f"### {work.title}", "\n".join([_HEAD, *rows])]
        if work.window:
            one, two = table[work, ONE], table[work, TWO]
            parts += [
                f"The second server adds {_more(one.rate, two.rate)} of what the first delivers, as"
                " measured; with a core for each server"
                f" {_more(one.per_cpu_second, 2 * two.per_cpu_second)}, and Redis would take"
                f" {_engine_share_with_cores(two):.0%} of its own."
            ]
    troubles = [
        f"- {setup.title}, {work.title}: {trouble}"
        for (work, setup), figures in table.items()
        for trouble in figures.troubles
    ]
    if troubles:
        parts += ["### What went wrong", "\n".join(troubles)]
    return "\n\n".join(parts)


_HEAD = """\
| | 1,000 deliveries/s | 1,000 for each second of the servers | servers | Redis | generator \
| p50 / p99, ms |
|---|---:|---:|---:|---:|---:|---:|"""


def _row(setup: Setup, figures: Figures) -> str:
    """Return a row. Where texts are said as fast as it goes, they wait, and no latency is noted."""
    seconds = figures.seconds
    cells = [
        f"{figures.rate / KILO:,.0f}",
        f"{figures.per_cpu_second / KILO:,.0f}",
        f"{figures.server_cpu / seconds:.0%}",
        f"{figures.engine_cpu / seconds:.0%}" if setup.on_redis else "-",
        f"{figures.own_cpu / seconds:.0%}",
        " / ".join(f"{figures.latency(share) / MILLI:.1f}" for share in (0.5, 0.99))
        if figures.latencies
        else "-",
    ]
    return f"| {setup.title} | {' | '.join(cells)} |"


def _more(before: float, after: float) -> str:
    """Return which part of `before` there is more in `after`."""
    return f"{after / before - 1:.2f}" if before else "-"


def _engine_share_with_cores(two: Figures) -> float:
    """Return the share of a core that Redis would take, if two servers had a core each."""
    return 2 * two.engine_cpu / two.server_cpu if two.server_cpu else 0.0


def _rounds(options: argparse.Namespace) -> str:
    return (
        f"{options.rounds} rounds of {options.seconds:g} s, after {options.warm_up:g} s of warm-up"
        f" each; {options.talkers} talkers, texts of 64 bytes; appendfsync everysec"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.servers",
        description="One server on SQLite, one on Redis, two on Redis: the same work in one run.",
    )
    add = parser.add_argument
    seconds = "seconds that are measured, after the warm-up (%(default)g)"
    window = "how many texts that not all members have each talker keeps (%(default)s)"
    rate = "how many texts a second are said in the second work (%(default)s)"
    add("--members", type=positive, default=1000, help="how many only read (%(default)s)")
    add("--talkers", type=positive, default=4, help="how many talk (%(default)s)")
    add("--window", type=positive, default=256, help=window)
    add("--rate", type=positive, default=100, help=rate)
    add("--rounds", type=positive, default=4, help="how often each run is made (%(default)s)")
    add("--seconds", type=float, default=3.0, help=seconds)
    add("--warm-up", type=float, default=1.0, help="seconds that are not measured (%(default)g)")
    add("--write", action="store_true", help="write the tables into docs/scaling.md, too")
    return parser


if __name__ == "__main__":
    sys.exit(main())
