"""What a search compares: the tokens of a text, and the phrases of a query.

Words are tokens, without accents and case. Scripts that are written without spaces, such as
Chinese, Japanese and Thai, have no words that a rule could tell apart, and symbols such as emoji
and `+` stand next to words. So each of their characters is a token, and a run of them in a query is
a phrase. That finds them anywhere in a text, also one alone, which groups of three could not.

The index splits at spaces and ASCII punctuation only (see the tokenizer in search_index.py).
All else is done here, in the same way for texts and for queries, whatever Unicode SQLite knows.
"""

import re
import unicodedata
from itertools import pairwise

WORDS_LIMIT = 10
"""Words of a query that are looked up: each costs a walk through the messages that have it."""

TOKENS_LIMIT = 50
"""Characters of a query that are looked up: each costs a walk through the messages that have it."""

ASCII_SYMBOLS = "#$%&+<=>@"
"""Of ASCII's punctuation these are tokens; the rest separates words."""

_ASCII_SYMBOL = re.compile(f"[{re.escape(ASCII_SYMBOLS)}]")
_ACCENTS = re.compile("[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+")
"""Marks above and below Latin, Greek and Cyrillic letters. Those of other scripts are vowels."""

_WITHOUT_SPACES = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u19e0-\u19ff\u2e80-\u2fdf\u3005-\u3007"
    "\u3021-\u3029\u3031-\u3035\u3040-\u318f\u31a0-\u31ff\u3400-\u4dbf\u4e00-\ua4cf\ua960-\ua97f"
    "\ua9e0-\ua9ff\uaa60-\uaa7f\uac00-\ud7ff\uf900-\ufaff\U00016fe0-\U00018dff"
    "\U0001aff0-\U0001b2ff\U00020000-\U0003ffff]"
)
"""Letters of scripts that are written without spaces, and of Korean, whose words take endings."""


class _Spacing(dict[int, str]):
    """What stands in a text for each character that was met: filled as they come."""

    LIMIT = 20_000  # of the 150,000 that Unicode has, a text of each could be sent

    def __missing__(self, point: int) -> str:
        char = chr(point)
        spaced = _spaced(char)
        if len(self) < self.LIMIT:
            self[point] = spaced
        return spaced


def _spaced(char: str) -> str:
    category = unicodedata.category(char)
    if char.isascii():
        symbol = char in ASCII_SYMBOLS
    elif category == "Cf" or "\ufe00" <= char <= "\ufe0f":  # they only shape what is beside them
        return ""
    else:  # Cn may be an emoji that is newer than this Python
        symbol = category[0] == "S" or category == "Cn" or bool(_WITHOUT_SPACES.match(char))
    if symbol:
        return f" {char} "
    return char if category[0] in "LNM" or category == "Co" else " "


_SPACING = _Spacing()


def folded(text: str) -> str:
    """Return the tokens of a text, with spaces between them; and, of ASCII, punctuation."""
    if text.isascii():
        if _ASCII_SYMBOL.search(text):
            text = _ASCII_SYMBOL.sub(r" \g<0> ", text)
        return text.lower()
    plain = _ACCENTS.sub("", unicodedata.normalize("NFKD", text)).casefold()
    return unicodedata.normalize("NFC", plain).translate(_SPACING)


def phrases_of(query: str) -> list[tuple[str, ...]]:
    """Return what a text has to have: phrases, each of tokens that follow each other.

    What stands in the query without a space or punctuation is a phrase. Words that are the
    beginning of another one are left out, as the longer one finds less.
    """
    parts = "".join(" " if _SPACING[ord(char)] == " " else char for char in query).split()
    found = dict.fromkeys(tuple(folded(part).split()) for part in parts)
    found.pop((), None)
    words = sorted(phrase[0] for phrase in found if len(phrase) == 1 and is_word(phrase[0]))
    begun = {(word,) for word, following in pairwise(words) if following.startswith(word)}
    return [phrase for phrase in found if phrase not in begun]


def is_word(token: str) -> bool:
    """Whether a token may be the beginning of a longer one."""
    return len(token) > 1 or _SPACING[ord(token)] == token
