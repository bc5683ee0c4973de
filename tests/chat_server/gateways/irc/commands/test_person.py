"""NICK, AWAY, SETNAME, QUIT."""

import pytest

from tests.chat_server.house import House
from tests.support.irc_peer import IrcHouse, IrcPeer
from tests.support.servers import address_of, running_server


def test_a_new_nick(house: House, irc: IrcHouse) -> None:
    """The client is told at once, others once."""
    bob = house.enter("bob", "a", "b")
    ana = irc.enter("ana", "#a", "#b")
    eva = irc.enter("eva", "#a", "#b")
    bob.take(lambda frame: "eva" in frame.get("joined", ()))
    ana.send("NICK ida")
    ana.expect("NICK", "ida", source="ana!ana@backchannel")
    eva.expect("NICK", "ida", source="ana!ana@backchannel")
    bob.take(lambda frame: ["ana", "ida"] in frame.get("renamed", ()))
    assert "NICK" not in [heard.command for heard in [*eva.sync(), *ana.sync()]]
    ana.send("PRIVMSG #a :it is me")
    eva.expect("PRIVMSG", "#a", "it is me", source="ida!ida@backchannel")
    assert ana.ask("NICK ida") == []


@pytest.mark.parametrize(
    ("line", "numeric"),
    [
        ("NICK", "431"),
        ("NICK :", "431"),
        ("NICK bob", "433"),
        ("NICK a,b", "432"),
        ("NICK 1", "432"),
        ("NICK 10.0.0.7", "432"),
        ("NICK B0b", "433"),
        ("NICK :a b", "432"),
    ],
)
def test_nicks_that_cannot_be(house: House, irc: IrcHouse, line: str, numeric: str) -> None:
    """The numeric that fits."""
    house.enter("bob")
    (heard,) = irc.enter("ana").ask(line)
    assert (heard.command, heard.params[0]) == (numeric, "ana")


def test_being_away(irc: IrcHouse) -> None:
    """Who writes is told; who asked for it, at once, and once."""
    ana = irc.enter("ana", "#a", "#b")
    eva = irc.enter("eva", "#a", "#b", capabilities=("away-notify",))
    ida = irc.enter("ida", "#a")
    eva.expect("JOIN", "#a", source="ida!ida@backchannel")
    ana.send("AWAY :lunch")
    ana.expect("306", "ana")
    eva.expect("AWAY", "lunch", source="ana!ana@backchannel")
    assert "301" in eva.commands("PRIVMSG ana :hi")
    assert "301" not in eva.commands("NOTICE ana :hi", "PRIVMSG #a :hi")
    ana.send("AWAY")
    ana.expect("305", "ana")
    assert eva.expect("AWAY").params == ()
    assert "AWAY" not in [heard.command for heard in [*ida.sync(), *eva.sync()]]


def test_a_real_name(irc: IrcHouse) -> None:
    """SETNAME is told to who asked for it, and shown by WHOIS."""
    ana = irc.enter("ana", "#a", capabilities=("setname", "standard-replies"))
    eva = irc.enter("eva", "#a", capabilities=("setname",))
    ana.expect("JOIN", "#a", source="eva!eva@backchannel")
    assert ana.ask("SETNAME :Ana of Kraków")[0].text == "Ana of Kraków"
    eva.expect("SETNAME", "Ana of Kraków", source="ana!ana@backchannel")
    assert eva.ask("WHOIS ana")[0].text == "Ana of Kraków"
    assert ana.commands("SETNAME", "SETNAME :") == ["461", "461"]
    (heard,) = ana.ask(f"SETNAME :{'x' * 129}")
    assert heard.params[:2] == ("SETNAME", "INVALID_REALNAME")


def test_leaving(house: House, irc: IrcHouse) -> None:
    """ERROR, the end, and the nick is free."""
    ana = irc.enter("ana", "#a")
    ana.send("PRIVMSG #a :last words", "QUIT :bye")
    assert ana.read_to_end()[-1].command == "ERROR"
    bob = house.enter("ana")
    bob.join("a", history=1)
    assert bob.messages(1)[0]["text"] == "last words"


def test_the_end_of_the_server_is_told() -> None:
    """By an ERROR."""
    with running_server() as server:
        ana = IrcPeer.connect(address_of(server))
        ana.register("ana")
    with ana:
        assert ana.read_to_end()[-1].command == "ERROR"


def test_who_comes_and_is_away(irc: IrcHouse) -> None:
    """A client with away-notify is told with the JOIN (IRCv3 away-notify)."""
    ana, bob = irc.enter("ana", "#a", capabilities=("away-notify",)), irc.enter("bob", "#a")
    eva = irc.enter("eva")
    eva.send("AWAY :lunch", "JOIN #a")
    ana.expect("AWAY", "lunch", source="eva!eva@backchannel")
    bob.expect("JOIN", "#a", source="eva!eva@backchannel")
    assert not [heard for heard in bob.sync() if heard.command == "AWAY"]
