"""Direct messages on several servers: each arrives once, on whichever server somebody comes to."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from chat_server.delivery import late_messages
from chat_server.identity.store.people_store import FILE
from chat_server.storage.redis.processes import redis_neighbours
from tests.chat_server.admin.folders import Operator
from tests.chat_server.house import House
from tests.chat_server.moderation.several_servers import Pair, pair_of_servers
from tests.chat_server.requests.talk.test_direct import PASSWORD, registered, returned
from tests.chat_server.storage.redis_house import serve
from tests.support.peer import Peer
from tests.support.redis_server import RedisServer, needs_redis
from tests.support.servers import running_server
from tests.support.waiting import DEADLINE, eventually

pytestmark = [needs_redis, pytest.mark.long]


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pair]:
    """Two servers that wait for each other for as long as it takes."""
    monkeypatch.setattr(redis_neighbours, "ANSWER_PATIENCE", DEADLINE)
    with pair_of_servers(tmp_path) as found:
        yield found


def waiting(folder: Path, table: str = "late") -> int:
    """How many rows there are in a table of a server's folder."""
    with closing(sqlite3.connect(f"{(folder / FILE).as_uri()}?mode=ro", uri=True)) as reader:
        ((count,),) = reader.execute(f"SELECT count(*) FROM {table}").fetchall()
    return int(count)


def directs(peer: Peer) -> list[str]:
    """The direct messages that somebody has got by now."""
    peer.ping()
    return [each["text"] for each in peer.queue if each["type"] == "direct"]


def test_what_waits_is_got_on_the_other_server(pair: Pair, tmp_path: Path) -> None:
    """Once: it waits nowhere any more when it is confirmed."""
    registered(pair.houses[1], "eva")
    for text in ("one", "two"):
        assert pair.ada.ok("tell", to="eva", text=text)["kept"]
    assert pair.mia.ok("tell", to="eva", text="three")["kept"]
    eva = returned(pair.houses[1], "eva")
    eventually(lambda: directs(eva) == ["one", "two", "three"])
    for folder in ("one", "two"):
        eventually(lambda f=folder: waiting(tmp_path / f) == 0)  # type: ignore[misc]
    eva.ok("bye")
    eva.expect_end("bye")
    assert directs(returned(pair.houses[0], "eva")) == []


def _left(talker: Peer, nick: str) -> bool:
    """Tell somebody something; return whether it waits for them."""
    return bool(talker.request("tell", to=nick, text="psst").get("kept"))


def test_what_is_told_to_somebody_who_was_lost_on_the_other_server(pair: Pair) -> None:
    """Without an account, too: it waits while their nick is kept for them."""
    eva = pair.houses[1].enter("eva", "lobby")
    eva.say("lobby", "hello")  # from now on her session is known on both
    eva.reset()
    eventually(partial(_left, pair.ada, "eva"))
    back = pair.houses[0].enter("eva", session=eva.session)
    eventually(lambda: "psst" in directs(back))


def test_both_at_once_lose_nothing(pair: Pair) -> None:
    """Somebody comes to either server while others send."""
    eva = pair.houses[0].enter("eva")
    eva.ok("register", password=PASSWORD)
    eva.ok("bye")
    eva.expect_end("bye")
    heard: dict[str, str] = {}
    for number in range(12):
        there = pair.houses[number % 2].connect()
        there.send({"type": "hello", "version": 1, "nick": "eva", "session": eva.session})
        talker = (pair.ada, pair.mia)[number // 2 % 2]
        asked = talker.post("tell", to="eva", text=f"{number}")
        there.take(lambda frame: frame["type"] == "welcome")
        assert talker.reply(asked)["type"] == "ok"
        there.ping()
        there.ok("bye")
        frames = [*there.queue, *there.read_to_end()]
        for each in [frame for frame in frames if frame["type"] == "direct"]:
            name = f"late {each['late']}" if "late" in each else f"said {each['text']}"
            assert heard.setdefault(name, each["text"]) == each["text"]
    last = pair.houses[0].enter("eva", session=eva.session)
    for text in directs(last):
        heard.setdefault(f"last {text}", text)
    assert sorted(set(heard.values()), key=int) == [f"{number}" for number in range(12)]


def test_the_limits_hold_for_all_servers_together(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever changes servers has left as many messages as before."""
    monkeypatch.setattr(late_messages, "SENDER_LIMIT", 2)
    registered(pair.houses[0], "eva")
    zoe = pair.houses[0].enter("zoe")
    for text in ("one", "two"):
        assert zoe.ok("tell", to="eva", text=text)["kept"]
    there = pair.come_back(1, zoe)
    assert "2 of your messages" in there.request("tell", to="eva", text="three")["text"]
    assert pair.mia.ok("tell", to="eva", text="four")["kept"]
    eva = returned(pair.houses[1], "eva")
    eventually(lambda: directs(eva) == ["one", "two", "four"])
    eva.ok("bye")
    eva.expect_end("bye")
    eventually(partial(_left, there, "eva"))


def test_who_wants_none_gets_none_from_any_server(pair: Pair) -> None:
    """Until they want some again."""
    eva = pair.houses[1].enter("eva")
    eva.ok("register", password=PASSWORD)
    assert eva.ok("late", on=False)["late"] is False
    eva.ok("bye")
    eva.expect_end("bye")
    assert pair.mia.request("tell", to="eva", text="psst")["code"] == "no_such_nick"
    eventually(
        lambda: pair.ada.request("tell", to="eva", text="psst").get("code") == "no_such_nick"
    )
    back = returned(pair.houses[0], "eva")
    assert back.ok("late", on=True)["late"] is True
    back.ok("bye")
    back.expect_end("bye")
    eventually(partial(_left, pair.mia, "eva"))


def test_what_waits_for_an_account_goes_with_it(
    pair: Pair, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On all servers."""
    registered(pair.houses[1], "eva")
    assert pair.mia.ok("tell", to="eva", text="psst")["kept"]
    Operator(capsys, tmp_path / "one").done("remove-account", "eva")
    for folder in ("one", "two"):
        eventually(lambda f=folder: waiting(tmp_path / f) == 0)  # type: ignore[misc]


def test_a_server_that_does_not_answer_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it was killed a moment ago: nobody knows whether the message arrived."""
    monkeypatch.setattr(redis_neighbours, "ANSWER_PATIENCE", 0.1)
    with (
        RedisServer(tmp_path / "redis") as redis,
        running_server(tmp_path / "one", log=redis.address) as server,
        House(server) as house,
        serve(redis, tmp_path / "two") as other,
        House(other.address) as there,
    ):
        there.enter("eva")
        ada = house.enter("ada")
        other.kill()
        refused = ada.request("tell", to="eva", text="psst")
        assert (refused["code"], "does not answer" in refused["text"]) == ("unavailable", True)
