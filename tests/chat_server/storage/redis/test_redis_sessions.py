"""What every store of sessions keeps of them; and what the one on Redis does besides."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chat_server.storage.interface import RequestKey, RoomLog
from chat_server.storage.sqlite.log import SqliteLog
from tests.chat_server.storage.logs import Opened, append, entry
from tests.support.redis_server import RedisServer, needs_redis

ADA, EVA, ZOE, MAX = (name.encode() for name in ("ada", "eva", "zoe", "max"))


@pytest.fixture(params=["sqlite", pytest.param("redis", marks=needs_redis)])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RoomLog]:
    """An engine that holds nothing yet."""
    if request.param == "redis":
        opened: Opened = request.getfixturevalue("empty_redis_log")
        with opened() as found:
            yield found
        return
    sqlite = SqliteLog(tmp_path)
    yield sqlite
    sqlite.close()


def test_a_session_is_found_by_the_hash_of_its_secret(log: RoomLog) -> None:
    """With the highest request that it stored; and its secret by its number."""
    ada, eva = log.sessions.keep([ADA, EVA], [], 1000.0)
    assert eva == ada + 1
    assert log.sessions.find(EVA) == (eva, 0)
    assert log.sessions.find(ZOE) is None
    assert log.sessions.token(ada) == ADA
    assert log.sessions.token(eva + 1) is None


def test_a_session_is_no_older_than_the_confirmed_date(log: RoomLog) -> None:
    """One that began while the clock stood at 1970 is not forgotten when it is right again."""
    log.keep_confirmed_date(1000.0)
    log.sessions.keep([ADA], [], 0.0)
    log.sessions.forget(1000.0)
    assert log.sessions.find(ADA) is not None
    log.sessions.forget(1000.5)
    assert log.sessions.find(ADA) is None


def test_the_highest_request_counts_notices_and_what_was_deleted(log: RoomLog) -> None:
    """A client that lost count goes on above it."""
    (ada,) = log.sessions.keep([ADA], [], 1000.0)
    append(log, entry(request=RequestKey(ada, 3)))
    assert log.sessions.find(ADA) == (ada, 3)
    append(log, entry(kind="notice", request=RequestKey(ada, 9, per_room=True)))
    append(log, entry(request=RequestKey(ada, 5)))
    assert log.sessions.find(ADA) == (ada, 9)
    append(log, entry(request=RequestKey(ada, 12)))
    log.prune(0, None, 2000.0)
    assert log.sessions.find(ADA) == (ada, 12)


def test_only_who_came_back_is_remembered(log: RoomLog) -> None:
    """Nor does a clock that is set back make a session old."""
    ada, _ = log.sessions.keep([ADA, EVA], [], 1000.0)
    log.sessions.keep([], [ada], 2000.0)
    log.sessions.keep([], [ada], 500.0)
    log.sessions.forget(1500.0)
    assert log.sessions.find(ADA) is not None
    assert log.sessions.find(EVA) is None


def test_sessions_that_stored_nothing_are_found_and_dropped(log: RoomLog) -> None:
    """Those that nobody took up lately; the newest may be left out."""
    ada, eva, zoe, _ = log.sessions.keep([ADA, EVA, ZOE, MAX], [], 1000.0)
    append(log, entry(request=RequestKey(ada, 1)))
    unused = log.sessions.unused(0, 1500.0)
    assert unused[:2] == [(eva, EVA), (zoe, ZOE)]
    assert log.sessions.unused(eva, 1500.0)[0] == (zoe, ZOE)
    assert log.sessions.unused(0, 1000.0) == []
    log.sessions.drop([number for number, _ in unused])
    assert log.sessions.find(EVA) is None
    assert log.sessions.find(ADA) == (ada, 1)


def test_a_number_is_given_once(log: RoomLog) -> None:
    """Also when its session is forgotten: its requests would be taken for another's."""
    (ada,) = log.sessions.keep([ADA], [], 1000.0)
    append(log, entry(request=RequestKey(ada, 1)))
    log.sessions.forget(2000.0)
    (eva,) = log.sessions.keep([EVA], [], 3000.0)
    assert eva > ada


@needs_redis
def test_what_is_noted_of_a_session_goes_with_it(
    empty_redis: RedisServer, empty_redis_log: Opened
) -> None:
    """Also which of its requests are deleted, in every room."""
    with empty_redis_log() as log:
        (ada,) = log.sessions.keep([ADA], [], 1000.0)
        append(log, entry(request=RequestKey(ada, 1)))
        log.prune(0, None)
        assert empty_redis.do("HLEN", "backchannel:{lobby}:gone") == 1
        log.sessions.forget(2000.0)
        assert empty_redis.do("HLEN", "backchannel:{lobby}:gone") == 0
        kept = empty_redis.do("KEYS", "backchannel:{sessions}:*")
        assert kept == ["backchannel:{sessions}:next"]
