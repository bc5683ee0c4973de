"""Lines of docs/security.md about the server: each attack here was tried before it was mended."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from chat_server.history.search import WORDS_LIMIT, words_of
from chat_server.history.store import Entry, Store
from protocol.errors import Code
from protocol.framing import FRAME_LIMIT
from protocol.messages import Message
from protocol.text import (
    MARKS_LIMIT,
    TEXT_LIMIT,
    normalize_nick,
    normalize_password,
    normalize_text,
)
from tests.chat_server.house import House
from tests.protocol.attempts import refuse

QUICK = 0.25
"""Seconds. What is refused at once takes a hundredth of this; before it was mended, two seconds."""

# -- what one frame can cost ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("check", "text"),
    [
        (normalize_text, "a" + "\u0301\u0316" * 15_000),
        (normalize_text, "a" + "\u0f73" * 20_000),
        (normalize_text, "\u2603" * 4_000 + "\u0316\u0301" * 6_000),
        (normalize_nick, "a" + "\u0301\u0316" * 15_000),
        (normalize_nick, "\ufdfa" * 20_000),
        (normalize_nick, "a" * 60_000),
        (normalize_password, "a" + "\u0301\u0316" * 15_000),
    ],
    ids=[
        "marks", "double-marks", "marks-after-signs", "nick-of-marks", "nick-that-grows", "nick",
        "password",
    ],
)  # fmt: skip
def test_no_frame_is_slow_to_normalise(check: Callable[[str], str], text: str) -> None:
    """The interpreter does nothing else meanwhile: a pupil with a loop would stop the school."""
    began = time.process_time()
    refuse(check, text)
    assert time.process_time() - began < QUICK


def test_marks_on_a_letter_are_counted() -> None:
    """As many as any language needs are fine, also among other signs; one more is not."""
    most = "a" + "\u0301" * MARKS_LIMIT
    assert normalize_text(most * 100)
    assert normalize_text(f"{most}\u2603\u2603{most}")
    assert refuse(normalize_text, f"{most}\u0301").code == Code.BAD_TEXT
    assert normalize_text("🦊" * TEXT_LIMIT)


def test_a_page_is_not_read_a_hundred_times_over(tmp_path: Path) -> None:
    """Of a thousand texts of the longest, that were asked for, some twenty are read."""
    store = Store(tmp_path)
    try:
        session = store.add_session(bytes(32), 0.0)
        texts = [f"{number} {'x' * (TEXT_LIMIT - 5)}" for number in range(100, 200)]
        messages = [Message("lobby", seq, 1.0, "ada", "text", text)
                    for seq, text in enumerate(texts, 1)]  # fmt: skip
        store.append("lobby", [Entry(each, session, each.seq) for each in messages])
        least = FRAME_LIMIT // TEXT_LIMIT
        assert store.before("lobby", None, 1001, FRAME_LIMIT) == messages[-least - 1 :]
        assert store.after("lobby", 0, 1001, FRAME_LIMIT) == messages[: least + 1]
        assert len(store.search("lobby", "1", None, 1001, FRAME_LIMIT)) == least + 1
    finally:
        store.close()


def test_a_search_is_for_a_few_words(house: House) -> None:
    """Each word costs a look at all that begins with it: two thousand took a minute."""
    ada = house.enter("ada", "lobby")
    ada.say("lobby", "alpha beta")
    words = " ".join(chr(ord("a") + number) * 2 for number in range(WORDS_LIMIT + 1))
    assert "10" in ada.refused("bad_request", "search", room="lobby", query=words)["text"]
    assert ada.page("search", room="lobby", query="a " * 1000 + "alp")["messages"]


def test_a_word_that_another_begins_with_is_not_looked_for() -> None:
    """It says nothing more: what has `alpha` has a word that begins with `al`."""
    assert words_of("al alpha beta ALPHA Alphabet b") == ["Alphabet", "beta"]
    assert words_of("Straße strasse") == ["strasse", "Straße"]
    assert words_of("- !") == []
