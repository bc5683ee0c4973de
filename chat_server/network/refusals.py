"""Clients from where nobody may come in: the server waits a moment for what they speak, so that
each is refused in its own language.

They cost no thread: the accept thread looks at them in its selector. Nor do many of them cost more
than a few descriptors: whoever does not begin in time, or is pushed out by others, is refused as a
native client.
"""

import selectors
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from protocol.errors import ProtocolError

REFUSAL_PATIENCE = 0.5
"""Seconds: a client that begins does so at once; this is for the way to it and back."""

_WAITING_LIMIT = 32

_RECEIVE_SIZE = 16 * 1024
"""As much of a request as can be there already when it is not wanted."""

Written = Callable[[ProtocolError, bytes], bytes]
"""Returns a refusal as the bytes to send to who begins like this."""


class _Waiting(NamedTuple):
    refusal: ProtocolError
    until: float


class Refusals:
    """Those who wait to be refused. The accept thread alone uses it."""

    def __init__(self, selector: selectors.BaseSelector, written: Written) -> None:
        """
        Args:
            selector: the accept thread's. Each socket is registered with this object as its data.
            written: writes a refusal.
        """
        self._selector = selector
        self._written = written
        self._waiting: dict[socket.socket, _Waiting] = {}  # the one that waits longest first

    def add(self, sock: socket.socket, refusal: ProtocolError) -> None:
        """Refuse a client as soon as it has begun. The socket is closed in any case."""
        if len(self._waiting) >= _WAITING_LIMIT:
            self.answer(next(iter(self._waiting)))
        sock.setblocking(False)
        self._selector.register(sock, selectors.EVENT_READ, self)
        self._waiting[sock] = _Waiting(refusal, time.monotonic() + REFUSAL_PATIENCE)

    def answer(self, sock: socket.socket) -> None:
        """Refuse a client now, which has begun or has been waited for."""
        refusal = self._waiting.pop(sock).refusal
        self._selector.unregister(sock)
        begin = b""
        with suppress(OSError):
            begin = sock.recv(_RECEIVE_SIZE)
        turn_away(sock, self._written(refusal, begin))

    def patience(self) -> float | None:
        """Return in how many seconds `expire` is to be called; None if nobody waits."""
        first = next(iter(self._waiting.values()), None)
        return None if first is None else max(0.0, first.until - time.monotonic())

    def expire(self) -> None:
        """Refuse whoever was waited for long enough."""
        while self.patience() == 0.0:
            self.answer(next(iter(self._waiting)))

    def close(self) -> None:
        """Refuse everybody."""
        for sock in tuple(self._waiting):
            self.answer(sock)


def turn_away(sock: socket.socket, data: bytes) -> None:
    """Send somebody why they may not come in, without waiting, and close."""
    with sock, suppress(OSError):
        sock.setblocking(False)
        sock.send(data)
        sock.shutdown(socket.SHUT_WR)
        sock.recv(_RECEIVE_SIZE)  # a hello that is left unread would reset the connection
