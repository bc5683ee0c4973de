"""Files over HTTP, on the server's one port: PUT in pieces, GET that goes on where it broke off."""

import hashlib
import io
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any, BinaryIO

from chat_client.errors import ChatError
from chat_client.transport.address import Address, open_connection
from chat_client.transport.tls import TlsSocket

PIECE = 1024 * 1024
"""Bytes that are sent at once, and read at once."""

_TIMEOUT = 30.0
"""Seconds without a byte after which a transfer is broken off. It can be done again."""

Progress = Callable[[int], None]
"""Is told how many bytes of a file have been passed on."""


class TransferError(ChatError):
    """A file was not passed on. Its text is a sentence that says why."""


def put(
    address: Address, path: str, file: BinaryIO, have: int, size: int, progress: Progress
) -> None:
    """Send a file to the place that the server gave it.

    Args:
        address: the server.
        path: the place.
        file: what is sent.
        have: how many bytes of it the server has.
        size: bytes of the whole file.
        progress: is told how far it is.

    Raises:
        ConnectError, Untrusted: as `open_connection` does.
        TransferError: it was broken off, or the server refused it.
    """
    file.seek(have)
    with _talking(address) as connection:
        while have < size:
            piece = file.read(min(PIECE, size - have))
            if not piece:
                raise TransferError("the file became shorter while it was sent")
            last = have + len(piece) - 1
            headers = {"Content-Range": f"bytes {have}-{last}/{size}"}
            connection.request("PUT", path, body=piece, headers=headers)
            with closing(connection.getresponse()) as response:
                if response.status not in (200, 201):
                    raise TransferError(_reason(response))
                response.read()
            have = last + 1
            progress(have)


def get(
    address: Address, path: str, file: BinaryIO, size: int, sha256: str, progress: Progress
) -> None:
    """Fetch what is missing of a file, and see that it is what was offered.

    Args:
        address: the server.
        path: what to fetch.
        file: opened for reading and writing; what it holds is the beginning. If the whole is
            wrong, it is made empty.
        size: bytes of the whole.
        sha256: of the whole, in hex.
        progress: is told how far it is.

    Raises:
        ConnectError, Untrusted: as `open_connection` does.
        TransferError: it was broken off, the server refused it, or what came is something else.
    """
    have = file.seek(0, io.SEEK_END)
    if have > size:
        have = file.truncate(0)
    if have < size:
        with _talking(address) as connection:
            headers = {"Range": f"bytes={have}-"} if have else {}
            connection.request("GET", path, headers=headers)
            with closing(connection.getresponse()) as response:
                _receive(response, file, have, size, progress)
    file.seek(0)
    if hashlib.file_digest(file, "sha256").hexdigest() != sha256:  # type: ignore[arg-type]
        file.truncate(0)
        raise TransferError("what came is not what was offered: its SHA-256 is another one")


def _receive(
    response: HTTPResponse, file: BinaryIO, have: int, size: int, progress: Progress
) -> None:
    if response.status not in (200, 206):
        raise TransferError(_reason(response))
    if response.status == 200:
        have = file.truncate(0)
    file.seek(have)
    while have < size and (piece := response.read1(min(PIECE, size - have))):
        file.write(piece)
        have += len(piece)
        progress(have)
    if have < size:
        raise TransferError("the connection broke; do the same again to go on from there")


def _reason(response: HTTPResponse) -> str:
    """What the server says of a refusal: one line of text."""
    return response.read(1000).decode("utf-8", "replace").strip() or str(response.status)


@contextmanager
def _talking(address: Address) -> Iterator[HTTPConnection]:
    """A connection that speaks HTTP. Whatever breaks it is a TransferError."""
    opened, _ = open_connection(address, _TIMEOUT)
    opened.settimeout(_TIMEOUT)
    connection = HTTPConnection("localhost")  # as every server calls itself
    stream: Any = _Stream(opened)
    connection.sock = stream
    connection.auto_open = False
    try:
        yield connection
    except (HTTPException, OSError) as error:
        raise TransferError(
            f"the connection broke ({error}); do the same again to go on from there"
        ) from error
    finally:
        opened.close()


class _Stream:
    """A connection as `http.client` wants it: TLS is not a socket here."""

    def __init__(self, opened: socket.socket | TlsSocket) -> None:
        self._opened = opened

    def sendall(self, data: bytes) -> None:
        self._opened.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:  # noqa: ARG002
        return io.BufferedReader(_Reading(self._opened), 65536)

    def close(self) -> None:
        """Nothing: whoever opened it closes it."""


class _Reading(io.RawIOBase):
    def __init__(self, opened: socket.socket | TlsSocket) -> None:
        self._opened = opened
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._rest or self._opened.recv(65536)
        count = min(len(buffer), len(data))
        buffer[:count], self._rest = data[:count], data[count:]
        return count
