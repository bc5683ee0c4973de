"""Text of others, made harmless for where it is printed.

The server lets no control character in. This is the second lock: a file that was tampered with
cannot drive the operator's terminal either, nor turn a line around with a bidirectional override.
"""

import re

# C0 but for tab and line feed, DEL, C1; line and paragraph separators; what changes the direction
# of text; lone surrogates, which no file can hold.
_DANGEROUS = (
    "\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u2028\\u2029\\u200e\\u200f\\u202a-\\u202e"
    "\\u2066-\\u2069\\ud800-\\udfff"
)
_dangerous = re.compile(f"[{_DANGEROUS}]")
_dangerous_in_a_line = re.compile(f"[\\t\\n{_DANGEROUS}]")
_markup = re.compile(r"[\\`*_{}\[\]<>&|~#$]")
# What a spreadsheet takes for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


def harmless(text: str) -> str:
    """Return `text` with every dangerous character as its escape; tab and line feed stay."""
    return _dangerous.sub(_escape, text)


def one_line(text: str) -> str:
    """Return `text` on one line, with every dangerous character as its escape."""
    return _dangerous_in_a_line.sub(_escape, text)


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


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    if character in "\t\n":
        return " "
    code = ord(character)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
