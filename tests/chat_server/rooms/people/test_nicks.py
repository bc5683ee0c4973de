"""Nicks: no two are alike, and one that was lost is kept for a while."""

import random
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from chat_server.identity.participant import Participant
from chat_server.rooms.people.nicks import HELD_LIMIT, HELD_PER_ADDRESS, HOLD_SECONDS, HeldNicks
from protocol.text import nick_key, nick_skeleton
from tests.chat_server.house import House
from tests.chat_server.identity.people import CYRILLIC_ADA, PASSWORD, leave, refused
from tests.chat_server.moderation.order_house import OrderedHouse
from tests.support.clock import ManualClock
from tests.support.peer import ConnectionEnded, Peer
from tests.support.servers import running_server
from tests.support.waiting import eventually


@pytest.mark.parametrize(("one", "other"), [("ada", CYRILLIC_ADA), ("Ian", "lan"), ("bob", "b0b")])
def test_a_look_alike_of_somebody_here_is_refused(house: House, one: str, other: str) -> None:
    """Without any account: it is the commonest prank."""
    first = house.enter(one)
    stranger = house.connect()
    assert one in refused(stranger.hello(other), "nick_in_use")
    assert stranger.hello("zoe")["type"] == "welcome"
    assert one in stranger.refused("nick_in_use", "nick", nick=other)["text"]
    leave(first)
    assert stranger.ok("nick", nick=other)["nick"] == other
    assert refused(house.connect().hello(one), "nick_in_use")


def test_ones_own_look_alike_is_ones_own(house: House) -> None:
    """A nick may be respelt, and the old spelling is free then."""
    ada = house.enter("Ian", "lobby")
    assert ada.ok("nick", nick="lan")["nick"] == "lan"
    assert ada.ok("nick", nick="ian")["nick"] == "ian"
    assert house.connect().hello("lan")["type"] == "welcome"


def test_a_nick_between_two_is_neithers(house: House) -> None:
    """ "IAN" is Ian's by its letters, and looks like lan's: who wants it must be both."""
    ian, lan = house.enter("ian"), house.enter("lan")
    ian.refused("nick_in_use", "nick", nick="IAN")
    lan.refused("nick_in_use", "nick", nick="IAN")
    leave(lan)
    assert ian.ok("nick", nick="IAN")["nick"] == "IAN"


NICKS = ["ada", CYRILLIC_ADA, "Ian", "lan", "IAN", "bob", "b0b", "BOB", "eva", "zoe"]


def test_whatever_happens_at_once_no_two_are_called_alike(house: House) -> None:
    """Six come, go, rename, register, log in and out, and change passwords: nicks stay apart, and
    all are free in the end, or kept for a while.
    """
    watcher = house.enter("watcher", "lobby")
    chances = [random.Random(number) for number in range(6)]
    peers: list[list[Peer]] = [[] for _ in chances]
    for _ in range(10):
        threads = [
            threading.Thread(target=_live, args=(house, *each))
            for each in zip(peers, chances, strict=True)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        # Who was replaced may be on the way out still.
        eventually(lambda: _are_apart(watcher.page("who", room="lobby")["members"]))
    for (peer,) in peers:
        peer.close()
    eventually(lambda: watcher.page("who", room="lobby")["members"] == ["watcher"])
    for nick in NICKS:
        last = house.connect()
        answer = last.hello(nick, account_password=PASSWORD)
        if answer["type"] == "welcome":
            leave(last)
        else:
            reasons = ("account", "connection was lost")
            assert any(reason in answer["text"] for reason in reasons), answer


def _are_apart(nicks: list[str]) -> bool:
    keys, looks = set(map(nick_key, nicks)), set(map(nick_skeleton, nicks))
    return len(keys) == len(looks) == len(nicks)


def _live(house: House, mine: list[Peer], chance: random.Random) -> None:
    """Do a few random acts as one client. Refusals do not matter."""
    if not mine or chance.random() < 0.3:
        for last in mine:
            chance.choice([Peer.reset, Peer.close])(last)
        mine.clear()
        mine.append(house.connect())
    with suppress(ConnectionEnded, ConnectionError):
        if not mine[0].nick:
            mine[0].hello(chance.choice(NICKS), account_password=PASSWORD)
        if not mine[0].nick:
            mine[0].hello(f"n{id(mine)}")
        mine[0].join("lobby")
        for _ in range(4):
            nick = chance.choice(NICKS)
            mine[0].request("nick", nick=nick)
            if chance.random() < 0.1:
                mine[0].request("register", password=PASSWORD)
            if chance.random() < 0.1:
                mine[0].request("login", account=nick, password=PASSWORD)
            if chance.random() < 0.2:
                mine[0].request("logout", nick=chance.choice(NICKS))
            if chance.random() < 0.1:
                mine[0].request("password", old=PASSWORD, new=PASSWORD)


@pytest.fixture
def timed(clock: ManualClock) -> Iterator[House]:
    """A house in which time passes when a test says so."""
    with running_server(clock=clock) as server, House(server) as house:
        yield house


def vanish(house: House, nick: str) -> Peer:
    """Somebody comes in, and the connection breaks."""
    peer = house.enter(nick)
    peer.reset()
    eventually(lambda: not _is_here(house, nick))
    return peer


def _is_here(house: House, nick: str) -> bool:
    assert house.server is not None
    return house.server._parts.registry.session_called(nick) is not None


@pytest.mark.parametrize("wanted", ["ada", "ADA", "\u0430da"], ids=["it", "the same", "its looks"])
def test_a_nick_is_kept_for_two_minutes_when_its_owner_vanished(
    timed: House, clock: ManualClock, wanted: str
) -> None:
    """From whoever comes in, and from who is here; for how long is said."""
    eva = timed.enter("eva")
    vanish(timed, "ada")
    clock.advance(20)
    peer = timed.connect()
    refusal = peer.hello(wanted)
    assert (refusal["code"], refusal["retry_after"]) == ("nick_in_use", 100)
    assert "kept for another 1 min 40 s for somebody whose connection was lost" in refusal["text"]
    assert eva.refused("nick_in_use", "nick", nick=wanted)["text"] == refusal["text"]
    clock.advance(100)
    assert peer.hello(wanted)["type"] == "welcome"


def test_who_comes_back_in_the_session_has_the_nick(timed: House, clock: ManualClock) -> None:
    """And loses it by the next bye."""
    ada = vanish(timed, "ada")
    clock.advance(60)
    again = timed.enter("ada", session=ada.session)
    again.skip_ids(100)
    clock.advance(60)
    assert timed.connect().hello("ada")["code"] == "nick_in_use"
    again.ok("bye")
    again.expect_end("bye")
    assert timed.connect().hello("ada")["type"] == "welcome"


def test_who_comes_back_under_another_nick_frees_the_one_before(house: House) -> None:
    """The session is taken up all the same."""
    ada = vanish(house, "ada")
    assert house.enter("lovelace", session=ada.session).session == ada.session
    assert house.connect().hello("ada")["type"] == "welcome"


def test_nobody_logs_out_into_a_nick_that_is_kept(house: House) -> None:
    """As nobody comes in under it."""
    eva = house.enter("eva")
    eva.ok("register", password="open sesame")
    vanish(house, "ada")
    eva.refused("nick_in_use", "logout", nick="ada")
    eva.ok("logout", nick="zoe")


def test_the_nick_of_an_account_is_there_for_who_knows_the_password(house: House) -> None:
    """On another device, at once; the account keeps it from the others."""
    house.enter("ada").ok("register", password="open sesame")
    house.enter("ada", account_password="open sesame").reset()
    eventually(lambda: not _is_here(house, "ada"))
    assert house.connect().hello("ada", account_password="open sesame")["account"] == "ada"


def test_the_nick_of_who_is_banned_is_not_kept(place: OrderedHouse) -> None:
    """They do not come back."""
    place.enter("bob")
    place.mia.ok("ban", who="bob")
    place.mia.ok("unban", who="bob")
    assert place.connect().hello("bob")["type"] == "welcome"


def _gone(number: int) -> Participant:
    return Participant(number.to_bytes(32), f"n{number}")


def test_no_more_nicks_are_kept_than_may_be(clock: ManualClock) -> None:
    """From one address, be it a whole /64, and in all; those that were lost last."""
    held = HeldNicks(clock)
    for number in range(HELD_PER_ADDRESS + 1):
        held.hold(_gone(number), f"2001:db8::{number:x}")
    assert len(held) == HELD_PER_ADDRESS
    assert held.find("n0", b"") is None
    assert held.find("n1", b"") is not None
    for number in range(1000, 1000 + HELD_LIMIT):
        held.hold(_gone(number), f"10.0.{number % 250}.{number // 250}")
    assert len(held) == HELD_LIMIT
    assert held.find("n1", b"") is None
    assert held.find("n1000", b"") is not None
    clock.advance(HOLD_SECONDS)
    assert held.find("n1000", b"") is None
    assert len(held) == 0
