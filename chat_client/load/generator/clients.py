"""A simulated client: it connects, joins its room, talks if it is a talker, and reconnects.

A client never blocks. The loop calls it when its socket is ready or a timer is due. When a
connection is lost, on purpose (churn) or not, the client reconnects with its session, joins after
the last message that it received, and sends the texts without a reply again under the same ids. So
no message may be lost, and the audit continues.
"""

import contextlib
import errno
import socket
from collections.abc import Callable
from enum import Enum, auto
from typing import NamedTuple

from chat_client.load.generator import tls_lines
from chat_client.load.generator.audit import MemberReader
from chat_client.load.generator.loop import READ, WRITE, Loop, clock
from chat_client.load.generator.messages import Plan, Server
from chat_client.load.generator.room_stream import RoomStream
from chat_client.load.generator.stamp import Stamp
from chat_client.load.generator.tls_lines import TlsEnd
from chat_client.load.model.tick import Tick
from chat_client.version import CLIENT
from protocol import VERSION
from protocol.errors import FATAL, ProtocolError
from protocol.messages import (
    AnyServerMessage,
    Bye,
    Error,
    Goodbye,
    Hello,
    Join,
    Ok,
    Pong,
    Say,
    ServerPing,
    Welcome,
    encode,
)

CONNECT_TIMEOUT = 10_000_000
"""µs from connecting to the reply to the join."""

RETRY_DELAY = 1_000_000
"""µs until a client that was refused, or lost its connection, connects again."""

_IN_PROGRESS = (0, errno.EINPROGRESS)

_view = memoryview(bytearray(256 * 1024))
"""All clients of the process receive into it."""


class State(Enum):
    """The state of a client's connection."""

    AWAY = auto()
    CONNECTING = auto()
    GREETING = auto()  # sent `hello`
    JOINING = auto()
    UP = auto()


class _Text(NamedTuple):
    """A text without a reply: its number among its talker's, when it was due in µs, its frame."""

    number: int
    due: int
    frame: bytes


class WorkerState:
    """What all clients of a worker share.

    Attributes:
        loop: the loop that calls them.
        tick: the counts. The worker replaces it when it has reported it.
        servers: the servers.
        password: the server's password, or None.
        temporary: whether to join rooms as temporary ones.
        tls: the context of the clients' TLS connections, None if all are plain ones.
        up: how many clients are in their room.
        confirmed: by room, how many texts the server confirmed as stored.
        last: by room, the highest seq that the server has named.
        answered: due times, in µs, of the texts whose replies have just come.
        refusal: why a client last could not join, or "".
    """

    def __init__(self, loop: Loop, tick: Tick, plan: Plan) -> None:
        self.loop = loop
        self.tick = tick
        self.servers = plan.servers
        self.password = plan.password
        self.temporary = plan.temporary
        self.tls = tls_lines.context() if any(server.tls for server in plan.servers) else None
        self.up = 0
        self.confirmed: dict[str, int] = {}
        self.last: dict[str, int] = {}
        self.answered: list[int] = []
        self.refusal = ""


class Client:
    """One client.

    Attributes:
        number: its number among all clients of the run, from 0.
        state: the state of its connection.
        reader: checks what it receives.
        window: how many texts it keeps without a reply in a closed loop; 0 in an open loop.
    """

    def __init__(
        self,
        shared: WorkerState,
        number: int,
        nick: str,
        log: RoomStream,
        run: int,
        *,
        timed: bool,
        text_size: Callable[[], int],
    ) -> None:
        """
        Args:
            shared: what all clients of the worker share.
            number: its number among all clients of the run, from 0.
            nick: its nick.
            log: the log of its room.
            run: the number of this run, which its texts carry.
            timed: whether to record latencies: not if the client stops reading at times.
            text_size: returns the size of its next text, in bytes.
        """
        self.number = number
        self.state = State.AWAY
        self.reader = MemberReader(log, self._handle)
        self.window = 0
        self._shared = shared
        self._nick = nick
        self._room = log.name
        self._run = run
        self._timed = timed
        self._text_size = text_size
        self._socket: socket.socket | None = None
        self._tls: TlsEnd | None = None  # on top of the socket, with TLS
        self._session: str | None = None
        self._began = 0  # when it began to connect, in µs
        self._connected = 0
        self._id = 0
        self._join_id = 0
        self._said = 0
        self._unanswered: dict[int, _Text] = {}  # by id
        self._late: list[int] = []  # due times of texts that wait for a connection
        self._unsent = bytearray()
        self._reading = True
        self._on_purpose = False  # whether it disconnected by itself
        self._watched = 0
        self._losses = 0  # each leads to the next server

    # -- connecting and disconnecting

    @property
    def _server(self) -> Server:
        """The one that it is connected to, or will be next."""
        servers = self._shared.servers
        return servers[(self.number + self._losses) % len(servers)]

    def connect(self) -> None:
        """Begin to connect, unless it is connected or connecting."""
        if self.state is not State.AWAY:
            return
        self.reader.cut_off()
        self._began = clock()
        self.state = State.CONNECTING
        try:
            connection = self._socket = socket.socket(self._server.family)
            connection.setblocking(False)
            error = connection.connect_ex(self._server.address)
        except OSError as failure:  # a bad address, or no descriptor is left
            error = failure.errno or errno.EINVAL
        if error not in _IN_PROGRESS:
            self._lose(_error_name(error))
            return
        self._watch(WRITE)
        began = self._began
        self._shared.loop.call_at(began + CONNECT_TIMEOUT, lambda: self._check_timeout(began))

    def disconnect(self, away: int) -> None:
        """Break the connection on purpose, and connect again after `away` µs."""
        if self.state is State.AWAY:
            return
        self._close()
        self._on_purpose = True
        self._shared.loop.call_at(clock() + away, self.connect)

    def close(self) -> None:
        """Send `bye`, which frees the nick for the next run, and close the connection."""
        if self.state is State.UP:
            self._id += 1
            self._unsent += encode(Bye(self._id))
            self.flush()
        self._close()

    def pause(self) -> None:
        """Stop reading."""
        self._set_reading(False)

    def resume(self) -> None:
        """Read again."""
        self._set_reading(True)

    def on_ready(self, events: int) -> None:
        """Use the socket, which is ready for `events`."""
        try:
            if self.state is State.CONNECTING:
                self._say_hello()
            elif events & READ:
                self._receive()
            if self._socket is not None:
                self.flush()
        except OSError as error:
            self._lose(_error_name(error.errno))
        except ProtocolError as error:
            self._lose(error.code)

    # -- talking

    def say(self, due: int) -> None:
        """Say a text that was due at `due` µs: record how late it is, and queue it for `flush`."""
        self._shared.tick.lag.record(clock() - due)
        self._say(due)

    def say_later(self, due: int) -> None:
        """Say a text that was due at `due` µs when this client is connected again.

        That is no lag of the generator: the text waits for the server to take the client back.
        """
        self._late.append(due)

    def _say(self, due: int) -> None:
        self._id += 1
        stamp = Stamp(self._run, self.number, self._said, due).written()
        text = stamp.ljust(self._text_size(), "x")
        frame = encode(Say(self._id, self._room, text))
        self._unanswered[self._id] = _Text(self._said, due, frame)
        self._said += 1
        self._unsent += frame
        self._shared.tick.sent += 1

    def talk(self) -> None:
        """Say as many texts as the window of the closed loop has room for."""
        if self.state is State.UP:
            for _ in range(self.window - len(self._unanswered)):
                self.say(clock())
            self.flush()

    def flush(self) -> None:
        """Send as much as the socket takes. Reading notices a broken connection."""
        if self._unsent and self._socket is not None:
            with contextlib.suppress(OSError):
                sent = (self._tls or self._socket).send(self._unsent)
                del self._unsent[:sent]
                self._shared.tick.bytes_out += sent
        blocked = bool(self._unsent) and not (self._tls and self._tls.waits)
        self._watch((READ if self._reading else 0) | (WRITE if blocked else 0))

    def unanswered(self) -> list[tuple[int, int]]:
        """Return the number and the due time, in µs, of each text without a reply."""
        said = [(text.number, text.due) for text in self._unanswered.values()]
        return said + list(enumerate(self._late, self._said))

    # -- what the server says

    def _receive(self) -> None:
        assert self._socket is not None
        try:
            count = (self._tls or self._socket).recv_into(_view)
        except BlockingIOError:
            return
        if not count:
            self._lose("connection_closed")
            return
        before = self.reader.received
        self.reader.receive(_view[:count])
        tick = self._shared.tick
        tick.bytes_in += count
        tick.deliveries += self.reader.received - before
        if self.window:
            self.talk()

    def _handle(self, message: AnyServerMessage) -> None:
        match message:
            case Ok():
                self._handle_ok(message)
            case Welcome():
                self._handle_welcome(message)
            case ServerPing(id=number):
                self._unsent += encode(Pong(number))
            case Error():
                self._handle_error(message)
            case Goodbye():
                # The end of the stream follows. It is not counted again.
                self._count_loss(message.code)
            case _:
                pass

    def _handle_ok(self, reply: Ok) -> None:
        seq = reply.seq if isinstance(reply.seq, int) else 0
        shared = self._shared
        shared.last[self._room] = max(shared.last.get(self._room, 0), seq)
        if reply.re == self._join_id:
            self._handle_join(seq)
            return
        asked = self._unanswered.pop(reply.re, None)
        if asked is None:
            shared.tick.count_error("unasked_reply")
            return
        shared.tick.confirmed += 1
        shared.confirmed[self._room] = shared.confirmed.get(self._room, 0) + 1
        if self._timed:
            shared.answered.append(asked.due)

    def _handle_welcome(self, welcome: Welcome) -> None:
        if self._timed:
            self._shared.tick.welcome.record(clock() - self._connected)
        if self._session is not None and welcome.session != self._session:
            self._shared.tick.count_error("session_forgotten")
        self._session = welcome.session
        self.state = State.JOINING
        self._join()

    def _join(self) -> None:
        self._id += 1
        self._join_id = self._id
        after = self.reader.next - 1 if self.reader.next else None
        self._unsent += encode(
            Join(self._join_id, self._room, after=after, temporary=self._shared.temporary)
        )

    def _join_later(self, delay: float) -> None:
        """Ask again after `delay` s: who connects again instead asks for more, and gets less."""
        began = self._began

        def again() -> None:
            if self.state is State.JOINING and self._began == began:
                self._join()
                self.flush()

        self._shared.loop.call_at(clock() + round(delay * 1e6), again)

    def _handle_join(self, last: int) -> None:
        self.reader.join(last, timed=self._timed, on_purpose=self._on_purpose)
        self._on_purpose = False
        self.state = State.UP
        self._shared.up += 1
        for text in self._unanswered.values():
            self._unsent += text.frame
        for due in self._late:
            self._say(due)
        self._late.clear()

    def _handle_error(self, error: Error) -> None:
        self._unanswered.pop(error.re or 0, None)
        if error.code in FATAL:
            return  # the goodbye that follows is counted
        if self.state is State.UP:
            self._shared.tick.count_error(error.code)
            return
        self._shared.refusal = f"{error.code}: {error.text}"
        if self.state is State.JOINING and error.retry_after:
            self._shared.tick.count_error(error.code)
            self._join_later(error.retry_after)
            return
        self._lose(error.code)

    def _count_loss(self, code: str) -> None:
        self._shared.refusal = code
        self._lose(code)

    # -- the connection

    def _say_hello(self) -> None:
        """Send `hello`, if the connection was made."""
        assert self._socket is not None
        error = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            self._lose(_error_name(error))
            return
        if self._socket.getsockname() == self._socket.getpeername() != "":
            self._lose("ECONNREFUSED")  # TCP's simultaneous open: connected to itself
            return
        if self._socket.family != getattr(socket, "AF_UNIX", None):
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._server.tls:
            assert self._shared.tls is not None
            self._tls = TlsEnd(self._socket, self._shared.tls)
        self._connected = clock()
        self._shared.tick.connect.record(self._connected - self._began)
        hello = Hello(
            VERSION,
            self._nick,
            client=CLIENT,
            password=self._shared.password,
            session=self._session,
        )
        self._unsent += encode(hello)
        self.state = State.GREETING

    def _check_timeout(self, began: int) -> None:
        """Audit an attempt to come in that takes too long; it counts with all of its time."""
        if self._began != began or self.state in (State.UP, State.AWAY):
            return
        tick = self._shared.tick
        stage = tick.connect if self.state is State.CONNECTING else tick.welcome
        stage.record(clock() - began)
        self._lose("timeout")

    def _lose(self, code: str) -> None:
        """Count a connection that was lost or not made, and connect again later."""

        if self.state is State.AWAY:
            return
        self._shared.tick.count_error(code)
        self._shared.refusal = self._shared.refusal or code
        self._close()
        self._losses += 1
        self._shared.loop.call_at(clock() + RETRY_DELAY, self.connect)

    def _close(self) -> None:
        if self.state is State.UP:
            self._shared.up -= 1
        self.state = State.AWAY
        self._unsent.clear()
        if self._socket is not None:
            self._watch(0)
            self._socket.close()
            self._socket = self._tls = None

    def _set_reading(self, reading: bool) -> None:
        self._reading = reading
        if self.state not in (State.AWAY, State.CONNECTING):
            self.flush()

    def _watch(self, events: int) -> None:
        if events != self._watched and self._socket is not None:
            self._shared.loop.watch(self._socket, events, self.on_ready)
            self._watched = events


def _error_name(number: int | None) -> str:
    return errno.errorcode.get(number or 0, "connection_lost")
