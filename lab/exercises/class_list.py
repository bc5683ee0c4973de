"""Who of a class has passed what: the checks of many folders, and a table of them."""

import csv
import io
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table
from rich.text import Text

from chat_client.display.text import one_line
from lab.exercises.exercise_list import EXERCISES, Exercise, run_check
from lab.exercises.student_folder import MARKER, StudentFolder, read_folder
from lab.exercises.target import Limits, Outcome, Target
from lab.stage.errors import LabError

_FORMULA = tuple("=+-@|%\t\r＝＋－＠")
"""What a spreadsheet takes for the beginning of a formula or a command (OWASP: CSV injection)."""

WORDS = {True: "passed", False: "failed", None: ""}
"""What a cell of a report says."""


@dataclass(frozen=True)
class ClassList:
    """The results of a class.

    Attributes:
        exercises: the exercises that anybody has begun, in their order.
        outcomes: for each student, by name, what was found, by the exercise's name.
    """

    exercises: Sequence[Exercise]
    outcomes: dict[str, dict[str, Outcome]]

    def passed(self, student: str, chosen: Exercise) -> bool | None:
        """Whether a student has passed an exercise; None if they have not begun it."""
        outcome = self.outcomes[student].get(chosen.name)
        return None if outcome is None else outcome.passed

    def count(self, student: str) -> int:
        """How many exercises a student has passed."""
        return sum(outcome.passed for outcome in self.outcomes[student].values())


def find_folders(
    folders: Sequence[Path],
) -> tuple[dict[str, list[StudentFolder]], list[str]]:
    """Find the exercises of each student.

    Args:
        folders: one for each student: a folder with an exercise in it, or with such folders in it.

    Returns:
        The exercises of each student, by name, and what is wrong with folders that are left out.

    Raises:
        LabError: two students have the same name, or nobody has an exercise.
    """
    students: dict[str, list[StudentFolder]] = {}
    problems = []
    for folder in folders:
        name = folder.resolve().name
        if name in students:
            raise LabError(
                f"Two folders are called {name!r}. Each student needs a name of their own."
            )
        inside = sorted(each.parent for each in folder.glob(f"*/{MARKER}"))
        students[name] = []
        for place in [folder] if (folder / MARKER).exists() or not inside else inside:
            try:
                students[name].append(read_folder(place))
            except LabError as error:
                problems.append(str(error))
    if not any(students.values()):
        raise LabError(" ".join(problems))
    return students, problems


class Checks:
    """The checks of a class, a few at a time. `stop` may be called by another thread."""

    def __init__(self, limits: Limits | None = None) -> None:
        """
        Args:
            limits: how long each check waits; the usual limits if None.
        """
        self._limits = limits
        self._lock = threading.Lock()  # guards _targets and _stopped
        self._targets: set[Target] = set()
        self._stopped = False

    def run(
        self,
        students: dict[str, list[StudentFolder]],
        jobs: int,
        done: Callable[[str, Exercise, Outcome], None],
    ) -> ClassList:
        """Check all folders.

        Args:
            students: the folders of each student.
            jobs: how many checks may run at the same time.
            done: called after each check, by this thread.

        Returns:
            What was found. Of two folders with the same exercise the one that passes counts.
        """
        outcomes: dict[str, dict[str, Outcome]] = {name: {} for name in students}
        with ThreadPoolExecutor(jobs, thread_name_prefix="check") as pool:
            try:
                running = {
                    pool.submit(self._check, folder): (name, folder.exercise)
                    for name, folders in students.items()
                    for folder in folders
                }
                for each in as_completed(running):
                    name, chosen = running[each]
                    outcome = each.result()
                    known = outcomes[name].get(chosen.name)
                    if known is None or not known.passed:
                        outcomes[name][chosen.name] = outcome
                    done(name, chosen, outcome)
            except BaseException:  # Ctrl-C, too: `with` would wait for all that is still to be done
                pool.shutdown(wait=False, cancel_futures=True)
                self.stop()
                raise
        begun = {name for found in outcomes.values() for name in found}
        return ClassList([each for each in EXERCISES if each.name in begun], outcomes)

    def stop(self) -> None:
        """End the servers of all checks, and with them the checks."""
        with self._lock:
            self._stopped = True
            targets = list(self._targets)
        for target in targets:
            target.process.kill()

    def _check(self, folder: StudentFolder) -> Outcome:
        return run_check(
            folder.exercise, folder.path, folder.words, self._limits, started=self._started
        )

    def _started(self, target: Target) -> None:
        with self._lock:
            self._targets = {each for each in self._targets if not each.ended} | {target}
            stopped = self._stopped
        if stopped:
            target.process.kill()


def class_table(results: ClassList) -> Table:
    """Return the table for a terminal."""
    table = Table()
    table.add_column("student")
    for each in results.exercises:
        table.add_column(Text(each.label.replace(" ", "\n", 1)), justify="center")
    table.add_column("passed", justify="right")
    signs = {True: Text("✓", "green"), False: Text("✗", "red"), None: Text("")}
    for student in results.outcomes:
        cells = [signs[results.passed(student, each)] for each in results.exercises]
        table.add_row(Text(one_line(student)), *cells, str(results.count(student)))
    return table


def class_csv(results: ClassList) -> str:
    """Return the table as CSV: a line for each student, a column for each exercise."""
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(["student", *(each.name for each in results.exercises), "passed"])
    for student in results.outcomes:
        name = f"'{student}" if student.lstrip(" ").startswith(_FORMULA) else student
        cells = [WORDS[results.passed(student, each)] for each in results.exercises]
        writer.writerow([name, *cells, results.count(student)])
    return file.getvalue()
