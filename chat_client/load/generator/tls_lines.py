"""TLS for a simulated client: non-blocking `send` and `recv_into`, as a socket has them.

Certificates are not checked: a load test sends no secrets but the server's password, and the
report says that they were not checked.
"""

import socket
import ssl

from chat_client.transport.trust import Anybody
from protocol.tls import Channel

_PIECE = 16 * 1024
"""Bytes to encrypt at once. What the socket does not take of them is kept."""


def context() -> ssl.SSLContext:
    """Return a context that checks no certificate, for all clients of a process."""
    return Anybody().context()


class TlsEnd:
    """The client's end of a TLS connection on a non-blocking socket. Used by one thread."""

    def __init__(self, connected: socket.socket, shared: ssl.SSLContext) -> None:
        """Begin the handshake. Its first bytes go out with the first `send`."""
        self._socket = connected
        self._channel = Channel(shared, server_side=False)
        self._unsent = b""  # encrypted, and not taken by the socket yet
        self._within = 0  # how many bytes of plain text are in there
        self._channel.begin()

    @property
    def waits(self) -> bool:
        """Whether nothing can be sent until the server has answered in the handshake."""
        return not self._channel.established and not self._unsent and not self._channel.owes

    def send(self, data: bytearray) -> int:
        """Send `data` as a socket does, and return how many bytes of it were sent.

        The next call must begin with the bytes that were not sent.

        Raises:
            BlockingIOError: none were sent.
            OSError: the connection is broken.
        """
        sent = 0
        while self._flush():
            sent += self._within
            self._within = 0
            if sent == len(data) or not self._channel.established:
                break
            piece = bytes(data[sent : sent + _PIECE])
            self._unsent = self._channel.encrypt(piece)
            self._within = len(piece)
        if not sent:
            raise BlockingIOError
        return sent

    def recv_into(self, view: memoryview) -> int:
        """Receive into `view` as a socket does, and return how many bytes; 0 at the end.

        Raises:
            BlockingIOError: nothing has come yet.
            OSError: the connection is broken.
        """
        said = self._channel.receive(self._socket.recv(len(view)) or self._end())
        view[: len(said)] = said
        if not said and not self._channel.ended:
            raise BlockingIOError
        return len(said)

    def _end(self) -> bytes:
        self._channel.receive_end()
        return b""

    def _flush(self) -> bool:
        """Send what is encrypted. Return whether the socket took all of it."""

        self._unsent += self._channel.take()
        while self._unsent:
            try:
                self._unsent = self._unsent[self._socket.send(self._unsent) :]
            except BlockingIOError:
                return False
        return True
