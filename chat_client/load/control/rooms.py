"""The rooms of a run, and their removal at its end.

A server that knows temporary rooms removes one on request when it is empty, and everybody who was
in it joined it as a temporary one. On other servers the operator must remove the rooms.
"""

import time
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Self

from msgspec import UNSET, UnsetType

from chat_client.errors import ChatError, ConnectionLost
from chat_client.load.generator.loop import clock
from chat_client.session.hello import Credentials, say_hello
from chat_client.transport.address import Address, open_connection
from chat_client.transport.connection import Connection
from protocol.errors import Code
from protocol.messages import Bye, Error, Forget, Ok, Welcome, encode

PATIENCE = 10.0
"""Seconds to wait for each reply of the server."""

LEAVING = 10_000_000
"""µs to wait until the server has noticed that all clients are gone."""


class Probe:
    """A connection of the parent, before or after the run. A context manager.

    Attributes:
        family: the address family of its socket.
        peer: the server's socket address.
        welcome: the server's reply to `hello`.
    """

    def __init__(self, address: Address, nick: str, password: str | None) -> None:
        """Connect and say hello.

        Raises:
            ConnectError: no server answers.
            Refused: the server refuses the hello.
        """
        connected, _ = open_connection(address, PATIENCE)
        self.family, self.peer = connected.family, connected.getpeername()
        self._connection = Connection(connected, PATIENCE)
        self._messages = self._connection.receive()
        self._ids = count(1)
        try:
            self.welcome: Welcome = say_hello(
                address, self._connection, self._messages, iter([nick]), None, Credentials(password)
            )
        except ChatError:
            self._connection.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Send `bye`, which frees the nick, and close."""
        number = next(self._ids)
        try:
            self._connection.send(encode(Bye(number)))
            next(self._replies(number), None)
        except ConnectionLost:
            pass  # the nick is free without it
        finally:
            self._connection.close()

    def forget(self, room: str) -> Ok | Error | None:
        """Ask the server to remove a room. Return the reply, None if none came."""
        number = next(self._ids)
        self._connection.send(encode(Forget(number, room)))
        return next(self._replies(number), None)

    def _replies(self, number: int) -> Iterator[Ok | Error]:
        try:
            for message in self._messages:
                match message:
                    case Ok(re=reply) | Error(re=reply) if reply in (number, None):
                        yield message
                    case None:
                        return
        except ConnectionLost:
            return


def knows_temporary_rooms(probe: Probe, room: str) -> bool:
    """Return whether the server knows temporary rooms. If it does, an old `room` is removed."""
    reply = probe.forget(room)
    return isinstance(reply, Ok) or _code(reply) in (Code.NO_SUCH_ROOM, Code.FORBIDDEN)


def remove_rooms(
    address: Address, nick: str, password: str | None, rooms: Sequence[str]
) -> list[str]:
    """Have rooms removed, which the last clients are leaving. Return those that stay."""
    try:
        with Probe(address, nick, password) as probe:
            until = clock() + LEAVING
            return [room for room in rooms if not _remove(probe, room, until)]
    except ChatError:  # the server is gone, or does not let us in
        return list(rooms)


def _remove(probe: Probe, room: str, until: int) -> bool:
    """Ask until the room is empty. Return whether the server removed it."""
    while True:
        reply = probe.forget(room)
        if isinstance(reply, Ok) or _code(reply) == Code.NO_SUCH_ROOM:
            return True
        delay = UNSET if reply is None else reply.retry_after
        if isinstance(delay, UnsetType) or clock() + delay * 1e6 > until:
            return False
        time.sleep(max(0.0, delay))  # the server says how long, and sends no event when it is


def _code(reply: Ok | Error | None) -> str:
    return reply.code if isinstance(reply, Error) else ""
