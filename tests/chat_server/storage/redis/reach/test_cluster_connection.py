"""Servers whose rooms are spread over a Redis Cluster."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chat_server.house import House, texts, whole_log
from tests.chat_server.storage.redis_house import refusal
from tests.support.peer import Peer
from tests.support.ports import free_port
from tests.support.redis_cluster import HOME, RedisCluster
from tests.support.redis_server import RedisServer, needs_redis
from tests.support.servers import ServerProcess
from tests.support.waiting import eventually

pytestmark = [needs_redis, pytest.mark.long]

PATIENCE = 120.0
"""Seconds that a cluster may take to be usable again, on a busy machine."""

ROOMS = ("lobby", "garden", "physics", "maths", "music", HOME)


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisCluster]:
    with RedisCluster(tmp_path / "redis") as started:
        yield started


def serve(redis: RedisCluster, data: Path) -> ServerProcess:
    return ServerProcess.serve(data, "--log", redis.url)


def say(peer: Peer, room: str, text: str) -> int:
    """Say something until it is stored, which is refused while its node is away."""

    def stored() -> int:
        reply = peer.request("say", room=room, text=text)
        assert reply["type"] == "ok" or reply["code"] == "unavailable", reply
        return int(reply.get("seq", 0))

    return eventually(stored, PATIENCE)


def come_back(house: House, peer: Peer) -> Peer:
    """Come back to a session, which is refused until the server has its lease again."""

    def welcomed() -> Peer | None:
        back = house.connect()
        return back if back.hello("ada", session=peer.session)["type"] == "welcome" else None

    found = eventually(welcomed, PATIENCE)
    assert found is not None
    return found


def apart(redis: RedisCluster) -> tuple[str, str]:
    """Return two rooms that are on different nodes, neither of them the home node."""
    home = redis.master_of(HOME)
    by_node = {redis.master_of(room): room for room in ROOMS}
    one, two = [room for node, room in by_node.items() if node is not home]
    return one, two


def test_rooms_are_on_all_nodes(redis: RedisCluster, tmp_path: Path) -> None:
    """Two servers hear of what is said on the other; a new one finds it all.

    Also a room that has the name of the other keys' hash tag.
    """
    with (
        serve(redis, tmp_path / "one") as one,
        serve(redis, tmp_path / "two") as two,
        House(one.address) as first,
        House(two.address) as second,
    ):
        ada, eva = first.enter("ada", *ROOMS), second.enter("eva", *ROOMS)
        for room in ROOMS:
            assert say(ada, room, "one") == 1
            assert say(eva, room, "two") == 2
            for peer in (ada, eva):
                assert texts(peer.messages(2, room)) == ["one", "two"]
        for server in (one, two):
            assert "Traceback" not in server.stderr
    for node in redis.masters:
        assert node.do("KEYS", "backchannel:{*}:log"), "no room is on this node"
    with serve(redis, tmp_path / "three") as three, House(three.address) as house:
        back = house.enter("max", *ROOMS)
        for room in ROOMS:
            assert texts(whole_log(back, room)) == ["one", "two"]


def test_a_node_is_away(redis: RedisCluster, tmp_path: Path) -> None:
    """Only its rooms cannot be used. It comes back with what it had; nobody is thrown out."""
    gone, here = apart(redis)
    with serve(redis, tmp_path / "data") as server, House(server.address) as house:
        ada = house.enter("ada", gone, here)
        name = ada.ok("join", room=gone)["log"]
        assert (say(ada, gone, "one"), say(ada, here, "one")) == (1, 1)
        redis.master_of(gone).kill()
        eventually(lambda: "cannot be used until it answers" in server.stderr)
        assert ada.request("say", room=gone, text="nowhere")["code"] == "unavailable"
        assert say(ada, here, "two") == 2
        redis.master_of(gone).start_again()
        assert say(ada, gone, "two") == 2
        assert say(ada, here, "three") == 3
        assert texts(whole_log(ada, gone)) == ["one", "two"]
        assert ada.ok("join", room=gone)["log"] == name
        assert "Traceback" not in server.stderr


def test_a_replica_takes_over(redis: RedisCluster, tmp_path: Path) -> None:
    """Its rooms go on where they were, and the log keeps its name."""
    room, other = apart(redis)
    replica = redis.add_replica(redis.master_of(room))
    with serve(redis, tmp_path / "data") as server, House(server.address) as house:
        ada, eva = house.enter("ada", room, other), house.enter("eva", room)
        name = ada.ok("join", room=room)["log"]
        assert say(ada, room, "one") == 1
        eventually(lambda: replica.has_applied(redis.master_of(room)))
        redis.master_of(room).kill()
        replica.do("CLUSTER", "FAILOVER", "TAKEOVER")
        assert say(ada, room, "two") == 2
        assert texts(eva.messages(2, room)) == ["one", "two"]
        assert say(ada, other, "one") == 1
        assert eva.ok("join", room=room)["log"] == name
        assert "Traceback" not in server.stderr


def test_a_replica_takes_over_that_lacks_messages(redis: RedisCluster, tmp_path: Path) -> None:
    """The log has another name. Only who is in rooms of that node comes in anew."""
    room, other = apart(redis)
    replica = redis.add_replica(redis.master_of(room))
    with serve(redis, tmp_path / "data") as server, House(server.address) as house:
        ada, eva = house.enter("ada", room), house.enter("eva", other)
        name = ada.ok("join", room=room)["log"]
        assert say(ada, room, "one") == 1
        assert [say(eva, other, text) for text in ("one", "two")] == [1, 2]
        eventually(lambda: replica.has_applied(redis.master_of(room)))
        replica.do("CONFIG", "SET", "masterauth", "wrong")
        redis.master_of(room).do("CLIENT", "KILL", "TYPE", "replica")
        eventually(lambda: replica.do("INFO", "replication")["master_link_status"] == "down")
        assert [say(ada, room, text) for text in ("two", "three")] == [2, 3]
        redis.master_of(room).kill()
        replica.do("CLUSTER", "FAILOVER", "TAKEOVER")
        ada.read_to_end()
        back = come_back(house, ada)
        joined = back.ok("join", room=room, after=3, log=name)
        assert (joined["seq"], joined["diverged"]) == (1, 1)
        assert joined["log"] != name
        assert back.ok("join", room=other, after=2, log=name)["diverged"] == 2
        assert say(eva, other, "three") == 3
        assert "Traceback" not in server.stderr


def test_a_room_moves_to_another_node(redis: RedisCluster, tmp_path: Path) -> None:
    """It cannot be used while it is under way, and then goes on where it was."""
    room, other = apart(redis)
    with serve(redis, tmp_path / "data") as server, House(server.address) as house:
        ada = house.enter("ada", room, other)
        assert say(ada, room, "one") == 1
        redis.move(room, redis.master_of(other))
        assert ada.request("say", room=room, text="nowhere")["code"] == "unavailable"
        assert say(ada, other, "one") == 1
        redis.moved(room, redis.master_of(other))
        assert say(ada, room, "two") == 2
        assert texts(whole_log(ada, room)) == ["one", "two"]
        assert "Traceback" not in server.stderr


def test_another_scheme_is_named(
    redis: RedisCluster, empty_redis: RedisServer, tmp_path: Path
) -> None:
    """To whoever takes a node of a cluster for a Redis, or the other way round."""
    said = refusal(tmp_path, redis.masters[0].url)
    assert "this Redis is a node of a Redis Cluster. Write redis+cluster://" in said
    said = refusal(tmp_path, f"redis+cluster://127.0.0.1:{empty_redis.port}")
    assert "is no node of a Redis Cluster" in said
    said = refusal(tmp_path, f"redis+cluster://127.0.0.1:{free_port()}", code=1)
    assert "cannot be reached" in said
