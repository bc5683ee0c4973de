"""Connections to Redis: taken from a pool, used for a few commands at once, given back.

While Redis cannot be reached, commands fail at once and nobody waits. Whoever watches Redis
(watcher.py) tells when it can be reached again.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from redis.exceptions import AuthenticationError, NoScriptError, RedisError, ResponseError

from chat_server.runtime.config.log_address import LogAddress
from chat_server.runtime.errors import StartError, StoreError
from chat_server.storage.redis.reach.redis_wire import (
    LOST,
    AnyConnection,
    RedisAwayError,
    RedisCommand,
    RedisSilentError,
    WrongPasswordError,
    exchange,
    fact,
    make_connection,
)
from chat_server.storage.redis.reach.sentinels import Sentinels
from chat_server.storage.redis.scripts import Script

log = logging.getLogger(__name__)

POOL_SIZE = 16
"""Connections of one process. Whoever finds none free waits for one."""


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
        self._sentinels = Sentinels(address, password) if address.sentinels else None
        self._master = address  # where the newest connection leads; any thread's
        self._free = threading.BoundedSemaphore(POOL_SIZE)
        # Guards the next three. A leaf.
        self._lock = threading.Lock()
        self._idle: list[AnyConnection] = []
        self._dropped = 0  # how often all connections were to be given up
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
            NoMasterError: there are sentinels, and none knows the master.
        """
        if self._sentinels is None:
            return self._connect(self._address)
        connection, run, self._master = self._sentinels.connect(self._connect)
        return connection, run

    def is_deposed(self) -> bool:
        """Whether a sentinel names another master than the one that was connected to last."""
        if self._sentinels is None:
            return False
        named = self._sentinels.named()
        return named is not None and named != self._master

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
        """Close the connections: they may be to a Redis that is not there, or no master any more.

        Whoever uses one still closes it afterwards.
        """
        with self._lock:
            idle, self._idle = self._idle, []
            self._dropped += 1
        for connection in idle:
            connection.disconnect()

    # -- below

    @contextmanager
    def _use(self) -> Iterator[AnyConnection]:
        reason = self._away()
        if reason is not None:
            raise RedisAwayError(f"Redis is away: {reason}")
        with self._free:
            connection, dropped = self._take()
            try:
                yield connection
            except LOST as error:
                connection.disconnect()
                self._lost(None)
                raise RedisSilentError(f"{self._address} did not answer: {error}") from error
            except BaseException:
                connection.disconnect()  # there may be an answer on it that nobody has read
                raise
            self._give_back(connection, dropped)

    def _take(self) -> tuple[AnyConnection, int]:
        """Return a connection, and how often all had been given up before."""
        while True:
            with self._lock:
                if self._closed:
                    raise RedisAwayError("the connections to Redis are closed")
                connection, dropped = self._idle.pop() if self._idle else None, self._dropped
            if connection is None:
                return self._open(), dropped
            if not _is_broken(connection):
                return connection, dropped
            connection.disconnect()

    def _open(self) -> AnyConnection:
        try:
            connection, run = self.connect()
        except StoreError as error:
            self._lost(str(error))
            raise RedisAwayError(str(error)) from error
        try:
            self._admit(run)
        except StoreError:
            connection.disconnect()
            raise
        return connection

    def _give_back(self, connection: AnyConnection, dropped: int) -> None:
        with self._lock:
            if not self._closed and dropped == self._dropped:
                self._idle.append(connection)
                return
        connection.disconnect()

    def _connect(self, address: LogAddress) -> tuple[AnyConnection, str]:
        """Connect to a Redis; return its run id, too."""
        made = make_connection(address, self._password)
        try:
            made.connect()
            (facts,) = exchange(made, [("INFO", "server")], self.is_hurried)
        except AuthenticationError as error:
            made.disconnect()
            raise WrongPasswordError(_refused(address, error)) from error
        except (*LOST, ResponseError) as error:
            made.disconnect()
            raise RedisAwayError(f"{address} cannot be reached: {error}") from error
        if isinstance(facts, ResponseError):  # the user may not ask
            made.disconnect()
            raise WrongPasswordError(_refused(address, facts))
        return made, fact(facts, "run_id")


def _refused(address: LogAddress, error: Exception) -> str:
    return (
        f"{address} does not let us in: {error}. Name a file that holds its password "
        "with --log-password-file, or set CHAT_LOG_PASSWORD."
    )


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


def _is_broken(connection: AnyConnection) -> bool:
    """Whether an idle connection was closed, or holds an answer that nobody waits for."""
    try:
        return connection.can_read()
    except LOST:
        return True


def _written(commands: Sequence[RedisCommand | Call], *, whole: bool) -> list[RedisCommand]:
    return [each.command(whole=whole) if isinstance(each, Call) else each for each in commands]
