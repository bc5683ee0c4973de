"""`chat-lab run`, as somebody types it: in a pipe, in a terminal, with a page."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lab.commands.run import main
from tests.lab.screen import Screen
from tests.support.leaks import nothing_left_behind
from tests.support.servers import ROOT
from tests.support.waiting import DEADLINE, eventually

RUN = [sys.executable, "-m", "lab", "run"]


@pytest.mark.long
def test_without_a_terminal_there_are_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """The steps, what the clients received, a verdict for each server, and the numbers."""
    with nothing_left_behind():
        assert main(["iterative-server"]) == 0
    shown = capsys.readouterr().out
    assert "iterative-server, broken.py: one client after the other" in shown
    assert "s  ana hangs up." in shown
    assert "FAILED: ben waited until ana hung up" in shown
    assert "iterative-server, mended.py: a thread for each client" in shown
    assert "passed: Two clients were served at the same time." in shown
    assert "    ben is greeted while ana is connected: no" in shown


@pytest.mark.long
def test_a_hand_out_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """After the lesson; its path is said."""
    page = tmp_path / "page.html"
    assert main(["tcp-has-no-messages", "--html", str(page)]) == 0
    assert f"wrote {page}" in capsys.readouterr().out
    written = page.read_text(encoding="utf-8")
    assert "TCP has no messages" in written
    assert written.count("It breaks.") == 1
    assert written.count("It holds.") == 2


def test_ctrl_c_ends_it_at_once() -> None:
    """Whatever the attack waits for; no server is left."""
    child = subprocess.Popen(
        [*RUN, "frozen-reader"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    for line in child.stdout:
        if "suspended" in line:
            break
    child.send_signal(signal.SIGINT)
    _, said = child.communicate(timeout=DEADLINE)
    assert child.returncode == 130
    assert "Traceback" not in said
    eventually(lambda: not _servers_of(child.pid))


def _servers_of(parent: int | None) -> list[str]:
    asked = ["ps", "-eww", "-o", "ppid=,stat=,args="]
    listed = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    rows = [line.split(maxsplit=2) for line in listed.splitlines()]
    return [row[2] for row in rows if row[0] == str(parent)]


def _running(words: str) -> list[str]:
    asked = ["ps", "-eww", "-o", "args="]
    listed = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if words in line]


def test_a_reader_that_closes_its_end_is_no_failure() -> None:
    """`chat-lab run ... | head -1` plays on and says nothing."""
    child = subprocess.Popen(
        [*RUN, "iterative-server"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert child.stdout is not None
    assert child.stderr is not None
    child.stdout.readline()
    child.stdout.close()
    said = child.stderr.read()
    child.stderr.close()
    assert child.wait(DEADLINE) == 0
    assert said == ""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
def test_an_output_that_cannot_be_written_is_named() -> None:
    """Exit code 1, and a sentence."""
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*RUN, "iterative-server"], cwd=ROOT, stdout=full, stderr=subprocess.PIPE,
            text=True, timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert "cannot write to the standard output: No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_terminal_that_cannot_draw_gets_lines() -> None:
    """TERM=dumb."""
    with Screen("run", "iterative-server", term="dumb") as terminal:
        terminal.see("passed: Two clients were served")
        assert "╭" not in terminal.shown
        assert terminal.leave() == 0


def test_a_terminal_that_is_closed_ends_it() -> None:
    """Nothing of it is left running."""
    with Screen("run", "frozen-reader") as terminal:
        terminal.see("The frozen reader")
        (server,) = eventually(lambda: _servers_of(terminal.child.pid))
        assert "probe.py" in server
        terminal.child.close(force=True)
    port = server.split()[-1]  # its own, so that no other run's is meant
    eventually(lambda: not _running(f"broken.py {port}"))
