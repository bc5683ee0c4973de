"""A server on Redis, as its clients see it."""

from contextlib import closing
from pathlib import Path

import pytest

from chat_server.storage.redis import redis_log
from chat_server.storage.redis.redis_log import RedisLog
from chat_server.storage.shared_writes import Position, WrittenDown
from tests.chat_server.house import House, texts, whole_log
from tests.chat_server.storage.redis_house import NOBODY, serve
from tests.support.redis_server import RedisServer, needs_redis
from tests.support.waiting import eventually

pytestmark = needs_redis

AWAY = "what is said is refused until Redis can be reached again"
BACK = "Redis answers again"


@pytest.fixture
def redis(tmp_path: Path) -> RedisServer:
    """A Redis of the test's own, which it ends."""
    return RedisServer(tmp_path / "redis")


def test_what_is_said_is_heard_kept_and_found(empty_redis: RedisServer, tmp_path: Path) -> None:
    """Over SIGKILL and a start with another data folder, in the same session and the same log."""
    with serve(empty_redis, tmp_path / "one") as server, House(server.address) as house:
        ada, eva = house.enter("ada", "lobby"), house.enter("eva", "lobby")
        assert ada.say("lobby", "one") == 1
        assert eva.say("lobby", "two") == 2
        assert texts(ada.messages(2)) == texts(eva.messages(2)) == ["one", "two"]
        ada.ok("topic", room="lobby", topic="Redis")
        log = eva.ok("join", room="garden")["log"]
        server.kill()
    with serve(empty_redis, tmp_path / "two") as server, House(server.address) as house:
        back = house.connect()
        welcome = back.hello("ada", session=ada.session)
        assert welcome["session"] == ada.session
        back.go_on_above(welcome["last_id"])
        joined = back.ok("join", room="lobby", after=1, log=log)
        assert (joined["seq"], joined["topic"], joined["log"]) == (3, "Redis", log)
        assert texts(back.messages(2)) == ["two", "Redis"]
        assert back.say("lobby", "three") == 4
        found = back.page("search", room="lobby", query="two")["messages"]
        assert texts(found) == ["two"]
        assert "Traceback" not in server.stderr


def test_redis_goes_away_and_comes_back(redis: RedisServer, tmp_path: Path) -> None:
    """Talk is refused, nobody is thrown out, and it recovers by itself; nothing is there twice."""
    with redis, serve(redis, tmp_path / "data") as server, House(server.address) as house:
        ada, eva = house.enter("ada", "lobby"), house.enter("eva", "lobby")
        assert ada.say("lobby", "one") == 1
        redis.kill()
        eventually(lambda: AWAY in server.stderr)
        refused = ada.request("say", room="lobby", text="nowhere")
        assert refused["code"] == "unavailable"
        assert refused["retry_after"] > 0
        ada.ping()
        redis.start_again()
        eventually(lambda: BACK in server.stderr)
        assert ada.say("lobby", "two") == 2
        assert texts(eva.messages(2)) == ["one", "two"]
        assert texts(whole_log(eva, "lobby")) == ["one", "two"]
        assert eva.ok("join", room="garden")["log"] == ada.ok("join", room="garden")["log"]
        assert "Traceback" not in server.stderr


def test_an_outcome_that_is_not_known_is_settled(redis: RedisServer, tmp_path: Path) -> None:
    """A Redis that stands still: what was under way gets its `ok` when it goes on, and is stored
    once; what came later is refused meanwhile.
    """
    with redis, serve(redis, tmp_path / "data") as server, House(server.address) as house:
        ada, eva = house.enter("ada", "lobby"), house.enter("eva", "lobby")
        assert ada.say("lobby", "one") == 1
        redis.pause()
        under_way = ada.post("say", room="lobby", text="two")
        eventually(lambda: AWAY in server.stderr)
        assert eva.request("say", room="lobby", text="nowhere")["code"] == "unavailable"
        redis.go_on()
        assert ada.reply(under_way)["seq"] == 2
        assert texts(eva.messages(2)) == ["one", "two"]
        assert eva.say("lobby", "three") == 3
        assert texts(whole_log(eva, "lobby")) == ["one", "two", "three"]
        assert "Traceback" not in server.stderr


def test_a_log_that_lost_its_tail_has_another_name(redis: RedisServer, tmp_path: Path) -> None:
    """Who was in has to come in anew, and is told up to where both logs are the same."""
    with redis, serve(redis, tmp_path / "data") as server, House(server.address) as house:
        ada = house.enter("ada", "lobby")
        log = ada.ok("join", room="garden")["log"]
        assert ada.say("lobby", "one") == 1
        redis.kill()
        kept = redis.copy()
        redis.start_again()
        eventually(lambda: BACK in server.stderr)
        assert [ada.say("lobby", text) for text in ("two", "three")] == [2, 3]
        redis.kill()
        redis.put_back(kept)
        redis.start_again()
        ada.read_to_end()
        back = house.connect()
        welcome = back.hello("ada", session=ada.session)
        joined = back.ok("join", room="lobby", after=3, log=log)
        assert (joined["seq"], joined["diverged"]) == (1, 1)
        assert joined["log"] != log
        back.go_on_above(max(welcome["last_id"], 100))
        assert back.say("lobby", "another two") == 2
        assert texts(back.messages(1)) == ["another two"]
        assert "Traceback" not in server.stderr


def test_a_script_that_redis_forgot_is_sent_again(empty_redis: RedisServer, tmp_path: Path) -> None:
    """SCRIPT FLUSH costs nothing but a moment."""
    with serve(empty_redis, tmp_path) as server, House(server.address) as house:
        ada = house.enter("ada", "lobby")
        assert ada.say("lobby", "one") == 1
        empty_redis.do("SCRIPT", "FLUSH")
        assert ada.say("lobby", "two") == 2
        empty_redis.do("SCRIPT", "FLUSH")
        assert texts(whole_log(ada, "lobby")) == ["one", "two"]


def test_a_redis_without_memory_refuses_until_it_has_some(
    redis: RedisServer, tmp_path: Path
) -> None:
    """What is there can be read meanwhile."""
    with redis, serve(redis, tmp_path / "data") as server, House(server.address) as house:
        ada = house.enter("ada", "lobby")
        assert ada.say("lobby", "one") == 1
        redis.do("CONFIG", "SET", "maxmemory", "1")
        refused = ada.request("say", room="lobby", text="nowhere")
        assert refused["code"] == "unavailable"
        (lease,) = redis.do("KEYS", "backchannel:process:*")
        assert redis.do("PEXPIRE", lease, "4000")
        eventually(lambda: redis.do("PTTL", lease) > 4000)
        assert texts(whole_log(ada, "lobby")) == ["one"]
        redis.do("CONFIG", "SET", "maxmemory", "0")
        assert ada.say("lobby", "two") == 2


def test_a_redis_that_becomes_a_replica_refuses_until_it_is_a_master(
    redis: RedisServer, tmp_path: Path
) -> None:
    """It can be read meanwhile."""
    with redis, serve(redis, tmp_path / "data") as server, House(server.address) as house:
        ada = house.enter("ada", "lobby")
        assert ada.say("lobby", "one") == 1
        redis.do("REPLICAOF", "127.0.0.1", "1")
        assert ada.request("say", room="lobby", text="nowhere")["code"] == "unavailable"
        assert texts(whole_log(ada, "lobby")) == ["one"]
        redis.do("REPLICAOF", "NO", "ONE")
        assert ada.say("lobby", "two") == 2


def test_a_lease_that_is_refused_for_long_is_told_once(
    empty_redis: RedisServer,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not while a server starts, or makes what others have just written."""
    with closing(RedisLog(empty_redis.address, "", tmp_path)) as log:
        writes = log.neighbours.writes
        log._listener = NOBODY  # no thread renews but this one
        start = Position("history", 10, "tip")
        assert writes.begin(WrittenDown(start, b""), None)
        log._renew()
        writes.leave()
        log._renew()
        assert "is not renewed" not in caplog.text
        monkeypatch.setattr(redis_log, "REFUSED_FOR", 0.0)
        for _ in range(2):
            log._renew()
        assert caplog.text.count("is not renewed") == 1
        writes.note_made(start)
        log._renew()
        writes.leave()
        for _ in range(3):
            log._renew()
        assert caplog.text.count("is not renewed") == 2
