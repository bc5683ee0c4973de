"""WHO, WHOIS, WHOWAS, ISON, USERHOST."""

import pytest

from tests.chat_server.house import House
from tests.chat_server.moderation.order_house import OrderedHouse
from tests.support.irc_peer import IrcHouse


def test_who_is_in_a_room(place: OrderedHouse, ordered_irc: IrcHouse) -> None:
    """Everybody with flags, if one is in it."""
    eva = ordered_irc.enter("eva", "#lobby")
    eva.ask("AWAY :lunch")
    ana = ordered_irc.enter("ana", "#lobby")
    found = ana.ask("WHO #lobby")
    assert [heard.command for heard in found] == ["352"] * 4 + ["315"]
    lines = {heard.params[5]: heard.params for heard in found[:-1]}
    assert lines["ada"] == (
        "ana",
        "#lobby",
        "ada",
        "backchannel",
        "backchannel",
        "ada",
        "H*@",
        "0 ada",
    )
    assert lines["eva"][6:] == ("G", "0 eva of the test")
    assert lines["ana"][6] == "H"
    assert [heard.command for heard in ana.ask("WHO ada", "WHO nobody", "WHO #none")] == [
        "352",
        "315",
        "315",
        "315",
    ]
    place.ada.ok("leave", room="lobby")


def test_whois(place: OrderedHouse, ordered_irc: IrcHouse) -> None:
    """Rooms that both are in, account, rank, whether they are away, how long they are idle."""
    place.mia.ok("register", password="long secret")
    place.mia.join("elsewhere")
    ana = ordered_irc.enter("ana", "#lobby")
    found = {heard.command: heard.params[1:] for heard in ana.ask("WHOIS mia")}
    assert set(found) == {"311", "312", "313", "319", "330", "318"}
    assert found["311"] == ("mia", "mia", "backchannel", "*", "mia")
    assert found["319"] == ("mia", "@#lobby")
    assert found["330"][:2] == ("mia", "mia")
    ana.ask("AWAY :out", "SETNAME :x")
    found = {heard.command: heard.params[1:] for heard in ana.ask("WHOIS backchannel ana")}
    assert set(found) == {"301", "311", "312", "317", "318", "319"}
    assert found["301"] == ("ana", "out")
    assert found["317"][0] == "ana"
    assert int(found["317"][1]) >= 0


@pytest.mark.parametrize(
    ("line", "numerics"),
    [
        ("WHOIS", ["431"]),
        ("WHOIS nobody", ["401", "318"]),
        ("WHOIS a,b", ["401", "318"]),
        ("WHOWAS", ["431"]),
        ("WHOWAS ana", ["406", "369"]),
        ("ISON", ["461"]),
        ("USERHOST", ["461"]),
    ],
)
def test_mistakes(irc: IrcHouse, line: str, numerics: list[str]) -> None:
    """The numeric that fits."""
    assert irc.enter("ana").commands(line) == numerics


def test_ison_and_userhost(house: House, irc: IrcHouse) -> None:
    """Who of some is here."""
    house.enter("bob")
    eva, ana = irc.enter("eva"), irc.enter("ana")
    eva.ask("AWAY :x")
    assert ana.ask("ISON bob nobody :eva ANA")[0].text == "bob eva ana"
    assert ana.ask("USERHOST bob eva nobody")[0].text == (
        "bob=+bob@backchannel eva=-eva@backchannel"
    )


def test_nicks_that_irc_cannot_write(house: House, irc: IrcHouse) -> None:
    """Are shown otherwise, everywhere alike, and stay themselves here."""
    odd = house.enter("a,b", "a")
    house.enter("a_b", "a")
    ana = irc.enter("ana", "#a", capabilities=("echo-message",))
    (names,) = [heard.text for heard in ana.ask("NAMES #a") if heard.command == "353"]
    assert sorted(names.split()) == ["a_b", "a_b2", "ana"]
    odd.say("a", "hello")
    assert ana.expect("PRIVMSG", "#a", "hello").source == "a_b2!a_b2@backchannel"
    ana.send("PRIVMSG a_b2 :psst")
    assert odd.expect("direct")["to"] == "a,b"
    ana.expect("PRIVMSG", "a_b2", "psst")
    assert ana.ask("WHOIS a_b2")[0].params[1] == "a_b2"
    odd.take(lambda frame: "ana" in frame.get("joined", ()))
    odd.ok("nick", nick="1st")
    ana.expect("NICK", "_st", source="a_b2!a_b2@backchannel")
    odd.ok("bye")
    ana.expect("QUIT", source="_st!_st@backchannel")


@pytest.mark.parametrize("mask", ["", " *", " 0"])
def test_who_is_there_at_all(house: House, irc: IrcHouse, mask: str) -> None:
    """Those in one's rooms, each once."""
    for nick, room in (("bob", "a"), ("carl", "b"), ("dora", "elsewhere")):
        house.enter(nick, room)
    house.enter("eva", "a", "b")
    ana = irc.enter("ana", "#a", "#b")
    found = ana.ask(f"WHO{mask}")
    assert sorted(heard.params[5] for heard in found[:-1]) == ["ana", "bob", "carl", "eva"]
    assert (found[-1].command, found[-1].params[1]) == ("315", mask.strip() or "*")
