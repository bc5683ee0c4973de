"""One connection to a Redis: what is sent over it, what comes back, and what went wrong.

Nothing is sent twice behind anybody's back: redis-py's own retries are off. An error says which of
two things happened. Nothing was sent (RedisAwayError), or something was and no answer came
(RedisSilentError): then nobody knows whether it was done.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from redis.connection import Connection, SSLConnection, UnixDomainSocketConnection
from redis.exceptions import ConnectionError, ResponseError, TimeoutError

from chat_server.runtime.config.log_address import LogAddress
from chat_server.runtime.errors import StoreError

CONNECT_TIMEOUT = 2.0
"""Seconds that connecting may take."""

ANSWER_TIMEOUT = 5.0
"""Seconds that an answer may take. Redis answers in less than a millisecond, unless its disk is
slow or somebody runs a long command.
"""

LOOK_INTERVAL = 0.5
"""Seconds after which somebody who waits for an answer looks whether the server stops."""

LOST = (ConnectionError, TimeoutError, OSError)
"""What is raised where a connection breaks, or cannot be made."""


class OneConnection(Protocol):
    """A connection of redis-py, as far as it is used here."""

    def connect(self) -> None: ...
    def disconnect(self) -> None: ...
    def can_read(self, timeout: float = 0) -> bool: ...
    def read_response(self) -> Any: ...
    def pack_commands(self, commands: Sequence["RedisCommand"]) -> Any: ...
    def send_packed_command(self, command: Any) -> None: ...


class ManyConnections(ABC):
    """Connections to all nodes of a cluster: see cluster_connection.py."""

    @abstractmethod
    def disconnect(self) -> None:
        """Close them."""

    @abstractmethod
    def drop_broken(self) -> None:
        """Close those that were closed at the other end."""

    @abstractmethod
    def can_read(self, timeout: float = 0) -> bool:
        """Whether something comes by the first of them, within so many seconds."""

    @abstractmethod
    def read_response(self) -> Any:
        """Return what comes by the first of them."""

    @abstractmethod
    def exchange(
        self, commands: "Sequence[RedisCommand]", hurried: Callable[[], bool]
    ) -> list[Any]:
        """Send commands, each to the node of its key, and return the replies."""

    @abstractmethod
    def run_of(self, key: str) -> str:
        """Return the run id of the node that has a room's key; "" if none has."""


AnyConnection = OneConnection | ManyConnections

Connect = Callable[[LogAddress], tuple[OneConnection, str]]
"""Connects to a Redis; returns the connection and the run id of that Redis."""

RedisCommand = Sequence[str | bytes | int | float]


class RedisAwayError(StoreError):
    """Redis cannot be reached. Nothing was sent to it."""


class RedisSilentError(StoreError):
    """The connection to Redis broke before the answer came: it may have done what it was told."""


class WrongPasswordError(StoreError):
    """Redis does not let this user in, or not with this password."""


def make_connection(
    address: LogAddress, password: str, answer_timeout: float | None = None
) -> OneConnection:
    """Return a connection that is not connected yet.

    Args:
        address: of a Redis, or of a sentinel.
        password: of the address' user, or "".
        answer_timeout: seconds that an answer may take; None is ANSWER_TIMEOUT.
    """
    common: dict[str, Any] = {
        "db": address.database,
        "username": address.user or None,
        "password": password or None,
        "socket_timeout": answer_timeout or ANSWER_TIMEOUT,
        "socket_connect_timeout": min(CONNECT_TIMEOUT, answer_timeout or CONNECT_TIMEOUT),
        "protocol": 2,
        "client_name": "backchannel",
    }
    kind: Any = SSLConnection if address.tls else Connection
    if address.path:
        kind, common["path"] = UnixDomainSocketConnection, address.path
    else:
        common |= {"host": address.host, "port": address.port}
    made: OneConnection = kind(**common)
    return made


def exchange(
    connection: AnyConnection,
    commands: Sequence[RedisCommand],
    hurried: Callable[[], bool] = lambda: False,
    timeout: float | None = None,
) -> list[Any]:
    """Send commands over a connection; return the replies, a ResponseError for one that failed.

    In a cluster a reply may also be a RedisAwayError or a RedisSilentError: of a node that could
    not be reached, or did not answer.

    Args:
        connection: nobody else uses it.
        commands: what is sent.
        hurried: whether an answer is to come soon, or is not waited for.
        timeout: seconds that it may take; None is ANSWER_TIMEOUT.

    Raises:
        ConnectionError, TimeoutError, OSError: the connection broke. It is not to be used again.
    """
    if isinstance(connection, ManyConnections):
        return connection.exchange(commands, hurried)
    send_commands(connection, commands)
    return read_replies(connection, len(commands), hurried, timeout)


def send_commands(connection: OneConnection, commands: Sequence[RedisCommand]) -> None:
    """Send commands, whose replies are then to be read. See `exchange`."""
    connection.send_packed_command(connection.pack_commands(commands))


def read_replies(
    connection: OneConnection,
    count: int,
    hurried: Callable[[], bool] = lambda: False,
    timeout: float | None = None,
) -> list[Any]:
    """Return the replies to so many commands that were sent. See `exchange`."""
    deadline = time.monotonic() + (timeout or ANSWER_TIMEOUT)
    while not connection.can_read(timeout=LOOK_INTERVAL):
        if hurried() or time.monotonic() >= deadline:
            raise TimeoutError("no answer came in time")
    return [_reply(connection) for _ in range(count)]


def is_broken(connection: OneConnection) -> bool:
    """Whether an idle connection was closed, or holds an answer that nobody waits for."""
    try:
        return connection.can_read()
    except LOST:
        return True


def fact(facts: bytes, name: str) -> str:
    """Return what the reply to INFO says of something; "" if it does not say."""
    for line in facts.decode().splitlines():
        key, _, value = line.partition(":")
        if key == name:
            return value
    return ""


def see_that_it_is_a_master(connection: OneConnection, address: LogAddress) -> None:
    """Close a connection that leads to a replica: whoever named it may not know the latest.

    Raises:
        RedisAwayError: it does.
    """
    try:
        (facts,) = exchange(connection, [("INFO", "replication")])
    except LOST as error:
        connection.disconnect()
        raise RedisAwayError(f"{address} did not answer: {error}") from error
    if isinstance(facts, bytes) and fact(facts, "role") != "master":
        connection.disconnect()
        raise RedisAwayError(f"{address} is a replica")


def _reply(connection: OneConnection) -> Any:
    try:
        return connection.read_response()
    except ResponseError as error:
        return error
