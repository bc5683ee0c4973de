"""The end of a room's log in memory: its latest segments.

A segment is one batch of messages. It keeps the messages, and writes itself once for each codec
that asks. What is older than the tail is in the store.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from msgspec import Struct

from chat_server.rooms.codec import Codec, Encoded
from protocol.messages import Message

TAIL_LIMIT = 320 * 1024
"""How much of the log's end is kept in memory: two rounds and some more, as a member waits for what
came after it was fed in the one round and before it is in the next. In bytes, by `message_cost`.
"""

PAGE_LIMIT = 128 * 1024
"""How many bytes a reader that catches up is handed at once."""

MESSAGE_COST = 128
"""What a message takes besides its text, in bytes, roughly."""


def message_cost(text: str) -> int:
    """Return how many bytes a message with this text takes, in memory or on the wire, roughly."""
    return MESSAGE_COST + (len(text) if text.isascii() else 4 * len(text))


class Slice(NamedTuple):
    """Messages of one segment: from number `begin` on, and up to `end`.

    Attributes:
        ends: where each message of the segment ends, in what all of it is written as.
        begin: how many messages of the segment come before.
        end: how many come before the first that does not belong to it any more.
    """

    ends: Sequence[int]
    begin: int
    end: int

    @property
    def start(self) -> int:
        """Where it begins, in what the segment is written as."""
        return self.ends[self.begin - 1] if self.begin else 0


class Chunk(NamedTuple):
    """The messages `first` to `last` of a log, as one codec writes them.

    The oldest may be gone from the log: `buffer` and `messages` have those that are kept. `parts`
    are what the buffer was put together from.
    """

    first: int
    last: int
    buffer: bytes
    messages: Sequence[Message]
    parts: Sequence[Slice] = ()

    def around(self, seqs: Iterable[int]) -> Iterator[bytes | Message]:
        """Yield what is in the buffer, and messages themselves where they stand in it.

        Args:
            seqs: the numbers of those messages, ascending; others may be among them.
        """
        taken = 0
        for seq in seqs:
            number = seq - self.oldest
            if not 0 <= number < len(self.messages):
                continue
            begin, end = self._end_of(number - 1), self._end_of(number)
            if begin > taken:
                yield self.buffer[taken:begin]
            yield self.messages[number]
            taken = end
        if taken < len(self.buffer):
            yield self.buffer[taken:]

    def _end_of(self, number: int) -> int:
        """Return where a message ends in the buffer; 0 for the number -1."""
        offset = 0
        for part in self.parts:
            count = part.end - part.begin
            if number < count:
                return offset + (part.ends[part.begin + number] - part.start if number >= 0 else 0)
            number -= count
            offset += part.ends[part.end - 1] - part.start
        return offset

    @property
    def oldest(self) -> int:
        """The first message that is kept; behind `last` if none is."""
        return self.messages[0].seq if self.messages else self.last + 1


class _Written(Struct, frozen=True, gc=False):
    """What a segment is written as by a codec, and by those that asked before it."""

    codec: Codec
    encoded: Encoded
    others: "_Written | None"


class Segment(Struct, eq=False, gc=False):
    """Consecutive messages of one log. Immutable, but for the bytes that it keeps.

    A hundred rooms of a few people keep some hundred thousand of them, and while the garbage
    collector looks at an object, nothing else happens. So it looks at nothing of a segment.

    Attributes:
        first: the seq of the first message, or the one that it would have.
        messages: in the order of their seq, without a gap.
        last: the seq of the last.
        cost: bytes it takes, roughly.
        written: what it keeps. Two threads may both write what is missing; they write the same.
    """

    first: int
    messages: tuple[Message, ...]
    last: int = 0
    cost: int = 0
    written: _Written | None = None

    def __post_init__(self) -> None:
        self.last = self.first + len(self.messages) - 1
        self.cost = sum([message_cost(message.text) for message in self.messages])

    def after(self, seq: int, codec: Codec, limit: int | None = None) -> Chunk:
        """Return what follows `seq` here, as `codec` writes it.

        Args:
            seq: the last message that the reader has; not above `last`.
            codec: the reader's.
            limit: so many bytes at most, but one message at the least; all of it without one.
        """
        encoded = self._encoded(codec)
        buffer, ends = encoded.buffer, encoded.ends
        begin = max(seq + 1, self.first)
        skipped = begin - self.first
        start = ends[skipped - 1] if skipped else 0
        stop = len(ends)
        if limit is not None and len(buffer) - start > limit:
            stop = max(bisect_right(ends, start + limit), skipped + 1)
        last, parts = self.first + stop - 1, (Slice(ends, skipped, stop),)
        if not skipped and stop == len(ends):
            return Chunk(begin, last, buffer, self.messages, parts)
        data = buffer[start : ends[stop - 1]]
        return Chunk(begin, last, data, self.messages[skipped:stop], parts)

    def changed_by(self, seq: int, entry: Message) -> "Segment":
        """Return the same with the latest state of a message, which an entry changes.

        Args:
            seq: the number of the message.
            entry: see `Message.changed_by`.
        """
        messages = list(self.messages)
        messages[seq - self.first] = messages[seq - self.first].changed_by(entry)
        return Segment(self.first, tuple(messages))

    def _encoded(self, codec: Codec) -> Encoded:
        known = written = self.written
        while written is not None:
            if written.codec is codec:
                return written.encoded
            written = written.others
        encoded = codec.encode_messages(self.messages)
        self.written = _Written(codec, encoded, known)
        return encoded


class LogTail:
    """The latest segments of one room. The room guards it with its lock."""

    __slots__ = ("_edits", "_segments", "_size")

    def __init__(self) -> None:
        self._segments: list[Segment] = []
        self._size = 0
        self._edits: list[Message] = []  # those in the segments; they are changed, too

    def append(self, segment: Segment, changes: Sequence[Message] = ()) -> None:
        """Add the segment that follows, and let go of what is over the limit.

        Whoever reads the tail from then on finds the latest state of what it changes. Who has the
        messages already gets the entries that change them.

        Args:
            segment: the segment.
            changes: those of its messages that change others.
        """
        self._segments.append(segment)
        self._size += segment.cost
        for entry in changes:
            self._change(entry)
        while self._size > TAIL_LIMIT and len(self._segments) > 1:
            self._size -= self._segments.pop(0).cost
            first = self._segments[0].first
            self._edits = [edit for edit in self._edits if edit.seq >= first]

    def _change(self, entry: Message) -> None:
        """Bring what an entry changes to its latest state, and the edits of that before it."""
        earlier = [edit.seq for edit in self._edits if edit.changes == entry.changes]
        for seq in (entry.changes, *earlier):
            place = bisect_left(self._segments, seq, key=_last)
            found = self._segments[place]
            if found.first <= seq:
                changed = self._segments[place] = found.changed_by(seq, entry)
                self._size += changed.cost - found.cost
        if entry.kind == "edit":
            self._edits.append(entry)

    def after(self, seq: int) -> list[Segment] | None:
        """Return the segments that hold what follows `seq`, as much as one page takes.

        Returns None if the tail begins later.
        """
        segments = self._segments
        if not segments or seq + 1 < segments[0].first:
            return None
        if seq + 1 == segments[-1].first:  # most readers have all but the latest
            return segments[-1:]
        start = bisect_left(segments, seq + 1, key=_last)
        stop, size = start, 0
        while stop < len(segments) and size < PAGE_LIMIT:
            size += segments[stop].cost
            stop += 1
        return segments[start:stop]


def joined(segments: list[Segment], seq: int, codec: Codec) -> Chunk | None:
    """Return one chunk of what follows `seq` in consecutive segments; None if there are none."""
    if not segments:
        return None
    first = segments[0].after(seq, codec)
    if len(segments) == 1:
        return first  # the buffer that all share
    chunks = [first, *(segment.after(segment.first - 1, codec) for segment in segments[1:])]
    messages = [message for chunk in chunks for message in chunk.messages]
    buffer = b"".join(chunk.buffer for chunk in chunks)
    parts = [part for chunk in chunks for part in chunk.parts]
    return Chunk(first.first, segments[-1].last, buffer, messages, parts)


def _last(segment: Segment) -> int:
    return segment.last
