"""Invitations: they belong to a person, survive a restart, and can be taken back."""

import threading
from pathlib import Path
from typing import cast

from chat_server.delivery.outbox import Outbox
from tests.chat_server.moderation.order_house import OrderedHouse, ordered_house
from tests.support.peer import Peer, encode
from tests.support.servers import running_server
from tests.support.waiting import eventually


def make_room(place: OrderedHouse, room: str = "staff") -> None:
    """Let mia make a room for those who are invited."""
    place.mia.join(room)
    place.mia.ok("set_rules", room=room, invite_only=True)


def is_out(peer: Peer, room: str = "staff") -> None:
    """See that somebody was taken out of a room, and cannot come back."""
    assert peer.expect("expelled")["room"] == room
    peer.refused("not_in_room", "say", room=room, text="hi")
    peer.refused("forbidden", "join", room=room)


def test_who_is_invited_comes_in(place: OrderedHouse) -> None:
    """And is told; who was in the room stays, and may come back."""
    place.enter("zoe", "staff")
    make_room(place)
    bob = place.enter("bob")
    bob.refused("forbidden", "join", room="staff")
    place.mia.ok("invite", room="staff", who="bob")
    assert bob.expect("invited") == {"type": "invited", "room": "staff", "by": "mia"}
    bob.join("staff")
    place.mia.refused("no_such_nick", "invite", room="staff", who="nobody")
    place.mia.refused("no_such_nick", "uninvite", room="staff", who="nobody")


def test_an_invitation_into_a_locked_room(place: OrderedHouse) -> None:
    """It lets in; taken back, it does not any more."""
    bob = place.enter("bob")
    place.mia.ok("lock", room="lobby", locked=True)
    place.mia.ok("invite", room="lobby", who="bob")
    bob.join("lobby")
    place.mia.ok("uninvite", room="lobby", who="bob")
    is_out(bob, "lobby")


def test_who_does_not_read_is_told_of_it_later(tmp_path: Path) -> None:
    """However much waits to be sent then."""
    with ordered_house(tmp_path) as place:
        bob = place.enter("bob", "lobby", "staff")
        make_room(place)
        for _ in range(20):
            place.mia.say("lobby", "x" * 4000)
        session = place.running._parts.registry.session_called("bob")
        assert session is not None
        assert session.connection is not None
        outbox = cast(Outbox, session.connection.outbox)
        asked = {"type": "history", "room": "lobby"}
        burst = b"".join(encode({**asked, "id": bob.next_id()}) for _ in range(600))
        sender = threading.Thread(target=bob.send_raw, args=(burst,))
        sender.start()
        eventually(lambda: outbox.is_long)
        place.mia.ok("uninvite", room="staff", who="bob")
        assert bob.expect("expelled")["room"] == "staff"
        sender.join(10)


def test_whose_invitation_is_taken_back_is_out_of_the_room(place: OrderedHouse) -> None:
    """Nothing of the room follows; others stay, and a moderator does."""
    bob, zoe = place.enter("bob", "staff"), place.enter("zoe", "staff")
    make_room(place)
    place.mia.ok("uninvite", room="staff", who="bob")
    is_out(bob)
    place.mia.say("staff", "among us")
    zoe.take(lambda each: each.get("text") == "among us")
    place.ada.join("staff")
    place.mia.ok("invite", room="staff", who="ada")
    place.mia.ok("uninvite", room="staff", who="ada")
    place.ada.say("staff", "still here")
    bob.ping()
    assert not [each for each in bob.queue if each.get("text") == "among us"]


def test_a_nick_is_no_invitation(place: OrderedHouse) -> None:
    """Whoever takes the nick of somebody who was invited stays out."""
    bob = place.enter("bob")
    make_room(place)
    place.mia.ok("invite", room="staff", who="bob")
    bob.ok("nick", nick="rob")
    other = place.enter("bob")
    other.refused("forbidden", "join", room="staff")
    bob.join("staff")


def test_an_invitation_goes_with_the_account(place: OrderedHouse) -> None:
    """One that is made, and one that is named; from any session of it, and when they are away."""
    bob = place.enter("bob")
    make_room(place)
    place.mia.ok("invite", room="staff", who="bob")
    bob.ok("register", password="correct horse")
    bob.ok("bye")
    again = place.enter("bob", "staff", account_password="correct horse")
    again.ok("bye")
    place.mia.ok("uninvite", room="staff", who="@bob")
    away = place.enter("bob", account_password="correct horse")
    away.refused("forbidden", "join", room="staff")
    away.ok("bye")
    place.mia.ok("invite", room="staff", who="bob")
    place.enter("bob", "staff", account_password="correct horse")


def test_whoever_is_kicked_needs_another_invitation(place: OrderedHouse) -> None:
    """As where a room is locked."""
    bob = place.enter("bob", "staff")
    make_room(place)
    place.mia.ok("kick", who="bob")
    bob.expect_end("kicked")
    place.enter("bob", session=bob.session).refused("forbidden", "join", room="staff")


def test_invitations_survive_a_restart(tmp_path: Path) -> None:
    """As all rules of a room do."""
    with ordered_house(tmp_path) as place:
        bob = place.enter("bob")
        make_room(place)
        place.mia.ok("invite", room="staff", who="bob")
        place.mia.ok("set_rules", room="staff", read_only=True, topic="moderators", forget=True)
        before = place.mia.ok("rules", room="staff")["rules"]
        sessions = place.ada.session, place.mia.session
    with running_server(tmp_path) as server, OrderedHouse(server, *sessions) as place:
        assert place.mia.ok("rules", room="staff")["rules"] == before
        zoe = place.enter("zoe")
        zoe.refused("forbidden", "join", room="staff")
        assert [each["room"] for each in zoe.page("rooms")["rooms"]] == ["lobby"]
        place.enter("bob", session=bob.session).join("staff")


def test_the_end_of_the_rule_forgets_the_invitations(place: OrderedHouse) -> None:
    """Everybody comes in; a new rule begins with who is there then."""
    bob = place.enter("bob")
    make_room(place)
    place.mia.ok("invite", room="staff", who="bob")
    place.mia.ok("set_rules", room="staff", invite_only=False)
    place.enter("zoe", "staff")
    place.mia.ok("set_rules", room="staff", invite_only=True)
    bob.refused("forbidden", "join", room="staff")
    acts = [act for _, act in place.running._parts.people.acts() if act.act == "invite"]
    assert [(act.who, act.whom, act.reason) for act in acts] == [("mia", "bob", "to staff")]
