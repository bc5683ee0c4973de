"""Makes texts of others safe for a terminal, and wraps them to its width.

Widths are in cells: a CJK character or an emoji takes two, an accent none.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from wcwidth import iter_graphemes, wcswidth

from protocol.common.unsafe_characters import UNSAFE

_UNPRINTABLE = re.compile(f"[{UNSAFE}]")
_PARTS = re.compile(r" +|[^ ]+")
_JOINED = re.compile(r"/?[^:/]*:|/[^:/]*|[^:/]+")
"""The parts of a path, of a fingerprint."""

_LINK = re.compile(r"\w+://")
_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|\x1b[\]PX^_][^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"
    r"|\x1b(?:[ -/]+[0-~]|[0-OQ-WYZ\\`-~])"
    r"|[\x07\x0e\x0f]"
)
"""Escape sequences on one line (ECMA-48): colours, cursor movements, window titles, bells."""

_BYTE_ORDER_MARK = "\ufeff"
_SPACELESS = (
    "CJK",
    "IDEOGRAPHIC",
    "HIRAGANA",
    "KATAKANA",
    "HALFWIDTH KATAKANA",
    "BOPOMOFO",
    "THAI",
    "LAO",
    "KHMER",
    "MYANMAR",
    "TIBETAN",
)
"""Scripts without spaces between words, by the first words of their characters' names."""
_AGGLUTINATING = (*_SPACELESS, "HANGUL")
"""The same, and Korean, which has spaces, but appends particles to a name."""
_NARROWEST = 10
"""The fewest cells for a text, however narrow the window and long the nick."""


def printable(text: str) -> str:
    """Return `text` without control characters. Line feeds stay; tabs become spaces."""
    return _UNPRINTABLE.sub("", text.replace("\t", "    "))


def one_line(text: str) -> str:
    """Return `text` as `printable` does, on one line."""
    return printable(text).replace("\n", " ")


def bare_line(line: str) -> str:
    """Return a program's line as a terminal would show it in the end: without colours, with the
    last state of a progress bar, and without a byte order mark.
    """
    line = _SEQUENCE.sub("", line.lstrip(_BYTE_ORDER_MARK))
    if "\r" in line:
        states = (state for state in reversed(line.split("\r")) if state and not state.isspace())
        line = next(states, "")
    if "\b" not in line:
        return line
    left: list[str] = []
    for character in line:
        if character != "\b":
            left.append(character)
        elif left:
            left.pop()
    return "".join(left)


def bare_text(text: str) -> str:
    """Return a text with each line changed by `bare_line`. Lines may end with CRLF."""
    return "\n".join(bare_line(line) for line in text.split("\n"))


def fold(nick: str) -> str:
    """Return a nick's key for comparisons: to colour, hide, complete and find it."""
    return unicodedata.normalize("NFC", nick).casefold()


def mentions(nick: str, text: str) -> Iterator[tuple[int, int]]:
    """Yield the start and end of each place where `nick` stands in `text` as a whole word."""
    for found in _nick_pattern(nick).finditer(text) if nick else ():
        start, end = found.span()
        before, after = text[start - 1 : start], text[end : end + 1]
        if not (_joined(nick[0], before, _SPACELESS) or _joined(nick[-1], after, _AGGLUTINATING)):
            yield start, end


@lru_cache(maxsize=16)
def _nick_pattern(nick: str) -> re.Pattern[str]:
    return re.compile(re.escape(nick), re.IGNORECASE)


def _joined(edge: str, neighbour: str, spaceless: tuple[str, ...]) -> bool:
    """Return whether a nick's first or last character and its neighbour belong to one word.

    Args:
        edge: the nick's first or last character.
        neighbour: the character beside it; empty where the text begins or ends.
        spaceless: scripts in which another word may follow without a space.
    """
    if not neighbour or not (neighbour.isalnum() or neighbour == "_" or _is_mark(neighbour)):
        return False
    if not neighbour.isalpha() and not _is_mark(neighbour):  # ana2 is another nick
        return True
    its, beside = (unicodedata.name(each, "") for each in (edge, neighbour))
    if its.startswith(_AGGLUTINATING) != beside.startswith(
        _AGGLUTINATING
    ):  # the script changes, so the word ends
        return False
    return not (its.startswith(spaceless) or beside.startswith(spaceless))


def _is_mark(character: str) -> bool:
    """Return whether a character is an accent, or a vowel that is written like one."""
    return unicodedata.category(character).startswith("M")


def cells(text: str) -> int:
    """Return how many cells `text`, which is printable and one line, takes."""
    return len(text) if text.isascii() else max(0, wcswidth(text))


def wrap(text: str, width: int, first: int, indent: int) -> list[str]:
    """Break `text` into lines, between words if possible. Links stay whole.

    Args:
        text: as `printable` returned it.
        width: cells of a line.
        first: cells of the first line that are used already.
        indent: cells of each other line that are used already.
    """
    rest = max(_NARROWEST, width - indent)
    lines: list[str] = []
    for paragraph in text.split("\n"):
        lines += _fill(paragraph, rest if lines else width - first, rest)
    return lines


def _fill(text: str, room: int, rest: int) -> list[str]:
    """Break one paragraph: its first line has `room` cells, the others `rest`."""
    if len(text) <= room and text.isascii():
        return [text]
    lines, line, left = [], "", room
    for part in _parts(text, rest):
        size, link = cells(part), _LINK.match(part)
        whole = link or part[0] == " " or size <= min(rest, len(part))  # CJK breaks anywhere
        if size > left and whole and (line or left < rest):
            lines.append(line.rstrip(" "))
            line, left = "", rest
            if part[0] == " ":  # the break replaces it
                continue
        if size > left and not link:
            first, *full = chop(part, left, rest)
            lines += [line + first, *full[:-1]]
            line, left, part = "", rest, full[-1]
            size = cells(part)
        line += part
        left -= size
    return [*lines, line]


def _parts(text: str, rest: int) -> Iterator[str]:
    """Yield words and blanks; a word too long for a line in parts, cut at `:` and `/`."""
    for part in _PARTS.findall(text):
        if len(part) > rest and not _LINK.match(part):
            yield from _JOINED.findall(part)
        else:
            yield part


def chop(word: str, first: int, rest: int) -> list[str]:
    """Cut what is longer than a line between graphemes: the first piece has `first` cells at most,
    each other `rest`.
    """
    pieces, left = [""], first
    for grapheme in iter_graphemes(word):
        size = cells(grapheme)
        if size > left:
            pieces.append("")
            left = rest
        pieces[-1] += grapheme
        left -= size
    return pieces
