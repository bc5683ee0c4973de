"""The name of the log in Redis: another one when Redis may have lost its tail.

Redis keeps what it was told only as well as its settings say. After a restart, a failover to a
replica or a restored backup the last messages may be missing, and their numbers are given out
again. Each run of a Redis server has an id of its own. So whoever first meets another run than the
one that is noted writes down where every room ends, before anybody appends to it (`settle`).

A server that was running compares that with what it knew. Where a room ends earlier, the log gets
another name, and it is kept where the rooms ended under the one before. A server that starts knows
nothing, so it gives the log another name in any case. That does no harm, as nobody is connected to
it: both names have all messages in common then.
"""

import secrets
from collections.abc import Iterable, Mapping, Set
from typing import Any

from redis.exceptions import ReadOnlyError, RedisError

from chat_server.runtime.errors import StartError, StoreError
from chat_server.storage.redis.connections import Call, Connections
from chat_server.storage.redis.reach.redis_wire import (
    AnyConnection,
    ManyConnections,
    RedisAwayError,
    RedisCommand,
    exchange,
)
from chat_server.storage.redis.scripts import BEGIN_LOG, PREFIX, ROOMS, SESSION_COUNTER, room_key

KEPT = 100
"""Names that are remembered. A reader of an older one begins at the first message."""

FORMAT = "1"
"""The version of what is kept in Redis."""

SETTLE_TIME = 10_000
"""Milliseconds that writing down where the rooms end may take. Another process does it then."""

NUMBERS_SKIPPED = 1_000_000
"""Numbers of sessions that are left out with each run: more than Redis may have lost."""

EVERYTHING = 2**52
"""Behind every seq: where a log is the same under two names to its end."""

CONFIRMED = f"{PREFIX}{{log}}:confirmed"
"""The key of the date that was confirmed last."""

_FORMAT = f"{PREFIX}{{log}}:format"
_NAMES = f"{PREFIX}{{log}}:names"
_RUN = f"{PREFIX}{{log}}:run"
_ENDS = f"{PREFIX}{{log}}:ends"
_SETTLING = f"{PREFIX}{{log}}:settling"
_PLACES = f"{PREFIX}{{log}}:places"
"""In a cluster: the run of the node that each room was on when the ends were noted."""


def _forks(name: str) -> str:
    return f"{PREFIX}{{log}}:forks:{name}"


class LogNames:
    """The names, of which the last is the present one.

    Attributes:
        name: the present one; "" until `settle` has found it.
        run: the run of Redis that was looked at last.
    """

    def __init__(self) -> None:
        self.name = ""
        self.run = ""

    def check_format(self, connection: AnyConnection) -> None:
        """See that what is kept is of this version, or that nothing is kept yet.

        Raises:
            StartError: another version wrote it, or nothing can be written.
            ConnectionError, TimeoutError, OSError: the connection broke.
        """
        written, found = exchange(connection, [("SETNX", _FORMAT, FORMAT), ("GET", _FORMAT)])
        if isinstance(written, ReadOnlyError):
            raise StartError(
                "this Redis is a replica, which nobody may write to. Name its master with --log."
            )
        for reply in (written, found):
            if isinstance(reply, RedisError):
                raise StartError(f"Redis refuses to keep the logs: {reply}.")
        if found != FORMAT.encode():
            raise StartError(
                f"the logs in Redis have the format {found.decode(errors='replace')!r}, and this "
                f"version reads the format {FORMAT!r}. Use the version that wrote them, or another "
                "database."
            )

    def settle(
        self, connection: AnyConnection, run: str, lasts: Mapping[str, int] | None
    ) -> Mapping[str, int] | None:
        """Find the name of the log in a run of Redis, and give it another one if need be.

        Args:
            connection: to that Redis; nobody uses it meanwhile.
            run: the id of its run.
            lasts: the last message of each room, as far as it is known here; None at a start.

        Returns: where the rooms end, if some of them have lost messages that were known here.

        Raises:
            RedisAwayError: another process is looking at it just now. Try again.
            StoreError: Redis refuses.
            ConnectionError, TimeoutError, OSError: the connection broke.
        """
        recorded, name = _ask(connection, ("GET", _RUN), ("LINDEX", _NAMES, -1))
        present = name.decode() if name else ""
        others = set(run.split()) - set((recorded or b"").decode().split())
        is_another = bool(others)
        if is_another:
            self._note_ends(connection, run, others, lasts or ())
        ends = _read_ends(connection)
        unseen = others | (set(run.split()) - set((self.run or run).split()))
        places = _read_places(connection)
        known = {
            room: last
            for room, last in (lasts or {}).items()
            if (place := _run_of(connection, room, run)) in unseen
            and (place == run or places.get(room) == place)  # or it was moved there since
        }
        lost = any(last > ends.get(room, 0) for room, last in known.items())
        if not present or lost or (is_another and lasts is None):
            before = self.name if lost and not is_another else present
            keys = (_NAMES, _ENDS, _forks(before))
            begin = Call(BEGIN_LOG, keys, (before, secrets.token_urlsafe(9), KEPT))
            (found,) = _ask(connection, begin.command(whole=True))
            present = found.decode()
            if before and isinstance(connection, ManyConnections):
                _keep_the_rest(connection, run, unseen, _forks(before))
        if is_another:
            _ask(connection, ("SET", _RUN, run), ("DEL", _SETTLING))
        self.name, self.run = present, run
        rest = {room: last for room, last in (lasts or {}).items() if room not in known}
        return {**ends, **rest} if lost else None

    def common(self, connections: Connections, room: str, name: str, seq: int) -> int | None:
        """Return the last message up to `seq` that a log of another name shares with this one.

        Args:
            connections: to Redis.
            room: whose.
            name: the log that a reader knows.
            seq: how far the reader has come in it.

        Returns: its seq; 0 if there is none or it cannot be known; None if this is that log.

        Raises:
            StoreError: Redis could not be asked.
        """
        if name == self.name:
            return None
        names = [each.decode() for each in connections.ask("LRANGE", _NAMES, 0, -1)]
        if name not in names[:-1]:
            return 0
        since = names[names.index(name) : -1]
        forks = connections.ask_all([("HGET", _forks(each), room) for each in since])
        return min(seq, *(int(fork or 0) for fork in forks))

    def _note_ends(
        self, connection: AnyConnection, run: str, others: Set[str], known: Iterable[str]
    ) -> None:
        """Write down where every room ends, before anybody appends in this run.

        In a cluster: where the rooms end that are on nodes which are another run than before. What
        is on the other nodes goes on meanwhile.
        """
        (mine,) = _ask(connection, ("SET", _SETTLING, run, "NX", "PX", SETTLE_TIME))
        if mine is None:
            raise RedisAwayError("another server is looking at what Redis has after a restart")
        if isinstance(connection, ManyConnections) and known:
            _ask(connection, ("SADD", ROOMS, *known))  # the home node may have lost some
        (found,) = _ask(connection, ("SMEMBERS", ROOMS))
        rooms = [room for room in found if _run_of(connection, room.decode(), run) in others]
        lasts = _ask(
            connection, *[("HGET", room_key(room.decode(), "meta"), "last") for room in rooms]
        )
        ends = [
            part for room, last in zip(rooms, lasts, strict=True) if last for part in (room, last)
        ]
        if len(rooms) == len(found):
            _ask(connection, ("DEL", _ENDS))
        elif rooms:
            _ask(connection, ("HDEL", _ENDS, *rooms))
        if ends:
            _ask(connection, ("HSET", _ENDS, *ends))
        if rooms and isinstance(connection, ManyConnections):
            places = [(room, connection.run_of(room_key(room.decode(), "meta"))) for room in rooms]
            _ask(connection, ("HSET", _PLACES, *(part for each in places for part in each)))
        # A session of which Redis lost the number keeps it in memory; nobody else may get it.
        _ask(connection, ("INCRBY", SESSION_COUNTER, NUMBERS_SKIPPED))


def _run_of(connection: AnyConnection, room: str, run: str) -> str:
    """Return the run of Redis that has a room: in a cluster, of its node."""
    if isinstance(connection, ManyConnections):
        return connection.run_of(room_key(room, "meta"))
    return run


def _keep_the_rest(connection: AnyConnection, run: str, unseen: Set[str], forks: str) -> None:
    """Note that the rooms on other nodes go on as they were, under the next name of the log."""
    (rooms,) = _ask(connection, ("SMEMBERS", ROOMS))
    rest = [room for room in rooms if _run_of(connection, room.decode(), run) not in unseen]
    if rest:
        _ask(connection, ("HSET", forks, *(part for room in rest for part in (room, EVERYTHING))))


def _read_places(connection: AnyConnection) -> dict[str, str]:
    """Return on which run each room was when it was written down where it ends; in a cluster."""
    if not isinstance(connection, ManyConnections):
        return {}
    (found,) = _ask(connection, ("HGETALL", _PLACES))
    return {room.decode(): run.decode() for room, run in zip(found[::2], found[1::2], strict=True)}


def _read_ends(connection: AnyConnection) -> dict[str, int]:
    (found,) = _ask(connection, ("HGETALL", _ENDS))
    return {room.decode(): int(last) for room, last in zip(found[::2], found[1::2], strict=True)}


def _ask(connection: AnyConnection, *commands: Any) -> list[Any]:
    if not commands:
        return []
    replies = exchange(connection, commands)
    for reply in replies:
        if isinstance(reply, StoreError):
            raise reply
        if isinstance(reply, RedisError):
            raise StoreError(f"Redis refuses: {reply}") from reply
    return replies


def read_names(connections: Connections) -> dict[str, dict[str, int]]:
    """Return the names of the log, the present one last, and where rooms ended under each.

    Raises:
        StoreError: Redis could not be asked.
    """
    names = [name.decode() for name in connections.ask("LRANGE", _NAMES, 0, -1)]
    found = connections.ask_all([("HGETALL", _forks(name)) for name in names])
    return {
        name: {room.decode(): int(last) for room, last in zip(forks[::2], forks[1::2], strict=True)}
        for name, forks in zip(names, found, strict=True)
    }


def write_names(connections: Connections, names: Mapping[str, Mapping[str, int]], run: str) -> None:
    """Write the names of a log that was moved here, which has the last of them still.

    Args:
        connections: to Redis, which has no name of the log yet.
        names: as `read_names` returns them.
        run: the id of this run of Redis.

    Raises:
        StoreError: Redis could not be asked, or refuses.
    """
    commands: list[RedisCommand] = [("SET", _RUN, run), ("RPUSH", _NAMES, *names)]
    for name, forks in names.items():
        if forks:
            parts = [part for fork in forks.items() for part in fork]
            commands.append(("HSET", _forks(name), *parts))
    connections.ask_all(commands)
