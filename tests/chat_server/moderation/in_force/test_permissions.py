"""Bans and mutes: which ways to speak, and to be called something, they close."""

from pathlib import Path

import pytest

from tests.chat_server.house import House
from tests.chat_server.moderation.order_house import OrderedHouse, ordered_house
from tests.support.clock import ManualClock
from tests.support.peer import Peer
from tests.support.servers import running_server
from tests.support.waiting import eventually

INSULT = "you-are-all-mean"


@pytest.fixture
def bob(place: OrderedHouse) -> Peer:
    """Somebody who is muted for a minute and a half."""
    peer = place.enter("bob", "lobby")
    place.mia.ok("mute", who="bob", seconds=90, reason="flood")
    return peer


def vanish(place: OrderedHouse, peer: Peer) -> None:
    """The connection breaks, and the server has noticed."""
    peer.reset()
    eventually(lambda: place.running._parts.registry.session_called("bob") is None)


def refused_hello(place: OrderedHouse, nick: str, session: str) -> Peer:
    """Come back under another nick, which is refused. Return the connection, which goes on."""
    peer = place.connect()
    refusal = peer.hello(nick, session=session)
    assert (refusal["type"], refusal["code"]) == ("error", "muted"), refusal
    assert "keep your nick, 'bob'" in refusal["text"]
    return peer


def test_nobody_who_is_muted_comes_back_under_another_nick(place: OrderedHouse, bob: Peer) -> None:
    """While the old connection is there; and the hello may be said again, under the same nick."""
    peer = refused_hello(place, INSULT, bob.session)
    assert place.ada.page("who", room="lobby")["members"] == ["ada", "bob", "mia"]
    assert peer.hello("BOB", session=bob.session)["type"] == "welcome"


def test_nor_after_the_connection_was_lost(place: OrderedHouse, bob: Peer) -> None:
    """The nick is kept for the session, so the server knows it."""
    vanish(place, bob)
    refused_hello(place, INSULT, bob.session).hello("bob", session=bob.session)


def test_nor_when_the_nick_is_not_kept_any_more(
    place: OrderedHouse, bob: Peer, clock: ManualClock
) -> None:
    """The mute knows the nick. After its end, any nick is allowed."""
    place.mia.ok("mute", who="bob", seconds=900)
    vanish(place, bob)
    clock.advance(300)
    refused_hello(place, INSULT, bob.session)
    clock.advance(600)
    assert place.connect().hello(INSULT, session=bob.session)["type"] == "welcome"


def test_nor_after_a_restart(tmp_path: Path) -> None:
    """The session is found in the store, without a nick."""
    with ordered_house(tmp_path) as place:
        session = place.enter("bob", "lobby").session
        place.mia.ok("mute", who="bob")
    with running_server(tmp_path) as server, House(server) as house:
        peer = house.connect()
        assert peer.hello(INSULT, session=session)["code"] == "muted"
        assert peer.hello("bob", session=session)["type"] == "welcome"


def test_who_is_muted_by_a_look_alike_keeps_their_own_nick(place: OrderedHouse, bob: Peer) -> None:
    """The mute names another session's nick."""
    bob.ok("bye")
    other = place.enter("b0b", "lobby")
    other.refused("muted", "say", room="lobby", text="hi")
    assert place.connect().hello("b0b", session=other.session)["type"] == "welcome"


def test_nobody_who_is_muted_makes_a_room(
    place: OrderedHouse, bob: Peer, clock: ManualClock
) -> None:
    """Its name would be read by everybody who lists the rooms. Rooms that are there are open."""
    bob.refused("muted", "join", room=INSULT)
    assert [each["room"] for each in place.ada.page("rooms")["rooms"]] == ["lobby"]
    place.enter("zoe", "garden")
    bob.join("garden")
    clock.advance(90)
    bob.join(INSULT)


def test_nobody_who_is_muted_gets_another_nick_by_logging_in(
    place: OrderedHouse, bob: Peer
) -> None:
    """To an account that was made before, under a nick that was planned."""
    planned = place.enter(INSULT)
    planned.ok("register", password="open sesame")
    planned.ok("bye")
    bob.refused("muted", "login", account=INSULT, password="open sesame")
    assert place.ada.page("who", room="lobby")["members"] == ["ada", "bob", "mia"]


def test_moderators_come_back_under_any_nick(place: OrderedHouse, bob: Peer) -> None:
    """No mute binds them."""
    place.ada.ok("op", who="bob")
    assert place.connect().hello("robert", session=bob.session)["type"] == "welcome"
