"""Kick, ban and mute: who may, whom it meets, who gets around it (nobody), and how it ends."""

import sqlite3
import threading
from contextlib import closing, suppress
from pathlib import Path

import pytest

from chat_server.identity.store.people_store import PeopleStore
from chat_server.identity.store.records import Act
from tests.chat_server.house import House, texts
from tests.chat_server.moderation.order_house import (
    OrderedHouse,
    is_refused,
    notices,
    ordered_house,
)
from tests.support.clock import ManualClock
from tests.support.peer import ConnectionEnded, Peer
from tests.support.servers import running_server
from tests.support.waiting import eventually

# -- kick


def test_a_kick_ends_the_connection_with_the_reason(place: OrderedHouse) -> None:
    """Goodbye `kicked`; the rooms are told; coming back is allowed."""
    bob = place.enter("bob", "lobby", "garden")
    zoe = place.enter("zoe", "garden")
    place.mia.ok("kick", who="bob", reason="that was loud")
    goodbye = bob.expect_end("kicked")[-1]
    assert goodbye["text"] == "You were thrown out by mia: that was loud"
    assert notices(place.ada, 1) == notices(zoe, 1) == ["bob was thrown out: that was loud"]
    assert place.enter("bob", "lobby", session=bob.session).say("lobby", "sorry") == 2


def test_a_kick_of_several_in_one_room_is_one_notice(place: OrderedHouse) -> None:
    """A request has one notice in each room, whomever it meets there."""
    with ordered_house(hosts=("127.0.0.1", "::1")) as place:
        six = str(place.running.addresses[1])
        bob, eva = (place.enter(nick, "lobby", address=six) for nick in ("bob", "eva"))
        many = [place.enter(f"n{number:02}", "garden", address=six) for number in range(13)]
        watching = place.enter("zoe", "garden")
        place.mia.ok("kick", who="::/64", reason="noise")
        for peer in (bob, eva, *many):
            peer.expect_end("kicked")
        assert notices(place.mia, 1)[0] in (
            "bob and eva were thrown out: noise",
            "eva and bob were thrown out: noise",
        )
        assert notices(watching, 1)[0].endswith("and 3 others were thrown out: noise")
        place.mia.say("lobby", "go on")


# -- ban


def test_a_ban_ends_the_connection_and_keeps_out(place: OrderedHouse, clock: ManualClock) -> None:
    """The goodbye and the refusal say why, by whom and for how long. The ban ends by itself."""
    bob = place.enter("bob", "lobby")
    place.mia.ok("ban", who="bob", seconds=90, reason="enough")
    error = bob.expect_fatal("banned")
    assert error["text"] == "you are banned by mia for another 1 min 30 s: enough"
    assert error["retry_after"] == pytest.approx(90)
    clock.advance(60)
    error = is_refused(place.connect(), "bob")
    assert error["text"] == "you are banned by mia for another 30 s: enough"
    assert error["retry_after"] == pytest.approx(30)
    clock.advance(30)
    place.enter("bob", "lobby", session=bob.session)
    assert place.mia.page("bans")["bans"] == []


@pytest.mark.parametrize("nick", ["bob", "BOB", "b\u043eb", "b0b", "\uff42ob"])
def test_no_nick_that_looks_like_it_is_a_way_in(place: OrderedHouse, nick: str) -> None:
    """A banned nick is banned for everybody, in all its spellings."""
    place.mia.ok("ban", who="bob")
    is_refused(place.connect(), nick)
    place.enter("eva").refused("forbidden", "nick", nick=nick)


def test_of_who_is_banned_nothing_is_kept(tmp_path: Path) -> None:
    """However often they knock, with whatever session they make up."""
    with ordered_house(tmp_path) as place:
        place.mia.ok("ban", who="bob")
        for session in (None, "", "made-up"):
            members = {} if session is None else {"session": session}
            is_refused(place.connect(), "bob", **members)
    with closing(sqlite3.connect(tmp_path / "history.db")) as history:
        assert history.execute("SELECT count(*) FROM sessions").fetchone() == (2,)


def test_the_session_is_banned_with_the_nick(place: OrderedHouse) -> None:
    """Another nick is no way out, neither before the ban nor after it."""
    bob = place.enter("bob", "lobby")
    bob.ok("nick", nick="rob")
    place.mia.ok("ban", who="rob")
    bob.expect_end("banned")
    is_refused(place.connect(), "eva", session=bob.session)
    assert place.mia.page("bans")["bans"][0]["who"] == "rob"
    assert place.enter("bob").nick == "bob"  # the nick that he had before is nobody's


def test_the_account_is_banned_with_the_nick(place: OrderedHouse) -> None:
    """Its password at hello, /login, and its sessions do not let it in."""
    bob = place.enter("bob", "lobby")
    bob.ok("register", password="correct horse")
    bob.ok("nick", nick="rob")
    place.mia.ok("ban", who="rob")
    bob.expect_end("banned")
    is_refused(place.connect(), "bob", account_password="correct horse")
    eva = place.enter("eva")
    eva.post("login", password="correct horse", account="bob")
    eva.expect_end("banned")


def test_the_address_goes_with_the_nick_where_that_is_asked_for() -> None:
    """All its connections end, and none from there comes in; moderators share it, and stay."""
    with ordered_house(hosts=("127.0.0.1", "::1")) as place:
        six = str(place.running.addresses[1])
        bob, rob = place.enter("bob", address=six), place.enter("rob", address=six)
        place.enter("max", address=six).ok("claim", secret=place.running.owner_secret)
        place.mia.refused("forbidden", "ban", who="bob", address=True)  # an owner is there, too
    with ordered_house(hosts=("127.0.0.1", "::1")) as place:
        six = str(place.running.addresses[1])
        bob, rob = place.enter("bob", address=six), place.enter("rob", address=six)
        place.mia.ok("ban", who="bob", address=True)
        for peer in (bob, rob):
            peer.expect_fatal("banned")
        is_refused(place.connect(six), "eva")
        place.enter("eva")
        place.enter("mia2", address=place.address, session=place.mia.session)
        place.enter("mia", address=six, session=place.mia.session)


def test_an_address_that_is_mapped_into_ipv6_is_itself() -> None:
    """On a socket for both families an IPv4 client has another spelling of its address."""
    with ordered_house(hosts=("::",)) as place:
        port = place.address.rpartition(":")[2]
        four, six = f"tcp://127.0.0.1:{port}", f"tcp://[::1]:{port}"
        bob = place.enter("bob", address=four)
        place.mia.close()
        mia = place.enter("mia", address=six, session=place.mia.session)
        place.ada.close()
        eventually(lambda: mia.request("ban", who="127.0.0.0/8")["type"] == "ok")
        bob.expect_fatal("banned")
        is_refused(place.connect(four), "eva")
        place.enter("zoe", address=six)


def test_an_owner_cannot_be_banned_by_anybody(place: OrderedHouse) -> None:
    """Not by another owner either, and not by a nick that looks alike."""
    max_ = place.enter("max", "lobby")
    max_.ok("claim", secret=place.running.owner_secret)
    place.ada.refused("forbidden", "ban", who="max")
    place.ada.refused("forbidden", "ban", who="ada")
    max_.ping()


def test_an_owner_bans_a_moderator_and_may_change_their_mind(place: OrderedHouse) -> None:
    """The role is no shield against who gave it."""
    place.ada.ok("ban", who="mia")
    place.mia.expect_end("banned")
    is_refused(place.connect(), "mia", session=place.mia.session)
    place.ada.ok("unban", who="mia")
    place.enter("mia", session=place.mia.session)


def test_lifting_what_is_not(place: OrderedHouse) -> None:
    """`no_such_nick`; a mute is no ban."""
    place.mia.ok("mute", who="bob")
    place.mia.refused("no_such_nick", "unban", who="bob")
    place.mia.refused("no_such_nick", "unmute", who="eva")
    place.mia.ok("unmute", who="BOB")
    place.mia.refused("no_such_nick", "unmute", who="bob")


def test_a_ban_again_takes_the_place_of_the_first(place: OrderedHouse, clock: ManualClock) -> None:
    """A shorter one shortens it."""
    place.mia.ok("ban", who="bob")
    place.mia.ok("ban", who="bob", seconds=10)
    assert len(place.mia.page("bans")["bans"]) == 1
    clock.advance(10)
    place.enter("bob")


def _ban_and_unban(moderator: Peer) -> bool:
    moderator.ok("ban", who="bob")
    moderator.ok("unban", who="bob")
    return True


def test_a_ban_in_the_middle_of_many_hellos_lets_nobody_stay(place: OrderedHouse) -> None:
    """Either the check or the ban meets a client that comes in at that moment."""
    stop, ends = threading.Event(), list[str]()

    def knock() -> None:
        while not stop.is_set():
            with suppress(ConnectionError, ConnectionEnded), Peer.connect(place.address) as peer:
                if peer.hello("bob").get("type") == "welcome":
                    ends.append(peer.read_to_end()[-1]["code"])

    threads = [threading.Thread(target=knock) for _ in range(3)]
    for thread in threads:
        thread.start()
    eventually(lambda: _ban_and_unban(place.mia) and len(ends) > 15)
    stop.set()
    place.mia.ok("ban", who="bob")
    for thread in threads:
        thread.join()
    assert set(ends) == {"banned"}


# -- mute


def test_who_is_muted_listens(place: OrderedHouse, clock: ManualClock) -> None:
    """Say, topic and tell are refused, with why and how long; reading is not."""
    bob = place.enter("bob", "lobby")
    zoe = place.enter("zoe", "lobby")
    place.mia.ok("mute", who="bob", seconds=90, reason="flood")
    for kind, members in (
        ("say", {"room": "lobby", "text": "hi"}),
        ("topic", {"room": "lobby", "topic": "hi"}),
        ("tell", {"to": "zoe", "text": "hi"}),
    ):
        error = bob.refused("muted", kind, **members)
        assert error["text"] == "you are muted by mia for another 1 min 30 s: flood"
        assert error["retry_after"] == pytest.approx(90)
    zoe.say("lobby", "can you hear me?")
    assert texts(bob.messages(1)) == ["can you hear me?"]
    clock.advance(90)
    bob.say("lobby", "back")
    bob.ok("tell", to="zoe", text="hi")


def test_who_is_muted_may_ask_a_moderator_why(place: OrderedHouse) -> None:
    """Moderators and owners can be told; nobody else."""
    bob = place.enter("bob", "lobby")
    place.mia.ok("mute", who="bob")
    bob.ok("tell", to="mia", text="why?")
    bob.ok("tell", to="ada", text="why?")
    assert place.mia.expect("direct")["text"] == "why?"


def test_an_address_can_be_muted(place: OrderedHouse) -> None:
    """New sessions have the same address. Moderators there are not bound."""
    with ordered_house(hosts=("127.0.0.1", "::1")) as place:
        six = str(place.running.addresses[1])
        bob = place.enter("bob", "lobby", address=six)
        place.mia.ok("mute", who="::1")
        bob.refused("muted", "say", room="lobby", text="hi")
        place.enter("rob", "lobby", address=six).refused("muted", "say", room="lobby", text="hi")
        place.enter("eva", "lobby").say("lobby", "hi")


def test_what_was_said_before_gets_its_ok_again(place: OrderedHouse) -> None:
    """A request sent again after the mute, as its reply was lost, is no new one."""
    bob = place.enter("bob", "lobby")
    say = {"type": "say", "id": 70, "room": "lobby", "text": "before"}
    bob.send(say)
    first = bob.reply(70)
    place.mia.ok("mute", who="bob")
    place.mia.ok("freeze", room="lobby")
    bob.send(say)
    assert bob.reply(70) == first
    bob.send({**say, "id": 71})
    assert bob.reply(71)["code"] == "muted"


def test_a_refused_say_can_be_sent_again_with_its_id(
    place: OrderedHouse, clock: ManualClock
) -> None:
    """That is what `retry_after` promises."""
    bob = place.enter("bob", "lobby")
    place.mia.ok("mute", who="bob", seconds=5)
    say = {"type": "say", "id": 70, "room": "lobby", "text": "later"}
    for _ in range(3):
        bob.send(say)
        assert bob.reply(70)["code"] == "muted"
    clock.advance(5)
    bob.send(say)
    assert bob.reply(70)["seq"] == 1
    bob.ok("bye")
    bob.expect_end("bye")  # every reply that was owed is given


# -- what is kept


def test_bans_mutes_and_their_ends_survive_a_restart(tmp_path: Path, clock: ManualClock) -> None:
    """By nick, session and network, with what is left of their time."""
    with ordered_house(tmp_path, clock) as place:
        bob, eva = place.enter("bob"), place.enter("eva")
        place.mia.ok("ban", who="bob", seconds=100, reason="enough")
        place.mia.ok("mute", who="eva")
        place.mia.ok("ban", who="10.0.0.0/8", seconds=50)
        ada, mia = place.ada.session, place.mia.session
    clock.advance(60)
    with running_server(tmp_path, clock) as server, OrderedHouse(server, ada, mia) as place:
        assert [each["who"] for each in place.mia.page("bans")["bans"]] == ["bob", "eva"]
        error = is_refused(place.connect(), "rob", session=bob.session)
        assert error["text"] == "you are banned by mia for another 40 s: enough"
        place.enter("eva", "lobby", session=eva.session).refused(
            "muted", "say", room="lobby", text="hi"
        )
        clock.advance(40)
        place.enter("bob", session=bob.session)


def audit(data: Path) -> list[Act]:
    """What the audit log says that was done by `mia`. The server is gone."""
    with closing(PeopleStore(data)) as people:
        return [act for _, act in people.acts() if act.who == "mia"]


def test_every_act_is_in_the_audit_log(tmp_path: Path) -> None:
    """Each line says who did what to whom, until when and why."""
    with ordered_house(tmp_path) as place:
        place.enter("bob", "lobby")
        place.mia.ok("kick", who="bob", reason="one")
        place.mia.ok("ban", who="bob", seconds=60, reason="two")
        place.mia.ok("unban", who="bob")
        place.mia.ok("mute", who="bob")
        place.mia.ok("unmute", who="bob")
        place.mia.ok("slow", room="lobby", seconds=5)
        place.mia.ok("lock", room="lobby", locked=True)
        place.mia.ok("lock", room="lobby", locked=False)
        place.mia.ok("announce", text="hear me")
        place.mia.ok("freeze", room="lobby", seconds=60)
        place.mia.ok("unfreeze", room="lobby")
        place.mia.ok("freeze")
    acts = audit(tmp_path)
    assert [(act.act, act.whom, act.reason) for act in acts] == [
        ("kick", "bob", "one"),
        ("ban", "bob", "two"),
        ("unban", "bob", ""),
        ("mute", "bob", ""),
        ("unmute", "bob", ""),
        ("slow", "lobby", "5 s"),
        ("lock", "lobby", ""),
        ("unlock", "lobby", ""),
        ("announce", "all rooms", ""),
        ("freeze", "lobby", ""),
        ("unfreeze", "lobby", ""),
        ("freeze", "all rooms", ""),
    ]
    assert acts[1].until == pytest.approx(acts[1].time + 60)


def test_a_refused_act_leaves_no_line(tmp_path: Path) -> None:
    """There is no line without the act."""
    with ordered_house(tmp_path) as place:
        place.mia.refused("forbidden", "ban", who="ada")
        place.mia.refused("no_such_nick", "kick", who="nobody")
        place.mia.refused("bad_text", "mute", who="bob", reason="")
        place.enter("bob").refused("forbidden", "kick", who="mia")
    assert audit(tmp_path) == []


def test_a_house_without_order_needs_none(house: House) -> None:
    """Everything is as before where nobody moderates."""
    ada = house.enter("ada", "lobby")
    assert "frozen" not in ada.join("lobby")
    ada.say("lobby", "hi")
