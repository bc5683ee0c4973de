"""What is not safe to print, and that every place that prints knows it."""

import re
import unicodedata

import pytest

from chat_client.display.text import printable
from chat_server.admin.show import harmless, one_line
from chat_server.runtime.logs import escaped
from protocol.common.unsafe_characters import (
    CONTROLS,
    DIRECTIONS,
    HIDDEN,
    MARKS,
    SEPARATORS,
    UNSAFE,
    escape,
)
from protocol.errors import ProtocolError
from protocol.text import normalize_reason

EVERYTHING = [chr(code) for code in range(0x110000)]


def members(characters: str) -> set[str]:
    return set(filter(re.compile(f"[{characters}]").fullmatch, EVERYTHING))


@pytest.mark.long
def test_the_classes_are_unicodes_own() -> None:
    """Each by its category or bidirectional class: none is missing, none is too much."""
    categories = {each: unicodedata.category(each) for each in EVERYTHING}
    assert members(CONTROLS) == {each for each in EVERYTHING if categories[each] == "Cc"} - {
        *"\t\n"
    }
    assert members(SEPARATORS) == {each for each in EVERYTHING if categories[each] in ("Zl", "Zp")}
    turning = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
    turn = {each for each in EVERYTHING if unicodedata.bidirectional(each) in turning}
    assert members(DIRECTIONS) == {*turn, "\N{ARABIC LETTER MARK}"}
    assert members(MARKS) == {"\N{LEFT-TO-RIGHT MARK}", "\N{RIGHT-TO-LEFT MARK}"}
    assert not members(UNSAFE) & members(HIDDEN + MARKS)


@pytest.mark.parametrize("unsafe", sorted(members(CONTROLS + SEPARATORS + DIRECTIONS)))
def test_every_place_knows_them(unsafe: str) -> None:
    """The server refuses it in a reason; logs and tables escape it; the client leaves it out."""
    text = f"a{unsafe}b"
    with pytest.raises(ProtocolError):
        normalize_reason(text)
    for shown in (escaped(text), harmless(text), one_line(text), printable(text)):
        assert unsafe not in shown
        assert shown[0] + shown[-1] == "ab"


def test_an_escape_is_read_back() -> None:
    """By Python and by people."""
    assert re.sub(f"[{UNSAFE}]", escape, "a\x1bb\u202ec") == "a\\x1bb\\u202ec"
