"""A server, somebody to talk to, and somebody at a terminal."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chat_client.programs import Terminal
from tests.chat_server.house import House
from tests.support.peer import Peer
from tests.support.servers import ServerProcess, running_server


@pytest.fixture
def host(tmp_path: Path) -> Iterator[House]:
    """A server."""
    with running_server(tmp_path) as server, House(server) as house:
        yield house


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server as a child process, which can be killed."""
    with ServerProcess.serve(tmp_path) as running:
        yield running


@pytest.fixture
def bob(host: House) -> Iterator[Peer]:
    """Somebody in the lobby."""
    with Peer.connect(host.address) as peer:
        peer.hello("bob")
        peer.join("lobby")
        yield peer


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """An environment with a user's files of its own."""
    return {
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
    }


@pytest.fixture
def ana(host: House, home: dict[str, str]) -> Iterator[Terminal]:
    """Somebody at a terminal, in the lobby."""
    with Terminal(host.address, "--nick", "ana", environment=home) as terminal:
        terminal.see_input("[lobby]")
        yield terminal
