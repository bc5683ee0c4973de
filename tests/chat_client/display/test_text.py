"""Fitting texts to a width, and finding a nick in them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_client.display.text import cells, mentions, printable, wrap

_words = st.text(alphabet="ab 漢é\U0001f600\u0301\u200d\U0001f469\n", max_size=80)


@given(_words, st.integers(20, 80), st.integers(0, 30))
def test_nothing_is_lost_and_nothing_sticks_out(text: str, width: int, first: int) -> None:
    """Whatever the text: only blanks may go, at a break."""
    lines = wrap(text, width, first, 8)
    assert re.sub(r"\s", "", "".join(lines)) == re.sub(r"\s", "", text)
    assert all(cells(line) <= max(10, width - 8) for line in lines[1:])
    assert cells(lines[0]) <= max(width - first, 2)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("short", ["short"]),
        ("one two three four", ["one two", "three four"]),
        ("a    b", ["a    b"]),
        ("one\n  two", ["one", "  two"]),
        ("x" * 25, ["x" * 8, "x" * 12, "x" * 5]),
        ("漢字漢字漢字", ["漢字漢字", "漢字"]),
        ("is ab12:cd34:ef56:aa11", ["is ab12:", "cd34:ef56:", "aa11"]),
        ("in /home/ana/state/crash.log", ["in /home", "/ana/state", "/crash.log"]),
        (f"see https://x/{'y' * 30} now", ["see", f"https://x/{'y' * 30}", "now"]),
    ],
)
def test_wraps(text: str, lines: list[str]) -> None:
    """At 16 cells, of which 8 are taken on the first line and 4 on the others."""
    assert wrap(text, 16, 8, 4) == lines


@pytest.mark.parametrize(
    ("text", "found"),
    [("ana", True), ("hi Ana!", True), ("banana", False), ("ana_", False), ("@ana", True)],
)
def test_mentions_are_whole_words(text: str, found: bool) -> None:
    """In any case."""
    assert any(mentions("ana", text)) is found


def test_a_nick_may_hold_signs() -> None:
    """They mean nothing to the search."""
    assert any(mentions("a.*b", "hi a.*b"))
    assert not any(mentions("a.*b", "axxb"))


@pytest.mark.parametrize(
    ("nick", "text", "found"),
    [
        ("田中", "田中さん、おはよう", ["田中"]),
        ("田中", "おはよう田中先生", ["田中"]),
        ("タロウ", "タロウさん", ["タロウ"]),
        ("민수", "민수야 안녕, 민수는?", ["민수", "민수"]),
        ("민수", "국민수업", []),
        ("สมชาย", "คุณสมชายครับ", ["สมชาย"]),
        ("สมชาย", "ที่สมชาย", ["สมชาย"]),
        ("ana", "anaさん, ana야, 和ana说", ["ana", "ana", "ana"]),
        ("田中", "hi田中", ["田中"]),
        ("田中", "田中2 is another, and so is 田中_", []),
        ("राम", "रामा और राम", ["राम"]),
        ("jo", "jo\u0323", []),
        ("анна", "суанна аннам Анна!", ["Анна"]),
        ("josé", "José, joséphine", ["José"]),
        ("", "nobody yet", []),
    ],
)
def test_finds_a_nick_in_any_script(nick: str, text: str, found: list[str]) -> None:
    """Some write without spaces, or append to a name; in others a part of a word is no mention."""
    assert [text[start:end] for start, end in mentions(nick, text)] == found


def test_strips_what_reverses_a_text() -> None:
    """Overrides and isolates go; the marks that right-to-left scripts need stay."""
    assert printable("a\u202eb\u2066c\u061cd\u200fe") == "abcd\u200fe"
