"""Connections to Redis: taken from a pool, used for a few commands at once, given back.

Nothing is sent twice behind anybody's back: redis-py's own retries are off. An error says which of
two things happened. Nothing was sent (RedisAwayError), or something was and no answer came
(RedisSilentError): then nobody knows whether it was done.

While Redis cannot be reached, commands fail at once and nobody waits. Whoever watches Redis
(watcher.py) tells when it can be reached again.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol

from redis.connection import Connection, SSLConnection, UnixDomainSocketConnection
from redis.exceptions import (
    AuthenticationError,
    ConnectionError,
    NoScriptError,
    RedisError,
    ResponseError,
    TimeoutError,
)

from chat_server.runtime.config.log_address import LogAddress
from chat_server.runtime.errors import StartError, StoreError
from chat_server.storage.redis.scripts import Script

log = logging.getLogger(__name__)

CONNECT_TIMEOUT = 2.0
"""Seconds that connecting may take."""

ANSWER_TIMEOUT = 5.0
"""Seconds that an answer may take. Redis answers in less than a millisecond, unless its disk is
slow or somebody runs a long command.
"""

LOOK_INTERVAL = 0.5
"""Seconds after which somebody who waits for an answer looks whether the server stops."""

POOL_SIZE = 16
"""Connections of one process. Whoever finds none free waits for one."""

_LOST = (ConnectionError, TimeoutError, OSError)


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


class Call(NamedTuple):
    """A script that is to be run.

    Attributes:
        script: which.
        keys: the keys that it uses.
        arguments: what it is told besides.
    """

    script: Script
    keys: Sequence[str]
    arguments: Sequence[str | bytes | int | float] = ()

    def command(self, *, whole: bool) -> RedisCommand:
        """Return it as a command: by the script's hash, or with the whole script."""
        name, text = ("EVAL", self.script.text) if whole else ("EVALSHA", self.script.sha)
        return (name, text, len(self.keys), *self.keys, *self.arguments)


class Connections:
    """The pool. Any thread may call any method."""

    def __init__(
        self,
        address: LogAddress,
        password: str,
        admit: Callable[[str], None],
        lost: Callable[[str | None], None],
        away: Callable[[], str | None],
    ) -> None:
        """
        Args:
            address: where Redis is.
            password: of the address' user, or "".
            admit: is told the run id of the Redis at the other end of each new connection; raises
                StoreError if it is not to be used.
            lost: called when a connection breaks, or with the reason when none can be made; it
                must be quick.
            away: returns why Redis cannot be used just now; None while it can.
        """
        self._address = address
        self._password = password
        self._admit = admit
        self._lost = lost
        self._away = away
        self._free = threading.BoundedSemaphore(POOL_SIZE)
        # Guards the next two. A leaf.
        self._lock = threading.Lock()
        self._idle: list[AnyConnection] = []
        self._closed = False
        self._hurried = False

    def hurry(self) -> None:
        """Wait for no answer that does not come soon, as the server stops."""
        self._hurried = True

    def is_hurried(self) -> bool:
        """Whether the server stops."""
        return self._hurried

    def connect(self) -> tuple[AnyConnection, str]:
        """Return a new connection that is none of the pool's, and the run id of that Redis.

        Raises:
            RedisAwayError: Redis cannot be reached.
            WrongPasswordError: it does not let us in.
        """
        made = self._make()
        try:
            made.connect()
            (facts,) = exchange(made, [("INFO", "server")], self.is_hurried)
        except AuthenticationError as error:
            made.disconnect()
            raise WrongPasswordError(self._refused(error)) from error
        except (*_LOST, ResponseError) as error:
            made.disconnect()
            raise RedisAwayError(f"{self._address} cannot be reached: {error}") from error
        if isinstance(facts, ResponseError):  # the user may not ask
            made.disconnect()
            raise WrongPasswordError(self._refused(facts))
        return made, fact(facts, "run_id")

    def ask(self, *command: str | bytes | int | float) -> Any:
        """Send one command and return its reply.

        Raises:
            StoreError: Redis cannot be reached, or refuses.
        """
        return self.ask_all([command])[0]

    def ask_all(self, commands: Sequence[RedisCommand | Call]) -> list[Any]:
        """Send commands in one go and return their replies.

        Raises:
            StoreError: Redis cannot be reached, or refuses one of them.
        """
        replies = self.send(commands)
        for reply in replies:
            if isinstance(reply, RedisError):
                raise StoreError(f"Redis refuses: {reply}") from reply
        return replies

    def send(self, commands: Sequence[RedisCommand | Call]) -> list[Any]:
        """Send commands in one go; return their replies, a ResponseError for one that failed.

        Where Redis does not know a script any more (SCRIPT FLUSH, a restart), all of them are sent
        again with the whole scripts. So each of them must be one that may be sent twice.

        Raises:
            RedisAwayError: nothing was sent.
            RedisSilentError: it was sent; whether it was done is not known.
        """
        if not commands:
            return []
        with self._use() as connection:
            replies = exchange(connection, _written(commands, whole=False), self.is_hurried)
            if any(isinstance(reply, NoScriptError) for reply in replies):
                replies = exchange(connection, _written(commands, whole=True), self.is_hurried)
            return replies

    def close(self) -> None:
        """Close the connections. Whoever uses one still closes it afterwards."""
        with self._lock:
            self._closed = True
        self.drop_idle()

    def drop_idle(self) -> None:
        """Close the connections that nobody uses: they may be to a Redis that is not there."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.disconnect()

    # -- below

    @contextmanager
    def _use(self) -> Iterator[AnyConnection]:
        reason = self._away()
        if reason is not None:
            raise RedisAwayError(f"Redis is away: {reason}")
        with self._free:
            connection = self._take()
            try:
                yield connection
            except _LOST as error:
                connection.disconnect()
                self._lost(None)
                raise RedisSilentError(f"{self._address} did not answer: {error}") from error
            except BaseException:
                connection.disconnect()  # there may be an answer on it that nobody has read
                raise
            self._give_back(connection)

    def _take(self) -> AnyConnection:
        while True:
            with self._lock:
                if self._closed:
                    raise RedisAwayError("the connections to Redis are closed")
                connection = self._idle.pop() if self._idle else None
            if connection is None:
                return self._open()
            if not _is_broken(connection):
                return connection
            connection.disconnect()

    def _open(self) -> AnyConnection:
        try:
            connection, run = self.connect()
        except RedisAwayError as error:
            self._lost(str(error))
            raise
        try:
            self._admit(run)
        except StoreError:
            connection.disconnect()
            raise
        return connection

    def _give_back(self, connection: AnyConnection) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(connection)
                return
        connection.disconnect()

    def _make(self) -> AnyConnection:
        address = self._address
        common: dict[str, Any] = {
            "db": address.database,
            "username": address.user or None,
            "password": self._password or None,
            "socket_timeout": ANSWER_TIMEOUT,
            "socket_connect_timeout": CONNECT_TIMEOUT,
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

    def _refused(self, error: Exception) -> str:
        return (
            f"{self._address} does not let us in: {error}. Name a file that holds its password "
            "with --log-password-file, or set CHAT_LOG_PASSWORD."
        )


def exchange(
    connection: AnyConnection,
    commands: Sequence[RedisCommand],
    hurried: Callable[[], bool] = lambda: False,
) -> list[Any]:
    """Send commands over a connection; return the replies, a ResponseError for one that failed.

    Args:
        connection: nobody else uses it.
        commands: what is sent.
        hurried: whether an answer is to come soon, or is not waited for.

    Raises:
        ConnectionError, TimeoutError, OSError: the connection broke. It is not to be used again.
    """
    connection.send_packed_command(connection.pack_commands(commands))
    deadline = time.monotonic() + ANSWER_TIMEOUT
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


def refuse_cluster(connection: AnyConnection) -> None:
    """See that Redis is no node of a Redis Cluster.

    Raises:
        StartError: it is one.
        ConnectionError, TimeoutError, OSError: the connection broke.
    """
    (facts,) = exchange(connection, [("INFO", "cluster")])
    if isinstance(facts, bytes) and fact(facts, "cluster_enabled") == "1":
        raise StartError(
            "this Redis is a node of a Redis Cluster, where one script cannot append to a room and "
            "tell all servers. Name a Redis without cluster-enabled; it may have replicas."
        )


def warn_of_settings(connection: AnyConnection) -> None:
    """Warn of settings of Redis with which it may throw messages away."""
    memory, persistence = exchange(connection, [("INFO", "memory"), ("INFO", "persistence")])
    if isinstance(memory, bytes) and fact(memory, "maxmemory_policy") not in ("noeviction", ""):
        log.warning(
            "Redis throws keys away when its memory is full (maxmemory-policy). Set it to "
            "noeviction, or messages will be lost."
        )
    if isinstance(persistence, bytes) and fact(persistence, "aof_enabled") == "0":
        log.warning(
            "Redis keeps no append-only file: what was said since its last snapshot is lost when "
            "it ends. Set appendonly yes."
        )


def _reply(connection: AnyConnection) -> Any:
    try:
        return connection.read_response()
    except ResponseError as error:
        return error


def _is_broken(connection: AnyConnection) -> bool:
    """Whether an idle connection was closed, or holds an answer that nobody waits for."""
    try:
        return connection.can_read()
    except _LOST:
        return True


def _written(commands: Sequence[RedisCommand | Call], *, whole: bool) -> list[RedisCommand]:
    return [each.command(whole=whole) if isinstance(each, Call) else each for each in commands]
