"""Extras: found once, by whoever writes the message, and forgotten in time."""

from chat_server.gateways.irc.wire.extras import PLAIN, Extra, Extras
from protocol.messages import Message

KEY = ("lobby", "ana", "hi")


def message(seq: int, text: str = "hi") -> Message:
    return Message(room="lobby", seq=seq, time=1.0, from_="ana", kind="text", text=text)


def test_an_extra_belongs_to_one_message() -> None:
    """However often that is written, and whatever is said again."""
    extras, extra = Extras(), Extra(command="NOTICE", tags={"+a": "b"})
    extras.note(KEY, extra)
    assert extras.of_message(message(0)) is extra  # not numbered yet: it is only tried
    assert extras.of_message(message(7, "other")) is PLAIN
    assert [extras.of_message(message(seq)) for seq in (8, 8, 9, 8)] == [
        extra,
        extra,
        PLAIN,
        extra,
    ]


def test_two_with_one_text_are_told_apart_by_their_order() -> None:
    """The first message gets the first."""
    extras = Extras()
    for tag in ("one", "two"):
        extras.note(KEY, Extra(tags={"+a": tag}))
    assert [extras.of_message(message(seq)).tags["+a"] for seq in (1, 2, 1)] == [
        "one",
        "two",
        "one",
    ]


def test_what_was_not_posted_is_forgotten() -> None:
    """So that nobody else's message gets it."""
    extras, extra = Extras(), Extra(command="NOTICE")
    extras.note(KEY, extra)
    extras.forget(KEY, extra)
    assert extras.of_message(message(1)) is PLAIN
    extras.forget(KEY, extra)  # twice is nothing
    extras.note(KEY, extra)
    assert extras.of_direct(KEY) is extra
    assert extras.of_direct(KEY) is None


def test_no_more_is_remembered_than_some() -> None:
    """The oldest are forgotten."""
    extras = Extras()
    for seq in range(1, 2102):
        extras.note(KEY, Extra(command="NOTICE"))
        assert extras.of_message(message(seq)).command == "NOTICE"
    assert extras.of_message(message(1)) is PLAIN
    assert extras.of_message(message(2101)).command == "NOTICE"
