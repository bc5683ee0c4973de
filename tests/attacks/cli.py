"""The command line of the attacks."""

import argparse
import time
from collections.abc import Sequence
from fnmatch import fnmatchcase

from protocol.common.descriptors import allow_descriptors
from tests.attacks.attack import Attack
from tests.attacks.catalogue import attacks
from tests.attacks.report import HEADER, line, markdown, passed
from tests.attacks.run import SERVER_TAKES, TAKES, Ending, Outcome, run

STOP_LIMIT = 5.0
"""Seconds that a server may take to stop."""


def main(arguments: list[str] | None = None) -> int:
    """Run the attacks, print the table, and return the exit code: 1 if anybody was held up."""
    options = _parser().parse_args(arguments)
    chosen = [attack for attack in attacks() if _is_wanted(attack, options.only)]
    if not chosen:
        _parser().error(f"no attack is called {' or '.join(options.only)}: see --list")
    groups = _grouped(chosen)
    takes = len(chosen) * (options.seconds + TAKES) + len(groups) * SERVER_TAKES
    if options.list:
        print("\n".join(attack.name for attack in chosen))
    print(f"{len(chosen)} attacks on {len(groups)} servers take about {takes / 60:.0f} minutes")
    if options.list:
        return 0
    return _run(
        [*groups.values()], options.seconds, options.addresses, in_markdown=options.markdown
    )


def _grouped(chosen: Sequence[Attack]) -> dict[str, list[Attack]]:
    groups: dict[str, list[Attack]] = {}
    for attack in chosen:
        groups.setdefault(attack.group, []).append(attack)
    return groups


def _run(
    groups: Sequence[Sequence[Attack]], seconds: float, addresses: int, *, in_markdown: bool
) -> int:
    allow_descriptors()
    begun, outcomes, faulty = time.monotonic(), list[Outcome](), 0
    print(HEADER, flush=True)
    for group in groups:
        for came in run(group, seconds, addresses):
            if isinstance(came, Outcome):
                outcomes.append(came)
                print(line(came), flush=True)
                faulty += not passed(came)
            else:
                faulty += _tell_ending(came)
    print(
        f"{faulty} held somebody up, or went wrong; {(time.monotonic() - begun) / 60:.1f} minutes"
    )
    if in_markdown:
        print("\n".join(("", *markdown(outcomes))))
    return int(bool(faulty))


def _tell_ending(ending: Ending) -> int:
    """Print what went wrong when a server ended. Return whether anything did."""
    late = [f"it took {ending.seconds:.1f} s to stop"] if ending.seconds > STOP_LIMIT else []
    wrong = [*ending.faults, *late]
    if wrong:
        print(f"the server of {ending.group}: {'; '.join(wrong)}  <--", flush=True)
    return bool(wrong)


def _is_wanted(attack: Attack, only: Sequence[str]) -> bool:
    return not only or any(each in attack.name or fnmatchcase(attack.name, each) for each in only)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.attacks",
        description="What a bystander notices of others who do all that they may.",
    )
    parser.add_argument(
        "--only",
        nargs="+",
        default=(),
        metavar="NAME",
        help="those whose name contains one of these, or matches it",
    )
    parser.add_argument("--seconds", type=float, default=1.5, help="of each (%(default)g)")
    parser.add_argument(
        "--addresses", type=int, default=1, help="that the attackers come from (%(default)s)"
    )
    parser.add_argument(
        "--markdown", action="store_true", help="print the table of docs/security.md as well"
    )
    parser.add_argument("--list", action="store_true", help="show the names and do nothing")
    return parser
