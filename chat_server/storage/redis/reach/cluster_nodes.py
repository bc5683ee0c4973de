"""What a process knows of the nodes of a Redis Cluster.

A cluster divides keys among its nodes by their hash tag. The keys of a room share its name as their
tag, so each room is on one node. All other keys share a tag of their own, so that scripts can use
several of them; the node that has them is called the home node. It is where this process hears of
news, too: a node tells all others what is published on it.
"""

import logging
import threading
from collections.abc import Mapping
from typing import Any, NamedTuple

from redis.crc import key_slot
from redis.exceptions import ResponseError

from chat_server.runtime.config.log_address import LogAddress
from chat_server.runtime.errors import StoreError
from chat_server.storage.redis.reach.redis_wire import (
    LOST,
    Connect,
    OneConnection,
    RedisAwayError,
    exchange,
    see_that_it_is_a_master,
)
from chat_server.storage.redis.scripts import PREFIX, clustered_key

log = logging.getLogger(__name__)

PROBE_TIMEOUT = 1.0
"""Seconds that a node may take to say what time it is."""

RESERVE = 2000
"""Milliseconds by which a room takes a lease to end earlier than it does: the clocks of two
machines do not go equally fast, and may be set back a little.
"""

HOME_SLOT = key_slot(clustered_key(PREFIX).encode())
"""The hash slot of all keys that are not a room's."""


class NoClusterError(StoreError):
    """A Redis is no node of a cluster."""


class _Slots(NamedTuple):
    """Which master has the hash slots from one to another."""

    first: int
    last: int
    master: LogAddress


class Nodes:
    """The nodes. Any thread may call any method, but for those of the watcher's thread."""

    def __init__(self, address: LogAddress, connect: Connect, probe: Connect) -> None:
        """
        Args:
            address: where some of the nodes are.
            connect: connects to a node; raises StoreError.
            probe: does so, and waits for no longer than PROBE_TIMEOUT.
        """
        self._seeds = [address.at(host, port) for host, port in address.nodes]
        self._connect = connect
        self._probe = probe
        # Guards the next five. A leaf.
        self._lock = threading.Lock()
        self._slots: list[_Slots] = []
        self._runs: dict[LogAddress, str] = {}  # of each master, as the watcher met it last
        self._down: set[LogAddress] = set()  # masters that have not answered since
        self._fences: dict[str, float] = {}  # until when each run takes what is said here
        self._changed = False  # whether the watcher has to look at the masters anew
        # Of the watcher's thread, as is all that uses them.
        self._probes: dict[LogAddress, tuple[OneConnection, str]] = {}
        self._links: frozenset[Any] = frozenset()  # those by which the home node hears of others
        self._missed = False

    def learn(self) -> list[LogAddress]:
        """Ask which node has what. Return the masters, the home node first.

        Raises:
            RedisAwayError: no node can be reached, or none knows the home node.
            NoClusterError: one is no node of a cluster.
        """
        with self._lock:
            known = [each.master for each in self._slots if each.master not in self._down]
        said: dict[str, None] = {}
        for node in dict.fromkeys([*known, *self._seeds]):
            try:
                slots = self._ask_slots(node)
            except RedisAwayError as error:
                said[str(error)] = None
                continue
            with self._lock:
                self._slots = slots
                home = self._master_of(HOME_SLOT)
            return sorted({each.master for each in slots}, key=lambda each: each != home)
        raise RedisAwayError("; ".join(said))

    def connect_as_master(self, node: LogAddress) -> tuple[OneConnection, str]:
        """Connect to a node, and see that it is a master. Return its run id, too.

        Raises:
            RedisAwayError: it cannot be reached, or is a replica.
            StoreError: it does not let us in.
        """
        connection, run = self._connect(node)
        see_that_it_is_a_master(connection, node)
        return connection, run

    def master_of(self, slot: int) -> LogAddress | None:
        """Return the master that has a hash slot; None if none has."""
        with self._lock:
            return self._master_of(slot)

    def run_of(self, master: LogAddress | None) -> str | None:
        """Return the run id of a master, as the watcher met it last; None if it never did."""
        with self._lock:
            return None if master is None else self._runs.get(master)

    def note_runs(self, runs: Mapping[LogAddress, str]) -> None:
        """Note which run of Redis each master is, the home node first: the watcher has met them."""
        with self._lock:
            self._runs = dict(runs)

    def note_up(self, master: LogAddress) -> bool:
        """Note that a master answers. Return whether it did not before."""
        with self._lock:
            was_down = master in self._down
            self._down.discard(master)
        if was_down:
            log.warning("%s answers again", master)
        return was_down

    def is_down(self, master: LogAddress) -> bool:
        """Whether a master did not answer, and the watcher had no answer since."""
        with self._lock:
            return master in self._down

    def note_down(self, master: LogAddress, reason: object) -> None:
        """Note that a master does not answer."""
        with self._lock:
            if master in self._down:
                return
            self._down.add(master)
        log.error("the rooms that are on %s cannot be used until it answers: %s", master, reason)

    def note_change(self) -> None:
        """Let the watcher look at the masters anew: one is another, or none any more."""
        with self._lock:
            self._changed = True

    def take_changed(self) -> bool:
        """Return, once, whether the masters are to be looked at anew."""
        with self._lock:
            changed, self._changed = self._changed, False
            return changed

    def fence(self, run: str) -> str:
        """Return until when a run of Redis may store what is said here, by its own clock."""
        with self._lock:
            return f"{self._fences.get(run, 0):.0f}"

    # -- of the watcher's thread

    def clocks(self) -> dict[str, float]:
        """Return what time it is for each run of Redis that answers, in milliseconds.

        Raises:
            RedisAwayError: no node can be reached.
        """
        masters = self.learn()
        with self._lock:
            met = list(self._runs)
            self._changed = self._changed or masters[:1] != met[:1] or set(masters) != set(met)
        found: dict[str, float] = {}
        for master in masters:
            try:
                run, found[run] = self._clock(master, is_home=master == masters[0])
            except StoreError as error:
                self.note_down(master, error)
                continue
            if self.note_up(master) or self.run_of(master) != run:
                self.note_change()
        return found

    def hold(self, clocks: Mapping[str, float], milliseconds: int) -> None:
        """Note that the lease was renewed after the clocks had been read."""
        with self._lock:
            for run, time in clocks.items():
                self._fences[run] = time + milliseconds - RESERVE

    def take_missed(self) -> bool:
        """Return, once, whether the home node may have missed what was published on another.

        A message is lost only where the link between two nodes breaks, and then it is made anew.
        """
        missed, self._missed = self._missed, False
        return missed

    def close(self) -> None:
        """Close the connections of the watcher's thread, which has ended."""
        for connection, _ in self._probes.values():
            connection.disconnect()
        self._probes.clear()

    # -- below

    def _master_of(self, slot: int) -> LogAddress | None:
        assert self._lock.locked()
        return next((s.master for s in self._slots if s.first <= slot <= s.last), None)

    def _ask_slots(self, node: LogAddress) -> list[_Slots]:
        connection, _ = self._probe(node)
        try:
            (found,) = exchange(connection, [("CLUSTER", "SLOTS")], timeout=PROBE_TIMEOUT)
        except LOST as error:
            raise RedisAwayError(f"{node} did not answer: {error}") from error
        finally:
            connection.disconnect()
        if isinstance(found, ResponseError):
            raise NoClusterError(
                f"{node} is no node of a Redis Cluster ({found}). Write redis:// in place of "
                "redis+cluster://."
            )
        slots = [
            _Slots(first, last, node.at((master[0] or b"").decode() or node.host, master[1]))
            for first, last, master, *_ in found
        ]
        if not any(each.first <= HOME_SLOT <= each.last for each in slots):
            raise RedisAwayError(f"{node} knows of no node that has the hash slot {HOME_SLOT}")
        return slots

    def _clock(self, master: LogAddress, *, is_home: bool) -> tuple[str, float]:
        """Return the run id and the time of a master. Look at the links of the home node."""
        known = self._probes.pop(master) if master in self._probes else None
        connection, run = known or self._probe(master)
        try:
            (now, links) = exchange(
                connection, [("TIME",), ("CLUSTER", "LINKS")], timeout=PROBE_TIMEOUT
            )
        except LOST as error:
            connection.disconnect()
            raise RedisAwayError(f"{master} did not answer: {error}") from error
        self._probes[master] = connection, run
        if isinstance(now, ResponseError) or isinstance(links, ResponseError):
            raise StoreError(f"{master} does not say what time it is: {now}, {links}")
        if is_home:
            self._compare(links)
        seconds, micros = now
        return run, int(seconds) * 1000 + int(micros) / 1000

    def _compare(self, links: list[list[Any]]) -> None:
        """See whether the links by which the home node hears of others are the same as before."""
        facts = [dict(zip(link[::2], link[1::2], strict=True)) for link in links]
        heard = frozenset(
            (link[b"node"], link[b"create-time"]) for link in facts if link[b"direction"] == b"from"
        )
        self._missed = self._missed or heard != self._links
        self._links = heard
