"""The native wire: frames of length-prefixed JSON (docs/protocol.md)."""

from collections.abc import Iterator, Sequence

from chat_server.gateways.gateway import Received, together
from chat_server.rooms.codec import Broadcast, Encoded
from protocol.errors import ProtocolError
from protocol.framing import FrameDecoder
from protocol.messages import (
    AnyRequest,
    Message,
    decode_hello,
    decode_request,
    encode,
    encode_each,
)


class NativeCodec:
    """Writes events as frames."""

    encode = staticmethod(encode)

    def encode_messages(self, messages: Sequence[Message]) -> Encoded:
        """Return a batch of messages, each a frame, in one buffer."""
        return Encoded.of(encode_each(messages))


NATIVE = NativeCodec()
"""The codec that all native connections share."""


def decoded(payload: bytes, *, greeted: bool) -> AnyRequest | ProtocolError:
    """Return the request in a payload, or what is wrong with it.

    Args:
        payload: one JSON object.
        greeted: whether the hello was answered; before that nothing else is expected.

    Raises:
        ProtocolError: fatal.
    """
    try:
        return decode_request(payload) if greeted else decode_hello(payload)
    except ProtocolError as error:
        if error.fatal:
            raise
        return error


class NativeGateway:
    """One native connection. See Gateway."""

    __slots__ = ("_decoder", "greeted")

    codec = NATIVE
    answers_pings = True
    writes_own = False

    def __init__(self) -> None:
        self._decoder = FrameDecoder()
        self.greeted = False

    @property
    def unfinished(self) -> int:
        """Bytes of a frame. See Gateway."""
        return self._decoder.buffered

    def receive(self, data: bytes) -> Iterator[Received]:
        """Yield a request, or a mistake, for each frame that `data` completes. See Gateway."""
        return together(map(self._decoded, self._decoder.feed(data)))

    def _decoded(self, payload: bytes) -> AnyRequest | ProtocolError:
        return decoded(payload, greeted=self.greeted)

    write = staticmethod(encode)

    def write_shared(self, events: Broadcast) -> bytes:
        """Return events that many are sent."""
        return events.encoded(NATIVE)
