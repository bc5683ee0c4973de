"""Direct messages for who is away, from IRC and to it."""

from tests.chat_server.house import House
from tests.chat_server.requests.talk.test_direct import PASSWORD, registered, returned
from tests.support.irc_peer import IrcHouse, IrcPeer


def logged_in(irc: IrcHouse, nick: str, *capabilities: str) -> IrcPeer:
    """Come in with the password of an account."""
    peer = irc.connect()
    peer.send(f"PASS :{nick}:{PASSWORD}")
    found = peer.register(nick, *capabilities)
    peer.queue.extend(found)
    return peer


def test_who_is_told_something_while_away_is_said_to_be(house: House, irc: IrcHouse) -> None:
    """301, as for whoever said AWAY; a NOTICE is never answered."""
    registered(house, "eva")
    ana = irc.enter("ana")
    (answer,) = ana.ask("PRIVMSG eva :psst")
    assert (answer.command, answer.params[1]) == ("301", "eva")
    assert "waits" in answer.text
    assert ana.ask("NOTICE eva :mind") == []
    (answer,) = ana.ask("PRIVMSG nobody :psst")
    assert answer.command == "401"
    eva = returned(house, "eva")
    assert [eva.expect("direct")["text"] for _ in range(2)] == ["psst", "mind"]


def test_what_waited_comes_once_with_its_time(house: House, irc: IrcHouse) -> None:
    """As a tag, or at the beginning of the text; the answer to the PING confirms it."""
    registered(house, "eva")
    bob = house.enter("bob")
    bob.ok("tell", to="eva", text="psst")
    eva = logged_in(irc, "eva", "server-time")
    heard = eva.expect("PRIVMSG", "eva", "psst", source="bob!bob@backchannel")
    assert "time" in heard.tags
    eva.sync()
    eva.send("QUIT")
    eva.read_to_end()
    bob.ok("tell", to="eva", text="again")
    plain = logged_in(irc, "eva")
    text = plain.expect("PRIVMSG", "eva").text
    assert text.startswith("[sent 2")
    assert text.endswith(" UTC] again")


def test_a_made_up_pong_is_a_sign_of_life(irc: IrcHouse) -> None:
    """Whatever number it has, or none."""
    ana = irc.enter("ana")
    lines = ["PONG", "PONG :", "PONG :backchannel-", "PONG :backchannel--1", "PONG :backchannel-0"]
    lines += [f"PONG :backchannel-{'9' * digits}" for digits in (3, 15, 16, 400)]
    assert ana.ask(*lines) == []
