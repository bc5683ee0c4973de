"""The audit of a benchmark: did every member get the same log, all of it, once, in order?

All members of a room must receive the same bytes. Nothing is parsed while the clock runs. The
member that is ahead appends what it received to one shared log. What the others receive is compared
with the log, which is one memcmp for each read. Afterwards the real decoder reads the log once. If
the log is right, and every member received just that, then each received the right messages.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence

from benchmarks.wires import NATIVE, MemberWire
from protocol.errors import ProtocolError
from protocol.messages import Message, decode_server_message

NUMBER_DIGITS = 8
"""Digits at the beginning of each text: its number among its publisher's texts, from 0."""


class SharedLog:
    """The bytes that every member must receive, in order.

    Attributes:
        data: the bytes so far.
    """

    def __init__(self) -> None:
        self.data = bytearray()

    def accept(self, offset: int, piece: memoryview) -> bool:
        """Return whether `piece` is what a member must receive next.

        What goes beyond the end of the log is appended to it.

        Args:
            offset: how many bytes the member has received before.
            piece: the bytes that it has received now.
        """
        data = self.data
        known = len(data) - offset
        # startswith takes any buffer and compares in place; == on a slice would copy it first.
        if known >= len(piece):
            return data.startswith(piece, offset)
        if not data.startswith(piece[:known], offset):
            return False
        data += piece[known:]
        return True


class LogReader:
    """Reads a log with the real decoder.

    Attributes:
        last: the `seq` of the last message read, 0 before the first.
    """

    def __init__(self, wire: MemberWire = NATIVE) -> None:
        """`wire` is what the log is written in."""
        self.last = 0
        self._decoder = wire.decoder()
        self._whole = wire.size
        self._size = 0  # bytes read
        self._end = 0  # where the last whole frame ended
        self._ends: list[int] = []  # where each message ended
        self._seqs: dict[str, list[int]] = {}  # of each nick's messages
        self._faults: list[str] = []

    def read(self, data: bytes | bytearray) -> None:
        """Read the part of `data`, the log so far, that was not read before."""
        piece = bytes(data[self._size :])
        self._size = len(data)
        try:
            for payload in self._decoder.feed(piece):
                self._end += self._whole(len(payload))
                self._take(payload)
        except ProtocolError as error:
            self._faults.append(f"the log is not made of frames: {error}")

    def messages_within(self, offset: int) -> int:
        """Return how many messages are complete in the first `offset` bytes of the log."""
        return bisect_right(self._ends, offset)

    def faults(self, promised: Mapping[str, Sequence[int]]) -> list[str]:
        """Return a sentence for each fault of the log.

        Args:
            promised: for the nick of each publisher, the `seq` in the reply to each of its texts,
                in the order in which it said them.
        """
        faults = list(self._faults)
        if self._decoder.buffered:
            faults.append("the log ends within a frame")
        faults.extend(
            f"the log and the replies differ in what {nick} said"
            for nick in sorted(promised.keys() | self._seqs.keys())
            if list(promised.get(nick, ())) != self._seqs.get(nick, [])
        )
        return faults

    def _take(self, payload: bytes) -> None:
        message = decode_server_message(payload)
        if not isinstance(message, Message):
            self._faults.append(f"not a message: {payload[:80]!r}")

            return
        if self._ends and message.seq != self.last + 1:
            self._faults.append(f"seq {message.seq} follows {self.last}")
        self.last = message.seq
        self._ends.append(self._end)
        seqs = self._seqs.setdefault(message.from_, [])
        if message.text[:NUMBER_DIGITS] != f"{len(seqs):0{NUMBER_DIGITS}}":
            self._faults.append(f"seq {message.seq} is not text {len(seqs)} of {message.from_}")
        seqs.append(message.seq)
