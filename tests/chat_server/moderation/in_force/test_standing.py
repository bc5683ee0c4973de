"""Whoever is muted, frozen out or slowed, or free again, is told at once; and roles are seen."""

from pathlib import Path

from tests.chat_server.house import House
from tests.chat_server.moderation.order_house import OrderedHouse, ordered_house
from tests.support.clock import ManualClock
from tests.support.peer import Frame, Peer
from tests.support.servers import running_server


def told(peer: Peer) -> Frame:
    """The next event `rules`, without what every one has."""
    event = peer.expect("rules")
    return {name: value for name, value in event.items() if name not in ("type", "room")}


def pass_time(place: OrderedHouse, clock: ManualClock, seconds: float) -> None:
    """Let time pass, and let the timers see it."""
    clock.advance(seconds)
    place.running.timers.wake()


def nothing_more(peer: Peer) -> None:
    """See that no event `rules` waits."""
    peer.ping()
    assert not [each for each in peer.queue if each["type"] == "rules"]


def test_whoever_is_muted_is_told_at_once(place: OrderedHouse) -> None:
    """In each room that they are in; and when it is lifted. Nobody else is."""
    bob, zoe = place.enter("bob", "lobby", "garden"), place.enter("zoe", "lobby")
    place.mia.ok("mute", who="bob", reason="spam", seconds=60)
    rooms = set()
    for _ in range(2):
        event = bob.expect("rules")
        rooms.add(event["room"])
        assert (event["speak"], event["why"]) == (False, "muted")
        assert event["text"] == "you are muted by mia: spam"
        assert event["until"] > 0
    assert rooms == {"lobby", "garden"}
    place.mia.ok("unmute", who="bob")
    assert [told(bob), told(bob)] == [{"speak": True}] * 2
    nothing_more(zoe)
    nothing_more(place.mia)


def test_a_mute_that_ends_by_itself_is_told(place: OrderedHouse, clock: ManualClock) -> None:
    """Nobody has to try whether it is over."""
    bob = place.enter("bob", "lobby")
    place.mia.ok("mute", who="bob", seconds=60)
    assert told(bob)["speak"] is False
    pass_time(place, clock, 60)
    assert told(bob) == {"speak": True}


def test_a_mute_of_before_a_restart_ends_as_well(tmp_path: Path) -> None:
    """Who comes in muted is told behind the `ok` to the join."""
    clock = ManualClock()
    with ordered_house(tmp_path, clock) as place:
        bob = place.enter("bob", "lobby")
        place.mia.ok("mute", who="bob", seconds=1000)
        sessions = place.ada.session, place.mia.session
    with running_server(tmp_path, clock) as server, OrderedHouse(server, *sessions) as place:
        again = place.enter("bob", "lobby", session=bob.session)
        assert told(again)["why"] == "muted"
        pass_time(place, clock, 600)
        pass_time(place, clock, 400)
        assert told(again) == {"speak": True}


def test_freeze_slow_mode_and_read_only_are_told(place: OrderedHouse, clock: ManualClock) -> None:
    """To whom they bind: not to a speaker, nor to moderators; each end, too."""
    bob, zoe = place.enter("bob", "lobby"), place.enter("zoe", "lobby")
    place.mia.ok("freeze", room="lobby", seconds=60, speakers=["zoe"])
    event = told(bob)
    assert (event["speak"], event["why"]) == (False, "frozen")
    assert "frozen by mia" in event["text"]
    pass_time(place, clock, 60)
    assert told(bob) == {"speak": True}
    nothing_more(zoe)
    place.mia.ok("slow", room="lobby", seconds=30)
    assert told(bob) == {"speak": True, "slow": 30}
    place.mia.ok("slow", room="lobby", seconds=0)
    assert told(bob) == {"speak": True}
    place.mia.ok("set_rules", room="lobby", read_only=True)
    assert told(bob)["why"] == "read_only"
    assert told(place.ada) == {"speak": True, "read_only": True}


def test_everybody_is_told_that_images_are_shown(tmp_path: Path) -> None:
    """Also who comes in after a restart."""
    with ordered_house(tmp_path) as place:
        bob = place.enter("bob", "lobby")
        place.mia.ok("set_rules", room="lobby", images=True)
        assert told(bob) == told(place.mia) == {"speak": True, "images": True}
        sessions = place.ada.session, place.mia.session
    with running_server(tmp_path) as server, OrderedHouse(server, *sessions) as place:
        zoe = place.enter("zoe", "lobby")
        assert told(zoe) == {"speak": True, "images": True}
        place.mia.ok("set_rules", room="lobby", images=False)
        assert told(zoe) == {"speak": True}


def test_whoever_is_appointed_is_free(place: OrderedHouse) -> None:
    """And is bound again when that ends."""
    bob = place.enter("bob", "lobby")
    place.mia.ok("freeze", room="lobby")
    assert told(bob)["why"] == "frozen"
    place.ada.ok("op", who="bob")
    assert told(bob) == {"speak": True}
    place.ada.ok("deop", who="bob")
    assert told(bob)["why"] == "frozen"


# -- roles


def is_told(peer: Peer, nick: str) -> str:
    """The role that the next presence with somebody's role tells."""
    event = peer.take(lambda each: each["type"] == "presence" and nick in each.get("roles", {}))
    role: str = event["roles"][nick]
    return role


def test_who_is_in_charge_is_seen_by_everybody(tmp_path: Path) -> None:
    """At what they say, in `who`, when they come in and when they are appointed."""
    with ordered_house(tmp_path) as place:
        bob = place.enter("bob", "lobby")
        zoe = place.enter("zoe", "lobby")
        assert bob.page("who", room="lobby")["roles"] == {"ada": "owner", "mia": "moderator"}
        place.mia.say("lobby", "hello")
        assert bob.expect("message")["role"] == "moderator"
        zoe.say("lobby", "hello")
        assert "role" not in bob.expect("message", text="hello")
        place.ada.ok("op", who="zoe")
        assert is_told(bob, "zoe") == "moderator"
        place.ada.ok("deop", who="zoe")
        assert is_told(bob, "zoe") == "member"
        place.mia.ok("leave", room="lobby")
        bob.take(lambda each: each["type"] == "presence" and each["left"] == ["mia"])
        place.mia.join("lobby")
        assert is_told(bob, "mia") == "moderator"
        place.mia.ok("nick", nick="maria")
        assert is_told(bob, "maria") == "moderator"
        log = bob.page("history", room="lobby")["messages"]
        assert [each.get("role") for each in log if each["text"] == "hello"] == ["moderator", None]


def test_a_role_that_an_account_brings_is_seen(tmp_path: Path) -> None:
    """With a login, and no more after the logout."""
    with ordered_house(tmp_path) as place:
        bob = place.enter("bob", "lobby")
        place.mia.ok("register", password="correct horse")
        place.mia.ok("bye")
        zoe = place.enter("zoe", "lobby")
        zoe.ok("login", account="mia", password="correct horse")
        assert is_told(bob, "mia") == "moderator"
        zoe.ok("logout", nick="zoe")
        assert bob.page("who", room="lobby")["roles"] == {"ada": "owner"}


def test_a_claimed_role_outlives_everything_with_the_account(tmp_path: Path) -> None:
    """A closed client, a lost session, and a restart."""
    with ordered_house(tmp_path) as place:
        place.ada.ok("register", password="correct horse")
        place.ada.ok("bye")
        again = place.connect().hello("ada", account_password="correct horse")
        assert again["role"] == "owner"
    with running_server(tmp_path) as server, House(server) as house:
        again = house.connect().hello("ada", account_password="correct horse")
        assert again["role"] == "owner"


def test_who_gets_or_loses_the_floor_is_told(place: OrderedHouse) -> None:
    """By `next`, and by giving it back: in a frozen room they may speak, or no longer."""
    bob, zoe = place.enter("bob", "lobby"), place.enter("zoe", "lobby")
    bob.ok("hand", room="lobby", up=True)
    zoe.ok("hand", room="lobby", up=True)
    place.mia.ok("freeze", room="lobby")
    assert (told(bob)["why"], told(zoe)["why"]) == ("frozen", "frozen")
    place.mia.ok("next", room="lobby")
    assert told(bob) == {"speak": True}
    nothing_more(zoe)
    place.mia.ok("next", room="lobby")
    assert (told(bob)["why"], told(zoe)) == ("frozen", {"speak": True})
    zoe.ok("hand", room="lobby", up=False)
    assert told(zoe)["why"] == "frozen"
