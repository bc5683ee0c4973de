"""Every error has a code of the protocol, and the fatal ones are those that the document names."""

import pytest

from protocol.errors import FATAL, TEXT_LIMIT, Code, ProtocolError, shortened

DOCUMENTED_FATAL = {
    "bad_frame",
    "frame_too_large",
    "hello_required",
    "hello_timeout",
    "unsupported_version",
    "bad_password",
    "server_full",
    "banned",
    "idle_timeout",
    "flooding",
    "internal",
}
GOODBYE_ALONE = {"shutting_down", "replaced", "kicked", "bye"}
NOT_FATAL = {
    "bad_request",
    "bad_nick",
    "nick_in_use",
    "bad_room",
    "not_in_room",
    "no_such_nick",
    "no_such_room",
    "no_such_message",
    "bad_text",
    "text_too_long",
    "rate_limited",
    "too_many_rooms",
    "forbidden",
    "muted",
    "unavailable",
}


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


@pytest.mark.parametrize("length", [0, 1, TEXT_LIMIT - 1, TEXT_LIMIT, TEXT_LIMIT + 1, 65_536])
def test_no_text_is_longer_than_a_person_reads(length: int) -> None:
    """Whatever an error quotes, its beginning and its end stay."""
    text = "".join(chr(97 + number % 26) for number in range(length))
    error = ProtocolError(Code.BAD_REQUEST, text)
    assert len(error.text) == min(length, TEXT_LIMIT)
    assert str(error) == f"bad_request: {error.text}"
    if length > TEXT_LIMIT:
        beginning, end = error.text.split("…")
        assert text.startswith(beginning)
        assert text.endswith(end)
    else:
        assert error.text == text


@pytest.mark.parametrize("limit", [1, 2, 3, 60])
def test_a_text_is_shortened_to_any_limit(limit: int) -> None:
    """Also to one that leaves no space for the end."""
    assert len(shortened("x" * 1000, limit)) == limit
