"""`chat-lab exercise NAME DIR`: begin an exercise."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from lab.exercises.exercise_list import EXERCISES, exercise
from lab.exercises.starter import begin
from lab.exercises.student_folder import DEFAULT_COMMAND
from lab.stage.errors import LabError


def main(arguments: Sequence[str]) -> int:
    """Write a starter, or list the exercises. Return the exit code."""
    parser = argparse.ArgumentParser(
        prog="chat-lab exercise",
        description="Begin an exercise in a folder; without a name, list the exercises.",
        allow_abbrev=False,
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="its name, or a step's number")
    parser.add_argument("folder", nargs="?", type=Path, metavar="DIR", help="where to write it")
    parser.add_argument(
        "--from", dest="before", type=Path, metavar="DIR", help="take along the server in DIR"
    )
    parser.add_argument(
        "--command",
        help=f"how your server is started (default: as in --from, else {DEFAULT_COMMAND})",
    )
    options = parser.parse_args(arguments)
    if options.name is None:
        _list()
        return 0
    chosen = exercise(options.name)
    if options.folder is None:
        raise LabError(f"Say where: chat-lab exercise {chosen.name} DIR")
    for line in begin(chosen, options.folder, options.command, options.before):
        print(line)
    print(
        f"Read {options.folder / 'README.md'}. chat-lab check {options.folder} checks your server."
    )
    return 0


def _list() -> None:
    print("Twelve steps to a chat server:")
    for each in EXERCISES:
        if each.step:
            print(f"  {each.step:>2}  {each.name:<15} {each.title}")
    print("Besides:")
    for each in EXERCISES:
        if not each.step:
            print(f"      {each.name:<15} {each.title}")
    print("\nchat-lab exercise NAME DIR begins one.")
