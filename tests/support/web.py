"""Clients of the web: a WebSocket by an independent library, and one that sends raw frames."""

import base64
import json
import os
import struct
from typing import Any

from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.support.peer import Frame
from tests.support.text_peer import TextPeer
from tests.support.waiting import DEADLINE

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


def host_of(address: object) -> str:
    """HOST:PORT of a server's address."""
    return str(address).rpartition("/")[2]


def get(path: str, host: str = "localhost", method: str = "GET", **headers: str) -> bytes:
    """A request, as it is sent."""
    lines = [f"{method} {path} HTTP/1.1", *([f"Host: {host}"] if host else [])]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


def upgrade(path: str = "/ws", host: str = "localhost", **headers: str) -> bytes:
    """The request for a WebSocket; a header that is given replaces the right one."""
    wanted = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec_WebSocket_Key": base64.b64encode(os.urandom(16)).decode(),
        "Sec_WebSocket_Version": "13",
    }
    chosen = {name: value for name, value in {**wanted, **headers}.items() if value}
    return get(path, host, **chosen)


def frame(
    opcode: int, payload: bytes = b"", *, fin: bool = True, mask: bool = True, bits: int = 0
) -> bytes:
    """A frame of a client (RFC 6455, 5.2), right or wrong."""
    head = bytes([(0x80 if fin else 0) | bits | opcode])
    flag = 0x80 if mask else 0
    if len(payload) < 126:
        head += bytes([flag | len(payload)])
    elif len(payload) < 65536:
        head += struct.pack("!BH", flag | 126, len(payload))
    else:
        head += struct.pack("!BQ", flag | 127, len(payload))
    if not mask:
        return head + payload
    key = os.urandom(4)
    return head + key + bytes(byte ^ key[n % 4] for n, byte in enumerate(payload))


class RawWebSocket(TextPeer):
    """A WebSocket of which a test writes every byte."""

    def __init__(self, address: object) -> None:
        super().__init__(address)
        self.send_raw(upgrade())
        head = self.until(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 "), head

    def read_frame(self) -> tuple[int, bytes]:
        """Read a frame: its opcode and payload. The server masks nothing and cuts nothing."""
        first, second = self.exactly(2)
        assert first & 0xF0 == 0x80, first
        assert second < 128, second
        length = second
        if second == 126:
            (length,) = struct.unpack("!H", self.exactly(2))
        elif second == 127:
            (length,) = struct.unpack("!Q", self.exactly(8))
        return first & 0x0F, self.exactly(length)

    def read(self) -> Frame:
        """Read a text message."""
        opcode, payload = self.read_frame()
        assert opcode == TEXT, (opcode, payload)
        message: Frame = json.loads(payload)
        return message

    def read_close(self) -> int:
        """Read up to a close frame, and the end of the stream behind it. Return its code."""
        while True:
            opcode, payload = self.read_frame()
            if opcode == CLOSE:
                assert self.rest() == b""
                return int.from_bytes(payload[:2])

    def post(self, **members: Any) -> None:
        """Send a text message."""
        self.send_raw(frame(TEXT, json.dumps(members).encode()))

    def hello(self, nick: str) -> Frame:
        """Come in, and return the answer."""
        self.post(type="hello", version=1, nick=nick)
        return self.read()

    def ask(self, **members: Any) -> Frame:
        """Send a request and return its reply; what else comes is dropped."""
        self.post(**members)
        while (message := self.read()).get("re") != members["id"]:
            pass
        return message


class WebPeer:
    """A client in the chat, by the library `websockets`. A context manager."""

    def __init__(self, address: object, nick: str, **members: Any) -> None:
        self._ids = 0
        self._connecting = connect(
            f"ws://{host_of(address)}/ws",
            subprotocols=[Subprotocol("backchannel.v1")],
            compression=None,
        )
        self.connection: ClientConnection = self._connecting.__enter__()
        self.send(type="hello", version=1, nick=nick, **members)
        self.welcome = self.receive()
        assert self.welcome["type"] == "welcome", self.welcome

    def __enter__(self) -> "WebPeer":
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def send(self, **members: Any) -> None:
        """Send a message."""
        self.connection.send(json.dumps(members))

    def receive(self) -> Frame:
        """Read the next message that is no ping."""
        message: Frame = json.loads(self.connection.recv(DEADLINE))
        return self.receive() if message["type"] == "ping" else message

    def request(self, kind: str, **members: Any) -> Frame:
        """Ask something, and return the reply; what else comes is dropped."""
        self._ids += 1
        self.send(type=kind, id=self._ids, **members)
        while (message := self.receive()).get("re") != self._ids:
            pass
        return message

    def messages(self, count: int) -> list[Frame]:
        """Read so many messages of rooms; what else comes is dropped."""
        found: list[Frame] = []
        while len(found) < count:
            message = self.receive()
            if message["type"] == "message":
                found.append(message)
        return found
