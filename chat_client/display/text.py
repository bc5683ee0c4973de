"""What others wrote, made safe for a terminal and fitted to its width.

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
_JOINED = re.compile(r"/?[^:/]*:|/[^:/]*|[^:/]+")  # of a path, a fingerprint
_LINK = re.compile(r"\w+://")
# What a program writes to colour a terminal, to move its cursor, to name its window, to ring it
# (ECMA-48), where it stands on one line.
_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|\x1b[\]PX^_][^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"
    r"|\x1b(?:[ -/]+[0-~]|[0-OQ-WYZ\\`-~])"
    r"|[\x07\x0e\x0f]"
)
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
"""Scripts without spaces between words, by how the names of their characters begin."""
_AGGLUTINATING = (*_SPACELESS, "HANGUL")
"""The same, and Korean, which has spaces, but appends particles to a name."""
_NARROWEST = 10
"""Cells that a text has at the least, however narrow the window and long the nick."""


def printable(text: str) -> str:
    """Return `text` without what could drive a terminal. Line feeds stay, tabs become spaces."""
    return _UNPRINTABLE.sub("", text.replace("\t", "    "))


def one_line(text: str) -> str:
    """Return `text` as `printable` does, on one line."""
    return printable(text).replace("\n", " ")


def bare_line(line: str) -> str:
    """Return a line that a program wrote, as a terminal would leave it standing: without colours,
    with the last state of a progress bar, and without a byte order mark before it.
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
    """Return a text of several lines, each as `bare_line` does; they may end as on Windows."""
    return "\n".join(bare_line(line) for line in text.split("\n"))


def fold(nick: str) -> str:
    """Return what two nicks are compared by, to colour, hide, complete and find them."""
    return unicodedata.normalize("NFC", nick).casefold()


def mentions(nick: str, text: str) -> Iterator[tuple[int, int]]:
    """Yield where `nick` stands in `text`, from and to, as a word and not as a part of one."""
    for found in _nick_pattern(nick).finditer(text) if nick else ():
        start, end = found.span()
        before, after = text[start - 1 : start], text[end : end + 1]
        if not (_joined(nick[0], before, _SPACELESS) or _joined(nick[-1], after, _AGGLUTINATING)):
            yield start, end


@lru_cache(maxsize=16)
def _nick_pattern(nick: str) -> re.Pattern[str]:
    return re.compile(re.escape(nick), re.IGNORECASE)


def _joined(edge: str, neighbour: str, spaceless: tuple[str, ...]) -> bool:
    """Whether the first or last character of a nick and the one beside it are of one word.

    Args:
        edge: the nick's.
        neighbour: the one beside it; empty where the text begins or ends.
        spaceless: scripts in which something else may stand there without a space.
    """
    if not neighbour or not (neighbour.isalnum() or neighbour == "_" or _is_mark(neighbour)):
        return False
    if not neighbour.isalpha() and not _is_mark(neighbour):  # ana2 is somebody else
        return True
    its, beside = (unicodedata.name(each, "") for each in (edge, neighbour))
    if its.startswith(_AGGLUTINATING) != beside.startswith(_AGGLUTINATING):  # the word is over
        return False
    return not (its.startswith(spaceless) or beside.startswith(spaceless))


def _is_mark(character: str) -> bool:
    """Whether it is an accent, or a vowel that is written as one."""
    return unicodedata.category(character).startswith("M")


def cells(text: str) -> int:
    """Return how many cells `text`, which is printable and one line, takes."""
    return len(text) if text.isascii() else max(0, wcswidth(text))


def wrap(text: str, width: int, first: int, indent: int) -> list[str]:
    """Break `text` into lines, between words where it can be. Links stay whole.

    Args:
        text: as `printable` returned it.
        width: cells of a line.
        first: cells that are taken already on the first line.
        indent: cells that are taken on each other line.
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
            if part[0] == " ":  # the break stands for it
                continue
        if size > left and not link:
            first, *full = _chop(part, left, rest)
            lines += [line + first, *full[:-1]]
            line, left, part = "", rest, full[-1]
            size = cells(part)
        line += part
        left -= size
    return [*lines, line]


def _parts(text: str, rest: int) -> Iterator[str]:
    """Words and blanks; of a word that is too long for a line, what stands between its signs."""
    for part in _PARTS.findall(text):
        if len(part) > rest and not _LINK.match(part):
            yield from _JOINED.findall(part)
        else:
            yield part


def _chop(word: str, first: int, rest: int) -> list[str]:
    """Cut a word that is longer than a line, between what a reader sees as characters."""
    pieces, left = [""], first
    for grapheme in iter_graphemes(word):
        size = cells(grapheme)
        if size > left:
            pieces.append("")
            left = rest
        pieces[-1] += grapheme
        left -= size
    return pieces
