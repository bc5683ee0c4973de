"""A thread that kills Redis at random moments and starts it again, or lets it stand still."""

import random
import threading
from collections.abc import Callable
from pathlib import Path

from tests.support.redis_server import RedisServer
from tests.support.waiting import eventually
from tests.torture.tally import Tally

LIVES = (3.0, 15.0)
"""Seconds between two strikes."""

PAUSES = ((0.1, 2.0), (4.0, 8.0))
"""Seconds that Redis stands still: shorter than the servers wait for an answer, or longer."""

GONE = (0.0, 2.0)
"""Seconds that there is no Redis."""

LAG = (3.0, 6.0)
"""Seconds for which the replica has got nothing when it takes over."""


class RedisExecutioner:
    """Owns Redis between `start` and `stop`."""

    def __init__(self, redis: RedisServer, tally: Tally, source: random.Random) -> None:
        """
        Args:
            redis: runs.
            tally: counts what is done to it.
            source: everything random comes from here.
        """
        self._redis = redis
        self._tally = tally
        self._source = source
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="redis executioner")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End. Redis runs afterwards."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(self._source.uniform(*LIVES)):
            self._source.choice([self._kill, self._pause, self._forget, self._disconnect])()

    def _kill(self) -> None:
        self._tally.add("redis killed")
        self._redis.kill()
        self._stopping.wait(self._source.uniform(*GONE))
        self._redis.start_again()

    def _pause(self) -> None:
        self._tally.add("redis stood still")
        self._redis.pause()
        self._stopping.wait(self._source.uniform(*self._source.choice(PAUSES)))
        self._redis.go_on()

    def _forget(self) -> None:
        self._tally.add("redis forgot the scripts")
        self._redis.do("SCRIPT", "FLUSH")

    def _disconnect(self) -> None:
        self._tally.add("redis hung up")
        for kind in ("normal", "pubsub"):
            self._redis.do("CLIENT", "KILL", "TYPE", kind)


def lose_writes(
    master: RedisServer, folder: Path, stopping: threading.Event, say: Callable[[str], None]
) -> None:
    """Let a replica take over that lacks the last seconds, at the address of the master.

    Args:
        master: runs; afterwards it has what the replica had.
        folder: where the replica keeps its files; it is made.
        stopping: ends the waiting early.
        say: told when the replica gets nothing any more.
    """
    with RedisServer(folder, "--replicaof", "127.0.0.1", str(master.port)) as replica:
        eventually(lambda: replica.do("INFO", "replication")["master_link_status"] == "up")
        eventually(lambda: _has_written(replica))
        master.do("WAIT", "1", "5000")
        replica.do("REPLICAOF", "NO", "ONE")  # as if the network between them were cut
        say("the replica gets nothing from now on")
        stopping.wait(sum(LAG) / 2)
        master.kill()
        eventually(lambda: _has_written(replica))
        replica.kill()
        master.put_back(replica.folder)
    master.start_again()


def _has_written(redis: RedisServer) -> bool:
    """Whether its append-only file has all: a new replica begins it anew."""
    facts = redis.do("INFO", "persistence")
    return not (facts["aof_rewrite_in_progress"] or facts["aof_rewrite_scheduled"])
