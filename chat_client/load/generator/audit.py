"""Did every member get every message once, in order, and the same as the others?

The server owes all members of a room the same log. Whoever is ahead decodes a message, checks it
and puts its bytes into the log (`RoomLog`); the bytes of everybody else are compared with those
(`Reader`), which is one memcmp for each read, however many messages it holds. Between them may
stand what is a member's own: replies, presence, pings. Where bytes differ, the frame is cut out
and looked at; a message that says the same in other bytes is as good.

A member that was wronged once leaves the log: from then on each of its messages is decoded, and
their numbers say what was lost, doubled or reordered (`Numbers`).
"""

import struct
import zlib
from bisect import bisect_right
from collections.abc import Callable

import msgspec
from msgspec import Struct

from chat_client.load.model.histogram import Histogram
from protocol.errors import Code, ProtocolError
from protocol.framing import FRAME_LIMIT, HEADER_SIZE
from protocol.messages import (
    LARGEST_ID,
    AnyServerMessage,
    Message,
    decode_server_message,
    server_message_fault,
)

STAMP_SIZE = 40
"""How many characters each text begins with that say whose it is, which one, and when due."""

_length = struct.Struct("!I")

# Nearly all that is no message, in a busy room. A server that wrote the members in another order
# would cost a decode here, and nothing else.
_PRESENCE = b'{"type":"presence"'

# A gap wider than this is counted but not remembered: what comes later of it counts as doubled.
_GAP_REMEMBERED = 100_000

# Characters of a value that is shown. The end of a text is what differs as often as its start.
_SHOWN = 60


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


class Faults(Struct):
    """What went wrong, in deliveries: one message that all of 10 members lack is 10 lost.

    A message is `altered` if a member got it with other members of the object than the others did,
    and `malformed` if it breaks the protocol, in the same way for all who get the same bytes.
    """

    lost: int = 0
    doubled: int = 0
    reordered: int = 0
    altered: int = 0
    malformed: int = 0

    def add(self, other: "Faults", times: int = 1) -> None:
        """Add the faults of another one, so many times."""
        self.lost += other.lost * times
        self.doubled += other.doubled * times
        self.reordered += other.reordered * times
        self.altered += other.altered * times
        self.malformed += other.malformed * times

    def named(self) -> str:
        """Return what there is of each, such as "2 lost, 1 doubled"."""
        counts = [(getattr(self, name), name) for name in self.__struct_fields__]
        return ", ".join(f"{count:,} {name}" for count, name in counts if count)

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name in self.__struct_fields__)


class _Bare(Struct):
    """Of a message that breaks the protocol, what it takes to know which one it is."""

    seq: int
    text: str = ""


_bare_decoder = msgspec.json.Decoder(_Bare)


def _bare(payload: bytes) -> Message | None:
    """As much of a malformed message as can be read."""
    try:
        found = _bare_decoder.decode(payload)
    except (ValueError, RecursionError):
        return None
    return Message("", found.seq, 0.0, "", "text", found.text)


def _difference(one: Message, other: Message) -> str:
    """Which members of the object are not the same, and what they are."""
    names = [name for name in one.__struct_fields__ if getattr(one, name) != getattr(other, name)]
    return ", ".join(
        f"`{name.rstrip('_')}` is {_short(getattr(one, name))}, the others got "
        f"{_short(getattr(other, name))}"
        for name in names
    )


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN // 2]}...{text[-_SHOWN // 2 :]}"


class Numbers:
    """Numbers that should come one after the other, and what is wrong with how they came.

    Attributes:
        faults: without what is lost, as it may still come.
    """

    def __init__(self, first: int) -> None:
        self.faults = Faults()
        self._next = first
        self._missing: set[int] = set()
        self._given_up = 0

    def take(self, number: int) -> None:
        """Note that `number` came."""
        if number >= self._next:
            self._skip_to(number)
            self._next = number + 1
        elif number in self._missing:
            self._missing.remove(number)
            self.faults.reordered += 1
        else:
            self.faults.doubled += 1

    def lost(self, last: int) -> int:
        """Return how many did not come, if `last` is the last of all."""
        return self._given_up + len(self._missing) + max(0, last + 1 - self._next)

    def seen(self, number: int) -> bool:
        """Return whether `number` came."""
        return number < self._next and number not in self._missing

    def _skip_to(self, number: int) -> None:
        if number - self._next > _GAP_REMEMBERED:
            self._given_up += number - self._next
        else:
            self._missing.update(range(self._next, number))


class RoomLog:
    """What the members of one room are owed, from where the first of them came in.

    Places in the log are counted in bytes from its beginning, also when that is not kept any more.

    Attributes:
        name: the room's.
        members: how many readers there are.
        intact: no member was wronged, so that `own` and `digest` are complete.
        own: how many messages of this run it has had.
        digest: of those messages, in their order.
        malformed: how many of its messages break the protocol.
        complaint: what is wrong with the first of those, or "".
        faults: how the messages of each talker are numbered wrongly, and what is malformed; once,
            not for each member.
    """

    def __init__(self, name: str, run: int) -> None:
        """
        Args:
            name: the room's.
            run: the number that this run's texts carry.
        """
        self.name = name
        self.members = 0
        self.intact = True
        self.own = 0
        self.digest = 0
        self.malformed = 0
        self.complaint = ""
        self._run = run
        self._data = bytearray()
        self._base = 0  # the place where _data begins
        self._first = 0  # the seq of the message that _data begins with; 0 before anybody joined
        self._ends: list[int] = []  # the place where each kept message ends
        self._dues: list[int] = []  # when it was due, in µs; 0 if it is not this run's
        self._talkers: dict[int, Numbers] = {}
        # What was heard since `settle` was called: messages `first` to before `stop`; due times.
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
        """What is wrong with how the texts of the talkers are numbered."""
        found = Faults(malformed=self.malformed)
        for numbers in self._talkers.values():
            found.add(numbers.faults)
        return found

    def join(self, seq: int) -> int | None:
        """Let a member in to whom `seq` is owed first. Return its place, None if there is none."""
        self.members += 1
        self._first = self._first or seq
        return self.start_of(seq)

    def next_at(self, place: int) -> int:
        """Return the seq of the message that is not complete before `place`."""
        return self._first + bisect_right(self._ends, place)

    def start_of(self, seq: int) -> int | None:
        """Return the place where the message `seq` begins or will begin; None if not known."""
        index = seq - self._first
        if index == 0:
            return self._base
        return self._ends[index - 1] if 0 < index <= len(self._ends) else None

    def match(self, place: int, piece: memoryview) -> int:
        """Return how many bytes at the beginning of `piece` are those of the log from `place`."""
        data, offset = self._data, place - self._base
        known = min(len(data) - offset, len(piece))
        # startswith takes any buffer and compares in place; == on a slice would copy it first.
        if data.startswith(piece[:known], offset):
            return known
        low, step = 0, 32
        while data.startswith(piece[low : low + step], offset + low):
            low, step = low + step, step * 2
        high = min(low + step, known) - 1  # the first so many bytes may be the same, not one more
        while low < high:
            middle = (low + high + 1) // 2
            if data.startswith(piece[low:middle], offset + low):
                low = middle
            else:
                high = middle - 1
        return low

    def between(self, start: int, stop: int) -> bytes:
        """Return the bytes of the log from one place to another."""
        return bytes(self._data[start - self._base : stop - self._base])

    def append(self, payload: bytes, message: Message) -> None:
        """Add the message that comes next."""
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
        """Return what is not the same in the log's message of the same seq, which it has."""
        start = self.start_of(message.seq)
        stop = self.start_of(message.seq + 1)
        assert start is not None
        assert stop is not None
        payload = self.between(start + HEADER_SIZE, stop)
        mine = decode_server_message(payload) or _bare(payload)
        assert isinstance(mine, Message)
        return _difference(message, mine)

    def has_heard(self, talker: int, number: int) -> bool:
        """Return whether a text of one of this run's talkers is in the log."""
        numbers = self._talkers.get(talker)
        return numbers is not None and numbers.seen(number)

    def heard(self, first: int, stop: int) -> None:
        """Note that a member has just received the messages `first` to before `stop`."""
        self._stretches.append((first, stop))

    def heard_alone(self, message: Message) -> None:
        """Note that a member that left the log has just received a message."""
        stamp = read_stamp(message.text)
        if stamp is not None and stamp.run == self._run:
            self._singles.append(stamp.due)

    def settle(self, now: int, since: int, latencies: Histogram) -> None:
        """Count the latency of what was heard since the last call.

        Many members hear the same at the same time. So each message is looked at once for all of
        them: the stretches are cut where one begins or ends.

        Args:
            now: when it was heard, in µs.
            since: what was due before, in µs, is not counted.
            latencies: where to.
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
        """Return when each message from `seq` on was due, in µs; 0 for what is not this run's."""
        return self._dues[max(0, seq - self._first) :]

    def forget_before(self, place: int) -> None:
        """Keep nothing that ends before `place`: all members have it."""
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


class Reader:
    """One member's end of the log, over all of its connections.

    Attributes:
        log: the room's.
        place: how far into the log it has received; None before it joined and after it left the
            log.
        next: the seq of the first message that it has not received; 0 before it joined.
        received: how many messages it got.
        altered: how many of them were not what the others got.
        malformed: how many frames broke the protocol, beside those that the log has.
        complaint: what was wrong with the first that was altered or malformed, or "".
    """

    def __init__(self, log: RoomLog, told: Callable[[AnyServerMessage], None]) -> None:
        """
        Args:
            log: the room's.
            told: called with all that is no message, in its place among the messages.
        """
        self.log = log
        self.place: int | None = None
        self.next = 0
        self.received = 0
        self.altered = 0
        self.malformed = 0
        self.complaint = ""
        self._numbers: Numbers | None = None
        self._partial = b""
        self._timed_from = 0
        self._told = told

    def join(self, last: int, *, timed: bool, on_purpose: bool = False) -> None:
        """Note that the reply to a join came.

        Args:
            last: the `seq` in it: the room's last message by then.
            timed: whether the latency of what it receives is counted.
            on_purpose: whether it had left on purpose. Then it is owed what it missed, as always;
                but it was not the server that was late with that.
        """
        first = last + 1 if on_purpose or not self.next else self.next
        self._timed_from = first if timed else LARGEST_ID + 1
        if self.next:
            return
        self.next = last + 1
        self.place = self.log.join(self.next)
        if self.place is None:
            self._numbers = Numbers(self.next)

    def cut_off(self) -> None:
        """Note that the connection is gone, perhaps amid a message, which will come again."""
        self._partial = b""
        if self.place is not None:
            self.place = self.log.start_of(self.next)

    def receive(self, piece: memoryview) -> None:
        """Check what came.

        Raises:
            ProtocolError: it is not made of frames.
        """
        if self._partial:
            piece = memoryview(self._partial + piece)
            self._partial = b""
        while len(piece):
            if self.place is not None:
                matched = self.log.match(self.place, piece)
                self.place += matched
                if matched == len(piece):
                    break
                piece = self._from_frame(piece, matched)
            payload, piece = _cut(piece)
            if payload is None:
                self._partial = bytes(piece)
                break
            self._take(payload)
        self._advance()

    def has_all(self, last: int) -> bool:
        """Return whether it got what it is owed up to `last`, or is owed nothing."""
        return not self.next or self.next > last

    def faults(self, last: int) -> Faults:
        """Return what is wrong with what it got, if `last` is the seq of the last message."""
        found = Faults(altered=self.altered, malformed=self.malformed)
        if not self.next:
            return found
        if self._numbers is None:
            found.lost = max(0, last + 1 - self.next)
            return found
        found.lost = self._numbers.lost(last)
        found.add(self._numbers.faults)
        return found

    def _from_frame(self, piece: memoryview, matched: int) -> memoryview:
        """What is left of `piece`, of which so much matched, from the start of a frame."""
        assert self.place is not None
        start = self.log.start_of(self.log.next_at(self.place))
        assert start is not None
        back, end = self.place - start, self.place
        self.place = start
        if back <= matched:
            return piece[matched - back :]
        return memoryview(self.log.between(start, end) + piece[matched:])

    def _take(self, payload: bytes) -> None:
        if payload.startswith(_PRESENCE):
            return
        message = decode_server_message(payload)
        fault = "" if message is not None else server_message_fault(payload)
        if fault:
            message = self._take_malformed(payload, fault)
        if not isinstance(message, Message):
            if message is not None:
                self._told(message)
        elif self._numbers is not None:
            self._take_alone(message)
        elif self.place is not None:
            self._take_next(payload, message)

    def _take_malformed(self, payload: bytes, fault: str) -> Message | None:
        """Note that a frame breaks the protocol. Return the message that it is, if it is one."""
        self._advance()
        message = _bare(payload) if fault.startswith("`message`") else None
        log = self.log
        if message and self.place == log.end and message.seq == self.next:
            # It goes into the log, where all who get the same bytes have it from.
            log.malformed += 1
            log.complaint = log.complaint or fault
        else:
            self.malformed += 1
            self.complaint = self.complaint or fault
        return message

    def _take_next(self, payload: bytes, message: Message) -> None:
        """Take a message that is not, byte for byte, what comes next in the log."""
        assert self.place is not None
        self._advance()
        if message.seq != self.next:
            self._numbers = Numbers(self.next)
            self.place = None
            self.log.intact = False
            self._take_alone(message)
            return
        if self.place == self.log.end:
            self.log.append(payload, message)
        elif difference := self.log.difference(message):
            self.altered += 1
            self.complaint = self.complaint or f"in message {message.seq}, {difference}"
        self.place = self.log.start_of(message.seq + 1)

    def _take_alone(self, message: Message) -> None:
        assert self._numbers is not None
        self._numbers.take(message.seq)
        self.received += 1
        self.next = max(self.next, message.seq + 1)
        if message.seq >= self._timed_from:
            self.log.heard_alone(message)

    def _advance(self) -> None:
        """Count what was received up to `place`."""
        if self.place is None:
            return
        following = self.log.next_at(self.place)
        if following == self.next:
            return
        self.received += following - self.next
        first = max(self.next, self._timed_from)
        if first < following:
            self.log.heard(first, following)
        self.next = following


def _cut(piece: memoryview) -> tuple[bytes | None, memoryview]:
    """The payload of the first frame, None if it is not complete, and what follows it."""
    if len(piece) < HEADER_SIZE:
        return None, piece
    (length,) = _length.unpack_from(piece)
    if not 1 <= length <= FRAME_LIMIT:
        raise ProtocolError(Code.BAD_FRAME, f"a frame has 1 to {FRAME_LIMIT} bytes, not {length}")
    stop = HEADER_SIZE + length
    if len(piece) < stop:
        return None, piece
    return bytes(piece[HEADER_SIZE:stop]), piece[stop:]
