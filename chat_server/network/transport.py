"""How bytes cross one connection: plain, or encrypted. Two halves, as two threads use them.

A reader waits for bytes, on the connection's thread. A wire sends without waiting, and belongs to
whoever holds the outbox's lock. Plain and TLS have the same methods, so that nobody else has to
know which of them it is.
"""

import select
import socket
from collections.abc import Callable
from contextlib import nullcontext
from typing import Protocol

from chat_server.runtime.clock import Clock
from chat_server.runtime.machine.processors import on_any
from protocol.tls import Channel

DONT_WAIT: int = getattr(socket, "MSG_DONTWAIT", 0)
"""Makes a single send not wait, on a socket whose recv does. Windows has no such flag: there the
whole socket does not wait, and the connection's thread waits in select instead of recv.
"""

RECEIVE_SIZE = 472
RECEIVE_SIZE_BUSY = 16 * 1024
"""Bytes read at once. A buffer is held for as long as nothing comes, and there may be thousands who
say nothing: so it is small, until somebody fills it. Up to this size CPython's own allocator has
it; from malloc, which keeps what `recv` cuts off it apart, each idle client took 3 KB more.
"""

PIECE = 32 * 1024
"""Bytes that are encrypted at once, and so the most that are encrypted ahead of the socket."""


class Reader(Protocol):
    """The receiving half of a connection. The connection's thread alone uses it."""

    @property
    def plain(self) -> "PlainReader":
        """What reads the socket."""
        ...

    @property
    def begun(self) -> bool:
        """Whether the peer has begun with what has to come before anything can be said."""
        ...

    def receive(self) -> bytes:
        """Wait for some bytes; none when the stream has ended.

        Raises:
            NotTlsError: this half expects TLS, and the peer speaks none.
            TlsError: the peer breaks the rules of TLS.
            OSError: the connection is broken.
        """
        ...


class Wire(Protocol):
    """The sending half of a connection. Its outbox's lock guards it."""

    @property
    def unsent(self) -> memoryview | bytes:
        """What was taken by `send`, and the socket has yet to take. Nothing more is taken as long
        as there is some.
        """
        ...

    @property
    def took(self) -> bool:
        """Whether the socket took, in the last call, bytes that were given earlier."""
        ...

    @property
    def waits_for_peer(self) -> bool:
        """Whether nothing can be sent until the peer has done its part of a handshake."""
        ...

    @property
    def held(self) -> str:
        """How it is held back on purpose: `suspended`, `delayed`, or empty where it is not."""
        ...

    def send(self, data: bytes | memoryview, flags: int, /) -> int:
        """As a socket's `send`: return how many bytes of `data` are on their way.

        Raises:
            BlockingIOError: none are, as the socket takes none now.
            OSError: the connection is broken.
        """
        ...

    def end(self, flags: int, /) -> bool:
        """Tell the peer that nothing follows. Return whether the socket has taken all there was.

        May be called again, when it takes bytes again.

        Raises:
            OSError: the connection is broken.
        """
        ...


class PlainWire:
    """A socket's sending half, as it is."""

    __slots__ = ("_socket", "send")

    unsent = b""
    took = False
    waits_for_peer = False
    held = ""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self.send = sock.send  # itself: there is one call for each member of a round

    def end(self, _: int) -> bool:
        """End the stream, which needs no space."""
        self._socket.shutdown(socket.SHUT_WR)
        return True


class TlsWire:
    """The sending half of a TLS connection.

    What is `unsent` is encrypted: at most PIECE bytes, and what TLS adds.
    """

    __slots__ = ("_channel", "_ended", "_socket", "took", "unsent")

    held = ""

    def __init__(self, sock: socket.socket, channel: Channel) -> None:
        self._socket = sock
        self._channel = channel
        self._ended = False
        self.unsent = memoryview(b"")
        self.took = False

    @property
    def waits_for_peer(self) -> bool:
        """Whether nothing can be sent until the peer has done its part of the handshake."""
        return not self._channel.established and not self.unsent

    def send(self, data: bytes | memoryview, flags: int) -> int:
        """As a socket's `send`: return how many bytes of `data` are on their way.

        The last of them may be in `unsent`: then what follows has to wait. Before the handshake is
        done none are.

        Raises:
            OSError: the connection is broken.
        """
        self.took = False
        self._flush(flags)
        if self.unsent or not self._channel.established:
            return 0
        sent, view = 0, memoryview(data)
        while sent < len(view) and not self.unsent:
            piece = view[sent : sent + PIECE]
            self.unsent = memoryview(self._channel.encrypt(piece))
            sent += len(piece)
            self._flush(flags)
        return sent

    def end(self, flags: int) -> bool:
        """Tell the peer that nothing follows. Return whether the socket has taken all there was.

        May be called again, when it takes bytes again.

        Raises:
            OSError: the connection is broken.
        """
        self._flush(flags)
        if not self._ended and not self.unsent:
            self._ended = True
            self.unsent = memoryview(self._channel.end())
            self._flush(flags)
        if self.unsent:
            return False
        self._socket.shutdown(socket.SHUT_WR)
        return True

    def _flush(self, flags: int) -> None:
        if not self.unsent:
            self.unsent = memoryview(self._channel.take())
        while self.unsent:
            try:
                count = self._socket.send(self.unsent, flags)
            except BlockingIOError:
                return
            self.took = True
            self.unsent = self.unsent[count:]


class HeldWire:
    """A wire that somebody holds back on purpose, to see what becomes of a slow reader.

    While it is held it sends nothing, as if the peer had to do something first: nobody waits for
    the socket, which would take bytes.
    """

    __slots__ = ("_clock", "_free_at", "_gap", "_later", "_refused", "wire")

    def __init__(
        self, wire: Wire, gap: float | None, clock: Clock, later: Callable[[float], None]
    ) -> None:
        """
        Args:
            wire: sends what is let through.
            gap: seconds between two sends; None to send nothing at all.
            clock: for the gap.
            later: called, with the outbox's lock held, with the seconds after which it is to send
                again.
        """
        self.wire = wire
        self._gap = gap
        self._clock = clock
        self._later = later
        self._free_at = 0.0
        self._refused = False

    @property
    def held(self) -> str:
        """See Wire."""
        return "suspended" if self._gap is None else "delayed"

    @property
    def unsent(self) -> memoryview | bytes:
        """See Wire."""
        return self.wire.unsent

    @property
    def took(self) -> bool:
        """See Wire."""
        return self.wire.took and not self._refused

    @property
    def waits_for_peer(self) -> bool:
        """Whether nothing can be sent now."""
        return self._is_held or self.wire.waits_for_peer

    @property
    def _is_held(self) -> bool:
        return self._gap is None or self._clock.monotonic() < self._free_at

    def send(self, data: bytes | memoryview, flags: int) -> int:
        """See Wire."""
        self._refused = self._is_held
        if self._refused:
            raise BlockingIOError
        sent = self.wire.send(data, flags)
        if self._gap is not None and sent:
            self._free_at = self._clock.monotonic() + self._gap
            self._later(self._gap)
        return sent

    def end(self, flags: int) -> bool:
        """See Wire."""
        return not self._is_held and self.wire.end(flags)


def hold(gap: float | None, clock: Clock, later: Callable[[float], None]) -> Callable[[Wire], Wire]:
    """Return what holds a wire back, in the way that HeldWire has it."""
    return lambda wire: HeldWire(release(wire), gap, clock, later)


def release(wire: Wire) -> Wire:
    """Return a wire that is not held back."""
    return wire.wire if isinstance(wire, HeldWire) else wire


class PlainReader:
    """A socket's receiving half, as it is."""

    __slots__ = ("_size", "_socket")

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._size = RECEIVE_SIZE

    @property
    def plain(self) -> "PlainReader":
        """This."""
        return self

    @property
    def begun(self) -> bool:
        """Always: nothing has to come first."""
        return True

    def receive(self) -> bytes:
        """See Reader."""
        while True:
            try:
                data = self._socket.recv(self._size)
                self._size = RECEIVE_SIZE_BUSY if len(data) == self._size else RECEIVE_SIZE
                return data
            except BlockingIOError:
                select.select([self._socket], [], [])


class TlsReader:
    """The receiving half of a TLS connection."""

    __slots__ = ("_channel", "_push", "plain")

    def __init__(self, plain: PlainReader, channel: Channel, push: Callable[[], None]) -> None:
        """
        Args:
            plain: what reads the encrypted bytes.
            channel: decrypts them.
            push: sends what TLS has to say by itself, and what waited for the handshake.
        """
        self.plain = plain
        self._channel = channel
        self._push = push

    @property
    def begun(self) -> bool:
        """Whether the peer has begun the handshake."""
        return self._channel.begun

    def receive(self) -> bytes:
        """Wait for what is said in TLS. See Reader."""
        said = b""
        channel = self._channel
        while not said and not channel.ended and (data := self.plain.receive()):
            established = channel.established
            with nullcontext() if established else on_any():  # a handshake takes milliseconds
                said = channel.receive(data)
            if channel.owes or established is not channel.established:
                self._push()
        return said


def keep_alive(sock: socket.socket) -> None:
    """Let the system ask a peer that is silent whether it is there, and end a dead connection.

    For who cannot be asked by a ping of ours. Nothing is done to a socket that is no TCP's.
    """
    if sock.family == getattr(socket, "AF_UNIX", None):
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4)):
        if hasattr(socket, option):  # else the system's own times count, of two hours or so
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
