"""All logs and sessions are moved from one engine to the other, and back."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chat_server.runtime.config.setting_types import Keep
from chat_server.runtime.errors import AdminError
from chat_server.storage.moving import migration, redis_side
from chat_server.storage.moving.migration import Moved, move_from_redis, move_to_redis
from chat_server.storage.redis.redis_log import RedisLog
from chat_server.storage.sqlite.log import SqliteLog
from tests.chat_server.house import House, texts, whole_log
from tests.support.peer import Frame
from tests.support.redis_server import RedisServer, needs_redis
from tests.support.servers import running_server
from tests.support.waiting import eventually

pytestmark = [needs_redis, pytest.mark.long]


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path / "redis") as started:
        yield started


class Talk:
    """What was said in a server before it stopped, and who said it.

    Attributes:
        session: a session's secret.
        log: the name of the log.
        ids: of requests that were stored, and the seqs of their messages; 0 if it is deleted.
        said: the messages of each room.
    """

    def __init__(self, data: Path, **settings: Any) -> None:
        self.ids: dict[int, int] = {}
        self.said: dict[str, list[Frame]] = {}
        with (
            running_server(data, interval=0.05, keep=Keep(messages=20), **settings) as server,
            House(server) as house,
        ):
            ada = house.enter("ada", "lobby", "garden", "shed")
            self.session = ada.session
            self.log = ada.ok("join", room="lobby")["log"]
            old = ada.post("say", room="lobby", text="old")
            ada.reply(old)
            for number in range(30):
                asked = ada.post("say", room="lobby", text=f"said {number}")
                self.ids[asked] = ada.reply(asked)["seq"]
            ada.ok("topic", room="lobby", topic="Light")
            for text in ("first", "second", "third"):
                ada.ok("edit", room="lobby", seq=25, text=text)
            ada.ok("edit", room="lobby", seq=26, text="changed")
            for seq in (26, 27):
                ada.ok("delete", room="lobby", seq=seq)
            ada.ok("say", room="garden", text="\u00e4 \U0001f600")
            ada.ok("say", room="garden", text="code", kind="code", language="python")
            eventually(lambda: whole_log(ada, "lobby")[0]["seq"] == 19)
            self.ids = {asked: seq for asked, seq in self.ids.items() if seq >= 19}
            self.ids[old] = 0
            for room in ("lobby", "garden", "shed"):
                self.said[room] = whole_log(ada, room)

    def check(self, data: Path, **settings: Any) -> None:
        """See that a server on what was moved goes on with it."""
        with (
            running_server(data, keep=Keep(messages=20), **settings) as server,
            House(server) as house,
        ):
            ada = house.connect()
            welcome = ada.hello("ada", session=self.session)
            assert welcome["session"] == self.session
            ada.go_on_above(welcome["last_id"])
            joined = ada.ok("join", room="lobby", after=38, log=self.log)
            assert joined["seq"] == 38
            assert joined.get("diverged", 38) == 38
            assert joined["topic"] == "Light"
            ada.join("garden")
            for room in ("lobby", "garden"):
                assert whole_log(ada, room) == self.said[room]
            for asked, seq in self.ids.items():
                ada.send({"type": "say", "id": asked, "room": "lobby", "text": "again"})
                reply = ada.reply(asked)
                assert reply.get("seq", 0) == seq, reply
            assert texts(ada.page("search", room="lobby", query="third")["messages"]) == ["third"]
            assert ada.page("search", room="lobby", query="changed")["messages"] == []
            assert whole_log(ada, "lobby") == self.said["lobby"]
            assert ada.say("garden", "on") == 3


def test_to_redis_and_back(redis: RedisServer, tmp_path: Path) -> None:
    """Clients come back to their rooms and sessions; a request that comes again is not stored."""
    talk = Talk(tmp_path / "one")
    moved = move_to_redis(tmp_path / "one", redis.address, "")
    assert moved == Moved(2, 22, 1)
    back = move_from_redis(tmp_path / "two", redis.address, "")
    assert back == moved
    talk.check(tmp_path / "one", log=redis.address)
    talk.check(tmp_path / "two")


def test_from_redis(redis: RedisServer, tmp_path: Path) -> None:
    """What was said on a server with Redis, deleted messages with what they said at first."""
    talk = Talk(tmp_path / "one", log=redis.address)
    moved = move_from_redis(tmp_path / "two", redis.address, "")
    assert (moved.rooms, moved.messages) == (2, 22)
    log = SqliteLog(tmp_path / "two")
    with log.file.reader() as reader:
        found = reader.execute("SELECT text FROM originals ORDER BY change").fetchall()
    log.close()
    assert [text for (text,) in found][-2:] == ["changed", "said 25"]
    talk.check(tmp_path / "two")


def test_what_is_in_the_way(redis: RedisServer, tmp_path: Path) -> None:
    """A sentence for each; and nothing is changed."""
    with pytest.raises(AdminError, match="no data folder"):
        move_to_redis(tmp_path / "none", redis.address, "")
    (tmp_path / "empty").mkdir()
    with pytest.raises(AdminError, match="no history in"):
        move_to_redis(tmp_path / "empty", redis.address, "")
    with pytest.raises(AdminError, match="no logs in"):
        move_from_redis(tmp_path / "two", redis.address, "")
    Talk(tmp_path / "one")
    with running_server(tmp_path / "one"), pytest.raises(AdminError, match="in use by another"):
        move_to_redis(tmp_path / "one", redis.address, "")
    move_to_redis(tmp_path / "one", redis.address, "")
    with pytest.raises(AdminError, match="are logs in"):
        move_to_redis(tmp_path / "one", redis.address, "")
    with pytest.raises(AdminError, match="is a history in"):
        move_from_redis(tmp_path / "one", redis.address, "")
    with (
        running_server(tmp_path / "three", log=redis.address),
        pytest.raises(AdminError, match="servers use this Redis"),
    ):
        move_from_redis(tmp_path / "two", redis.address, "")
    redis.kill()
    with pytest.raises(AdminError, match="cannot be reached"):
        move_from_redis(tmp_path / "two", redis.address, "")
    assert not (tmp_path / "two" / "history.db").exists()


def test_what_could_not_be_moved_leaves_nothing(
    redis: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the memory of Redis is full, or the copy is not the same."""
    Talk(tmp_path / "one")
    redis.do("CONFIG", "SET", "maxmemory", "1")
    with pytest.raises(AdminError, match="Redis refuses"):
        move_to_redis(tmp_path / "one", redis.address, "")
    redis.do("CONFIG", "SET", "maxmemory", "0")
    with monkeypatch.context() as patch:
        patch.setattr(RedisLog, "after", lambda *_: [])
        with pytest.raises(AdminError, match="were not moved as they are"):
            move_to_redis(tmp_path / "one", redis.address, "")
    assert redis.do("KEYS", "*") == []
    move_to_redis(tmp_path / "one", redis.address, "")
    with monkeypatch.context() as patch:
        patch.setattr(SqliteLog, "after", lambda *_: [])
        with pytest.raises(AdminError, match="were not moved as they are"):
            move_from_redis(tmp_path / "two", redis.address, "")
    assert not (tmp_path / "two" / "history.db").exists()


def test_it_is_moved_in_portions(
    redis: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However small those are."""
    for module in (migration, redis_side):
        monkeypatch.setattr(module, "PORTION", 3)
    monkeypatch.setattr("chat_server.storage.moving.sqlite_side.PORTION", 3)
    monkeypatch.setattr(redis_side, "ENTRIES", 1)
    talk = Talk(tmp_path / "one")
    move_to_redis(tmp_path / "one", redis.address, "")
    move_from_redis(tmp_path / "two", redis.address, "")
    talk.check(tmp_path / "two")
