"""Files over the client's own connection, encrypted or not; a server that means no good."""

import hashlib
import io
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from chat_client.transport.address import parse_address
from chat_client.transport.web import TransferError, get, put

DATA = b"0123456789" * 100
SHA256 = hashlib.sha256(DATA).hexdigest()


@contextmanager
def _server(answer: bytes) -> Iterator[str]:
    """Answer one request, and close. Yields where."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connected, _ = listener.accept()
            with connected, suppress(OSError):  # who has enough ends it
                asked = b""
                while b"\r\n\r\n" not in asked:
                    asked += connected.recv(65536)
                connected.sendall(answer)
                connected.shutdown(socket.SHUT_WR)
                while connected.recv(65536):
                    pass

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        thread.join()


def _ignore(_: int) -> None:
    """Do nothing."""


def _head(status: str, length: int) -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n".encode()


def _fetch(answer: bytes, file: io.BytesIO) -> None:
    with _server(answer) as address:
        get(parse_address(address), "/files/x/y", file, len(DATA), SHA256, _ignore)


def test_it_goes_on_where_it_broke_off() -> None:
    """And begins again if the server sends all of it."""
    file = io.BytesIO()
    with pytest.raises(TransferError, match="do the same again"):
        _fetch(_head("200 OK", len(DATA)) + DATA[:400], file)
    assert file.getvalue() == DATA[:400]
    _fetch(_head("206 Partial Content", 600) + DATA[400:], file)
    assert file.getvalue() == DATA
    file = io.BytesIO(DATA[:7])
    _fetch(_head("200 OK", len(DATA)) + DATA, file)
    assert file.getvalue() == DATA


def test_what_is_something_else_is_thrown_away() -> None:
    """The next try begins anew."""
    file = io.BytesIO()
    with pytest.raises(TransferError, match="SHA-256"):
        _fetch(_head("200 OK", len(DATA)) + bytes(len(DATA)), file)
    assert file.getvalue() == b""


def test_a_server_that_sends_without_end_fills_no_disk() -> None:
    """No more is read than was offered."""
    file = io.BytesIO()
    _fetch(_head("200 OK", 10**9) + DATA + bytes(100_000), file)
    assert file.getvalue() == DATA


@pytest.mark.parametrize(
    "answer",
    [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n"],
    ids=["nothing", "nonsense", "many-headers"],
)
def test_what_is_no_http_is_told(answer: bytes) -> None:
    """As an error that can be shown."""
    with pytest.raises(TransferError, match="the connection broke"):
        _fetch(answer, io.BytesIO())


def test_a_refusal_is_the_servers_sentence() -> None:
    """Of either direction."""
    said = _head("404 Not Found", 10) + b"It is gone"
    with pytest.raises(TransferError, match="It is gone"):
        _fetch(said, io.BytesIO())
    with _server(said) as address, pytest.raises(TransferError, match="It is gone"):
        put(parse_address(address), "/files/x/y", io.BytesIO(DATA), 0, len(DATA), _ignore)


def test_a_file_that_shrinks_is_noticed() -> None:
    """Nothing is sent in place of what is not there."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = parse_address(f"127.0.0.1:{listener.getsockname()[1]}")
        with pytest.raises(TransferError, match="shorter"):
            put(address, "/files/x/y", io.BytesIO(os.urandom(5)), 5, 10, _ignore)
