"""Who is connected, whether they have said hello or not, and for how many there is place."""

import threading
import time
from collections import Counter, deque
from typing import Generic, Protocol, TypeVar

from chat_server.network.addresses import neighbourhood
from chat_server.runtime.config.settings import LiveSettings
from chat_server.runtime.errors import TooManyConnectionsError
from protocol.errors import Code, ProtocolError

REFUSALS_AT_ONCE = 200
"""So many over the limit are told that there is no place; whoever comes beyond is cut off."""

FULL_RETRY_AFTER = 15.0
"""Seconds after which somebody may have left."""


class Counted(Protocol):
    """A connection, as far as it is counted."""

    @property
    def host(self) -> str:
        """The address that it is from, without a port."""
        ...

    @property
    def thread(self) -> threading.Thread:
        """What reads from it."""
        ...


AnyCounted = TypeVar("AnyCounted", bound=Counted)


class ConnectionLimit(Generic[AnyCounted]):
    """The one list of connections. Any thread may call any method."""

    def __init__(self, settings: LiveSettings) -> None:
        """`settings` are asked for the limits."""
        self._settings = settings
        # Guards all below. A leaf.
        self._lock = threading.Lock()
        self._gone = threading.Condition(self._lock)  # a connection went
        self._connections: set[AnyCounted] = set()
        # Those that were not refused, and from which neighbourhood they are; how many each has.
        self._placed: dict[AnyCounted, str] = {}
        self._hosts: Counter[str] = Counter()
        self._ending: deque[threading.Thread] = deque()  # of connections that went a moment ago

    def add(self, connection: AnyCounted) -> ProtocolError | None:
        """Count a connection that was accepted, and return why it is refused, if it is.

        Raises:
            TooManyConnectionsError: so many are being refused that this one is not counted.
        """
        settings = self._settings.now
        with self._lock:
            if len(self._connections) >= settings.connections + REFUSALS_AT_ONCE:
                raise TooManyConnectionsError(
                    f"there are {settings.connections} clients, the most allowed"
                )
            self._connections.add(connection)
            host = neighbourhood(connection.host)
            refusal = self._refusal(host)
            if refusal is None:
                self._placed[connection] = host
                self._hosts[host] += 1
            return refusal

    def remove(self, connection: AnyCounted) -> None:
        """Forget a connection. Its own thread calls this last, if it could be started."""
        with self._lock:
            self._connections.discard(connection)
            host = self._placed.pop(connection, None)
            if host is not None:
                self._hosts[host] -= 1
                if not self._hosts[host]:
                    del self._hosts[host]
            if connection.thread.is_alive():
                self._ending.append(connection.thread)
            while self._ending and not self._ending[0].is_alive():
                self._ending.popleft()
            self._gone.notify_all()

    def __len__(self) -> int:
        """How many connections there are."""
        with self._lock:
            return len(self._connections)

    def connections(self) -> list[AnyCounted]:
        """Return all connections, whether they have said hello or not."""
        with self._lock:
            return list(self._connections)

    def wait_until_empty(self, timeout: float) -> bool:
        """Wait up to `timeout` seconds until no connection is left, nor the thread of one.

        Returns:
            Whether none is.
        """
        deadline = time.monotonic() + timeout
        with self._lock:
            if not self._gone.wait_for(lambda: not self._connections, timeout):
                return False
            ending = list(self._ending)
        for thread in ending:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in ending)

    def _refusal(self, host: str) -> ProtocolError | None:
        """With the lock held: why there is no place for another connection of a host."""
        assert self._lock.locked()
        allowed = self._settings.now.connections
        if len(self._placed) >= allowed:
            return _full(f"at most {allowed} clients may be connected, and they are")
        allowed_here = self._settings.now.connections_per_address
        if allowed_here is not None and self._hosts[host] >= allowed_here:
            return _full(
                f"at most {allowed_here} clients may be connected from one address, and from "
                f"yours, {host}, as many are"
            )
        return None


def _full(rule: str) -> ProtocolError:
    return ProtocolError(Code.SERVER_FULL, f"{rule}: try again later", retry_after=FULL_RETRY_AFTER)
