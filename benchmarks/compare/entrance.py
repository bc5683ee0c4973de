"""How thousands get into the rooms of a server, each as its wire says.

Who is in already reads and drops what the arrival of the others brings about.
"""

import select
import socket
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.clients import RunFailedError
from benchmarks.compare.wires import Wire
from benchmarks.server_process import ServerProcess

ENTERING = 1000
"""How many enter together, once they are connected: a server may announce each to each."""

PATIENCE = 60.0
"""Seconds for all to get in, and for what that brings about to be over."""

IDLE_SHARE = 0.2
"""Of a core: a server that uses less, and says nothing, is done with the arrivals."""


@dataclass
class Arrival:
    """Somebody who is about to enter: what is left to be sent, and the answers to wait for."""

    connection: socket.socket
    steps: deque[tuple[bytes, bytes]]
    received: bytearray = field(default_factory=bytearray)


class Entrance:
    """Lets people in, and keeps their connections.

    Attributes:
        connections: of all that came, by descriptor, in their order; non-blocking.
    """

    def __init__(
        self, server: ServerProcess, wire: Wire, poll: select.epoll, knocking: int
    ) -> None:
        """
        Args:
            server: where to.
            wire: what it speaks.
            poll: gets every connection.
            knocking: how many may connect before the first is answered.
        """
        self.connections: dict[int, socket.socket] = {}
        self._server = server
        self._wire = wire
        self._poll = poll
        self._knocking = knocking
        self._waiting: dict[int, Arrival] = {}  # for an answer
        self._until = time.monotonic() + PATIENCE

    def let_in(self, who: Sequence[tuple[str, str]]) -> None:
        """Let in everybody, each a nick and a room, and wait until it is quiet.

        Raises:
            RunFailedError: the server did not let all in, or not in time.
        """
        arrivals: list[Arrival] = []
        for nick, room in who:
            arrivals.append(self._connect(nick, room))
            self._ask(arrivals[-1], self._knocking)
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
        connection = socket.create_connection(self._server.address, timeout=PATIENCE)
        self.connections[connection.fileno()] = connection
        connection.setblocking(False)
        self._poll.register(connection, select.EPOLLIN)
        return Arrival(connection, deque(self._wire.entrance(nick, room)))

    def _ask(self, arrival: Arrival, at_once: int) -> None:
        self._waiting[arrival.connection.fileno()] = arrival
        arrival.connection.sendall(arrival.steps[0][0])
        self._await_answers(at_once - 1)

    def _await_answers(self, most: int) -> None:
        """Wait until at most `most` wait for an answer."""
        while len(self._waiting) > most:
            self._listen(1.0)

    def _is_quiet(self) -> bool:
        used = self._server.cpu_seconds()
        if self._listen(self._wire.quiet):
            return False
        return self._server.cpu_seconds() - used < self._wire.quiet * IDLE_SHARE

    def _listen(self, seconds: float) -> bool:
        """Take what is there, or comes within `seconds`; return whether anything did."""
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
