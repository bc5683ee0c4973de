"""Redis is troubled, and runs afterwards; a failover loses what it is meant to lose."""

import random
import threading
from pathlib import Path

import pytest

from tests.support.redis_server import RedisServer, needs_redis
from tests.support.waiting import eventually
from tests.torture.cluster import redis_executioner
from tests.torture.cluster.redis_executioner import RedisExecutioner, lose_writes
from tests.torture.tally import Tally

pytestmark = [needs_redis, pytest.mark.long]


def test_a_failover_loses_what_came_last(tmp_path: Path) -> None:
    """And nothing that the replica had; the address is the same."""
    with RedisServer(tmp_path / "master") as master:
        master.do("SET", "early", "1")
        stopping = threading.Event()

        def said(_: str) -> None:
            master.do("SET", "late", "1")
            stopping.set()

        lose_writes(master, tmp_path / "replica", stopping, said)
        assert master.do("MGET", "early", "late") == ["1", None]


def test_whatever_was_done_redis_runs_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that it does, several times."""
    monkeypatch.setattr(redis_executioner, "LIVES", (0.0, 0.01))
    monkeypatch.setattr(redis_executioner, "PAUSES", ((0.0, 0.01),))
    monkeypatch.setattr(redis_executioner, "GONE", (0.0, 0.01))
    tally = Tally()
    with RedisServer(tmp_path / "redis") as redis:
        executioner = RedisExecutioner(redis, tally, random.Random("1"))
        executioner.start()
        eventually(lambda: len(tally.starting_with("redis ")) == 4)
        executioner.stop()
        assert redis.do("PING")
