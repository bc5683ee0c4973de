"""Every error has a code of the protocol, and the fatal ones are those that the document names."""

import pytest

from protocol.errors import FATAL, Code, ProtocolError

DOCUMENTED_FATAL = {
    "bad_frame", "frame_too_large", "hello_required", "hello_timeout", "unsupported_version",
    "bad_password", "server_full", "banned", "idle_timeout", "flooding", "internal",
}  # fmt: skip
GOODBYE_ALONE = {"shutting_down", "replaced", "kicked", "bye"}
NOT_FATAL = {
    "bad_request", "bad_nick", "nick_in_use", "bad_room", "not_in_room", "no_such_nick",
    "no_such_room", "bad_text", "text_too_long", "rate_limited", "too_many_rooms", "forbidden",
    "muted", "unavailable",
}  # fmt: skip


def test_the_codes_are_those_of_the_document() -> None:
    """No code is missing and none is made up."""
    assert {str(code) for code in Code} == DOCUMENTED_FATAL | GOODBYE_ALONE | NOT_FATAL
    assert {str(code) for code in FATAL} == DOCUMENTED_FATAL


@pytest.mark.parametrize("code", list(Code))
def test_an_error_says_whether_it_is_fatal(code: Code) -> None:
    """`fatal` is what the document says about the code."""
    assert ProtocolError(code, "why").fatal is (code in DOCUMENTED_FATAL)


def test_an_error_shows_its_code_and_its_text() -> None:
    """What a log prints of it is enough to know which rule was broken."""
    error = ProtocolError(Code.BAD_ROOM, "why", re=7, retry_after=1.5)
    assert str(error) == "bad_room: why"
    assert (error.code, error.text, error.re, error.retry_after) == ("bad_room", "why", 7, 1.5)
