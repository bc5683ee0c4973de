"""Text of others, made harmless for where it is printed.

The server lets no control character in. This is the second lock: a file that was tampered with
cannot drive the operator's terminal either, nor turn a line around with a bidirectional override.
"""

import re

from protocol.common.unsafe_characters import MARKS, UNSAFE, escape

_dangerous = re.compile(f"[{UNSAFE}{MARKS}]")
_line_break = re.compile(r"[\t\n]")
_markup = re.compile(r"[\\`*_{}\[\]<>&|~#$]")
# What a spreadsheet takes for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "|", "%", "\t", "\r", "＝", "＋", "－", "＠")


def harmless(text: str) -> str:
    """Return `text` with every dangerous character as its escape; tab and line feed stay."""
    return _dangerous.sub(escape, text)


def one_line(text: str) -> str:
    """Return `text` on one line, with every dangerous character as its escape."""
    return harmless(_line_break.sub(" ", text))


def harmless_json(document: str) -> str:
    """Return a JSON document with the dangerous characters in its strings as JSON escapes.

    What JSON itself escapes is left alone: a line feed between values is none of a string's.
    """
    return _dangerous.sub(lambda found: f"\\u{ord(found[0]):04x}", document)


def markdown(text: str) -> str:
    """Return `text` so that Markdown shows it as it is, on one line, with <br> for line feeds."""
    lines = (_markup.sub(r"\\\g<0>", harmless(line)) for line in text.split("\n"))
    return "<br>".join(line.replace("\t", "    ") for line in lines)


def csv_cell(text: str) -> str:
    """Return `text` so that no spreadsheet takes it for a formula (OWASP: CSV injection)."""
    plain = one_line(text)
    return f"'{plain}" if text.lstrip(" ").startswith(_FORMULA) else plain
