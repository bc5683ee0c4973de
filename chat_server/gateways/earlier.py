"""Which message somebody means who sees no numbers: the one with a number, or somebody's latest."""

from collections.abc import Iterable

from protocol.messages import CHANGES, Message

LOOKED_AT = 100
"""In how many of the latest messages of a room one is sought by the nick of its author."""

_NEVER_MEANT = CHANGES | {"topic", "notice"}


def number(word: str) -> int | None:
    """Return the seq that a word is, as `12`, or with its room, `#lobby/12`; None if it is none."""
    digits = word.rpartition("/")[2] if word.startswith("#") else word
    if digits.isascii() and digits.isdigit() and int(digits[:15]):
        return int(digits[:15])
    return None


def latest_of(messages: Iterable[Message], nick: str) -> int | None:
    """Return the seq of the last message that somebody said and that is not deleted; None if none.

    Args:
        messages: of a room, the oldest first.
        nick: theirs; case is nothing.
    """
    found = None
    for message in messages:
        said = message.kind not in _NEVER_MEANT and not message.deleted
        if said and message.from_.casefold() == nick.casefold():
            found = message.seq
    return found
