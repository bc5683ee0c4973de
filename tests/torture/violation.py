"""What the checker finds."""

from typing import NamedTuple


class Violation(NamedTuple):
    """A promise that was broken, and where to look."""

    rule: str
    what: str
    room: str = ""
    seq: int | None = None
    client: str = ""

    def __str__(self) -> str:
        room = f"room {self.room}" if self.room else ""
        seq = "" if self.seq is None else f"seq {self.seq}"
        place = ", ".join(part for part in (room, seq, self.client) if part)
        return ": ".join(part for part in (self.rule, place, self.what) if part)
