"""Where the operator's socket is, and who may connect to it."""

import os
import socket
import stat
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from chat_server.network import admin_socket
from chat_server.network.admin_socket import FILE, PATH_LIMIT, NoPlaceError
from tests.support.waiting import DEADLINE

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="by way of a folder's descriptor")


@contextmanager
def listening(data: Path) -> Iterator[socket.socket]:
    """The socket of a server that runs."""
    with closing(admin_socket.bind(data)) as sock:
        sock.listen()
        yield sock
    admin_socket.remove(data)


def visitor_of(sock: socket.socket) -> socket.socket:
    """Who connected."""
    sock.settimeout(DEADLINE)
    visitor, _ = sock.accept()
    return visitor


def test_it_is_for_the_owner_alone(tmp_path: Path) -> None:
    """From its first moment; and the process's mask is as it was."""
    mask = os.umask(0)
    try:
        with listening(tmp_path):
            assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
            assert os.umask(0) == 0
    finally:
        os.umask(mask)


def test_who_connects_is_known(tmp_path: Path) -> None:
    """This process's user may ask."""
    with (
        listening(tmp_path) as sock,
        closing(admin_socket.connect(tmp_path)) as ours,
        closing(visitor_of(sock)) as visitor,
    ):
        assert admin_socket.may_ask(visitor)
        ours.sendall(b"hello")
        assert visitor.recv(5) == b"hello"


@linux_only
def test_a_path_that_is_too_long_is_gone_round(tmp_path: Path) -> None:
    """A Unix socket's path is bounded, a folder's is not."""
    data = tmp_path / ("x" * 100) / ("y" * 100)
    data.mkdir(parents=True)
    assert len(os.fsencode(data / FILE)) > PATH_LIMIT
    with (
        listening(data) as sock,
        closing(admin_socket.connect(data)),
        closing(visitor_of(sock)) as visitor,
    ):
        assert admin_socket.may_ask(visitor)


def test_the_socket_of_a_server_that_died_is_replaced(tmp_path: Path) -> None:
    """Nobody listens there until another server does."""
    with closing(admin_socket.bind(tmp_path)):
        pass
    assert (tmp_path / FILE).is_socket()
    with pytest.raises(ConnectionRefusedError):
        admin_socket.connect(tmp_path)
    with listening(tmp_path), closing(admin_socket.connect(tmp_path)):
        pass
    assert not (tmp_path / FILE).exists()
    admin_socket.remove(tmp_path)


def test_what_is_no_socket_stays(tmp_path: Path) -> None:
    """The server does without, and says why."""
    (tmp_path / FILE).write_text("mine")
    with pytest.raises(NoPlaceError, match="is there, and is no socket"):
        admin_socket.bind(tmp_path)
    assert (tmp_path / FILE).read_text() == "mine"


def test_without_a_server_there_is_nobody_to_ask(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        admin_socket.connect(tmp_path)
