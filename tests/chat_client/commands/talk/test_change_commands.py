"""Commands for messages that were said: what they name, and what everybody sees."""

from tests.chat_client.programs import Terminal
from tests.support.peer import Peer


def test_a_reply_is_shown_with_what_it_answers(ana: Terminal, bob: Peer) -> None:
    """By the nick of who said it last, or by the number that /numbers shows."""
    seq = bob.say("lobby", "Is recv blocking?")
    ana.see("Is recv blocking?")
    ana.enter("/reply bob yes, until data comes")
    ana.see(f"re {seq} bob: Is recv blocking?")
    reply = bob.take(lambda frame: frame.get("text") == "yes, until data comes")
    assert reply["reply_to"] == seq
    bob.say("lobby", "thanks")
    ana.enter(f"/reply #lobby/{seq} and send, too")
    assert bob.take(lambda frame: frame.get("text") == "and send, too")["reply_to"] == seq


def test_numbers_are_shown(ana: Terminal, bob: Peer) -> None:
    """From /numbers on; and by /history, always."""
    seq = bob.say("lobby", "first")
    ana.see("first")
    ana.enter("/numbers on")
    ana.see("is shown with its number")
    second = bob.say("lobby", "second")
    ana.see(f"{second} bob  second")
    ana.enter("/numbers off")
    ana.see("have no numbers now")
    ana.enter("/history 2")
    ana.see(f"{seq} bob  first")


def test_what_one_said_last_is_edited_and_deleted(ana: Terminal, bob: Peer) -> None:
    """Without a number. Others see that it was, and what it says now."""
    ana.enter("tee")
    said = bob.take(lambda frame: frame.get("text") == "tee")["seq"]
    ana.see("ana> tee")
    ana.enter("/edit tea")
    assert bob.take(lambda frame: frame.get("kind") == "edit")["changes"] == said
    ana.see(f"-- ana edited message {said}: tea")
    ana.enter("/history 2")
    ana.see("tea (edited)")
    ana.enter("/delete")
    assert bob.take(lambda frame: frame.get("kind") == "delete")["changes"] == said
    ana.see(f"-- ana deleted message {said}")
    ana.enter("/delete")
    ana.see("no message of yours")


def test_a_moderator_deletes_what_a_nick_said(ana: Terminal, bob: Peer) -> None:
    """With a reason; a member is refused."""
    seq = bob.say("lobby", "you are all stupid")
    ana.see("stupid")
    ana.enter("/delete bob be kind")
    ana.see("only its author or a moderator may delete it")
    bob.ok("delete", room="lobby", seq=seq)
    ana.see(f"-- bob deleted message {seq}")


def test_an_answer_to_one_person_never_goes_to_the_room(ana: Terminal, bob: Peer) -> None:
    """/reply was that once. With a nick that is not clear, so the client says what to type."""
    seq = bob.say("lobby", "hello all")
    ana.see("bob joined")  # so that the client knows who bob is
    bob.ok("tell", to="ana", text="psst")
    ana.see("psst")
    ana.enter("/reply bob is silly")
    ana.see("To answer bob")
    ana.see(f"/reply {seq} TEXT")
    ana.enter("\x15 /reply it stays here")
    ana.see("/reply SEQ TEXT")
    ana.enter("\x15/r only for you")
    assert bob.expect("direct")["text"] == "only for you"
    assert not [frame for frame in bob.queue if "silly" in str(frame) or "stays" in str(frame)]


def test_what_is_missing_is_said(ana: Terminal, bob: Peer) -> None:
    """In a sentence each."""
    bob.say("lobby", "hi")
    ana.see("hi")
    ana.enter("/reply bob")
    ana.see("type /reply SEQ|NICK TEXT")
    ana.enter("\x15/edit 12")
    ana.see("what is message 12 to say?")
    ana.enter("\x15/reply nobody hello")
    ana.see("no message of 'nobody'")
    ana.enter("\x15/numbers maybe")
    ana.see("'maybe' is neither")
