"""IRC lines: how they are cut out of the stream, read, and written (RFC 1459, 2.3; IRCv3 message
tags).

What is written never holds a CR, LF or NUL that was not put there to end the line, whatever a nick,
a topic or a text holds, and is at most LINE_LIMIT bytes long without its tags.
"""

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

LINE_LIMIT = 512
"""Bytes of a line with its end and without its tags."""

TAGS_LIMIT = 4096
"""Bytes of the tags that a client sends, with the `@` before and the blank behind them."""

_END = b"\r\n"
_CONTENT_LIMIT = LINE_LIMIT - len(_END)

_ESCAPES = {";": r"\:", " ": r"\s", "\\": r"\\", "\r": r"\r", "\n": r"\n"}
_UNESCAPES = {escape[1]: sign for sign, escape in _ESCAPES.items()}
_ESCAPED = str.maketrans({**_ESCAPES, "\0": ""})
_CLEANED = str.maketrans({"\r": " ", "\n": " ", "\0": ""})

_ZERO_WIDTH_JOINER = "\u200d"
_EXTENDERS = frozenset(map(chr, (0x200D, *range(0xFE00, 0xFE10), *range(0x1F3FB, 0x1F400))))
"""What belongs to the character before it: a joiner, the selectors of variants, the tones of skin.
"""

_LONGEST_CHARACTER = 40
"""How far a cut may move to keep a character whole: more than any letter with its marks has."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line that a client sent.

    Attributes:
        command: in capitals.
        params: what follows it, the last perhaps with blanks.
        tags: by name; "" for a tag without a value.
    """

    command: str
    params: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def label(self) -> str | None:
        """The label that the replies are to carry (IRCv3 labeled-response)."""
        return self.tags.get("label") or None

    def param(self, number: int) -> str:
        """A parameter; "" if there are not so many."""
        return self.params[number] if number < len(self.params) else ""


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that cannot be read.

    Attributes:
        code: the numeric, or the code of a FAIL, that says why.
        text: a sentence for a person.
    """

    code: str
    text: str


TOO_LONG = BadLine(
    "417", f"a line has at most {LINE_LIMIT} bytes, and {TAGS_LIMIT} more for its tags"
)
NOT_UTF8 = BadLine("INVALID_UTF8", "this server speaks UTF-8 only: the line was dropped")


class LineReader:
    """Cuts a stream into lines. It never keeps more than one line that may still be right."""

    def __init__(self) -> None:
        self._rest = b""
        self._dropping = False  # the line under way is too long already

    @property
    def buffered(self) -> int:
        """How many bytes of an unfinished line are kept."""
        return len(self._rest)

    def feed(self, data: bytes) -> Iterator[Line | BadLine | None]:
        """Yield each line that `data` completes; None for an empty one."""
        *complete, rest = (self._rest + data).split(b"\n")
        self._rest = rest
        for each in complete:
            if self._dropping:
                self._dropping = False
                yield TOO_LONG
                continue
            yield read_line(each.removesuffix(b"\r"))
        if len(self._rest) > TAGS_LIMIT + LINE_LIMIT:
            self._rest, self._dropping = b"", True


def read_line(data: bytes) -> Line | BadLine | None:
    """Return what a line says that stands here without its end; None if nothing."""
    tags, content = b"", data
    if data.startswith(b"@"):
        tags, _, content = data.partition(b" ")
        if len(tags) + 1 > TAGS_LIMIT:
            return TOO_LONG
    if len(content) > _CONTENT_LIMIT:
        return TOO_LONG
    try:
        return _parsed(tags.decode()[1:], content.decode())
    except UnicodeDecodeError:
        return NOT_UTF8


def _parsed(tags: str, content: str) -> Line | None:
    content = content.replace("\0", "").lstrip(" ")
    if content.startswith(":"):  # a source, which a client has no need to name
        content = content.partition(" ")[2]
    middle, colon, trailing = (" " + content).partition(" :")
    words = [word for word in middle.split(" ") if word]
    if not words:
        return None
    command, *params = words
    if colon:
        params.append(trailing)
    return Line(command.upper(), tuple(params), _read_tags(tags))


def _read_tags(text: str) -> dict[str, str]:
    """The last of two with one name counts."""
    pairs = (each.partition("=") for each in text.split(";") if each)
    return {name: unescape(value) for name, _, value in pairs}


def unescape(value: str) -> str:
    """Return what a tag's value says. A backslash before any other sign, or at the end, is none."""
    if "\\" not in value:
        return value
    signs, found = iter(value), []
    for sign in signs:
        if sign == "\\":
            sign = next(signs, "")
            sign = _UNESCAPES.get(sign, sign)
        found.append(sign)
    return "".join(found)


def escape(value: str) -> str:
    """Return a tag's value as it goes on the wire."""
    return value.translate(_ESCAPED)


# -- writing --------------------------------------------------------------------------------------


def build(source: str, command: str, *middle: str, text: str | None = None) -> str:
    """Return a line without tags and without its end.

    Args:
        source: whom it is from; "" for nobody.
        command: a command or a numeric.
        middle: parameters without blanks.
        text: the last parameter, which may hold anything. It is cut where the line would be longer
            than it may be.
    """
    words = [f":{source}"] if source else []
    line = " ".join([*words, command, *middle])
    if text is not None:
        line = f"{line} :{text}"
    return fitting(line.translate(_CLEANED), _CONTENT_LIMIT)


def tagged(tags: Mapping[str, str], line: str) -> str:
    """Return a line with these tags before those that it has."""
    if not tags:
        return line
    written = ";".join(f"{name}={escape(value)}" if value else name for name, value in tags.items())
    return f"@{written};{line[1:]}" if line.startswith("@") else f"@{written} {line}"


def space_for_text(source: str, command: str, *middle: str) -> int:
    """Return how many bytes of text fit a line that begins like this."""
    return _CONTENT_LIMIT - len(build(source, command, *middle, text="").encode())


def encoded(lines: Iterator[str] | list[str]) -> bytes:
    """Return lines as they go on the wire."""
    return b"".join(line.encode() + _END for line in lines)


def cut(text: str, space: int) -> list[str]:
    """Return a text as one line or more: each is at most `space` bytes, and none is empty.

    A line feed begins another line. What is too long is cut behind a blank where there is one,
    else between two characters; put together again it is what it was.
    """
    lines = []
    for each in text.translate({0x0D: " ", 0: None}).split("\n"):
        rest = each or " "  # an empty parameter is no message to many clients
        while rest:
            piece = fitting(rest, space)
            if len(piece) < len(rest) and " " in piece:
                piece = piece[: piece.rindex(" ") + 1]
            lines.append(piece)
            rest = rest[len(piece) :]
    return lines


def fitting(text: str, space: int) -> str:
    """Return as much of `text`, from its first character, as fits so many bytes."""
    if len(text) <= space // 4:  # whatever the characters are
        return text
    data = text.encode()
    if len(data) <= space:
        return text
    count = len(data[:space].decode(errors="ignore"))
    whole = count
    while whole > max(0, count - _LONGEST_CHARACTER) and _belongs_together(text, whole):
        whole -= 1
    return text[: whole if whole > max(0, count - _LONGEST_CHARACTER) else count]


def _belongs_together(text: str, place: int) -> bool:
    """Whether a cut before text[place] would be within what is read as one character."""
    sign = text[place]
    return (
        sign in _EXTENDERS
        or unicodedata.combining(sign) != 0
        or (place > 0 and text[place - 1] == _ZERO_WIDTH_JOINER)
    )
