"""Two servers on one Redis: what is said on one is heard on both."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from chat_server.rooms.people.session import token_hash
from chat_server.storage.interface import RequestKey
from chat_server.storage.redis.processes.living import LEASE
from chat_server.storage.redis.redis_log import RedisLog
from tests.chat_server.admin.folders import Operator
from tests.chat_server.house import House, seqs, texts, whole_log
from tests.chat_server.storage.logs import append, entry
from tests.chat_server.storage.redis_house import serve
from tests.support.clock import ManualClock
from tests.support.irc_peer import irc_house
from tests.support.peer import Peer
from tests.support.redis_server import RedisServer, needs_redis
from tests.support.servers import ServerProcess, running_server
from tests.support.waiting import eventually

pytestmark = [needs_redis, pytest.mark.long]

NOON = 1_780_000_000.0
"""What time it is, in Unix seconds."""


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path / "redis") as started:
        yield started


@pytest.fixture
def servers(redis: RedisServer, tmp_path: Path) -> Iterator[tuple[ServerProcess, ServerProcess]]:
    with serve(redis, tmp_path / "one") as one, serve(redis, tmp_path / "two") as two:
        yield one, two


@pytest.fixture
def houses(servers: tuple[ServerProcess, ServerProcess]) -> Iterator[tuple[House, House]]:
    one, two = servers
    with House(one.address) as first, House(two.address) as second:
        yield first, second
        for server in servers:
            assert "Traceback" not in server.stderr


def test_one_order_for_everybody(houses: tuple[House, House]) -> None:
    """Whoever says something, on whichever server."""
    ada, eva = houses[0].enter("ada", "lobby"), houses[1].enter("eva", "lobby")
    for number in range(20):
        ada.post("say", room="lobby", text=f"ada {number}")
        eva.post("say", room="lobby", text=f"eva {number}")
    heard = [peer.messages(40) for peer in (ada, eva)]
    assert heard[0] == heard[1]
    assert seqs(heard[0]) == list(range(1, 41))
    assert whole_log(ada, "lobby") == whole_log(eva, "lobby") == heard[0]


def test_clocks_that_are_an_hour_apart(redis: RedisServer, tmp_path: Path) -> None:
    """There is one order all the same, with the times of the servers; what counts seconds does."""
    with (
        running_server(tmp_path / "one", ManualClock(NOON), log=redis.address) as one,
        running_server(tmp_path / "two", ManualClock(NOON + 3600), log=redis.address) as two,
        House(one) as first,
        House(two) as second,
    ):
        ada, eva = first.enter("ada", "lobby"), second.enter("eva", "lobby")
        for number in range(3):
            assert ada.say("lobby", "early") == 2 * number + 1
            assert eva.say("lobby", "late") == 2 * number + 2
        heard = [peer.messages(6) for peer in (ada, eva)]
        assert heard[0] == heard[1]
        assert [each["time"] for each in heard[0]] == [NOON, NOON + 3600] * 3
        asked = ada.page("history", room="lobby", limit=4)["messages"]
        assert seqs(asked) == [3, 4, 5, 6]


def test_a_room_that_was_made_on_the_other(houses: tuple[House, House]) -> None:
    """It is listed, with its topic, and joined where it ends."""
    ada = houses[0].enter("ada", "garden")
    assert ada.say("garden", "one") == 1
    ada.ok("topic", room="garden", topic="Flowers")
    eva = houses[1].enter("eva")

    def listed() -> list[tuple[str, str]]:
        page = eva.page("rooms")
        return [(each["room"], each["topic"]) for each in page["rooms"]]

    eventually(lambda: ("garden", "Flowers") in listed())
    joined = eva.ok("join", room="garden")
    assert (joined["seq"], joined["topic"]) == (2, "Flowers")
    assert ada.say("garden", "two") == 3
    assert texts(eva.messages(1)) == ["two"]


def test_a_room_that_nobody_has_heard_of_yet(houses: tuple[House, House]) -> None:
    """Who joins it on the other server at once misses nothing of what follows the reply."""
    ada, eva = houses[0].enter("ada", *"abcdefgh"), houses[1].enter("eva")
    for room in "abcdefgh":
        ada.say(room, "old")
        begin = eva.ok("join", room=room)["seq"]
        ada.say(room, "new")
        assert texts(eva.messages(2 - begin, room)) == ["old", "new"][begin:]


def test_a_session_goes_on_on_the_other_server(houses: tuple[House, House]) -> None:
    """Nothing is lost and nothing is there twice, whatever was under way."""
    ada = houses[0].enter("ada", "lobby")
    log = ada.ok("join", room="lobby")["log"]
    assert ada.say("lobby", "one") == 1
    asked = ada.post("say", room="lobby", text="two")
    eventually(lambda: len(whole_log(ada, "lobby")) == 2)
    ada.close()
    back = houses[1].connect()
    welcome = back.hello("ada", session=ada.session)
    assert welcome["session"] == ada.session
    joined = back.ok("join", room="lobby", after=1, log=log)
    assert (joined["log"], joined.get("diverged")) == (log, None)
    assert texts(back.messages(1)) == ["two"]
    back.send({"type": "say", "id": asked, "room": "lobby", "text": "two"})
    assert back.reply(asked)["seq"] == 2
    assert texts(whole_log(back, "lobby")) == ["one", "two"]


def test_what_the_other_had_stored_by_then_is_no_refusal(
    houses: tuple[House, House], redis: RedisServer, tmp_path: Path
) -> None:
    """A server that stood still had taken a deletion, which is sent again to another one and stored
    while that looks whether the message may be deleted: it is, already, by the same request.
    """
    ada = houses[0].enter("ada", "lobby")
    assert ada.say("lobby", "one") == 1
    ada.close()
    back = houses[1].connect()
    back.hello("ada", session=ada.session)
    back.ok("join", room="lobby")
    with closing(RedisLog(redis.address, "", tmp_path)) as log:
        kept = log.sessions.find(token_hash(ada.session))
        assert kept is not None
        request = RequestKey(kept.number, 50)
        append(log, entry("deleted message 1", request=request, kind="delete", changes=1))
    assert [each["kind"] for each in back.messages(1)] == ["delete"]
    back.send({"type": "delete", "id": 50, "room": "lobby", "seq": 1})
    assert back.reply(50)["seq"] == 2
    back.send({"type": "delete", "id": 51, "room": "lobby", "seq": 1})
    assert back.reply(51)["code"] == "forbidden"


def test_one_that_is_killed_takes_nothing_along(
    houses: tuple[House, House], servers: tuple[ServerProcess, ServerProcess]
) -> None:
    """What had its `ok` is there, and the other goes on."""
    ada, eva = houses[0].enter("ada", "lobby"), houses[1].enter("eva", "lobby")
    assert ada.say("lobby", "one") == 1
    servers[0].kill()
    assert texts(eva.messages(1)) == ["one"]
    assert eva.say("lobby", "two") == 2
    with servers[0].restarted() as again, House(again.address) as house:
        back = house.enter("max", "lobby")
        assert texts(whole_log(back, "lobby")) == ["one", "two"]


def test_redis_restarts_under_both(
    houses: tuple[House, House],
    servers: tuple[ServerProcess, ServerProcess],
    redis: RedisServer,
) -> None:
    """Nobody is thrown out; the log has its name still; what is said next is heard by all."""
    ada, eva = houses[0].enter("ada", "lobby"), houses[1].enter("eva", "lobby")
    name = ada.ok("join", room="lobby")["log"]
    assert ada.say("lobby", "one") == 1
    redis.kill()
    redis.start_again()
    eventually(lambda: all("Redis answers again" in server.stderr for server in servers))
    assert ada.say("lobby", "two") == 2
    assert eva.say("lobby", "three") == 3
    for peer in (ada, eva):
        assert texts(peer.messages(3)) == ["one", "two", "three"]
        assert peer.ok("join", room="lobby")["log"] == name


def test_a_nick_is_one_persons_on_all_servers(houses: tuple[House, House]) -> None:
    """Also one that looks like it; until they leave, or have another."""
    ada = houses[0].enter("ada")
    for nick in ("ada", "Ada", "\u0430da"):
        refused = houses[1].connect().hello(nick)
        assert (refused["type"], refused["code"]) == ("error", "nick_in_use"), nick
    eva = houses[1].enter("eva")
    assert eva.request("nick", nick="ada")["code"] == "nick_in_use"
    ada.ok("nick", nick="lovelace")
    eva.ok("nick", nick="ada")
    assert ada.request("nick", nick="ada")["code"] == "nick_in_use"
    ada.ok("bye")
    eventually(lambda: houses[1].connect().hello("lovelace")["type"] == "welcome")


def test_a_nick_is_kept_for_who_was_lost(houses: tuple[House, House]) -> None:
    """For their session, on any server."""
    ada = houses[0].enter("ada", "lobby")
    ada.reset()
    eventually(lambda: "is kept" in houses[0].connect().hello("ada").get("text", ""))
    assert houses[1].connect().hello("ada")["code"] == "nick_in_use"
    assert houses[1].connect().hello("ada", session=ada.session)["type"] == "welcome"


def test_a_session_is_taken_over_from_the_other_server(houses: tuple[House, House]) -> None:
    """The connection there is told so, and ends."""
    ada = houses[0].enter("ada", "lobby")
    back = houses[1].connect()
    assert back.hello("ada", session=ada.session)["nick"] == "ada"
    assert ada.expect("goodbye")["code"] == "replaced"
    ada.read_to_end()
    again = houses[0].connect()
    assert again.hello("ada", session=ada.session)["nick"] == "ada"
    assert back.expect("goodbye")["code"] == "replaced"


def test_a_direct_message_to_somebody_on_the_other_server(houses: tuple[House, House]) -> None:
    """As to somebody here; and nobody is nobody."""
    ada, eva = houses[0].enter("ada"), houses[1].enter("eva")
    # That the other server does not answer in time is no failure on a busy machine.
    eventually(lambda: ada.request("tell", to="Eva", text="psst")["type"] == "ok")
    direct = eva.expect("direct")
    assert (direct["from"], direct["text"]) == ("ada", "psst")
    assert ada.request("tell", to="nobody", text="x")["code"] == "no_such_nick"


def test_who_is_muted_may_ask_a_moderator_on_the_other(
    servers: tuple[ServerProcess, ServerProcess], houses: tuple[House, House]
) -> None:
    """And nobody else there, as on one server."""
    ada, eva = houses[0].enter("ada"), houses[1].enter("eva")
    houses[0].enter("bob")
    ada.ok("claim", secret=servers[0].secret)
    ada.ok("mute", who="eva")
    eva.ok("tell", to="ada", text="why?")
    assert ada.take(lambda frame: frame["type"] == "direct")["text"] == "why?"
    eva.refused("muted", "tell", to="bob", text="psst")


def end_lease(redis: RedisServer, nick: str) -> None:
    """Let the server of somebody seem dead, as if the time of its lease had passed."""
    keys = redis.do("KEYS", "backchannel:nick:*")
    (key,) = [each for each in keys if redis.do("HGET", each, "nick") == nick]
    lease = f"backchannel:process:{redis.do('HGET', key, 'process')}"
    assert 0 < redis.do("PTTL", lease) <= LEASE
    redis.do("DEL", lease)


def test_the_nicks_of_a_server_that_died_are_free(
    houses: tuple[House, House],
    servers: tuple[ServerProcess, ServerProcess],
    redis: RedisServer,
) -> None:
    """When its lease ends; at once, if it stopped as it should."""
    houses[0].enter("ada")
    servers[0].kill()
    assert houses[1].connect().hello("ada")["code"] == "nick_in_use"
    end_lease(redis, "ada")
    assert houses[1].connect().hello("ada")["type"] == "welcome"


def test_who_lost_the_nick_while_the_server_stood_still_is_told(
    houses: tuple[House, House],
    servers: tuple[ServerProcess, ServerProcess],
    redis: RedisServer,
) -> None:
    """It is somebody else's by then."""
    ada = houses[0].enter("ada")
    servers[0].pause()
    end_lease(redis, "ada")
    assert houses[1].connect().hello("ada")["type"] == "welcome"
    servers[0].go_on()
    goodbye = ada.expect("goodbye")
    assert goodbye["code"] == "replaced"
    assert "another server has your nick" in goodbye["text"]


def who(peer: Peer, room: str = "lobby") -> list[str]:
    """Who is in a room, as the server of `peer` says."""
    found: list[str] = peer.page("who", room=room)["members"]
    return found


def counts(peer: Peer) -> dict[str, int]:
    """How many are in each room, as the server of `peer` says."""
    return {each["room"]: each["members"] for each in peer.page("rooms")["rooms"]}


def test_who_is_here_is_known_on_both(houses: tuple[House, House]) -> None:
    """By `who`, by the list of rooms, by what a join says and by `presence`."""
    ada = houses[0].enter("ada", "lobby")
    eva = houses[1].enter("eva")
    eventually(lambda: counts(eva).get("lobby") == 1)
    assert eva.ok("join", room="lobby")["members"] == 2
    presence = ada.take(lambda each: each["type"] == "presence" and "eva" in each["joined"])
    assert presence["members"] == 2
    for peer in (ada, eva):
        eventually(lambda each=peer: who(each) == ["ada", "eva"])  # type: ignore[misc]
        assert counts(peer)["lobby"] == 2
    eva.ok("nick", nick="eve")
    presence = ada.take(lambda each: each["type"] == "presence" and bool(each["renamed"]))
    assert presence["renamed"] == [["eva", "eve"]]
    eva.ok("leave", room="lobby")
    presence = ada.take(lambda each: each["type"] == "presence" and bool(each["left"]))
    assert (presence["left"], presence["members"]) == (["eve"], 1)
    assert who(ada) == ["ada"]


def test_a_room_in_which_nothing_was_said_is_there_while_somebody_is_in(
    houses: tuple[House, House],
) -> None:
    """On the other server too."""
    ada, eva = houses[0].enter("ada", "garden"), houses[1].enter("eva")
    eventually(lambda: counts(eva).get("garden") == 1)
    ada.ok("leave", room="garden")
    eventually(lambda: "garden" not in counts(eva))


def test_a_room_that_is_removed_goes_on_both(
    houses: tuple[House, House], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And a new one of that name has what is said in it alone; its numbers go on."""
    ada, eva = houses[0].enter("ada", "lobby"), houses[1].enter("eva", "lobby")
    ada.say("lobby", "old")
    ada.ok("topic", room="lobby", topic="Old")
    for peer in (ada, eva):
        peer.ok("leave", room="lobby")
    operator = Operator(capsys, tmp_path / "two")
    eventually(lambda: counts(ada).get("lobby") == counts(eva).get("lobby") == 0)
    operator.done("remove-room", "lobby")
    assert "lobby" not in counts(eva)
    eventually(lambda: "lobby" not in counts(ada))
    joined = ada.ok("join", room="lobby")
    assert (joined["seq"], joined["topic"]) == (2, "")
    assert ada.say("lobby", "new") == 3
    eva.ok("join", room="lobby")
    assert texts(whole_log(eva, "lobby")) == texts(whole_log(ada, "lobby")) == ["new"]


def test_irc_is_told_who_left_one_room_alone(
    houses: tuple[House, House], servers: tuple[ServerProcess, ServerProcess]
) -> None:
    """On the other server: that is a PART, and a QUIT when they leave the server."""
    with irc_house(servers[0].address) as irc:
        ida = irc.enter("ida", "#lobby")
        eva = houses[1].enter("eva", "lobby")
        assert ida.expect("JOIN", "#lobby").nick == "eva"
        eva.ok("leave", room="lobby")
        assert ida.expect("PART", "#lobby").nick == "eva"
        eva.join("lobby")
        assert ida.expect("JOIN", "#lobby").nick == "eva"
        eva.ok("bye")
        assert ida.expect("QUIT").nick == "eva"


def test_who_changes_servers_neither_comes_nor_goes(houses: tuple[House, House]) -> None:
    """Those who are there see who is there, and are not told that somebody left who is there."""
    ada, eva = houses[0].enter("ada", "lobby"), houses[1].enter("eva", "lobby")
    eventually(lambda: who(eva) == ["ada", "eva"])
    back = houses[1].connect()
    back.hello("ada", session=ada.session)
    back.join("lobby")
    eventually(lambda: back.page("who", room="lobby")["members"] == ["ada", "eva"])
    third = houses[0].enter("max", "lobby")
    eventually(lambda: who(third) == ["ada", "eva", "max"])
    told = eva.take(lambda each: each["type"] == "presence" and "max" in each["joined"])
    assert told["members"] == 3


def test_who_was_on_a_server_that_died_is_not_here(
    houses: tuple[House, House],
    servers: tuple[ServerProcess, ServerProcess],
    redis: RedisServer,
) -> None:
    """When its lease has ended; and nothing of that server is left in Redis."""
    houses[0].enter("ada", "lobby")
    eva = houses[1].enter("eva", "lobby")
    eventually(lambda: who(eva) == ["ada", "eva"])
    servers[0].kill()
    end_lease(redis, "ada")
    presence = eva.take(lambda each: each["type"] == "presence" and "ada" in each["left"])
    assert presence["members"] == 1
    assert who(eva) == ["eva"]
    eventually(lambda: len(redis.do("KEYS", "backchannel:nick:*")) == 1)
    eventually(lambda: len(redis.do("KEYS", "backchannel:nicks:*")) == 1)
    eventually(lambda: redis.do("SCARD", "backchannel:seen") == 1)


def test_who_was_on_a_server_that_stood_still_is_here_again(
    houses: tuple[House, House],
    servers: tuple[ServerProcess, ServerProcess],
    redis: RedisServer,
) -> None:
    """It stood still for longer than its lease, so that they were told to have left."""
    ada = houses[0].enter("ada", "lobby")
    eva = houses[1].enter("eva", "lobby")
    eventually(lambda: who(eva) == ["ada", "eva"])
    servers[0].pause()
    end_lease(redis, "ada")
    eva.take(lambda each: each["type"] == "presence" and "ada" in each["left"])
    servers[0].go_on()
    eventually(lambda: who(eva) == ["ada", "eva"])
    assert who(ada) == ["ada", "eva"]


def test_members_are_known_again_when_redis_was_killed(
    houses: tuple[House, House],
    servers: tuple[ServerProcess, ServerProcess],
    redis: RedisServer,
) -> None:
    """Also who came and went meanwhile."""
    ada, eva = houses[0].enter("ada", "lobby"), houses[1].enter("eva", "lobby", "garden")
    eventually(lambda: who(ada) == ["ada", "eva"])
    redis.kill()
    eva.ok("leave", room="lobby")
    redis.start_again()
    eventually(lambda: all("Redis answers again" in server.stderr for server in servers))
    eventually(lambda: who(ada) == ["ada"])
    assert counts(ada)["garden"] == 1


def test_who_was_on_a_server_that_stops_is_gone_at_once(
    houses: tuple[House, House],
    servers: tuple[ServerProcess, ServerProcess],
    redis: RedisServer,
) -> None:
    """It leaves nothing behind in Redis."""
    houses[0].enter("ada", "lobby")
    eva = houses[1].enter("eva", "lobby")
    eventually(lambda: who(eva) == ["ada", "eva"])
    servers[0].terminate()
    eva.take(lambda each: each["type"] == "presence" and "ada" in each["left"])
    servers[0].wait()
    kept = {key.rpartition(":")[2] for key in redis.do("KEYS", "backchannel:process:*")}
    assert len(kept) == 1
    assert redis.do("SMEMBERS", "backchannel:seen") == kept


def test_a_server_stops_in_time_while_redis_stands_still(
    houses: tuple[House, House],
    servers: tuple[ServerProcess, ServerProcess],
    redis: RedisServer,
) -> None:
    """It waits for no answer any more; what has none is not confirmed."""
    ada = houses[0].enter("ada", "lobby")
    redis.pause()
    ada.post("say", room="lobby", text="under way")
    servers[0].terminate()
    assert servers[0].wait() == 0
    redis.go_on()
