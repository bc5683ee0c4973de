"""The messages in the order in which a server delivers them, and the faults of that order.

All members must receive the same bytes. The member that is ahead appends them to the shared log
(audit.SharedLog), and the others are compared with it. This module reads that log once, with the
pattern of the server's protocol.
"""

import re
from bisect import bisect_right
from collections import Counter

STRETCH = 4096
"""Bytes: more than the longest message has. No message in so many bytes is a fault."""


class Record:
    """The messages of a log, read as it grows.

    Attributes:
        talkers: for each message, the number of its talker.
        numbers: for each message, its number among its talker's, from 0.
        next: for each talker, the number that must come next.
        lost: how many numbers were skipped.
        disordered: how many messages came twice, or after a later one.
        broken: the bytes where a message should begin and none does, or b"".
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
        """Read the part of `data`, the log so far, that was not read before."""
        if self.broken:
            return
        match = self._message.match
        while found := match(data, self._end):
            self._end = found.end()
            self._take(int(found[1]), int(found[2]))
        if len(data) - self._end > STRETCH:
            self.broken = bytes(data[self._end : self._end + 100])

    def messages_within(self, offset: int) -> int:
        """Return how many messages are complete in the first `offset` bytes of the log."""

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
