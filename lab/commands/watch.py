"""`chat-lab watch DIR`: check a student's server whenever a file is saved."""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from lab.exercises.exercise_list import run_check
from lab.exercises.process import exit_on_signals
from lab.exercises.student_folder import read_folder
from lab.exercises.verdicts import print_outcome
from lab.exercises.watcher import Watcher
from lab.stage.errors import LabError


def main(arguments: Sequence[str]) -> int:
    """Check a server until Ctrl-C. Return the exit code."""
    parser = argparse.ArgumentParser(
        prog="chat-lab watch",
        description="Check the server in a folder whenever a file is saved. Ctrl-C ends it.",
        allow_abbrev=False,
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="the folder of an exercise")
    parser.add_argument("--command", help='how the server is started, such as "java Server {port}"')
    options = parser.parse_args(arguments)
    read_folder(options.folder, options.command)  # whoever names a wrong folder learns it at once
    exit_on_signals()
    console = Console()

    def check() -> None:
        console.print(Text(time.strftime("%H:%M:%S"), "dim"), highlight=False)
        try:
            folder = read_folder(options.folder, options.command)
        except LabError as error:  # it was right at the start: mend it, and save it again
            console.print(Text(str(error), "red"), soft_wrap=True, highlight=False)
            return
        outcome = run_check(folder.exercise, folder.path, folder.words)
        print_outcome(console, folder, outcome)
        console.print("Waiting for a file to be saved. Ctrl-C ends.", highlight=False)

    try:
        Watcher(options.folder, check).watch()
    except KeyboardInterrupt:
        console.print()
    return 0
