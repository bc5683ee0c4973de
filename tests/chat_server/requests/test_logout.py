"""Logging out: what is left of somebody, what comes along, and what it is no way out of."""

import resource
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.chat_server.house import House, seqs, texts
from tests.chat_server.identity.people import (
    CYRILLIC_ADA,
    PASSWORD,
    leave,
    refused,
    register,
)
from tests.chat_server.moderation.order_house import OrderedHouse, is_refused, ordered_house
from tests.support.clock import ManualClock
from tests.support.peer import Peer
from tests.support.servers import ServerProcess, running_server


def enter_with_account(house: House, nick: str, *rooms: str) -> Peer:
    """Somebody comes in, makes an account, and joins rooms."""
    peer = register(house, nick)
    for room in rooms:
        peer.join(room)
    return peer


# -- who somebody is then -------------------------------------------------------------------------


def test_who_logs_out_has_another_nick_and_no_account(house: House) -> None:
    """The nick stays the account's: for whoever logs in to it, and nobody else."""
    ada = register(house, "ada")
    reply = ada.ok("logout", nick="ada2")
    assert {name: reply[name] for name in reply if name != "re"} == {
        "type": "ok",
        "nick": "ada2",
        "role": "member",
    }
    ada.refused("nick_in_use", "nick", nick="ada")
    refused(house.connect().hello("ada"), "nick_in_use")
    assert house.connect().hello("ada", account_password=PASSWORD)["account"] == "ada"
    assert ada.ok("register", password=PASSWORD)["account"] == "ada2"


@pytest.mark.parametrize("nick", [None, "ada", "ADA", CYRILLIC_ADA])
def test_the_nick_of_the_account_is_not_kept(house: House, nick: str | None) -> None:
    """It is refused, and nothing has changed: the text says what to do."""
    ada = register(house, "ada")
    error = ada.refused("nick_in_use", "logout", **({"nick": nick} if nick else {}))
    assert "choose another nick" in error["text"]
    assert ada.ok("login", password=PASSWORD)["account"] == "ada"
    ada.ok("nick", nick="countess")
    assert ada.ok("logout")["nick"] == "countess"


def test_a_nick_of_somebody_else_is_refused(house: House) -> None:
    """A nick of a connected person, a look-alike, another account's nick, or no valid nick."""
    leave(register(house, "zoe"))
    house.enter("eva")
    ada = register(house, "ada")
    for nick in ("eva", "ev\u0430", "zoe"):
        ada.refused("nick_in_use", "logout", nick=nick)
    ada.refused("bad_nick", "logout", nick="#")
    assert ada.ok("nick", nick="ada")
    assert ada.ok("logout", nick="eve")


def test_nobody_else_takes_the_nick_meanwhile(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it is written down that somebody logs out."""
    assert house.server
    ada, eva = register(house, "ada"), house.enter("eva")
    log_out = house.server._parts.people.log_out

    def late(token: bytes) -> None:
        log_out(token)
        eva.refused("nick_in_use", "nick", nick="guest")

    monkeypatch.setattr(house.server._parts.people, "log_out", late)
    assert ada.ok("logout", nick="guest")["nick"] == "guest"
    eva.refused("nick_in_use", "nick", nick="guest")
    ada.ok("nick", nick="ada2")
    assert eva.ok("nick", nick="guest")


def test_who_is_not_logged_in_cannot_log_out(house: House) -> None:
    """Before, or twice; with a nick, it is no way to take that."""
    eva = house.enter("eva")
    assert "no account" in eva.refused("forbidden", "logout")["text"]
    eva.refused("forbidden", "logout", nick="ada")
    eva.ok("register", password=PASSWORD)
    eva.ok("logout", nick="eve")
    eva.refused("forbidden", "logout")
    eva.refused("forbidden", "password", old=PASSWORD, new="another one")


def test_it_holds_for_one_session(house: House) -> None:
    """The other device is logged in still, and may have the nick now."""
    laptop = register(house, "ada")
    laptop.ok("nick", nick="laptop")
    phone = house.enter("phone")
    phone.ok("login", account="ada", password=PASSWORD)
    phone.ok("logout", nick="phone")
    assert laptop.ok("nick", nick="ada")
    assert phone.ok("login", account="ada", password=PASSWORD)["nick"] == "ada"
    laptop.expect_end("replaced")


def test_who_comes_back_is_still_logged_out(tmp_path: Path) -> None:
    """With the session, on another connection, and after the server was killed."""
    with ServerProcess.serve(tmp_path) as server, House(server.address) as house:
        ada = register(house, "ada")
        ada.ok("logout", nick="ada2")
        again = house.connect()
        refused(again.hello("ada", session=ada.session), "nick_in_use")
        assert "account" not in again.hello("ada2", session=ada.session)
        server.kill()
        with server.restarted() as second, House(second.address) as other:
            welcome = other.connect().hello("ada2", session=ada.session)
            assert (welcome["session"], welcome.get("account")) == (ada.session, None)
    with closing(sqlite3.connect(tmp_path / "people.db")) as people:
        assert people.execute("SELECT * FROM sessions").fetchall() == []


@pytest.mark.skipif(sys.platform != "linux", reason="needs prlimit(2)")
def test_a_full_disk_logs_nobody_out_and_changes_no_password(tmp_path: Path) -> None:
    """`unavailable`, and nothing has changed for anybody. With free space it works again."""
    with ServerProcess.serve(tmp_path) as server, House(server.address) as house:
        ada, eva = register(house, "ada"), house.enter("eva")
        _, hard = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (1, hard))
        assert ada.refused("unavailable", "logout", nick="ada2")["retry_after"] > 0
        ada.refused("unavailable", "password", old=PASSWORD, new="another one")
        assert eva.ok("nick", nick="ada2")
        assert eva.ok("nick", nick="eva")
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (hard, hard))
        assert ada.ok("login", password=PASSWORD)["account"] == "ada"
        assert ada.ok("logout", nick="ada2")["nick"] == "ada2"
        assert "Traceback" not in server.stderr


def test_nothing_of_a_role_is_left(place: OrderedHouse) -> None:
    """Neither the account's, nor what the session was before: it could have been taken away."""
    eva = place.enter("eva", "lobby")
    place.ada.ok("op", who="eva")
    eva.ok("register", password=PASSWORD)
    place.ada.ok("deop", who="eva")
    assert eva.ok("logout", nick="eve")["role"] == "member"
    eva.refused("forbidden", "kick", who="mia")
    place.mia.ok("register", password=PASSWORD)
    assert place.mia.ok("logout", nick="mia2")["role"] == "member"
    place.mia.refused("forbidden", "freeze")
    assert place.mia.ok("login", account="mia", password=PASSWORD)["role"] == "moderator"


# -- in the rooms ---------------------------------------------------------------------------------


def test_the_rooms_see_a_new_nick_and_nothing_is_lost(house: House) -> None:
    """Each room is told once; the cursors stay where they are, in both directions."""
    ada = enter_with_account(house, "ada", "lobby", "garden")
    eva = house.enter("eva", "lobby", "garden")
    for _ in range(2):
        eva.expect("presence")
    eva.say("lobby", "before")
    ada.ok("logout", nick="ada2")
    ada.say("lobby", "after")
    eva.say("garden", "to all")
    renamed = [eva.take(lambda frame: bool(frame.get("renamed"))) for _ in range(2)]
    assert [each["renamed"] for each in renamed] == [[["ada", "ada2"]]] * 2
    assert {each["room"] for each in renamed} == {"lobby", "garden"}
    for peer in (ada, eva):
        heard = peer.messages(2, "lobby")
        assert (seqs(heard), texts(heard)) == ([1, 2], ["before", "after"])
        assert [message["from"] for message in heard] == ["eva", "ada2"]
        assert texts(peer.messages(1, "garden")) == ["to all"]
    assert eva.page("who", room="lobby")["members"] == ["ada2", "eva"]


def test_a_request_of_before_is_not_done_again(house: House) -> None:
    """The session is the same, and knows what it has said."""
    ada = enter_with_account(house, "ada", "lobby")
    identity = ada.next_id()
    say = {"type": "say", "id": identity, "room": "lobby", "text": "once"}
    ada.send(say)
    seq = ada.reply(identity)["seq"]
    ada.ok("logout", nick="ada2")
    ada.send(say)
    assert ada.reply(identity)["seq"] == seq == ada.join("lobby")["seq"]


def test_a_raised_hand_stays_up(place: OrderedHouse) -> None:
    """Where it is in the queue; its owner takes it down, and the account's other session not."""
    bob, zoe = enter_with_account(place, "bob", "lobby"), place.enter("zoe", "lobby")
    bob.ok("nick", nick="bobby")
    phone = place.enter("phone", "lobby")
    phone.ok("login", account="bob", password=PASSWORD)
    place.mia.ok("freeze", room="lobby")
    for peer in (bob, zoe):
        peer.ok("hand", room="lobby", up=True)
    bob.ok("logout", nick="rob")
    assert place.mia.page("hands", room="lobby")["hands"] == ["rob", "zoe"]
    phone.ok("hand", room="lobby", up=False)
    phone.ok("hand", room="lobby", up=True)
    assert place.mia.page("hands", room="lobby")["hands"] == ["rob", "zoe", "bob"]
    bob.ok("hand", room="lobby", up=True)
    bob.ok("hand", room="lobby", up=False)
    assert place.mia.page("hands", room="lobby")["hands"] == ["zoe", "bob"]


def test_who_was_given_the_floor_keeps_it(place: OrderedHouse) -> None:
    """It was given to the person who is there."""
    bob = enter_with_account(place, "bob", "lobby")
    place.mia.ok("freeze", room="lobby", speakers=["bob"])
    bob.ok("logout", nick="rob")
    bob.say("lobby", "still me")


def test_who_is_in_a_locked_room_may_come_back(place: OrderedHouse) -> None:
    """When the connection was lost; and after a restart of what is in memory, too."""
    bob = enter_with_account(place, "bob", "lobby")
    place.mia.ok("lock", room="lobby", locked=True)
    bob.ok("logout", nick="rob")
    bob.close()
    again = place.enter("rob", session=bob.session)
    again.skip_ids(100)
    again.join("lobby")
    place.enter("eva").refused("forbidden", "join", room="lobby")


def test_a_locked_room_knows_who_logged_out_after_a_restart(tmp_path: Path) -> None:
    """It is kept with the room's rules."""
    with ordered_house(tmp_path) as place:
        bob = enter_with_account(place, "bob", "lobby")
        place.mia.ok("lock", room="lobby", locked=True)
        bob.ok("logout", nick="rob")
        sessions = place.ada.session, place.mia.session
    with running_server(tmp_path) as server, OrderedHouse(server, *sessions) as place:
        bob = place.enter("rob", session=bob.session)
        bob.skip_ids(100)
        bob.join("lobby")


def test_who_was_thrown_out_does_not_come_back_by_logging_in(place: OrderedHouse) -> None:
    """Into a locked room, where the account was, too; another device of it that is in there may."""
    bob = enter_with_account(place, "bob", "lobby")
    zoe = enter_with_account(place, "zoe", "lobby")
    zoe.ok("nick", nick="zoe2")
    phone = place.enter("phone", "lobby")
    phone.ok("login", account="zoe", password=PASSWORD)
    place.mia.ok("lock", room="lobby", locked=True)
    for peer, nick in ((bob, "rob"), (zoe, "lee")):
        peer.ok("logout", nick=nick)
        place.mia.ok("kick", who=nick)
        peer.expect_end("kicked")
    back = place.enter("bob", account_password=PASSWORD)
    back.refused("forbidden", "join", room="lobby")
    phone.close()
    place.enter("zoe", account_password=PASSWORD).join("lobby")


# -- no way out -----------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["bob", "@bob"])
def test_it_is_no_way_out_of_a_mute(place: OrderedHouse, who: str) -> None:
    """A mute of the nick or of the account stays in force."""
    bob = enter_with_account(place, "bob", "lobby")
    place.mia.ok("mute", who=who, reason="too loud")
    assert "too loud" in bob.refused("muted", "logout", nick="rob")["text"]
    assert bob.ok("login", password=PASSWORD)["nick"] == "bob"
    place.mia.ok("unmute", who=who)
    bob.ok("logout", nick="rob")


def test_it_is_no_way_to_a_nick_that_is_banned(place: OrderedHouse) -> None:
    """As by `nick`."""
    bob = register(place, "bob")
    place.mia.ok("ban", who="rob")
    bob.refused("forbidden", "logout", nick="rob")


def test_who_logged_out_is_banned_by_the_nick_of_before(place: OrderedHouse) -> None:
    """And by the one of now, whatever they log in to; by both the session is."""
    bob, zoe = register(place, "bob"), register(place, "zoe")
    bob.ok("logout", nick="rob")
    place.mia.ok("ban", who="bob")
    bob.expect_end("banned")
    is_refused(place.connect(), "any", session=bob.session)
    is_refused(place.connect(), "bob", account_password=PASSWORD)
    zoe.ok("logout", nick="lee")
    place.mia.ok("ban", who="lee")
    zoe.expect_end("banned")
    is_refused(place.connect(), "zoe", session=zoe.session, account_password=PASSWORD)


def test_who_is_no_moderator_any_more_is_bound_by_a_ban_again() -> None:
    """Of the address, which a moderator may share with others."""
    with ordered_house(hosts=("127.0.0.1", "::1")) as place:
        six = str(place.running.addresses[1])
        place.ada.ok("ban", who="::1")
        place.mia.ok("register", password=PASSWORD)
        mia = place.enter("mia", address=six, account_password=PASSWORD)
        mia.post("logout", nick="mia2")
        mia.expect_end("banned")


def test_it_is_no_way_out_of_slow_mode(place: OrderedHouse, clock: ManualClock) -> None:
    """Nor are logging in and leaving the room. The account's other sessions wait, too."""
    bob = enter_with_account(place, "bob", "lobby")
    place.mia.ok("slow", room="lobby", seconds=60)
    phone = place.enter("phone", "lobby")
    phone.ok("login", account="bob", password=PASSWORD)
    phone.ok("nick", nick="phone")
    bob = place.enter("bob", "lobby", session=bob.session)
    bob.skip_ids(100)
    bob.say("lobby", "one")
    bob.ok("logout", nick="rob")
    for peer in (bob, phone):
        peer.refused("rate_limited", "say", room="lobby", text="two")
    clock.advance(30)
    bob.ok("leave", room="lobby")
    bob.ok("login", account="bob", password=PASSWORD)
    bob.join("lobby")
    assert bob.refused("rate_limited", "say", room="lobby", text="two")["retry_after"] == 30
    clock.advance(30)
    bob.say("lobby", "two")


def test_who_says_something_and_then_logs_in_or_registers_is_one_person(
    place: OrderedHouse, clock: ManualClock
) -> None:
    """For slow mode; the wait is from when they spoke."""
    leave(register(place, "bob"))
    place.mia.ok("slow", room="lobby", seconds=60)
    rob = place.enter("rob", "lobby")
    rob.say("lobby", "one")
    clock.advance(20)
    rob.ok("login", account="bob", password=PASSWORD)
    assert rob.refused("rate_limited", "say", room="lobby", text="two")["retry_after"] == 40
    clock.advance(40)
    rob.say("lobby", "two")
    rob.ok("logout", nick="lee")
    rob.ok("register", password=PASSWORD)
    assert rob.refused("rate_limited", "say", room="lobby", text="three")["retry_after"] == 60
