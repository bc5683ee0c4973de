"""What a student's folder says about itself."""

from pathlib import Path

import pytest

from lab.exercises.exercise_list import exercise
from lab.exercises.student_folder import DEFAULT_COMMAND, MARKER, marker_text, read_folder
from lab.stage.errors import LabError


@pytest.mark.parametrize(
    "command",
    [
        DEFAULT_COMMAND,
        "java 'My Server' {port}",
        'sh -c "exec ./a \\"{port}\\""',
        "./grüße\x7f {port}",
    ],
)
def test_what_is_written_is_read(tmp_path: Path, command: str) -> None:
    """Whatever is in the command."""
    (tmp_path / MARKER).write_text(marker_text(exercise("frames"), command), "utf-8")
    folder = read_folder(tmp_path)
    assert folder.exercise == exercise("frames")
    assert folder.command == command
    assert any("{port}" in word for word in folder.words)


def test_another_command_for_once(tmp_path: Path) -> None:
    """It goes before what the folder says."""
    (tmp_path / MARKER).write_text('exercise = "1"\n')
    assert read_folder(tmp_path).command == DEFAULT_COMMAND
    assert read_folder(tmp_path, "./mine -p {port}").words == ["./mine", "-p", "{port}"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", 'needs the line exercise = "NAME"'),
        (b"exercise = 7\n", 'needs the line exercise = "NAME"'),
        (b'exercise = "echo"\ncommand = 7\n', 'needs the line exercise = "NAME"'),
        (b'exercise = "ehco"\n', "Did you mean echo?"),
        (b'exercise = "echo"\nport = 7\n', "has an unknown setting 'port'"),
        (b"exercise =\n", "cannot be read: Invalid value"),
        (b"\xff\n", "cannot be read: 'utf-8' codec"),
        (b'exercise = "echo"\ncommand = "java Server"\n', "does not say where the port goes"),
        (b'exercise = "echo"\ncommand = "java \'{port}"\n', "cannot be read: No closing quotation"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: bytes, reason: str) -> None:
    """In a sentence, and where it stands."""
    (tmp_path / MARKER).write_bytes(text)
    with pytest.raises(LabError) as caught:
        read_folder(tmp_path)
    assert reason in str(caught.value)


def test_no_exercise(tmp_path: Path) -> None:
    """Neither in an empty folder, nor where there is none, nor in a file."""
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "missing", tmp_path / "file"):
        with pytest.raises(LabError, match="There is no exercise in"):
            read_folder(path)
    (tmp_path / MARKER).mkdir()
    with pytest.raises(LabError, match="cannot be read"):
        read_folder(tmp_path)
