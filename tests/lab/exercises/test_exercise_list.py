"""The list of exercises, and what their READMEs promise."""

import inspect
import re
import sys
from pathlib import Path

import pytest

from lab.exercises.checks.lessons import _keep_alive
from lab.exercises.exercise_list import EXERCISES, Exercise, exercise, run_check
from lab.exercises.target import STARTING, WHY, Target
from lab.lessons import catalogue as lessons
from lab.stage.errors import LabError
from tests.lab.exercises.student_servers import GENEROUS, SERVERS, answer_of
from tests.support.ports import free_port

NAMES = [each.name for each in EXERCISES]


@pytest.mark.parametrize("name", NAMES)
def test_each_paragraph_is_checked_in_its_order(name: str) -> None:
    """And each that a check names is there to be read."""
    checked = re.findall(r'paragraph\("([^"]+)"\)', _source(exercise(name)))
    written = re.findall(r"^## (.+)$", exercise(name).text, re.MULTILINE)
    assert written == [*checked, STARTING]


def _source(chosen: Exercise) -> str:
    """The source of a check, and of those of its helpers that are about paragraphs."""
    source = inspect.getsource(chosen.check)
    return inspect.getsource(_keep_alive) + source if chosen.name == "dead-peers" else source


@pytest.mark.parametrize("name", NAMES)
def test_each_check_is_tried(name: str) -> None:
    """On the model answer, and on at least three wrong servers; none is wrong in the same way."""
    assert answer_of(name).is_file()
    wrong = [path.read_text() for path in (SERVERS / name).glob("*.py")]
    assert len(wrong) >= 3
    assert len({text.partition("\n")[0] for text in wrong}) == len(wrong)


def test_twelve_steps() -> None:
    """They are numbered, and come first."""
    assert [each.step for each in EXERCISES] == [*range(1, 13), *[0] * 7]


def test_an_exercise_has_several_names() -> None:
    """Its own, its number, and its lesson's."""
    assert exercise("frames") == exercise("4") == exercise("tcp-has-no-messages") == EXERCISES[3]


@pytest.mark.parametrize("name", [each.name for each in EXERCISES if each.lesson])
def test_its_lesson_is_there(name: str) -> None:
    """With the paragraph that a sentence names."""
    lesson = exercise(name).lesson
    assert lesson in lessons.NAMES
    folder = Path(inspect.getfile(lessons)).parent / lesson.replace("-", "_")
    assert f"\n## {WHY}\n" in (folder / "lesson.md").read_text("utf-8")
    assert f"`chat-lab run {lesson}`" in exercise(name).text


def test_every_lesson_has_an_exercise() -> None:
    """And each is listed once."""
    assert {each.lesson for each in EXERCISES if each.lesson} == set(lessons.NAMES)
    assert len(set(NAMES)) == len(NAMES)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("frame", "Did you mean frames?"),
        ("0", "chat-lab exercise lists the exercises."),
        ("13", "chat-lab exercise lists the exercises."),
        ("", "chat-lab exercise lists the exercises."),
    ],
)
def test_there_is_none_of_that_name(name: str, hint: str) -> None:
    """What is near is named."""
    with pytest.raises(LabError, match=re.escape(hint)):
        exercise(name)


def test_a_server_that_ends_too_soon(tmp_path: Path) -> None:
    """It has done all that was asked for, but that it runs on."""

    def ask(target: Target) -> None:
        client = target.connect("the client")
        client.send(b"x")
        client.expect(b"x")
        assert target.process.wait_for_end(20) is not None

    (tmp_path / "server.py").write_text(
        "import socket, sys\n"
        "client = socket.create_server(('127.0.0.1', int(sys.argv[1]))).accept()[0]\n"
        "client.sendall(client.recv(1))\n"
    )
    words = [sys.executable, "-S", "server.py", "{port}"]
    outcome = run_check(Exercise("x", "x", ask), tmp_path, words, GENEROUS, free_port())
    assert outcome.sentence == (
        "Your server ended with exit code 0 when its clients were done, but a server that goes on "
        f'running was expected: read "{STARTING}" in README.md.'
    )
