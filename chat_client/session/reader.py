"""The thread that keeps a session connected.

It makes a connection, says hello, hands what the server says to the session, and when the
connection ends it waits and makes the next one. A reconnection takes these steps:

1. `Reader._listen` or `Connection.receive` raises ConnectionLost.
2. `Reader._stay_connected` chooses the server of the next one (`_move_on`), tells the user, and
   waits (`_wait_to_retry`).
3. `Reader._converse` connects; `hello.say_hello` asks for the session and the nick.
4. `Session.resume` joins the rooms behind what was heard, and sends the unanswered requests again.
5. `Reader._listen` hands the replies to `Session.take`, which enters each room again
   (`Feed.resume`) and gives each caller its reply.
"""

import random
import threading
import time
from collections.abc import Iterator, Sequence
from itertools import chain, tee
from typing import Never, Protocol

from chat_client.errors import ChatError, Closed, ConnectError, ConnectionLost, Refused
from chat_client.events import Event, Reconnecting
from chat_client.session.hello import Credentials, say_hello
from chat_client.transport.address import Address, is_near, open_connection
from chat_client.transport.connection import Connection
from chat_client.transport.trace import Trace
from protocol.errors import FATAL, Code
from protocol.messages import (
    THREAD_STACK_SIZE,
    AnyServerMessage,
    Error,
    Goodbye,
    Pong,
    ServerPing,
    Welcome,
    encode,
)

_SILENCE = 20.0
"""Seconds without a byte after which the client sends a ping. After as many more the connection is
dead. The server sends pings as often, so a healthy connection is never that silent."""

_FIRST_DELAY = 1.0
"""Seconds. The delay before the first reconnection is drawn below this; then the bound doubles."""

_LONGEST_DELAY = 30.0
"""Seconds. The largest bound of that delay."""

_LONGEST_NEARBY = 5.0
"""Seconds. The same on a private network, where a server has few clients."""

_STABLE = 10.0
"""Seconds. After a connection that lasted so long, the next delay is a first one again."""

_STOPPING = 2.0
"""Seconds that `stop` waits for the thread to end."""

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
"""Codes after which another connection may succeed."""

_ELSEWHERE = _TEMPORARY - {Code.NICK_IN_USE, Code.RATE_LIMITED}
"""Codes of a first hello that is refused by one server, and may not be by the next."""

_Failure = ConnectError | ConnectionLost | Refused
"""How a connection ends, unless the chat ends with it."""

_stack_size_lock = threading.Lock()
"""Held while the process's setting for the stacks of new threads is ours. A leaf."""


class Conversation(Protocol):
    """The session, as the reader needs it. The reader's thread calls all of it."""

    @property
    def nick(self) -> str:
        """The nick that the server gave us; empty before the first welcome."""

    @property
    def account(self) -> str | None:
        """The account that we are logged in to; None if to none."""

    @property
    def token(self) -> str | None:
        """The secret of the session to take up; None for a new session."""

    def tell(self, event: Event) -> None:
        """Pass an event on to the user."""

    def resume(self, connection: Connection, welcome: Welcome, *, again: bool) -> None:
        """Take a new connection into use.

        Args:
            connection: the connection.
            welcome: what the server said on it.
            again: whether this is a reconnection.
        """

    def take(self, message: AnyServerMessage) -> None:
        """Take a message that does not concern the connection itself.

        Raises:
            Refused: this connection is of no use; a later one may be.
        """

    def measure(self) -> None:
        """Send the server a ping."""

    def lose(self) -> None:
        """The connection that `resume` got is gone."""

    def finish(self, error: ChatError | None) -> None:
        """The chat is over, because of an error or because it was closed from this side."""


class Reader:
    """The thread that keeps a session connected. See the top of the module."""

    def __init__(
        self,
        servers: Sequence[Address],
        nicks: Iterator[str],
        credentials: Credentials,
        timeout: float,
        session: Conversation,
        trace: Trace | None = None,
    ) -> None:
        """Make the thread; `start` it.

        Args:
            servers: where the chat can be reached, in the order in which to try; at least one.
            nicks: the nick to ask for, then those to ask for where one is taken.
            credentials: the passwords.
            timeout: seconds for connecting, and again for the server's welcome.
            session: what the connections are for.
            trace: is told of the connections and of each frame.
        """
        self._servers = servers
        self._nicks = nicks
        self._credentials = credentials
        self._timeout = timeout
        self._session = session
        self._trace = trace
        self._thread = threading.Thread(target=self._run, name="chat-client reader", daemon=True)
        self._let_in = False  # whether a server has ever let us in; the thread's own
        self._welcomed = 0.0  # when it did last, on the monotonic clock; the thread's own
        self._longest = _LONGEST_DELAY  # the bound of the delay; the thread's own
        self.stopping = threading.Event()
        # Guards all below; the thread waits on it between two connections. A leaf.
        self._changed = threading.Condition()
        self._at_once = False
        self._paused = False
        self._current = 0  # which of the servers
        self._opened: Connection | None = None

    # -- from any thread ------------------------------------------------------------------------

    def start(self) -> None:
        """Start the thread."""
        with _stack_size_lock:
            before = threading.stack_size(THREAD_STACK_SIZE)
            try:
                self._thread.start()
            finally:
                threading.stack_size(before)

    @property
    def address(self) -> Address:
        """The server that we are connected to; without a connection, that of the next try."""
        with self._changed:
            return self._servers[self._current]

    @property
    def is_current_thread(self) -> bool:
        """Whether the caller runs on the reader's thread, which must not wait for itself."""
        return threading.current_thread() is self._thread

    def make_last(self) -> None:
        """Make no connection after this one."""
        self.stopping.set()
        with self._changed:
            self._changed.notify_all()

    def stop(self) -> None:
        """Break the connection, and wait for the thread to end, for some seconds at most."""
        self.make_last()
        with self._changed:
            opened = self._opened
        if opened:
            opened.abort()
        if not self.is_current_thread:
            # Nothing wakes a thread in the system's name resolver or in `connect`. Both end by
            # themselves; the thread is a daemon, so neither the caller nor the process waits.
            self._thread.join(_STOPPING)

    def retry(self) -> None:
        """Make the next connection at once, if there is none; after `pause`, too."""
        with self._changed:
            self._at_once, self._paused = True, False
            self._changed.notify_all()

    def pause(self) -> None:
        """Make no new connection until `retry`."""
        with self._changed:
            self._at_once, self._paused = False, True
            self._changed.notify_all()

    # -- the thread -----------------------------------------------------------------------------

    def _run(self) -> None:
        error: ChatError | None = None
        try:
            self._stay_connected()
        except ChatError as reason:
            if not self.stopping.is_set():
                error = reason
        finally:  # after a bug here or in on_event, too, or callers would wait for ever
            self._session.finish(error)

    def _stay_connected(self) -> None:
        """Connect again and again until either side closes the chat.

        Raises:
            ChatError: the first connection failed, or the server ended the chat.
        """
        attempt = 0
        unreached: list[_Failure] = []  # each server once, until one lets us in
        while True:
            started, asked_for = time.monotonic(), 0.0
            try:
                self._converse()
            except (ConnectError, ConnectionLost, Refused) as error:
                if isinstance(error, Refused) and self._is_final(error):
                    raise
                if not self._let_in:
                    unreached.append(error)
                    self._look_elsewhere(unreached)
                welcomed = self._welcomed > started
                another = self._move_on(error, welcomed=welcomed)
                reason = _reason(error)
                if isinstance(error, Refused):
                    asked_for = error.retry_after or 0.0
            if self.stopping.is_set():
                return
            if not self._let_in:
                continue
            if welcomed and time.monotonic() - self._welcomed > _STABLE:
                attempt = 0
            # Full jitter: the delay is drawn from 0 up to the bound, so that a class does not come
            # back in one instant after the server restarted. It grows once all were tried.
            bound = _FIRST_DELAY * 2.0 ** min(attempt // len(self._servers), 9)
            delay = asked_for + random.uniform(0, min(self._longest, bound))
            attempt += 1
            with self._changed:
                self._at_once = False
            self._session.tell(Reconnecting(reason, delay, another))
            self._wait_to_retry(delay)
            if self.stopping.is_set():
                return

    def _look_elsewhere(self, unreached: Sequence[_Failure]) -> None:
        """Return if there is a server that was not tried yet, and may let us in.

        Raises:
            ChatError: there is none.
        """
        last = unreached[-1]
        if isinstance(last, Refused) and last.code not in _ELSEWHERE:
            raise last
        if len(unreached) < len(self._servers):
            return
        if len(unreached) == 1:
            raise last
        told = "; ".join(map(_reason, unreached))
        raise ConnectError(
            f"none of the {len(unreached)} servers lets us in: {told}", "Check the addresses."
        )

    def _move_on(self, failure: _Failure, *, welcomed: bool) -> str:
        """Choose the server of the next try.

        A connection that broke without a word may be the network's fault, so the same server is
        tried again first: a short failure must not divide a room among servers.

        Args:
            failure: how the connection ended.
            welcomed: whether the server had let us in on it.

        Returns:
            The address if it is another server, else "".
        """
        broke = isinstance(failure, ConnectionLost) and failure.code is None
        if len(self._servers) == 1 or (welcomed and broke):
            return ""
        with self._changed:
            self._current = (self._current + 1) % len(self._servers)
        return str(self.address)

    def _is_final(self, refusal: Refused) -> bool:
        """Return whether the server would refuse every later try, too."""
        if refusal.code == Code.NICK_IN_USE and self._credentials.account_password is not None:
            # The nick of our account is ours, whatever else holds it. If it is refused, the
            # password was changed. Trying the old one again would throttle the person who has
            # the new one.
            return self._session.nick == self._session.account
        return refusal.code not in _TEMPORARY

    def _wait_to_retry(self, delay: float) -> None:
        deadline = time.monotonic() + delay
        with self._changed:
            while not self._at_once and not self.stopping.is_set():
                left = deadline - time.monotonic()
                if left <= 0 and not self._paused:
                    return
                self._changed.wait(None if self._paused else left)

    def _converse(self) -> Never:
        """Make one connection and serve it until it ends, always with an exception.

        Raises:
            ConnectError: the connection failed.
            ConnectionLost: it ended, and the reader should make another one.
            Refused: the server does not let us in.
            Closed: the server ended the chat.
        """
        address = self.address
        connected, news = open_connection(address, self._timeout)
        if (near := is_near(connected)) is not None:
            self._longest = _LONGEST_NEARBY if near else _LONGEST_DELAY
        if self._trace:
            self._trace.connected(str(address))
        connection = Connection(connected, self._timeout, self._trace)
        try:
            with self._changed:
                self._opened = connection
            if news is not None:
                self._session.tell(news)
            if self.stopping.is_set():  # `stop` may have looked before `_opened` was set
                raise ConnectionLost("the chat is being closed")
            messages = connection.receive()
            nick = self._session.nick
            if nick:
                nicks: Iterator[str] = chain([nick], self._nicks)
            else:  # the next server is asked for the same ones
                nicks, self._nicks = tee(self._nicks)
            welcome = say_hello(
                address, connection, messages, nicks, self._session.token, self._credentials
            )
            if not nick:
                self._nicks = nicks
            connection.set_timeout(_SILENCE)
            self._welcomed = time.monotonic()
            again, self._let_in = self._let_in, True
            self._session.resume(connection, welcome, again=again)
            self._listen(connection, messages)
        finally:
            with self._changed:
                self._opened = None
            self._session.lose()
            connection.close()
            if self._trace:
                self._trace.closed()

    def _listen(self, connection: Connection, messages: Iterator[AnyServerMessage | None]) -> Never:
        """Handle the server's messages until the connection ends."""
        asked = False
        for message in messages:
            match message:
                case None if asked:
                    raise ConnectionLost("the server does not answer any more")
                case None:
                    self._session.measure()
                case ServerPing():
                    connection.send(encode(Pong(re=message.id)))
                case Goodbye():
                    raise _parting(message)
                case Error() if message.code in FATAL:
                    raise _parting(message)
                case _:
                    self._session.take(message)
            asked = message is None
        raise ConnectionLost("the server closed the connection")


def _reason(failure: _Failure) -> str:
    return failure.reason if isinstance(failure, ConnectError) else str(failure)


def _parting(message: Error | Goodbye) -> ConnectionLost | Closed:
    if message.code in _TEMPORARY:
        return ConnectionLost(message.text, message.code)
    return Closed(message.text, message.code)
