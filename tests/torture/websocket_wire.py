"""A connection over WebSocket, with the same methods as `wire.Wire`.

The protocol (RFC 6455) is that of the `websockets` library, without its sockets: an implementation
that shares no code with the server. One text message holds one JSON object, without the length.
"""

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

from websockets.client import ClientProtocol
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from protocol.errors import Code, ProtocolError
from protocol.framing import HEADER_SIZE
from protocol.messages import (
    AnyServerMessage,
    Goodbye,
    Request,
    decode_server_message,
    encode,
)
from tests.torture.wire import Wire

SUBPROTOCOL = Subprotocol("backchannel.v1")

_AT_ONCE = 64 * 1024

_CLOSE_CODES = {"bye": 1000, "shutting_down": 1001, "replaced": 4000}
"""The code of the close frame that follows a goodbye; 1008 after every other one."""


class WebSocketWire(Wire):
    """A WebSocket connection. Requests that are put before the handshake is over wait for it."""

    def __init__(self, connected: socket.socket, server: str) -> None:
        """
        Args:
            connected: the socket. It may lead through a proxy.
            server: the server's own address, `tcp://HOST:PORT`, for the Host header.
        """
        super().__init__(connected)
        url = urlsplit(server)
        self._protocol = ClientProtocol(
            parse_uri(f"ws://{url.hostname}:{url.port}/ws"), subprotocols=[SUBPROTOCOL]
        )
        self._waiting: list[bytes] = []  # requests that wait for the handshake
        self._text = b""  # the fragments of a message that is not complete
        self._goodbye: str | None = None
        self._protocol.send_request(self._protocol.connect())
        self._take_output()

    def put(self, request: Request) -> None:
        """Send a request with the next `flush`, or when the handshake is over."""
        self._waiting.append(encode(request)[HEADER_SIZE:])
        self._send_waiting()

    def receive(self) -> Iterator[AnyServerMessage]:
        """Yield what has come.

        Raises:
            OSError: the connection is lost or closed.
            ProtocolError: what came is against the protocol.
        """
        try:
            data = self.socket.recv(_AT_ONCE)
        except BlockingIOError:
            return
        if not data:
            raise ConnectionResetError("closed")
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Response):
                self._check_subprotocol()
            elif isinstance(event, Frame):
                yield from self._take(event)
        self._take_output()
        self._send_waiting()
        failure = self._protocol.handshake_exc or self._protocol.parser_exc
        if failure is not None:
            raise ProtocolError(Code.BAD_FRAME, f"over WebSocket: {failure!r}")

    def _take(self, frame: Frame) -> Iterator[AnyServerMessage]:
        if frame.opcode is Opcode.CLOSE:
            self._check_close()
        if frame.opcode is Opcode.BINARY:
            raise ProtocolError(Code.BAD_FRAME, "a binary WebSocket message")
        if frame.opcode not in (Opcode.TEXT, Opcode.CONT):
            return
        self._text += bytes(frame.data)
        if not frame.fin:
            return
        payload, self._text = self._text, b""
        message = decode_server_message(payload)
        if isinstance(message, Goodbye):
            self._goodbye = message.code
        if message is not None:
            yield message

    def _check_subprotocol(self) -> None:
        chosen = self._protocol.subprotocol
        if self._protocol.handshake_exc is None and chosen != SUBPROTOCOL:
            raise ProtocolError(Code.BAD_FRAME, f"the server chose the subprotocol {chosen}")

    def _check_close(self) -> None:
        received = self._protocol.close_rcvd
        if received is None or received.code == CloseCode.GOING_AWAY:  # a stop needs no goodbye
            return
        expected = _CLOSE_CODES.get(self._goodbye or "", 1008)
        if received.code != expected:
            raise ProtocolError(
                Code.BAD_FRAME,
                f"close code {received.code} after goodbye {self._goodbye}, and not {expected}",
            )

    def _send_waiting(self) -> None:
        if self._protocol.state is not State.OPEN:
            return
        for payload in self._waiting:
            self._protocol.send_text(payload)
        self._waiting.clear()
        self._take_output()

    def _take_output(self) -> None:
        # An empty piece asks to end our half. The server closes first, so there is no need to.
        self._outgoing += b"".join(self._protocol.data_to_send())
