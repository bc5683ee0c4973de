"""The logs in Redis as they are moved; how they fit together is in test_migration.py."""

import pytest

from chat_server.runtime.config.log_address import LogAddress
from chat_server.runtime.errors import StartError, StoreError
from chat_server.storage.moving.redis_side import Redis
from tests.support.ports import free_port
from tests.support.redis_server import RedisServer, needs_redis

pytestmark = needs_redis


def test_an_empty_redis_is_known(empty_redis: RedisServer) -> None:
    """Also with other keys in it; not with ours."""
    empty_redis.do("SET", "theirs", "1")
    redis = Redis(empty_redis.address, "")
    assert redis.is_empty
    redis.close()
    empty_redis.do("SADD", "backchannel:rooms", "lobby")
    redis = Redis(empty_redis.address, "")
    assert not redis.is_empty
    redis.close()


def test_one_that_cannot_be_used(empty_redis: RedisServer) -> None:
    """Nobody is there, or another version has written there."""
    with pytest.raises(StoreError, match="cannot be reached"):
        Redis(LogAddress("127.0.0.1", free_port(), 0), "")
    empty_redis.do("SET", "backchannel:{log}:format", "99")
    with pytest.raises(StartError, match="format '99'"):
        Redis(empty_redis.address, "")
