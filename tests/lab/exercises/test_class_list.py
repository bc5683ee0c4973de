"""The results of a class."""

import csv
import io
import sys
import threading
from pathlib import Path

import pytest
from rich.console import Console

from lab.exercises.class_list import Checks, ClassList, class_csv, class_table, find_folders
from lab.exercises.exercise_list import Exercise, exercise
from lab.exercises.student_folder import MARKER, StudentFolder, marker_text
from lab.exercises.target import Outcome
from lab.stage.errors import LabError
from tests.lab.exercises.student_servers import GENEROUS, answer_of
from tests.support.waiting import eventually

SERVER = f"{sys.executable} -S server.py {{port}}"


def write(folder: Path, name: str, server: str | None = None) -> Path:
    """Write a student's exercise; with the model answer as the server if none is given."""
    folder.mkdir(parents=True)
    (folder / MARKER).write_text(marker_text(exercise(name), SERVER))
    (folder / "server.py").write_text(answer_of(name).read_text() if server is None else server)
    return folder


def two_students() -> ClassList:
    """What was found of two students. Nothing is run for it."""
    steps = [exercise("echo"), exercise("frames")]
    failed = Outcome(False, 'Client <1> did "it".', "A paragraph")
    return ClassList(
        steps,
        {
            "anna": {"echo": Outcome(True), "frames": failed},
            "=ben [red]": {"frames": Outcome(True)},
        },
    )


def test_a_class_is_checked(tmp_path: Path) -> None:
    """A student has one exercise or several; of two tries the one that passes counts."""
    write(tmp_path / "anna", "lines")
    write(tmp_path / "ben" / "one", "echo", "1 / 0")
    write(tmp_path / "ben" / "two", "echo")
    write(tmp_path / "ben" / "three", "lines", "print('no server')")
    students, problems = find_folders([tmp_path / "anna", tmp_path / "ben"])
    assert problems == []
    done: list[tuple[str, str, bool]] = []

    def note(student: str, chosen: Exercise, outcome: Outcome) -> None:
        done.append((student, chosen.name, outcome.passed))

    results = Checks(GENEROUS).run(students, 2, note)
    assert [each.name for each in results.exercises] == ["echo", "lines"]
    assert {
        student: {name: outcome.passed for name, outcome in found.items()}
        for student, found in results.outcomes.items()
    } == {"anna": {"lines": True}, "ben": {"echo": True, "lines": False}}
    assert "ended with exit code 0" in results.outcomes["ben"]["lines"].sentence
    assert sorted(done) == [
        ("anna", "lines", True),
        ("ben", "echo", False),
        ("ben", "echo", True),
        ("ben", "lines", False),
    ]


def test_checks_can_be_stopped(tmp_path: Path) -> None:
    """Their servers are killed, and no other is started."""
    program = "import os, threading\nprint(os.getpid(), file=open('pid', 'w'), flush=True)\n"
    students = {}
    for name in ("anna", "ben"):
        folder = write(tmp_path / name, "echo", program + "threading.Event().wait()")
        students[name] = [StudentFolder(folder, exercise("echo"), SERVER)]
    checks = Checks(GENEROUS)
    outcomes: list[Outcome] = []
    runner = threading.Thread(
        target=lambda: checks.run(students, 1, lambda *found: outcomes.append(found[2]))
    )
    runner.start()
    eventually(lambda: (tmp_path / "anna" / "pid").exists())
    checks.stop()
    runner.join(20)
    assert not runner.is_alive()
    assert ["was ended by SIGKILL" in each.sentence for each in outcomes] == [True, True]


def test_an_error_ends_all_checks(tmp_path: Path) -> None:
    """As Ctrl-C does: what has not begun does not begin."""
    students = {}
    for name in ("anna", "ben"):
        folder = write(tmp_path / name, "echo", "open('ran', 'w')" if name == "anna" else None)
        students[name] = [StudentFolder(folder, exercise("echo"), SERVER)]

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Checks(GENEROUS).run(students, 1, interrupted)
    assert (tmp_path / "anna" / "ran").exists()


def test_folders_without_an_exercise(tmp_path: Path) -> None:
    """They are named, and the others are checked; unless there is no other."""
    anna, ben, carl = (tmp_path / name for name in ("anna", "ben", "carl"))
    write(anna, "echo")
    ben.mkdir()
    carl.mkdir()
    (carl / MARKER).write_text("exercise = 1")
    students, problems = find_folders([anna, ben, carl, tmp_path / "missing"])
    assert {name: len(found) for name, found in students.items()} == {
        "anna": 1,
        "ben": 0,
        "carl": 0,
        "missing": 0,
    }
    assert [problem.split(str(tmp_path))[0] for problem in problems] == [
        "There is no exercise in '",
        "'",
        "There is no exercise in '",
    ]
    with pytest.raises(LabError, match="There is no exercise in"):
        find_folders([ben])


def test_two_students_of_one_name(tmp_path: Path) -> None:
    """A table with both would say of neither who it is."""
    folders = [write(tmp_path / place / "anna", "echo") for place in ("a", "b")]
    with pytest.raises(LabError, match="Two folders are called 'anna'"):
        find_folders(folders)


def test_the_table() -> None:
    """Names are no markup. Who has not begun has an empty cell."""
    file = io.StringIO()
    Console(file=file, width=80).print(class_table(two_students()))
    rows = [line.strip("│ ") for line in file.getvalue().splitlines() if line.startswith("│")]
    assert [row.replace(" ", "") for row in rows] == ["anna│✓│✗│1", "=ben[red]││✓│1"]


def test_the_csv() -> None:
    """No name is a formula to a spreadsheet."""
    assert list(csv.reader(io.StringIO(class_csv(two_students())))) == [
        ["student", "echo", "frames", "passed"],
        ["anna", "passed", "failed", "1"],
        ["'=ben [red]", "", "passed", "1"],
    ]
