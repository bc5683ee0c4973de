"""What a service manager is told, and what it leaves out."""

import os
import socket
import sys
from pathlib import Path

import pytest

from chat_server import cli
from chat_server.runtime.machine import systemd
from tests.support.servers import ServerProcess


@pytest.mark.parametrize("kind", ["path", "abstract"])
def test_it_is_told_line_by_line(tmp_path: Path, kind: str) -> None:
    """In a datagram to the socket that it names."""
    path = str(tmp_path / "notify") if kind == "path" else f"@{tmp_path}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path.replace("@", "\0"))
        systemd.tell(systemd.READY, "STATUS=x", environment={"NOTIFY_SOCKET": path})
        assert manager.recv(100) == b"READY=1\nSTATUS=x"


def test_nobody_need_listen(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Without a manager nothing is told; one that is gone is no reason to end."""
    systemd.tell(systemd.READY, environment={})
    assert not caplog.messages
    systemd.tell(systemd.READY, environment={"NOTIFY_SOCKET": str(tmp_path / "gone")})
    assert "the service manager was not told" in caplog.text


def test_a_server_tells_when_it_is_ready_reloads_and_stops(tmp_path: Path) -> None:
    """Ready means that clients can connect."""
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        manager.settimeout(10)
        where = ("--host", "127.0.0.1", "--port", "0", "--data", tmp_path / "data")
        with ServerProcess(*where, environment={"NOTIFY_SOCKET": str(path)}) as server:
            assert manager.recv(100).startswith(b"READY=1\nSTATUS=listening on tcp://127.0.0.1:")
            server.hang_up()
            assert manager.recv(100).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
            assert manager.recv(100) == b"READY=1"
            server.terminate()
            assert manager.recv(100) == b"STOPPING=1"
            assert server.wait() == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no users by a number")
def test_a_user_may_have_no_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As systemd's dynamic ones, on a machine that does not look them up (libnss-systemd)."""
    for variable in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 2**31 - 7)  # who is at home nowhere
    assert cli.main(["--check", "--data", str(tmp_path)]) == 0
    assert capsys.readouterr() == ("the settings are good\n", "")
