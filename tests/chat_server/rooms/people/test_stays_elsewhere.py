"""The attendance of several servers: each folder has all of it, whatever becomes of the others."""

import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from chat_server.server import Server
from protocol.text import nick_skeleton
from tests.chat_server.admin.folders import Operator
from tests.chat_server.house import House
from tests.chat_server.storage.redis_house import serve
from tests.support.redis_server import RedisServer, needs_redis
from tests.support.servers import ServerProcess, running_server
from tests.support.waiting import eventually

pytestmark = [needs_redis, pytest.mark.long]

OFTEN = 0.05  # seconds between two rounds


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path / "redis") as started:
        yield started


@pytest.fixture
def one(redis: RedisServer, tmp_path: Path) -> Iterator[Server]:
    with running_server(tmp_path / "one", log=redis.address, interval=OFTEN) as server:
        yield server


@pytest.fixture
def two(redis: RedisServer, tmp_path: Path) -> Iterator[Server]:
    with running_server(tmp_path / "two", log=redis.address, interval=OFTEN) as server:
        yield server


class Records:
    """What the operator is shown of each folder."""

    def __init__(self, capsys: pytest.CaptureFixture[str], parent: Path) -> None:
        self._capsys = capsys
        self._parent = parent

    def all(self, folder: str, room: str = "lobby") -> list[dict[str, Any]]:
        """All stays in a room; none if nobody was ever there."""
        operator = Operator(self._capsys, self._parent / folder)
        outcome = operator.types("attendance", "--room", room, "--format", "json")
        return outcome.records if outcome.code == 0 else []

    def there(self, folder: str, room: str = "lobby") -> dict[str, bool]:
        """Whether each is there now."""
        return {stay["nick"]: stay["there_now"] for stay in self.all(folder, room)}

    def until(self, folder: str, nick: str) -> float:
        """When the stay of somebody ended, in Unix seconds."""
        (stay,) = [each for each in self.all(folder) if each["nick"] == nick]
        return datetime.fromisoformat(stay["until"]).timestamp()


@pytest.fixture
def records(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Records:
    return Records(capsys, tmp_path)


def end_lease(redis: RedisServer, nick: str) -> None:
    """Let the server of somebody seem dead, as if the time of its lease had passed."""
    process = redis.do("HGET", f"backchannel:nick:{nick_skeleton(nick)}", "process")
    redis.do("DEL", f"backchannel:process:{process}")


def test_each_folder_has_the_stays_on_all(one: Server, two: Server, records: Records) -> None:
    """While they last, and when they have ended."""
    with House(one) as first, House(two) as second:
        first.enter("ada", "lobby")
        eva = second.enter("eva", "lobby")
        for folder in ("one", "two"):
            eventually(lambda f=folder: records.there(f) == {"ada": True, "eva": True})  # type: ignore[misc]
        eva.ok("leave", room="lobby")
        for folder in ("one", "two"):
            eventually(lambda f=folder: records.there(f) == {"ada": True, "eva": False})  # type: ignore[misc]
    eventually(lambda: records.there("one") == {"ada": False, "eva": False})
    eventually(lambda: records.all("one") == records.all("two"))


def test_who_changes_servers_was_there_once(one: Server, two: Server, records: Records) -> None:
    """Whether or not the first server has noticed that they left."""
    with House(one) as first, House(two) as second:
        ada = first.enter("ada", "lobby")
        ada.say("lobby", "hello")  # from now on her session is known on both
        eventually(lambda: records.there("two") == {"ada": True})
        back = second.connect()
        back.hello("ada", session=ada.session)
        back.join("lobby")
        ada.expect_end("replaced")
        again = first.connect()
        again.hello("ada", session=ada.session)
        again.go_on_above(1)
        again.join("lobby")
        max_ = second.enter("max", "lobby")
        eventually(lambda: records.there("one") == {"ada": True, "max": True})
        again.ok("bye")
        max_.ok("bye")
    for folder in ("one", "two"):
        eventually(lambda f=folder: records.there(f) == {"ada": False, "max": False})  # type: ignore[misc]
        assert len(records.all(folder)) == 2


@pytest.mark.usefixtures("two")
def test_the_stays_on_a_server_that_was_killed_end(
    redis: RedisServer, tmp_path: Path, records: Records
) -> None:
    """When it was known to be there last; and it says the same when it is back."""
    with serve(redis, tmp_path / "one") as killed, House(killed.address) as house:
        house.enter("ada", "lobby")
        eventually(lambda: records.there("two") == {"ada": True})
        killed.kill()
        ended = time.time()
        end_lease(redis, "ada")
        eventually(lambda: records.there("two") == {"ada": False})
        assert records.until("two", "ada") <= ended
        with killed.restarted():
            eventually(lambda: records.there("one") == {"ada": False})
            eventually(lambda: records.all("one") == records.all("two"))


@pytest.mark.usefixtures("two")
def test_the_stays_on_a_server_that_stood_still_go_on(
    redis: RedisServer, tmp_path: Path, records: Records
) -> None:
    """It was taken for dead meanwhile."""
    with serve(redis, tmp_path / "one") as still, House(still.address) as house:
        house.enter("ada", "lobby")
        eventually(lambda: records.there("two") == {"ada": True})
        still.pause()
        end_lease(redis, "ada")
        eventually(lambda: records.there("two") == {"ada": False})
        still.go_on()
        eventually(lambda: records.there("two") == {"ada": True})


def test_what_happens_while_redis_is_away_is_told_later(
    one: Server, two: Server, redis: RedisServer, records: Records
) -> None:
    """Nothing is lost, nor is anybody there who has left."""
    with House(one) as first, House(two) as second:
        ada = first.enter("ada", "lobby", "garden")
        ada.say("lobby", "one")
        second.enter("eva", "lobby")
        eventually(lambda: records.there("two", "garden") == {"ada": True})
        redis.kill()
        ada.ok("leave", room="garden")
        eventually(lambda: records.there("one", "garden") == {"ada": False})
        assert records.there("two", "garden") == {"ada": True}
        redis.start_again()
        eventually(lambda: records.there("two", "garden") == {"ada": False})
        assert records.there("two") == {"ada": True, "eva": True}


@pytest.mark.usefixtures("two")
def test_what_redis_has_lost_is_told_again(
    one: Server, redis: RedisServer, records: Records
) -> None:
    """Though it was told before: who is there, and who was until a moment ago."""
    with House(one) as first:
        first.enter("ada", "lobby")
        first.enter("max", "lobby").ok("leave", room="lobby")
        eventually(lambda: records.there("two") == {"ada": True, "max": False})
        redis.do("DEL", *redis.do("KEYS", "backchannel:{stays}:*"))
        end_lease(redis, "ada")
        eventually(lambda: redis.do("XLEN", "backchannel:{stays}:news") >= 2)
        eventually(lambda: records.there("two") == {"ada": True, "max": False})


def test_a_server_that_was_away_catches_up(
    one: Server, redis: RedisServer, tmp_path: Path, records: Records
) -> None:
    """A new one has what there is, too."""
    with serve(redis, tmp_path / "two") as server:
        server.terminate()
        server.wait()
    with House(one) as first:
        ada = first.enter("ada", "lobby")
        ada.ok("leave", room="lobby")
        eventually(lambda: records.there("one") == {"ada": False})
        with serve(redis, tmp_path / "two"), serve(redis, tmp_path / "three"):
            for folder in ("two", "three"):
                eventually(lambda f=folder: records.there(f) == {"ada": False})  # type: ignore[misc]


def test_a_server_that_goes_on_alone_ends_what_it_knows_of_others(
    redis: RedisServer, tmp_path: Path, records: Records
) -> None:
    """Its own stays have numbers of their own."""
    with (
        serve(redis, tmp_path / "one") as gone,
        serve(redis, tmp_path / "two") as other,
        House(other.address) as house,
    ):
        house.enter("eva", "lobby")
        eventually(lambda: records.there("one") == {"eva": True})
        gone.kill()
        with ServerProcess.serve(tmp_path / "one") as alone, House(alone.address) as own:
            own.enter("ada", "lobby")
            eventually(lambda: records.there("one") == {"ada": True, "eva": False})


def test_a_room_that_is_removed_is_forgotten_by_all(
    one: Server, two: Server, records: Records, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Who was in it on any server; but not who comes into a new one of that name."""
    with House(one) as first, House(two) as second:
        for house, nick in ((first, "ada"), (second, "eva")):
            peer = house.enter(nick, "lobby")
            peer.say("lobby", "hello")
            peer.ok("leave", room="lobby")
        for folder in ("one", "two"):
            eventually(lambda f=folder: records.there(f) == {"ada": False, "eva": False})  # type: ignore[misc]
        Operator(capsys, tmp_path / "one").done("remove-room", "lobby")
        assert records.all("one") == []
        eventually(lambda: records.all("two") == [])
        second.enter("max", "lobby")
        for folder in ("one", "two"):
            eventually(lambda f=folder: records.there(f) == {"max": True})  # type: ignore[misc]
