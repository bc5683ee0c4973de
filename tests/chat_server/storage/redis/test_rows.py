"""Messages as the streams hold them."""

import pytest
from msgspec.structs import replace

from chat_server.storage.interface import Entry, RequestKey
from chat_server.storage.redis.rows import (
    DELETED,
    filling,
    key_of,
    messages_of,
    originals_of,
    row_of,
    state_of,
)
from protocol.messages import Message

PLAIN = Message("lobby", 7, 1000.25, "ada", "text", "h\u00e9llo \U0001f98a")
MARKED = Message("lobby", 8, 1000.5, "eva", "code", "x = 1", language="python", reply_to=7)


def batch(*messages: Message) -> tuple[int, bytes]:
    """The stream entry of messages that follow each other."""
    return messages[0].seq, b"[" + b",".join(map(row_of, messages)) + b"]"


def test_a_message_is_read_as_it_was_written() -> None:
    """With all that it has besides its text."""
    later = replace(PLAIN, seq=9)
    assert originals_of("lobby", [batch(PLAIN, MARKED), batch(later)]) == [PLAIN, MARKED, later]


def test_the_latest_state_takes_the_place_of_what_was_said() -> None:
    """An edit, or a deletion."""
    found = [batch(PLAIN, MARKED)]
    edited, deleted = messages_of("lobby", found, [(7, state_of('"new"')), (8, DELETED)])
    assert (edited.text, edited.edited) == ('"new"', True)
    assert (deleted.text, deleted.deleted, deleted.kind) == ("(deleted)", True, "text")


def test_what_is_no_text_cannot_be_written() -> None:
    """It would never be read again."""
    with pytest.raises(ValueError, match="surrogates"):
        row_of(replace(PLAIN, text="\ud83d"))


def test_a_request_has_a_key() -> None:
    """A notice another one; what nobody asked for its mark."""
    assert key_of(Entry(PLAIN, RequestKey(5, 9)), "") == "5:9"
    assert key_of(Entry(PLAIN, RequestKey(5, 9, per_room=True)), "") == "n5:9"
    assert key_of(Entry(PLAIN, None, "abc"), "") == "xabc"
    assert key_of(Entry(PLAIN, None), "def") == "xdef"


def test_a_page_ends_with_what_no_longer_fits() -> None:
    """And says how much space is left."""
    assert filling([PLAIN, MARKED], None) == ([PLAIN, MARKED], None)
    assert filling([PLAIN, MARKED], 100) == ([PLAIN, MARKED], 88)
    assert filling([PLAIN, MARKED], 3)[0] == [PLAIN]
