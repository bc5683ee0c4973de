"""Numbered texts that nobody else says, short and long, in bytes of every width.

They are in NFC, as the server stores them.
"""

import random

from protocol.text import TEXT_LIMIT

_ALPHABETS = (
    "abcdefghijklmnopqrstuvwxyz ",
    'quotes " and \\ backslashes, tabs\tand\nlines ',
    "äöüßéèñçøåžłőği ",
    "漢字仮名交じり文한국어ไทย ",
    "😀🦊🚀🎈🧩🐙 ",
)


class Texts:
    """Makes the texts of one client."""

    def __init__(self, client: str, source: random.Random) -> None:
        self._client = client
        self._source = source
        self._number = 0

    def next(self) -> str:
        """Return a text that was never said."""
        start = f"{self.brief()}: "
        alphabet = self._source.choice(_ALPHABETS)
        length = min(self._length(), TEXT_LIMIT - len(start) - 1)
        return start + "".join(self._source.choices(alphabet, k=length)) + "."

    def brief(self) -> str:
        """Return a short text in one line that was never said."""
        self._number += 1
        return f"{self._client} {self._number}"

    def _length(self) -> int:
        draw = self._source.random()
        if draw < 0.7:
            return self._source.randrange(0, 100)
        if draw < 0.95:
            return self._source.randrange(100, 800)
        return self._source.randrange(800, TEXT_LIMIT)
