"""One client's connection: its thread reads, checks and asks; it never sends to anybody else.

A connection ends in one of two ways. Either side of the stream may end it: the client by closing,
or the server by `close`, which says goodbye, ends its own half, and lets the thread read on, and
drop what it reads, until the client has closed too: a socket that is closed with unread bytes in
it would be reset, and the goodbye lost. A timer bounds the wait.

The module is long, as what a thread does from the first byte to the last is read as one.
"""

import logging
import socket
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial

from chat_server.delivery.outbox import Outbox
from chat_server.delivery.replies import error_event
from chat_server.gateways.gateway import (
    AnsweredFirst,
    Gateway,
    Handover,
    Idle,
    OwnReply,
    Reading,
    Received,
    Says,
    Stream,
    Work,
)
from chat_server.gateways.native import NATIVE
from chat_server.gateways.sniff import Doors, Sniffer
from chat_server.gateways.unfinished import Unfinished
from chat_server.identity.connection_limit import ConnectionLimit
from chat_server.network.addresses import host_of, neighbourhood
from chat_server.network.refusals import REFUSAL_PATIENCE
from chat_server.network.transport import (
    DONT_WAIT,
    RECEIVE_SIZE,
    PlainReader,
    Reader,
    TlsReader,
    TlsWire,
    keep_alive,
)
from chat_server.requests.context import Caller, Context
from chat_server.requests.dispatch import answer, cost_of
from chat_server.requests.hello import greet
from chat_server.requests.talk.direct import deliver_late
from chat_server.requests.talk.posting import say_freely
from chat_server.rooms.people.session import Session
from chat_server.rooms.room import Member
from chat_server.runtime.threads import ConnectionThread, Vital
from protocol.errors import FATAL, Code, ProtocolError
from protocol.messages import AnyRequest, Goodbye, Hello, Request, Say, ServerMessage, ServerPing
from protocol.tls import Channel, NotTlsError, TlsError

log = logging.getLogger(__name__)

PING = ServerPing(id=1)
"""The ping's id means nothing to the server: any answer is a sign of life."""

_FOR_GOOD = frozenset({Code.BYE, Code.BANNED})
"""Who ends a connection by this is not expected back."""

_ending = threading.Lock()
"""Guards who is the first to end a connection: one for all, to save memory. A leaf."""

_letting_go = Vital("letting go of a connection")
"""A nick that is never free again, a member that never reads: nobody could mend that."""

HELLO_PATIENCE = 60.0
"""Seconds. A refused hello gives so much more time for the next one at most; and so much where a
person has to think of another nick, or to type a password.
"""

STOOD_STILL = 1.0
"""A check that comes so many seconds late finds a server that stood still, and could hear nobody.
"""

READ_ON_AFTER = 0.02
"""In a crowd, who sends little at a time is read on after so many seconds: fifty who send a packet
each wake fifty threads, which takes longer than to answer them.
"""

FRUITLESS_READS = 64
"""So many reads in a row may complete nothing: a frame that comes in the smallest of packets. More
count as a request each.
"""

_ASKS_A_PERSON = frozenset({Code.BAD_NICK, Code.NICK_IN_USE})


class Connection:
    """A socket, the thread that reads it, and who it is that speaks."""

    __slots__ = (
        "__weakref__",
        "_awaited",
        "_began_at",
        "_caller",
        "_check_due",
        "_context",
        "_crowd",
        "_doors",
        "_ended",
        "_fruitless",
        "_gateway",
        "_gone",
        "_heard_at",
        "_hello_due",
        "_peer",
        "_pinged_at",
        "_rate",
        "_reader",
        "_refusal",
        "_returns",
        "_session",
        "_unfinished",
        "asked",
        "host",
        "is_bot",
        "outbox",
        "received",
        "takes_late",
        "thread",
    )

    def __init__(
        self,
        sock: socket.socket,
        peer: str,
        context: Context,
        crowd: "ConnectionLimit[Connection]",
        doors: Doors,
        unfinished: "Unfinished[Connection]",
        tls: Channel | None = None,
    ) -> None:
        """
        Args:
            sock: accepted, and from now on the connection's to close.
            peer: HOST:PORT or [IPV6]:PORT, for the log; `unix` for a Unix socket.
            context: the server's.
            crowd: all connections, of which this is to be one.
            doors: what may be spoken.
            unfinished: counts what all connections have sent in part.
            tls: what is spoken on it, if that is TLS.
        """
        sock.setblocking(bool(DONT_WAIT))
        self._peer = peer
        self.host = host_of(peer)
        self._context = context
        self._crowd = crowd
        self._doors = doors
        self._unfinished = unfinished
        self._gateway: Gateway = Sniffer(doors, peer, encrypted=tls is not None)
        self.outbox = Outbox(
            sock,
            context.clock,
            context.catch_up.add,
            context.pages.read,
            self._gateway,
            TlsWire(sock, tls) if tls else None,
            neighbourhood(self.host),
        )
        self.outbox.hold_events()
        # This connection's thread's own: what it reads with.
        plain = PlainReader(sock)
        self._reader: Reader = TlsReader(plain, tls, self.outbox.push) if tls else plain
        self._fruitless = 0  # reads in a row that completed nothing
        self._rate = context.rate_limits.of_connection(self.host)
        self._began_at = self._heard_at = context.clock.monotonic()
        self._hello_due = self._began_at + context.settings.hello_timeout
        self._pinged_at = 0.0
        self._check_due = 0.0  # when it is looked whether it is alive; the timers' own
        # Set by this connection's thread; the others only look.
        self._session: Session | None = None
        self._caller: Caller | None = None
        self.is_bot = False
        self.asked = 0  # requests, right or wrong
        self.takes_late = False
        self.received = 0  # bytes, as they are read: without those of TLS itself
        self._awaited = True  # who ended it may come back; set with the next
        self._returns = False  # it went away without a goodbye: see OwnReply
        self._ended: Code | None = None  # why; set once, by whoever comes first: see _ending
        self._gone = False  # nothing is held any more
        self._refusal: ProtocolError | None = None  # why there is no place; set with the start
        self.thread = ConnectionThread(self._run, f"connection {peer}")

    def start(self) -> None:
        """Start the thread, and the limit on how long the hello may take.

        Raises:
            TooManyConnectionsError: there is no place for this connection.
            RuntimeError: the system has no thread left.
        """
        self._context.counters.connected()
        self._refusal = self._crowd.add(self)
        try:
            self.thread.start()
        except RuntimeError:
            self._crowd.remove(self)
            raise
        if self._refusal is not None:
            self._call_later(REFUSAL_PATIENCE, Connection._turn_away)
            return
        self._call_later(self._context.settings.hello_timeout, Connection._check_hello)

    # -- any thread

    def _call_later(self, delay: float, method: "Callable[[Connection], None]") -> None:
        """Call a method after `delay` seconds, unless nothing is left of the connection by then:
        thousands a second may come and go.
        """
        self._context.timers.call_later(delay, partial(_call_if_there, weakref.ref(self), method))

    def _turn_away(self) -> None:
        """Say that there is no place: in the client's language, once it has begun to speak."""
        refusal = self._refusal
        if refusal is not None and self._ended is None:
            self.close(refusal.code, refusal.text, retry_after=refusal.retry_after)

    def close(
        self,
        code: Code,
        text: str,
        *,
        before: ServerMessage | None = None,
        retry_after: float | None = None,
    ) -> None:
        """Say goodbye and end the connection, after what waits to be sent.

        Args:
            code: the reason.
            text: a sentence for the person.
            before: what to send ahead of it, if anything.
            retry_after: seconds after which coming back may help.
        """
        last: list[ServerMessage] = [before] if before else []
        if code in FATAL:
            self._context.counters.refused(code)
            last.append(error_event(None, code, text, retry_after))
        self._show_out(code, *last, Goodbye(code=code, text=text))

    def abort(self) -> None:
        """End the connection without waiting for anything."""
        self.outbox.abort()

    @property
    def peer(self) -> str:
        """Its address, as the log has it."""
        return self._peer

    @property
    def session(self) -> Session | None:
        """The session; None before the hello."""
        return self._session

    @property
    def nick(self) -> str | None:
        """Who it is; None before the hello."""
        return self._session.nick if self._session else None

    @property
    def ended(self) -> bool:
        """Whether it was closed or refused, and only its last bytes are still under way."""
        return self._ended is not None or self._refusal is not None

    @property
    def age(self) -> float:
        """Seconds since it was accepted."""
        return self._context.clock.monotonic() - self._began_at

    @property
    def silence(self) -> float:
        """Seconds since anything came from it."""
        return self._context.clock.monotonic() - self._heard_at

    def begin(self, session: Session, *, is_bot: bool) -> None:
        """Speak for somebody from now on. On this connection's thread."""
        self._session, self.is_bot = session, is_bot

    # -- the timers' thread

    def _is_lost(self) -> bool:
        """Whether the thread is gone, and let go of what it held: by now, if it did not itself.

        Without memory a thread may end before the first line that it was to run.
        """
        if not self._gone and not self.thread.is_alive():
            self._end(Code.INTERNAL)
            self._let_go()
        return self._gone

    def _check_hello(self) -> None:
        if self._is_lost() or self._caller is not None or self._ended is not None:
            return
        now = self._context.clock.monotonic()
        if now - self._hello_due > STOOD_STILL:
            self._hello_due = now + self._context.settings.hello_timeout
        left = self._hello_due - now
        if left > 0:  # a hello was refused meanwhile, or could not be heard
            self._call_later(left, Connection._check_hello)
            return
        text = f"no hello came within {self._hello_due - self._began_at:g} seconds"
        if not self._reader.begun:
            # Who waits for the server to begin does not speak TLS, which the client begins.
            self.outbox.speak_plainly()
            text += "; this server speaks TLS: connect with --tls"
        self.close(Code.HELLO_TIMEOUT, text)

    def _check_life(self) -> None:
        """Ask a silent client whether it is there, and end a dead one."""
        if self._is_lost() or self._ended is not None:
            return
        settings = self._context.settings
        now = self._context.clock.monotonic()
        silent = now - max(self._heard_at, self.outbox.taken_at)
        stood_still = 0 < self._check_due < now - STOOD_STILL
        asked = self._pinged_at > self._heard_at and not stood_still
        if asked and silent >= settings.patience:
            rule = f"nothing was answered and nothing taken for {settings.patience:g} seconds"
            self.close(Code.IDLE_TIMEOUT, rule)
            self.abort()
            return
        ask = stood_still or now - max(self._heard_at, self._pinged_at) >= settings.ping_interval
        if ask:
            self._pinged_at = now
        next_ping = max(self._heard_at, self._pinged_at) + settings.ping_interval - now
        left = settings.patience - silent if asked else settings.patience
        self._check_due = now + min(next_ping, left)
        self._call_later(min(next_ping, left), Connection._check_life)
        if ask:
            self.outbox.put_ping(PING)

    # -- the connection's thread

    def _run(self) -> None:
        code = Code.INTERNAL  # unless what follows ends as it should
        try:
            self._read()
            code = Code.BYE
        finally:
            self._leave(code)

    def _read(self) -> None:
        while data := self._receive():
            self.received += len(data)
            if self._ended is not None:
                time.sleep(READ_ON_AFTER)  # who goes on sending gets nothing of the processor
                continue
            self._context.short_queue.enter(self.outbox)  # for decoding, too
            self._fruitless += 1
            try:
                for asked in self._gateway.receive(data):
                    self._fruitless = 0
                    self._take(asked)
                    if self._ended is not None:
                        break
                    if self._gateway.codec is not NATIVE:  # all others take long to read
                        self._context.short_queue.enter(self.outbox)
                if self._fruitless > FRUITLESS_READS:
                    self._take_idle(1)
            except ProtocolError as error:
                self._pause()
                self.outbox.wait_until_answered()  # what came before it
                self.close(error.code, error.text, retry_after=error.retry_after)
            finally:
                self._pause()
            if self._ended is None:
                self._unfinished.count(self, self.outbox.party.address, self._gateway.unfinished)
            if len(data) <= RECEIVE_SIZE and self._context.short_queue.is_crowded:
                time.sleep(READ_ON_AFTER)

    def _pause(self) -> None:
        """Let others be answered, until there is more to be done here."""
        self._context.short_queue.leave(self.outbox)

    def _receive(self) -> bytes:
        """Wait for some bytes; none when the stream has ended."""
        try:
            return self._reader.receive()
        except NotTlsError as error:
            self._log_tls("does not speak TLS, which is all that is spoken here")
            self._sniff_plainly()
            return error.received
        except TlsError as error:
            self._log_tls(f"and this server do not understand each other: {error}")
            self.outbox.push()  # the alert, which says why
            self._show_out(Code.BAD_FRAME)
            self._reader = self._reader.plain  # what else comes is read and dropped
            return self._receive()
        except OSError as error:
            log.debug("%s: %s", self._peer, error, extra=self._who())
            return b""

    def _log_tls(self, what: str) -> None:
        log.info("%s %s", self._peer, what, extra=self._who())

    def _sniff_plainly(self) -> None:
        """Let who speaks no TLS be told, in a way that is understood, that it is needed here."""
        self._reader = self._reader.plain
        self.outbox.speak_plainly()
        self._speak(Sniffer(self._doors, self._peer, needs_tls=True))

    def _take(self, asked: Received) -> None:
        """Deal with one thing that came. Raises ProtocolError where that ends the connection."""
        if isinstance(asked, Says):
            self._take_says(asked.requests)
            return
        if isinstance(asked, Handover):
            self._speak(asked.gateway)
            self._turn_away()
            return
        if isinstance(asked, AnsweredFirst):
            self._pause()
            self.outbox.wait_until_answered()
            return
        if isinstance(asked, Idle):
            self._take_idle(asked.parts)
            return
        if isinstance(asked, Reading):
            self._pause()
            with self._context.long_queue.at_head(self.outbox):
                asked.do()
            return
        self._heard_at = self._context.clock.monotonic()  # a whole one: single bytes do not count
        self.asked += 1
        self._wait_until_short()
        if isinstance(asked, Work):  # a part of a request, which counts by itself
            self._work(asked)
            return
        refusal = self._rate.take() if self._rate else None  # what is wrong counts as well
        if refusal is not None and refusal.fatal:
            raise refusal
        if isinstance(asked, Request):
            self._answer(asked, refusal)
        elif isinstance(asked, OwnReply):
            self._context.short_queue.enter(self.outbox)  # for each: many may come at once
            self._give(asked)
        else:
            self._refuse(refusal or asked, asked.re)

    def _work(self, asked: Work) -> None:
        """Do what takes long, unless nobody is there any more, and send what comes of it."""
        self._pause()
        done: OwnReply | Stream = OwnReply()
        if asked.waits:
            done = asked.do()
        else:
            with self._context.works.place(self.outbox) as has_place:
                if has_place:
                    done = asked.do()
        if isinstance(done, Stream):
            self._send(done)
        else:
            self._give(done)

    def _take_idle(self, parts: int) -> None:
        """Count what asks for nothing. Raises ProtocolError where there was too much of it."""
        self._heard_at = self._context.clock.monotonic()
        self._context.short_queue.enter(self.outbox)  # gives way, if it has been at it for long
        refusal = self._rate.take_idle(parts) if self._rate else None
        if refusal is not None:
            raise refusal

    def _take_says(self, says: Sequence[Say]) -> None:
        """Deal with texts that came together. Raises ProtocolError as `_take` does."""
        self._heard_at = self._context.clock.monotonic()
        self.asked += len(says)
        self._wait_until_short()
        allowed: list[Say] = []
        for say in says:
            refusal = self._rate.take() if self._rate else None
            if refusal is None:
                allowed.append(say)
                continue
            self._say(allowed)
            allowed = []
            if refusal.fatal:
                raise refusal
            self._answer(say, refusal)
        self._say(allowed)

    def _say(self, says: Sequence[Say]) -> None:
        """Say texts in one step, as far as that can be, and the others one by one."""
        assert self._caller is not None  # what comes before the hello is no text
        posted = say_freely(self._caller, says) if says else 0
        for say in says[posted:]:
            if self._ended is None:
                self._answer(say, None)

    def _wait_until_short(self) -> None:
        """Read no further while too much waits for this client."""
        if self.outbox.is_long:
            self._pause()
            self.outbox.wait_until_short()

    def _speak(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self.outbox.speak(gateway)

    def _give(self, answer: OwnReply) -> None:
        """Send what the gateway says by itself."""
        self.outbox.put_bytes(answer.data)
        if answer.ends is not None:
            self._returns = answer.returns
            self._show_out(answer.ends)
        elif self._caller is None:
            self._hello_due = self._heard_at + self._context.settings.hello_timeout

    def _send(self, stream: Stream) -> None:
        """Send an answer piece by piece, as long as the client takes it."""
        self._pause()
        with closing(stream.pieces) as pieces:
            for piece in pieces:
                self.outbox.wait_until_short()
                if self._ended is not None or self.outbox.is_gone:
                    return
                self.outbox.put_bytes(piece)
                self._heard_at = self._context.clock.monotonic()
                self._hello_due = self._heard_at + HELLO_PATIENCE
        self._give(OwnReply(ends=stream.ends))

    def _answer(self, request: AnyRequest, refusal: ProtocolError | None) -> None:
        """Do what is asked, and reply. Raises ProtocolError where that ends the connection."""
        re = getattr(request, "id", None)
        try:
            if refusal is not None:
                raise refusal
            if self._caller is None:
                self._greet(request)
                return
            if self._rate:
                self._rate.charge(cost_of(self._caller, request))
            reply = answer(self._caller, request)
        except ProtocolError as error:
            if error.fatal:
                raise
            self._refuse(error, re or error.re)
        else:
            if reply is not None:
                self.outbox.put(reply)

    def _refuse(self, error: ProtocolError, re: int | None) -> None:
        """Say why something was not done, through the fair queue: refusals cost time, too."""
        if self._caller is None:
            self._allow_for_next_hello(error)
        self._context.counters.refused(error.code)
        self._pause()
        with self._context.long_queue.at_head(self.outbox) as is_head:
            if is_head:
                self.outbox.put(error_event(re, error.code, error.text, error.retry_after))

    def _greet(self, hello: AnyRequest) -> None:
        """Answer a hello, which every gateway asks for first."""
        assert isinstance(hello, Hello)
        context = self._context
        if hello.session is not None or hello.account_password is not None:
            self._pause()  # the disk is looked at, or a password hashed
        caller, welcome = greet(self, hello, context)
        if self._rate:
            self._rate.begin(caller.session.token)
        self._gateway.greeted = True
        self.outbox.put_welcome(welcome)
        self._caller = caller
        if context.late.awaits(caller.session):
            self._pause()  # the disk is looked at
        deliver_late(caller)
        if self._gateway.answers_pings:
            self._call_later(context.settings.ping_interval, Connection._check_life)
        else:
            keep_alive(self.outbox.socket)

    def _allow_for_next_hello(self, error: ProtocolError) -> None:
        """Give whoever is to say hello again the time that they need for it."""
        more = HELLO_PATIENCE if error.code in _ASKS_A_PERSON else error.retry_after
        if more is None:
            return
        more = min(more, HELLO_PATIENCE) + self._context.settings.hello_timeout
        self._hello_due = max(self._hello_due, self._context.clock.monotonic() + more)

    def _leave(self, code: Code) -> None:
        """Let go of everything, when nothing more is to be read."""
        try:
            if code is Code.INTERNAL:
                self.close(code, "The server made a mistake; its log says which.")
            else:
                self.outbox.wait_until_answered()
                self._end(code)
            self.outbox.wait_until_sent(self._context.settings.linger)
        finally:
            self._let_go()

    def _let_go(self) -> None:
        with _letting_go:
            self.outbox.close()
            # Whatever came in while another thread ended the connection, or is still there.
            self._detach(self.outbox.finish())
            self._reader = self._reader.plain  # as in the outbox
            if self._rate:
                self._rate.end()
            self._crowd.remove(self)
            self._unfinished.forget(self)
            if self._session is not None:
                self._session.release(self)
            self._caller = None  # which knows the connection, too
            self._gone = True

    def _show_out(self, code: Code, *last_events: ServerMessage) -> None:
        """End the connection, and give the other side some time to take what it is sent."""
        self._end(code, *last_events, lost=code not in _FOR_GOOD)
        self._context.timers.call_later(self._context.settings.linger, self.outbox.abort)

    def _end(self, code: Code, *last_events: ServerMessage, lost: bool = True) -> None:
        with _ending:
            first = self._ended is None
            if first:
                self._awaited = lost
                self._ended = code
        if first:
            if code is Code.KICKED and self._session is not None:
                self._doors.note_kick(self._session.nick)
            self._context.counters.closed(code)
            # A browser comes and goes for each part of the page.
            level = logging.DEBUG if code is Code.BYE and not self._session else logging.INFO
            who = self._who() | {"code": code}
            log.log(level, "%s left: %s", self._name(), code, extra=who)
        # First, so that who has read the goodbye finds the nick free; then what came in between.
        self._detach(self.outbox.members())
        self._detach(self.outbox.finish(*last_events))

    def _detach(self, members: tuple[Member, ...]) -> None:
        comes_back = (self._awaited and self._ended is not Code.KICKED) or self._returns
        for member in members:
            self._context.rooms.leave(member, comes_back=comes_back)
        if self._session is not None:
            self._context.registry.end_session(self._session, self, lost=self._awaited)

    def _name(self) -> str:
        return self._session.nick if self._session else self._peer

    def _who(self) -> dict[str, str]:
        """Who it is, as fields for the log."""
        named = {"nick": self._session.nick} if self._session else {}
        return {**named, "peer": self._peer}


def _call_if_there(
    connection: "weakref.ref[Connection]", method: Callable[[Connection], None]
) -> None:
    found = connection()
    if found is not None:
        method(found)
