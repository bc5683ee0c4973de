"""Code as lines for a terminal: numbered, and coloured by Pygments where there are colours.

A block is at most as long as a text, so the time that colouring takes is bounded. The text of
others has passed `printable` before; only the colours of this module are added. What is longer than
a line goes on below, indented: no line of a block can look like another line of the chat.
"""

from collections.abc import Iterable, Iterator

from colorama import Fore, Style
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.token import Comment, Keyword, Name, Number, String, _TokenType
from pygments.util import ClassNotFound

from chat_client.display.text import cells, chop

_COLOURS = {
    Comment: Style.DIM,
    Keyword: Fore.MAGENTA,
    Name.Builtin: Fore.CYAN,
    Name.Class: Style.BRIGHT,
    Name.Function: Style.BRIGHT,
    Name.Tag: Fore.MAGENTA,
    Number: Fore.CYAN,
    String: Fore.GREEN,
}
"""Of the 16 that every terminal has, those that can be read on black and on white."""

_NARROWEST = 10
"""The fewest cells for a line, however narrow the window."""

_Part = tuple[str, str]
"""A colour, or none, and a text in it."""


def code_lines(text: str, language: str, colours: int, width: int) -> list[str]:
    """Return the lines of a block with their numbers.

    Args:
        text: the block, as `printable` returned it.
        language: what it is written in; not coloured if Pygments does not know it.
        colours: how many the terminal has; 0 for none.
        width: cells of a line.
    """
    lexer = _lexer(language) if colours else None
    parts = _coloured(text, lexer) if lexer else [("", text)]
    lines = list(_split(parts))
    digits = len(str(len(lines)))
    space = max(_NARROWEST, width - digits - 4)
    shown = []
    for number, line in enumerate(lines, 1):
        head = f"  {number:{digits}}  "
        for row in _rows(line, space):
            shown.append(_painted(Style.DIM if colours else "", head) + row)
            head = " " * len(head)
    return shown


def _lexer(language: str) -> Lexer | None:
    if not language:
        return None
    try:
        return get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None


def _coloured(text: str, lexer: Lexer) -> Iterator[_Part]:
    for kind, part in lexer.get_tokens(text):
        yield _colour(kind), part


def _split(parts: Iterable[_Part]) -> Iterator[list[_Part]]:
    """Yield the parts of one line after the other."""
    line: list[_Part] = []
    for colour, part in parts:
        first, *others = part.split("\n")
        line.append((colour, first))
        for other in others:
            yield line
            line = [(colour, other)]
    yield line


def _rows(line: Iterable[_Part], space: int) -> list[str]:
    """Return a line as rows of at most `space` cells. A colour begins and ends on each row."""
    rows, left = [""], space
    for colour, part in line:
        for number, piece in enumerate(chop(part, left, space) if part else ()):
            if number:
                rows.append("")
                left = space
            rows[-1] += _painted(colour, piece)
            left -= cells(piece)
    return rows


def _painted(colour: str, text: str) -> str:
    return f"{colour}{text}{Style.RESET_ALL}" if colour and text else text


def _colour(kind: _TokenType) -> str:
    """The colour of a kind of token, or of the nearest kind that it belongs to."""
    for each in reversed(kind.split()):
        if each in _COLOURS:
            return _COLOURS[each]
    return ""
