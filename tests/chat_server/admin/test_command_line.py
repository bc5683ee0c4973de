"""The command line of the operator's commands."""

import json
import subprocess
import sys
from pathlib import Path

from tests.chat_server.admin.folders import Operator
from tests.chat_server.house import House
from tests.support.servers import ROOT, address_of, running_server


def command(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    """The program itself."""
    return subprocess.run(
        [sys.executable, "-m", "chat_server", "admin", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_program(tmp_path: Path) -> None:
    """`chat-server admin`, from another process than the server's, without colours in a pipe."""
    with running_server(tmp_path / "data") as server, House(address_of(server)) as house:
        house.enter("ada", "lobby").say("lobby", "hi")
        clients = command("clients", "--data", tmp_path / "data")
        assert (clients.returncode, clients.stderr) == (0, "")
        assert "ada" in clients.stdout
        assert "\x1b" not in clients.stdout
        copied = command("backup", tmp_path / "copy", "--data", tmp_path / "data", "--json")
        assert copied.returncode == 0
        assert json.loads(copied.stdout)["target"] == str(tmp_path / "copy")
    gone = command("status", "--data", tmp_path / "data")
    assert gone.returncode == 1
    assert "Traceback" not in gone.stderr


def test_wrong_use(operator: Operator) -> None:
    """Exit code 2, and what there is."""
    assert operator.types("reboot").code == 2
    assert operator.types("backup").code == 2
    shown = operator.types("--help").out
    for name in ("status", "clients", "rooms", "backup", "export", "attendance"):
        assert name in shown


def test_a_reader_that_stops(tmp_path: Path) -> None:
    """`chat-server admin rooms | head -0`: no traceback."""
    with running_server(tmp_path):
        child = subprocess.Popen(
            [sys.executable, "-m", "chat_server", "admin", "rooms", "--data", str(tmp_path)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdout.close()
        assert child.stderr.read() == ""
        child.stderr.close()
        child.wait()
