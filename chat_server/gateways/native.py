"""The native wire: frames of length-prefixed JSON (docs/protocol.md)."""

from collections.abc import Sequence
from itertools import accumulate

from msgspec import UNSET

from chat_server.rooms.codec import Encoded
from protocol.errors import ProtocolError
from protocol.messages import Error, Goodbye, Message, ServerMessage, encode


class NativeCodec:
    """Writes events as frames."""

    def encode(self, event: ServerMessage) -> bytes:
        """Return one event as one frame."""
        return encode(event)

    def encode_messages(self, messages: Sequence[Message]) -> Encoded:
        """Return a batch of messages, each a frame, in one buffer."""
        frames = [encode(message) for message in messages]
        return Encoded(b"".join(frames), list(accumulate(map(len, frames))))


def refused(error: ProtocolError) -> bytes:
    """Return what somebody gets who is turned away before a connection is made of them."""
    wait = UNSET if error.retry_after is None else error.retry_after
    return encode(Error(None, error.code, error.text, retry_after=wait)) + encode(
        Goodbye(error.code, error.text)
    )


NATIVE = NativeCodec()
"""The codec that all native connections share."""
