"""The audit: did every member get every message once, in order, and the same as the others?

All members of a room must receive the same log. The member that is ahead decodes a message, checks
it and appends its bytes to the log (`RoomStream`). What the other members receive is compared with
the log (`MemberReader`). That is one memcmp for each read, however many messages it holds.

A member also receives frames of its own: replies, presence, pings. Where the bytes differ from the
log, the reader cuts out the frame and decodes it. A message with the same values in other bytes is
no fault.

A member whose numbers are wrong once is detached from the log. The reader decodes each of its
messages from then on, and their numbers show what is lost, doubled or reordered (`Numbers`).
"""

import struct
from collections.abc import Callable

from chat_client.load.generator.room_stream import RoomStream, decode_bare
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

_PRESENCE = b'{"type":"presence"'
"""How most frames begin that are no messages. They are skipped without decoding. A server that
writes the members of the object in another order costs a decode, and nothing else."""


class MemberReader:
    """What one member has received of its room's log, over all of its connections.

    Attributes:
        log: the room's log.
        place: the place in the log up to which it has received; None before it joined, and once it
            is detached from the log.
        next: the seq of the first message that it has not received; 0 before it joined.
        received: how many messages it has received.
        altered: how many of them differed from what the other members received.
        malformed: how many frames broke the protocol, without those that are in the log.
        first_fault: what was wrong with the first altered or malformed frame, or "".
    """

    def __init__(self, log: RoomStream, other: Callable[[AnyServerMessage], None]) -> None:
        """
        Args:
            log: the room's log.
            other: called with each frame that is no room message, in order.
        """
        self.log = log
        self.place: int | None = None
        self.next = 0
        self.received = 0
        self.altered = 0
        self.malformed = 0
        self.first_fault = ""
        self._numbers: Numbers | None = None
        self._partial = b""
        self._timed_from = 0
        self._other = other

    def join(self, last: int, *, timed: bool, on_purpose: bool = False) -> None:
        """Note that the reply to a join came.

        Args:
            last: the `seq` in the reply: the room's last message at that time.
            timed: whether to record the latency of what the member receives.
            on_purpose: whether the member had disconnected on purpose. It must receive what it
                missed all the same, but nobody is late with that: its latency is not recorded.
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
        """Note that the connection is lost. A message that was cut off comes again whole."""
        self._partial = b""
        if self.place is not None:
            self.place = self.log.start_of(self.next)

    def receive(self, piece: memoryview) -> None:
        """Check the next bytes of the connection.

        Raises:
            ProtocolError: they are not frames.
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
        """Return whether the member has received all messages up to `last`, or never joined."""
        return not self.next or self.next > last

    def faults(self, last: int) -> Faults:
        """Return the member's faults, given the seq of the room's last message."""
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
        """Return the rest of `piece` from the start of the frame in which the match ended."""
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
                self._other(message)
        elif self._numbers is not None:
            self._take_detached(message)
        elif self.place is not None:
            self._take_next(payload, message)

    def _take_malformed(self, payload: bytes, fault: str) -> Message | None:
        """Count a frame that breaks the protocol. Return it as a message if it is one."""
        self._advance()
        message = decode_bare(payload) if fault.startswith("`message`") else None
        log = self.log
        if message and self.place == log.end and message.seq == self.next:
            # It goes into the log: members that get the same bytes have the same fault.
            log.malformed += 1
            log.first_fault = log.first_fault or fault
        else:
            self.malformed += 1
            self.first_fault = self.first_fault or fault
        return message

    def _take_next(self, payload: bytes, message: Message) -> None:
        """Take a message whose bytes are not those that come next in the log."""
        assert self.place is not None
        self._advance()
        if message.seq != self.next:
            self._numbers = Numbers(self.next)
            self.place = None
            self.log.intact = False
            self._take_detached(message)
            return
        if self.place == self.log.end:
            self.log.append(payload, message)
        elif difference := self.log.difference(message):
            self.altered += 1
            self.first_fault = self.first_fault or f"in message {message.seq}, {difference}"
        self.place = self.log.start_of(message.seq + 1)

    def _take_detached(self, message: Message) -> None:
        assert self._numbers is not None
        self._numbers.take(message.seq)
        self.received += 1
        self.next = max(self.next, message.seq + 1)
        if message.seq >= self._timed_from:
            self.log.note_received_detached(message)

    def _advance(self) -> None:
        """Count the messages that end at or before `place`, and note when they came."""
        if self.place is None:
            return
        following = self.log.next_at(self.place)
        if following == self.next:
            return
        self.received += following - self.next
        first = max(self.next, self._timed_from)
        if first < following:
            self.log.note_received(first, following)
        self.next = following


def _cut(piece: memoryview) -> tuple[bytes | None, memoryview]:
    """Return the payload of the first frame, None if it is not complete, and the rest."""

    if len(piece) < HEADER_SIZE:
        return None, piece
    (length,) = _length.unpack_from(piece)
    if not 1 <= length <= FRAME_LIMIT:
        raise ProtocolError(Code.BAD_FRAME, f"a frame has 1 to {FRAME_LIMIT} bytes, not {length}")
    stop = HEADER_SIZE + length
    if len(piece) < stop:
        return None, piece
    return bytes(piece[HEADER_SIZE:stop]), piece[stop:]
