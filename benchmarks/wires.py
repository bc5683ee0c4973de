"""What members of a benchmark speak: native frames, or WebSocket.

The generator compares bytes and decodes nothing while the clock runs. So a wire only has to write a
few requests, and to read the log once in the end.
"""

import os
import socket
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from websockets.frames import Frame, Opcode

from protocol.errors import Code, ProtocolError
from protocol.framing import HEADER_SIZE, FrameDecoder
from protocol.messages import Request, encode


class Decoder(Protocol):
    """Cuts what a server sent into payloads."""

    @property
    def buffered(self) -> int:
        """How many bytes of a payload are there that is not whole yet."""
        ...

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the payloads that `data` completes.

        Raises:
            ProtocolError: it is not made of frames.
        """
        ...


@dataclass(frozen=True)
class MemberWire:
    """How one kind of client speaks.

    Attributes:
        name: what it is called in the report.
        open: makes a connection that has been made ready for requests.
        write: returns a request as bytes.
        decoder: makes what reads the server's bytes.
        size: returns how many bytes a payload of so many takes.
    """

    name: str
    open: Callable[[socket.socket], None]
    write: Callable[[Request], bytes]
    decoder: Callable[[], Decoder]
    size: Callable[[int], int]


class TextDecoder:
    """Reads the WebSocket frames of a server (RFC 6455, 5.2): whole text messages, unmasked."""

    def __init__(self) -> None:
        self._received = b""

    @property
    def buffered(self) -> int:
        """How many bytes of a message are there that is not whole yet."""
        return len(self._received)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the messages that `data` completes.

        Raises:
            ProtocolError: it is a frame of another kind.
        """
        received, place = self._received + data, 0
        while (head := _head(received, place)) is not None:
            header, length = head
            if received[place] != _WHOLE_TEXT:
                raise ProtocolError(Code.BAD_FRAME, f"a frame begins with {received[place]:#x}")
            if len(received) - place < header + length:
                break
            yield received[place + header : place + header + length]
            place += header + length
        self._received = received[place:]


_WHOLE_TEXT = 0x80 | Opcode.TEXT


def _head(data: bytes, place: int) -> tuple[int, int] | None:
    """The size of a frame's header, and of its payload; None if the header is not whole."""
    if len(data) < place + 2:
        return None
    length = data[place + 1]
    header = 2 + {126: 2, 127: 8}.get(length, 0)
    if len(data) < place + header:
        return None
    return header, length if header == 2 else int.from_bytes(data[place + 2 : place + header])


def _text_size(length: int) -> int:
    return length + (2 if length < 126 else 4 if length < 65536 else 10)


def _shake_hands(connection: socket.socket) -> None:
    host, port = connection.getpeername()[:2]
    key = b64encode(os.urandom(16)).decode()
    connection.sendall(
        f"GET /ws HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):  # nothing follows before a hello
        data = connection.recv(4096)
        answer += data
        if not data or not b"HTTP/1.1 101".startswith(answer[:12]):
            raise ConnectionError(f"no WebSocket: {answer[:80]!r}")


def _text(request: Request) -> bytes:
    return Frame(Opcode.TEXT, encode(request)[HEADER_SIZE:]).serialize(mask=True)


NATIVE = MemberWire(
    "native", lambda _: None, encode, FrameDecoder, lambda length: HEADER_SIZE + length
)

WEBSOCKET = MemberWire("WebSocket", _shake_hands, _text, TextDecoder, _text_size)
