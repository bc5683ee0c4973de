"""What a user may type as an address, and what happens where nobody is."""

import socket
import struct
from pathlib import Path

import pytest

from chat_client import (
    AddressError,
    ConnectError,
    TcpAddress,
    TlsAddress,
    UnixAddress,
    parse_address,
)
from chat_client.transport.address import Address, is_near, is_private
from tests.support.waiting import eventually


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("example.org", TcpAddress("example.org", 7878)),
        ("example.org:1", TcpAddress("example.org", 1)),
        ("10.0.0.1:65535", TcpAddress("10.0.0.1", 65535)),
        ("::1", TcpAddress("::1", 7878)),
        ("[::1]", TcpAddress("::1", 7878)),
        ("[::1]:80", TcpAddress("::1", 80)),
        ("fe80::1%eth0", TcpAddress("fe80::1%eth0", 7878)),
        ("tcp://127.0.0.1:5", TcpAddress("127.0.0.1", 5)),
        ("tcp://[::1]:5", TcpAddress("::1", 5)),
        ("http://10.0.0.1:80/", TcpAddress("10.0.0.1", 80)),
        ("http://example.org", TcpAddress("example.org", 7878)),
        ("HTTPS://example.org/", TlsAddress("example.org", 7878)),
        ("tls://[::1]:5/", TlsAddress("::1", 5)),
        ("example.org 80", TcpAddress("example.org", 80)),
        ("::1  80 ", TcpAddress("::1", 80)),
        ("[fe80::1%eth0] 80", TcpAddress("fe80::1%eth0", 80)),
        ("unix:/run/chat", UnixAddress("/run/chat")),
        ("unix:///run/chat", UnixAddress("/run/chat")),
    ],
)
def test_reads(text: str, address: Address) -> None:
    """Every form that is promised."""
    assert parse_address(text) == address


@pytest.mark.parametrize(
    "text",
    ["", ":1", "a:", "a:0", "a:65536", "a:+1", "a:1_0", "a:٣", "a:x", "[::1", "[::1]1", "[::1]:",
     "[]:1", "a b", "a 0", "a:1 2", "a 1 2", "a\n", "http://a/b", "me@a", "tcp://", "ftp://a"],
)  # fmt: skip
def test_refuses(text: str) -> None:
    """The error shows the value and says that it is no address."""
    with pytest.raises(AddressError) as caught:
        parse_address(text)
    assert "port" in str(caught.value).lower()


@pytest.mark.parametrize("text", ["h:1", "[::1]:80", "unix:/run/chat"])
def test_shows_what_it_reads(text: str) -> None:
    """An address is shown in a form that can be typed."""
    assert str(parse_address(text)) == text


def test_never_talks_to_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that the system gives the very port that it tries is connected to itself."""
    create_connection = socket.create_connection

    def unlucky(address: tuple[str, int], timeout: float) -> socket.socket:
        return create_connection(address, timeout, source_address=address)

    monkeypatch.setattr(socket, "create_connection", unlucky)
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    with pytest.raises(ConnectError, match="nobody listens"):
        TcpAddress("127.0.0.1", port).open(1.0)


def test_says_why_a_unix_socket_is_none(tmp_path: Path) -> None:
    """No such file, no socket, too long a path: a sentence each."""
    (tmp_path / "file").touch()
    for path in (tmp_path / "missing", tmp_path / "file", tmp_path / ("x" * 200), "a\0b"):
        with pytest.raises(ConnectError, match="cannot connect to unix:"):
            UnixAddress(str(path)).open(1.0)


@pytest.mark.parametrize(
    ("host", "near"),
    [
        ("127.0.0.1", True),
        ("10.1.2.3", True),
        ("192.168.1.20", True),
        ("169.254.7.7", True),
        ("100.64.0.1", True),
        ("fe80::1%eth0", True),
        ("fd00::1", True),
        ("::ffff:192.168.1.20", True),
        ("93.184.215.14", False),
        ("2606:4700::1111", False),
        ("::ffff:93.184.215.14", False),
    ],
)
def test_knows_a_private_network(host: str, near: bool) -> None:
    """Whose servers need not be spared for half a minute."""
    assert is_private(host) is near


def test_who_has_reset_is_neither_near_nor_far() -> None:
    """A connection that was reset names no address: a server killed just as a client connects."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        with client:
            accepted, _ = listener.accept()
            assert is_near(client) is True
            accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            accepted.close()  # resets
            eventually(lambda: is_near(client) is None)
