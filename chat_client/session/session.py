"""A session: one person on one server, for longer than a connection lasts.

Whoever asks something gets the reply, however many connections that takes. Two tables make it so:
the requests that have had no reply, and the rooms with how far each was heard. On every new
connection the rooms are entered again behind what was heard, then all that is unanswered is sent
again under its old id; the server does each of them once.

One thread, the reader, makes the connections, reads them, and calls `on_event`. Replies are
handed to the threads that wait for them. Nothing but the reader changes what is connected.
"""

import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import Never, Protocol

from msgspec import UnsetType

from chat_client.errors import ChatError, Closed, ConnectError, ConnectionLost, Refused, Unconfirmed
from chat_client.events import (
    MEMBER,
    Connected,
    Ended,
    Entered,
    Event,
    Postponed,
    Reconnecting,
    Removed,
)
from chat_client.files.waiting import is_set, result_of
from chat_client.session.feed import Feed
from chat_client.session.hello import Credentials, say_hello
from chat_client.transport.address import Address, is_near, open_connection
from chat_client.transport.connection import Connection
from protocol.errors import FATAL, Code
from protocol.messages import (
    LARGEST_ID,
    THREAD_STACK_SIZE,
    Announce,
    AnyRequest,
    AnyServerMessage,
    Bye,
    Claim,
    Direct,
    Error,
    FreezeChange,
    Goodbye,
    HandChange,
    Join,
    Kick,
    Leave,
    Login,
    Logout,
    Message,
    Nick,
    Ok,
    Page,
    Password,
    Ping,
    Pong,
    Presence,
    Register,
    RoleChange,
    Say,
    ServerPing,
    ServerPong,
    Tell,
    Topic,
    Welcome,
    encode,
)

_SILENCE = 20.0
"""Seconds without a byte after which the server is asked whether it lives; as many more, and it
is dead. The server asks us as often, so that a healthy connection is never that silent."""

_FIRST_DELAY = 1.0
_LONGEST_DELAY = 30.0
"""Seconds: what the delay before a reconnection is drawn below, at first and in the end."""

_LONGEST_NEARBY = 5.0
"""Seconds: the same on a private network, where a server has a class to bear, not the world."""

_STABLE = 10.0
"""Seconds after which a connection was a good one, and the next delay is a first one again."""

_FAREWELL = 2.0
"""Seconds that closing may take to say goodbye, and as many to stop the reader."""

_TEMPORARY = frozenset(
    {
        Code.SHUTTING_DOWN,
        Code.IDLE_TIMEOUT,
        Code.HELLO_TIMEOUT,
        Code.SERVER_FULL,
        Code.INTERNAL,
        Code.NICK_IN_USE,  # somebody took it while we were away; perhaps our own dead connection
        Code.RATE_LIMITED,
        Code.UNAVAILABLE,
    }
)
"""What ends a connection and not the chat."""

_NOT_TWICE = Say | Topic | Announce | Kick
"""What must not be done a second time by a server that has forgotten that it did it."""

Reply = Ok | Page


@dataclass(slots=True)
class _Pending:
    """A request that has had no reply."""

    request: AnyRequest
    frame: bytes
    reply: Future[Reply] = field(default_factory=Future)
    sent: bool = False  # perhaps: it was handed to a connection
    own: bool = False  # the session's, for one connection: nobody waits for the reply
    made: float = field(default_factory=time.monotonic)


class Keeper(Protocol):
    """Keeps a session for a program that may be killed.

    Attributes:
        token: the secret of the session to take up at first; None for a new one.
    """

    token: str | None

    def keep(self, token: str, nick: str) -> None:
        """Keep the secret, and who has the session. On the reader; must not raise."""


class _Postponement(Exception):
    """The request is to be made again after `delay` seconds."""

    def __init__(self, delay: float) -> None:
        super().__init__(delay)
        self.delay = delay


# Held while the process's setting for the stacks of new threads is ours. Not taken with another.
_stack_size_lock = threading.Lock()


class Session:
    """See the top of the module. Every method may be called from every thread."""

    def __init__(
        self,
        address: Address,
        nicks: Iterator[str],
        credentials: Credentials,
        on_event: Callable[[Event], None],
        timeout: float,
        patience: float,
        keeper: Keeper | None = None,
    ) -> None:
        """Make a session that does nothing yet: `start` it.

        Args:
            address: the server.
            nicks: the nick to ask for, then those to ask for where one is taken. Read by the
                reader.
            credentials: the passwords. The reader's own.
            on_event: called on the reader for each event; see `chat_client.connect`.
            timeout: seconds for connecting, and again for the server's welcome.
            patience: seconds to wait by itself, at the most, with what is `rate_limited`.
            keeper: keeps the session, where it is to outlive the program.
        """
        self._keeper = keeper
        self._address = address
        self._nicks = nicks
        self._credentials = credentials
        self._on_event = on_event
        self._timeout = timeout
        self._patience = patience
        self._reader = threading.Thread(target=self._run, name="chat-client reader", daemon=True)
        self._welcomed = 0.0  # when, on the monotonic clock; the reader's own
        self._longest = _LONGEST_DELAY  # the longest delay; the reader's own
        self._entered: Future[None] = Future()  # the outcome of the first connection
        self._closing = threading.Event()
        # Guards the two below; the reader waits on it between two connections. A leaf.
        self._retrying = threading.Condition()
        self._at_once = False
        self._paused = False

        # Guards all below. A feed's lock may be taken under it.
        self._lock = threading.Lock()
        self._ended: Closed | None = None
        self._opened: Connection | None = None  # so that `close` can break it
        self._connection: Connection | None = None  # the same, once it carries requests
        self._last_id = 0
        self._pending: dict[int, _Pending] = {}
        self._feeds: dict[str, Feed] = {}
        self._nick = ""
        self._role = MEMBER
        self._account: str | None = None
        self._round_trip: float | None = None
        # A secret. Nothing but the keeper, which has the first one, keeps it.
        self._token: str | None = keeper.token if keeper else None

    def start(self) -> None:
        """Connect.

        Raises:
            ConnectError: the server cannot be reached, or is none.
            Refused: it does not let us in.
        """
        with _stack_size_lock:
            before = threading.stack_size(THREAD_STACK_SIZE)
            try:
                self._reader.start()
            finally:
                threading.stack_size(before)
        try:
            result_of(self._entered)
        except BaseException:  # Ctrl-C, too: nothing must go on connecting behind our back
            self.close()
            raise

    def close(self) -> None:
        """Say goodbye and end. Requests that wait for a reply raise Closed. May be called twice."""
        first = not self._closing.is_set()
        self._closing.set()
        with self._retrying:
            self._retrying.notify_all()
        on_reader = threading.current_thread() is self._reader
        if first and self.connected and not on_reader:
            with suppress(Closed, TimeoutError):
                self._submit(Bye).exception(_FAREWELL)
        with self._lock:
            opened = self._opened
        if opened:
            opened.abort()
        if not on_reader:
            # Only the system's name resolver and its connect cannot be woken; both end by
            # themselves, and neither we nor the process wait for that.
            self._reader.join(_FAREWELL)
            self._end(None)

    def request(self, build: Callable[[int], AnyRequest]) -> Reply:
        """Send a request and wait for the reply, through as many connections as it takes.

        What the server refuses for a while is sent again after that while.

        Args:
            build: makes the request, given its id.

        Raises:
            Refused: the server refused it.
            Unconfirmed: it cannot be known whether the server did it.
            Closed: the chat is over.
            RuntimeError: on the reader, which would wait for itself.
        """
        if threading.current_thread() is self._reader:
            raise RuntimeError("on_event must not wait for a reply: hand the event to a thread")
        while True:
            try:
                return result_of(self._submit(build))
            except _Postponement as postponed:
                if is_set(self._closing, postponed.delay):
                    raise Closed("the chat was closed") from None

    def feed(self, room: str) -> Feed | None:
        """Return what is heard in a room, or None if we are not in it."""
        with self._lock:
            return self._feeds.get(room)

    def feeds(self) -> list[Feed]:
        """Return what is heard in each room that we are in, in the order of entering."""
        with self._lock:
            return list(self._feeds.values())

    @property
    def nick(self) -> str:
        """Who we are on the server."""
        with self._lock:
            return self._nick

    @property
    def role(self) -> str:
        """What we may do on the server."""
        with self._lock:
            return self._role

    @property
    def account(self) -> str | None:
        """The account that we are logged in to; None if to none."""
        with self._lock:
            return self._account

    @property
    def connected(self) -> bool:
        """Whether there is a connection that carries requests."""
        with self._lock:
            return self._connection is not None

    @property
    def round_trip(self) -> float | None:
        """Seconds that the last `measure` took on this connection; None if none is back."""
        with self._lock:
            return self._round_trip

    def measure(self) -> None:
        """Ask the server for a sign of life, if there is a connection. Never waits."""
        with self._lock:
            if self._connection:
                pending = self._note(Ping)
                pending.own = True
                self._hand_over(pending, self._connection)

    def retry(self) -> None:
        """Make the next connection at once, if there is none; after `pause`, too."""
        with self._retrying:
            self._at_once, self._paused = True, False
            self._retrying.notify_all()

    def pause(self) -> None:
        """Make no new connection until `retry`."""
        with self._retrying:
            self._at_once, self._paused = False, True
            self._retrying.notify_all()

    def _submit(self, build: Callable[[int], AnyRequest]) -> Future[Reply]:
        """Note a request down and, if there is a connection, send it. Never waits."""
        with self._lock:
            if self._ended:
                raise self._closed()
            pending = self._note(build)
            if self._connection:
                self._hand_over(pending, self._connection)
            return pending.reply

    # -- with the lock held ---------------------------------------------------------------------

    def _note(self, build: Callable[[int], AnyRequest]) -> _Pending:
        self._last_id += 1
        request = build(self._last_id)
        try:
            frame = encode(request)
        except ValueError:
            raise Refused(
                Code.BAD_REQUEST, "this is too long, or holds half a character: it cannot be sent"
            ) from None
        pending = self._pending[self._last_id] = _Pending(request, frame)
        return pending

    def _hand_over(self, pending: _Pending, connection: Connection) -> None:
        pending.sent = True
        connection.send(pending.frame)

    def _closed(self) -> Closed:
        """A new one for each thread that raises it."""
        ended = self._ended or Closed("the chat was closed")
        return Closed(str(ended), ended.code)

    # -- the reader -----------------------------------------------------------------------------

    def _run(self) -> None:
        error: ChatError | None = None
        try:
            self._stay_connected()
        except ChatError as reason:
            if not self._closing.is_set():
                error = reason
        finally:  # also for a mistake of our own or of on_event: nobody must wait for ever
            self._finish(error)

    def _stay_connected(self) -> None:
        """Connect, again and again, until the chat is closed, from here or from there.

        Raises:
            ChatError: the first connection could not be made, or the server ended the chat.
        """
        attempt = 0
        while True:
            started = time.monotonic()
            try:
                self._converse()
            except (ConnectError, ConnectionLost, Refused) as error:
                final = isinstance(error, Refused) and self._is_final(error)
                if final or not self._entered.done():
                    raise
                reason = error.reason if isinstance(error, ConnectError) else str(error)
            if self._closing.is_set():
                return
            lasted = self._welcomed > started and time.monotonic() - self._welcomed > _STABLE
            if lasted:
                attempt = 0
            # The whole range from 0 on ("full jitter"): after a restart of the server a class does
            # not come back in one instant.
            delay = random.uniform(0, min(self._longest, _FIRST_DELAY * 2.0 ** min(attempt, 9)))
            attempt += 1
            with self._retrying:
                self._at_once = False
            self._on_event(Reconnecting(reason, delay))
            self._wait_to_retry(delay)
            if self._closing.is_set():
                return

    def _is_final(self, refusal: Refused) -> bool:
        """Whether the server will not let us in by our asking again."""
        if refusal.code == Code.NICK_IN_USE and self._credentials.account_password is not None:
            # The nick of our account is ours wherever else we are connected, so the password is
            # another one by now. Trying it again and again would keep whoever has that waiting.
            with self._lock:
                return self._nick == self._account
        return refusal.code not in _TEMPORARY

    def _wait_to_retry(self, delay: float) -> None:
        deadline = time.monotonic() + delay
        with self._retrying:
            while not self._at_once and not self._closing.is_set():
                left = deadline - time.monotonic()
                if left <= 0 and not self._paused:
                    return
                self._retrying.wait(None if self._paused else left)

    def _converse(self) -> Never:
        """Make one connection and serve it until it ends, which is always an exception.

        Raises:
            ConnectError: it could not be made.
            ConnectionLost: it ended, and another one should be made.
            Refused: the server does not let us in.
            Closed: the server ended the chat.
        """
        connected, news = open_connection(self._address, self._timeout)
        self._longest = _LONGEST_NEARBY if is_near(connected) else _LONGEST_DELAY
        connection = Connection(connected, self._timeout)
        try:
            with self._lock:
                self._opened = connection
            if news is not None:
                self._on_event(news)
            if self._closing.is_set():  # `close` may have looked before there was one to break
                raise ConnectionLost("the chat is being closed")
            messages = connection.receive()
            nicks = chain([self._nick], self._nicks) if self._nick else self._nicks
            welcome = say_hello(
                self._address, connection, messages, nicks, self._token, self._credentials
            )
            self._resume(connection, welcome)
            self._listen(connection, messages)
        finally:
            with self._lock:
                self._opened = self._connection = self._round_trip = None
            connection.close()

    def _resume(self, connection: Connection, welcome: Welcome) -> None:
        """Take the rooms and the unanswered requests over to a new connection."""
        again = self._entered.done()
        connection.set_timeout(_SILENCE)
        self._welcomed = time.monotonic()
        lost: list[_Pending] = []
        with self._lock:
            private = self._forget_private()
            if welcome.session != self._token:
                lost = self._forget_unconfirmed()
            if not again and self._token == welcome.session:
                self._last_id = _last_id_in(welcome)
            self._token, self._nick = welcome.session, welcome.nick
            self._last_id = max(self._last_id, _count(welcome.last_id))
            self._role = role = _text(welcome.role) or MEMBER
            account = _text(welcome.account)
            left, self._account = None if account else self._account, account
            unanswered = {n: each for n, each in self._pending.items() if not each.own}
            self._pending = unanswered.copy()
            for feed in self._feeds.values():
                pending = self._note(partial(_join_again, feed))
                pending.own = True
                self._hand_over(pending, connection)
            for pending in unanswered.values():
                self._hand_over(pending, connection)
            self._connection = connection
        self._keep()
        for pending in private:
            pending.reply.set_exception(_not_sent(pending))
        for pending in lost:
            pending.reply.set_exception(
                Unconfirmed(
                    "the connection broke before the server replied, and the server does not "
                    "remember: it is not known whether this was said"
                )
            )
        self._on_event(
            Connected(welcome.nick, welcome.server, welcome.motd, again, role, account, left)
        )
        if not again:
            self._entered.set_result(None)

    def _forget_private(self) -> list[_Pending]:
        """With the lock held: drop what is for one person, whose nick may be another's by now."""
        left = [n for n, each in self._pending.items() if isinstance(each.request, Tell)]
        return [self._pending.pop(number) for number in left]

    def _forget_unconfirmed(self) -> list[_Pending]:
        """With the lock held: drop what a new session could do a second time."""
        lost = {
            number: pending
            for number, pending in self._pending.items()
            if pending.sent and isinstance(pending.request, _NOT_TWICE)
        }
        for number in lost:
            del self._pending[number]
        return list(lost.values())

    def _listen(self, connection: Connection, messages: Iterator[AnyServerMessage | None]) -> Never:
        """Take what the server says until the connection ends."""
        asked = False
        for message in messages:
            if message is not None:
                asked = False
                self._take(connection, message)
            elif asked:
                raise ConnectionLost("the server does not answer any more")
            else:
                asked = True
                connection.send(encode(Ping(id=1)))
        raise ConnectionLost("the server closed the connection")

    def _take(self, connection: Connection, message: AnyServerMessage) -> None:
        match message:
            case Message():
                feed = self.feed(message.room)
                if feed and feed.hear(message):
                    self._on_event(message)
            case Ok() | Page():
                self._settle(message.re, message)
            case Error() if message.code in FATAL:
                raise _parting(message)
            case Error():
                self._refuse(message)
            case Goodbye():
                raise _parting(message)
            case Direct() | Presence() | HandChange() | FreezeChange():
                self._on_event(message)
            case RoleChange(role=role):
                with self._lock:
                    self._role = role
                self._on_event(message)
            case ServerPing():
                connection.send(encode(Pong(re=message.id)))
            case ServerPong():
                self._measured(message.re)
            case Welcome():
                pass

    def _settle(self, number: int, reply: Reply) -> None:
        with self._lock:
            pending = self._pending.pop(number, None)
        if pending is None:
            return
        # Before the next message is looked at: what follows a join is this room's.
        match pending.request, reply:
            case Join() as join, Ok():
                self._enter(join, reply, pending.own)
            case Leave(room=room), Ok():
                self._remove(room, None)
            case Nick(), Ok(nick=str(nick)):
                with self._lock:
                    self._nick = nick
                self._keep()
            case Register(password=password) | Login(password=password), Ok():
                self._credentials.account_password = password
                self._identify(reply)
            case Password(new=password), Ok():
                self._credentials.account_password = password
            case Logout(), Ok():
                self._credentials.account_password = None
                with self._lock:
                    self._account = None
                self._identify(reply)
            case Claim(), Ok():
                self._identify(reply)
        pending.reply.set_result(reply)

    def _identify(self, reply: Ok) -> None:
        """Take up who we are now."""
        with self._lock:
            self._account = _text(reply.account) or self._account
            self._nick = _text(reply.nick) or self._nick
            self._role = _text(reply.role) or self._role
        self._keep()

    def _keep(self) -> None:
        """Have the session kept, as it is by now."""
        with self._lock:
            token, nick = self._token, self._nick
        if self._keeper and token:
            self._keeper.keep(token, nick)

    def _refuse(self, error: Error) -> None:
        with self._lock:
            pending = self._pending.pop(error.re or 0, None)
        if pending is None:
            return
        delay = _bounded(error.retry_after)
        refusal = Refused(error.code, error.text, delay)
        postponed = (
            delay is not None and delay <= self._patience and _passes(error.code, pending.request)
        )
        if pending.own and isinstance(pending.request, Join):
            self._refuse_again(pending.request.room, refusal, postponed)
        elif delay is not None and postponed:
            self._on_event(Postponed(error.text, delay))
            pending.reply.set_exception(_Postponement(delay))
        else:
            pending.reply.set_exception(refusal)

    def _refuse_again(self, room: str, refusal: Refused, postponed: bool) -> None:
        """A room that we were in cannot be entered on this connection."""
        if postponed:
            raise ConnectionLost(refusal.text)
        self._remove(room, refusal)
        self._on_event(Removed(room, refusal.text))

    def _enter(self, join: Join, reply: Ok, again: bool) -> None:
        last, gone = _count(reply.seq), 0
        topic = reply.topic if isinstance(reply.topic, str) else ""
        log = _text(reply.log)
        diverged = None if isinstance(reply.diverged, UnsetType) else _count(reply.diverged)
        feed = self.feed(join.room)
        if feed is None:
            heard = _first_place(join, last, diverged)
            gone = 0 if diverged is None else max(0, (join.after or 0) - diverged)
            feed = Feed(join.room, heard, topic, log)
            with self._lock:
                self._feeds[join.room] = feed
        elif again:
            gone = feed.resume(last, topic, log, diverged)
        else:
            return
        heard = feed.heard
        lost = max(0, min(_count(reply.oldest), last + 1) - heard - 1)
        members, frozen = _count(reply.members), reply.frozen is True
        self._on_event(Entered(join.room, topic, members, heard, last, lost, again, frozen, gone))

    def _measured(self, number: int) -> None:
        with self._lock:
            pending = self._pending.get(number)
            if pending and isinstance(pending.request, Ping):
                del self._pending[number]
                self._round_trip = time.monotonic() - pending.made

    def _remove(self, room: str, error: ChatError | None) -> None:
        with self._lock:
            feed = self._feeds.pop(room, None)
        if feed:
            feed.end(error)

    def _finish(self, error: ChatError | None) -> None:
        self._end(error)
        if self._entered.done():
            self._on_event(Ended(str(error) if error else None, _code_of(error)))
        else:
            self._entered.set_exception(error or self._closed())

    def _end(self, error: ChatError | None) -> None:
        """Tell everybody who waits that nothing will come. From any thread, once."""
        with self._lock:
            if self._ended:
                return
            self._ended = Closed(str(error) if error else "the chat was closed", _code_of(error))
            unanswered, feeds = list(self._pending.values()), list(self._feeds.values())
            self._pending.clear()
        for pending in unanswered:
            pending.reply.set_exception(self._closed())
        for feed in feeds:
            feed.end(self._closed() if error else None)


def _join_again(feed: Feed, number: int) -> Join:
    heard, log = feed.place
    return Join(number, feed.room, after=heard, log=log)


def _first_place(join: Join, last: int, diverged: int | None) -> int:
    """Behind which seq the messages follow of a room that was entered for the first time."""
    if diverged is not None:
        return diverged
    if join.after is not None:
        return min(join.after, last)
    return last if join.history is None else max(0, last - join.history)


def _not_sent(pending: _Pending) -> ChatError:
    """Why what is for one person is not sent on another connection."""
    if pending.sent:
        return Unconfirmed(
            "the connection broke before the server replied: it is not known whether this arrived"
        )
    return Refused(
        Code.UNAVAILABLE,
        "not sent: the connection was lost, so the nick may be somebody else's by now",
    )


def _parting(message: Error | Goodbye) -> ConnectionLost | Closed:
    if message.code in _TEMPORARY:
        return ConnectionLost(message.text)
    return Closed(message.text, message.code)


def _passes(code: str, request: AnyRequest) -> bool:
    """Whether the same request will be taken later. Who does not read now may never do; and
    passwords are slowed because they are wrong.
    """
    if code == Code.UNAVAILABLE:
        return not isinstance(request, Tell)
    return code == Code.RATE_LIMITED and not isinstance(request, Login | Password | Claim)


def _count(number: int | UnsetType) -> int:
    """A server's number as one that can be one; 0 if there is none."""
    return min(max(number, 0), LARGEST_ID) if isinstance(number, int) else 0


def _last_id_in(welcome: Welcome) -> int:
    """An id that is not below any of a session whose client was killed."""
    if isinstance(welcome.last_id, UnsetType):  # a server that does not tell
        return int(time.time() * 1000)
    return _count(welcome.last_id)


def _text(value: str | UnsetType) -> str | None:
    """What a server may leave out."""
    return None if isinstance(value, UnsetType) else value


def _code_of(error: ChatError | None) -> str | None:
    return error.code if isinstance(error, Closed | Refused) else None


def _bounded(seconds: float | UnsetType) -> float | None:
    """A server's delay as one that a clock takes; None if there is none."""
    return min(max(seconds, 0.1), 3600.0) if isinstance(seconds, float | int) else None
