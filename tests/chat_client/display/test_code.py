"""A block keeps its form, and cannot look like anything else."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_client.display.code import code_lines
from chat_client.display.text import cells

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_blocks = st.text(alphabet="ab (){}'\"#=\n漢\U0001f600", max_size=120)


def test_lines_are_numbered_and_keep_their_blanks() -> None:
    """Ten of them, so that the numbers stand right."""
    block = "\n".join(["if x:", "    y"] * 5)
    assert code_lines(block, "", 0, 80) == [
        f"  {number:2}  {'    y' if number % 2 == 0 else 'if x:'}" for number in range(1, 11)
    ]


@given(_blocks, st.sampled_from(["python", "c", "html", "", "no-such"]), st.integers(20, 60))
def test_colours_change_no_character(block: str, language: str, width: int) -> None:
    """Whatever the language; and a colour never reaches into the next line."""
    plain = code_lines(block, language, 0, width)
    coloured = code_lines(block, language, 256, width)
    assert [_COLOUR.sub("", line) for line in coloured] == plain
    assert all(cells(line) <= width for line in plain)
    for line in coloured:
        codes = _COLOUR.findall(line)
        assert not codes or codes[-1] == "\x1b[0m"


def test_a_long_line_goes_on_below_its_text() -> None:
    """Nothing begins where a line of the chat would."""
    assert code_lines("x" * 20, "", 0, 16) == ["  1  " + "x" * 11, "     " + "x" * 9]


@pytest.mark.parametrize(("language", "coloured"), [("python", True), ("nothing", False)])
def test_what_is_known_is_coloured(language: str, coloured: bool) -> None:
    """Keywords, for one."""
    (line,) = code_lines("return 1", language, 16, 80)
    assert ("\x1b[35mreturn" in line) is coloured
