"""Two servers on one Redis know the same of people: what a moderator does on one holds on both."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from chat_server.identity.store.people_store import PeopleStore
from chat_server.server import Server
from chat_server.storage.redis.processes import redis_neighbours
from protocol.text import nick_skeleton
from tests.chat_server.admin.folders import Operator
from tests.chat_server.house import House, texts, whole_log
from tests.chat_server.storage.redis_house import serve
from tests.support.clock import ManualClock
from tests.support.peer import Peer
from tests.support.redis_server import RedisServer, needs_redis
from tests.support.servers import ServerProcess, running_server
from tests.support.waiting import DEADLINE, eventually

pytestmark = [needs_redis, pytest.mark.long]

Servers = tuple[Server, Server]
Houses = tuple[House, House]


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path / "redis") as started:
        yield started


@pytest.fixture
def servers(
    redis: RedisServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> Iterator[Servers]:
    """Two servers in this process; neither makes a mistake that it survives."""
    with (
        running_server(tmp_path / "one", log=redis.address) as one,
        running_server(tmp_path / "two", log=redis.address) as two,
    ):
        yield one, two
    assert [record for record in caplog.get_records("call") if record.exc_info] == []


@pytest.fixture
def houses(servers: Servers) -> Iterator[Houses]:
    one, two = servers
    with House(one) as first, House(two) as second:
        yield first, second


@pytest.fixture
def ada(houses: Houses, servers: Servers) -> Peer:
    """An owner, on the first server."""
    return owner(houses[0], servers[0].owner_secret)


def owner(house: House, secret: str | None) -> Peer:
    ada = house.enter("ada", "lobby")
    ada.ok("claim", secret=secret)
    return ada


def test_a_ban_holds_on_the_other_server(houses: Houses, ada: Peer) -> None:
    """Before its `ok`: whoever is meant is out, and comes in no more, there or here."""
    eva = houses[1].enter("eva", "lobby")
    ada.ok("ban", who="eva", reason="spam")
    for house in houses:
        refused = house.connect().hello("eva")
        assert (refused["type"], refused["code"]) == ("error", "banned")
    goodbye = eva.expect("goodbye")
    assert goodbye["code"] == "banned"
    ada.ok("unban", who="eva")
    assert houses[1].connect().hello("eva")["type"] == "welcome"


def end_lease(redis: RedisServer, nick: str) -> None:
    """Let the server of somebody seem dead, as if the time of its lease had passed."""
    process = redis.do("HGET", f"backchannel:nick:{nick_skeleton(nick)}", "process")
    redis.do("DEL", f"backchannel:process:{process}")


def test_a_ban_of_an_address_holds_for_who_is_there(
    houses: Houses, ada: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also for who is connected to the other server only; owners never are banned."""
    monkeypatch.setattr(redis_neighbours, "ANSWER_PATIENCE", DEADLINE)
    eva = houses[1].enter("eva")
    refused = ada.request("ban", who="eva", address=True)  # ada has the same one
    assert (refused["code"], "127.0.0.1" in refused["text"]) == ("forbidden", True)
    refused = ada.request("ban", who="127.0.0.1")  # an owner is connected from there
    assert refused["code"] == "forbidden"
    ada.ok("ban", who="eva")
    eva.expect_end("banned")


def test_the_address_of_somebody_on_the_other_server_is_banned(
    redis: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By their nick: their server is asked for it."""
    monkeypatch.setattr(redis_neighbours, "ANSWER_PATIENCE", DEADLINE)
    with (
        running_server(tmp_path / "one", log=redis.address) as one,
        running_server(tmp_path / "two", log=redis.address, hosts=("::1",)) as two,
        House(one) as first,
        House(two) as second,
    ):
        ada, eva = owner(first, one.owner_secret), second.enter("eva")
        ada.ok("ban", who="eva", address=True)
        eva.expect_end("banned")
        assert second.connect().hello("zoe")["code"] == "banned"
        assert first.connect().hello("zoe")["type"] == "welcome"
        assert ada.request("ban", who="max", address=True)["code"] == "no_such_nick"


def test_a_mute_holds_on_the_other_server(houses: Houses, ada: Peer) -> None:
    """Before its `ok`, and they are told; until it is lifted."""
    eva = houses[1].enter("eva", "lobby")
    ada.ok("mute", who="eva", reason="loud")
    refused = eva.request("say", room="lobby", text="hello")
    assert (refused["code"], "muted by ada: loud" in refused["text"]) == ("muted", True)
    assert eva.take(lambda frame: frame.get("why") == "muted")["speak"] is False
    assert [each["who"] for each in ada.page("bans")["bans"]] == ["eva"]
    ada.ok("unmute", who="eva")
    assert eva.say("lobby", "hello")


def test_a_kick_reaches_who_is_on_the_other_server(houses: Houses, ada: Peer) -> None:
    """By nick; and the room reads it. Whoever is nowhere is not here."""
    eva, max_ = houses[1].enter("eva", "lobby"), houses[1].enter("max", "lobby")
    ada.ok("kick", who="eva", reason="out")
    assert "thrown out by ada: out" in eva.expect_end("kicked")[-1]["text"]
    assert max_.messages(1)[0]["text"] == "eva was thrown out: out"
    assert ada.messages(1)[0]["text"] == "eva was thrown out: out"
    assert ada.request("kick", who="nobody")["code"] == "no_such_nick"


def test_a_moderator_acts_on_no_owner_of_the_other_server(houses: Houses, ada: Peer) -> None:
    """Their role is known here."""
    eva = houses[1].enter("eva")
    ada.ok("op", who="eva")
    assert eva.expect("role")["role"] == "moderator"
    for request in ("kick", "ban", "mute"):
        assert eva.request(request, who="ada")["code"] == "forbidden"
    ada.ok("deop", who="eva")
    assert eva.request("mute", who="max")["code"] == "forbidden"


def test_a_freeze_holds_on_the_other_server(houses: Houses, ada: Peer) -> None:
    """Of a room and of all rooms, and for all but whom it lets speak."""
    eva, max_ = houses[1].enter("eva", "lobby"), houses[1].enter("max", "lobby")
    ada.ok("freeze", room="lobby", speakers=["max"])
    assert eva.request("say", room="lobby", text="hello")["code"] == "muted"
    assert max_.say("lobby", "I may")
    ada.ok("unfreeze", room="lobby")
    assert eva.say("lobby", "hello")
    ada.ok("freeze")
    assert max_.request("say", room="lobby", text="hello")["code"] == "muted"
    ada.ok("unfreeze")
    assert max_.say("lobby", "hello")


def test_a_freeze_that_ends_by_itself_ends_on_both(houses: Houses, ada: Peer) -> None:
    """And one notice says so."""
    eva = houses[1].enter("eva", "lobby")
    ada.ok("freeze", room="lobby", seconds=1)
    eventually(lambda: eva.request("say", room="lobby", text="at last")["type"] == "ok")
    eventually(lambda: "no longer frozen" in " ".join(texts(whole_log(eva, "lobby"))))
    assert sum("no longer frozen" in text for text in texts(whole_log(eva, "lobby"))) == 1


def test_rules_of_a_room_hold_on_the_other_server(houses: Houses, ada: Peer) -> None:
    """Slow mode, who speaks, who sets the topic."""
    eva = houses[1].enter("eva", "lobby")
    ada.ok("set_rules", room="lobby", topic="moderators")
    assert eva.request("topic", room="lobby", topic="mine")["code"] == "forbidden"
    ada.ok("slow", room="lobby", seconds=60)
    eva.say("lobby", "one")
    assert eva.request("say", room="lobby", text="two")["code"] == "rate_limited"
    ada.ok("set_rules", room="lobby", read_only=True)
    assert eva.request("say", room="lobby", text="two")["code"] == "muted"
    assert eva.ok("rules", room="lobby")["rules"]["slow"] == 60


def test_slow_mode_holds_for_who_changes_servers(houses: Houses, ada: Peer) -> None:
    """They wait as long as on the server before; others need not, nor those it does not bind."""
    eva, zoe = houses[1].enter("eva", "lobby"), houses[0].enter("zoe", "lobby")
    ada.ok("slow", room="lobby", seconds=600)
    eva.say("lobby", "one")
    there = houses[1].enter("ada2", "lobby")
    ada.ok("op", who="ada2")
    assert there.say("lobby", "two")
    assert texts(zoe.messages(3))[1:] == ["one", "two"]
    back = houses[0].enter("eva", session=eva.session)
    back.skip_ids(1000)
    back.join("lobby")
    refused = back.request("say", room="lobby", text="three")
    assert (refused["code"], "slow mode" in refused["text"]) == ("rate_limited", True)
    assert zoe.say("lobby", "three")


def test_who_is_in_a_room_that_is_locked_may_come_back(houses: Houses, ada: Peer) -> None:
    """On whichever server they are; nobody else comes in."""
    eva = houses[1].enter("eva", "lobby")
    ada.ok("lock", room="lobby", locked=True)
    for house, nick in zip(houses, ("max", "zoe"), strict=True):
        assert house.enter(nick).request("join", room="lobby")["code"] == "forbidden"
    eva.reset()
    back = houses[0].connect()
    assert back.hello("eva", session=eva.session)["type"] == "welcome"
    back.join("lobby")


def test_somebody_on_the_other_server_is_invited(houses: Houses, ada: Peer) -> None:
    """They are told, and come in; and leave when the invitation is taken back."""
    eva, max_ = houses[1].enter("eva"), houses[1].enter("max", "lobby")
    ada.ok("set_rules", room="lobby", invite_only=True)
    assert eva.request("join", room="lobby")["type"] == "error"
    ada.ok("invite", room="lobby", who="eva")
    assert eva.expect("invited")["by"] == "ada"
    eva.join("lobby")
    ada.ok("uninvite", room="lobby", who="eva")
    assert eva.expect("expelled")["room"] == "lobby"
    assert max_.say("lobby", "I was in it")


def test_an_account_is_one_on_both_servers(houses: Houses, ada: Peer) -> None:
    """Its nick is its own, and its password lets in."""
    ada.ok("register", password="correct horse")
    ada.ok("bye")
    stranger = houses[1].connect()
    assert stranger.hello("ada")["code"] == "nick_in_use"
    back = houses[1].connect()
    welcome = back.hello("ada", account_password="correct horse")
    assert (welcome["account"], welcome["role"]) == ("ada", "owner")
    eva = houses[0].enter("eva")
    eva.ok("register", password="battery staple")
    back.ok("op", who="@eva")
    assert eva.expect("role")["role"] == "moderator"


def test_a_session_is_logged_in_on_whichever_server(houses: Houses) -> None:
    """At once, also where it was before; and out."""
    eva = houses[0].enter("eva")
    eva.ok("register", password="correct horse")
    there = houses[1].connect()
    assert there.hello("eva", session=eva.session)["account"] == "eva"
    there.go_on_above(1)
    there.ok("logout", nick="eve")
    back = houses[0].connect()
    assert "account" not in back.hello("eve", session=eva.session)


def test_another_password_counts_on_both_servers(houses: Houses) -> None:
    """The one before lets nobody in any more."""
    eva = houses[0].enter("eva")
    eva.ok("register", password="correct horse")
    eva.ok("password", old="correct horse", new="battery staple")
    eva.ok("bye")
    refused = houses[1].connect().hello("eva", account_password="correct horse")
    assert refused["type"] == "error"
    welcome = houses[1].connect().hello("eva", account_password="battery staple")
    assert welcome["account"] == "eva"


def test_the_audit_log_is_the_same_on_both(houses: Houses, ada: Peer, tmp_path: Path) -> None:
    """Whoever was asked."""
    ada.ok("mute", who="eva")
    bob = houses[1].enter("bob")
    ada.ok("op", who="bob")
    bob.ok("mute", who="zoe")

    def acts(name: str) -> list[tuple[str, str]]:
        with closing(PeopleStore(tmp_path / name)) as people:
            return [(act.act, act.whom) for _, act in people.acts()]

    expected = [("claim", "ada"), ("mute", "eva"), ("op", "bob"), ("mute", "zoe")]
    assert acts("one") == acts("two") == expected


def test_what_the_operator_does_holds_on_the_other_server(
    houses: Houses, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As what moderators do."""
    eva, one = houses[1].enter("eva"), Operator(capsys, tmp_path / "one")
    one.done("ban", "eva")
    assert houses[1].connect().hello("eva")["code"] == "banned"
    eva.expect_end("banned")
    max_ = houses[1].enter("max")
    max_.ok("register", password="correct horse")
    one.done("remove-account", "max")
    refused = max_.request("password", old="correct horse", new="battery staple")
    assert "logged in to no account" in refused["text"]


def test_a_new_owner_s_secret_counts_on_both(
    houses: Houses, servers: Servers, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whichever server makes it; the one before is of no use on any. Its folder alone has it."""
    before = servers[0].owner_secret
    one, two = Operator(capsys, tmp_path / "one"), Operator(capsys, tmp_path / "two")
    assert before is not None
    assert before in one.done("owner-secret").out
    assert "one of several servers" in two.refused("owner-secret")
    (shown, _) = two.done("owner-secret", "--new").lines
    secret = shown.rpartition(" ")[2]
    for house, nick in zip(houses, ("ada", "eva"), strict=True):
        peer = house.enter(nick)
        peer.refused("forbidden", "claim", secret=before)
        assert peer.ok("claim", secret=secret)["role"] == "owner"
    assert two.done("owner-secret").lines == [shown]
    assert "one of several servers" in one.refused("owner-secret")
    assert one.done("owner-secret", "--new").lines != [shown]
    assert "one of several servers" in two.refused("owner-secret")


def test_nothing_is_decided_while_redis_is_away(
    houses: Houses, ada: Peer, redis: RedisServer
) -> None:
    """It is refused; when Redis is back it is done."""
    houses[1].enter("eva")
    redis.kill()
    assert ada.request("ban", who="eva")["code"] == "unavailable"
    redis.start_again()
    eventually(lambda: ada.request("ban", who="eva")["type"] == "ok")
    eventually(lambda: houses[1].connect().hello("eva").get("code") == "banned")


def test_nobody_waits_for_a_server_that_died(redis: RedisServer, tmp_path: Path) -> None:
    """Once its lease is over."""
    with processes(redis, tmp_path) as (one, two), House(one.address) as first:
        ada = owner(first, one.secret)
        with House(two.address) as second:
            second.enter("eva")
            two.kill()
        request = ada.post("ban", who="eva")
        end_lease(redis, "eva")
        assert ada.reply(request)["type"] == "ok"


def test_a_server_that_stood_still_does_nothing_before_it_has_made_what_it_missed(
    redis: RedisServer, tmp_path: Path
) -> None:
    """Whoever was banned or muted meanwhile says nothing there, also what was sent before."""
    with (
        processes(redis, tmp_path) as (one, two),
        House(one.address) as first,
        House(two.address) as second,
    ):
        ada = owner(first, one.secret)
        eva, max_ = second.enter("eva", "lobby"), second.enter("max", "lobby")
        two.pause()
        request = ada.post("ban", who="eva")
        end_lease(redis, "eva")
        assert ada.reply(request)["type"] == "ok"
        ada.ok("mute", who="max")
        eva.post("say", room="lobby", text="in spite of it")
        said = max_.post("say", room="lobby", text="me, too")
        two.go_on()
        eva.expect_end("banned")
        assert max_.reply(said)["code"] in ("muted", "unavailable")
        assert whole_log(ada, "lobby") == []
        ada.ok("unmute", who="max")
        eventually(lambda: max_.request("say", room="lobby", text="hello")["type"] == "ok")
        assert "Traceback" not in two.stderr


@contextmanager
def processes(redis: RedisServer, tmp_path: Path) -> Iterator[tuple[ServerProcess, ServerProcess]]:
    """Two servers that can be killed."""
    with serve(redis, tmp_path / "one") as one, serve(redis, tmp_path / "two") as two:
        yield one, two


def test_one_that_comes_later_knows_it_all(
    houses: Houses, ada: Peer, redis: RedisServer, tmp_path: Path
) -> None:
    """And what it does holds on those that were there."""
    ada.ok("register", password="correct horse")
    ada.ok("ban", who="eva")
    with running_server(tmp_path / "three", log=redis.address) as third, House(third) as house:
        assert house.connect().hello("eva")["code"] == "banned"
        assert house.connect().hello("ada")["code"] == "nick_in_use"
        assert third.owner_secret is None  # there is one for all
        ada.ok("bye")
        back = house.connect()
        assert back.hello("ada", account_password="correct horse")["role"] == "owner"
        back.ok("unban", who="eva")
        assert houses[1].connect().hello("eva")["type"] == "welcome"


def test_a_room_in_which_somebody_is_on_the_other_server_is_not_forgotten(
    tmp_path: Path, redis: RedisServer
) -> None:
    """Another one is, in the same round; and this one when nobody is in it any more."""
    clock = ManualClock()
    shared: dict[str, Any] = {"clock": clock, "interval": 0.05, "log": redis.address}
    with (
        running_server(tmp_path / "one", **shared) as first,
        running_server(tmp_path / "two", **shared) as second,
        House(first) as one,
        House(second) as two,
    ):
        mia, bob = one.enter("mia", "group", "other"), two.enter("bob", "group")
        mia.ok("claim", secret=first.owner_secret)
        for room in ("group", "other"):
            mia.ok("set_rules", room=room, forget=True)
            mia.say(room, "between us")

        def listed() -> dict[str, int]:
            clock.advance(1)  # or nobody is told who is in
            return {each["room"]: each["members"] for each in mia.page("rooms")["rooms"]}

        eventually(lambda: listed()["group"] == 2)
        for room in ("group", "other"):
            mia.ok("leave", room=room)

        def is_gone(room: str) -> bool:
            clock.advance(30)
            return room not in listed()

        eventually(lambda: is_gone("other"))
        assert "between us" in texts(whole_log(bob, "group"))
        bob.ok("leave", room="group")
        eventually(lambda: is_gone("group"))
