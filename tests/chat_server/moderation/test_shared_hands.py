"""Raised hands, the floor and pins on two servers: both have the same, whoever is asked."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chat_server.house import House
from tests.chat_server.moderation.several_servers import Pair, pair_of_servers
from tests.chat_server.storage.redis_house import serve
from tests.support.peer import Frame, Peer
from tests.support.redis_server import RedisServer, needs_redis
from tests.support.servers import running_server
from tests.support.waiting import eventually

pytestmark = [needs_redis, pytest.mark.long]


@pytest.fixture
def pair(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Iterator[Pair]:
    """Neither server makes a mistake that it survives."""
    with pair_of_servers(tmp_path) as opened:
        yield opened
    assert [record for record in caplog.get_records("call") if record.exc_info] == []


def queue(peer: Peer, room: str = "lobby") -> list[str]:
    """Whose hands are up, as a moderator lists them."""
    nicks: list[str] = peer.page("hands", room=room)["hands"]
    return nicks


def pinned(frame: Frame) -> list[int]:
    return [pin["seq"] for pin in frame["pins"]]


# -- pins


def test_a_pin_stands_at_the_top_on_both(pair: Pair) -> None:
    """Before its `ok`; also for who comes later, and until somebody on either unpins it."""
    zoe = pair.houses[1].enter("zoe", "lobby")
    pair.ada.say("lobby", "one")
    pair.mia.say("lobby", "two")
    pair.ada.ok("pin", room="lobby", seq=1)
    late = pair.houses[1].enter("late", "lobby")
    for peer in (pair.ada, pair.mia, zoe, late):
        change = peer.expect("pins")
        assert [(pin["seq"], pin["text"], pin["by"]) for pin in change["pins"]] == [
            (1, "one", "ada")
        ]
    pair.mia.ok("pin", room="lobby", seq=2)
    assert pinned(pair.ada.expect("pins")) == [1, 2]
    pair.mia.ok("unpin", room="lobby", seq=1)
    assert pinned(pair.ada.expect("pins")) == [2]
    assert pair.ada.request("unpin", room="lobby", seq=1)["code"] == "no_such_message"


def test_five_pins_are_the_most_on_both_together(pair: Pair) -> None:
    """Whoever pins at the same moment."""
    for number in range(1, 9):
        pair.ada.say("lobby", f"{number}")
    moderators = (pair.ada, pair.mia)
    asked = [moderators[seq % 2].post("pin", room="lobby", seq=seq) for seq in range(1, 9)]
    replies = [moderators[seq % 2].reply(asked[seq - 1]) for seq in range(1, 9)]
    assert [each.get("code") for each in replies].count("forbidden") == 3
    assert [each["type"] for each in replies].count("ok") == 5
    tops: list[list[int]] = []
    for house in pair.houses:
        peer = house.enter(f"late{len(tops)}", "lobby")
        tops.append(pinned(peer.expect("pins")))
    assert len(tops[0]) == 5
    assert tops[0] == tops[1]


def test_a_pin_goes_with_its_message_on_both(pair: Pair) -> None:
    pair.mia.say("lobby", "oops")
    pair.ada.ok("pin", room="lobby", seq=1)
    assert pinned(pair.mia.expect("pins")) == [1]
    pair.mia.ok("delete", room="lobby", seq=1)
    for peer in (pair.ada, pair.mia):
        peer.take(lambda frame: frame["type"] == "pins" and not frame["pins"])


# -- hands


def test_hands_are_one_queue(pair: Pair) -> None:
    """In the order in which they were raised, wherever; moderators on both are told."""
    bob, zoe = pair.houses[0].enter("bob", "lobby"), pair.houses[1].enter("zoe", "lobby")
    max_ = pair.houses[0].enter("max", "lobby")
    places = [
        peer.ok("hand", room="lobby", up=True, question=question)["place"]
        for peer, question in ((bob, "why?"), (zoe, "how?"), (max_, "who?"))
    ]
    assert places == [1, 2, 3]
    assert queue(pair.ada) == queue(pair.mia) == ["bob", "zoe", "max"]
    for moderator in (pair.ada, pair.mia):
        told = [moderator.expect("hand") for _ in range(3)]  # those of here may come first
        assert {(each["nick"], each["question"]) for each in told} == {
            ("bob", "why?"),
            ("zoe", "how?"),
            ("max", "who?"),
        }
    assert bob.ok("hand", room="lobby", up=True, question="when?")["place"] == 1
    assert pair.mia.expect("hand")["question"] == "when?"
    bob.ok("hand", room="lobby", up=False)
    assert queue(pair.mia) == ["zoe", "max"]
    assert pair.mia.expect("hand", up=False)["nick"] == "bob"
    assert zoe.expect("place")["place"] == 1


def test_the_floor_goes_to_somebody_on_the_other_server(pair: Pair) -> None:
    """Who may speak in a frozen room before the `ok`; and from there back."""
    bob, zoe = pair.houses[0].enter("bob", "lobby"), pair.houses[1].enter("zoe", "lobby")
    pair.knows("lobby", "bob", "zoe")
    pair.ada.ok("freeze", room="lobby")
    zoe.ok("hand", room="lobby", up=True, question="may I?")
    bob.ok("hand", room="lobby", up=True)
    assert pair.ada.ok("next", room="lobby")["nick"] == "zoe"
    zoe.say("lobby", "I may")
    for peer in (bob, zoe, pair.mia):
        floor = peer.take(lambda frame: frame["type"] == "floor" and "nick" in frame)
        assert (floor["nick"], floor["question"]) == ("zoe", "may I?")
    assert zoe.expect("place")["place"] == 0
    assert pair.mia.ok("next", room="lobby")["nick"] == "bob"
    bob.say("lobby", "me, too")
    assert zoe.request("say", room="lobby", text="and I")["code"] == "muted"
    bob.ok("hand", room="lobby", up=False)
    pair.mia.take(lambda frame: frame["type"] == "floor" and "nick" not in frame)
    assert "nick" not in pair.mia.ok("next", room="lobby")


def test_a_freeze_may_name_who_speaks_on_the_other_server(pair: Pair) -> None:
    """That one has the floor on both, and loses it with the next."""
    zoe = pair.houses[1].enter("zoe", "lobby")
    zoe.ok("hand", room="lobby", up=True)
    pair.ada.ok("freeze", room="lobby", speakers=["zoe"])
    zoe.say("lobby", "I may")
    assert queue(pair.mia) == []
    shown = pair.mia.page("hands", room="lobby")["queue"]
    assert [(each["nick"], each["floor"]) for each in shown] == [("zoe", True)]
    pair.mia.ok("next", room="lobby")
    assert zoe.request("say", room="lobby", text="and now?")["code"] == "muted"


def test_a_thaw_takes_the_floor_and_the_hands_that_ask_nothing(pair: Pair) -> None:
    """Of both servers, before its `ok`; also where the freeze ends by itself."""
    bob, zoe = pair.houses[0].enter("bob", "lobby"), pair.houses[1].enter("zoe", "lobby")
    pair.knows("lobby", "bob", "zoe")
    pair.ada.ok("freeze", room="lobby")
    zoe.ok("hand", room="lobby", up=True)
    pair.ada.ok("next", room="lobby")
    zoe.ok("hand", room="lobby", up=True)
    bob.ok("hand", room="lobby", up=True, question="why?")
    pair.mia.ok("unfreeze", room="lobby")
    for moderator in (pair.ada, pair.mia):
        shown = moderator.page("hands", room="lobby")["queue"]
        assert [(each["nick"], each.get("floor")) for each in shown] == [("bob", None)]
    pair.ada.ok("freeze", room="lobby", seconds=2)
    zoe.ok("hand", room="lobby", up=True)
    assert queue(pair.mia) == ["bob", "zoe"]
    eventually(lambda: queue(pair.mia) == ["bob"])


@pytest.mark.parametrize("way", ["leave", "bye", "kick"])
def test_who_goes_takes_the_hand_along(pair: Pair, way: str) -> None:
    """Whichever server they were on."""
    zoe = pair.houses[1].enter("zoe", "lobby")
    zoe.ok("hand", room="lobby", up=True)
    pair.ada.expect("hand", up=True)
    if way == "kick":
        pair.ada.ok("kick", who="zoe")
    else:
        zoe.ok(way, **({"room": "lobby"} if way == "leave" else {}))
    assert pair.ada.expect("hand", up=False)["nick"] == "zoe"
    assert queue(pair.ada) == []


def test_a_hand_stays_up_while_its_owner_changes_servers(pair: Pair) -> None:
    """It shows the nick of the moment, and can be taken down from either."""
    zoe, bob = pair.houses[1].enter("zoe", "lobby"), pair.houses[0].enter("bob", "lobby")
    zoe.ok("hand", room="lobby", up=True, question="why?")
    bob.ok("hand", room="lobby", up=True)
    zoe.reset()
    back = pair.come_back(0, zoe, "lobby")
    place = back.expect("place")
    assert (place["place"], place["question"]) == (1, "why?")
    back.ok("nick", nick="eva")
    eventually(lambda: queue(pair.mia) == ["eva", "bob"])
    back.reset()
    pair.come_back(1, back, "lobby").ok("hand", room="lobby", up=False)
    assert queue(pair.ada) == ["bob"]


def test_a_hand_is_the_accounts_on_both(pair: Pair) -> None:
    """Who registers, and logs in elsewhere, stands in the queue once."""
    zoe, bob = pair.houses[1].enter("zoe", "lobby"), pair.houses[0].enter("bob", "lobby")
    zoe.ok("hand", room="lobby", up=True)
    bob.ok("hand", room="lobby", up=True)
    zoe.ok("register", password="correct horse")
    people = pair.servers[0]._parts.people
    eventually(lambda: people.hands()[0].who.startswith("@"))
    zoe.reset()

    def log_in() -> Peer | None:
        other = pair.houses[0].connect()
        hello = other.hello("zoe", account_password="correct horse")
        return other if hello["type"] == "welcome" else None

    other = eventually(log_in)
    assert other is not None
    other.join("lobby")
    bob.ok("hand", room="lobby", up=False)
    assert other.ok("hand", room="lobby", up=True)["place"] == 1
    assert queue(pair.mia) == ["zoe"]
    other.ok("hand", room="lobby", up=False)
    assert queue(pair.mia) == []


def test_nothing_of_it_is_done_while_redis_is_away(pair: Pair) -> None:
    """It is refused; whoever leaves meanwhile has no hand up when Redis is back."""
    bob, zoe = pair.houses[0].enter("bob", "lobby"), pair.houses[1].enter("zoe", "lobby")
    pair.ada.say("lobby", "one")
    zoe.ok("hand", room="lobby", up=True)
    pair.redis.kill()
    for peer, kind, members in (
        (bob, "hand", {"up": True}),
        (zoe, "hand", {"up": False}),
        (pair.ada, "next", {}),
        (pair.mia, "pin", {"seq": 1}),
    ):
        assert peer.request(kind, room="lobby", **members)["code"] == "unavailable", kind
    zoe.ok("bye")
    pair.redis.start_again()
    eventually(lambda: bob.request("hand", room="lobby", up=True)["type"] == "ok")
    # The servers find Redis again at different moments.
    eventually(lambda: pair.mia.request("hands", room="lobby").get("hands") == ["bob"])
    eventually(lambda: pair.mia.request("pin", room="lobby", seq=1)["type"] == "ok")
    assert pinned(pair.ada.expect("pins")) == [1]


def test_one_that_comes_later_has_it_all(pair: Pair, tmp_path: Path) -> None:
    """The queue, the floor and the pins."""
    bob, zoe = pair.houses[0].enter("bob", "lobby"), pair.houses[1].enter("zoe", "lobby")
    pair.ada.say("lobby", "one")
    pair.ada.ok("pin", room="lobby", seq=1)
    for peer in (bob, zoe):
        peer.ok("hand", room="lobby", up=True)
    pair.ada.ok("next", room="lobby")
    with running_server(tmp_path / "three", log=pair.redis.address) as third, House(third) as house:
        max_ = house.enter("max", "lobby")
        assert max_.expect("floor")["nick"] == "bob"
        assert pinned(max_.expect("pins")) == [1]
        pair.ada.ok("op", who="max")
        assert queue(max_) == ["zoe"]


def test_the_hand_of_somebody_whose_server_died_stays_up(tmp_path: Path) -> None:
    """They are passed over while they are away, and it is theirs on the other server."""
    with (
        RedisServer(tmp_path / "redis") as redis,
        serve(redis, tmp_path / "one") as one,
        serve(redis, tmp_path / "two") as two,
        House(one.address) as first,
        House(two.address) as second,
    ):
        ada = first.enter("ada", "lobby")
        ada.ok("claim", secret=one.secret)
        zoe, bob = second.enter("zoe", "lobby"), first.enter("bob", "lobby")
        zoe.ok("hand", room="lobby", up=True)
        bob.ok("hand", room="lobby", up=True)
        two.kill()
        (process,) = {
            redis.do("HGET", key, "process")
            for key in redis.do("KEYS", "backchannel:nick:*")
            if redis.do("HGET", key, "nick") == "zoe"
        }
        redis.do("DEL", f"backchannel:process:{process}")
        assert queue(ada) == ["zoe", "bob"]
        assert ada.ok("next", room="lobby")["nick"] == "bob"
        back = first.connect()
        eventually(lambda: back.hello("zoe", session=zoe.session)["type"] == "welcome")
        back.skip_ids(1000)
        back.join("lobby")
        assert back.expect("place")["place"] == 1
        assert ada.ok("next", room="lobby")["nick"] == "zoe"
        assert "Traceback" not in one.stderr
