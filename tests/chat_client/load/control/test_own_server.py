"""A server for one load test, and its end."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from chat_client.load.control import command_line
from chat_client.load.control.own_server import own_server
from tests.chat_client.load.runs import COMMAND
from tests.support.leaks import nothing_left_behind
from tests.support.peer import Peer
from tests.support.servers import ROOT
from tests.support.waiting import DEADLINE, eventually

SHORT = (
    "--clients",
    "4",
    "--rooms",
    "2",
    "--talkers",
    "100",
    "--duration",
    "0.4",
    "--warm-up",
    "0",
)


@pytest.mark.long
def test_a_server_of_its_own(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The server's process and folder end with the run."""
    report = tmp_path / "run.json"
    with nothing_left_behind():
        code = command_line.main(["--own-server", *SHORT, "--json", str(report)])
    out, err = capsys.readouterr()
    assert (code, err) == (0, "")
    assert "stay on the server" not in out
    found = json.loads(report.read_text())
    assert found["limited"] is False
    assert found["rooms_kept"] == []
    assert found["server"].startswith("127.0.0.1:")
    assert found["server_side"]["memory"] > 0


def test_ctrl_c_ends_a_server_of_its_own(tmp_path: Path) -> None:
    """Ctrl-C during the ramp ends the server and removes its folder."""
    program = subprocess.Popen(
        [*COMMAND, "--own-server", "--clients", "4", "--ramp", "600"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    eventually(lambda: list(tmp_path.glob("*/data/history.db")))
    program.send_signal(signal.SIGINT)
    program.communicate(timeout=DEADLINE)
    assert program.returncode == command_line.INTERRUPTED
    assert list(tmp_path.iterdir()) == []


def test_the_settings_of_another_server_do_not_reach_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's settings, such as a password, do not reach the server."""
    monkeypatch.setenv("CHAT_PASSWORD", "open sesame")
    with own_server() as address, Peer.connect(f"tcp://{address}") as peer:
        assert peer.hello("ana")["type"] == "welcome"


def test_make_load_brings_its_own_server() -> None:
    """`make load` starts a server for the test."""
    done = subprocess.run(
        ["make", "-n", "load", "ARGS=--clients 7"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=True,
    )
    assert "chat-load --own-server --clients 7" in done.stdout
