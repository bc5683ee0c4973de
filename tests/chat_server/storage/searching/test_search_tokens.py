"""What a search compares: tokens of a text, phrases of a query."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_server.storage.searching.search_tokens import (
    TOKENS_LIMIT,
    WORDS_LIMIT,
    folded,
    is_word,
    phrases_of,
)


@pytest.mark.parametrize("separator", ["_", "\u2024", "\u2026", "\u3382\u2024", "\uff3f"])
def test_a_word_is_one_token_of_the_index(separator: str) -> None:
    """Parts that the index would split count separately, so no word has two thousand tokens."""
    letters = [f"{chr(ord('a') + n % 26)}{n}" for n in range(500)]
    phrases = phrases_of(separator.join(letters))
    assert len(phrases) > WORDS_LIMIT or sum(map(len, phrases)) > TOKENS_LIMIT
    tokens = [token for phrase in phrases for token in phrase]
    assert all(token.isalnum() or len(token) == 1 for token in tokens)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Tea, please!", "tea please"),
        ("C++ & C#", "c + + & c #"),
        ("Caf\u00e9 na\u00efve", "cafe naive"),
        ("Cafe\u0301", "cafe"),
        ("stra\u00dfe STRASSE", "strasse strasse"),
        ("\u8336\u58f6", "\u8336 \u58f6"),
        ("tea\U0001f375tea", "tea \U0001f375 tea"),
        ("ada\u200bada", "adaada"),
        ("\uff34\uff45\uff41", "tea"),
    ],
)
def test_the_tokens_of_a_text(text: str, tokens: str) -> None:
    """Words without accents and case; signs of scripts without spaces, and symbols, each alone."""
    assert re.sub(r"[^\w\s+&#\U0001f375]", " ", folded(text)).split() == tokens.split()


@pytest.mark.parametrize(
    ("query", "phrases"),
    [
        ("tea please", [("tea",), ("please",)]),
        ("tea tea TEA", [("tea",)]),
        ("te tea", [("tea",)]),
        ("C++", [("c", "+", "+")]),
        ("\u8336\u58f6 tea", [("\u8336", "\u58f6"), ("tea",)]),
        ("...", []),
        ("", []),
    ],
)
def test_the_phrases_of_a_query(query: str, phrases: list[tuple[str, ...]]) -> None:
    """What stands together is one; the beginning of a longer word is left out."""
    assert phrases_of(query) == phrases


@given(st.text(max_size=50))
def test_a_text_is_found_by_itself(text: str) -> None:
    """Each phrase of it, as a query, stands in its tokens."""
    tokens = folded(text).split()
    for phrase in phrases_of(text):
        joined = " ".join(tokens)
        assert all(token in joined for token in phrase)


@pytest.mark.parametrize(
    ("token", "word"), [("tea", True), ("t", True), ("+", False), ("\u8336", False)]
)
def test_what_may_be_the_beginning_of_a_longer_token(token: str, word: bool) -> None:
    assert is_word(token) is word
