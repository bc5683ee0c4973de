"""The beginning of an exercise."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lab.exercises.exercise_list import EXERCISES, exercise, run_check
from lab.exercises.starter import begin
from lab.exercises.student_folder import DEFAULT_COMMAND, MARKER, read_folder
from lab.exercises.target import Outcome
from lab.stage.errors import LabError
from tests.lab.exercises.student_servers import GENEROUS
from tests.support.ports import free_port


def check_starter(name: str, folder: Path) -> Outcome:
    begin(exercise(name), folder)
    words = [sys.executable, "-S", *read_folder(folder).words[1:]]
    return run_check(exercise(name), folder, words, GENEROUS, free_port())


@pytest.mark.long
def test_no_starter_passes(tmp_path: Path) -> None:
    """Each runs, and is told what is missing: the answers are not in them."""
    names = [each.name for each in EXERCISES]
    with ThreadPoolExecutor(8) as pool:
        running = {name: pool.submit(check_starter, name, tmp_path / name) for name in names}
    for name, each in running.items():
        outcome = each.result()
        assert not outcome.passed, name
        first = exercise(name).text.split("\n## ")[1].partition("\n")[0]
        assert outcome.heading == first, (name, outcome)
        assert "Error" not in outcome.printed, (name, outcome)


def test_what_is_there_stays(tmp_path: Path) -> None:
    """A student's work is never written over, nor copied over."""
    assert begin(exercise("frames"), tmp_path / "a" / "b") == [
        "wrote   README.md",
        "wrote   exercise.toml",
        "wrote   server.py",
        "wrote   talk.py",
    ]
    server = tmp_path / "a" / "b" / "server.py"
    server.write_text("mine")
    other = tmp_path / "other"
    begin(exercise("lines"), other)
    assert "kept    server.py" in begin(exercise("frames"), server.parent)
    assert "kept    server.py" in begin(exercise("frames"), server.parent, before=other)
    assert server.read_text() == "mine"


def test_a_server_goes_on_to_the_next_step(tmp_path: Path) -> None:
    """With all its files and its command, and without what belongs to the other exercise."""
    before, after = tmp_path / "before", tmp_path / "after"
    begin(exercise("frames"), before, "java Server {port}")
    assert not (before / "server.py").exists()
    (before / "Server.java").write_text("class Server {}")
    (before / "Part.java").write_text("class Part {}")
    (before / "build").mkdir()
    assert begin(exercise("big-messages"), after, before=before) == [
        "copied  Part.java",
        "wrote   README.md",
        "copied  Server.java",
        "wrote   exercise.toml",
        "wrote   talk.py",
    ]
    assert (after / "Server.java").read_text() == "class Server {}"
    assert read_folder(after).command == "java Server {port}"
    assert read_folder(after).exercise == exercise("big-messages")
    again = tmp_path / "again"
    begin(exercise("big-messages"), again, DEFAULT_COMMAND, before)
    assert read_folder(again).command == DEFAULT_COMMAND


def test_each_exercise_has_a_folder_of_its_own(tmp_path: Path) -> None:
    """What to type instead is said."""
    begin(exercise("lines"), tmp_path)
    with pytest.raises(LabError, match=f"frames OTHER_DIR --from {tmp_path}"):
        begin(exercise("frames"), tmp_path)
    assert read_folder(tmp_path).exercise == exercise("lines")


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    """And where there is nothing to go on from."""
    (tmp_path / "file").touch()
    with pytest.raises(LabError, match="cannot be written: "):
        begin(exercise("lines"), tmp_path / "file" / "below")
    with pytest.raises(LabError, match="There is no exercise in"):
        begin(exercise("lines"), tmp_path / "new", before=tmp_path / "missing")
    with pytest.raises(LabError, match="does not say where the port goes"):
        begin(exercise("lines"), tmp_path / "new", "java Server")
    assert not (tmp_path / "new" / MARKER).exists()
