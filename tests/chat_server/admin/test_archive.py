"""A data folder that cannot be written: a mounted backup, a disk that went read-only."""

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.chat_server.admin.folders import START, keep
from tests.chat_server.house import House
from tests.chat_server.storage.test_data_folder import needs_unprivileged
from tests.support.peer import Peer
from tests.support.servers import (
    ENVIRONMENT,
    ROOT,
    WITHOUT_PRIVILEGES,
    ServerProcess,
    address_of,
    running_server,
)

pytestmark = needs_unprivileged


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Let nobody write a folder, nor what is in it, while the block runs."""
    for path in folder.iterdir():
        path.chmod(0o400)
    folder.chmod(0o500)
    try:
        yield
    finally:
        folder.chmod(stat.S_IRWXU)


def admin(*arguments: str | Path) -> str:
    """Run `chat-server admin ARGUMENTS` as a user without privileges, and return its output."""
    done = subprocess.run(
        [*WITHOUT_PRIVILEGES, sys.executable, "-m", "chat_server", "admin", *map(str, arguments)],
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def stopped(data: Path) -> None:
    """A folder that a server has closed."""
    keep(data, "lobby", [(START, "ana", "text", "kept")])
    assert not (data / "history.db-shm").exists()


def killed(data: Path) -> None:
    """A folder of a server that was killed: the newest messages are in the write-ahead log."""
    with ServerProcess.serve(data) as server:
        with Peer.connect(server.address) as ana:
            ana.hello("ana")
            ana.join("lobby")
            ana.say("lobby", "kept")
        server.kill()
    (data / "admin.sock").unlink()
    assert (data / "history.db-wal").stat().st_size > 0


def copied(data: Path) -> None:
    """The same, copied without the files that SQLite makes again by itself."""
    killed(data)
    for path in data.glob("*-shm"):
        path.unlink()


@pytest.mark.parametrize("prepare", [stopped, killed, copied])
def test_export_and_backup(tmp_path: Path, prepare: object) -> None:
    """All that was confirmed is in both, and the folder is left as it is."""
    assert callable(prepare)
    data, copy = tmp_path / "data", tmp_path / "copy"
    prepare(data)
    names = {path.name for path in data.iterdir()}
    history = (data / "history.db").read_bytes()
    with read_only(data):
        assert "ana: kept" in admin("export", "--room", "lobby", "--data", data)
        admin("backup", copy, "--data", data)
        assert {path.name for path in data.iterdir()} == names
    assert (data / "history.db").read_bytes() == history
    with running_server(copy) as server, House(address_of(server)) as house:
        (message,) = house.enter("ada", "lobby").page("history", room="lobby")["messages"]
        assert message["text"] == "kept"


def test_no_copy_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What had to be copied to be read is removed."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setitem(ENVIRONMENT, "TMPDIR", str(temporary))
    copied(tmp_path / "data")
    with read_only(tmp_path / "data"):
        admin("export", "--room", "lobby", "--data", tmp_path / "data")
    assert not os.listdir(temporary)
    shutil.rmtree(temporary)
