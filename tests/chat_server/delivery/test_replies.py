"""What replies have in common: why something was refused, and how much fits a page."""

import msgspec
import pytest

from chat_server.delivery.replies import error_event, fitting, refusal, unavailable
from protocol.errors import Code, ProtocolError
from protocol.framing import FRAME_LIMIT
from protocol.messages import encoded_size


@pytest.mark.parametrize("character", ["a", "\u20ac", '"', "\n"])
def test_as_many_items_as_a_frame_has_space_for(character: str) -> None:
    """Counted as they are written, with what stands between them."""
    items = [character * 999] * 200
    fits = fitting(items)
    size = len(msgspec.json.encode(fits))
    assert size < FRAME_LIMIT
    assert size + 2 * encoded_size(items[0]) > FRAME_LIMIT
    assert fitting(items[:3]) == items[:3]
    assert fitting([]) == []


def test_one_item_that_is_too_large_is_not_in_the_page() -> None:
    """The page ends before it."""
    assert fitting(["short", "x" * FRAME_LIMIT, "short"]) == ["short"]


def test_a_refusal_says_which_request_and_how_long_to_wait() -> None:
    """A time is left out where waiting does not help."""
    error = refusal(7, ProtocolError(Code.RATE_LIMITED, "wait", retry_after=2.5))
    assert (error.re, error.code, error.text) == (7, Code.RATE_LIMITED, "wait")
    assert error.retry_after == 2.5
    assert b"retry_after" not in msgspec.json.encode(error_event(None, Code.BANNED, "no", None))


def test_what_could_not_be_stored_may_be_tried_again() -> None:
    error = unavailable()
    assert error.code is Code.UNAVAILABLE
    assert error.retry_after
    assert not error.fatal
