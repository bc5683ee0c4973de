"""What is moved has one form, which both engines give."""

from pathlib import Path

from chat_server.storage.moving.content import MovedRoom, Source
from chat_server.storage.moving.redis_side import Redis
from chat_server.storage.moving.sqlite_side import SqliteSource
from chat_server.storage.sqlite.log import SqliteLog
from tests.chat_server.storage.logs import append, entry
from tests.support.redis_server import RedisServer, needs_redis

pytestmark = needs_redis


def test_what_was_written_is_given_back(empty_redis: RedisServer, tmp_path: Path) -> None:
    """Rooms, entries, sessions, names and the date, whatever the engine."""
    log = SqliteLog(tmp_path)
    append(log, *(entry(f"number {number}") for number in range(3)))
    log.sessions.keep([b"secret"], [], 1000.0)
    log.keep_confirmed_date(2000.0)
    one: Source = SqliteSource(log)
    redis = Redis(empty_redis.address, "")
    redis.write(one, lambda: None)
    other: Source = redis
    (room,) = one.rooms()
    assert other.rooms() == [room] == [MovedRoom("lobby", "", 3, 1)]
    assert [list(part) for part in one.entries(room)] == [
        list(part) for part in other.entries(room)
    ]
    assert list(one.sessions()) == list(other.sessions())
    assert one.next_session() == other.next_session()
    assert one.names() == other.names()
    assert one.confirmed_date() == other.confirmed_date() == 2000.0
    redis.close()
    log.close()
