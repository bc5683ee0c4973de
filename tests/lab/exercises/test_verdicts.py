"""What is printed of a check."""

import io
from pathlib import Path

from rich.console import Console

from lab.exercises.exercise_list import exercise
from lab.exercises.student_folder import DEFAULT_COMMAND, StudentFolder
from lab.exercises.target import Outcome
from lab.exercises.verdicts import print_outcome


def printed(name: str, outcome: Outcome) -> str:
    file = io.StringIO()
    folder = StudentFolder(Path("my folder"), exercise(name), DEFAULT_COMMAND)
    print_outcome(Console(file=file, width=40), folder, outcome)
    return file.getvalue()


def test_a_step_that_is_passed() -> None:
    """The next one is named, with the folder to go on from."""
    assert printed("echo", Outcome(True, paragraphs=["One", "Two"])) == (
        "step 1, echo: send back what a client sends\n"
        "  ✓ One\n"
        "  ✓ Two\n"
        "Passed. The next step: chat-lab exercise echo-many NEW_DIR --from 'my folder'\n"
    )
    assert printed("attacks", Outcome(True)).endswith("Passed. That was the last step.\n")
    assert printed("udp", Outcome(True)) == "udp: datagrams instead of a stream\nPassed.\n"


def test_what_went_wrong() -> None:
    """The sentence is one line, however narrow the terminal, and so is each line of output."""
    lines = "".join(f"line {number} [red]\x1b[2J\n" for number in range(20))
    outcome = Outcome(False, "What happened. " * 10, "Two", ["One"], lines)
    assert printed("udp", outcome) == (
        "udp: datagrams instead of a stream\n"
        "  ✓ One\n"
        "  ✗ Two\n"
        f"{'What happened. ' * 10}\n"
        "The last that your server printed:\n"
        + "".join(f"    line {number} [red][2J\n" for number in range(12, 20))
    )
