"""The log of one room, which all of its members must receive.

The log begins where the first member joined. Whichever member is ahead adds what it received; the
bytes that the other members receive are compared with that (see `audit`).
"""

import struct
import zlib
from bisect import bisect_right

import msgspec
from msgspec import Struct

from chat_client.load.generator.stamp import STAMP_SIZE, read_stamp
from chat_client.load.model.faults import Faults, Numbers
from chat_client.load.model.histogram import Histogram
from protocol.framing import HEADER_SIZE
from protocol.messages import Message, decode_server_message

_length = struct.Struct("!I")

_SHOWN = 60
"""Characters of a value in an example: half from its start, half from its end."""


class RoomStream:
    """The messages of one room, from where the first member joined.

    A place in the log is a number of bytes from its beginning. The beginning may be dropped; places
    still count from there.

    Attributes:
        name: the room's name.
        members: how many readers the room has.
        intact: whether no member is detached from the log, so that `own` and `digest` are complete.
        own: how many messages of this run are in the log, or were.
        digest: a checksum of those messages in their order.
        malformed: how many messages of the log break the protocol.
        first_fault: what is wrong with the first of those, or "".
    """

    def __init__(self, name: str, run: int) -> None:
        """
        Args:
            name: the room's name.
            run: the number of this run, which its texts carry.
        """
        self.name = name
        self.members = 0
        self.intact = True
        self.own = 0
        self.digest = 0
        self.malformed = 0
        self.first_fault = ""
        self._run = run
        self._data = bytearray()
        self._base = 0  # the place where _data begins
        self._first = 0  # the seq of the message that _data begins with; 0 before anybody joined
        self._ends: list[int] = []  # the place where each kept message ends
        self._dues: list[int] = []  # when each was due, in µs; 0 if it is not of this run
        self._talkers: dict[int, Numbers] = {}
        # Received, and not in the latencies yet: messages `first` to before `stop`; due times.
        self._stretches: list[tuple[int, int]] = []
        self._singles: list[int] = []

    @property
    def end(self) -> int:
        """The place behind the last message."""
        return self._base + len(self._data)

    @property
    def last(self) -> int:
        """The seq of the last message, or of the one before the first."""
        return self._first + len(self._ends) - 1

    @property
    def faults(self) -> Faults:
        """What is wrong with the log itself: once, and not for each member."""
        found = Faults(malformed=self.malformed)
        for numbers in self._talkers.values():
            found.add(numbers.faults)
        return found

    def join(self, seq: int) -> int | None:
        """Add a member that must receive `seq` first. Return its place, None if it is not known."""
        self.members += 1
        self._first = self._first or seq
        return self.start_of(seq)

    def next_at(self, place: int) -> int:
        """Return the seq of the first message that does not end at or before `place`."""
        return self._first + bisect_right(self._ends, place)

    def start_of(self, seq: int) -> int | None:
        """Return the place where the message `seq` begins or will begin; None if not known."""
        index = seq - self._first
        if index == 0:
            return self._base
        return self._ends[index - 1] if 0 < index <= len(self._ends) else None

    def match(self, place: int, piece: memoryview) -> int:
        """Return how many bytes of `piece`, from its start, are those of the log from `place`."""
        data, offset = self._data, place - self._base
        known = min(len(data) - offset, len(piece))
        # startswith takes any buffer and compares in place; == on a slice would copy it first.
        if data.startswith(piece[:known], offset):
            return known
        low, step = 0, 32
        while data.startswith(piece[low : low + step], offset + low):
            low, step = low + step, step * 2
        high = min(low + step, known) - 1  # at most so many bytes are the same
        while low < high:
            middle = (low + high + 1) // 2
            if data.startswith(piece[low:middle], offset + low):
                low = middle
            else:
                high = middle - 1
        return low

    def between(self, start: int, stop: int) -> bytes:
        """Return the bytes of the log between two places."""
        return bytes(self._data[start - self._base : stop - self._base])

    def append(self, payload: bytes, message: Message) -> None:
        """Append the next message.

        Args:
            payload: its bytes, without the length.
            message: the same, decoded.
        """
        self._data += _length.pack(len(payload))
        self._data += payload
        self._ends.append(self.end)
        stamp = read_stamp(message.text)
        if stamp is None or stamp.run != self._run:
            self._dues.append(0)
            return
        self._dues.append(stamp.due)
        self.own += 1
        self.digest = zlib.crc32(message.text[:STAMP_SIZE].encode(), self.digest)
        numbers = self._talkers.get(stamp.talker)
        if numbers is None:
            numbers = self._talkers[stamp.talker] = Numbers(0)
        numbers.take(stamp.number)

    def difference(self, message: Message) -> str:
        """Return how `message` differs from the message in the log with the same seq."""
        start = self.start_of(message.seq)
        stop = self.start_of(message.seq + 1)
        assert start is not None
        assert stop is not None
        payload = self.between(start + HEADER_SIZE, stop)
        mine = decode_server_message(payload) or decode_bare(payload)
        assert isinstance(mine, Message)
        return _difference(message, mine)

    def has_text(self, talker: int, number: int) -> bool:
        """Return whether text `number` of a talker of this run is or was in the log."""
        numbers = self._talkers.get(talker)
        return numbers is not None and numbers.seen(number)

    def note_received(self, first: int, stop: int) -> None:
        """Note that a member has just received the messages from `first` to before `stop`."""
        self._stretches.append((first, stop))

    def note_received_detached(self, message: Message) -> None:
        """Note that a detached member has just received a message."""
        stamp = read_stamp(message.text)
        if stamp is not None and stamp.run == self._run:
            self._singles.append(stamp.due)

    def record_latencies(self, now: int, since: int, latencies: Histogram) -> None:
        """Record the latency of everything that was received since the last call.

        Many members receive the same messages at the same time. The stretches are cut where one of
        them begins or ends, so that each message is looked at once for all members.

        Args:
            now: when it was received, in µs.
            since: messages that were due earlier, in µs, are not counted.
            latencies: the histogram to record in.
        """
        if self._singles:
            latencies.record_waits([due for due in self._singles if due >= since], now)
            self._singles.clear()
        if not self._stretches:
            return
        changes: dict[int, int] = {}
        for first, stop in self._stretches:
            changes[first] = changes.get(first, 0) + 1
            changes[stop] = changes.get(stop, 0) - 1
        self._stretches.clear()
        weight, begin = 0, 0
        for seq in sorted(changes):
            if weight:
                latencies.record_waits(self._due_within(begin, seq, since), now, weight)
            weight += changes[seq]
            begin = seq

    def dues_from(self, seq: int) -> list[int]:
        """Return when each message from `seq` on was due, in µs; 0 if it is not of this run."""
        return self._dues[max(0, seq - self._first) :]

    def drop_before(self, place: int) -> None:
        """Drop the messages that end at or before `place`. All members have received them."""
        count = bisect_right(self._ends, place)
        if not count:
            return
        cut = self._ends[count - 1]
        del self._data[: cut - self._base]
        del self._ends[:count]
        del self._dues[:count]
        self._base = cut
        self._first += count

    def _due_within(self, first: int, stop: int, since: int) -> list[int]:
        dues = self._dues[first - self._first : stop - self._first]
        return dues if min(dues) >= since else [due for due in dues if due >= since]


class _Bare(Struct):
    """What identifies a message that breaks the protocol."""

    seq: int
    text: str = ""


_bare_decoder = msgspec.json.Decoder(_Bare)


def decode_bare(payload: bytes) -> Message | None:
    """Return a malformed message with its seq and text, None if they cannot be read."""
    try:
        found = _bare_decoder.decode(payload)
    except (ValueError, RecursionError):
        return None
    return Message("", found.seq, 0.0, "", "text", found.text)


def _difference(one: Message, other: Message) -> str:
    """The members of the object that differ, and their values."""

    names = [name for name in one.__struct_fields__ if getattr(one, name) != getattr(other, name)]
    return ", ".join(
        f"`{name.rstrip('_')}` is {_short(getattr(one, name))}, the others got "
        f"{_short(getattr(other, name))}"
        for name in names
    )


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN // 2]}...{text[-_SHOWN // 2 :]}"
