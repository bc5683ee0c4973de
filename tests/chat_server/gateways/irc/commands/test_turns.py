"""HAND, HANDS, NEXT, POLL and VOTE, which one types by `/quote`."""

import pytest

from tests.chat_server.moderation.order_house import OrderedHouse
from tests.support.irc_peer import IrcHouse, IrcPeer


def moderator(place: OrderedHouse, ordered_irc: IrcHouse) -> IrcPeer:
    """Somebody on IRC, in the lobby, who keeps order."""
    peer = ordered_irc.enter("olga", "#lobby")
    place.ada.ok("op", who="olga")
    peer.expect("MODE", "#lobby", "+o", "olga")
    return peer


def told(peer: IrcPeer, part: str) -> str:
    """The next line about the room with these words."""
    heard = peer.take(lambda heard: part in heard.text)
    assert heard.params[0] in ("#lobby", "olga"), heard
    return heard.text


def test_a_question_gets_the_floor(place: OrderedHouse, ordered_irc: IrcHouse) -> None:
    """From IRC to IRC; all others read it, too."""
    olga, ana = moderator(place, ordered_irc), ordered_irc.enter("ana", "#lobby")
    bob = place.enter("bob", "lobby")
    place.ada.ok("freeze", room="lobby")
    ana.send("HAND #lobby :Is recv blocking?")
    assert "number 1 in the queue" in told(ana, "your hand is up")
    assert told(olga, "raised their hand and asks") == (
        "ana raised their hand and asks: Is recv blocking?; hands up: 1"
    )
    bob.ok("hand", room="lobby", up=True)
    olga.send("HANDS #lobby")
    assert told(olga, "1. ") == "1. ana: Is recv blocking?"
    assert told(olga, "2. ") == "2. bob"
    assert told(olga, "in the queue") == "in the queue: 2"
    olga.send("NEXT #lobby")
    for peer in (olga, ana):
        assert told(peer, "has the floor") == "ana has the floor: Is recv blocking?"
    assert bob.expect("floor")["nick"] == "ana"
    told(ana, "your hand is down")
    ana.send("PRIVMSG #lobby :I think it is", "HAND #lobby :down")
    told(olga, "I think it is")
    told(ana, "your hand is down")
    assert "nick" not in bob.expect("floor")
    olga.send("NEXT #lobby", "NEXT #lobby")
    told(olga, "bob has the floor")
    told(olga, "nobody has the floor any more")
    olga.send("NEXT #lobby")
    told(olga, "no hand is up")


def test_a_poll(place: OrderedHouse, ordered_irc: IrcHouse) -> None:
    """Its question and its result are messages of the room."""
    olga, ana = moderator(place, ordered_irc), ordered_irc.enter("ana", "#lobby")
    olga.send("POLL #lobby :--named Is recv blocking? yes | no")
    assert "1. yes  2. no" in told(ana, "poll: Is recv blocking?")
    ana.send("VOTE #lobby 2")
    told(ana, "you have voted")
    olga.send("POLL #lobby :end")
    assert told(ana, "result of the poll").endswith("yes 0, no 1")
    assert place.ada.take(lambda frame: "counts" in frame.get("poll", {}))["poll"]["voters"] == [
        [],
        ["ana"],
    ]


@pytest.mark.parametrize(
    ("line", "numeric"),
    [
        ("HAND", "461"),
        ("HAND #nowhere", "403"),
        ("HANDS #lobby", "482"),
        ("NEXT #lobby", "482"),
        ("POLL #lobby :Is it?", "461"),
        ("POLL #lobby :Is it? yes | no", "482"),
        ("VOTE #lobby", "461"),
        ("VOTE #lobby 11", "461"),
        ("VOTE #lobby 1", "482"),
        ("POLL #lobby :end", "482"),
    ],
)
def test_what_is_refused(ordered_irc: IrcHouse, line: str, numeric: str) -> None:
    assert ordered_irc.enter("ana", "#lobby").commands(line) == [numeric]


def test_rooms_that_one_is_not_in(place: OrderedHouse, ordered_irc: IrcHouse) -> None:
    """They are none of one's business."""
    place.ada.join("garden")
    assert ordered_irc.enter("ana", "#lobby").commands("HAND #garden") == ["442"]
