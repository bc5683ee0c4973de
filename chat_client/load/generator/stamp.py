"""The stamp at the beginning of each text: which run, talker and text it is, and when it was due.

The audit needs no table of what was said: each text that arrives says by itself what it is.
"""

from msgspec import Struct

STAMP_SIZE = 40
"""Characters of a stamp. No text of a load test is shorter."""


class Stamp(Struct, frozen=True):
    """What the beginning of a text says.

    Attributes:
        run: the number of the run, which is its seed.
        talker: the number of the client that says the text.
        number: which of the talker's texts this is, from 0.
        due: when the text was due, in µs.
    """

    run: int
    talker: int
    number: int
    due: int

    def written(self) -> str:
        """Return the stamp as STAMP_SIZE characters."""
        return f"{self.run:08x}{self.talker:06x}{self.number:010x}{self.due:016x}"


def read_stamp(text: str) -> Stamp | None:
    """Return the stamp of a text, or None if it has none because somebody else said it."""
    try:
        return Stamp(
            int(text[:8], 16),
            int(text[8:14], 16),
            int(text[14:24], 16),
            int(text[24:STAMP_SIZE], 16),
        )
    except ValueError:
        return None
