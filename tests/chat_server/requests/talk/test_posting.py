"""What is posted: texts, topics and actions to rooms, texts to one person, texts of bots."""

from pathlib import Path
from typing import Any

import pytest

from chat_server.requests.talk import posting
from protocol.messages import Say, names_bot
from tests.chat_server.house import House, texts
from tests.chat_server.moderation.order_house import OrderedHouse, ordered_house
from tests.support.clock import ManualClock
from tests.support.peer import Frame, Peer, encode
from tests.support.servers import address_of, running_server


def test_a_direct_message_reaches_that_person_alone() -> None:
    """`direct` with time, from, to and text; nobody else gets it, and it is not stored."""
    clock = ManualClock(1_800_000_123.5)
    with running_server(clock=clock) as server, House(address_of(server)) as house:
        ada, eva = house.enter("ada", "lobby"), house.enter("eva", "lobby")
        zoe = house.enter("zoe", "lobby")
        ada.ok("tell", to="eva", text="psst")
        direct = eva.expect("direct")
        assert direct == {
            "type": "direct",
            "time": 1_800_000_123.5,
            "from": "ada",
            "to": "eva",
            "text": "psst",
        }
        ada.say("lobby", "done")
        zoe.messages(1)
        assert not [frame for frame in zoe.queue if frame["type"] == "direct"]
        assert len(zoe.page("history", room="lobby")["messages"]) == 1


@pytest.mark.parametrize("name", ["EVA", "\uff45va", " eva "])
def test_the_nick_is_compared_as_nicks_are(house: House, name: str) -> None:
    """Case, width and spaces around it make no difference."""
    ada, eva = house.enter("ada"), house.enter("eva")
    ada.ok("tell", to=name, text="psst")
    direct = eva.expect("direct")
    assert (direct["to"], direct["text"]) == ("eva", "psst")


def test_nobody_of_that_name(house: House) -> None:
    """`no_such_nick`, whether they were never there or have gone."""
    ada, eva = house.enter("ada"), house.enter("eva")
    ada.refused("no_such_nick", "tell", to="zoe", text="hi")
    eva.ok("bye")
    eva.expect_end("bye")
    ada.refused("no_such_nick", "tell", to="eva", text="hi")


def test_one_can_tell_oneself(house: House) -> None:
    """The server does not ask why."""
    ada = house.enter("ada")
    ada.ok("tell", to="ada", text="buy milk")
    assert ada.expect("direct")["text"] == "buy milk"


@pytest.mark.parametrize(
    ("text", "code"),
    [("", "bad_text"), (" \n", "bad_text"), ("\x07", "bad_text"), ("x" * 4001, "text_too_long")],
)
def test_a_direct_message_is_a_text(house: House, text: str, code: str) -> None:
    """The same rules as in a room."""
    ada = house.enter("ada")
    ada.refused(code, "tell", to="ada", text=text)


def test_a_direct_message_is_composed(house: House) -> None:
    """NFC."""
    ada = house.enter("ada")
    ada.ok("tell", to="ada", text="e\u0301")
    assert ada.expect("direct")["text"] == "é"


def test_direct_messages_stay_in_order(house: House) -> None:
    """What one person says to another arrives in the order in which it was said."""
    ada, eva = house.enter("ada"), house.enter("eva")
    sent = [f"psst {number}" for number in range(50)]
    ids = [ada.post("tell", to="eva", text=text) for text in sent]
    assert [ada.reply(identity)["type"] for identity in ids] == ["ok"] * 50
    assert [eva.expect("direct")["text"] for _ in sent] == sent


def test_slow_mode_is_no_flooding(place: OrderedHouse) -> None:
    """However often somebody tries, they stay."""
    with ordered_house(requests_per_second=1000.0, requests_burst=50) as place:
        bob = place.enter("bob", "lobby")
        place.mia.ok("slow", room="lobby", seconds=3600)
        bob.say("lobby", "one")
        for _ in range(30):
            bob.refused("rate_limited", "say", room="lobby", text="two")
        bob.ping()


def test_a_say_sent_again_is_not_too_fast(place: OrderedHouse) -> None:
    """It is the same one, and gets the same ok."""
    bob = place.enter("bob", "lobby")
    place.mia.ok("slow", room="lobby", seconds=30)
    say = {"type": "say", "id": 50, "room": "lobby", "text": "once"}
    for _ in range(3):
        bob.send(say)
    replies = [bob.reply(50) for _ in range(3)]
    assert [reply["seq"] for reply in replies] == [2, 2, 2]


def say(identity: int, text: str, room: str = "lobby", **members: Any) -> Frame:
    return {"type": "say", "id": identity, "room": room, "text": text, **members}


def send_together(peer: Peer, *frames: Frame) -> list[Frame]:
    """Send requests in one piece, and return their replies."""
    peer.send_raw(b"".join(map(encode, frames)))
    return [peer.reply(frame["id"]) for frame in frames]


def test_texts_that_come_together_are_stored_in_order(house: House) -> None:
    """Each has its own reply, and others read them as they were sent."""
    ada, eva = house.enter("ada", "lobby"), house.enter("eva", "lobby")
    replies = send_together(ada, *(say(n, f"number {n}") for n in range(10, 60)))
    assert [reply["seq"] for reply in replies] == list(range(1, 51))
    replies = send_together(ada, *(say(n, f"number {n}") for n in range(60, 70)))
    assert [reply["seq"] for reply in replies] == list(range(51, 61))
    assert texts(eva.messages(60)) == [f"number {n}" for n in range(10, 70)]


def test_texts_that_are_slow_to_normalise_give_way_to_others(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if each took a whole stretch: the first is posted alone, and the queue is entered anew for
    each of the others, which all are stored, in their order.
    """
    monkeypatch.setattr(posting, "STRETCH", 0.0)
    ada = house.enter("ada", "lobby")
    assert house.server is not None
    (connection,) = house.server._crowd.connections()
    caller = connection._caller
    assert caller is not None
    says = [Say(id=1000 + n, room="lobby", text=f"{n}") for n in range(3)]
    assert caller.keep_session()
    assert len(posting._plain_drafts(caller, caller.outbox.members()[0].room, 1, says)) == 1
    ids = [ada.next_id() for _ in range(20)]
    frames = [{"type": "say", "id": each, "room": "lobby", "text": f"{each}"} for each in ids]
    ada.send_raw(b"".join(map(encode, frames)))
    assert texts(ada.messages(20)) == [f"{each}" for each in ids]


def test_of_texts_that_come_together_each_is_looked_at(house: House) -> None:
    """One that breaks a rule is refused by itself; one with marks keeps them; none is overtaken."""
    ada = house.enter("ada", "lobby", "tea")
    send_together(ada, say(10, "first"))
    replies = send_together(
        ada,
        say(11, "one"),
        say(12, "\x07"),
        say(13, "e\u0301", reply_to=1),
        say(14, "print()", kind="code", language="python"),
        say(15, "elsewhere", "tea"),
        say(16, "nowhere", "garden"),
        {"type": "ping", "id": 17},
        say(18, "a wave", kind="action"),
        say(19, "x" * 4001),
        say(20, "last"),
    )
    assert [reply.get("code", reply.get("seq")) for reply in replies] == [
        *(2, "bad_text", 3, 4),
        *(1, "not_in_room", None),
        *(5, "text_too_long", 6),
    ]
    said = ada.page("history", room="lobby")["messages"]
    assert texts(said) == ["first", "one", "\u00e9", "print()", "a wave", "last"]
    assert [message.get("kind") for message in said[3:]] == ["code", "action", "text"]
    assert (said[2]["reply_to"], said[3]["language"]) == (1, "python")


def test_a_text_that_is_sent_again_among_others_is_stored_once(house: House) -> None:
    """In the same piece, and in a later one."""
    ada = house.enter("ada", "lobby")
    ada.send_raw(b"".join(map(encode, [say(10, "one"), say(11, "two"), say(10, "one")])))
    assert [ada.reply(number)["seq"] for number in (10, 11, 10)] == [1, 2, 1]
    replies = send_together(ada, say(11, "two"), say(12, "three"), say(9, "an earlier number"))
    assert [reply["seq"] for reply in replies] == [2, 3, 4]
    assert texts(ada.page("history", room="lobby")["messages"]) == [
        *("one", "two", "three", "an earlier number")
    ]


def test_texts_that_come_together_are_bound_by_the_room(place: OrderedHouse) -> None:
    """By slow mode the first is said, and the others are refused; by a mute, none is said."""
    bob = place.enter("bob", "lobby")
    send_together(bob, say(10, "before"))
    place.mia.ok("slow", room="lobby", seconds=30)
    replies = send_together(bob, say(11, "one"), say(12, "two"), say(13, "three"))
    assert [reply.get("code") for reply in replies] == [None, "rate_limited", "rate_limited"]
    place.mia.ok("slow", room="lobby", seconds=0)
    place.mia.ok("mute", who="bob")
    replies = send_together(bob, say(14, "four"), say(15, "five"))
    assert [reply["code"] for reply in replies] == ["muted", "muted"]


def test_a_topic_is_an_entry_of_the_log(house: House) -> None:
    """`ok` with seq, a message of kind topic for all, and what later joins are told."""
    ada, eva = house.enter("ada", "lobby"), house.enter("eva", "lobby")
    assert ada.ok("topic", room="lobby", topic="Tea at five")["seq"] == 1
    for member in (ada, eva):
        (message,) = member.messages(1)
        assert message["kind"] == "topic"
        assert (message["seq"], message["from"], message["text"]) == (1, "ada", "Tea at five")
    assert house.enter("zoe").join("lobby")["topic"] == "Tea at five"


def test_the_last_topic_counts(house: House) -> None:
    """It replaces the one before, and both stay in the log."""
    ada = house.enter("ada", "lobby")
    ada.ok("topic", room="lobby", topic="one")
    ada.ok("topic", room="lobby", topic="two")
    assert house.enter("eva").join("lobby")["topic"] == "two"
    assert texts(ada.page("history", room="lobby")["messages"]) == ["one", "two"]


def test_a_topic_is_a_text(house: House) -> None:
    """The same rules: composed, not too long, no control characters."""
    ada = house.enter("ada", "lobby")
    ada.ok("topic", room="lobby", topic="e\u0301")
    assert house.enter("eva").join("lobby")["topic"] == "é"
    ada.refused("bad_text", "topic", room="lobby", topic="\x1b]0;owned\x07")
    ada.refused("text_too_long", "topic", room="lobby", topic="x" * 4001)


@pytest.mark.parametrize("client", ["bot", "bot/1", "bot chat-client/1", "Bot-of-ana 2"])
def test_a_bot_says_so_first(client: str) -> None:
    """`client` begins with the word."""
    assert names_bot(client)


@pytest.mark.parametrize("client", [None, "", "chat/1", "bottle/1", "bot2", "a bot", "robot"])
def test_anything_else_is_no_bot(client: str | None) -> None:
    """A longer word does not count, nor does "bot" further on."""
    assert not names_bot(client)


def test_what_a_bot_says_is_marked(tmp_path: Path) -> None:
    """Live, in pages, after catching up, and after a restart; what a person says is not."""
    with running_server(tmp_path) as server, House(server) as house:
        ada = house.enter("ada", "lobby")
        echo = house.enter("echo", "lobby", client="bot echo/1")
        ada.say("lobby", "hi")
        echo.say("lobby", "hi yourself")
        echo.say("lobby", "waves", kind="action")
        echo.ok("topic", room="lobby", topic="echoes")
        live = ada.messages(4)
    assert [message.get("bot") for message in live] == [None, True, True, True]
    assert [message["kind"] for message in live] == ["text", "text", "action", "topic"]
    with running_server(tmp_path) as server, House(server) as house:
        eva = house.enter("eva")
        assert eva.join("lobby", after=0)["topic"] == "echoes"
        assert eva.messages(4) == live
        assert eva.page("history", room="lobby")["messages"] == live
        found = eva.page("search", room="lobby", query="hi")["messages"]
        assert found == live[:2]


def test_a_direct_message_of_a_bot_is_marked(house: House) -> None:
    """Two bots that answer what they are told would never stop, either."""
    ada, echo = house.enter("ada"), house.enter("echo", client="bot")
    echo.ok("tell", to="ada", text="hi")
    assert ada.expect("direct")["bot"] is True
    ada.ok("tell", to="echo", text="hi")
    assert "bot" not in echo.expect("direct")


def test_a_notice_of_a_bot_is_marked(place: OrderedHouse) -> None:
    """A bot may be a moderator."""
    eva = place.enter("eva", "lobby")
    guard = place.enter("guard", client="bot guard/1")
    place.ada.ok("op", who="guard")
    guard.ok("announce", text="read this", room="lobby")
    place.mia.ok("announce", text="and this", room="lobby")
    assert [message.get("bot") for message in eva.messages(2)] == [True, None]
