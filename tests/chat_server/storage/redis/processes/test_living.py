"""Which processes live, and what is deleted of those that died."""

import time

import pytest

from chat_server.storage.interface import ProcessFacts
from chat_server.storage.redis.connections import Connections
from chat_server.storage.redis.processes import living
from chat_server.storage.redis.processes.living import LEASE, LeaseRefusedError
from chat_server.storage.redis.processes.redis_neighbours import RedisNeighbours
from chat_server.storage.redis.reach.redis_wire import exchange
from chat_server.storage.redis.scripts import LEASES, PROCESSES
from chat_server.storage.shared_writes import Position, WrittenDown
from tests.support.redis_server import RedisServer, needs_redis
from tests.support.waiting import DEADLINE

pytestmark = needs_redis

FACTS = ProcessFacts("Physics", ["tcp://127.0.0.1:7878"], "1.0", 17, 1000.0, 3, 2, 5, 0.0, 0.0)


def server(pool: Connections, name: str) -> RedisNeighbours:
    """A server that lives."""
    made = RedisNeighbours(pool, name)
    assert not made.living.renew(FACTS)
    return made


def test_a_lease_says_who_has_it(pool: Connections, empty_redis: RedisServer) -> None:
    """To the others, until it ends."""
    one, two = server(pool, "one"), server(pool, "two")
    assert one.living.renew(FACTS)
    assert 0 < empty_redis.do("PTTL", f"{LEASES}one") <= LEASE
    assert (two.others(), one.others()) == ({"one": FACTS}, {"two": FACTS})
    one.living.end()
    assert two.others() == {}
    assert not one.living.renew(FACTS)


def test_how_redis_is_doing(pool: Connections) -> None:
    """How long it takes to answer, and to tell what it was told."""
    told, _ = pool.connect()
    exchange(told, [("SUBSCRIBE", PROCESSES)])
    one = RedisNeighbours(pool, "one")
    assert one.health() == (0.0, 0.0, 1)
    one.living.renew(FACTS)
    process, word, about = told.read_response()[2].decode().split(" ", 2)
    assert (process, word) == ("one", "echo")
    one.living.hear_echo(about)
    one.living.count(2)
    health = one.health()
    assert 0 < health.round_trip < DEADLINE
    assert 0 < health.lag < DEADLINE
    assert health.servers == 3
    told.disconnect()


def test_a_clock_that_is_another_is_told_once(
    pool: Connections, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And when it is right again. A few seconds are nothing."""
    one = server(pool, "one")
    monkeypatch.setattr(living, "_wall", lambda: time.time() + 2)
    one.living.renew(FACTS)
    assert caplog.messages == []
    for ahead, told in ((3600, "s ahead of"), (-3600, ""), (0, "again"), (-99, "s behind")):
        caplog.clear()
        monkeypatch.setattr(living, "_wall", lambda ahead=ahead: time.time() + ahead)
        for _ in range(2):
            one.living.renew(FACTS)
        assert [told in message for message in caplog.messages] == [True] * bool(told)


def test_what_another_version_says_of_itself_is_left_out(
    pool: Connections, empty_redis: RedisServer
) -> None:
    """The process lives all the same."""
    one, two = server(pool, "one"), server(pool, "two")
    empty_redis.do("SET", f"{LEASES}two", '{"another": "version"}')
    two.claim_nick("eva", b"eva")
    assert one.others() == {}
    one.living.bury()
    assert one.claim_nick("eva", b"zoe") == "eva"


def test_the_nicks_of_a_dead_process_are_deleted(
    pool: Connections, empty_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the others, and none that somebody else has by then; or by itself, if it can."""
    monkeypatch.setattr(living, "PORTION", 2)
    one, two = server(pool, "one"), server(pool, "two")
    for nick in ("ada", "ben", "cleo", "dan", "eva"):
        one.claim_nick(nick, nick.encode())
    two.claim_nick("max", b"max")
    two.living.bury()
    assert len(empty_redis.do("KEYS", "backchannel:nick:*")) == 6
    empty_redis.do("DEL", f"{LEASES}one")
    assert two.claim_nick("ada", b"zoe") is None
    two.living.bury()
    left = {empty_redis.do("HGET", key, "nick") for key in empty_redis.do("KEYS", "*nick:*")}
    assert left == {"ada", "max"}
    two.living.end()
    assert empty_redis.do("KEYS", "backchannel:*") == []


def test_who_has_not_made_what_others_wrote_has_no_lease(pool: Connections) -> None:
    """One that lasts is renewed for who has made what there was at the last time."""
    one, two = server(pool, "one"), server(pool, "two")
    start = Position("history", 10, "tip")
    assert one.writes.begin(WrittenDown(start, b""), None)
    two.writes.note_made(start)
    assert two.living.renew(FACTS)
    second = two.writes.append(start, b"second")
    assert second
    assert two.living.renew(FACTS)
    with pytest.raises(LeaseRefusedError):
        two.living.renew(FACTS)
    assert two.has_lease  # until it ends
    two.living.end()
    assert not two.has_lease
    two.writes.note_made(start)
    with pytest.raises(LeaseRefusedError):
        two.living.renew(FACTS)
    assert not two.has_lease
    two.writes.note_made(second)
    assert two.living.renew(FACTS) is False
    assert two.has_lease


def test_a_refused_renewal_wakes_nobody(pool: Connections, empty_redis: RedisServer) -> None:
    """It is tried again when this process hears something: not what it has just said itself."""
    two = server(pool, "two")
    start = Position("history", 10, "tip")
    assert two.writes.begin(WrittenDown(start, b""), None)
    assert two.living.renew(FACTS)
    told, _ = pool.connect()
    exchange(told, [("SUBSCRIBE", PROCESSES)])
    two.writes.leave()
    assert told.read_response()[2] == b"two made 0"
    with pytest.raises(LeaseRefusedError):
        two.living.renew(FACTS)
    empty_redis.do("PUBLISH", PROCESSES, "the next")
    assert told.read_response()[2] == b"the next"
    told.disconnect()


def test_one_that_starts_has_a_lease_and_says_nothing(pool: Connections) -> None:
    """For as long as starting takes."""
    one, two = server(pool, "one"), RedisNeighbours(pool, "two")
    assert not two.has_lease
    two.living.begin()
    assert two.has_lease
    assert one.others() == {}
    assert two.living.renew(FACTS)
    assert one.others() == {"two": FACTS}
