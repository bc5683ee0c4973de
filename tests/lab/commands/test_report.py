"""`chat-lab report`, as a program."""

import signal
from pathlib import Path

import pytest

from lab.cli import main
from tests.lab.commands.lab_process import processes_in, running_lab
from tests.lab.commands.test_check import write
from tests.support.waiting import eventually


def test_a_class(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A table on the terminal, and the same as CSV and as a page."""
    anna = write(tmp_path / "anna", "echo")
    ben = write(tmp_path / "ben", "echo", "1 / 0")
    (tmp_path / "carl").mkdir()
    files = ("--csv", str(tmp_path / "c.csv"), "--html", str(tmp_path / "c.html"))
    assert main(["report", str(anna), str(ben), str(tmp_path / "carl"), *files]) == 0
    printed = capsys.readouterr()
    assert "There is no exercise in" in printed.err
    assert "ben: echo failed" in printed.err
    rows = [line.split("│")[1:-1] for line in printed.out.splitlines() if line.startswith("│")]
    assert [[cell.strip() for cell in row] for row in rows] == [
        ["anna", "✓", "1"],
        ["ben", "✗", "0"],
        ["carl", "", "0"],
    ]
    assert (tmp_path / "c.csv").read_bytes() == (
        b"student,echo,passed\r\nanna,passed,1\r\nben,failed,0\r\ncarl,,0\r\n"
    )
    assert "Your server ended with exit code 1" in (tmp_path / "c.html").read_text("utf-8")


def test_ctrl_c_leaves_no_server(tmp_path: Path) -> None:
    """Of none of those that were being checked."""
    program = "import threading; open('runs', 'w'); threading.Event().wait()"
    folders = [write(tmp_path / name, "echo", program) for name in ("anna", "ben", "carl")]
    with running_lab("report", "--jobs", "2", *map(str, folders)) as lab:
        eventually(lambda: sum((folder / "runs").exists() for folder in folders) == 2)
        assert lab.end(signal.SIGINT) == 130
        assert [processes_in(folder) for folder in folders] == [[], [], []]
    assert sum((folder / "runs").exists() for folder in folders) == 2
    assert "Traceback" not in lab.printed


@pytest.mark.parametrize("jobs", ["0", "33", "-1"])
def test_wrong_use(tmp_path: Path, capsys: pytest.CaptureFixture[str], jobs: str) -> None:
    """Exit code 2, and a sentence."""
    assert main(["report", "--jobs", jobs, str(tmp_path)]) == 2
    assert f"--jobs is {jobs}. It is from 1 to 32." in capsys.readouterr().err


def test_a_report_that_cannot_be_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The table is printed all the same."""
    folder = write(tmp_path / "anna", "echo", "1 / 0")
    assert main(["report", str(folder), "--csv", str(tmp_path / "missing" / "c.csv")]) == 2
    printed = capsys.readouterr()
    assert "anna" in printed.out
    assert "No such file or directory" in printed.err
