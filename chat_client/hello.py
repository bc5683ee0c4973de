"""The start of a connection: from the first byte to the server's welcome.

What listens on the other side may be anything; here it is found out, and said in a sentence.
"""

from collections.abc import Iterator

from chat_client.address import Address
from chat_client.connection import Connection
from chat_client.errors import ConnectError, ConnectionLost, Refused
from chat_client.version import CLIENT
from protocol import VERSION
from protocol.errors import FATAL, Code
from protocol.messages import AnyServerMessage, Error, Goodbye, Hello, Welcome, encode


def say_hello(
    address: Address,
    connection: Connection,
    messages: Iterator[AnyServerMessage | None],
    nicks: Iterator[str],
    session: str | None,
) -> Welcome:
    """Say hello until the server says welcome, and return that.

    Args:
        address: where the connection leads, for the error message.
        connection: to say it on.
        messages: what comes from it.
        nicks: the nick to ask for, then those to ask for where one is taken.
        session: the secret of the session to take up again; the welcome has another one if the
            server does not know it.

    Raises:
        ConnectError: this is no chat server.
        Refused: the server does not let us in.
    """
    nick = next(nicks)
    connection.send(_hello(nick, session))
    try:
        for message in messages:
            match message:
                case Welcome():
                    return message
                case Error(code=Code.NICK_IN_USE) if following := next(nicks, None):
                    nick = following
                case Error() if session and message.code not in FATAL | {Code.NICK_IN_USE}:
                    session = None  # it does not take that one: we come as somebody new
                case Error() | Goodbye():
                    raise Refused(message.code, message.text)
                case None:
                    raise ConnectError(
                        f"{address} took the connection but says nothing",
                        "It is no chat server, or overloaded: check the port, or try again.",
                    )
                case _:
                    break
            connection.send(_hello(nick, session))
    except ConnectionLost as error:
        raise _no_chat_server(address, connection) from error
    raise _no_chat_server(address, connection)


def _hello(nick: str, session: str | None) -> bytes:
    return encode(Hello(version=VERSION, nick=nick, client=CLIENT, session=session))


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
