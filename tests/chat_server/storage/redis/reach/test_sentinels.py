"""Servers that are told by sentinels where their Redis is."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chat_server.runtime.config.log_address import log_address
from chat_server.storage.redis.connections import Connections
from tests.chat_server.house import House, texts, whole_log
from tests.chat_server.storage.redis_house import refusal
from tests.support.peer import Frame, Peer
from tests.support.ports import free_port
from tests.support.redis_sentinels import FAILOVER_TIMEOUT, NAME, Sentinel, SentinelHouse
from tests.support.redis_server import RedisServer, needs_redis
from tests.support.servers import ServerProcess
from tests.support.waiting import eventually

pytestmark = [needs_redis, pytest.mark.long]

AWAY = "what is said is refused until Redis can be reached again"
BACK = "Redis answers again"


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[SentinelHouse]:
    with SentinelHouse(tmp_path / "redis") as started:
        yield started


def say(peer: Peer, text: str) -> int:
    """Say something until it is stored, which is refused while there is no master."""

    def stored() -> int:
        reply = peer.request("say", room="lobby", text=text)
        assert reply["type"] == "ok" or reply["code"] == "unavailable", reply
        return int(reply.get("seq", 0))

    return eventually(stored, FAILOVER_TIMEOUT)


def come_back(house: House, peer: Peer) -> tuple[Peer, Frame]:
    """Come back to a session, which is refused until the server has its lease again."""

    def welcomed() -> tuple[Peer, Frame] | None:
        back = house.connect()
        welcome = back.hello("ada", session=peer.session)
        return (back, welcome) if welcome["type"] == "welcome" else None

    found = eventually(welcomed)
    assert found is not None
    return found


def test_the_master_is_killed(redis: SentinelHouse, tmp_path: Path) -> None:
    """Talk is refused until a replica is the master. Nobody is thrown out, and nothing is lost.

    The sentinel that is named first is dead, too.
    """
    with (
        ServerProcess.serve(tmp_path / "data", "--log", redis.url) as server,
        House(server.address) as house,
    ):
        ada, eva = house.enter("ada", "lobby"), house.enter("eva", "lobby")
        name = ada.ok("join", room="lobby")["log"]
        assert ada.say("lobby", "one") == 1
        redis.let_replica_have("lobby", 1)
        redis.sentinels[0].kill()
        redis.master.kill()
        eventually(lambda: AWAY in server.stderr)
        assert ada.request("say", room="lobby", text="nowhere")["code"] == "unavailable"
        redis.fail_over()
        assert say(ada, "two") == 2
        assert texts(eva.messages(2)) == ["one", "two"]
        assert texts(whole_log(eva, "lobby")) == ["one", "two"]
        assert eva.ok("join", room="lobby")["log"] == name
        assert BACK in server.stderr
        assert "Traceback" not in server.stderr
    with ServerProcess.serve(tmp_path / "new", "--log", redis.url) as server:
        assert server.addresses


def test_a_failover_that_loses_messages_is_noticed(redis: SentinelHouse, tmp_path: Path) -> None:
    """The log has another name. Who was in comes in anew, and is told what both have in common."""
    with (
        ServerProcess.serve(tmp_path / "data", "--log", redis.url) as server,
        House(server.address) as house,
    ):
        ada = house.enter("ada", "lobby")
        name = ada.ok("join", room="lobby")["log"]
        assert ada.say("lobby", "one") == 1
        redis.let_replica_have("lobby", 1)
        redis.cut_replica_off()
        assert [ada.say("lobby", text) for text in ("two", "three")] == [2, 3]
        redis.master.kill()
        redis.fail_over()
        ada.read_to_end()
        back, welcome = come_back(house, ada)
        joined = back.ok("join", room="lobby", after=3, log=name)
        assert (joined["seq"], joined["diverged"]) == (1, 1)
        assert joined["log"] != name
        back.go_on_above(max(welcome["last_id"], 100))
        assert say(back, "another two") == 2
        assert texts(back.messages(1)) == ["another two"]
        assert "Traceback" not in server.stderr


def test_a_failover_by_hand(redis: SentinelHouse, tmp_path: Path) -> None:
    """The old master lives on as a replica, and what is said from then on is on the new one."""
    with (
        ServerProcess.serve(tmp_path / "data", "--log", redis.url) as server,
        House(server.address) as house,
    ):
        ada = house.enter("ada", "lobby")
        assert ada.say("lobby", "one") == 1
        redis.let_replica_have("lobby", 1)
        redis.sentinels[0].do("SENTINEL", "FAILOVER", NAME)
        redis.wait_for_the_replica()
        redis.wait_for_the_old_master()
        assert say(ada, "two") == 2
        assert redis.replica.do("HGET", "backchannel:{lobby}:meta", "last") == "2"
        assert texts(whole_log(ada, "lobby")) == ["one", "two"]
        assert "Traceback" not in server.stderr


def test_a_master_that_is_none_any_more_is_given_up(tmp_path: Path) -> None:
    """Though it answers still: the sentinel names another."""
    with (
        RedisServer(tmp_path / "old") as old,
        RedisServer(tmp_path / "new") as new,
        Sentinel(tmp_path / "sentinel", old.port) as sentinel,
    ):
        url = f"redis+sentinel://127.0.0.1:{sentinel.port}/{NAME}"
        address = log_address().read(url)
        assert address is not None
        pool = Connections(address, "", lambda _: None, lambda _: None, lambda: None)
        pool.connect()[0].disconnect()
        assert not pool.is_deposed()
        with ServerProcess.serve(tmp_path / "data", "--log", url) as server:
            sentinel.do("SENTINEL", "REMOVE", NAME)
            sentinel.do("SENTINEL", "MONITOR", NAME, "127.0.0.1", str(new.port), "2")
            assert pool.is_deposed()
            eventually(lambda: new.do("EXISTS", "backchannel:{log}:names") == 1)
            assert "Traceback" not in server.stderr


def test_a_password(tmp_path: Path) -> None:
    """The master's, which a sentinel gets that asks for one; without it, a sentence."""
    with (
        RedisServer(tmp_path / "redis", "--requirepass", "right") as redis,
        Sentinel(tmp_path / "sentinel", redis.port, "requirepass right") as sentinel,
    ):
        url = f"redis+sentinel://127.0.0.1:{sentinel.port}/{NAME}"
        for wrong in ({}, {"CHAT_LOG_PASSWORD": "wrong"}):
            said = refusal(tmp_path / "data", url, wrong)
            assert f"the sentinel 127.0.0.1:{sentinel.port} does not let us in" in said
        where = ("--host", "127.0.0.1", "--port", "0", "--data", tmp_path / "data", "--log", url)
        with ServerProcess(*where, environment={"CHAT_LOG_PASSWORD": "right"}) as server:
            server.wait_until_listening()


def test_who_knows_no_master_is_named(redis: SentinelHouse, tmp_path: Path) -> None:
    """Another name, something that is no sentinel: exit code 2. Nobody there: 1, as for a Redis."""
    place = f"127.0.0.1:{redis.sentinels[0].port}"
    said = refusal(tmp_path, f"redis+sentinel://{place}/chatt")
    assert f"the sentinel {place} knows no master named 'chatt'" in said
    plain = f"127.0.0.1:{redis.master.port}"
    assert f"{plain} is no sentinel" in refusal(tmp_path, f"redis+sentinel://{plain}/chat")
    nobody = f"127.0.0.1:{free_port()}"
    said = refusal(tmp_path, f"redis+sentinel://{nobody},{place}/chatt", code=1)
    assert f"the sentinel {nobody} cannot be reached" in said
    assert "knows no master named 'chatt'" in said
    redis.master.kill()
    said = refusal(tmp_path, redis.url, code=1)
    assert f"redis://127.0.0.1:{redis.master.port}/0 cannot be reached" in said
