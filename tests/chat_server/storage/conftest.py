"""A Redis that the tests of one module share: each test finds it empty."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chat_server.runtime.config.log_address import LogAddress
from chat_server.storage.interface import RoomLog
from tests.chat_server.storage.logs import Opened
from tests.support.redis_cluster import RedisCluster
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


@pytest.fixture(scope="session")
def shared_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCluster]:
    """A Redis Cluster for all tests that kill none of its nodes."""
    with RedisCluster(tmp_path_factory.mktemp("cluster") / "nodes") as cluster:
        yield cluster


@pytest.fixture
def empty_redis_log(empty_redis: RedisServer, tmp_path: Path) -> Opened:
    """Opens the engine on Redis."""
    return _opens(empty_redis.address, tmp_path)


@pytest.fixture
def empty_cluster_log(shared_cluster: RedisCluster, tmp_path: Path) -> Opened:
    """Opens the engine on a Redis Cluster."""
    shared_cluster.empty()
    return _opens(shared_cluster.address, tmp_path)


def _opens(address: LogAddress, folder: Path) -> Opened:
    from chat_server.storage.redis.redis_log import RedisLog

    @contextmanager
    def opened() -> Iterator[RoomLog]:
        log = RedisLog(address, "", folder)
        try:
            yield log
        finally:
            log.close()

    return opened
