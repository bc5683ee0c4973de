"""One connection to a Redis: what is sent over it, what comes back, and what went wrong.

Nothing is sent twice behind anybody's back: redis-py's own retries are off. An error says which of
two things happened. Nothing was sent (RedisAwayError), or something was and no answer came
(RedisSilentError): then nobody knows whether it was done.
"""

import time
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


class AnyConnection(Protocol):
    """A connection of redis-py, as far as it is used here."""

    def connect(self) -> None: ...
    def disconnect(self) -> None: ...
    def can_read(self, timeout: float = 0) -> bool: ...
    def read_response(self) -> Any: ...
    def pack_commands(self, commands: Sequence["RedisCommand"]) -> Any: ...
    def send_packed_command(self, command: Any) -> None: ...


RedisCommand = Sequence[str | bytes | int | float]


class RedisAwayError(StoreError):
    """Redis cannot be reached. Nothing was sent to it."""


class RedisSilentError(StoreError):
    """The connection to Redis broke before the answer came: it may have done what it was told."""


class WrongPasswordError(StoreError):
    """Redis does not let this user in, or not with this password."""


def make_connection(
    address: LogAddress, password: str, answer_timeout: float | None = None
) -> AnyConnection:
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
    made: AnyConnection = kind(**common)
    return made


def exchange(
    connection: AnyConnection,
    commands: Sequence[RedisCommand],
    hurried: Callable[[], bool] = lambda: False,
    timeout: float | None = None,
) -> list[Any]:
    """Send commands over a connection; return the replies, a ResponseError for one that failed.

    Args:
        connection: nobody else uses it.
        commands: what is sent.
        hurried: whether an answer is to come soon, or is not waited for.
        timeout: seconds that it may take; None is ANSWER_TIMEOUT.

    Raises:
        ConnectionError, TimeoutError, OSError: the connection broke. It is not to be used again.
    """
    connection.send_packed_command(connection.pack_commands(commands))
    deadline = time.monotonic() + (timeout or ANSWER_TIMEOUT)
    while not connection.can_read(timeout=LOOK_INTERVAL):
        if hurried() or time.monotonic() >= deadline:
            raise TimeoutError("no answer came in time")
    return [_reply(connection) for _ in commands]


def fact(facts: bytes, name: str) -> str:
    """Return what the reply to INFO says of something; "" if it does not say."""
    for line in facts.decode().splitlines():
        key, _, value = line.partition(":")
        if key == name:
            return value
    return ""


def _reply(connection: AnyConnection) -> Any:
    try:
        return connection.read_response()
    except ResponseError as error:
        return error
