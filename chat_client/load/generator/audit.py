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
from collections.abc import Callable

from chat_client.load.generator.room_log import RoomLog, decode_bare
from chat_client.load.model.faults import Faults, Numbers
from protocol.errors import Code, ProtocolError
from protocol.framing import FRAME_LIMIT, HEADER_SIZE
from protocol.messages import (
    LARGEST_ID,
    AnyServerMessage,
    Message,
    decode_server_message,
    server_message_fault,
)

_length = struct.Struct("!I")

# Nearly all that is no message, in a busy room. A server that wrote the members in another order
# would cost a decode here, and nothing else.
_PRESENCE = b'{"type":"presence"'


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
        message = decode_bare(payload) if fault.startswith("`message`") else None
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
