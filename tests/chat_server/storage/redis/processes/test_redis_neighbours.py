"""Nicks that several servers claim, and messages between them."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from chat_server.storage.interface import DirectOutcome, ProcessFacts
from chat_server.storage.redis.connections import Connections
from chat_server.storage.redis.processes import redis_neighbours
from chat_server.storage.redis.processes.redis_neighbours import (
    RedisNeighbours,
    read_direct,
    read_question,
)
from chat_server.storage.redis.scripts import PROCESSES
from protocol.messages import Direct
from tests.support.redis_server import RedisServer, needs_redis
from tests.support.waiting import DEADLINE

pytestmark = needs_redis

ADA, EVA = b"ada", b"eva"
FACTS = ProcessFacts("Physics", ["tcp://127.0.0.1:7878"], "1.0", 1, 1000.0, 0, 0, 0, 0.0, 0.0)
DIRECT = Direct(1000.0, "ada", "eva", "psst")


@pytest.fixture
def one(pool: Connections) -> RedisNeighbours:
    """A server with a lease."""
    server = RedisNeighbours(pool, "one")
    assert not server.living.renew(FACTS)
    return server


@pytest.fixture
def two(pool: Connections) -> RedisNeighbours:
    """Another one."""
    server = RedisNeighbours(pool, "two")
    assert not server.living.renew(FACTS)
    return server


def test_a_nick_is_claimed_until_it_is_dropped(one: RedisNeighbours, two: RedisNeighbours) -> None:
    """By whoever claims it first; within a server that is for its registry to say."""
    assert one.claim_nick("Ada", ADA) is None
    assert two.claim_nick("ada", EVA) == "Ada"
    assert one.claim_nick("ada", EVA) is None
    two.drop_nick("ada", None, 0.0)
    assert two.claim_nick("ada", b"zoe") == "ada"
    one.drop_nick("ada", ADA, 0.0)  # it is not that session's any more
    assert two.claim_nick("ada", b"zoe") == "ada"
    one.drop_nick("ada", EVA, 0.0)
    assert two.claim_nick("ada", b"zoe") is None


def test_a_session_takes_its_nick_along(one: RedisNeighbours, two: RedisNeighbours) -> None:
    """To another server; what the first one drops then is not its own."""
    one.claim_nick("ada", ADA)
    assert two.claim_nick("ada", ADA) is None
    one.drop_nick("ada", ADA, 0.0)
    assert one.claim_nick("ada", EVA) == "ada"


def test_a_nick_is_kept_for_a_while(
    one: RedisNeighbours, two: RedisNeighbours, empty_redis: RedisServer
) -> None:
    """For the session that had it."""
    one.claim_nick("ada", ADA)
    one.drop_nick("ada", ADA, 120.0)
    (key,) = empty_redis.do("KEYS", "backchannel:nick:*")
    assert 100 < empty_redis.do("TTL", key) <= 120
    assert two.claim_nick("ada", EVA) == "ada"
    assert two.claim_nick("ada", ADA) is None
    assert empty_redis.do("TTL", key) == -1


def test_what_a_dead_server_claimed_is_free(one: RedisNeighbours, two: RedisNeighbours) -> None:
    """And it learns of that when it renews its lease."""
    one.claim_nick("ada", ADA)
    assert one.living.renew(FACTS)
    one.living.end()
    assert two.claim_nick("ada", EVA) is None
    assert not one.living.renew(FACTS)
    assert one.claim_all({"ada": ADA, "max": b"max"}, []) == [ADA]


def test_what_could_not_be_dropped_is_dropped_later(
    one: RedisNeighbours, two: RedisNeighbours
) -> None:
    """With the next claim of everybody's nick."""
    one.claim_nick("ada", ADA)
    one.claim_nick("eva", EVA)
    assert one.claimed() == {"ada", "eva"}
    assert one.claim_all({"eva": EVA}, ["ada"]) == []
    assert two.claim_nick("ada", b"zoe") is None
    assert two.claim_nick("eva", b"zoe") == "eva"


def test_a_message_is_sent_to_who_has_exactly_that_nick(
    one: RedisNeighbours, two: RedisNeighbours, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On another server that lives; which may not answer."""
    monkeypatch.setattr(redis_neighbours, "ANSWER_PATIENCE", 0.01)
    assert one.tell(DIRECT) is DirectOutcome.NOBODY
    two.claim_nick("Eva", EVA)
    assert one.tell(DIRECT) is DirectOutcome.UNKNOWN
    assert two.tell(DIRECT) is DirectOutcome.NOBODY
    two.living.end()
    assert one.tell(DIRECT) is DirectOutcome.NOBODY


def test_who_sends_a_message_learns_what_became_of_it(
    one: RedisNeighbours,
    two: RedisNeighbours,
    empty_redis: RedisServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By the answer to that message, and to no other."""
    monkeypatch.setattr(redis_neighbours, "ANSWER_PATIENCE", DEADLINE)
    two.claim_nick("eva", EVA)
    with empty_redis.client() as client, client.pubsub() as heard, ThreadPoolExecutor(1) as pool:
        heard.subscribe(PROCESSES)
        sent = pool.submit(one.tell, DIRECT)
        for each in heard.listen():
            if each["type"] == "message" and each["data"].startswith("one direct "):
                break
        asked = read_question(each["data"].removeprefix("one direct "), "two")
        assert asked is not None
        assert read_direct(asked.about) == DIRECT
        one.hear_answer(f"two {asked.number} sent")
        one.hear_answer(f"one {asked.number + 1} sent")
        assert not sent.done()
        one.hear_answer(f"one {asked.number} full")
        assert sent.result() is DirectOutcome.FULL


def test_a_nick_is_awaited_while_it_is_kept(one: RedisNeighbours, two: RedisNeighbours) -> None:
    """By exactly that nick."""
    one.claim_nick("Ada", ADA)
    assert two.awaited("ada") is None
    one.drop_nick("Ada", ADA, 120.0)
    assert (two.awaited("ada"), two.awaited("\u0430da"), two.awaited("eva")) == (ADA, None, None)


def test_a_question_is_read_by_the_server_that_it_is_for() -> None:
    """All others hear it, and leave it."""
    assert read_question("two 7 what it is about", "two") == (7, "what it is about")
    assert read_question("two 7 ", "two") == (7, "")
    assert read_question("two 7 what it is about", "one") is None


def test_who_has_a_nick_on_another_server(one: RedisNeighbours, two: RedisNeighbours) -> None:
    """Exactly that one, as long as their server lives."""
    two.claim_nick("Eva", EVA)
    assert one.holder("eva") == (EVA, "Eva")
    assert one.holder("\u0435va") is None  # it looks like it
    assert two.holder("eva") is None
    assert one.holder("ada") is None
    two.living.end()
    assert one.holder("eva") is None
