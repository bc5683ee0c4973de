"""`chat-lab list`."""

import pytest

from lab.commands.listing import main
from lab.lessons.catalogue import NAMES


def test_each_lesson_has_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """With its number, its name and its summary, in order."""
    assert main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines[: len(NAMES)]] == list(NAMES)
    assert all(line.rstrip().endswith(".") for line in lines[: len(NAMES)])
