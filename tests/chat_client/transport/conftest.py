"""A server with a certificate."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chat_client.session import reader as reader_module
from chat_server.server import Server
from tests.support.servers import running_server
from tests.support.tls import Files, make_files


@pytest.fixture
def _reconnects_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No wait before the first attempt to come back."""
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
