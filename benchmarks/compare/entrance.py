"""How thousands of clients join the rooms of a server, as its protocol requires.

Clients that are in already read and drop what the server sends because of the others.
"""

import select
import socket
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.clients import RunFailedError
from benchmarks.compare.wires import Wire
from benchmarks.server_process import Measured

ENTERING = 1000
"""How many clients join together once they are connected: a server may announce each to all."""

PATIENCE = 60.0
"""Seconds for all clients to get in, and for the server to announce them."""

IDLE_SHARE = 0.2
"""The share of a core: a server that uses less, and sends nothing, has announced all clients."""


@dataclass
class Arrival:
    """A client on its way into a room.

    Attributes:
        connection: its socket.
        steps: what is left to send, each with the answer to wait for.
        received: what has come since the last step.
    """

    connection: socket.socket
    steps: deque[tuple[bytes, bytes]]
    received: bytearray = field(default_factory=bytearray)


class Entrance:
    """Connects clients, and keeps their connections.

    Attributes:
        connections: the clients' non-blocking sockets, by descriptor, in the order of connecting.
    """

    def __init__(self, server: Measured, wire: Wire, poll: select.epoll, connecting: int) -> None:
        """
        Args:
            server: the server.
            wire: its protocol.
            poll: the epoll to register every connection with.
            connecting: how many clients may connect before the first one is answered.
        """
        self.connections: dict[int, socket.socket] = {}
        self._server = server
        self._wire = wire
        self._poll = poll
        self._connecting = connecting
        self._waiting: dict[int, Arrival] = {}  # for an answer
        self._until = time.monotonic() + PATIENCE

    def let_in(self, who: Sequence[tuple[str, str]]) -> None:
        """Connect clients, and wait until the server has announced all of them.

        Args:
            who: the nick and the room of each client.

        Raises:
            RunFailedError: the server did not let all in, or not in time.
        """
        arrivals: list[Arrival] = []
        for nick, room in who:
            arrivals.append(self._connect(nick, room))
            self._ask(arrivals[-1], self._connecting)
        self._await_answers(0)
        while arrivals := [arrival for arrival in arrivals if arrival.steps]:
            for arrival in arrivals:
                self._ask(arrival, ENTERING)
            self._await_answers(0)
        while not self._is_quiet():
            pass

    def close(self) -> None:
        """Close all connections."""
        for connection in self.connections.values():
            connection.close()

    def _connect(self, nick: str, room: str) -> Arrival:
        address = self._server.address_of(len(self.connections))
        connection = socket.create_connection(address, timeout=PATIENCE)
        self.connections[connection.fileno()] = connection
        connection.setblocking(False)
        self._poll.register(connection, select.EPOLLIN)
        return Arrival(connection, deque(self._wire.entrance(nick, room)))

    def _ask(self, arrival: Arrival, at_once: int) -> None:
        self._waiting[arrival.connection.fileno()] = arrival
        arrival.connection.sendall(arrival.steps[0][0])
        self._await_answers(at_once - 1)

    def _await_answers(self, most: int) -> None:
        """Wait until at most `most` clients wait for an answer."""
        while len(self._waiting) > most:
            self._listen(1.0)

    def _is_quiet(self) -> bool:
        used = self._server.cpu_seconds()
        if self._listen(self._wire.quiet):
            return False
        return self._server.cpu_seconds() - used < self._wire.quiet * IDLE_SHARE

    def _listen(self, seconds: float) -> bool:
        """Take what comes within `seconds`. Return whether anything came."""

        if time.monotonic() > self._until:
            raise RunFailedError(f"not everybody was in, and all quiet, after {PATIENCE:g} s")
        ready = self._poll.poll(seconds)
        for fd, _ in ready:
            data = self.connections[fd].recv(1 << 18)
            if not data:
                raise RunFailedError("the server closed a connection before the start")
            if arrival := self._waiting.get(fd):
                self._take(arrival, data)
        return bool(ready)

    def _take(self, arrival: Arrival, data: bytes) -> None:
        arrival.received += data
        if arrival.steps[0][1] in arrival.received:
            arrival.received.clear()
            arrival.steps.popleft()
            del self._waiting[arrival.connection.fileno()]
