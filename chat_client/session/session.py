"""A session: one person on one server, for longer than a connection lasts.

A caller gets the reply to its request, however many connections that takes. The session keeps the
pending requests, and how far it has heard in each room. On a new connection it joins its rooms
behind the last message of each, then sends the pending requests again under their old ids. The
server does each of them once.

The reader's thread (`chat_client.session.reader`) makes the connections, reads them, and calls
`on_event`. Other threads send requests and wait for the replies.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Protocol

from msgspec import UnsetType

from chat_client.errors import ChatError, Closed, Refused
from chat_client.events import (
    MEMBER,
    Connected,
    Ended,
    Entered,
    Event,
    Postponed,
    Removed,
)
from chat_client.files.waiting import is_set, result_of
from chat_client.session import server_values as given
from chat_client.session.feed import Feed, first_place, join_again
from chat_client.session.hello import Credentials
from chat_client.session.pending import (
    Later,
    PendingRequests,
    Reply,
    is_worth_waiting,
    not_delivered,
    not_known,
)
from chat_client.session.reader import Reader
from chat_client.transport.address import Address
from chat_client.transport.addresses import Addresses
from chat_client.transport.connection import Connection
from chat_client.transport.trace import Trace
from protocol.errors import Code
from protocol.messages import (
    AnyRequest,
    AnyServerMessage,
    Bye,
    Claim,
    Direct,
    Error,
    Expelled,
    FloorChange,
    FreezeChange,
    HandChange,
    Invited,
    Join,
    Leave,
    Login,
    Logout,
    Message,
    Nick,
    Ok,
    Oldest,
    Page,
    Password,
    Ping,
    PinsChange,
    PlaceChange,
    PollChange,
    Presence,
    Register,
    RoleChange,
    RulesChange,
    ServerPong,
    Welcome,
)

_FAREWELL = 1.0
"""Seconds that `close` waits for the server's reply to the goodbye."""

_LATE_LIMIT = 1000
"""Numbers of late messages that are remembered: more than a server keeps for one person."""


class Keeper(Protocol):
    """Keeps a session for a program that may be killed.

    Attributes:
        token: the secret of the session to take up at first; None for a new one.
    """

    token: str | None

    def keep(self, token: str, nick: str) -> None:
        """Keep the secret, and the nick of the session. On the reader; must not raise."""


class Session:
    """See the top of the module. Every method may be called from every thread."""

    def __init__(
        self,
        servers: Addresses,
        nicks: Iterator[str],
        credentials: Credentials,
        on_event: Callable[[Event], None],
        timeout: float,
        patience: float,
        keeper: Keeper | None = None,
        trace: Trace | None = None,
    ) -> None:
        """Make a session that does nothing yet: `start` it.

        Args:
            servers: where the chat can be reached.
            nicks: the nick to ask for, then those to ask for where one is taken. Read by the
                reader.
            credentials: the passwords. Only the reader uses them.
            on_event: called on the reader for each event; see `chat_client.connect`.
            timeout: seconds for connecting, and again for the server's welcome.
            patience: the session repeats a `rate_limited` request by itself if it need not wait
                for more seconds than this.
            keeper: keeps the session, if a later run of the program is to take it up.
            trace: is told of the connections and of each frame.
        """
        self._keeper = keeper
        self._credentials = credentials
        self._on_event = on_event
        self._patience = patience
        self._reader = Reader(servers, nicks, credentials, timeout, self, trace)
        self._entered: Future[None] = Future()  # the outcome of the first connection

        self._where: Address | None = None  # the server of the last connection; the reader's own
        self._late: deque[int] = deque(maxlen=_LATE_LIMIT)  # the reader's own

        # Guards all below. A feed's lock may be taken under it.
        self._lock = threading.Lock()
        self._ended: Closed | None = None
        self._connection: Connection | None = None  # carries requests
        self._pending = PendingRequests(self._lock)
        self._feeds: dict[str, Feed] = {}
        self._nick = ""
        self._role = MEMBER
        self._account: str | None = None
        self._round_trip: float | None = None
        # A secret. Only the keeper, which has the first one, stores it.
        self._token: str | None = keeper.token if keeper else None

    @property
    def address(self) -> Address:
        """The server that we are connected to; without a connection, that of the next try."""
        return self._reader.address

    def start(self) -> None:
        """Connect.

        Raises:
            ConnectError: the server cannot be reached, or is no chat server.
            Refused: it does not let us in.
        """
        self._reader.start()
        try:
            result_of(self._entered)
        except BaseException:  # Ctrl-C, too: the reader must not go on connecting
            self.close()
            raise

    def close(self) -> None:
        """Say goodbye and end. Requests that wait for a reply raise Closed. May be called twice."""
        first = not self._reader.stopping.is_set()
        self._reader.make_last()
        if first and self.connected and not self._reader.is_current_thread:
            with suppress(Closed, TimeoutError):
                self._submit(Bye).exception(_FAREWELL)
        self._reader.stop()
        if not self._reader.is_current_thread:
            self._end(None)

    def request(self, build: Callable[[int], AnyRequest]) -> Reply:
        """Send a request and wait for the reply, over as many connections as it takes.

        A request that the server refuses for a while is sent again after that while.

        Args:
            build: makes the request, given its id.

        Raises:
            Refused: the server refused it.
            Unconfirmed: nobody can know whether the server did it.
            Closed: the chat is over.
            RuntimeError: called on the reader's thread, which would wait for itself.
        """
        if self._reader.is_current_thread:
            raise RuntimeError("on_event must not wait for a reply: hand the event to a thread")
        while True:
            outcome = result_of(self._submit(build))
            if not isinstance(outcome, Later):
                return outcome
            if is_set(self._reader.stopping, outcome.seconds):
                raise Closed("the chat was closed")

    def feed(self, room: str) -> Feed | None:
        """Return the feed of a room; None if we are not in it."""
        with self._lock:
            return self._feeds.get(room)

    def feeds(self) -> list[Feed]:
        """Return the feeds of the rooms that we are in, in the order in which we entered."""
        with self._lock:
            return list(self._feeds.values())

    @property
    def nick(self) -> str:
        """Our nick on the server; empty before the first welcome."""
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
    def token(self) -> str | None:
        """The session's secret; None before the first welcome, unless a keeper had one."""
        with self._lock:
            return self._token

    @property
    def connected(self) -> bool:
        """Whether there is a connection that carries requests."""
        with self._lock:
            return self._connection is not None

    @property
    def round_trip(self) -> float | None:
        """Seconds of the last round trip on this connection; None without a reply to `measure`."""
        with self._lock:
            return self._round_trip

    def measure(self) -> None:
        """Send the server a ping, if there is a connection. Never waits."""
        with self._lock:
            if self._connection:
                self._pending.add(Ping, own=True).send(self._connection)

    def retry(self) -> None:
        """Make the next connection at once, if there is none; after `pause`, too."""
        self._reader.retry()

    def pause(self) -> None:
        """Make no new connection until `retry`."""
        self._reader.pause()

    def _submit(self, build: Callable[[int], AnyRequest]) -> "Future[Reply | Later]":
        """Add a request and, if there is a connection, send it. Never waits."""
        with self._lock:
            if self._ended:
                raise self._closed()
            pending = self._pending.add(build)
            if self._connection:
                pending.send(self._connection)
            return pending.outcome

    def _closed(self) -> Closed:
        """A new exception for each thread that raises it. With the lock held."""
        assert self._lock.locked()
        ended = self._ended or Closed("the chat was closed")
        return Closed(str(ended), ended.code)

    # -- on the reader: a connection comes and goes ---------------------------------------------

    def tell(self, event: Event) -> None:
        """Pass an event on to the user."""
        self._on_event(event)

    def resume(self, connection: Connection, welcome: Welcome, *, again: bool) -> None:
        """Take a new connection into use: join the rooms, send the pending requests again.

        Args:
            connection: the connection.
            welcome: what the server said on it.
            again: whether this is a reconnection.
        """
        with self._lock:
            private = self._pending.forget_private()
            known = welcome.session == self._token
            unrepeatable = [] if known else self._pending.forget_unrepeatable()
            killed = known and not again  # a program that was killed used the session before
            used = given.last_id(welcome) if killed else given.count(welcome.last_id)
            self._pending.count_on_from(used)
            self._token, self._nick = welcome.session, welcome.nick
            self._role = role = given.text(welcome.role) or MEMBER
            account = given.text(welcome.account)
            left, self._account = None if account else self._account, account
            unanswered = self._pending.unanswered()
            for feed in self._feeds.values():
                self._pending.add(partial(join_again, feed), own=True).send(connection)
            for pending in unanswered:
                pending.send(connection)
            self._connection = connection
        self._keep()
        for pending in private:
            pending.outcome.set_exception(not_delivered(pending))
        for pending in unrepeatable:
            pending.outcome.set_exception(not_known())
        before, self._where = self._where, self.address
        moved, forgotten = again and self._where != before, again and not known
        came = Connected(welcome.nick, welcome.server, welcome.motd, again, role, account, left)
        self._on_event(replace(came, address=str(self._where), moved=moved, forgotten=forgotten))
        if not again:
            self._entered.set_result(None)

    def lose(self) -> None:
        """The connection is gone: requests wait for the next one."""
        with self._lock:
            self._connection = self._round_trip = None

    def finish(self, error: ChatError | None) -> None:
        """End the chat, because of an error or because this side closed it."""
        self._end(error)
        if self._entered.done():
            self._on_event(Ended(str(error) if error else None, _code_of(error)))
        else:
            self._entered.set_exception(error or Closed("the chat was closed"))

    def _end(self, error: ChatError | None) -> None:
        """Wake everybody who waits. From any thread; only the first call counts."""
        with self._lock:
            if self._ended:
                return
            self._ended = Closed(str(error) if error else "the chat was closed", _code_of(error))
            unanswered = [(each, self._closed()) for each in self._pending.take_all()]
            feeds = [(feed, self._closed() if error else None) for feed in self._feeds.values()]
        for pending, closed in unanswered:
            pending.outcome.set_exception(closed)
        for feed, reason in feeds:
            feed.end(reason)

    # -- on the reader: what the server says ----------------------------------------------------

    def take(self, message: AnyServerMessage) -> None:
        """Take a message that does not concern the connection itself.

        Raises:
            Refused: a room cannot be entered on this connection, but may be on a later one.
        """
        match message:
            case Message():
                feed = self.feed(message.room)
                if feed and feed.hear(message):
                    self._on_event(message)
            case Ok() | Page():
                self._settle(message.re, message)
            case Error():
                self._refuse(message)
            case RoleChange(role=role):
                with self._lock:
                    self._role = role
                self._on_event(message)
            case Direct(late=int(number)):
                if number not in self._late:  # it comes again where the server missed our pong
                    self._late.append(number)
                    self._on_event(message)
            case Direct() | Presence() | HandChange() | FreezeChange() | Oldest() | PinsChange():
                self._on_event(message)
            case RulesChange() | Invited():
                self._on_event(message)
            case Expelled(room=room, text=text):
                self._remove(room, Refused(Code.FORBIDDEN, text))
                self._on_event(Removed(room, text))
            case PlaceChange() | FloorChange() | PollChange():
                self._on_event(message)
            case ServerPong():
                self._measured(message.re)

    def _settle(self, number: int, reply: Reply) -> None:
        """Update the session by a reply, then give the reply to the caller who waits for it."""
        with self._lock:
            pending = self._pending.take(number)
        if pending is None:
            return
        # Before the next message: those that follow a join are this room's.
        match pending.request, reply:
            case Join() as join, Ok():
                self._enter(join, reply, pending.own)
            case Leave(room=room), Ok():
                self._remove(room, None)
            case Nick(), Ok():
                self._identify(reply)
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
        pending.outcome.set_result(reply)

    def _identify(self, reply: Ok) -> None:
        """Take our nick, account and role from a reply, as far as it names them."""
        with self._lock:
            self._account = given.text(reply.account) or self._account
            self._nick = given.text(reply.nick) or self._nick
            self._role = given.text(reply.role) or self._role
        self._keep()

    def _keep(self) -> None:
        """Hand the session to the keeper, as it is now."""
        with self._lock:
            token, nick = self._token, self._nick
        if self._keeper and token:
            self._keeper.keep(token, nick)

    def _refuse(self, error: Error) -> None:
        with self._lock:
            pending = self._pending.take(error.re or 0)
        if pending is None:
            return
        delay = given.delay(error.retry_after)
        refusal = Refused(error.code, error.text, delay)
        waits = (
            delay is not None
            and delay <= self._patience
            and is_worth_waiting(error.code, pending.request)
        )
        if pending.own and isinstance(pending.request, Join):
            if waits:
                raise refusal  # on the next connection, after the delay
            self._remove(pending.request.room, refusal)
            self._on_event(Removed(pending.request.room, refusal.text))
        elif delay is not None and waits:
            self._on_event(Postponed(error.text, delay))
            pending.outcome.set_result(Later(delay))
        else:
            pending.outcome.set_exception(refusal)

    def _enter(self, join: Join, reply: Ok, again: bool) -> None:
        """Note that we are in a room, for the first time or again. Its messages follow."""
        last, gone = given.count(reply.seq), 0
        topic, log = given.text(reply.topic) or "", given.text(reply.log)
        diverged = None if isinstance(reply.diverged, UnsetType) else given.count(reply.diverged)
        feed = self.feed(join.room)
        if feed is None:
            heard = first_place(join, last, diverged)
            gone = 0 if diverged is None else max(0, (join.after or 0) - diverged)
            feed = Feed(join.room, heard, topic, log)
            with self._lock:
                self._feeds[join.room] = feed
        elif again:
            gone = feed.resume(last, topic, log, diverged)
        else:
            return
        heard = feed.heard
        lost = max(0, min(given.count(reply.oldest), last + 1) - heard - 1)
        members, frozen = given.count(reply.members), reply.frozen is True
        self._on_event(Entered(join.room, topic, members, heard, last, lost, again, frozen, gone))

    def _measured(self, number: int) -> None:
        with self._lock:
            ping = self._pending.take_ping(number)
            if ping:
                self._round_trip = time.monotonic() - ping.made

    def _remove(self, room: str, error: ChatError | None) -> None:
        with self._lock:
            feed = self._feeds.pop(room, None)
        if feed:
            feed.end(error)


def _code_of(error: ChatError | None) -> str | None:
    return error.code if isinstance(error, Closed | Refused) else None
