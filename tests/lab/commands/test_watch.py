"""`chat-lab watch`, as a program."""

import signal
from pathlib import Path

import pytest

from lab.cli import main
from lab.exercises.exercise_list import exercise
from lab.exercises.student_folder import MARKER, marker_text
from tests.lab.commands.lab_process import processes_in, running_lab
from tests.lab.commands.test_check import SERVER, write
from tests.lab.exercises.student_servers import answer_of
from tests.support.waiting import eventually


@pytest.mark.long
def test_each_save_is_checked(tmp_path: Path) -> None:
    """From wrong to right, by way of an `exercise.toml` that is wrong for a while."""
    waiting = "Waiting for a file to be saved. Ctrl-C ends."
    with running_lab("watch", str(write(tmp_path, "echo", "1 / 0"))) as lab:
        lab.wait_for(waiting)
        assert "Your server ended with exit code 1" in lab.printed
        (tmp_path / MARKER).write_text("exercise =")
        lab.wait_for("cannot be read: Invalid value")
        (tmp_path / "server.py").write_text(answer_of("echo").read_text())
        lab.wait_for("cannot be read: Invalid value", 2)  # so that the next save is one of its own
        (tmp_path / MARKER).write_text(marker_text(exercise("echo"), SERVER))
        lab.wait_for(waiting, 2)
        assert "Passed." in lab.printed
        assert lab.end(signal.SIGINT) == 0
    assert lab.printed.endswith("Ctrl-C ends.\n\n")


def test_it_ends_amid_a_check(tmp_path: Path) -> None:
    """And leaves no server."""
    program = "import threading; open('runs', 'w'); threading.Event().wait()"
    with running_lab("watch", str(write(tmp_path, "echo", program))) as lab:
        eventually(lambda: (tmp_path / "runs").exists())
        assert lab.end(signal.SIGTERM) == 128 + signal.SIGTERM
        assert processes_in(tmp_path) == []
    assert "Traceback" not in lab.printed


def test_a_wrong_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """There is nothing to wait for."""
    assert main(["watch", str(tmp_path)]) == 2
    assert "There is no exercise in" in capsys.readouterr().err
