"""Connections to a Redis that is empty."""

from collections.abc import Iterator

import pytest

from chat_server.storage.redis.connections import Connections
from tests.support.redis_server import RedisServer


@pytest.fixture
def pool(empty_redis: RedisServer) -> Iterator[Connections]:
    made = Connections(empty_redis.address, "", lambda _: None, lambda _: None, lambda: None)
    yield made
    made.close()
