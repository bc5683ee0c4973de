"""What is kept, and what happens when it cannot be."""

import errno
import os
import stat
import sys
from pathlib import Path

import pytest

from chat_server.runtime.errors import StartError
from chat_server.storage.data_folder import DataFolder
from tests.chat_server.house import House, texts, whole_log
from tests.support.peer import Peer
from tests.support.servers import (
    ServerProcess,
    address_of,
    can_be_unprivileged,
    running_server,
)

needs_unprivileged = pytest.mark.skipif(
    not can_be_unprivileged(), reason="root's privileges cannot be dropped here (setpriv)"
)


def refused(*arguments: str | Path, unprivileged: bool = False) -> str:
    """Start the program, which must not start, and return its one sentence."""
    with ServerProcess("--host", "127.0.0.1", *arguments, unprivileged=unprivileged) as server:
        assert server.wait() == 2, (server.stdout, server.stderr)
        assert "listening on" not in server.stdout
        assert "Traceback" not in server.stderr
        lines = server.stderr.strip().splitlines()
        assert len(lines) == 1, server.stderr
        assert lines[0].startswith("chat-server: "), lines
        return lines[0]


def fill(data: Path) -> None:
    """Keep one message in a data folder."""
    with running_server(data) as server, House(address_of(server)) as house:
        house.enter("ada", "lobby").say("lobby", "kept")


def history(data: Path) -> Path:
    """The file that everything is kept in."""
    return data / "history.db"


def test_a_folder_that_is_not_there_is_made(tmp_path: Path) -> None:
    """With those above it; for the owner alone, since people talk there."""
    data = tmp_path / "not" / "yet"
    fill(data)
    assert stat.S_IMODE(data.stat().st_mode) == 0o700


def test_what_was_said_is_there_after_a_restart(tmp_path: Path) -> None:
    """With who said it, when, and of what kind."""
    with running_server(tmp_path) as server, House(address_of(server)) as house:
        ada = house.enter("ada", "lobby")
        ada.say("lobby", "waves", kind="action")
        ada.say("lobby", "🦊 \n\t")
        before = ada.messages(2)
    with running_server(tmp_path) as server, House(address_of(server)) as house:
        eva = house.enter("eva")
        eva.join("lobby", after=0)
        assert eva.messages(2) == before


def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    """By another server; which goes on."""
    with ServerProcess.serve(tmp_path) as server:
        assert "in use" in refused("--port", "0", "--data", tmp_path)
        with Peer.connect(server.address) as ada:
            assert ada.hello("ada")["type"] == "welcome"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows locks files in another way")
@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.EIO])
def test_a_folder_without_locks_is_no_other_servers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """The error has the system's reason, so that nobody looks for another server."""

    def flock(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fcntl.flock", flock)
    with pytest.raises(StartError, match=os.strerror(number)) as refusal:
        DataFolder(tmp_path)
    assert "another server" not in str(refusal.value)
    assert str(tmp_path) in str(refusal.value)
    assert "--data" in str(refusal.value)


def test_a_folder_of_a_killed_server_is_free(tmp_path: Path) -> None:
    """A lock that outlives its holder would be in the operator's way."""
    with ServerProcess.serve(tmp_path) as server:
        server.kill()
        with server.restarted() as again, Peer.connect(again.address) as ada:
            assert ada.hello("ada")["type"] == "welcome"


def test_a_file_where_the_folder_should_be_is_refused(tmp_path: Path) -> None:
    """And it stays as it is."""
    path = tmp_path / "file"
    path.write_text("precious")
    assert str(path) in refused("--port", "0", "--data", path)
    assert path.read_text() == "precious"


def test_what_is_kept_is_for_the_owner_alone(tmp_path: Path) -> None:
    """Every file, also in a folder that was there before and that others may look into."""
    tmp_path.chmod(0o755)
    with running_server(tmp_path) as server, House(address_of(server)) as house:
        ada = house.enter("ada", "lobby")
        ada.say("lobby", "psst")
        ada.page("search", room="lobby", query="psst")
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert {name: oct(mode) for name, mode in modes.items() if mode & 0o077} == {}


@needs_unprivileged
@pytest.mark.parametrize("mode", [0o000, 0o500])
def test_a_folder_without_permission_is_refused(tmp_path: Path, mode: int) -> None:
    """Neither read nor written by who runs the server."""
    data = tmp_path / "data"
    data.mkdir(mode)
    assert str(data) in refused("--port", "0", "--data", data, unprivileged=True)


@needs_unprivileged
@pytest.mark.parametrize("mode", [0o000, 0o400])
def test_a_database_without_permission_is_refused(tmp_path: Path, mode: int) -> None:
    """The folder is fine, what is in it cannot be opened or not be written."""
    fill(tmp_path)
    history(tmp_path).chmod(mode)
    assert str(tmp_path) in refused("--port", "0", "--data", tmp_path, unprivileged=True)
    history(tmp_path).chmod(0o600)
    with running_server(tmp_path) as server, House(address_of(server)) as house:
        assert texts(whole_log(house.enter("ada", "lobby"), "lobby")) == ["kept"]


def _garbage(data: bytes) -> bytes:
    return b"\xde\xad\xbe\xef" * (len(data) // 4)


def _truncated(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _damaged(data: bytes) -> bytes:
    """Every page but the first is nonsense."""
    return data[:4096] + b"\x5a" * (len(data) - 4096)


def _text(_: bytes) -> bytes:
    return b"This is my diary.\n" * 1000


@pytest.mark.parametrize("harm", [_garbage, _truncated, _damaged, _text])
def test_a_corrupt_database_is_refused_and_not_made_worse(tmp_path: Path, harm: object) -> None:
    """One clear sentence; the file stays, byte for byte, for who can mend it."""
    assert callable(harm)
    fill(tmp_path)
    database = history(tmp_path)
    database.write_bytes(harm(database.read_bytes()))
    left = database.read_bytes()
    sentence = refused("--port", "0", "--data", tmp_path)
    assert str(tmp_path) in sentence
    assert database.read_bytes() == left


def test_an_empty_database_file_is_a_new_one(tmp_path: Path) -> None:
    """SQLite's own idea of a new database: a server that died in its first second."""
    fill(tmp_path)
    database = history(tmp_path)
    for path in tmp_path.iterdir():
        if path.name.startswith(database.name):
            path.unlink()
    database.touch()
    with running_server(tmp_path) as server, House(address_of(server)) as house:
        ada = house.enter("ada", "lobby")
        assert ada.say("lobby", "hi") == 1
        assert texts(whole_log(ada, "lobby")) == ["hi"]


@pytest.mark.parametrize("harm", [_garbage, _truncated, _damaged, _text])
def test_a_corrupt_search_index_is_made_again(tmp_path: Path, harm: object) -> None:
    """It has nothing that the log has not, so a damaged one does not prevent a start."""
    assert callable(harm)
    with running_server(tmp_path) as server, House(address_of(server)) as house:
        ada = house.enter("ada", "lobby")
        for number in range(300):
            ada.post("say", room="lobby", text=f"needle {number} " + "hay " * (number % 7))
        ada.page("search", room="lobby", query="needle")
    index = tmp_path / "search.db"
    index.write_bytes(harm(index.read_bytes()))
    with running_server(tmp_path) as server, House(address_of(server)) as house:
        ada = house.enter("ada", "lobby")
        page = ada.page("search", room="lobby", query="needle", limit=1000)
        assert len(page["messages"]) == 300


def test_a_corrupt_folder_is_let_go(tmp_path: Path) -> None:
    """After the refusal nothing holds it, and a mended one works."""
    fill(tmp_path)
    database = history(tmp_path)
    good = database.read_bytes()
    database.write_bytes(_text(b""))
    refused("--port", "0", "--data", tmp_path)
    database.write_bytes(good)
    with running_server(tmp_path) as server, House(address_of(server)) as house:
        assert texts(whole_log(house.enter("ada", "lobby"), "lobby")) == ["kept"]
