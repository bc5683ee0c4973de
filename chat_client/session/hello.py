"""The start of a connection: from the first byte to the server's welcome.

The other side may be no chat server at all. This module finds out, and says so in a sentence.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from chat_client.errors import ConnectError, ConnectionLost, Refused
from chat_client.session.server_values import delay
from chat_client.transport.address import Address
from chat_client.transport.connection import Connection
from chat_client.version import BOT, CLIENT
from protocol import VERSION
from protocol.errors import FATAL, Code
from protocol.messages import AnyServerMessage, Error, Goodbye, Hello, Welcome, encode
from protocol.text import NICK_LIMIT

_NOT_THE_SESSION = frozenset({Code.MUTED, Code.NICK_IN_USE, Code.RATE_LIMITED})
"""Codes of a hello that is refused although the server knows the session."""

_GUESSES = 1000
"""How many nicks the client tries where the user asked for none."""


@dataclass
class Credentials:
    """Who connects. The passwords are shown nowhere.

    Attributes:
        password: the server's; None if the server needs none, as far as the client knows.
        account_password: of the account that owns the nick; None if no account does.
        bot: whether a program connects, not a person.
    """

    password: str | None = field(default=None, repr=False)
    account_password: str | None = field(default=None, repr=False)
    bot: bool = False


def nick_guesses(nick: str) -> Iterator[str]:
    """Yield a nick, and then the same with numbers, to try where the nick is taken."""
    yield nick
    for number in range(2, _GUESSES):
        yield f"{nick[: NICK_LIMIT - 3]}{number}"


def say_hello(
    address: Address,
    connection: Connection,
    messages: Iterator[AnyServerMessage | None],
    nicks: Iterator[str],
    session: str | None,
    credentials: Credentials | None = None,
) -> Welcome:
    """Say hello until the server sends a welcome, and return it.

    Args:
        address: where the connection leads, for the error message.
        connection: where to say it.
        messages: the server's messages on it.
        nicks: the nick to ask for, then those to ask for where one is taken.
        session: the secret of the session to take up again; the welcome has another one if the
            server does not know it.
        credentials: the passwords, where there are any.

    Raises:
        ConnectError: it is no chat server.
        Refused: the server does not let us in.
    """
    nick, credentials = next(nicks), credentials or Credentials()
    connection.send(_hello(nick, session, credentials))
    try:
        for message in messages:
            match message:
                case Welcome():
                    return message
                case Error(code=Code.NICK_IN_USE) if following := next(nicks, None):
                    nick = following
                case Error() if session and message.code not in FATAL | _NOT_THE_SESSION:
                    session = None  # the server refuses this one: ask for a new session
                case Error() | Goodbye():
                    raise _refusal(message)
                case None:  # the deadline has passed
                    says = "sends no welcome" if connection.received else "says nothing"
                    raise ConnectError(
                        f"{address} took the connection but {says}",
                        "It is no chat server, or overloaded: check the port, or try again.",
                    )
                case _:
                    break
            connection.send(_hello(nick, session, credentials))
    except ConnectionLost as error:
        raise _no_chat_server(address, connection) from error
    raise _no_chat_server(address, connection)


def _hello(nick: str, session: str | None, credentials: Credentials) -> bytes:
    hello = Hello(
        version=VERSION,
        nick=nick,
        client=BOT if credentials.bot else CLIENT,
        password=credentials.password,
        session=session,
        account_password=credentials.account_password,
    )
    try:
        return encode(hello)
    except ValueError:
        raise Refused(
            Code.BAD_REQUEST, "a password is too long, or holds half a character: it cannot be sent"
        ) from None


def _refusal(message: Error | Goodbye) -> Refused:
    retry_after = delay(message.retry_after) if isinstance(message, Error) else None
    return Refused(message.code, message.text, retry_after)


def _no_chat_server(address: Address, connection: Connection) -> ConnectError:
    if not connection.received:
        return ConnectError(
            f"{address} closed the connection without a word",
            "It is no chat server, or is just stopping: check the port, or try again.",
        )
    return ConnectError(
        f"{address} is no chat server: what it says begins with "
        f"{connection.received[:24].decode('latin-1')!a}",
        "Check the port.",
    )
