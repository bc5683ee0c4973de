"""One simulated client: it comes, joins its room, talks if it is a talker, goes and comes back.

It never waits: the loop calls it when its socket is ready or its time has come. A connection that
is lost, on purpose (churn) or not, is taken up again with its session: it joins behind the last
message that it saw, and says again what had no reply, with the same ids. So nothing may be lost,
and the audit goes on where it was.
"""

import contextlib
import errno
import socket
from collections.abc import Callable
from enum import Enum, auto
from typing import NamedTuple

from chat_client.load.generator import tls_lines
from chat_client.load.generator.audit import Reader
from chat_client.load.generator.loop import READ, WRITE, Loop, clock
from chat_client.load.generator.messages import Plan
from chat_client.load.generator.room_log import RoomLog
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

PATIENCE = 10_000_000
"""µs that coming in may take."""

PAUSE = 1_000_000
"""µs after which a client that was refused tries again."""

_IN_PROGRESS = (0, errno.EINPROGRESS)

_view = memoryview(bytearray(256 * 1024))  # all clients of the process receive into it, in turn


class State(Enum):
    """How far a client has come."""

    AWAY = auto()
    CONNECTING = auto()
    GREETING = auto()  # has said hello
    JOINING = auto()
    UP = auto()


class _Text(NamedTuple):
    """A text that has no reply yet: which of its talker's, when it was due in µs, its frame."""

    number: int
    due: int
    frame: bytes


class Crowd:
    """What all clients of a process share.

    Attributes:
        loop: calls them.
        tick: what they count in, another one from time to time.
        up: how many of them are in.
        confirmed: by room, how many texts the server said are stored.
        last: by room, the highest seq that the server has named.
        answered: when each text was due, in µs, whose reply has just come.
        refusal: the last reason why somebody could not come in, or "".
    """

    def __init__(self, loop: Loop, tick: Tick, plan: Plan) -> None:
        self.loop = loop
        self.tick = tick
        self.family = plan.family
        self.address = plan.address
        self.password = plan.password
        self.temporary = plan.temporary
        self.tls = tls_lines.context() if plan.tls else None
        self.up = 0
        self.confirmed: dict[str, int] = {}
        self.last: dict[str, int] = {}
        self.answered: list[int] = []
        self.refusal = ""


class Client:
    """One client.

    Attributes:
        number: which of the run's clients it is, from 0.
        state: how far it has come.
        reader: checks what it receives.
        window: how many texts it keeps without a reply: 0 but in a closed loop.
    """

    def __init__(
        self, crowd: Crowd, number: int, nick: str, log: RoomLog, run: int, *, timed: bool,
        text_size: Callable[[], int],
    ) -> None:  # fmt: skip
        """
        Args:
            crowd: what it shares with the others.
            number: its own.
            nick: what it is called.
            log: of its room.
            run: the number that the texts of this run carry.
            timed: whether it reads all the time, so that what it hears late was late.
            text_size: says how long its next text is, in bytes.
        """
        self.number = number
        self.state = State.AWAY
        self.reader = Reader(log, self._told)
        self.window = 0
        self._crowd = crowd
        self._nick = nick
        self._room = log.name
        self._run = run
        self._timed = timed
        self._text_size = text_size
        self._socket: socket.socket | None = None
        self._tls: TlsEnd | None = None  # what is spoken on it, if that is TLS
        self._session: str | None = None
        self._began = 0  # when this connection was begun
        self._connected = 0
        self._id = 0
        self._join_id = 0
        self._said = 0
        self._unanswered: dict[int, _Text] = {}  # by id
        self._owed: list[int] = []  # when the texts were due that it could not say yet
        self._unsent = bytearray()
        self._reading = True
        self._on_purpose = False  # it is away, or coming back, by its own choice
        self._watched = 0

    # -- coming and going

    def come(self) -> None:
        """Begin to connect, unless it is here already."""
        if self.state is not State.AWAY:
            return
        self.reader.cut_off()
        self._began = clock()
        self.state = State.CONNECTING
        try:
            connection = self._socket = socket.socket(self._crowd.family)
            connection.setblocking(False)
            error = connection.connect_ex(self._crowd.address)
        except OSError as failure:  # an address that cannot be, or no descriptor is left
            error = failure.errno or errno.EINVAL
        if error not in _IN_PROGRESS:
            self._lose(_error_name(error))
            return
        self._watch(WRITE)
        began = self._began
        self._crowd.loop.call_at(began + PATIENCE, lambda: self._check_patience(began))

    def go(self, away: int) -> None:
        """Break the connection on purpose, and come back after `away` µs."""
        if self.state is State.AWAY:
            return
        self._close()
        self._on_purpose = True
        self._crowd.loop.call_at(clock() + away, self.come)

    def close(self) -> None:
        """Say goodbye, so that the nick is free for the next run, and let go of the connection."""
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

    def turn(self, events: int) -> None:
        """Do what the socket is ready for."""
        try:
            if self.state is State.CONNECTING:
                self._greet()
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
        """Say a text that was due at `due` µs. `flush` sends it."""
        self._crowd.tick.lag.record(clock() - due)
        self._say(due)

    def owe(self, due: int) -> None:
        """Say a text that was due at `due` µs as soon as this client is back."""
        self._owed.append(due)

    def _say(self, due: int) -> None:
        self._id += 1
        stamp = Stamp(self._run, self.number, self._said, due).written()
        text = stamp.ljust(self._text_size(), "x")
        frame = encode(Say(self._id, self._room, text))
        self._unanswered[self._id] = _Text(self._said, due, frame)
        self._said += 1
        self._unsent += frame
        self._crowd.tick.sent += 1

    def talk(self) -> None:
        """Fill the window of a closed loop, and send."""
        if self.state is State.UP:
            for _ in range(self.window - len(self._unanswered)):
                self.say(clock())
            self.flush()

    def flush(self) -> None:
        """Send what the socket takes.

        A connection that turns out to be broken is noticed when it is read.
        """
        if self._unsent and self._socket is not None:
            with contextlib.suppress(OSError):
                sent = (self._tls or self._socket).send(self._unsent)
                del self._unsent[:sent]
                self._crowd.tick.bytes_out += sent
        blocked = bool(self._unsent) and not (self._tls and self._tls.waits)
        self._watch((READ if self._reading else 0) | (WRITE if blocked else 0))

    def unanswered(self) -> list[tuple[int, int]]:
        """Return the number of each text that has no reply, and when it was due, in µs."""
        said = [(text.number, text.due) for text in self._unanswered.values()]
        return said + list(enumerate(self._owed, self._said))

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
        tick = self._crowd.tick
        tick.bytes_in += count
        tick.deliveries += self.reader.received - before
        if self.window:
            self.talk()

    def _told(self, message: AnyServerMessage) -> None:
        match message:
            case Ok():
                self._take_ok(message)
            case Welcome():
                self._take_welcome(message)
            case ServerPing(id=number):
                self._unsent += encode(Pong(number))
            case Error():
                self._take_error(message)
            case Goodbye():
                # What comes after it is the end of the stream, which needs no other name.
                self._count_loss(message.code)
            case _:
                pass

    def _take_ok(self, reply: Ok) -> None:
        seq = reply.seq if isinstance(reply.seq, int) else 0
        crowd = self._crowd
        crowd.last[self._room] = max(crowd.last.get(self._room, 0), seq)
        if reply.re == self._join_id:
            self._enter(seq)
            return
        asked = self._unanswered.pop(reply.re, None)
        if asked is None:
            crowd.tick.count_error("unasked_reply")
            return
        crowd.tick.confirmed += 1
        crowd.confirmed[self._room] = crowd.confirmed.get(self._room, 0) + 1
        if self._timed:
            crowd.answered.append(asked.due)

    def _take_welcome(self, welcome: Welcome) -> None:
        if self._timed:
            self._crowd.tick.welcome.record(clock() - self._connected)
        if self._session is not None and welcome.session != self._session:
            self._crowd.tick.count_error("session_forgotten")
        self._session = welcome.session
        self._id += 1
        self._join_id = self._id
        after = self.reader.next - 1 if self.reader.next else None
        self._unsent += encode(
            Join(self._join_id, self._room, after=after, temporary=self._crowd.temporary)
        )
        self.state = State.JOINING

    def _enter(self, last: int) -> None:
        self.reader.join(last, timed=self._timed, on_purpose=self._on_purpose)
        self._on_purpose = False
        self.state = State.UP
        self._crowd.up += 1
        for text in self._unanswered.values():
            self._unsent += text.frame
        for due in self._owed:
            self._say(due)
        self._owed.clear()

    def _take_error(self, error: Error) -> None:
        self._unanswered.pop(error.re or 0, None)
        if error.code in FATAL:
            return  # the goodbye that follows is counted
        if self.state is State.UP:
            self._crowd.tick.count_error(error.code)
            return
        self._crowd.refusal = f"{error.code}: {error.text}"
        self._lose(error.code)

    def _count_loss(self, code: str) -> None:
        self._crowd.refusal = code
        self._lose(code)

    # -- the connection

    def _greet(self) -> None:
        """Say hello on a connection that stands by now, or does not."""
        assert self._socket is not None
        error = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            self._lose(_error_name(error))
            return
        if self._socket.getsockname() == self._socket.getpeername() != "":
            self._lose("ECONNREFUSED")  # TCP's simultaneous open: nobody listens but ourselves
            return
        if self._socket.family != getattr(socket, "AF_UNIX", None):
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._crowd.tls is not None:
            self._tls = TlsEnd(self._socket, self._crowd.tls)
        self._connected = clock()
        self._crowd.tick.connect.record(self._connected - self._began)
        hello = Hello(
            VERSION, self._nick, client=CLIENT, password=self._crowd.password,
            session=self._session,
        )  # fmt: skip
        self._unsent += encode(hello)
        self.state = State.GREETING

    def _check_patience(self, began: int) -> None:
        """End an attempt to come in that takes too long; it counts with all of its time."""
        if self._began != began or self.state in (State.UP, State.AWAY):
            return
        tick = self._crowd.tick
        stage = tick.connect if self.state is State.CONNECTING else tick.welcome
        stage.record(clock() - began)
        self._lose("timeout")

    def _lose(self, code: str) -> None:
        """Count a connection that was lost or not made, and try again later."""
        if self.state is State.AWAY:
            return
        self._crowd.tick.count_error(code)
        self._crowd.refusal = self._crowd.refusal or code
        self._close()
        self._crowd.loop.call_at(clock() + PAUSE, self.come)

    def _close(self) -> None:
        if self.state is State.UP:
            self._crowd.up -= 1
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
            self._crowd.loop.watch(self._socket, events, self.turn)
            self._watched = events


def _error_name(number: int | None) -> str:
    return errno.errorcode.get(number or 0, "connection_lost")
