"""The codec seam: how events become bytes, seen from the rooms and from delivery.

A gateway brings one codec, which all its connections share. Rooms and delivery keep events, and ask
a codec for bytes when they send: a batch of messages is written once for each codec that has a
member in the room, however many members speak it.
"""

from collections.abc import Sequence
from itertools import accumulate
from typing import Protocol

from msgspec import Struct

from protocol.messages import Message, ServerMessage


class Encoded(Struct, frozen=True, gc=False):
    """Messages in one buffer; the message number `n` ends at the offset `ends[n]`."""

    buffer: bytes
    ends: tuple[int, ...]

    @classmethod
    def of(cls, written: Sequence[bytes]) -> "Encoded":
        """Return messages, each of which is written already, in one buffer."""
        return cls(b"".join(written), tuple(accumulate(map(len, written))))


class Codec(Protocol):
    """One wire format. It has no state: any thread may call any method."""

    def encode(self, event: ServerMessage) -> bytes:
        """Return one event, as it goes on the wire."""
        ...

    def encode_messages(self, messages: Sequence[Message]) -> Encoded:
        """Return a batch of messages in one buffer that all who speak this format share."""
        ...


class Writer(Protocol):
    """How one client is written to. The lock of its outbox guards it."""

    @property
    def codec(self) -> Codec:
        """What writes the messages of rooms, for all who speak this format."""
        ...

    @property
    def writes_own(self) -> bool:
        """Whether the client's own messages, as they come back from a room, are not taken from what
        all share, but handed to `write`.
        """
        ...

    def write(self, event: ServerMessage) -> bytes:
        """Return what this client is sent for an event, or for a reply; it may be nothing."""
        ...

    def write_shared(self, events: "Broadcast") -> bytes:
        """Return what this client is sent for events that many are sent."""
        ...


class Broadcast:
    """Events for many: written once for each codec, on first use.

    Two threads may both be the first; they write the same.

    Attributes:
        events: what is sent.
    """

    __slots__ = ("_encoded", "events")

    def __init__(self, *events: ServerMessage) -> None:
        self.events = events
        self._encoded: dict[Codec, bytes] = {}

    def encoded(self, codec: Codec) -> bytes:
        """Return the events as `codec` writes them."""
        written = self._encoded.get(codec)
        if written is None:
            written = b"".join(codec.encode(event) for event in self.events)
            self._encoded[codec] = written
        return written
