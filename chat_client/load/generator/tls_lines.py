"""TLS for a simulated client: a socket's `send` and `recv_into` that never wait.

Certificates are not looked at: a load test has nothing to hide, and the report says so.
"""

import socket
import ssl

from chat_client.transport.trust import Anybody
from protocol.tls import Channel

# Bytes encrypted at once: what the socket does not take of them has to be kept.
_PIECE = 16 * 1024


def context() -> ssl.SSLContext:
    """Return what all clients of a process share."""
    return Anybody().context()


class TlsEnd:
    """The client's end of a connection, on a socket that does not wait. One thread uses it."""

    def __init__(self, connected: socket.socket, shared: ssl.SSLContext) -> None:
        """Begin: what has to be sent goes out with the first `send`."""
        self._socket = connected
        self._channel = Channel(shared, server_side=False)
        self._unsent = b""  # encrypted, and not taken by the socket yet
        self._within = 0  # how many of the bytes to be sent are encrypted in there
        self._channel.begin()

    @property
    def waits(self) -> bool:
        """Whether nothing can be sent until the server has done its part of the handshake."""
        return not self._channel.established and not self._unsent and not self._channel.owes

    def send(self, data: bytearray) -> int:
        """Return how many bytes of `data` are sent, as a socket does.

        The next call begins with those that are not.

        Raises:
            BlockingIOError: none were.
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
        """Return how many bytes of what is said now stand in `view`; 0 if nothing more will be.

        Raises:
            BlockingIOError: there is nothing yet.
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
        """Send what is encrypted. Return whether all of it is out."""
        self._unsent += self._channel.take()
        while self._unsent:
            try:
                self._unsent = self._unsent[self._socket.send(self._unsent) :]
            except BlockingIOError:
                return False
        return True
