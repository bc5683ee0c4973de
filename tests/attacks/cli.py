"""The command line of the attacks."""

import argparse
from fnmatch import fnmatchcase

from protocol.common.descriptors import allow_descriptors
from tests.attacks.catalogue import attacks
from tests.attacks.report import HEADER, line, passed
from tests.attacks.run import run


def main(arguments: list[str] | None = None) -> int:
    """Run the attacks, print the table, and return the exit code: 1 if anybody was held up."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.attacks",
        description="What a bystander notices of others who do all that they may.",
    )
    parser.add_argument(
        "--only", default="", metavar="NAME", help="those whose name contains it, or matches it"
    )
    parser.add_argument("--seconds", type=float, default=5.0, help="of each (%(default)g)")
    parser.add_argument(
        "--addresses", type=int, default=1, help="that the attackers come from (%(default)s)"
    )
    parser.add_argument("--list", action="store_true", help="show the names and do nothing")
    options = parser.parse_args(arguments)
    chosen = [
        attack
        for attack in attacks()
        if options.only in attack.name or fnmatchcase(attack.name, options.only)
    ]
    if not chosen:
        parser.error(f"no attack is called {options.only!r}: see --list")
    if options.list:
        print("\n".join(attack.name for attack in chosen))
        return 0
    allow_descriptors()
    print(HEADER, flush=True)
    held_up = 0
    for attack in chosen:
        outcome = run(attack, options.seconds, options.addresses)
        print(line(outcome), flush=True)
        held_up += not passed(outcome)
    return int(bool(held_up))
