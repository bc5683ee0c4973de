"""`chat-lab check DIR`: check a student's server."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from lab.exercises.exercise_list import run_check
from lab.exercises.process import exit_on_signals
from lab.exercises.student_folder import read_folder
from lab.exercises.verdicts import print_outcome


def main(arguments: Sequence[str]) -> int:
    """Check a server once. Return the exit code: 0 if it passes, else 1."""
    parser = argparse.ArgumentParser(
        prog="chat-lab check", description="Check the server in a folder.", allow_abbrev=False
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="the folder of an exercise")
    parser.add_argument("--command", help='how the server is started, such as "java Server {port}"')
    options = parser.parse_args(arguments)
    folder = read_folder(options.folder, options.command)
    exit_on_signals()
    outcome = run_check(folder.exercise, folder.path, folder.words)
    print_outcome(Console(), folder, outcome)
    return 0 if outcome.passed else 1
