"""The characters that are not safe to print, in one place.

Each constant is the inside of a character class of `re`. The server refuses some of them, logs
escape all, and the client leaves them out of what it prints.
"""

import re

CONTROLS = r"\x00-\x08\x0b-\x1f\x7f-\x9f"
"""C0 except tab and line feed, DEL and C1: they drive a terminal (ECMA-48)."""

HALVES = r"\ud800-\udfff"
"""Lone surrogates: they are no characters, and no file can hold them."""

SEPARATORS = r"\u2028\u2029"
"""Some terminals take them for line feeds."""

DIRECTIONS = r"\u061c\u202a-\u202e\u2066-\u2069"
"""They change the direction of the text behind them (UAX #9): a line could read as another."""

MARKS = r"\u200e\u200f"
"""LRM and RLM. Right-to-left scripts need them, so a person's text may keep them."""

HIDDEN = r"\xad\u200b-\u200d\u2060-\u2065\u206a-\u206f\ufeff"
"""They take no space: two different names could look alike in a log."""

UNSAFE = CONTROLS + HALVES + SEPARATORS + DIRECTIONS
"""What no terminal is to be given, in text of several lines."""


def escape(found: re.Match[str]) -> str:
    """Return a character as its escape, such as `\\x1b` or `\\u202e`: for `re.sub`."""
    return found[0].encode("unicode_escape").decode("ascii")
