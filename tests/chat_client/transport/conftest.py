"""A server with a certificate, and a user who knows none."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chat_client.session import reader as reader_module
from chat_server.server import Server
from tests.support.servers import running_server
from tests.support.tls import Files, make_files


@pytest.fixture
def _own_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A user who has never been anywhere, and who reconnects at once."""
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.setattr(reader_module, "_FIRST_DELAY", 0.0)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """A certificate and its key."""
    return make_files(tmp_path)


@pytest.fixture
def server(files: Files) -> Iterator[Server]:
    """A server that shows it."""
    with running_server(tls_cert=files.certificate, tls_key=files.key) as running:
        yield running
