"""What a check has found, as lines for a terminal."""

import shlex
from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from chat_client.display.text import one_line, printable
from lab.exercises.exercise_list import EXERCISES
from lab.exercises.student_folder import StudentFolder
from lab.exercises.target import Outcome

_PRINTED_LINES = 8


def print_outcome(console: Console, folder: StudentFolder, outcome: Outcome) -> None:
    """Print what a check has found.

    Args:
        console: where to.
        folder: the server that was checked.
        outcome: what was found.
    """
    for line in _lines(folder, outcome):
        console.print(line, soft_wrap=True, highlight=False)


def _lines(folder: StudentFolder, outcome: Outcome) -> Iterator[Text]:
    chosen = folder.exercise
    step = f"step {chosen.step}, " if chosen.step else ""
    yield Text(f"{step}{chosen.name}: {chosen.title}", "bold")
    for heading in outcome.paragraphs:
        yield Text(f"  ✓ {heading}", "green")
    if outcome.passed:
        yield Text(f"Passed.{_next_step(folder)}", "bold green")
        return
    yield Text(f"  ✗ {outcome.heading}", "red")
    yield Text(printable(outcome.sentence))
    printed = printable(outcome.printed).strip().splitlines()[-_PRINTED_LINES:]
    if printed:
        yield Text("The last that your server printed:")
        yield from (Text(f"    {line}", "dim") for line in printed)


def _next_step(folder: StudentFolder) -> str:
    chosen = folder.exercise
    following = [each for each in EXERCISES if chosen.step and each.step == chosen.step + 1]
    if following:
        this = shlex.quote(one_line(str(folder.path)))
        return f" The next step: chat-lab exercise {following[0].name} NEW_DIR --from {this}"
    return " That was the last step." if chosen.step else ""
