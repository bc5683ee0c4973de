"""The Python API: a chat on one server, and its rooms.

    with chat_client.connect("127.0.0.1:7878", nick="echo") as chat:
        room = chat.join("lobby")
        for message in room:
            if message.from_ != chat.nick:
                room.say(message.text)

The loop leaves out what other bots say, or two bots in one room would answer each other for ever.

Every call that asks the server something waits for the reply. If the connection breaks meanwhile,
the client connects and sends the request again. Any thread may make calls, except `on_event`.
"""

import getpass
import math
from collections.abc import Callable, Iterable, Iterator
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
from chat_client.transport.address import Address
from chat_client.transport.addresses import Addresses, addresses_of
from chat_client.transport.trace import Trace
from protocol.errors import Code, ProtocolError
from protocol.messages import Join, Late, Nick, Ok, RoomEntry, Rooms, Tell
from protocol.text import NICK_LIMIT, normalize_nick, normalize_text

_TIMEOUT = 10.0
"""Seconds that connecting may take, and then the server's first answer."""


def connect(
    address: str | Address | Iterable[str | Address] = "127.0.0.1:7878",
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
        address: `HOST`, `HOST:PORT`, `[IPV6]:PORT`, `unix:PATH`, or `tls://HOST:PORT`. A
            `TlsAddress` also says which certificate to trust. Several of them, or
            `HOST:PORT,HOST:PORT`, are servers of the same chat: the next one is tried where one
            does not answer, also later, with the same session.
        nick: who to be. By default the login name, with a number if it is taken and there is no
            `account_password`.
        password: the server's, if it has one.
        account_password: of the account that owns the nick, if one does. The client keeps both
            passwords in memory for reconnections.
        on_event: called with each event (see `chat_client.events`), in order, one at a time, on
            the thread that reads the connection. It may take its time: the server waits for slow
            readers. It must not call a method of the chat that waits for a reply: hand the event
            to another thread for that.
        timeout: seconds that connecting may take, and then the server's first answer.
        patience: seconds. The client repeats a request that was `rate_limited` by itself if it
            need not wait longer than this. Otherwise the call raises Refused, with `retry_after`.
        keeper: keeps the session's secret. After the program was killed, its next run can take
            the session up, and with it the nick.
        bot: whether a program talks, not a person. The server marks what a bot says for everybody
            (`Message.bot`, `Direct.bot`), so that no other bot answers it.
        trace: is told of each connection and each frame, in both directions.

    Raises:
        AddressError: `address` is no valid address, or has one twice.
        ConnectError: nothing answers there, or it is no chat server; of several, none does.
        Untrusted: the server shows another certificate than expected.
        Refused: the server does not let us in: `nick_in_use` (also where an account owns the nick),
            `bad_nick`, `bad_password`, `banned`, ...
    """
    servers = addresses_of(address)
    wanted = login_nick() if nick is None else checked(normalize_nick, nick)
    # With an account's password, a refusal means a wrong password: do not come in as ana2.
    anything = nick is None and account_password is None
    nicks = nick_guesses(wanted) if anything else iter([wanted])
    credentials = Credentials(password, account_password, bot)
    session = Session(
        servers, nicks, credentials, on_event or _ignore, timeout, patience, keeper, trace
    )
    session.start()
    return Chat(session)


def free_nick(
    servers: Addresses,
    nicks: Iterator[str],
    password: str | None,
    on_event: Callable[[Event], None],
    trace: Trace | None = None,
) -> str:
    """Return the first of some nicks that nobody on a server has.

    Args:
        servers: where the chat can be reached.
        nicks: the nicks to try, in order.
        password: the server's, if it has one.
        on_event: called with each event, as by `connect`.
        trace: is told of each frame.

    Raises:
        ConnectError, Untrusted, Refused: as `connect` does.
    """
    session = Session(servers, nicks, Credentials(password), on_event, _TIMEOUT, 0.0, trace=trace)
    session.start()
    session.close()
    return session.nick


class Told(str):
    """The nick that a direct message was sent to.

    Attributes:
        kept: whether its owner is away, and the message waits for them.
    """

    __slots__ = ("kept",)
    kept: bool

    def __new__(cls, nick: str, *, kept: bool = False) -> Self:
        told = super().__new__(cls, nick)
        told.kept = kept
        return told


class Chat(Authority):
    """A chat on a server. It survives lost connections until it is closed.

    `connect` makes it. If the server ends it (`kicked`, `replaced`, ...), every call raises Closed
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
        """Seconds of the last round trip on this connection; None without a reply to `measure`."""
        return self._session.round_trip

    def measure(self) -> None:
        """Measure `round_trip` again. Does not wait. Does nothing without a connection."""
        self._session.measure()

    def retry(self) -> None:
        """Make the next connection now rather than after the delay, or after a `pause`."""
        self._session.retry()

    def pause(self) -> None:
        """Make no new connection until `retry`. The present connection stays."""
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
            log: the log that `after` belongs to, see `Room.place`. If the server has another log
                now, begin behind the last message that both logs have in common.
            history: begin with this many of the newest messages. Without `after` and `history`,
                begin with the next message.
            bots: whether iterating the room also yields what other bots say. A bot that reads
                other bots must never answer them.

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

    def tell(self, to: str | Callable[[], str], text: str) -> "Told":
        """Send a message to one person.

        The server does not store it, unless the person is away and may come back: then it waits
        for them (`Told.kept`).

        If the connection breaks before the message is sent, it is not sent on the next one: the
        nick may be somebody else's by then.

        Args:
            to: the person's nick, or a function that returns it, called just before the message is
                sent. It must not wait. It may raise a ChatError; then nothing is sent.
            text: 1 to 4000 characters.

        Returns:
            The nick that the message was sent to, and whether it waits there.

        Raises:
            Refused: `no_such_nick`, `bad_text`, `text_too_long`, ...; `unavailable` if the
                connection broke before the message was sent, or too many wait for somebody who is
                away.
            Unconfirmed: nobody can know whether it arrived.
            Closed: the chat is over.
        """
        said, nick = checked(normalize_text, text), ""

        def build(id: int) -> Tell:
            nonlocal nick
            nick = checked(normalize_nick, to if isinstance(to, str) else to())
            return Tell(id, nick, said)

        reply = self._session.request(build)
        return Told(nick, kept=isinstance(reply, Ok) and reply.kept is True)

    def keep_late(self, on: bool | None = None) -> bool:
        """Say whether the server keeps direct messages for us while we are away.

        Args:
            on: keep them from now on, or refuse them; None changes nothing.

        Returns:
            Whether it keeps them.

        Raises:
            Refused: `unavailable`: it cannot remember that just now.
            Closed: the chat is over.
        """
        reply = self._session.request(lambda id: Late(id, on))
        return isinstance(reply, Ok) and reply.late is True

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
    """Return the user's login name, changed to a valid nick if need be; else "guest"."""
    with suppress(OSError, KeyError, ImportError, ProtocolError):  # what getuser raises, and where
        name = "-".join(getpass.getuser().split()).lstrip("#@/")
        return normalize_nick(name[:NICK_LIMIT])
    return "guest"


def _ignore(event: Event) -> None:
    """Do nothing."""
