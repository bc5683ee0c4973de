"""Messages and events for tests below the gateways, and a codec that writes bytes as they are."""

from collections.abc import Sequence
from typing import cast

from chat_server.rooms.codec import Broadcast, Encoded
from chat_server.rooms.log_tail import Segment
from protocol.messages import Message, ServerMessage


class RawCodec:
    """Writes what `as_is` made: for tests that look at bytes, not at events."""

    def encode(self, event: ServerMessage) -> bytes:
        return cast(bytes, event)

    def encode_messages(self, messages: Sequence[Message]) -> Encoded:
        raise AssertionError(f"no room is delivered to here: {messages}")


class RawWriter:
    """Writes for one client as RawCodec does."""

    codec = RawCodec()
    writes_own = False

    def write(self, event: ServerMessage) -> bytes:
        return self.codec.encode(event)

    def write_shared(self, events: Broadcast) -> bytes:
        return events.encoded(self.codec)


def as_is(data: bytes) -> ServerMessage:
    """An event that RawCodec writes as these bytes."""
    return cast(ServerMessage, data)


def segment(first: int, last: int, text: str = "hi") -> Segment:
    """The messages `first` to `last` of the lobby, as a worker publishes them."""
    return Segment(
        first,
        tuple(
            Message(room="lobby", seq=seq, time=1.0, from_="ada", kind="text", text=text)
            for seq in range(first, last + 1)
        ),
    )
