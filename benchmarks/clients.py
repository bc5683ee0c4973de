"""The clients of a fan-out: members that only read, and publishers that talk.

One epoll loop drives all of them: it calls `on_ready` when a socket is ready. They share one buffer
to receive into.
"""

import contextlib
import select
import socket
import ssl
import time
from array import array
from collections.abc import Sequence

from benchmarks.audit import NUMBER_DIGITS, SharedLog
from benchmarks.wires import NATIVE, MemberWire
from protocol import VERSION
from protocol.framing import FrameDecoder
from protocol.messages import (
    Error,
    Goodbye,
    Hello,
    Join,
    Ok,
    Pong,
    Say,
    decode_server_message,
    encode,
)

JOIN_ID = 1
"""The request id of every client's `join`."""

PATIENCE = 30.0
"""Seconds to wait for a reply while connecting."""

_buffer = bytearray(256 * 1024)
_view = memoryview(_buffer)


class RunFailedError(Exception):
    """The run could not be made: the server refused a request, or closed a connection."""


def enter_room(
    address: tuple[str, int],
    nick: str,
    room: str,
    tls: ssl.SSLContext | None = None,
    wire: MemberWire = NATIVE,
) -> socket.socket:
    """Connect, say hello, and join a room.

    Args:
        address: the server's address.
        nick: the nick of the client.
        room: the room to join.
        tls: the context for TLS, None for a plain connection.
        wire: what is spoken.

    Returns:
        The connection, non-blocking.

    Raises:
        RunFailedError: the server refused.
        OSError: the server could not be reached, or did not reply within PATIENCE.
    """
    connection = socket.create_connection(address, timeout=PATIENCE)
    try:
        if tls is not None:
            # Without this, `hello` waits 40 ms for the acknowledgement of the handshake's end.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = tls.wrap_socket(connection)
        wire.open(connection)
        _say_hello_and_join(connection, nick, room, wire)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 0)  # as a plain one
    except BaseException:  # whatever it is goes on; the socket is nobody's then
        connection.close()
        raise
    connection.setblocking(False)
    return connection


def _say_hello_and_join(connection: socket.socket, nick: str, room: str, wire: MemberWire) -> None:
    hello, join = Hello(VERSION, nick, client="bench"), Join(JOIN_ID, room)
    connection.sendall(wire.write(hello) + wire.write(join))
    decoder, joined = wire.decoder(), False
    while not joined:
        data = connection.recv(65536)
        if not data:
            raise RunFailedError(f"the server closed the connection of {nick}")
        joined = any(_is_join_reply(payload, nick) for payload in decoder.feed(data))


def _is_join_reply(payload: bytes, nick: str) -> bool:
    message = decode_server_message(payload)
    _refuse_errors(message, nick)
    return isinstance(message, Ok) and message.re == JOIN_ID


def _refuse_errors(message: object, nick: str) -> None:
    if isinstance(message, Error | Goodbye):
        raise RunFailedError(f"{nick} was told {message.code}: {message.text}")


def receive(connection: socket.socket, nick: str) -> int:
    """Receive into the shared buffer. Return how many bytes; 0 if a TLS record is not complete."""
    try:
        count = connection.recv_into(_buffer)
    except ssl.SSLWantReadError:
        return 0
    if not count:
        raise RunFailedError(f"the server closed the connection of {nick}")
    return count


class Member:
    """A member that only reads.

    Attributes:
        nick: its nick.
        connection: its socket.
        offset: how many bytes of the log it has received.
        fault: how it first differed from the other members, or "".
    """

    def __init__(
        self, nick: str, connection: socket.socket, log: SharedLog, wire: MemberWire = NATIVE
    ) -> None:
        self.nick = nick
        self.connection = connection
        self.offset = 0
        self.fault = ""
        self._log = log
        # The server does not reply to a pong without a ping.
        self._sign_of_life = wire.write(Pong(1))

    def on_ready(self, _event: int) -> None:
        """Receive, and compare it with what the other members received."""
        count = receive(self.connection, self.nick)
        if not self.fault and not self._log.accept(self.offset, _view[:count]):
            stretch = f"bytes {self.offset} to {self.offset + count}"
            self.fault = f"{self.nick} and the other members differ in {stretch}"
        self.offset += count

    def show_life(self) -> None:
        """Send a pong, so that the server does not send this member alone a ping."""
        self.connection.send(self._sign_of_life)


class Publisher:
    """A client that keeps a window of texts without a reply while `talking`.

    Attributes:
        nick: its nick.
        connection: its socket.
        talking: whether it says more texts.
        seqs: the `seq` in the reply to each text; 0 if there is no reply yet.
        said_at: when each text was said.
        latencies: seconds from a text to its reply, in the order of the replies.
    """

    def __init__(
        self,
        nick: str,
        connection: socket.socket,
        poll: select.epoll,
        *,
        room: str,
        window: int,
        text_bytes: int,
    ) -> None:
        self.nick = nick
        self.connection = connection
        self.talking = False
        self.seqs: list[int] = []
        self.said_at = array("d")
        self.latencies = array("d")
        self._poll = poll
        self._room = room
        self._window = window
        self._filler = "x" * (text_bytes - NUMBER_DIGITS)
        self._decoder = FrameDecoder()
        self._unsent = bytearray()

    @property
    def waiting(self) -> int:
        """How many texts have no reply yet."""
        return len(self.seqs) - len(self.latencies)

    def on_ready(self, event: int) -> None:
        """Receive the replies, and say as many texts again."""
        if event & ~select.EPOLLOUT:
            count = receive(self.connection, self.nick)
            self._take(bytes(_view[:count]))
        self.talk()

    def talk(self) -> None:
        """Fill the window, and send as much as the socket takes."""
        if self.talking:
            self._fill()
        if not self._unsent:
            return
        with contextlib.suppress(BlockingIOError, ssl.SSLWantWriteError):
            del self._unsent[: self.connection.send(self._unsent)]
        blocked = select.EPOLLOUT if self._unsent else 0
        self._poll.modify(self.connection, select.EPOLLIN | blocked)

    def _fill(self) -> None:
        self._say([time.perf_counter()] * (self._window - self.waiting))

    def _say(self, times: Sequence[float]) -> None:
        """Say a text for each of `times`. Its latency counts from that time."""
        for number in range(len(self.seqs), len(self.seqs) + len(times)):
            text = f"{number:0{NUMBER_DIGITS}}{self._filler}"
            self._unsent += encode(Say(_say_id(number), self._room, text))
        self.seqs.extend([0] * len(times))
        self.said_at.extend(times)

    def _take(self, data: bytes) -> None:
        now = time.perf_counter()
        for payload in self._decoder.feed(data):
            # Most frames are messages of the room. They are skipped without decoding. A server that
            # writes the members of the object in another order costs a decode, and nothing else.
            if payload.startswith(b'{"type":"message"'):
                continue
            reply = decode_server_message(payload)
            _refuse_errors(reply, self.nick)
            if isinstance(reply, Ok):
                self._take_reply(reply, now)

    def _take_reply(self, reply: Ok, now: float) -> None:
        number = reply.re - _say_id(0)
        if not isinstance(reply.seq, int) or not 0 <= number < len(self.seqs) or self.seqs[number]:
            raise RunFailedError(f"{self.nick} did not ask for {reply}")
        self.seqs[number] = reply.seq
        self.latencies.append(now - self.said_at[number])


def _say_id(number: int) -> int:
    """The request id of a publisher's text, whose number is from 0."""

    return JOIN_ID + 1 + number
