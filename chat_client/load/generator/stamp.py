"""The stamp at the beginning of each text: which run, which talker, which text, when due."""

from msgspec import Struct

STAMP_SIZE = 40
"""How many characters each text begins with that say whose it is, which one, and when due."""


class Stamp(Struct, frozen=True):
    """What the beginning of a text says.

    Attributes:
        run: which run of the load tester said it.
        talker: which of its clients.
        number: which of the talker's texts, from 0.
        due: when it was due to be said, in µs.
    """

    run: int
    talker: int
    number: int
    due: int

    def written(self) -> str:
        """Return the STAMP_SIZE characters."""
        return f"{self.run:08x}{self.talker:06x}{self.number:010x}{self.due:016x}"


def read_stamp(text: str) -> Stamp | None:
    """Return the stamp of a text, or None if it has none: somebody else is in the room."""
    try:
        return Stamp(
            int(text[:8], 16),
            int(text[8:14], 16),
            int(text[14:24], 16),
            int(text[24:STAMP_SIZE], 16),
        )
    except ValueError:
        return None
