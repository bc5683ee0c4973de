"""Who is in the rooms of other processes."""

from collections.abc import Callable, Iterator, Mapping

import pytest

from chat_server.storage.interface import MembersChange, ProcessFacts
from chat_server.storage.redis.connections import Connections
from chat_server.storage.redis.processes import members_elsewhere
from chat_server.storage.redis.processes.redis_neighbours import RedisNeighbours
from chat_server.storage.redis.reach.redis_wire import exchange
from chat_server.storage.redis.scripts import PROCESSES
from tests.support.redis_server import RedisServer, needs_redis

pytestmark = needs_redis

FACTS = ProcessFacts("Physics", [], "1.0", 17, 1000.0, 0, 0, 0, 0.0, 0.0)
ADA = MembersChange(present={"ada": "member"})
EVA = MembersChange(present={"eva": "owner"})

Heard = list[tuple[str, Mapping[str, MembersChange], bool]]


class Server(RedisNeighbours):
    """A server that lives, what it has heard, and what it is told just now."""

    def __init__(self, pool: Connections, name: str) -> None:
        super().__init__(pool, name)
        self.living.renew(FACTS)
        self.heard: Heard = []
        self._told, _ = pool.connect()
        exchange(self._told, [("SUBSCRIBE", PROCESSES)])

    def hear(self, process: str, rooms: Mapping[str, MembersChange], whole: bool) -> None:
        """Note what is heard."""
        self.heard.append((process, dict(rooms), whole))

    def take(self, *, lose: bool = False) -> Heard:
        """Take what the others have told since the last time, or lose it."""
        self.heard = []
        while self._told.can_read(timeout=0.2):
            process, word, about = self._told.read_response()[2].decode().split(" ", 2)
            if word == "members" and not lose:
                self.members.heard(process, about, self.hear)
        return self.heard

    def close(self) -> None:
        """Close its connection."""
        self._told.disconnect()


@pytest.fixture
def start(empty_redis: RedisServer) -> Iterator[Callable[[str], Server]]:
    pool = Connections(empty_redis.address, "", lambda _: None, lambda _: None, lambda: None)
    made: list[Server] = []

    def started(name: str) -> Server:
        made.append(Server(pool, name))
        return made[-1]

    yield started
    for server in made:
        server.close()
    pool.close()


def test_what_is_told_is_heard(start: Callable[[str], Server]) -> None:
    """As a whole first, then what changes."""
    one, two = start("one"), start("two")
    assert one.show_members({"lobby": ADA}, whole=True)
    assert one.show_members({"lobby": EVA}, whole=False)
    assert two.take() == [("one", {"lobby": ADA}, True), ("one", {"lobby": EVA}, False)]


def test_who_comes_later_reads_what_there_is(start: Callable[[str], Server]) -> None:
    """And nothing again that it has read."""
    one = start("one")
    one.show_members({"lobby": ADA}, whole=True)
    one.show_members({"garden": EVA, "lobby": MembersChange(gone=["ada"])}, whole=False)
    two = start("two")
    one.show_members({"lobby": ADA}, whole=False)
    two.members.look(["one"], two.hear)
    assert two.heard == [("one", {"garden": EVA, "lobby": ADA}, True)]
    assert two.take() == []
    two.members.look(["one"], two.hear)
    assert two.heard == []


def test_who_missed_something_reads_all(start: Callable[[str], Server]) -> None:
    """As soon as it hears the next."""
    one, two = start("one"), start("two")
    one.show_members({"lobby": ADA}, whole=True)
    two.take()
    one.show_members({"garden": EVA}, whole=False)
    two.take(lose=True)
    one.show_members({"lobby": MembersChange({"max": "member"}, [], {"max": "ada"})}, whole=False)
    max_ = MembersChange(present={"max": "member"})
    assert two.take() == [("one", {"garden": EVA, "lobby": max_}, True)]


def test_what_has_gone_has_to_be_told_as_a_whole(
    start: Callable[[str], Server], empty_redis: RedisServer
) -> None:
    """With the lease, or by whoever deletes it."""
    one, two = start("one"), start("two")
    one.show_members({"lobby": ADA}, whole=True)
    two.take()
    for key in empty_redis.do("KEYS", "backchannel:members:*"):
        assert empty_redis.do("PTTL", key) > 0
        empty_redis.do("DEL", key)
    assert not one.show_members({"lobby": EVA}, whole=False)
    assert one.show_members({"lobby": EVA}, whole=True)
    assert two.take() == [("one", {"lobby": EVA}, True)]


def test_the_members_of_a_dead_process(start: Callable[[str], Server]) -> None:
    """They are told to be gone, once."""
    one, two = start("one"), start("two")
    one.show_members({"lobby": ADA}, whole=True)
    two.members.read_all(["one"], two.hear)
    two.heard = []
    two.members.look([], two.hear)
    two.members.look([], two.hear)
    assert two.heard == [("one", {}, True)]


def test_many_are_told_in_portions(
    start: Callable[[str], Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for Redis for long; the renamed go with their new nick."""
    monkeypatch.setattr(members_elsewhere, "PORTION", 3)
    one, two = start("one"), start("two")
    nicks = [f"nick{number}" for number in range(8)]
    one.show_members({"lobby": MembersChange(dict.fromkeys(nicks, "member"))}, whole=True)
    heard = two.take()
    assert [whole for *_, whole in heard] == [True, False, False]
    found = [nick for _, rooms, _ in heard for nick in rooms["lobby"].present]
    assert found == nicks
    change = MembersChange(dict.fromkeys("abcd", "member"), nicks[1:], {"d": nicks[0]})
    one.show_members({"lobby": change}, whole=False)
    heard = two.take()
    assert [nick for _, rooms, _ in heard for nick in rooms["lobby"].gone] == nicks[1:]
    renamed = [rooms["lobby"].renamed for _, rooms, _ in heard if rooms["lobby"].renamed]
    assert renamed == [{"d": nicks[0]}]
    two.members.read_all(["one"], two.hear)
    assert sorted(two.heard[-1][1]["lobby"].present) == list("abcd")
