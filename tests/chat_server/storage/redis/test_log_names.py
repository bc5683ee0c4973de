"""When the log in Redis gets another name, and up to where it is the same as before."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from chat_server.storage.redis.connections import Connections
from chat_server.storage.redis.log_names import LogNames
from chat_server.storage.redis.reach.redis_wire import RedisAwayError
from chat_server.storage.redis.redis_log import RedisLog
from tests.chat_server.storage.logs import append, entries, entry
from tests.support.redis_server import RedisServer, needs_redis

pytestmark = needs_redis


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path / "redis") as started:
        yield started


def opened(redis: RedisServer, folder: Path) -> "closing[RedisLog]":
    """The engine, as one process opens it."""
    folder.mkdir(exist_ok=True)
    return closing(RedisLog(redis.address, "", folder))


def test_a_start_after_a_restart_of_redis(redis: RedisServer, tmp_path: Path) -> None:
    """Nobody knows whether something is missing, so it has another name, and all in common."""
    with opened(redis, tmp_path) as log:
        append(log, *entries(3), entry(room="garden", request=9))
        first = log.name
    redis.kill()
    redis.start_again()
    with opened(redis, tmp_path) as log:
        assert log.name != first
        assert [log.common("lobby", first, seq) for seq in (2, 3, 9)] == [2, 3, 3]
        assert log.common("nowhere", first, 5) == 0
        assert log.common("lobby", "unknown", 5) == 0
        append(log, *entries(2, first=4))
        second = log.name
    redis.kill()
    redis.start_again()
    with opened(redis, tmp_path) as log:
        assert [log.common("lobby", name, 9) for name in (first, second)] == [3, 5]


def test_two_servers_agree(redis: RedisServer, tmp_path: Path) -> None:
    """The second to look finds what the first has settled."""
    with opened(redis, tmp_path / "one") as one, opened(redis, tmp_path / "two") as two:
        assert one.name == two.name


def test_who_looks_while_another_does_waits(redis: RedisServer) -> None:
    """It must not append before it is written down where the rooms end."""
    redis.do("SET", "backchannel:{log}:settling", "other")
    pool = Connections(redis.address, "", lambda _: None, lambda _: None, lambda: None)
    connection, run = pool.connect()
    with pytest.raises(RedisAwayError, match="another server is looking"):
        LogNames().settle(connection, run, None)
    connection.disconnect()
    pool.close()
