"""A Redis that the tests of one module share: each test finds it empty."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chat_server.storage.interface import RoomLog
from tests.chat_server.storage.logs import Opened
from tests.support.redis_server import RedisServer


@pytest.fixture(scope="session")
def shared_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A redis-server for all tests that do not kill it."""
    with RedisServer(tmp_path_factory.mktemp("redis") / "files") as server:
        yield server


@pytest.fixture
def empty_redis(shared_redis: RedisServer) -> RedisServer:
    """The same, with nothing in it."""
    shared_redis.do("FLUSHALL")
    return shared_redis


@pytest.fixture
def empty_redis_log(empty_redis: RedisServer, tmp_path: Path) -> Opened:
    """Opens the engine on Redis."""
    from chat_server.storage.redis.redis_log import RedisLog

    @contextmanager
    def opened() -> Iterator[RoomLog]:
        log = RedisLog(empty_redis.address, "", tmp_path)
        try:
            yield log
        finally:
            log.close()

    return opened
