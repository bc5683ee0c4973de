"""`chat-lab report DIRS...`: who of a class has passed what."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from chat_client.display.text import one_line
from chat_client.load.model.load_errors import LoadError
from chat_client.load.report.output import write_file
from lab.exercises.class_list import WORDS, Checks, class_csv, class_table, find_folders
from lab.exercises.class_page import class_page
from lab.exercises.exercise_list import Exercise
from lab.exercises.process import exit_on_signals
from lab.exercises.target import Outcome
from lab.stage.errors import LabError

_WIDE = 240  # cells, where the output is no terminal


def main(arguments: Sequence[str]) -> int:
    """Check the servers of a class. Return the exit code."""
    parser = argparse.ArgumentParser(
        prog="chat-lab report",
        description="Check the servers of a class, and show who has passed what.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "folders",
        nargs="+",
        type=Path,
        metavar="DIR",
        help="a student's folder: an exercise, or the folders of several",
    )
    parser.add_argument("--csv", metavar="FILE", help="write the table as CSV")
    parser.add_argument("--html", metavar="FILE", help="write it as a page, with what went wrong")
    parser.add_argument(
        "--jobs",
        type=int,
        default=min(4, os.cpu_count() or 1),
        metavar="N",
        help="how many servers are checked at the same time (default: %(default)s)",
    )
    options = parser.parse_args(arguments)
    if not 1 <= options.jobs <= 32:
        raise LabError(f"--jobs is {options.jobs}. It is from 1 to 32.")
    students, problems = find_folders(options.folders)
    for problem in problems:
        print(one_line(problem), file=sys.stderr)
    exit_on_signals()
    results = Checks().run(students, options.jobs, _progress)
    wide = None if sys.stdout.isatty() else _WIDE
    Console(width=wide).print(class_table(results))
    try:
        if options.csv:
            write_file(options.csv, class_csv(results).encode(errors="replace"))
        if options.html:
            write_file(options.html, class_page(results).encode(errors="replace"))
    except LoadError as error:
        raise LabError(f"The report {error}.") from None
    return 0


def _progress(student: str, chosen: Exercise, outcome: Outcome) -> None:
    print(
        f"{one_line(student)}: {chosen.name} {WORDS[outcome.passed]}", file=sys.stderr, flush=True
    )
