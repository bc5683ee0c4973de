"""Connections to Redis: taken from a pool, used for a few commands at once, given back.

While Redis cannot be reached, commands fail at once and nobody waits. Whoever watches Redis
(watcher.py) tells when it can be reached again.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from redis.exceptions import AuthenticationError, NoScriptError, RedisError, ResponseError

from chat_server.runtime.config.log_address import LogAddress
from chat_server.runtime.errors import StartError, StoreError
from chat_server.storage.redis.reach.cluster_connection import ClusterConnection
from chat_server.storage.redis.reach.cluster_nodes import PROBE_TIMEOUT, Nodes
from chat_server.storage.redis.reach.redis_wire import (
    LOST,
    AnyConnection,
    ManyConnections,
    OneConnection,
    RedisAwayError,
    RedisCommand,
    RedisSilentError,
    WrongPasswordError,
    exchange,
    fact,
    is_broken,
    make_connection,
)
from chat_server.storage.redis.reach.sentinels import Sentinels
from chat_server.storage.redis.scripts import FENCE, Script

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

    def command(self, *, whole: bool, in_cluster: bool = False) -> RedisCommand:
        """Return it as a command: by the script's hash, or with the whole script."""
        script = self.script.in_cluster if in_cluster else self.script
        name, text = ("EVAL", script.text) if whole else ("EVALSHA", script.sha)
        fence = (FENCE,) if in_cluster and self.script.is_fenced else ()
        return (name, text, len(self.keys), *self.keys, *self.arguments, *fence)


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
        self.nodes = Nodes(address, self._connect, self._probe) if address.nodes else None
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
        if self.nodes is not None:
            nodes = ClusterConnection(self.nodes, self._admits)
            return nodes, nodes.connect_all()
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

    def is_changed(self) -> bool:
        """Return whether the masters of a cluster are to be looked at. See `Nodes.take_changed`."""
        return self.nodes is not None and self.nodes.take_changed()

    def clocks(self) -> Mapping[str, float]:
        """Return what time it is for each node of a cluster. See `Nodes.clocks`."""
        return {} if self.nodes is None else self.nodes.clocks()

    def hold(self, clocks: Mapping[str, float], milliseconds: int) -> None:
        """Note that the lease was renewed after the clocks had been read. See `Nodes.hold`."""
        if self.nodes is not None:
            self.nodes.hold(clocks, milliseconds)

    def take_missed(self) -> bool:
        """Return whether something may not have been told. See `Nodes.take_missed`."""
        return self.nodes is not None and self.nodes.take_missed()

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
            if isinstance(reply, StoreError):
                raise reply
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
            replies = exchange(connection, self._written(commands, whole=False), self.is_hurried)
            if any(isinstance(reply, NoScriptError) for reply in replies):
                again = exchange(connection, self._written(commands, whole=True), self.is_hurried)
                replies = list(map(_known_now, replies, again))
            return replies

    def close(self) -> None:
        """Close the connections. Whoever uses one still closes it afterwards."""
        with self._lock:
            self._closed = True
        self.drop_idle()
        if self.nodes is not None:
            self.nodes.close()

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

    def _written(
        self, commands: Sequence[RedisCommand | Call], *, whole: bool
    ) -> list[RedisCommand]:
        spread = self.nodes is not None
        return [
            each.command(whole=whole, in_cluster=spread) if isinstance(each, Call) else each
            for each in commands
        ]

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
            if isinstance(connection, ManyConnections):
                connection.drop_broken()
                return connection, dropped
            if not is_broken(connection):
                return connection, dropped
            connection.disconnect()

    def _open(self) -> AnyConnection:
        if self.nodes is not None:
            return ClusterConnection(self.nodes, self._admits)
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

    def _admits(self, run: str) -> bool:
        """Whether a node may be used, by its run id."""
        try:
            self._admit(run)
        except StoreError:
            return False
        return True

    def _probe(self, address: LogAddress) -> tuple[OneConnection, str]:
        """Connect to a Redis, and wait for no longer than PROBE_TIMEOUT."""
        return self._connect(address, PROBE_TIMEOUT)

    def _connect(
        self, address: LogAddress, timeout: float | None = None
    ) -> tuple[OneConnection, str]:
        """Connect to a Redis; return its run id, too."""
        made = make_connection(address, self._password, timeout)
        try:
            made.connect()
            (facts,) = exchange(made, [("INFO", "server")], self.is_hurried, timeout)
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
            "this Redis is a node of a Redis Cluster. Write redis+cluster:// in place of redis://, "
            "without a database."
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


def _known_now(first: Any, again: Any) -> Any:
    """Return what is known of a command that was sent twice: perhaps it was done the first time."""
    was_lost = isinstance(first, RedisSilentError) and isinstance(again, RedisAwayError)
    return first if was_lost else again
