"""The caller: whether they may speak, and be here, is known at each request."""

from tests.chat_server.moderation.order_house import OrderedHouse


def test_unmute(place: OrderedHouse) -> None:
    """At once."""
    bob = place.enter("bob", "lobby")
    place.mia.ok("mute", who="bob")
    bob.refused("muted", "say", room="lobby", text="hi")
    place.mia.ok("unmute", who="bob")
    bob.say("lobby", "hi")


def test_no_other_nick_and_no_other_connection_gives_the_voice_back(place: OrderedHouse) -> None:
    """Rename, reconnect, rename first and reconnect then."""
    bob = place.enter("bob", "lobby")
    place.mia.ok("mute", who="bob")
    bob.refused("muted", "nick", nick="you-are-all-mean")  # which every room would read
    bob.refused("muted", "say", room="lobby", text="hi")
    again = place.enter("bob", "lobby", session=bob.session)
    again.refused("muted", "say", room="lobby", text="hi")
    again.ok("bye")
    other = place.enter("b0b", "lobby")  # without the session, but it looks like the nick
    other.refused("muted", "say", room="lobby", text="hi")
    eva = place.enter("eva", "lobby")
    eva.say("lobby", "I may")
    eva.ok("nick", nick="BOB2")
    eva.say("lobby", "still")


def test_who_becomes_a_moderator_is_muted_no_more(place: OrderedHouse) -> None:
    """Mutes do not bind moderators; and when the role is gone they do again."""
    bob = place.enter("bob", "lobby")
    place.mia.ok("mute", who="bob")
    bob.refused("muted", "say", room="lobby", text="hi")
    place.ada.ok("op", who="bob")
    bob.say("lobby", "hi")
    place.ada.ok("deop", who="bob")
    bob.refused("muted", "say", room="lobby", text="hi")
