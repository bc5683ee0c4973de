"""The query for servers and its answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.finding import (
    LABEL_LIMIT,
    Answer,
    answer,
    cut,
    label,
    name_in,
    query,
    read_answer,
    read_query,
)

NONCE = "0123456789abcdef"
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]))


def test_the_bytes_are_as_the_document_has_them() -> None:
    """So that others can write a client, or a server."""
    assert query(NONCE) == b"backchannel? 1 0123456789abcdef"
    assert answer(NONCE, Answer(7878, False, "7b")) == b"backchannel! 1 " + NONCE.encode() + (
        b" 7878 0 7b"
    )


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_a_query_may_end_as_a_line(end: bytes) -> None:
    """As `echo` and netcat send it."""
    assert read_query(query(NONCE) + end) == NONCE


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"backchannel?",
        b"backchannel? 2 0123456789abcdef",
        b"backchannel? 1 0123456789abcde",
        b"backchannel? 1 0123456789abcdefg",
        b"backchannel? 1 0123456789abcdxy",
        b" backchannel? 1 0123456789abcdef",
        b"backchannel! 1 0123456789abcdef 7878 0 x",
        b"backchannel? 1 0123456789abcdef\n\n",
        b"\xff" * 40,
    ],
)
def test_anything_else_is_no_query(packet: bytes) -> None:
    """An answer above all: two servers would answer each other for ever."""
    assert read_query(packet) is None


@given(port=st.integers(1, 65535), tls=st.booleans(), name=ANY_TEXT)
def test_an_answer_comes_through(port: int, tls: bool, name: str) -> None:
    """It is never longer than the query twice, and what is left of the name is its beginning."""
    packet = answer(NONCE, Answer(port, tls, name))
    assert len(packet) <= 2 * len(query(NONCE))
    found = read_answer(packet, NONCE)
    assert found is not None
    assert found[:2] == (port, tls)
    assert name.startswith(found.name)
    assert found.name == name or len(name.encode()) > 18


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"backchannel! 1 fedcba9876543210 7878 0 room",
        b"backchannel! 2 0123456789abcdef 7878 0 room",
        b"backchannel! 1 0123456789abcdef 0 0 room",
        b"backchannel! 1 0123456789abcdef 65536 0 room",
        b"backchannel! 1 0123456789abcdef 7878 2 room",
        b"backchannel! 1 0123456789abcdef 7878 0",
        b"backchannel! 1 0123456789abcdef 7878 0 two\nlines",
    ],
)
def test_anything_else_is_no_answer(packet: bytes) -> None:
    """One to another query neither: nobody has asked that one."""
    assert read_answer(packet, NONCE) is None


def test_a_name_may_hold_anything() -> None:
    """Blanks, and bytes that are no UTF-8."""
    assert read_answer(b"backchannel! 1 " + NONCE.encode() + b" 1 1 a b\xff", NONCE) == (
        Answer(1, True, "a b\ufffd")
    )


@given(name=ANY_TEXT.filter(bool), port=st.integers(1, 65535))
def test_a_label_fits_and_has_the_port(name: str, port: int) -> None:
    """In DNS a full stop would end it."""
    written = label(name, port, 7878)
    assert len(written.encode()) <= LABEL_LIMIT
    assert "." not in written
    assert (port == 7878) != written.endswith(f" {port}") or name.endswith(f" {port}")
    assert name.replace(".", "-").startswith(name_in(label(name, port, 1), port))


def test_two_servers_of_one_machine_have_two_labels() -> None:
    """With the same name, too."""
    assert label("room", 7878, 7878) == "room"
    assert label("room", 7879, 7878) == "room 7879"
    assert name_in("room 7879", 7879) == "room"
    assert name_in("room 7879", 7878) == "room 7879"


@given(text=ANY_TEXT, limit=st.integers(0, 80))
def test_a_cut_is_between_characters(text: str, limit: int) -> None:
    """As long as it can be."""
    found = cut(text, limit)
    assert text.startswith(found)
    assert len(found.encode()) <= limit
    assert found == text or len(text[: len(found) + 1].encode()) > limit
