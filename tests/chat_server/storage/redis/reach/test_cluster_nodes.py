"""What a process knows of the nodes of a Redis Cluster."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from redis.exceptions import ResponseError

from chat_server.storage.redis.connections import Call, Connections
from chat_server.storage.redis.reach.cluster_nodes import RESERVE, Nodes
from chat_server.storage.redis.reach.redis_wire import exchange, make_connection
from chat_server.storage.redis.scripts import APPEND, room_keys
from tests.support.redis_cluster import RedisCluster
from tests.support.redis_server import needs_redis
from tests.support.waiting import eventually

pytestmark = [needs_redis, pytest.mark.long]


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisCluster]:
    with RedisCluster(tmp_path / "redis") as started:
        yield started


@pytest.fixture
def nodes(redis: RedisCluster) -> Iterator[Nodes]:
    pool = Connections(redis.address, "", lambda _: None, lambda _: None, lambda: None)
    pool.connect()[0].disconnect()
    assert pool.nodes is not None
    yield pool.nodes
    pool.close()


def test_a_lease_holds_by_the_clock_of_each_node(redis: RedisCluster, nodes: Nodes) -> None:
    """A node stores nothing once the lease has ended by its own clock."""
    clocks = nodes.clocks()
    assert len(clocks) == len(redis.masters)
    for run in clocks:
        assert nodes.fence(run) == "0"
    nodes.hold(clocks, 15_000)
    for run, clock in clocks.items():
        assert int(nodes.fence(run)) == pytest.approx(clock + 15_000 - RESERVE, abs=1)
    connection = make_connection(redis.master_of("lobby").address, "")
    connection.connect()
    arguments = ("one room lobby", 1000, "1:1", '[1000,"ada","text","hello"]', "", "", "")
    words = Call(APPEND, room_keys("lobby"), arguments).command(whole=True, in_cluster=True)
    clock = min(clocks.values())
    (late,) = exchange(connection, [(*words[:-1], f"{clock:.0f}")])
    assert isinstance(late, ResponseError)
    assert "LAPSED" in str(late)
    assert exchange(connection, [(*words[:-1], f"{clock + 3_600_000:.0f}")]) == [[1]]
    connection.disconnect()


def test_a_link_that_broke_is_noticed(redis: RedisCluster, nodes: Nodes) -> None:
    """What was published on that node meanwhile may not have been told by the home node."""
    nodes.clocks()
    nodes.take_missed()
    nodes.clocks()
    assert not nodes.take_missed()
    place = nodes.learn()[-1]
    (node,) = [each for each in redis.masters if each.port == place.port]
    node.kill()
    nodes.clocks()
    assert nodes.is_down(place)
    node.start_again()
    nodes.take_missed()

    def missed() -> bool:
        nodes.clocks()
        return nodes.take_missed()

    eventually(missed)
    assert not nodes.is_down(place)
    assert nodes.take_changed()
