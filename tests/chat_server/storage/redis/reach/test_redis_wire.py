"""One connection to a Redis."""

import pytest
from redis.exceptions import ResponseError, TimeoutError

from chat_server.storage.redis.reach.redis_wire import exchange, fact, make_connection
from tests.support.redis_server import RedisServer, needs_redis

pytestmark = needs_redis


def test_commands_are_answered_in_order(empty_redis: RedisServer) -> None:
    """What is refused stands in its place."""
    connection = make_connection(empty_redis.address, "")
    connection.connect()
    commands = [("SET", "a", "x"), ("INCR", "a"), ("GET", "a"), ("INFO", "replication")]
    done, refused, found, facts = exchange(connection, commands)
    assert (done, found) == (b"OK", b"x")
    assert isinstance(refused, ResponseError)
    assert (fact(facts, "role"), fact(facts, "nothing")) == ("master", "")
    connection.disconnect()


def test_nobody_waits_for_ever(empty_redis: RedisServer) -> None:
    """Nor for long, where the server stops."""
    connection = make_connection(empty_redis.address, "")
    connection.connect()
    with pytest.raises(TimeoutError, match="no answer came in time"):
        exchange(connection, [("BLPOP", "nothing", 0)], timeout=0.1)
    connection.disconnect()
    connection.connect()
    with pytest.raises(TimeoutError, match="no answer came in time"):
        exchange(connection, [("BLPOP", "nothing", 0)], lambda: True)
    connection.disconnect()
