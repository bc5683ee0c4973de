"""Which processes live, and what each says of itself.

Each process has a lease, a key that goes by itself unless it is renewed. The key holds what the
process says of itself. A set names all processes that were ever seen, so that the others can tell
which of them have died, and delete what those have left behind.

Nobody waits for a process without a lease, so it lets nobody do anything until it has one again: it
has one only once it has made what the others wrote of people (redis_writes.py).
"""

import logging
import time
from functools import partial

from msgspec import DecodeError, json

from chat_server.runtime.errors import StoreError
from chat_server.storage.interface import EngineHealth, ProcessFacts
from chat_server.storage.redis.connections import (
    Call,
    Connections,
)
from chat_server.storage.redis.processes.redis_writes import WRITES_KEYS
from chat_server.storage.redis.scripts import BURY, LEASES, PREFIX, PROCESSES, Script

log = logging.getLogger(__name__)

LEASE = 15_000
"""Milliseconds after which a process that does not renew its lease counts as dead."""

STARTING_LEASE = 120_000
"""Milliseconds that a process may take to start. Then the watcher renews its lease."""

NO_LEASE = "other servers may take this one for dead"

CLOCKS_APART = 5
"""Seconds by which the clock of this machine may differ from Redis' without a word."""

PORTION = 500
"""Nicks of a dead process that are freed in one step."""

_ALL = f"{PREFIX}seen"
"""The set of the processes that were not buried yet."""

RENEW_LEASE = Script(
    f"""
-- KEYS: the lease, the set of all, who is in the rooms of this process, the end of the writes, what
-- is made of them. ARGV: this process, what it says of itself, for how many milliseconds, the
-- number that it has to have made at least; that is the last one, if the lease had ended; 0 at
-- the start; what is told to all once it is renewed.
local was_there = redis.call('EXISTS', KEYS[1])
local last = tonumber(redis.call('HGET', KEYS[4], 'number') or '0')
local made = tonumber(redis.call('HGET', KEYS[5], ARGV[1]) or '0')
local due = math.min(tonumber(ARGV[4]), last)
if was_there == 0 and tonumber(ARGV[4]) > 0 then due = last end
if made < due then return {{was_there, last, 0}} end
if was_there == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end  -- also without memory left
redis.call('PEXPIRE', KEYS[3], ARGV[3])
local kept = redis.pcall('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
if kept.err and was_there == 0 then return redis.error_reply(kept.err) end
redis.pcall('SADD', KEYS[2], ARGV[1])
redis.call('PUBLISH', '{PROCESSES}', ARGV[5])
return {{was_there, last, 1, redis.call('TIME')[1]}}
"""
)
"""Renews a lease, unless its process is behind. Returns whether it was there, the number of the
last write, whether it is renewed, and if so what time it is.

So a process that cannot make what others write, as its disk is full, has no lease before long.
"""

_now = partial(time.clock_gettime, getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
"""Seconds by a clock that never jumps, and goes on while the machine sleeps, where it has one."""

_wall = time.time
"""The clock of this machine."""

_facts = json.Decoder(ProcessFacts)


def claims_key(process: str) -> str:
    """Return the key of the set of what the nicks look like that a process has claimed."""
    return f"{PREFIX}nicks:{process}"


def members_key(process: str) -> str:
    """Return the key of the hash of who is in the rooms of a process."""
    return f"{PREFIX}members:{process}"


class LeaseRefusedError(StoreError):
    """A lease is not renewed: others could not count on this process."""


class Living:
    """The processes on one Redis. Any thread may call any method."""

    def __init__(self, connections: Connections, process: str) -> None:
        """
        Args:
            connections: to Redis.
            process: what the others know this process by.
        """
        self._connections = connections
        self._process = process
        # Written by the watcher's thread, or before it is started; read by all.
        self._until = 0.0  # when the lease ends unless it is renewed, by `_now`
        self._due = 0  # the last write of people at the last renewal: it is to be made by the next
        # How Redis is doing: each written by the thread that renews the lease.
        self._round_trip = self._lag = 0.0
        self._count = 1
        self._is_apart = False  # whether the clock is, and that is told

    @property
    def has_lease(self) -> bool:
        """Whether the others count on this process. See `Neighbours.has_lease`."""
        return _now() < self._until

    def begin(self) -> None:
        """Have a lease for as long as starting may take, and say nothing of this process yet.

        Raises:
            StoreError: Redis could not be asked.
        """
        self._extend(b"", STARTING_LEASE)

    def health(self) -> EngineHealth:
        """Return how Redis was doing when the lease was renewed last."""
        return EngineHealth(self._round_trip, self._lag, self._count)

    def hear_echo(self, told: str) -> None:
        """Note that what `renew` has told this process itself has come: at which moment it did."""
        self._lag = _now() - float(told)

    def renew(self, facts: ProcessFacts) -> bool:
        """Renew the lease. Return whether it had not ended meanwhile.

        Args:
            facts: what this process says of itself.

        Raises:
            LeaseRefusedError: this process has yet to make what others have written.
            StoreError: Redis could not be asked.
        """
        return self._extend(json.encode(facts), LEASE)

    def _extend(self, said: bytes, milliseconds: int) -> bool:
        keys = (f"{LEASES}{self._process}", _ALL, members_key(self._process), *WRITES_KEYS)
        clocks = self._connections.clocks()
        begun = _now()
        echo = f"{self._process} echo {begun!r}"
        call = Call(RENEW_LEASE, keys, (self._process, said, milliseconds, self._due, echo))
        ((was_there, last, is_renewed, *redis_time),) = self._connections.ask_all([call])
        self._round_trip = _now() - begun
        if not is_renewed:
            raise LeaseRefusedError("this server has not made yet what others wrote of people")
        self._until, self._due = begun + milliseconds / 1000, last
        self._connections.hold(clocks, milliseconds)
        self._compare_clocks(_wall() - int(redis_time[0]))
        return bool(was_there)

    def _compare_clocks(self, ahead: float) -> None:
        """Say it where the clock of this machine is not that of the others, or is again."""
        is_apart = abs(ahead) > CLOCKS_APART
        if is_apart and not self._is_apart:
            log.warning(
                "the clock of this machine is %.0f s %s that of Redis: bans, mutes and freezes of "
                "other servers end at another time here. Set it, with NTP for instance",
                abs(ahead),
                "ahead of" if ahead > 0 else "behind",
            )
        elif self._is_apart and not is_apart:
            log.warning("the clock of this machine is that of Redis again")
        self._is_apart = is_apart

    def end(self) -> None:
        """End the lease: let others have all nicks of this process at once.

        Raises:
            StoreError: Redis could not be asked. They have them when the lease ends.
        """
        self._until = 0.0
        self._connections.ask_all(
            [
                ("DEL", f"{LEASES}{self._process}", members_key(self._process)),
                ("PUBLISH", PROCESSES, f"{self._process} ended -"),
            ]
        )
        self._bury(self._process)

    def others(self) -> dict[str, ProcessFacts]:
        """Return the other processes that live, and what each says of itself.

        Raises:
            StoreError: Redis could not be asked.
        """
        names = sorted(self._seen())
        if not names:
            return {}
        found = self._connections.ask("MGET", *(f"{LEASES}{name}" for name in names))
        return {
            name: facts
            for name, written in zip(names, found, strict=True)
            if written is not None and (facts := _read(written)) is not None
        }

    def bury(self) -> None:
        """Delete what dead processes have left behind: the nicks that they had claimed.

        Raises:
            StoreError: Redis could not be asked.
        """
        for name in self._seen():
            self._bury(name)

    def _bury(self, name: str) -> None:
        keys = (f"{LEASES}{name}", claims_key(name), _ALL)
        arguments = (name, PORTION)
        while self._connections.ask_all([Call(BURY, keys, arguments)])[0]:
            pass

    def count(self, others: int) -> None:
        """Note how many others live."""
        self._count = others + 1

    def _seen(self) -> set[str]:
        """The other processes, dead ones too."""
        found = {name.decode() for name in self._connections.ask("SMEMBERS", _ALL)}
        return found - {self._process}


def _read(written: bytes) -> ProcessFacts | None:
    """What a process says of itself; None if another version wrote it in another way."""
    try:
        return _facts.decode(written)
    except DecodeError:
        return None
