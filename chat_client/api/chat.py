"""The public face: a chat on one server, and the rooms in it.

    with chat_client.connect("127.0.0.1:7878", nick="echo") as chat:
        room = chat.join("lobby")
        for message in room:
            if message.from_ != chat.nick:
                room.say(message.text)

What other bots say is left out of that, or two bots in one room would answer each other for ever.

Every call that asks the server something waits for its reply, also while the connection is down:
the request is sent again when it is back. Calls may be made from any thread, except from
`on_event`.
"""

import getpass
import math
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Self

from chat_client.api.moderation import Authority
from chat_client.api.replies import checked, given, goes_on, page_of, room_named
from chat_client.api.room import Room
from chat_client.errors import Refused
from chat_client.events import Event
from chat_client.session.hello import Credentials, nick_guesses
from chat_client.session.session import Keeper, Session
from chat_client.transport.address import Address, parse_address
from chat_client.transport.trace import Trace
from protocol.errors import Code, ProtocolError
from protocol.messages import Join, Nick, RoomEntry, Rooms, Tell
from protocol.text import NICK_LIMIT, normalize_nick, normalize_text

_TIMEOUT = 10.0
"""Seconds that connecting may take, and again the server's first answer."""


def connect(
    address: str | Address = "127.0.0.1:7878",
    *,
    nick: str | None = None,
    password: str | None = None,
    account_password: str | None = None,
    on_event: Callable[[Event], None] | None = None,
    timeout: float = _TIMEOUT,
    patience: float = math.inf,
    keeper: Keeper | None = None,
    bot: bool = True,
    trace: Trace | None = None,
) -> "Chat":
    """Connect to a server and return the chat, which is a context manager.

    Args:
        address: `HOST`, `HOST:PORT`, `[IPV6]:PORT`, `unix:PATH`, or `tls://HOST:PORT`, for which
            a `TlsAddress` says more exactly who is to be believed.
        nick: who to be; without it the login name, with a number behind it if that is taken and
            there is no `account_password`.
        password: the server's, if it has one.
        account_password: that of the account that owns the nick, if one does. Both are kept in
            memory, for when the connection has to be made again.
        on_event: called with each event (see `chat_client.events`), in order, one at a time, in
            the thread that reads the connection. It may take its time: the server waits for slow
            readers. It must not wait for a reply, that is, call a method of the chat that asks
            the server something: hand the event to another thread for that.
        timeout: seconds that connecting may take, and again the server's first answer.
        patience: seconds. What the server refuses as `rate_limited` is sent again by itself if it
            need not wait for longer than this; otherwise it is Refused, with `retry_after`.
        keeper: keeps the session's secret, so that the next run of a program that was killed can
            take the session up, and with it the nick.
        bot: whether a program talks here, and no person. What a bot says is marked for everybody
            (`Message.bot`, `Direct.bot`), so that no other bot answers it.
        trace: is told of each connection and each frame, in both directions.

    Raises:
        AddressError: `address` is none.
        ConnectError: nobody answers there, or it is no chat server.
        Untrusted: its certificate is not the one that it should be.
        Refused: the server does not let us in: `nick_in_use` (also for one that an account owns),
            `bad_nick`, `bad_password`, `banned`, ...
    """
    where = parse_address(address) if isinstance(address, str) else address
    wanted = login_nick() if nick is None else checked(normalize_nick, nick)
    # Whoever comes to an account is to be told of a wrong password, not called ana2.
    anything = nick is None and account_password is None
    nicks = nick_guesses(wanted) if anything else iter([wanted])
    credentials = Credentials(password, account_password, bot)
    session = Session(
        where, nicks, credentials, on_event or _ignore, timeout, patience, keeper, trace
    )
    session.start()
    return Chat(session)


def free_nick(
    address: Address,
    nicks: Iterator[str],
    password: str | None,
    on_event: Callable[[Event], None],
    trace: Trace | None = None,
) -> str:
    """Return the first of some nicks that nobody has on a server.

    Args:
        address: the server.
        nicks: which.
        password: the server's, if it has one.
        on_event: called with what happens, as by `connect`.
        trace: is told of each frame.

    Raises:
        ConnectError, Untrusted, Refused: as `connect` does.
    """
    session = Session(address, nicks, Credentials(password), on_event, _TIMEOUT, 0.0, trace=trace)
    session.start()
    session.close()
    return session.nick


class Chat(Authority):
    """A place on a server, kept through lost connections until it is closed.

    Made by `connect`. If the server ends it (`kicked`, `replaced`, ...), every call raises Closed
    with the reason.
    """

    def __repr__(self) -> str:
        return f"<Chat of {self.nick}, {'connected' if self.connected else 'not connected'}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Say goodbye and disconnect. Calls that still wait for a reply raise Closed.

        Takes a few seconds at most. Calling it again does nothing.
        """
        self._session.close()

    @property
    def nick(self) -> str:
        """Our nick, as the server shows it."""
        return self._session.nick

    @property
    def connected(self) -> bool:
        """Whether there is a connection at this moment."""
        return self._session.connected

    @property
    def joined(self) -> list[Room]:
        """The rooms that we are in, in the order in which they were joined."""
        return [Room(self._session, feed) for feed in self._session.feeds()]

    @property
    def round_trip(self) -> float | None:
        """Seconds that the last `measure` took on this connection; None if none is back yet."""
        return self._session.round_trip

    def measure(self) -> None:
        """Have `round_trip` measured anew. Does not wait; does nothing without a connection."""
        self._session.measure()

    def retry(self) -> None:
        """Make the next connection now rather than after the delay, or after a `pause`."""
        self._session.retry()

    def pause(self) -> None:
        """Make no new connection until `retry`. A connection that there is, is kept."""
        self._session.pause()

    def join(
        self,
        room: str,
        *,
        after: int | None = None,
        log: str | None = None,
        history: int | None = None,
        bots: bool = False,
    ) -> Room:
        """Enter a room and return it.

        A room that we are in already is returned as it is: it goes on where its reader is.

        Args:
            room: its name, such as "lobby".
            after: begin with the message behind this seq.
            log: the log that `after` is from, see `Room.place`. If the server's is another one by
                now, begin behind the last message that both have in common.
            history: begin with so many messages of those that are there. With neither, only what
                is said from now on is received.
            bots: whether iterating the room yields what other bots say, too. A bot that hears
                bots must never answer them.

        Raises:
            Refused: `bad_room`, `forbidden`, `too_many_rooms`, ...
            Closed: the chat is over.
        """
        name = room_named(room)
        feed = self._session.feed(name)
        if feed is None:
            self._session.request(partial(_join, name, after, log, history))
            feed = self._session.feed(name)
        if feed is None:  # another thread left it just now
            raise Refused(Code.NOT_IN_ROOM, f"we are not in {name}")
        return Room(self._session, feed, bots=bots)

    def tell(self, to: str | Callable[[], str], text: str) -> str:
        """Send a message to one person, who must be there; it is not kept anywhere.

        Where the connection breaks before it is sent, it is not sent on the next one: the nick may
        be somebody else's by then.

        Args:
            to: that person's nick; or what returns it, asked whenever it is about to be sent. That
                must not wait, and may raise a ChatError, so that nothing is sent.
            text: 1 to 4000 characters.

        Returns:
            The nick that it was sent to.

        Raises:
            Refused: `no_such_nick`, `bad_text`, `text_too_long`, ...; `unavailable` where the
                connection broke before it was sent.
            Unconfirmed: it is not known whether it arrived.
            Closed: the chat is over.
        """
        said, nick = checked(normalize_text, text), ""

        def build(id: int) -> Tell:
            nonlocal nick
            nick = checked(normalize_nick, to if isinstance(to, str) else to())
            return Tell(id, nick, said)

        self._session.request(build)
        return nick

    def rename(self, nick: str) -> str:
        """Take another nick and return it as the server shows it.

        Raises:
            Refused: `nick_in_use`, `bad_nick`, ...
            Closed: the chat is over.
        """
        wanted = checked(normalize_nick, nick)
        self._session.request(lambda id: Nick(id, wanted))
        return self.nick

    def rooms(self) -> list[RoomEntry]:
        """Return every room of the server, by name, with `room`, `members` (how many) and `topic`.

        Raises:
            Closed: the chat is over.
        """
        found: list[RoomEntry] = []
        after = None
        while True:
            page = page_of(self._session.request(partial(_rooms, after)))
            found += given(page.rooms)
            if not page.rooms or not goes_on(page, after, found[-1].room, len(found)):
                return found
            after = found[-1].room


# -- requests, with the id last, as the session fills it in ---------------------------------------


def _join(room: str, after: int | None, log: str | None, history: int | None, id: int) -> Join:
    return Join(id, room, after=after, history=history, log=None if after is None else log)


def _rooms(after: str | None, id: int) -> Rooms:
    return Rooms(id, after)


# -- names --------------------------------------------------------------------------------------


def login_nick() -> str:
    """The user's login name, as far as it can be a nick."""
    with suppress(OSError, KeyError, ImportError, ProtocolError):  # what getuser raises, and where
        name = "-".join(getpass.getuser().split()).lstrip("#@/")
        return normalize_nick(name[:NICK_LIMIT])
    return "guest"


def _ignore(event: Event) -> None:
    """Nobody listens."""
