"""The order of writes in Redis: one after the other, and each upon all before it."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from chat_server.runtime.errors import StoreError
from chat_server.storage.redis.processes.redis_writes import WRITES_KEPT, RedisWrites
from chat_server.storage.redis.redis_log import RedisLog
from chat_server.storage.shared_writes import Position, WrittenDown
from tests.support.redis_server import RedisServer, needs_redis

pytestmark = [needs_redis, pytest.mark.long]

START = Position("history", 10, "tip")


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path / "redis") as started:
        yield started


@pytest.fixture
def logs(redis: RedisServer, tmp_path: Path) -> Iterator[tuple[RedisLog, RedisLog]]:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    with (
        closing(RedisLog(redis.address, "", tmp_path / "one")) as one,
        closing(RedisLog(redis.address, "", tmp_path / "two")) as two,
    ):
        yield one, two


@pytest.fixture
def writes(logs: tuple[RedisLog, RedisLog]) -> tuple[RedisWrites, RedisWrites]:
    """Those of two processes, after one has begun the order."""
    one, two = (log.neighbours.writes for log in logs)
    assert one.end() is None
    assert one.kept() is None
    assert one.begin(WrittenDown(START, b"all"), None)
    return one, two


def add(writes: RedisWrites, after: Position, data: bytes) -> Position:
    """Add a write that nobody else is faster with."""
    position = writes.append(after, data)
    assert position is not None
    return position


def test_one_begins_the_order(writes: tuple[RedisWrites, RedisWrites]) -> None:
    """Whoever is second has what the first one gave."""
    one, two = writes
    assert not two.begin(WrittenDown(START._replace(history="other"), b"mine"), None)
    assert one.end() == two.end() == START
    assert two.kept() == WrittenDown(START, b"all")
    assert two.after(START, 10) == []


def test_a_write_is_added_behind_all_others_or_not(
    writes: tuple[RedisWrites, RedisWrites],
) -> None:
    """Who does not know of the last one adds nothing."""
    one, two = writes
    first = add(one, START, b"first")
    assert first.number == 11
    assert two.append(START, b"late") is None
    assert two.append(first._replace(tip="another"), b"fork") is None
    second = add(two, first, b"second")
    assert [(each.position, each.data) for each in one.after(START, 10) or ()] == [
        (first, b"first"),
        (second, b"second"),
    ]
    assert [each.data for each in one.after(START, 1) or ()] == [b"first"]
    assert one.after(second, 10) == []


def test_an_order_that_has_no_such_position_says_so(
    writes: tuple[RedisWrites, RedisWrites],
) -> None:
    """It is another one, or was set back, and its numbers were given out again."""
    one, _ = writes
    first = add(one, START, b"first")
    add(one, first, b"second")
    for stranger in (
        START._replace(history="other"),
        START._replace(tip="other"),
        first._replace(tip="other"),
        first._replace(number=13),
    ):
        assert one.after(stranger, 10) is None


def test_old_writes_are_forgotten(writes: tuple[RedisWrites, RedisWrites]) -> None:
    """Once everything is written down, but for the last ones; who is further behind reads that."""
    one, two = writes
    last = START
    for number in range(WRITES_KEPT + 200):
        last = add(one, last, f"{number}".encode())
    one.keep(WrittenDown(last, b"everything"))
    assert two.kept() == WrittenDown(last, b"everything")
    assert two.after(START, 10) is None
    assert len(two.after(last._replace(number=last.number), 10) or ()) == 0
    one.keep(WrittenDown(START, b"older"))
    assert two.kept() == WrittenDown(last, b"everything")


def test_who_is_behind_is_counted(
    writes: tuple[RedisWrites, RedisWrites], redis: RedisServer
) -> None:
    """As long as they live, and do not stop."""
    one, two = writes
    one.note_made(START)
    two.note_made(START)
    first = add(one, START, b"first")
    one.note_made(first)
    assert one.count_behind(first.number) == 1
    two.note_made(first)
    assert one.count_behind(first.number) == 0
    assert one.count_behind(first.number + 1) == 2
    two.leave()
    assert one.count_behind(first.number + 1) == 1
    for lease in redis.do("KEYS", "backchannel:process:*"):
        redis.do("DEL", lease)
    assert one.count_behind(first.number + 1) == 0


def test_who_counts_as_dead_adds_nothing(
    writes: tuple[RedisWrites, RedisWrites], redis: RedisServer
) -> None:
    """Others have gone on without asking it."""
    one, _ = writes
    for lease in redis.do("KEYS", "backchannel:process:*"):
        redis.do("DEL", lease)
    with pytest.raises(StoreError, match="its lease has ended"):
        one.append(START, b"late")
    assert one.end() == START
