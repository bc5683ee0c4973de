"""The rooms that a run made, and their removal: what a class talks in is not to be filled by tests.

A server that knows temporary rooms forgets one on request if nobody is in it, and nobody was who
did not want it to be temporary. From others, their operator has to remove them.
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
"""Seconds for each answer of the server."""

LEAVING = 10_000_000
"""µs for the server to notice that the clients have gone."""


class Probe:
    """One connection of the parent's own, ahead of the run or after it. A context manager.

    Attributes:
        welcome: what the server said to it.
    """

    def __init__(self, address: Address, nick: str, password: str | None) -> None:
        """Connect and come in.

        Raises:
            ConnectError: no server answers.
            Refused: it does not let anybody in.
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
        """Say goodbye, so that the nick is free for the next one, and close."""
        number = next(self._ids)
        try:
            self._connection.send(encode(Bye(number)))
            next(self._replies(number), None)
        except ConnectionLost:
            pass  # then there is nobody to say it to
        finally:
            self._connection.close()

    def forget(self, room: str) -> Ok | Error | None:
        """Ask for a room's removal. Return the reply, None if there is none."""
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
    """Return whether the server removes rooms; one of that name that is left over goes with it."""
    reply = probe.forget(room)
    return isinstance(reply, Ok) or _code(reply) in (Code.NO_SUCH_ROOM, Code.FORBIDDEN)


def remove_rooms(
    address: Address, nick: str, password: str | None, rooms: Sequence[str]
) -> list[str]:
    """Have rooms removed in which nobody will be in a moment. Return those that stay."""
    try:
        with Probe(address, nick, password) as probe:
            until = clock() + LEAVING
            return [room for room in rooms if not _remove(probe, room, until)]
    except ChatError:  # the server is gone, or does not let us in
        return list(rooms)


def _remove(probe: Probe, room: str, until: int) -> bool:
    """Ask until nobody is in the room any more. Return whether it is gone."""
    while True:
        reply = probe.forget(room)
        if isinstance(reply, Ok) or _code(reply) == Code.NO_SUCH_ROOM:
            return True
        delay = UNSET if reply is None else reply.retry_after
        if isinstance(delay, UnsetType) or clock() + delay * 1e6 > until:
            return False
        time.sleep(max(0.0, delay))  # as the server says; nothing of its would wake us


def _code(reply: Ok | Error | None) -> str:
    return reply.code if isinstance(reply, Error) else ""
