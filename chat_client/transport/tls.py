"""TLS on a connected socket: the thin shell around the channel of `protocol.tls`."""

import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from chat_client.errors import ConnectError
from protocol.errors import Code, ProtocolError
from protocol.framing import FrameDecoder
from protocol.messages import Error, decode_server_message
from protocol.tls import Channel, NotTlsError, TlsError

_CHUNK = 65536

_TURNED_AWAY: dict[str, str] = {
    Code.SERVER_FULL: "has no place for another connection",
    Code.BANNED: "lets nobody in from this address",
    Code.FORBIDDEN: "lets nobody in from this address",
}
"""What a server says before it takes the trouble of TLS, by the error's code."""


class TlsSocket:
    """A socket with TLS on it. One thread receives; any number of others send."""

    def __init__(self, connected: socket.socket, channel: Channel, early: bytes = b"") -> None:
        """Take over a socket whose handshake is done; `handshake` makes one.

        Args:
            connected: the socket; this object closes it.
            channel: what is spoken on it.
            early: what the other side has said during the handshake already.
        """
        self._socket = connected
        self._channel = channel
        self._early = early
        # Guards the order of what is sent. Held while a send waits, and so never taken to receive.
        self._sending = threading.Lock()
        self._owing: Callable[[], None] = _ignore

    def when_owing(self, call: Callable[[], None]) -> None:
        """Have `call` called by `recv` when TLS has something to say by itself: it goes out with
        the next `sendall`, if only of nothing.
        """
        self._owing = call

    def recv(self, size: int, deadline: float | None = None) -> bytes:
        """Return what is said next, as much as there is; b"" if nothing more will be.

        Args:
            size: how many bytes to take from the socket at once.
            deadline: when to stop waiting, on the monotonic clock; None for the socket's timeout,
                which begins anew with each byte of a TLS record.

        Raises:
            TimeoutError: the timeout or the deadline has passed.
            OSError: the connection broke, or was tampered with.
        """
        said, self._early = self._early, b""
        while not said and not self._channel.ended:
            data = (
                self._socket.recv(size)
                if deadline is None
                else recv_by(self._socket, size, deadline)
            )
            if not data:
                self._channel.receive_end()
                break
            said = self._channel.receive(data)
            if self._channel.owes:
                self._owing()
        return said

    def sendall(self, data: bytes) -> None:
        """Send all of `data`.

        Raises:
            OSError: the connection is broken, or its timeout has passed; some of it may be out.
        """
        with self._sending:
            self._socket.sendall(self._channel.encrypt(data))

    def settimeout(self, seconds: float | None) -> None:
        """Set the timeout of both directions."""
        self._socket.settimeout(seconds)

    def shutdown(self, how: int) -> None:
        """End the connection without a word, and wake whoever waits in it."""
        self._socket.shutdown(how)

    def close(self) -> None:
        """Let go of the socket."""
        self._socket.close()

    def certificate(self) -> bytes:
        """Return the certificate of the other side, in DER."""
        return self._channel.certificate()

    @property
    def family(self) -> int:
        """The socket's."""
        return self._socket.family

    def getpeername(self) -> Any:
        """Return the socket's."""
        return self._socket.getpeername()


def recv_by(connected: socket.socket, size: int, deadline: float) -> bytes:
    """Return the next bytes from a socket, and set its timeout to what is left until then.

    Args:
        connected: the socket.
        size: how many bytes to take at once.
        deadline: when to stop waiting, on the monotonic clock.

    Raises:
        TimeoutError: the deadline has passed.
        OSError: the connection broke.
    """
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("the deadline has passed")
    connected.settimeout(left)
    return connected.recv(size)


def handshake(
    connected: socket.socket,
    context: ssl.SSLContext,
    server: str,
    name: str | None,
    timeout: float,
) -> TlsSocket:
    """Agree on TLS with a server, and return the socket to talk on.

    Args:
        connected: the socket. It stays the caller's if this fails.
        context: whom to believe.
        server: what to call it in an error message.
        name: the host that its certificate must be for, where `context` checks that.
        timeout: seconds that all of it may take.

    Raises:
        ConnectError: the other side does not speak TLS, or not one that we do.
        TlsError: its certificate is not accepted; `untrusted` says why.
    """
    until = time.monotonic() + timeout
    channel = Channel(context, server_side=False, server_name=name)
    early = b""
    try:
        channel.begin()
        connected.sendall(channel.take())
        while not channel.established:
            data = recv_by(connected, _CHUNK, until)
            if not data:
                raise ConnectError(
                    f"{server} closed the connection instead of answering in TLS",
                    "Is this its port, and does it speak TLS? Ask who runs it.",
                )
            early = _take(channel, data, server)
            if channel.owes:
                connected.sendall(channel.take())
    except TimeoutError:
        raise ConnectError(
            f"{server} took the connection but does not answer in TLS",
            "Is this its port, and does it speak TLS? Ask who runs it.",
        ) from None
    except TlsError as error:
        with suppress(OSError):  # it has gone already
            connected.sendall(channel.take())  # the alert, which tells it why
        if error.untrusted:
            raise
        raise ConnectError(
            f"{server} and this client do not understand each other in TLS: {error}",
            "It has to speak TLS 1.2 or later.",
        ) from None
    except OSError as error:
        raise ConnectError(
            f"the connection to {server} broke while TLS was begun ({error.strerror or error})",
            "Try again; does it speak TLS? Ask who runs it.",
        ) from None
    return TlsSocket(connected, channel, early)


def _take(channel: Channel, data: bytes, server: str) -> bytes:
    try:
        return channel.receive(data)
    except NotTlsError:
        # A word of the server's that comes without TLS may be anybody's: it is not shown.
        reason = _TURNED_AWAY.get(_code_in(data))
        if reason is not None:
            raise ConnectError(f"{server} {reason}", "Ask who runs it, or try later.") from None
        raise ConnectError(
            f"{server} does not speak TLS",
            "Ask who runs it. Connect without --tls only where nobody else is on the network.",
        ) from None


def _code_in(data: bytes) -> str:
    """The code of the plain error that `data` begins with, or ""."""
    try:
        payload = next(FrameDecoder().feed(data), b"")
        message = decode_server_message(payload) if payload else None
    except ProtocolError:
        return ""
    return message.code if isinstance(message, Error) else ""


def _ignore() -> None:
    pass
