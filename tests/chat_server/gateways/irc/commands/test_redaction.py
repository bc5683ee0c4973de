"""REPLY, EDIT and DELETE, which one types by `/quote`, and REDACT."""

import pytest

from tests.chat_server.gateways.irc.commands.test_turns import moderator
from tests.chat_server.house import House
from tests.chat_server.moderation.order_house import OrderedHouse
from tests.support.irc_peer import IrcHouse

REDACTS = ("message-tags", "draft/message-redaction", "standard-replies")
FOX = chr(0x1F98A)


def test_an_author_answers_edits_and_takes_back(house: House, irc: IrcHouse) -> None:
    """The last thing that was said, without any number; the author is told as all are."""
    bob = house.enter("bob", "a")
    ana = irc.enter("ana", "#a")
    first = bob.say("a", "is recv blocking?")
    ana.expect("PRIVMSG", "#a", "is recv blocking?")
    ana.send("REPLY #a bob :yes, always")
    reply = bob.take(lambda frame: frame.get("text") == "yes, always")
    assert reply["reply_to"] == first
    ana.send("EDIT #a :yes, unless you say otherwise")
    edited = bob.take(lambda frame: frame.get("kind") == "edit")
    assert (edited["changes"], edited["text"]) == (reply["seq"], "yes, unless you say otherwise")
    ana.expect("NOTICE", "#a", f"(edited message {reply['seq']}) yes, unless you say otherwise")
    ana.send("EDIT #a and without a colon")
    assert bob.take(lambda frame: frame.get("kind") == "edit")["text"] == "and without a colon"
    ana.send(f"EDIT #a {reply['seq']} :by \x02number\x02")
    assert bob.take(lambda frame: frame.get("kind") == "edit")["text"] == "by number"
    ana.send("DELETE #a")
    deleted = bob.take(lambda frame: frame.get("kind") == "delete")
    assert deleted["changes"] == reply["seq"]
    ana.take(lambda heard: heard.text == f"(deleted message {reply['seq']})")
    ana.send("DELETE #a")
    ana.take(lambda heard: heard.text == "DELETE: nothing of you is among the last 100 messages")


def test_a_moderator_takes_back_what_somebody_said(
    place: OrderedHouse, ordered_irc: IrcHouse
) -> None:
    """By the nick, with a reason; nobody else may."""
    olga, eva = moderator(place, ordered_irc), ordered_irc.enter("eva", "#lobby")
    ana = ordered_irc.enter("ana", "#lobby")
    eva.send("PRIVMSG #lobby :something unkind")
    olga.expect("PRIVMSG", "#lobby", "something unkind")
    ana.send("DELETE #lobby eva")
    refused = ana.take(lambda heard: "only its author" in heard.text)
    assert refused.command == "NOTICE"
    olga.send("DELETE #lobby EVA :be kind")
    told = ana.take(lambda heard: "be kind" in heard.text)
    assert told.text.startswith("(deleted message")
    olga.send("EDIT #lobby :nothing of mine")
    olga.take(lambda heard: "nothing of you" in heard.text)


def test_whoever_may_not_talk_changes_nothing(place: OrderedHouse, ordered_irc: IrcHouse) -> None:
    """Nor answers: each is read by all."""
    ana = ordered_irc.enter("ana", "#lobby")
    ana.send("PRIVMSG #lobby :hi")
    place.ada.take(lambda frame: frame.get("text") == "hi")
    place.ada.ok("mute", who="ana")
    ana.send("EDIT #lobby :worse", "REPLY #lobby ana :worse", "DELETE #lobby")
    for _ in range(3):
        assert "muted" in ana.expect("482").text
    place.ada.ping()
    assert not [frame for frame in place.ada.queue if "worse" in str(frame)]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("DELETE", "461"),
        ("EDIT", "461"),
        ("REPLY #a", "461"),
        ("REPLY #a bob", "461"),
        ("REPLY #a 1 : ", "412"),
        ("EDIT #a", "412"),
        ("EDIT #nowhere :x", "403"),
        ("DELETE a", "403"),
        ("REDACT #a", "461"),
    ],
)
def test_what_is_incomplete_is_refused(house: House, irc: IrcHouse, line: str, code: str) -> None:
    """By the numeric that clients know."""
    bob = house.enter("bob", "a")
    ana = irc.enter("ana", "#a")
    ana.send("PRIVMSG #a :hello")
    bob.take(lambda frame: frame.get("text") == "hello")
    ana.send(line)
    ana.expect(code)


def test_redact_takes_back_and_is_shown_as_such(house: House, irc: IrcHouse) -> None:
    """To who knows it, the author too; to others a notice; in the history the latest state."""
    ana, eva = irc.enter("ana", "#a", capabilities=REDACTS), irc.enter("eva", "#a")
    ida = irc.enter("ida", "#a", capabilities=REDACTS)
    bob = house.enter("bob", "a")
    ana.send("PRIVMSG #a :a secret")
    seq = bob.take(lambda frame: frame.get("text") == "a secret")["seq"]
    ana.send(f"REDACT #a a/{seq} :typed in the wrong window")
    for peer in (ana, ida):
        redacted = peer.expect("REDACT", "#a", f"a/{seq}", "typed in the wrong window")
        assert redacted.source == "ana!ana@backchannel"
    eva.expect("NOTICE", "#a", f"(deleted message {seq}: typed in the wrong window)")
    other = bob.say("a", "mine")
    bob.ok("delete", room="a", seq=other)
    assert ana.expect("REDACT", "#a", f"a/{other}").params == ("#a", f"a/{other}")
    late = irc.enter("late", capabilities=(*REDACTS, "server-time"))
    late.send("JOIN #a")
    late.expect("PRIVMSG", "#a", "(deleted)")
    late.expect("NOTICE", "#a", f"(deleted message {seq}: typed in the wrong window)")
    assert not [heard for heard in late.sync() if "secret" in str(heard) or "REDACT" in str(heard)]


def test_why_redact_was_refused(house: House, irc: IrcHouse) -> None:
    """By the codes of its specification, with what was named."""
    bob = house.enter("bob", "a")
    ana = irc.enter("ana", "#a", capabilities=REDACTS)
    seq = bob.say("a", "mine")
    ana.send(f"REDACT #a a/{seq}")
    assert ana.expect("FAIL", "REDACT", "REDACT_FORBIDDEN", "#a", f"a/{seq}").text
    for msgid in ("a/999", "other/1", "1", "a/0"):
        ana.send(f"REDACT #a {msgid}")
        assert ana.expect("FAIL", "REDACT", "UNKNOWN_MSGID", "#a", msgid).text
    for target in ("#b", "bob"):
        ana.send(f"REDACT {target} a/{seq}")
        assert ana.expect("FAIL", "REDACT", "INVALID_TARGET", target).text
    ana.send("PRIVMSG #a :again")
    again = bob.take(lambda frame: frame.get("text") == "again")["seq"]
    ana.send(f"REDACT #a a/{again} :{FOX * 90}", f"REDACT #a a/{again}")
    assert set(ana.expect("REDACT", "#a", f"a/{again}").text) == {FOX}
    ana.expect("FAIL", "REDACT", "REDACT_FORBIDDEN")
