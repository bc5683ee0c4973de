"""Freezes, hands, slow mode, locks and announcements, as those in a room see them."""

# Over 500 lines: the module has one test file, and each act a few short tests.

import json
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from chat_server.gateways.native import NATIVE
from chat_server.moderation.in_force.policy_book import _tell_of_freeze
from chat_server.rooms.codec import Broadcast
from chat_server.rooms.people.nicks import HOLD_SECONDS
from chat_server.rooms.people.session import Session
from chat_server.rooms.policy import Freeze, RoomPolicy
from chat_server.rooms.room import Member, Room
from chat_server.runtime.round_robin import SERVER_ITSELF
from tests.chat_server.house import seqs, texts, whole_log
from tests.chat_server.moderation.order_house import OrderedHouse, notices, ordered_house
from tests.support.clock import ManualClock
from tests.support.peer import Peer
from tests.support.servers import running_server
from tests.support.waiting import eventually


def pass_time(place: OrderedHouse, clock: ManualClock, seconds: float) -> None:
    """Let time pass, and let the timers see it."""
    clock.advance(seconds)
    place.running.timers.wake()


# -- freeze


def test_in_a_frozen_room_everybody_reads_and_moderators_speak(place: OrderedHouse) -> None:
    """`say` and `topic` are `muted`; who joins is told; other rooms go on."""
    bob = place.enter("bob", "lobby", "garden")
    place.mia.ok("freeze", room="lobby")
    for peer in (bob, place.ada):
        assert notices(peer, 1) == [
            "this room is frozen: only moderators may speak; /hand asks for the floor"
        ]
    error = bob.refused("muted", "say", room="lobby", text="hi")
    assert "frozen by mia" in error["text"]
    assert "retry_after" not in error
    bob.refused("forbidden", "topic", room="lobby", topic="hi")  # an owner is here
    bob.say("garden", "hi")
    bob.ok("tell", to="mia", text="hi")
    place.mia.say("lobby", "listen")
    place.ada.say("lobby", "to her")
    assert texts(bob.messages(2, "lobby")) == ["listen", "to her"]
    assert place.enter("zoe").join("lobby")["frozen"] is True
    place.mia.ok("unfreeze", room="lobby")
    assert notices(bob, 1) == ["this room is no longer frozen: everybody may speak"]
    bob.say("lobby", "at last")
    assert "frozen" not in place.enter("eva").join("lobby")


def test_who_is_in_a_room_is_told_when_it_freezes_and_thaws(
    place: OrderedHouse, clock: ManualClock
) -> None:
    """For programs, which do not read notices: of changes alone, and where one is."""
    bob = place.enter("bob", "lobby", "garden")
    zoe = place.enter("zoe", "garden")
    place.mia.ok("freeze", room="lobby", seconds=60)
    bob.expect("frozen", room="lobby", frozen=True)
    place.mia.ok("freeze")
    bob.expect("frozen", room="garden", frozen=True)
    place.mia.ok("freeze", room="lobby", seconds=90)
    place.mia.ok("unfreeze")
    bob.expect("frozen", room="garden", frozen=False)
    pass_time(place, clock, 90)
    bob.expect("frozen", room="lobby", frozen=False)
    for peer, count in ((bob, 0), (zoe, 2)):
        peer.ping()
        assert len([frame for frame in peer.queue if frame["type"] == "frozen"]) == count


@pytest.mark.parametrize("other", ["kick", "logout"])
def test_a_freeze_is_told_whoever_is_first_to_let_it_hold(
    place: OrderedHouse, monkeypatch: pytest.MonkeyPatch, other: str
) -> None:
    """Once it is stored, whoever is thrown out of the room, or logs out in a locked one, may be."""
    bob, zoe = place.enter("bob", "lobby"), place.enter("zoe", "lobby")
    zoe.ok("register", password="correct horse")
    place.mia.ok("lock", room="lobby", locked=True)
    book = place.running._running.kept.book
    change = book.change

    def late(*arguments: Any) -> None:
        change(*arguments)
        monkeypatch.undo()
        if other == "kick":
            place.ada.ok("kick", who="zoe")
        else:
            zoe.ok("logout", nick="zoe2")

    monkeypatch.setattr(book, "change", late)
    place.mia.ok("freeze", room="lobby")
    bob.expect("frozen", room="lobby", frozen=True)
    place.mia.ok("unfreeze", room="lobby")
    bob.expect("frozen", room="lobby", frozen=False)
    assert not [frame for frame in bob.queue if frame["type"] == "frozen"]


def test_a_freeze_ends_by_itself(place: OrderedHouse, clock: ManualClock) -> None:
    """With a notice, once; until then it says for how long."""
    bob = place.enter("bob", "lobby")
    place.mia.ok("freeze", room="lobby", seconds=60)
    bob.ok("hand", room="lobby", up=True)
    assert "frozen for 1 min" in notices(bob, 1)[0]
    clock.advance(20)
    assert bob.refused("muted", "say", room="lobby", text="hi")["retry_after"] == 40
    pass_time(place, clock, 40)
    assert notices(bob, 1) == ["this room is no longer frozen: everybody may speak"]
    bob.say("lobby", "hi")
    assert len(whole_log(bob, "lobby")) == 3
    assert place.mia.page("hands", room="lobby")["hands"] == []


def test_a_freeze_that_was_lifted_does_not_end_again(
    place: OrderedHouse, clock: ManualClock
) -> None:
    """The end of a first freeze does not end a second one, either."""
    bob = place.enter("bob", "lobby")
    place.mia.ok("freeze", room="lobby", seconds=60)
    place.mia.ok("unfreeze", room="lobby")
    place.mia.ok("freeze", room="lobby", seconds=100)
    pass_time(place, clock, 60)
    bob.refused("muted", "say", room="lobby", text="hi")
    pass_time(place, clock, 40)
    notices(bob, 4)
    assert len(whole_log(bob, "lobby")) == 4


def test_the_floor_is_given_until_the_freeze_ends(place: OrderedHouse, clock: ManualClock) -> None:
    """To one after the other: its end stays where it is, unless another one is said."""
    bob, zoe = place.enter("bob", "lobby"), place.enter("zoe", "lobby")
    place.mia.ok("freeze", room="lobby", seconds=60)
    clock.advance(20)
    place.mia.ok("freeze", room="lobby", speakers=["bob"])
    assert "frozen for 40 s: only moderators and bob may" in notices(bob, 2)[1]
    place.mia.ok("freeze", room="lobby", speakers=["zoe"])
    bob.refused("muted", "say", room="lobby", text="hi")
    zoe.say("lobby", "hi")
    pass_time(place, clock, 40)
    bob.say("lobby", "hi")
    place.mia.ok("freeze", room="lobby", seconds=60)
    place.mia.ok("freeze", room="lobby")
    pass_time(place, clock, 60)
    assert "retry_after" not in bob.refused("muted", "say", room="lobby", text="hi")


def test_the_floor_may_be_taken_from_all_until_the_freeze_ends(
    place: OrderedHouse, clock: ManualClock
) -> None:
    """An empty list says who speaks, too: nobody."""
    bob = place.enter("bob", "lobby")
    place.mia.ok("freeze", room="lobby", seconds=60, speakers=["bob"])
    clock.advance(20)
    place.mia.ok("freeze", room="lobby", speakers=[])
    assert "frozen for 40 s: only moderators may" in notices(bob, 2)[1]
    assert bob.refused("muted", "say", room="lobby", text="hi")["retry_after"] == 40


def test_the_floor_that_is_given_in_a_room_ends_with_the_freeze_of_all(
    place: OrderedHouse, clock: ManualClock
) -> None:
    """The room had no end before."""
    bob = place.enter("bob", "lobby")
    place.mia.ok("freeze", seconds=60)
    place.mia.ok("freeze", room="lobby", speakers=["bob"])
    pass_time(place, clock, 60)
    place.enter("zoe", "lobby").say("lobby", "hi")
    bob.say("lobby", "hi")


def test_a_long_freeze_is_looked_at_now_and_then(place: OrderedHouse, clock: ManualClock) -> None:
    """And ends when it is to: not sooner, not later, once."""
    bob = place.enter("bob", "lobby")
    place.mia.ok("freeze", room="lobby", seconds=1500)
    for seconds in (600, 600):
        pass_time(place, clock, seconds)
        bob.refused("muted", "say", room="lobby", text="hi")
    pass_time(place, clock, 300)
    assert notices(bob, 2)[1] == "this room is no longer frozen: everybody may speak"
    bob.say("lobby", "hi")


def test_speakers_speak_on_whatever_they_are_called(place: OrderedHouse) -> None:
    """It is the person who may, not the nick; who takes the nick may not."""
    bob, zoe = place.enter("bob", "lobby"), place.enter("zoe", "lobby")
    place.mia.ok("freeze", room="lobby", speakers=["BOB"])
    assert "only moderators and bob may" in notices(zoe, 1)[0]
    bob.say("lobby", "one")
    bob.ok("nick", nick="rob")
    bob.say("lobby", "two")
    zoe.ok("nick", nick="bob")
    zoe.refused("muted", "say", room="lobby", text="I am bob")
    again = place.enter("rob", "lobby", session=bob.session)
    again.say("lobby", "three")
    place.mia.refused("no_such_nick", "freeze", room="lobby", speakers=["nobody"])
    place.mia.refused("bad_request", "freeze", room="lobby", speakers=["rob"] * 101)


def test_a_speaker_with_an_account_speaks_on_any_connection(place: OrderedHouse) -> None:
    """After a lost session too."""
    bob = place.enter("bob", "lobby")
    bob.ok("register", password="correct horse")
    place.mia.ok("freeze", room="lobby", speakers=["bob"])
    bob.ok("bye")
    place.enter("bob", "lobby", account_password="correct horse").say("lobby", "hi")


def test_all_rooms_freeze_also_those_to_come(place: OrderedHouse, clock: ManualClock) -> None:
    """A new room is no way out; each room that somebody is in has a notice."""
    bob = place.enter("bob", "lobby", "garden")
    place.mia.ok("freeze", seconds=60)
    assert {bob.expect("message", kind="notice")["room"] for _ in range(2)} == {"lobby", "garden"}
    for room in ("lobby", "garden", "hideout"):
        assert bob.join(room)["frozen"] is True
        bob.refused("muted", "say", room=room, text="hi")
    place.mia.join("hideout")
    place.mia.say("hideout", "found you")
    pass_time(place, clock, 60)
    assert notices(bob, 3) == ["all rooms are no longer frozen: everybody may speak"] * 3
    for room in ("lobby", "garden", "hideout", "shed"):
        assert "frozen" not in bob.join(room)
        bob.say(room, "hi")


def test_a_room_and_all_rooms_thaw_apart(place: OrderedHouse) -> None:
    """Neither ends the other."""
    bob = place.enter("bob", "lobby")
    place.mia.ok("freeze")
    error = place.mia.refused("forbidden", "unfreeze", room="lobby")
    assert "all rooms" in error["text"]
    place.mia.ok("freeze", room="lobby")
    place.mia.ok("unfreeze")
    bob.refused("muted", "say", room="lobby", text="hi")
    place.mia.ok("unfreeze", room="lobby")
    bob.say("lobby", "hi")
    place.mia.ok("unfreeze", room="lobby")  # nothing to do
    place.mia.ok("unfreeze")
    assert len(whole_log(bob, "lobby")) == 5


def test_rules_are_for_rooms_that_there_are(place: OrderedHouse) -> None:
    """`no_such_room`; a name that cannot be is `bad_room`."""
    for kind, members in (
        ("freeze", {}),
        ("unfreeze", {}),
        ("slow", {"seconds": 5}),
        ("lock", {"locked": True}),
        ("announce", {"text": "hi"}),
        ("hands", {}),
    ):
        place.mia.refused("no_such_room", kind, room="nowhere", **members)
        place.mia.refused("bad_room", kind, room="no where", **members)
    place.mia.refused("bad_request", "freeze", room="lobby", seconds=0)
    place.mia.refused("bad_request", "slow", room="lobby", seconds=-1)


def _flood(peer: Peer, count: int, sent: list[tuple[Peer, int]]) -> None:
    for number in range(count):
        identity = peer.post("say", room="lobby", text=f"{peer.nick} {number}")
        sent.append((peer, identity))


def test_nothing_of_a_member_stands_behind_the_notice_of_a_freeze(place: OrderedHouse) -> None:
    """However many talk when it comes: what is in the log was there before, or has its refusal.

    This holds for the log, not only for what is said after the `ok`: rule and notice are one step.
    """
    talkers = [place.enter(f"t{number}", "lobby") for number in range(4)]
    for _ in range(5):
        sent: list[tuple[Peer, int]] = []
        threads = [threading.Thread(target=_flood, args=(peer, 60, sent)) for peer in talkers]
        for thread in threads:
            thread.start()
        eventually(partial(sent.__getitem__, slice(40, None)))
        place.mia.ok("freeze", room="lobby")
        for thread in threads:
            thread.join()
        replies = [peer.reply(identity) for peer, identity in sent]
        said = [reply["seq"] for reply in replies if reply["type"] == "ok"]
        assert {reply["code"] for reply in replies if reply["type"] == "error"} <= {"muted"}
        log = whole_log(place.mia, "lobby")
        frozen_at = max(m["seq"] for m in log if "is frozen" in m["text"])
        assert max(said, default=0) < frozen_at == log[-1]["seq"]
        place.mia.ok("unfreeze", room="lobby")
    assert seqs(log) == list(range(1, len(log) + 1))


# -- once


def test_acts_at_the_same_moment_leave_memory_and_store_alike(tmp_path: Path) -> None:
    """Two moderators change different rules of one room: neither takes the other's back."""
    with ordered_house(tmp_path) as place:

        def lock() -> None:
            for number in range(21):
                place.ada.ok("lock", room="lobby", locked=number % 2 == 0)

        def slow() -> None:
            for number in range(21):
                place.mia.ok("slow", room="lobby", seconds=number)

        threads = [threading.Thread(target=lock), threading.Thread(target=slow)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        _see_locked_and_slow(place)
        ada, mia = place.ada.session, place.mia.session
    with running_server(tmp_path) as server, OrderedHouse(server, ada, mia) as place:
        _see_locked_and_slow(place)


def _see_locked_and_slow(place: OrderedHouse) -> None:
    bob = place.enter("bob")
    bob.refused("forbidden", "join", room="lobby")
    place.ada.ok("op", who="bob")
    bob.join("lobby")
    place.ada.ok("deop", who="bob")
    bob.say("lobby", "one")
    error = bob.refused("rate_limited", "say", room="lobby", text="two")
    assert "every 20 s" in error["text"]


class _Listener:
    """Stands where a member's outbox does, and does something when it hears the first event."""

    def __init__(self, action: Callable[[], None]) -> None:
        self._action: Callable[[], None] | None = action
        self.heard: list[bool] = []

    codec = NATIVE
    party = SERVER_ITSELF

    def put_if_short(self, events: Broadcast) -> bool:
        self.heard.append(json.loads(events.encoded(NATIVE)[4:])["frozen"])
        if self._action:
            action, self._action = self._action, None
            action()
        return True


def test_who_is_told_last_of_a_freeze_is_told_what_holds() -> None:
    """Another moderator ends it while it is told: everybody knows that in the end."""
    room = Room("lobby", "", 0, lambda _: None, lambda _: None)
    freeze = RoomPolicy(freeze=Freeze("ada", 0.0, None, None))

    def thaw() -> None:
        _tell_of_freeze(room, room.impose(lambda: None, None))

    listeners = [_Listener(thaw), _Listener(lambda: None), _Listener(lambda: None)]
    for number, each in enumerate(listeners):
        session = Session(bytes([number]), f"p{number}", number, 0)
        room.add(Member(room, session, each, 0), None)  # type: ignore[arg-type]
    _tell_of_freeze(room, room.impose(lambda: freeze, None))
    assert [each.heard[-1] for each in listeners] == [False, False, False]


# -- slow mode


def test_slow_mode_is_for_each_person(place: OrderedHouse, clock: ManualClock) -> None:
    """By session, not by nick; moderators are not bound; what is refused costs nothing."""
    bob, zoe = place.enter("bob", "lobby", "garden"), place.enter("zoe", "lobby")
    place.mia.ok("set_rules", room="lobby", topic="everybody")
    place.mia.ok("slow", room="lobby", seconds=30)
    slow = "slow mode: each of you may say something every 30 s"
    assert notices(bob, 2) == ["everybody may set the topic here", slow]
    bob.say("lobby", "one")
    zoe.say("lobby", "mine")
    bob.say("garden", "elsewhere")
    bob.say("garden", "as I like")
    clock.advance(10)
    error = bob.refused("rate_limited", "say", room="lobby", text="two")
    assert error["retry_after"] == pytest.approx(20)
    bob.ok("nick", nick="rob")
    bob.refused("rate_limited", "topic", room="lobby", topic="two")
    again = place.enter("eva", "lobby", session=bob.session)
    again.refused("rate_limited", "say", room="lobby", text="two")
    for _ in range(5):
        place.mia.say("lobby", "fast")
    clock.advance(20)
    again.say("lobby", "two")
    place.mia.ok("slow", room="lobby", seconds=0)
    again.say("lobby", "three")
    again.say("lobby", "four")


# -- lock


def test_nobody_else_comes_into_a_locked_room(place: OrderedHouse) -> None:
    """Who is in stays in, and comes back when the connection broke; moderators come and go."""
    bob = place.enter("bob", "lobby")
    place.mia.ok("lock", room="lobby", locked=True)
    assert notices(bob, 1) == ["this room is locked: nobody else may come in"]
    zoe = place.enter("zoe")
    error = zoe.refused("forbidden", "join", room="lobby")
    assert "locked by mia" in error["text"]
    bob.join("lobby", after=0)
    bob.reset()
    bob = place.enter("bob", "lobby", session=bob.session)
    place.mia.ok("leave", room="lobby")
    place.mia.join("lobby")
    place.enter("rob").refused("forbidden", "join", room="lobby")
    place.mia.ok("lock", room="lobby", locked=False)
    zoe.join("lobby")


def test_who_was_thrown_out_of_a_locked_room_stays_out(tmp_path: Path) -> None:
    """Of the room: the others are open. After a restart, too."""
    with ordered_house(tmp_path) as place:
        bob, eva = place.enter("bob", "lobby"), place.enter("eva", "lobby")
        place.mia.ok("lock", room="lobby", locked=True)
        place.mia.ok("kick", who="bob")
        place.enter("bob", "garden", session=bob.session).refused("forbidden", "join", room="lobby")
        ada, mia = place.ada.session, place.mia.session
    with running_server(tmp_path) as server, OrderedHouse(server, ada, mia) as place:
        place.enter("bob", session=bob.session).refused("forbidden", "join", room="lobby")
        place.enter("eva", "lobby", session=eva.session)


@pytest.mark.parametrize(("is_here", "who"), [(True, "bob"), (False, "bob"), (True, "::1")])
def test_who_was_banned_stays_out_of_a_locked_room(is_here: bool, who: str) -> None:
    """As after a kick: also when the ban is over, until the room is open again."""
    with ordered_house(hosts=("127.0.0.1", "::1")) as place:
        elsewhere = f"tcp://{place.running.addresses[1].authority}"
        bob = place.enter("bob", "lobby", address=elsewhere)
        place.mia.ok("lock", room="lobby", locked=True)
        if not is_here:
            bob.reset()
            eventually(lambda: "bob" not in place.mia.page("who", room="lobby")["members"])
        place.mia.ok("ban", who=who)
        place.mia.ok("unban", who=who)
        back = place.enter("bob", session=bob.session, address=elsewhere)
        back.refused("forbidden", "join", room="lobby")
        place.mia.ok("lock", room="lobby", locked=False)
        back.join("lobby")


def test_rules_survive_a_restart(tmp_path: Path, clock: ManualClock) -> None:
    """A freeze with its speakers and what is left of it, slow mode, a lock."""
    with ordered_house(tmp_path, clock) as place:
        bob = place.enter("bob", "lobby", "garden", "shed")
        zoe = place.enter("zoe", "lobby", "garden")
        place.mia.ok("freeze", room="lobby", seconds=100, speakers=["bob"])
        place.mia.ok("freeze", room="shed", seconds=10)
        place.mia.ok("slow", room="garden", seconds=30)
        place.mia.ok("lock", room="garden", locked=True)
        ada, mia = place.ada.session, place.mia.session
    clock.advance(60)
    with running_server(tmp_path, clock) as server, OrderedHouse(server, ada, mia) as place:
        bob = place.enter("bob", "garden", "shed", session=bob.session)
        assert bob.join("lobby")["frozen"] is True
        bob.say("lobby", "I may")
        bob.say("shed", "it is over")
        zoe = place.enter("zoe", "lobby", "garden", session=zoe.session)
        error = zoe.refused("muted", "say", room="lobby", text="I may not")
        assert error["retry_after"] == pytest.approx(40)
        zoe.say("garden", "one")
        zoe.refused("rate_limited", "say", room="garden", text="two")
        place.enter("eva").refused("forbidden", "join", room="garden")
        pass_time(place, clock, 40)
        assert notices(zoe, 1) == ["this room is no longer frozen: everybody may speak"]
        zoe.say("lobby", "now I may")


def test_a_freeze_of_all_survives_a_restart(tmp_path: Path, clock: ManualClock) -> None:
    """New rooms as well."""
    with ordered_house(tmp_path, clock) as place:
        place.mia.ok("freeze")
        ada, mia = place.ada.session, place.mia.session
    with running_server(tmp_path, clock) as server, OrderedHouse(server, ada, mia) as place:
        bob = place.enter("bob")
        for room in ("lobby", "hideout"):
            assert bob.join(room)["frozen"] is True
            bob.refused("muted", "say", room=room, text="hi")
        place.mia.ok("unfreeze")
        bob.say("hideout", "hi")


# -- announcements


def test_an_announcement_goes_to_all_rooms_or_to_one(place: OrderedHouse) -> None:
    """As a notice, from the moderator, in the log; not being in a room does not matter."""
    bob = place.enter("bob", "lobby", "garden")
    place.mia.ok("announce", text="fire drill\nat ten")
    heard = {m["room"]: m for m in bob.messages(2)}
    assert sorted(heard) == ["garden", "lobby"]
    assert {(m["from"], m["kind"], m["text"]) for m in heard.values()} == {
        ("mia", "notice", "fire drill\nat ten")
    }
    place.mia.ok("announce", text="water the roses", room="garden")
    assert bob.messages(1)[0]["room"] == "garden"
    place.mia.refused("bad_text", "announce", text="a\x1b[2J")
    place.mia.refused("text_too_long", "announce", text="x" * 4001)


def test_where_nobody_is_nothing_is_announced(place: OrderedHouse) -> None:
    """An empty room is not filled with what nobody heard; a reply comes all the same."""
    bob = place.enter("bob", "garden")
    bob.say("garden", "bye")
    bob.ok("leave", room="garden")
    place.ada.ok("leave", room="lobby")
    place.mia.ok("leave", room="lobby")
    place.mia.ok("announce", text="anybody?")
    bob.join("garden")
    assert texts(whole_log(bob, "garden")) == ["bye"]
    place.mia.ok("bye")
    place.mia.expect_end("bye")


# -- forget


def test_a_room_is_forgotten_when_nobody_is_in_it_any_more(
    tmp_path: Path, clock: ManualClock
) -> None:
    """Not before whoever lost the connection had time to come back; its rules and `seq` stay."""
    with ordered_house(tmp_path, clock, interval=0.05) as place:
        bob = place.enter("bob", "group", "kept")
        place.mia.ok("set_rules", room="group", forget=True)
        bob.say("group", "between us")
        bob.say("kept", "for all")
        for _ in range(5):  # somebody is in it
            clock.advance(60)
        bob.ping()
        bob.ok("leave", room="group")
        bob.ok("leave", room="kept")

        def is_gone() -> bool:
            clock.advance(30)
            return [each["room"] for each in bob.page("rooms")["rooms"]] == ["kept", "lobby"]

        before = clock.monotonic()
        eventually(is_gone)
        assert clock.monotonic() - before >= HOLD_SECONDS
        assert bob.join("group", after=0)["oldest"] == 3
        assert bob.page("history", room="group")["messages"] == []
        assert bob.ok("rules", room="group")["rules"]["forget"] is True
        acts = [act for _, act in place.running._parts.people.acts() if act.act == "forget"]
        assert [(act.who, act.whom) for act in acts] == [("server", "group")]
