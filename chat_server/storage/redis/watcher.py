"""Watches Redis, on a thread of its own: hears of what other processes append, and notices when
Redis goes away and comes back.

The thread holds one connection, on which Redis tells it of news (SUBSCRIBE). While there is no such
connection, Redis counts as away. A connection may be one to another run of Redis than before; then
the thread first looks whether that has lost anything (log_names.py).
"""

import logging
import secrets
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from redis.exceptions import ConnectionError, TimeoutError

from chat_server.runtime.errors import StoreError
from chat_server.runtime.threads import ServerThread
from chat_server.storage.redis.connections import Connections
from chat_server.storage.redis.reach.redis_wire import AnyConnection, RedisAwayError, exchange
from chat_server.storage.redis.scripts import PROCESSES

log = logging.getLogger(__name__)

RETRY_INTERVAL = 0.5
"""Seconds between two attempts to reach Redis."""

HEARTBEAT = 1.0
"""Seconds without news after which Redis is asked whether it is still there."""

RENEW_INTERVAL = 3.0
"""Seconds between two renewals of the lease."""


_BROKEN = (ConnectionError, TimeoutError, OSError)


def process_name(database: int) -> str:
    """Return a new name for a process whose logs are in a database of Redis."""
    return f"{secrets.token_hex(4)}.{database}"


def database_of(process: str) -> str:
    """Return the number of the database that a process of this name has its logs in."""
    return process.partition(".")[2]


class Watcher:
    """The thread. Any thread may call any method.

    Attributes:
        away: why Redis cannot be used just now; None while it can.
    """

    def __init__(
        self,
        name: str,
        verify: Callable[[AnyConnection, str], None],
        heard: Callable[[str, str, str], None],
        renew: Callable[[], None],
    ) -> None:
        """
        Args:
            name: what other processes know this one by.
            verify: looks at a run of Redis, by a connection to it and its id; raises StoreError if
                it cannot be used.
            heard: called with what another process tells: what it is known by, a word, and what
                that is about; with nothing, "back" and nothing when Redis can be used again.
            renew: renews the lease of this process, every RENEW_INTERVAL; raises StoreError.
        """
        self._name = name
        self._verify = verify
        self._heard = heard
        self._renew = renew
        self._renew_at = 0.0  # by the monotonic clock; the thread's
        self._connections: Connections | None = None
        self._told = False  # that Redis is away; the thread's
        self._stop = threading.Event()
        self._doubt = threading.Event()  # somebody's connection broke
        self._thread = ServerThread(self._run, "redis")
        self._running = False
        self.away: str | None = None

    def start(self, connections: Connections) -> None:
        """Start the thread.

        Args:
            connections: to the Redis that is watched.
        """
        self._connections = connections
        self._running = True
        self._thread.start()

    def stop(self) -> None:
        """End the thread: at once, or within the time that a connection to Redis takes."""
        self._stop.set()
        if not self._running:
            return
        assert self._connections is not None
        if self.away is None:
            with suppress(StoreError):  # the thread waits for HEARTBEAT at most
                self._connections.ask("PUBLISH", PROCESSES, f"{self._name} wake -")
        self._thread.join()

    def doubt(self, reason: str | None = None) -> None:
        """Let the thread look, within HEARTBEAT, whether all is well with Redis.

        Args:
            reason: why Redis cannot be used until then, if that is known.
        """
        if self._running:
            self.away = reason or self.away
            self._doubt.set()

    def renew_soon(self) -> None:
        """On the thread: renew the lease again as soon as something is heard, or HEARTBEAT over."""
        self._renew_at = 0.0

    # -- the thread

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._listen()
            except (StoreError, *_BROKEN) as error:
                self._note_away(error)
                self._stop.wait(RETRY_INTERVAL)

    def _note_away(self, error: Exception) -> None:
        self.away = str(error)
        if not self._told:
            self._told = True
            log.error("what is said is refused until Redis can be reached again: %s", error)

    def _listen(self) -> None:
        """Connect, and hear news until the connection breaks or is in doubt."""
        assert self._connections is not None
        connection, run = self._connections.connect()
        try:
            self._verify(connection, run)
            exchange(connection, [("SUBSCRIBE", PROCESSES)])
            self._doubt.clear()
            self._note_here()
            while not self._stop.is_set() and not self._doubt.is_set():
                if self._connections.is_changed():
                    break  # what did not change is used meanwhile
                if time.monotonic() >= self._renew_at:
                    if self._connections.is_deposed():
                        raise RedisAwayError("the sentinels name another master")
                    self._renew_at = time.monotonic() + RENEW_INTERVAL
                    self._renew()
                self._hear(connection)
        finally:
            connection.disconnect()

    def _note_here(self) -> None:
        assert self._connections is not None
        self._connections.drop_idle()
        self.away = None
        if self._told:
            log.warning("Redis answers again")
        self._told = False
        self._heard("", "back", "")
        self._renew_at = 0.0

    def _hear(self, connection: AnyConnection) -> None:
        if not connection.can_read(timeout=HEARTBEAT):
            (pong,) = exchange(connection, [("PING",)], self._stop.is_set)
            self._take(pong)
            return
        self._take(connection.read_response())

    def _take(self, reply: Any) -> None:
        if not isinstance(reply, list) or reply[0] != b"message":
            return
        name, word, about = reply[2].decode().split(" ", 2)
        if database_of(name) != database_of(self._name):
            return  # channels are no part of a database
        if name != self._name or word == "echo":
            self._heard(name, word, about)
