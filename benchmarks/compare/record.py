"""What was said, in the order in which a server delivers it, and what is wrong with that.

All silent members are owed the same bytes. Whoever is ahead writes them down (audit.SharedLog),
the others are compared. This reads what was written once, with the pattern of the wire.
"""

import re
from bisect import bisect_right
from collections import Counter

STRETCH = 4096
"""Bytes within which a message must end: more than the longest."""


class Record:
    """The messages of a log, read as it grows.

    Attributes:
        talkers: of each message, who said it.
        numbers: of each message, which of its talker's it is, from 0.
        next: for each talker, the number that is to follow.
        lost: how many numbers were skipped.
        disordered: how many came again, or after a later one.
        broken: what is no message, where one should begin, or b"".
    """

    def __init__(self, message: "re.Pattern[bytes]") -> None:
        self.talkers: list[int] = []
        self.numbers: list[int] = []
        self.next: Counter[int] = Counter()
        self.lost = 0
        self.disordered = 0
        self.broken = b""
        self._message = message
        self._ends: list[int] = []  # where each message ended
        self._end = 0

    def read(self, data: bytes | bytearray) -> None:
        """Read what `data`, the log so far, holds beyond what was read before."""
        if self.broken:
            return
        match = self._message.match
        while found := match(data, self._end):
            self._end = found.end()
            self._take(int(found[1]), int(found[2]))
        if len(data) - self._end > STRETCH:
            self.broken = bytes(data[self._end : self._end + 100])

    def messages_within(self, offset: int) -> int:
        """Return how many messages are complete in the log's first `offset` bytes."""
        return bisect_right(self._ends, offset)

    def _take(self, talker: int, number: int) -> None:
        self._ends.append(self._end)
        self.talkers.append(talker)
        self.numbers.append(number)
        if number < self.next[talker]:
            self.disordered += 1
            return
        self.lost += number - self.next[talker]
        self.next[talker] = number + 1
