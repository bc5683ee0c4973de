"""Did every member get the same log: all of it, once, in order?

The server owes all members of a room the same bytes. So nothing is parsed while the clock runs:
whoever is ahead writes what it received into one shared log, and everybody else's bytes are
compared with it, which is one memcmp for each read. Afterwards the log itself is read once with
the real decoder: if it is right, and everybody got just that, then everybody got it right.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from protocol.errors import ProtocolError
from protocol.framing import HEADER_SIZE, FrameDecoder
from protocol.messages import Message, decode_server_message

NUMBER_DIGITS = 8
"""How many digits each text begins with: which one of its publisher's it is, from 0."""


class SharedLog:
    """The bytes that every member is owed, in the order in which they are owed."""

    def __init__(self) -> None:
        self.data = bytearray()

    def accept(self, offset: int, piece: memoryview) -> bool:
        """Return whether a member that had `offset` bytes may receive `piece` next.

        What goes beyond the log's end becomes part of the log.
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


@dataclass
class LogReading:
    """What a log was found to hold.

    Attributes:
        ends: the offset behind each of its messages, in bytes.
        faults: a sentence for everything that is wrong with it.
    """

    ends: list[int] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def messages_within(self, offset: int) -> int:
        """Return how many messages are complete in the log's first `offset` bytes."""
        return bisect_right(self.ends, offset)


def read_log(data: bytes | bytearray, promised: Mapping[str, Sequence[int]]) -> LogReading:
    """Read a log and say what is wrong with it.

    Args:
        data: what a member received since before the first message was said.
        promised: for each publisher's nick, the `seq` of the `ok` to each of its texts, in the
            order in which it said them. Each text begins with its number.
    """
    reading = LogReading()
    arrived: dict[str, list[int]] = {nick: [] for nick in promised}
    last = None
    for message in _messages(data, reading):
        if last is not None and message.seq != last + 1:
            reading.faults.append(f"seq {message.seq} follows {last}")
        last = message.seq
        seqs = arrived.setdefault(message.from_, [])
        if message.text[:NUMBER_DIGITS] != f"{len(seqs):0{NUMBER_DIGITS}}":
            reading.faults.append(f"seq {last} is not text {len(seqs)} of {message.from_}")
        seqs.append(last)
    for nick, seqs in arrived.items():
        if seqs != list(promised.get(nick, ())):
            reading.faults.append(f"the log and the replies differ in what {nick} said")
    return reading


def _messages(data: bytes | bytearray, reading: LogReading) -> list[Message]:
    """The messages in `data`; their ends, and what is no message, go to `reading`."""
    messages, end = [], 0
    decoder = FrameDecoder()
    try:
        for payload in decoder.feed(bytes(data)):
            end += HEADER_SIZE + len(payload)
            decoded = decode_server_message(payload)
            if isinstance(decoded, Message):
                messages.append(decoded)
                reading.ends.append(end)
            else:
                reading.faults.append(f"no message: {payload[:80]!r}")
    except ProtocolError as error:
        reading.faults.append(f"the log is not made of frames: {error}")
    if decoder.buffered:
        reading.faults.append("the log ends within a frame")
    return messages
