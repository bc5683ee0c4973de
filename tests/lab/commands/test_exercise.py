"""`chat-lab exercise`."""

from pathlib import Path

import pytest

from lab.cli import main
from lab.exercises.exercise_list import EXERCISES
from lab.exercises.student_folder import read_folder


def test_without_a_name_it_lists_them(capsys: pytest.CaptureFixture[str]) -> None:
    """All of them, with their steps."""
    assert main(["exercise"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for each in EXERCISES:
        start = f"  {each.step:>2}  {each.name} " if each.step else f"      {each.name} "
        assert sum(line.startswith(start) and line.endswith(each.title) for line in lines) == 1


def test_it_begins_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By its number, too, and going on from the step before."""
    assert main(["exercise", "3", str(tmp_path / "a"), "--command", "./server {port}"]) == 0
    assert main(["exercise", "frames", str(tmp_path / "b"), "--from", str(tmp_path / "a")]) == 0
    assert read_folder(tmp_path / "b").command == "./server {port}"
    assert f"chat-lab check {tmp_path / 'b'} checks your server." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["frames"], "Say where: chat-lab exercise frames DIR"),
        (["frame", "x"], "Did you mean frames?"),
        (["frames", "x", "--command", "java"], "does not say where the port goes"),
    ],
)
def test_wrong_use(
    arguments: list[str], text: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Is told in a sentence, and writes nothing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        assert main(["exercise", *arguments]) == 2
    assert text in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
