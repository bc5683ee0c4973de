"""A connection that never waits: frames in, frames out, whatever state the network is in.

One thread owns it, and asks its selector when there is something to read or space to write. It
may leave what has come unread for as long as it likes: that is what a slow reader is.
"""

import socket
import struct
from collections.abc import Iterator

from protocol.framing import FrameDecoder
from protocol.messages import (
    AnyServerMessage,
    Request,
    decode_server_message,
    encode,
)

_AT_ONCE = 64 * 1024


class Wire:
    """A socket, and the halves of frames on either side of it."""

    def __init__(self, connected: socket.socket) -> None:
        connected.setblocking(False)
        self.socket = connected
        self._decoder = FrameDecoder()
        self._outgoing = bytearray()

    @property
    def wants_to_write(self) -> bool:
        """Whether something waits to be sent."""
        return bool(self._outgoing)

    def put(self, request: Request) -> None:
        """Send a request with the next `flush`."""
        self._outgoing += encode(request)

    def flush(self) -> None:
        """Send what the socket takes.

        On a connection that is lost nothing is sent any more; `receive` finds that out, as the
        last that came may still be there to be read.
        """
        while self._outgoing:
            try:
                sent = self.socket.send(self._outgoing)
            except BlockingIOError:
                return
            except OSError:
                sent = len(self._outgoing)
            del self._outgoing[:sent]

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
        for payload in self._decoder.feed(data):
            message = decode_server_message(payload)
            if message is not None:
                yield message

    def close(self) -> None:
        """Close in good order, and drop what was not sent."""
        self.socket.close()

    def reset(self) -> None:
        """Break the connection, as a machine does that was switched off and on."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()
