"""Lines: read whole and byte by byte, and written so that nothing gets into them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_server.gateways.irc.wire.irc_lines import (
    LINE_LIMIT,
    NOT_UTF8,
    TAGS_LIMIT,
    TOO_LONG,
    BadLine,
    Line,
    LineReader,
    build,
    cut,
    encoded,
    escape,
    fitting,
    read_line,
    space_for_text,
    tagged,
    unescape,
)
from tests.support import irc_peer

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
LONG_TEXTS = st.lists(
    st.one_of(
        TEXTS, st.sampled_from(["a" * 600, "ä" * 600, "\U0001f600" * 200, " ", "\n", "\r\0"])
    ),
    max_size=6,
).map("".join)

READ = {
    b"PING": Line("PING"),
    b"ping a": Line("PING", ("a",)),
    b"  PING  a   b ": Line("PING", ("a", "b")),
    b":me PRIVMSG #a :hi there": Line("PRIVMSG", ("#a", "hi there")),
    b"PRIVMSG #a ::-)": Line("PRIVMSG", ("#a", ":-)")),
    b"PRIVMSG #a :": Line("PRIVMSG", ("#a", "")),
    b"TOPIC #a : a :b": Line("TOPIC", ("#a", " a :b")),
    b"USER a 0 * :": Line("USER", ("a", "0", "*", "")),
    b"@a=b;+c=d\\:\\s\\\\\\r\\n\\q\\ PING": Line("PING", (), {"a": "b", "+c": "d; \\\r\nq"}),
    b"@a;b=;b=2 PING x": Line("PING", ("x",), {"a": "", "b": "2"}),
    b"PRIV\0MSG #a :\0b": Line("PRIVMSG", ("#a", "b")),
    "PRIVMSG #a :\u00e4\u2028 b".encode(): Line("PRIVMSG", ("#a", "\u00e4\u2028 b")),
    "PRIVMSG a\u3000b".encode(): Line("PRIVMSG", ("a\u3000b",)),
}


@pytest.mark.parametrize(("data", "line"), READ.items())
def test_reading(data: bytes, line: Line) -> None:
    """What stands in a line, with a CR at its end or without."""
    assert list(LineReader().feed(data + b"\r\n")) == [line]
    assert list(LineReader().feed(data + b"\n")) == [line]


@pytest.mark.parametrize("data", [b"", b" ", b":", b":me", b"@", b"@a", b"@a ", b"@a :me", b"\0"])
def test_what_is_no_line_is_passed_over(data: bytes) -> None:
    """An empty line is no mistake (RFC 2812, 2.3)."""
    assert list(LineReader().feed(data + b"\r\nPING a\r\n")) == [None, Line("PING", ("a",))]


def test_byte_by_byte_and_with_trailing_data() -> None:
    """However the stream is cut."""
    stream = b"".join(data + b"\r\n" for data in READ)
    reader = LineReader()
    found = [line for byte in stream + b"PI" for line in reader.feed(bytes([byte]))]
    assert found == list(READ.values())
    assert list(reader.feed(b"NG z\n")) == [Line("PING", ("z",))]


def test_the_limits() -> None:
    """512 bytes with the end, and 4,096 for the tags with their @ and blank."""
    line, tags = b"PING " + b"a" * (LINE_LIMIT - 7), b"@+a=" + b"b" * (TAGS_LIMIT - 5) + b" "
    assert (len(line) + 2, len(tags)) == (LINE_LIMIT, TAGS_LIMIT)
    assert isinstance(read_line(tags + line), Line)
    assert read_line(line + b"a") is TOO_LONG
    assert read_line(tags[:-1] + b"b " + line) is TOO_LONG
    assert read_line(tags[:-1] + b"b PING a") is TOO_LONG


def test_a_line_without_end_is_dropped_as_it_comes() -> None:
    """One mistake is told, when it ends; what follows counts again."""
    reader = LineReader()
    found: list[Line | BadLine | None] = []
    for _ in range(100):
        found += reader.feed(b"a" * 1000)
    assert found == []
    assert list(reader.feed(b"a\r\nPING b\r\n")) == [TOO_LONG, Line("PING", ("b",))]


def test_what_is_not_utf8_is_no_line() -> None:
    """Neither in the text nor in the tags."""
    assert read_line(b"PRIVMSG #a :\xff") is NOT_UTF8
    assert read_line(b"@a=\xff PRIVMSG #a :b") is NOT_UTF8


@given(st.binary(max_size=800))
def test_anything_may_come(data: bytes) -> None:
    """Whatever it is, there is a line, a mistake, or nothing; and the next line is right."""
    found = list(LineReader().feed(data + b"\r\nPING a\r\n"))
    assert found[-1] == Line("PING", ("a",))


@given(TEXTS)
def test_tags_are_escaped_and_back(value: str) -> None:
    """But for NUL, which no line has."""
    escaped = escape(value)
    assert not set(escaped) & set("; \r\n\0")
    assert unescape(escaped) == value.replace("\0", "")


@given(TEXTS, TEXTS, st.dictionaries(st.from_regex(r"\+?[a-z-]{1,8}", fullmatch=True), TEXTS))
def test_nothing_gets_into_a_line(text: str, other: str, tags: dict[str, str]) -> None:
    """One line stays one line, whatever it holds, and says what was to be said."""
    line = tagged(tags, build("a!a@b", "PRIVMSG", "#c", text=text + other))
    data = encoded([line])
    assert data.count(b"\n") == data.count(b"\r") == 1
    assert b"\0" not in data
    heard = irc_peer.read(data.decode().removesuffix("\r\n"))
    assert heard.tags == {name: value.replace("\0", "") for name, value in tags.items()}
    assert heard.params[0] == "#c"
    said = (text + other).translate({0: None, 10: " ", 13: " "})
    assert said.startswith(heard.text)
    assert len(build("a!a@b", "PRIVMSG", "#c", text=text + other).encode()) <= LINE_LIMIT - 2


@given(LONG_TEXTS, st.integers(min_value=40, max_value=480))
def test_a_text_is_cut_and_nothing_is_lost(text: str, space: int) -> None:
    """Each piece fits, none is empty, and together they are the text."""
    pieces = cut(text, space)
    assert all(0 < len(piece.encode()) <= space for piece in pieces)
    assert not set("".join(pieces)) & set("\r\n\0")
    lines = text.replace("\0", "").replace("\r", " ").split("\n")
    assert "".join(pieces) == "".join(line or " " for line in lines)


def test_a_cut_is_at_a_blank_where_there_is_one() -> None:
    """Else within the word."""
    assert cut("one two three", 9) == ["one two ", "three"]
    assert cut("a " + "b" * 10, 6) == ["a ", "bbbbbb", "bbbb"]
    assert cut("one\ntwo\n\nthree\n", 99) == ["one", "two", " ", "three", " "]


CHARACTERS = ["ä", "€", "\U0001f600", "e\u0301\u0323", "\U0001f469\u200d\U0001f4bb", "\u2764\ufe0f"]


@pytest.mark.parametrize("character", CHARACTERS)
def test_a_cut_is_never_within_a_character(character: str) -> None:
    """Nor within what is read as one."""
    for space in range(40, 60):
        pieces = cut(character * 30, space)
        assert all(set(piece.replace(character, "")) == set() for piece in pieces), pieces


def test_marks_without_end_are_cut_all_the_same() -> None:
    """Where one character is longer than any is, the limit counts."""
    assert "".join(cut("e" + "\u0301" * 600, 100)) == "e" + "\u0301" * 600
    assert fitting("\u0301" * 100, 41) == "\u0301" * 20


def test_the_space_for_a_text_is_all_there_is() -> None:
    """A text of so many bytes makes a line of the limit."""
    space = space_for_text("a!a@b", "PRIVMSG", "#c")
    line = build("a!a@b", "PRIVMSG", "#c", text="x" * space)
    assert len(encoded([line])) == LINE_LIMIT
