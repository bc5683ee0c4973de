"""Text of others is harmless where the operator reads it."""

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_server.admin.show import csv_cell, harmless, harmless_json, markdown, one_line, table

HOSTILE = "\x1b[2J\x07\x9b31m\r\u202eevil\u2028next\x7f\x00"


def drives_terminals(text: str) -> bool:
    return any(
        unicodedata.category(character) == "Cc" and character not in "\t\n" for character in text
    )


@given(st.text())
def test_nothing_printed_drives_a_terminal(text: str) -> None:
    """Whatever somebody brought into the file."""
    for shown in (harmless(text), one_line(text), markdown(text), csv_cell(text)):
        assert not drives_terminals(shown)
        assert not set(shown) & set("\u202e\u2028\u2029\u2066")
        shown.encode()
    assert "\n" not in one_line(text) + markdown(text) + csv_cell(text)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_json_says_the_same_and_drives_nothing(text: str) -> None:
    """The escapes are JSON's own."""
    document = harmless_json(json.dumps({"text": text}, ensure_ascii=False))
    assert json.loads(document) == {"text": text}
    assert not drives_terminals(document)
    assert "\u202e" not in document


def test_escapes_can_be_read() -> None:
    """An operator sees what was there."""
    assert harmless("a\x1b[2Jb\u202ec") == "a\\x1b[2Jb\\u202ec"


def test_markdown_shows_what_was_said() -> None:
    """No markup, no HTML, no link of somebody's making."""
    assert markdown("*a* _b_ `c` <b>&amp; [x](y) #1 | ~~z~~ \\") == (
        "\\*a\\* \\_b\\_ \\`c\\` \\<b\\>\\&amp; \\[x\\](y) \\#1 \\| \\~\\~z\\~\\~ \\\\"
    )
    assert markdown("one\n# two\n\n- three") == "one<br>\\# two<br><br>- three"


@pytest.mark.parametrize("nick", ["=1+1", "+1", "-1", "@SUM(A1)", "|1", "%1", "\t=1", " =1", "＝1"])
def test_no_cell_is_a_formula(nick: str) -> None:
    """A quote before it, as OWASP has it; also inside the quotes of CSV."""
    assert csv_cell(nick).startswith("'")


@pytest.mark.parametrize("nick", ["ana", "a=b", "'ana", "1"])
def test_other_cells_stay(nick: str) -> None:
    """Only what could be a formula is touched."""
    assert csv_cell(nick) == nick


def test_a_table_is_aligned_by_cells() -> None:
    """Wide characters take two; numbers stand at the right; nothing of a row is another line."""
    lines = table(("nick", "n"), [("ana", 5), ("日本", 12), (HOSTILE, 1)], colours=False).split(
        "\n"
    )
    assert lines[1].split() == ["ana", "5"]
    assert len(lines) == 4
    assert len(lines[2]) == len(lines[1]) - 2
    assert not drives_terminals("".join(lines))


def test_a_head_is_bold_only_where_colours_are() -> None:
    """And the rows are not."""
    assert table(("nick",), [("ana",)], colours=True) == "\x1b[1mnick\x1b[0m\nana"
