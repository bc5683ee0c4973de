"""A Redis, a replica of it and three sentinels for tests: real ones, on free ports."""

from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from chat_server.runtime.config.log_address import LogAddress
from tests.support.redis_server import PROGRAM, RedisServer
from tests.support.waiting import eventually

NAME = "chat"
"""What the sentinels call the master."""

PATIENCE = 3_600_000
"""Milliseconds after which the sentinels take the master for dead: never, until they are told."""

SHORT = 1000
"""Milliseconds after which they do then."""

FAILOVER_TIMEOUT = 180.0
"""Seconds that a failover may take in a test: sentinels on a busy machine do nothing for 30 s at a
time (TILT).
"""


class Sentinel(RedisServer):
    """One sentinel."""

    def __init__(self, folder: Path, master: int, *lines: str) -> None:
        """
        Args:
            folder: an empty one, or none yet.
            master: the port of the master, on 127.0.0.1.
            lines: of its configuration, besides those that every test needs.
        """
        self._lines = (
            f"sentinel monitor {NAME} 127.0.0.1 {master} 2",
            f"sentinel down-after-milliseconds {NAME} {PATIENCE}",
            f"sentinel failover-timeout {NAME} 3000",
            *lines,
        )
        super().__init__(folder)

    def _command(self) -> list[str]:
        assert PROGRAM is not None
        file = self.folder / "sentinel.conf"
        if not file.exists():  # it writes into it what it has learnt
            own = (f"port {self.port}", "bind 127.0.0.1", f"dir {self.folder}")
            file.write_text("\n".join([*own, *self._lines, ""]))
        return [PROGRAM, str(file), "--sentinel"]

    def facts(self) -> dict[str, str]:
        """What it says of the master."""
        found: dict[str, str] = self.do("SENTINEL", "MASTER", NAME)
        return found


class SentinelHouse:
    """All five. A context manager that leaves nothing behind.

    Attributes:
        master: the Redis that is the master at first.
        replica: the other one.
        sentinels: the three.
    """

    def __init__(self, folder: Path) -> None:
        """Start them, and wait until all know each other.

        Args:
            folder: where they keep their files.
        """
        folder.mkdir()
        self._started: list[RedisServer] = []
        try:
            self.master = self._keep(RedisServer(folder / "master"))
            port = str(self.master.port)
            self.replica = self._keep(
                RedisServer(folder / "replica", "--replicaof", "127.0.0.1", port)
            )
            eventually(lambda: _replication(self.replica)["master_link_status"] == "up")
            self.sentinels = [
                self._keep(Sentinel(folder / f"sentinel-{number}", self.master.port))
                for number in (1, 2, 3)
            ]
            for sentinel in self.sentinels:
                eventually(partial(_knows_all, sentinel), FAILOVER_TIMEOUT)
        except BaseException:
            self._end()
            raise

    def _keep(self, server: Any) -> Any:
        self._started.append(server)
        return server

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
        for server in self._started:
            server.__exit__(None, None, None)

    @property
    def address(self) -> LogAddress:
        """Where they are, as the server's setting says it."""
        places = tuple(("127.0.0.1", each.port) for each in self.sentinels)
        return LogAddress("", 0, 0, sentinels=places, service=NAME)

    @property
    def url(self) -> str:
        """The same, as `--log` takes it."""
        return str(self.address)

    def let_replica_have(self, room: str, seq: int) -> None:
        """Wait until the replica has a message, and all that was stored before it."""
        key = f"backchannel:{{{room}}}:meta"
        eventually(lambda: self.replica.do("HGET", key, "last") == str(seq))

    def cut_replica_off(self) -> None:
        """Let the replica get nothing from now on, as if the network between them were cut."""
        self.replica.do("CONFIG", "SET", "masterauth", "wrong")
        self.master.do("CLIENT", "KILL", "TYPE", "replica")
        eventually(lambda: _replication(self.replica)["master_link_status"] == "down")

    def fail_over(self) -> None:
        """Let the sentinels that run notice that the master is gone, and wait for the replica."""
        for sentinel in self.sentinels:
            if sentinel.runs:
                sentinel.do("SENTINEL", "SET", NAME, "down-after-milliseconds", str(SHORT))
        self.wait_for_the_replica()

    def wait_for_the_replica(self) -> None:
        """Wait until the replica is the master."""
        eventually(lambda: _replication(self.replica)["role"] == "master", FAILOVER_TIMEOUT)

    def wait_for_the_old_master(self) -> None:
        """Wait until the sentinels have made a replica of it, which nobody may write to."""
        eventually(lambda: _replication(self.master)["role"] == "slave", FAILOVER_TIMEOUT)


def _replication(redis: RedisServer) -> dict[str, Any]:
    found: dict[str, Any] = redis.do("INFO", "replication")
    return found


def _knows_all(sentinel: Sentinel) -> bool:
    facts = sentinel.facts()
    return (facts["num-slaves"], facts["num-other-sentinels"]) == ("1", "2")
