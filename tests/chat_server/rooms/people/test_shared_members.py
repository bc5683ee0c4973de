"""Other servers are told who is in the rooms here."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chat_server.rooms.people.shared_members import SharedMembers
from chat_server.rooms.room import Room
from chat_server.server import Server
from chat_server.storage.interface import MembersChange
from chat_server.storage.redis.connections import Connections
from chat_server.storage.redis.processes.redis_neighbours import RedisNeighbours
from tests.chat_server.house import House
from tests.support.redis_server import RedisServer, needs_redis
from tests.support.servers import running_server
from tests.support.waiting import eventually

pytestmark = [needs_redis, pytest.mark.long]


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path / "redis") as started:
        yield started


class Other:
    """Another server on the same Redis, which only reads what it is told of members."""

    def __init__(self, redis: RedisServer) -> None:
        self._pool = Connections(redis.address, "", lambda _: None, lambda _: None, lambda: None)
        self._neighbours = RedisNeighbours(self._pool, "other")
        self.rooms: dict[str, dict[str, str]] = {}

    def close(self) -> None:
        """Close its connections."""
        self._pool.close()

    def look(self) -> dict[str, dict[str, str]]:
        """Read anew who is in which room elsewhere."""
        self.rooms = {}
        self._neighbours.members.read_all(list(self._neighbours.others()), self._hear)
        return self.rooms

    def _hear(self, process: str, rooms: object, whole: bool) -> None:  # noqa: ARG002
        assert isinstance(rooms, dict)
        for room, change in rooms.items():
            assert isinstance(change, MembersChange)
            self.rooms.setdefault(room, {}).update(change.present)


@contextmanager
def shared(redis: RedisServer) -> Iterator[tuple[Server, House, Other]]:
    """A server on a Redis, and another one that looks."""
    with running_server(log=redis.address) as server, House(server) as house:
        other = Other(redis)
        try:
            yield server, house, other
        finally:
            other.close()


def test_who_comes_is_renamed_and_goes(redis: RedisServer) -> None:
    """Each as it is at that time; also two who exchange nicks."""
    with shared(redis) as (_, house, other):
        ada, eva = house.enter("ada", "lobby", "garden"), house.enter("eva", "lobby")
        both = {"ada": "member", "eva": "member"}
        eventually(lambda: other.look() == {"lobby": both, "garden": {"ada": "member"}})
        ada.ok("nick", nick="max")
        eva.ok("nick", nick="ada")
        eventually(lambda: other.look().get("lobby") == {"max": "member", "ada": "member"})
        ada.ok("leave", room="lobby")
        eventually(lambda: other.look()["lobby"] == {"ada": "member"})
        assert other.rooms["garden"] == {"max": "member"}


def test_what_was_lost_is_told_again(redis: RedisServer) -> None:
    """With the next change, whatever has deleted it."""
    with shared(redis) as (_, house, other):
        house.enter("ada", "lobby")
        eventually(lambda: "lobby" in other.look())
        for key in redis.do("KEYS", "backchannel:members:*"):
            redis.do("DEL", key)
        assert other.look() == {}
        house.enter("eva", "garden")
        eventually(lambda: other.look().keys() == {"lobby", "garden"})


def test_it_can_be_stopped_while_it_cannot_tell(redis: RedisServer) -> None:
    """As Redis refuses: it waits for another attempt, and no longer than until the stop."""
    pool = Connections(redis.address, "", lambda _: None, lambda _: None, lambda: "away")
    room = Room("lobby", "", 0, lambda _: None, lambda _: None)
    members = SharedMembers(RedisNeighbours(pool, "one"), lambda: [room], lambda _: False)
    members.start()
    members.tell_all()
    eventually(lambda: members._complained)
    members.stop()
    pool.close()
