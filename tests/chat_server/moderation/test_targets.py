"""Whom a moderator names, and whom they may not act on."""

from pathlib import Path

import pytest

from tests.chat_server.moderation.order_house import (
    OrderedHouse,
    is_refused,
    ordered_house,
)
from tests.support.clock import ManualClock

HERE = "127.0.0.1"


@pytest.mark.parametrize("act", ["kick", "ban", "mute"])
@pytest.mark.parametrize("who", ["ada", "max", "mia"])
def test_nobody_acts_on_a_higher_role_nor_a_moderator_on_another(
    place: OrderedHouse, act: str, who: str
) -> None:
    """They cannot act on themselves, either."""
    maxi = place.enter("max", "lobby")
    place.ada.ok("op", who="max")
    place.mia.refused("forbidden", act, who=who)
    for peer in (place.ada, place.mia, maxi):
        peer.ping()


def test_a_kick_of_an_address_is_of_everybody_there(place: OrderedHouse) -> None:
    """The request is refused if it would meet somebody of a higher role."""
    place.mia.refused("forbidden", "kick", who=HERE)
    place.ada.refused("forbidden", "kick", who=HERE)


def test_a_kick_of_nobody(place: OrderedHouse) -> None:
    """`no_such_nick`, whichever way nobody was named; a nick that cannot be is `bad_nick`."""
    for who in ("nobody", "@nobody", "192.0.2.7", "192.0.2.0/24"):
        place.mia.refused("no_such_nick", "kick", who=who)
    place.mia.refused("bad_nick", "kick", who="a b")
    place.mia.refused("bad_nick", "ban", who="")


@pytest.mark.parametrize("way", ["kick", "bye", "nick"])
def test_who_had_the_nick_a_moment_ago_is_meant(place: OrderedHouse, way: str) -> None:
    """To be gone when the ban comes is no way out, nor is another nick."""
    bob = place.enter("bob", "lobby")
    if way == "kick":
        place.mia.ok("kick", who="bob")
    elif way == "bye":
        bob.ok("bye")
    else:
        bob.ok("nick", nick="rob")
    place.mia.ok("ban", who="bob")
    bob.expect_end({"kick": "kicked", "bye": "bye", "nick": "banned"}[way])
    is_refused(place.connect(), "eva", session=bob.session)


def test_who_had_the_nick_long_ago_is_not(place: OrderedHouse, clock: ManualClock) -> None:
    """Nobody is banned if somebody else has the nick now, or if a moderator had it."""
    bob = place.enter("bob")
    bob.ok("nick", nick="rob")
    eva = place.enter("bob")
    place.mia.ok("ban", who="bob")
    eva.expect_end("banned")
    bob.ping()
    place.mia.ok("unban", who="bob")
    bob.ok("nick", nick="zoe")
    clock.advance(601)
    place.mia.ok("ban", who="rob")
    bob.ping()
    place.ada.ok("nick", nick="queen")
    place.mia.refused("forbidden", "ban", who="ada")


def test_an_account_can_be_banned_by_its_name(place: OrderedHouse) -> None:
    """Whoever is logged in to it goes."""
    bob = place.enter("bob")
    bob.ok("register", password="correct horse")
    place.mia.ok("ban", who="@bob")
    bob.expect_end("banned")
    place.mia.refused("no_such_nick", "ban", who="@nobody")
    place.mia.ok("unban", who="@bob")
    place.enter("bob", account_password="correct horse")


@pytest.mark.parametrize("who", [HERE, "127.0.0.0/8", "0.0.0.0/0", "::ffff:127.0.0.1"])
def test_no_network_is_banned_that_holds_an_owner_or_oneself(place: OrderedHouse, who: str) -> None:
    """By mistake everybody would be gone."""
    for peer in (place.mia, place.ada):
        error = peer.refused("forbidden", "ban", who=who)
        assert "you" in error["text"] or "owner" in error["text"]
        peer.ping()


@pytest.mark.parametrize("who", ["10.1.0.0/33", "10.0.0.256", "::1/129", "1::2::3", " 10.0.0.7"])
@pytest.mark.parametrize("act", ["kick", "ban", "unban", "mute", "unmute"])
def test_a_network_with_a_mistake_in_it_means_nobody(
    place: OrderedHouse, act: str, who: str
) -> None:
    """It is refused as such, and not taken for a nick that nobody can have."""
    assert "network" in place.mia.refused("bad_nick", act, who=who)["text"]
    assert place.mia.page("bans")["bans"] == []


def test_who_comes_from_no_address_has_none_to_be_banned(tmp_path: Path) -> None:
    """A Unix socket's clients can be banned by anything else."""
    with ordered_house(unix=tmp_path / "s") as place:
        unix = str(place.running.addresses[-1])
        bob = place.enter("bob", address=unix)
        place.mia.refused("forbidden", "ban", who="bob", address=True)
        place.mia.refused("no_such_nick", "ban", who="nobody", address=True)
        place.mia.refused("no_such_nick", "ban", who="192.0.2.1", address=True)
        place.mia.ok("ban", who="bob")
        bob.expect_end("banned")


@pytest.mark.parametrize("network", ["::/0", "2000::/3", "128.0.0.0/1", "fc00::/7"])
def test_no_network_may_be_most_of_the_internet(place: OrderedHouse, network: str) -> None:
    """Wherever the owner is connected from: here that is an IPv4 address."""
    for act in ("ban", "mute"):
        error = place.mia.refused("forbidden", act, who=network)
        assert network in error["text"]
        assert "/8" in error["text"]
    assert place.mia.page("bans")["bans"] == []
    place.mia.ok("ban", who="fd00::/8")
    place.mia.ok("unban", who="fd00::/8")
