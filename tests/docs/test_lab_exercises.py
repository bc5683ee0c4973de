"""docs/lab_exercises.md shows what `chat-lab` says."""

import re

import pytest

from lab.cli import main
from lab.exercises import student_folder
from lab.exercises.exercise_list import EXERCISES, exercise
from lab.exercises.process import FILE_LIMIT
from lab.exercises.target import Limits
from tests.support.servers import ROOT

PAGE = (ROOT / "docs" / "lab_exercises.md").read_text(encoding="utf-8")


def test_the_list_is_what_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """Line for line."""
    assert main(["exercise"]) == 0
    printed = "".join(
        f"    {line}".rstrip() + "\n" for line in capsys.readouterr().out.splitlines()
    )
    assert f"    $ chat-lab exercise\n{printed}" in PAGE


def test_the_examples_name_what_there_is() -> None:
    """Each exercise that is begun, and each paragraph that is ticked."""
    begun = re.findall(r"chat-lab exercise ([a-z-]+) ", PAGE)
    assert {exercise(name) for name in begun} < set(EXERCISES)
    headings = {heading for each in EXERCISES for heading in each.text.split("\n")}
    for heading in re.findall(r"^ +[✓✗] (.+)$", PAGE, re.MULTILINE):
        assert f"## {heading}" in headings


def test_the_limits_are_those_of_the_code() -> None:
    """Seconds, and open files."""
    limits = Limits()
    assert f"after {limits.answer} seconds" in PAGE
    assert f"has {limits.start} seconds to listen, and the whole check {limits.whole} " in PAGE
    assert f"at most {FILE_LIMIT:,} open files" in PAGE
    assert student_folder.MARKER in PAGE
