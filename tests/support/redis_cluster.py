"""A Redis Cluster for tests: three real redis-servers, each with a third of the hash slots."""

from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from redis.crc import key_slot

from chat_server.runtime.config.log_address import LogAddress
from tests.support.ports import free_port
from tests.support.redis_server import RedisServer
from tests.support.waiting import eventually

PARTS = ((0, 5460), (5461, 10922), (10923, 16383))
"""The hash slots of each master."""

HOME = "backchannel"
"""The hash tag of all keys that are no room's."""

PATIENCE = 3_600_000
"""Milliseconds after which nodes take another for dead: never. A test lets a replica take over."""


class RedisNode(RedisServer):
    """One node."""

    def __init__(self, folder: Path) -> None:
        """
        Args:
            folder: an empty one, or none yet.
        """
        self.bus_port = free_port()
        super().__init__(
            folder,
            *("--cluster-enabled", "yes", "--cluster-require-full-coverage", "no"),
            *("--cluster-port", str(self.bus_port), "--cluster-node-timeout", str(PATIENCE)),
        )

    def is_ready(self, count: int) -> bool:
        """Whether it knows so many nodes, and who has each of the slots."""
        facts = dict(line.split(":", 1) for line in self.do("CLUSTER", "INFO").split())
        known, slots = int(facts["cluster_known_nodes"]), int(facts["cluster_slots_assigned"])
        return (facts["cluster_state"], known, slots) == ("ok", count, PARTS[-1][-1] + 1)

    def has_applied(self, master: RedisServer) -> bool:
        """Whether this replica has all that its master has."""
        offset = "master_repl_offset"
        facts = [each.do("INFO", "replication")[offset] for each in (self, master)]
        return bool(facts[0] == facts[1])


class RedisCluster:
    """The nodes. A context manager that leaves nothing behind.

    Attributes:
        masters: those that have the slots at first, in the order of PARTS.
    """

    def __init__(self, folder: Path) -> None:
        """Start them, and wait until all know each other.

        Args:
            folder: where they keep their files; it is made.
        """
        folder.mkdir()
        self._folder = folder
        self._nodes: list[RedisNode] = []
        try:
            for number, (first, last) in enumerate(PARTS, 1):
                node = self._start(f"master-{number}")
                node.do("CLUSTER", "ADDSLOTSRANGE", str(first), str(last))
                node.do("CLUSTER", "SET-CONFIG-EPOCH", str(number))
            self.masters = list(self._nodes)
            self._introduce()
        except BaseException:
            self._end()
            raise

    def _start(self, name: str) -> RedisNode:
        node = RedisNode(self._folder / name)
        self._nodes.append(node)
        return node

    def _introduce(self) -> None:
        first = self._nodes[0]
        for node in self._nodes[1:]:
            node.do("CLUSTER", "MEET", "127.0.0.1", str(first.port), str(first.bus_port))
        for node in self._nodes:
            eventually(partial(node.is_ready, len(self._nodes)))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end()

    def _end(self) -> None:
        for node in self._nodes:
            node.__exit__(None, None, None)

    @property
    def address(self) -> LogAddress:
        """Where it is, as the server's setting says it."""
        return LogAddress("", 0, 0, nodes=tuple(("127.0.0.1", n.port) for n in self.masters))

    @property
    def url(self) -> str:
        """The same, as `--log` takes it."""
        return str(self.address)

    def master_of(self, tag: str) -> RedisNode:
        """Return the master that had the keys with a hash tag at first."""
        slot = key_slot(tag.encode())
        return next(
            node
            for node, (first, last) in zip(self.masters, PARTS, strict=True)
            if first <= slot <= last
        )

    def add_replica(self, master: RedisNode) -> RedisNode:
        """Start a replica of a master, and wait until it has what that has."""
        name = master.do("CLUSTER", "MYID")
        replica = self._start("replica")
        self._introduce()
        replica.do("CLUSTER", "REPLICATE", name)
        eventually(lambda: replica.do("INFO", "replication")["master_link_status"] == "up")
        return replica

    def move(self, tag: str, to: RedisNode) -> None:
        """Begin to move the keys with a hash tag to another master; `moved` ends it."""
        slot, old = str(key_slot(tag.encode())), self.master_of(tag)
        to.do("CLUSTER", "SETSLOT", slot, "IMPORTING", old.do("CLUSTER", "MYID"))
        old.do("CLUSTER", "SETSLOT", slot, "MIGRATING", to.do("CLUSTER", "MYID"))

    def moved(self, tag: str, to: RedisNode) -> None:
        """Move the keys with a hash tag, and tell all nodes."""
        slot, old = str(key_slot(tag.encode())), self.master_of(tag)
        while keys := old.do("CLUSTER", "GETKEYSINSLOT", slot, "10"):
            old.do("MIGRATE", "127.0.0.1", str(to.port), "", "0", "5000", "KEYS", *keys)
        for node in (to, old, *self.masters):
            node.do("CLUSTER", "SETSLOT", slot, "NODE", to.do("CLUSTER", "MYID"))

    def empty(self) -> None:
        """Delete all that is in it."""
        for node in self.masters:
            node.do("FLUSHALL")
