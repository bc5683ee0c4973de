"""`chat-lab check`, as a program."""

import shutil
import signal
import sys
from pathlib import Path

import pytest

from lab.cli import main
from lab.exercises.exercise_list import exercise
from lab.exercises.student_folder import MARKER, marker_text
from tests.lab.commands.lab_process import processes_in, running_lab
from tests.lab.exercises.student_servers import answer_of
from tests.support.waiting import eventually

SERVER = f"{sys.executable} -S server.py {{port}}"


def write(folder: Path, name: str, server: str | None = None, command: str = SERVER) -> Path:
    """Write a student's exercise; with the model answer as the server if none is given."""
    folder.mkdir(exist_ok=True)
    (folder / MARKER).write_text(marker_text(exercise(name), command))
    (folder / "server.py").write_text(answer_of(name).read_text() if server is None else server)
    return folder


def test_a_server_that_passes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 0."""
    assert main(["check", str(write(tmp_path, "lines"))]) == 0
    printed = capsys.readouterr().out
    assert "  ✓ Half a line\n" in printed
    assert printed.endswith(f"chat-lab exercise frames NEW_DIR --from {tmp_path}\n")


def test_a_server_that_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1, and the last that it printed."""
    assert main(["check", str(write(tmp_path, "lines", "print('I am'); 1 / 0"))]) == 1
    printed = capsys.readouterr().out
    assert "Your server ended with exit code 1 before it listened on port" in printed
    assert printed.endswith("    ZeroDivisionError: division by zero\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_whoever_ends_it_leaves_no_server(tmp_path: Path, number: int) -> None:
    """Nor a traceback. The server would wait for ever."""
    program = "import threading; open('runs', 'w'); threading.Event().wait()"
    with running_lab("check", str(write(tmp_path, "echo", program))) as lab:
        eventually(lambda: (tmp_path / "runs").exists())
        assert processes_in(tmp_path) != []
        assert lab.end(number) == 128 + number
        assert processes_in(tmp_path) == []
    assert "Traceback" not in lab.printed


def test_wrong_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, and a sentence."""
    assert main(["check", str(tmp_path)]) == 2
    assert "There is no exercise in" in capsys.readouterr().err
    write(tmp_path, "echo")
    assert main(["check", str(tmp_path), "--command", "java Server"]) == 2
    assert "does not say where the port goes" in capsys.readouterr().err


PERL = """
use IO::Socket::INET;
$listener = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => $ARGV[0], Listen => 5)
    or die;
while ($client = $listener->accept) {
    while (sysread($client, $data, 4096)) { syswrite($client, $data); }
    close($client);
}
"""


@pytest.mark.skipif(shutil.which("perl") is None, reason="perl is not installed")
def test_any_language_will_do(tmp_path: Path) -> None:
    """A server is known by the port that it listens on alone."""
    write(tmp_path, "echo", "")
    (tmp_path / "server.pl").write_text(PERL)
    assert main(["check", str(tmp_path), "--command", "perl server.pl {port}"]) == 0
