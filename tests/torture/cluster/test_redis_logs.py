"""What is read from Redis is what a server reads from it."""

from pathlib import Path

import pytest

from tests.chat_server.house import House
from tests.support.redis_server import RedisServer, needs_redis
from tests.support.servers import address_of, running_server
from tests.torture.cluster.redis_logs import RedisLogs
from tests.torture.journal import Journal
from tests.torture.stored import Observer

pytestmark = [needs_redis, pytest.mark.long]


def test_it_is_the_same_log(tmp_path: Path) -> None:
    """With edits and deletions, in their latest state."""
    with (
        RedisServer(tmp_path / "redis") as redis,
        running_server(tmp_path / "data", log=redis.address) as server,
        House(server) as house,
    ):
        ada = house.enter("ada", "lobby")
        for text in ("one", "two", "three", "four"):
            ada.say("lobby", text)
        ada.ok("edit", room="lobby", seq=1, text="uno")
        ada.ok("edit", room="lobby", seq=2, text="dos")
        ada.ok("delete", room="lobby", seq=2)
        ada.ok("delete", room="lobby", seq=3)
        ada.ok("topic", room="lobby", topic="Light")
        journal = Journal()
        logs, lasts = RedisLogs(redis).read(journal)
        with Observer(address_of(server), ["lobby"]) as observer:
            assert [kept.entry for kept in logs["lobby"]] == observer.read("lobby", journal)
    assert lasts == {"lobby": 9}
    requests = [kept.request for kept in logs["lobby"]]
    assert requests == sorted(set(requests))
