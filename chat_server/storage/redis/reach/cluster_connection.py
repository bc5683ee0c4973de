"""A connection to all nodes of a Redis Cluster at once: each command goes to the node of its key.

Where a node that has rooms alone cannot be reached, the replies of its commands are errors, and all
others go on. Where the home node (cluster_nodes.py) cannot, nothing does.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from redis.crc import key_slot
from redis.exceptions import AskError, ClusterDownError, MovedError, TryAgainError

from chat_server.runtime.config.log_address import LogAddress
from chat_server.runtime.errors import StoreError
from chat_server.storage.redis.reach.cluster_nodes import HOME_SLOT, Nodes
from chat_server.storage.redis.reach.redis_wire import (
    LOST,
    ManyConnections,
    OneConnection,
    RedisAwayError,
    RedisCommand,
    RedisSilentError,
    is_broken,
    read_replies,
    send_commands,
)
from chat_server.storage.redis.scripts import FENCE, PREFIX, clustered_key

_NOT_DONE = (AskError, ClusterDownError, TryAgainError)
"""What a node replies that has not done what it was told: the keys are elsewhere, or on their way.
MovedError is an AskError.
"""

_ALL_KEYS = ("DEL", "EXISTS", "MGET")


class _Command(NamedTuple):
    """A command, and the hash slot of its keys."""

    slot: int
    words: RedisCommand


class ClusterConnection(ManyConnections):
    """The connection. Nobody else uses it meanwhile."""

    def __init__(self, nodes: Nodes, admit: Callable[[str], bool]) -> None:
        """
        Args:
            nodes: the nodes.
            admit: whether a run of Redis may be used, by its id.
        """
        self._nodes = nodes
        self._admit = admit
        self._open: dict[LogAddress, tuple[OneConnection, str]] = {}

    def connect_all(self) -> str:
        """Connect to all masters, whichever runs they are. Return their run ids.

        One that cannot be reached counts as the run that it was, if it was met before.

        Raises:
            RedisAwayError: the home node cannot be reached, or one that was never met.
            StoreError: one does not let us in.
        """
        masters = self._nodes.learn()
        try:
            runs = {each: self._meet(each, is_home=each == masters[0]) for each in masters}
        except StoreError:
            self.disconnect()
            raise
        self._nodes.note_runs(runs)
        return " ".join(sorted(runs.values()))

    def _meet(self, master: LogAddress, *, is_home: bool) -> str:
        """Connect to a master. Return its run id."""
        known = self._nodes.run_of(master)
        try:
            connection, run = self._nodes.connect_as_master(master)
        except RedisAwayError as error:
            if known is None or is_home:
                raise
            self._nodes.note_down(master, error)
            return known
        self._open[master] = connection, run
        self._nodes.note_up(master)
        return run

    def disconnect(self) -> None:
        """Close the connections to all nodes."""
        for connection, _ in self._open.values():
            connection.disconnect()
        self._open.clear()

    def drop_broken(self) -> None:
        """Close the connections that were closed at the other end."""
        for master, (connection, _) in list(self._open.items()):
            if is_broken(connection):
                connection.disconnect()
                del self._open[master]

    def can_read(self, timeout: float = 0) -> bool:
        """Whether the home node says something. It must have been connected to."""
        return self._home().can_read(timeout)

    def read_response(self) -> Any:
        """Return what the home node says."""
        return self._home().read_response()

    def exchange(self, commands: Sequence[RedisCommand], hurried: Callable[[], bool]) -> list[Any]:
        """Send commands, those to the home node first, and return the replies.

        What does not concern the home node has a StoreError for a reply if its node could not be
        reached. See `exchange` for what else a reply may be, and what is raised.
        """
        routed = [_routed(command) for command in commands]
        replies: list[Any] = [None] * len(routed)
        todo = list(range(len(routed)))
        self._exchange(routed, todo, replies, hurried)
        todo = [at for at in todo if isinstance(replies[at], MovedError)]
        if todo:  # once more, to where the keys have moved
            self._nodes.note_change()
            with suppress(StoreError):  # then these are not done
                self._nodes.learn()
                self._exchange(routed, todo, replies, hurried)
        return [_outcome(reply) for reply in replies]

    def run_of(self, key: str) -> str:
        """Return the run id of the node that has a room's key; "" if none has."""
        return self._nodes.run_of(self._nodes.master_of(key_slot(key.encode()))) or ""

    # -- below

    def _home(self) -> OneConnection:
        return next(iter(self._open.values()))[0]

    def _exchange(
        self,
        routed: Sequence[_Command],
        todo: Sequence[int],
        replies: list[Any],
        hurried: Callable[[], bool],
    ) -> None:
        """Send those commands that are named, and put the replies in their places."""
        home = self._nodes.master_of(HOME_SLOT)
        first = [at for at in todo if routed[at].slot == HOME_SLOT]
        if first:
            connection = self._send(home, [routed[at] for at in first])
            _fill(replies, first, read_replies(connection, len(first), hurried))
            missed = [replies[at] for at in first if isinstance(replies[at], _NOT_DONE)]
            if missed:  # what comes behind it is not to be done without it
                rest = [at for at in todo if at not in first]
                _fill(replies, rest, missed[:1] * len(rest))
                return
        groups: dict[LogAddress | None, list[int]] = {}
        for at in todo:
            if routed[at].slot != HOME_SLOT:
                groups.setdefault(self._nodes.master_of(routed[at].slot), []).append(at)
        sent: list[tuple[LogAddress | None, OneConnection]] = []
        for master, places in groups.items():
            try:
                sent.append((master, self._send(master, [routed[at] for at in places])))
            except StoreError as error:
                _fill(replies, places, [error] * len(places))
            except LOST as error:
                _fill(replies, places, [self._lose(master, error)] * len(places))
        for master, connection in sent:
            places = groups[master]
            try:
                _fill(replies, places, read_replies(connection, len(places), hurried))
            except LOST as error:
                _fill(replies, places, [self._lose(master, error)] * len(places))

    def _send(self, master: LogAddress | None, commands: Sequence[_Command]) -> OneConnection:
        """Send commands to a master. Return the connection on which the replies come.

        Raises:
            RedisAwayError: nothing was sent.
            ConnectionError, TimeoutError, OSError: something may have been.
        """
        connection, run = self._connection(master)
        fence = self._nodes.fence(run)
        send_commands(
            connection,
            [(*c.words[:-1], fence) if c.words[-1] is FENCE else c.words for c in commands],
        )
        return connection

    def _connection(self, master: LogAddress | None) -> tuple[OneConnection, str]:
        """Return a connection to a master, and which run of Redis that is.

        Raises:
            RedisAwayError: it cannot be reached, or may not be used yet.
        """
        if master is None:
            raise RedisAwayError("no node of the cluster has these keys just now")
        if self._nodes.is_down(master):
            raise RedisAwayError(f"{master} does not answer")
        found = self._open.get(master)
        if found is not None:
            return found
        try:
            connection, run = self._nodes.connect_as_master(master)
        except StoreError as error:
            self._nodes.note_down(master, error)
            raise RedisAwayError(str(error)) from error
        if not self._admit(run):
            connection.disconnect()
            raise RedisAwayError(f"{master} was restarted, and is being looked at")
        self._open[master] = connection, run
        return connection, run

    def _lose(self, master: LogAddress | None, error: Exception) -> RedisSilentError:
        """Give up the connection to a node. Return what that means for what was sent."""
        assert master is not None
        self._open.pop(master)[0].disconnect()
        self._nodes.note_down(master, error)
        return RedisSilentError(f"{master} did not answer: {error}")


def _fill(replies: list[Any], places: Sequence[int], found: Sequence[Any]) -> None:
    for at, reply in zip(places, found, strict=True):
        replies[at] = reply


def _routed(command: RedisCommand) -> _Command:
    """Return a command with the keys that it has in a cluster, and their hash slot."""
    words = list(command)
    if words[0] in ("EVAL", "EVALSHA"):
        places = range(3, 3 + int(words[2]))
    elif words[0] in _ALL_KEYS:
        places = range(1, len(words))
    else:
        places = range(1, min(2, len(words)))
    slot = HOME_SLOT
    for at in places:
        word = words[at]
        if isinstance(word, str) and word.startswith(PREFIX):
            words[at] = key = clustered_key(word)
            slot = key_slot(key.encode())
    return _Command(slot, words)


def _outcome(reply: Any) -> Any:
    if isinstance(reply, _NOT_DONE):
        return RedisAwayError(f"the cluster is being changed: {reply}")
    return reply
