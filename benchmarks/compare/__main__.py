"""The same work for our server and for others, in one run.

    python -m benchmarks.compare            about 25 minutes; writes docs/performance.md
    python -m benchmarks.compare --quick    about four minutes; prints
    python -m benchmarks.compare --redraw   at once; draws the picture from the tables of that page

One server runs at a time, on loopback. Each work goes to all servers, one after the other, for as
many rounds as are asked for. A server that is not installed is named and left out.
docs/performance.md says what is measured, and what the figures do not say.
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from benchmarks.clients import RunFailedError
from benchmarks.command import exit_code_of, machine, positive
from benchmarks.compare.figures import Figures
from benchmarks.compare.plot import svg
from benchmarks.compare.report import line, page_part, shown, write_page
from benchmarks.compare.rivals import RIVALS
from benchmarks.compare.works import WORKS, do, lacking
from benchmarks.server_process import ServerFailedError

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "performance.md"
PICTURE = DOCS / "pictures" / "performance.svg"

QUICK_WORKS = ["fan1000", "all-talk", "paced500"]
"""The works of `--quick`."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print the result.

    Args:
        arguments: the command line; that of the process if it is None.

    Returns:
        The exit code: 0; 130 after Ctrl-C. A server that fails is reported, and is not a failure.
    """
    options = _parser().parse_args(arguments)
    if options.redraw:
        PICTURE.write_text(svg(shown(PAGE.read_text())))
        return 0
    if options.quick:
        options.works, options.rounds, options.seconds = options.works or QUICK_WORKS, 1, 2.0
    # A run of some servers or works must not replace the tables of a whole run.
    options.page = not (options.works or options.servers)
    return exit_code_of(lambda: _compare(options))


def _compare(options: argparse.Namespace) -> int:
    servers = [server for server in options.servers or RIVALS if _is_there(server)]
    works = [work for work in options.works or WORKS if _can_be_done(work)]
    table = {
        (work, server): Figures()
        for work in works
        for server in servers
        if server in WORKS[work].servers
    }
    facts = _facts(servers, options)
    print("\n".join(facts), flush=True)
    for work in works:
        chosen = [server for server in servers if server in WORKS[work].servers]
        for round_ in range(max(1, WORKS[work].times * options.rounds)):
            # The order changes, so that no server always follows the same one.
            first = round_ % max(1, len(chosen))
            for server in chosen[first:] + chosen[:first]:
                once = _once(work, server, options)
                table[work, server].include(once, f"round {round_ + 1}")
                print(line(work, server, once), flush=True)
        if options.page:
            write_page(PAGE, page_part(table, facts))
            PICTURE.write_text(svg(shown(PAGE.read_text())))
    print(f"\n{page_part(table, facts)}")
    return 0


def _once(work: str, server: str, options: argparse.Namespace) -> Figures:
    try:
        return do(WORKS[work], RIVALS[server], options.warm_up, options.seconds)
    except (RunFailedError, ServerFailedError, OSError) as error:
        return Figures(troubles=[f"no figures: {error}"])


def _can_be_done(work: str) -> bool:
    lacks = lacking(work)
    if lacks:
        print(f"{WORKS[work].title}: {lacks}")
    return not lacks


def _is_there(server: str) -> bool:
    missing = RIVALS[server].missing()
    if missing:
        print(missing)
    return not missing


def _facts(servers: Sequence[str], options: argparse.Namespace) -> list[str]:
    """Return what the figures depend on, a line for each fact."""
    versions = ", ".join(
        f"{RIVALS[server].name} ({RIVALS[server].version()})" for server in servers
    )
    return [
        *machine(),
        f"{options.rounds} rounds of {options.seconds:g} s (one where 100 or 8,000 listen, three"
        f" times as many where 500 do), after {options.warm_up:g} s of warm-up each; texts of 64"
        " bytes",
        versions,
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.compare",
        description="The same work for our server and for others.",
    )
    add = parser.add_argument
    seconds = "seconds that are measured, after the warm-up (%(default)g)"
    add("--servers", type=_names_of(RIVALS), help=f"some of {','.join(RIVALS)} (all)")
    add("--works", type=_names_of(WORKS), help=f"some of {','.join(WORKS)} (all)")
    add("--rounds", type=positive, default=2, help="how often each work is repeated (%(default)s)")
    add("--seconds", type=float, default=3.0, help=seconds)
    add("--warm-up", type=float, default=1.0, help="seconds that are not measured (%(default)g)")
    add("--quick", action="store_true", help="one round, 2 s, three works: about four minutes")
    add("--redraw", action="store_true", help="measure nothing, draw the picture of the page again")
    return parser


def _names_of(known: Iterable[str]) -> Callable[[str], list[str]]:
    """Return a function that reads an option: some of the known names, separated by commas."""

    def read(text: str) -> list[str]:
        names = text.split(",")
        if unknown := [name for name in names if name not in known]:
            raise argparse.ArgumentTypeError(f"{unknown[0]} is none of {', '.join(known)}")
        return names

    return read


if __name__ == "__main__":
    sys.exit(main())
