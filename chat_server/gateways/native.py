"""The native wire: frames of length-prefixed JSON (docs/protocol.md)."""

from collections.abc import Sequence
from itertools import accumulate

from chat_server.rooms.codec import Encoded
from protocol.messages import Message, ServerMessage, encode


class NativeCodec:
    """Writes events as frames."""

    def encode(self, event: ServerMessage) -> bytes:
        """Return one event as one frame."""
        return encode(event)

    def encode_messages(self, messages: Sequence[Message]) -> Encoded:
        """Return a batch of messages, each a frame, in one buffer."""
        frames = [encode(message) for message in messages]
        return Encoded(b"".join(frames), list(accumulate(map(len, frames))))


NATIVE = NativeCodec()
"""The codec that all native connections share."""
