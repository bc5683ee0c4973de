"""The order in which servers tell each other who was where."""

import pytest

from chat_server.storage.interface import ProcessFacts
from chat_server.storage.redis.connections import Connections
from chat_server.storage.redis.processes import redis_stays
from chat_server.storage.redis.processes.living import Living
from chat_server.storage.redis.processes.redis_stays import RedisStays
from chat_server.storage.shared_stays import RoomForgotten, RunEnded, SharedStay, StayNews
from tests.support.redis_server import RedisServer, needs_redis

pytestmark = needs_redis

FACTS = ProcessFacts("Physics", [], "1.0", 1, 1000.0, 0, 0, 0)
ADA = SharedStay(1, "lobby", "ada", None, 7, 1000.0, None)
EVA = SharedStay(2, "lobby", "eva", "eva", None, 1001.0, 1002.5, again=True)
LOG = "backchannel:{stays}:news"


@pytest.fixture
def one(pool: Connections) -> RedisStays:
    """Those of a server with a lease."""
    Living(pool, "one").renew(FACTS)
    return RedisStays(pool, "one")


def test_what_is_told_is_followed_in_order(one: RedisStays) -> None:
    """From where one was, a portion at a time."""
    news: list[StayNews] = [ADA, EVA, RoomForgotten("lobby", 1003.0), ADA]
    one.tell(1, 1004.0, news)
    found = one.follow("", 3)
    assert (found.news, found.living) == (news[:3], None)
    rest = one.follow(found.place, 3)
    assert (rest.news, rest.living) == (news[3:], frozenset({1}))
    assert one.follow(rest.place, 3) == ([], rest.place, frozenset({1}))


def test_each_run_has_a_number_of_its_own(one: RedisStays, empty_redis: RedisServer) -> None:
    """Above those that a file knows, and those that tell, also when Redis has lost all."""
    assert [one.begin_run(0), one.begin_run(0), one.begin_run(7)] == [1, 2, 8]
    empty_redis.do("FLUSHALL")
    one.tell(8, 1000.0, [])
    assert one.begin_run(2) == 9


def test_a_run_ends_with_the_lease_of_its_server(
    one: RedisStays, pool: Connections, empty_redis: RedisServer
) -> None:
    """Once, up to when it was known to be there last; one that left has told all."""
    living = Living(pool, "two")
    living.renew(FACTS)
    two = RedisStays(pool, "two")
    two.tell(2, 1000.5, [ADA])
    one.tell(1, 1000.0, [])
    assert one.follow("", 10).living == frozenset({1, 2})
    empty_redis.do("DEL", "backchannel:process:two")
    for _ in range(2):
        found = one.follow("", 10)
        assert (found.news, found.living) == ([ADA, RunEnded(2, 1000.5)], frozenset({1}))
    two.tell(2, 1001.0, [])
    two.leave(2)
    assert one.follow(found.place, 10) == ([], found.place, frozenset({1}))


def test_what_is_old_is_forgotten(one: RedisStays, empty_redis: RedisServer) -> None:
    """By the clock of Redis."""
    one.tell(1, 1000.0, [ADA, EVA])
    seconds = int(empty_redis.do("TIME")[0])
    one.prune(-1.0)
    one.prune(seconds - 3600.0)
    assert one.follow("", 10).news == [ADA, EVA]
    one.prune(seconds + 3600.0)
    assert one.follow("", 10).news == []


def test_what_redis_keeps_is_bounded(
    one: RedisStays, empty_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is further behind lacks the oldest."""
    monkeypatch.setattr(redis_stays, "MOST", 100)
    for _ in range(10):
        one.tell(1, 1000.0, [ADA] * 100)
    assert 100 <= empty_redis.do("XLEN", LOG) <= 300
