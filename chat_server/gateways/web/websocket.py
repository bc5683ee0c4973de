"""Native messages over WebSocket (RFC 6455): one JSON object is one text message.

`websockets` does the protocol, without I/O: masking, fragments, control frames, closing. It reads
on the connection's thread alone; what is written is made of whole frames, which need no state.
"""

from codecs import getincrementaldecoder
from collections.abc import Iterator, Sequence

from websockets.frames import CloseCode, Frame, Opcode
from websockets.server import ServerProtocol

from chat_server.gateways.gateway import Idle, OwnReply, Received, together
from chat_server.gateways.native import decoded
from chat_server.rooms.codec import Broadcast, Encoded
from protocol.errors import Code, ProtocolError
from protocol.framing import HEADER_SIZE
from protocol.messages import (
    AnyRequest,
    Goodbye,
    Message,
    ServerMessage,
    ServerPing,
    encode,
)

REPLACED = 4000
"""The close code for whose session goes on in another connection."""

_CLOSE_CODES: dict[str, int] = {
    Code.BYE: CloseCode.NORMAL_CLOSURE,
    Code.SHUTTING_DOWN: CloseCode.GOING_AWAY,
    Code.INTERNAL: CloseCode.INTERNAL_ERROR,
    Code.REPLACED: REPLACED,
}
"""Why a server closes; everything else breaks a rule."""

_REASON_LIMIT = 123
"""What a control frame may hold, without the close code (RFC 6455, 5.5)."""

_FRAGMENT_SIZE = 64
"""Bytes that a fragment takes besides what is in it: there may be any number of empty ones."""

_Utf8 = getincrementaldecoder("utf-8")

_AT_ONCE = 4096
"""Bytes that are looked at before others are answered."""

_DATA = (Opcode.TEXT, Opcode.BINARY, Opcode.CONT)


class WebSocketCodec:
    """Writes events as text messages."""

    def encode(self, event: ServerMessage) -> bytes:
        """Return one event as one message."""
        payload = encode(event)[HEADER_SIZE:]
        return _text_header(len(payload)) + payload

    def encode_messages(self, messages: Sequence[Message]) -> Encoded:
        """Return a batch of messages in one buffer."""
        frames = [self.encode(message) for message in messages]
        return Encoded.of(frames)


WEBSOCKET = WebSocketCodec()
"""The codec that all WebSocket connections share."""


class WebSocketGateway:
    """One WebSocket, after its handshake. See Gateway."""

    __slots__ = ("_fragmented", "_fragments", "_lengths", "_protocol", "_text", "greeted")

    codec = WEBSOCKET
    answers_pings = True
    writes_own = False

    def __init__(self, protocol: ServerProtocol) -> None:
        """
        Args:
            protocol: that has accepted the handshake; its `max_size` bounds a message in bytes.
        """
        self._protocol = protocol
        self._fragments: list[bytes] = []
        self._fragmented = 0  # bytes that they take
        self._text = _Utf8()
        self._lengths = _Lengths()
        self.greeted = False

    @property
    def unfinished(self) -> int:
        """Bytes of a message and of a frame. See Gateway."""
        return self._fragmented + self._lengths.received

    def receive(self, data: bytes) -> Iterator[Received]:
        """Yield what the frames in `data` ask. See Gateway."""
        return together(self._asked(data))

    def _asked(self, data: bytes) -> Iterator[AnyRequest | ProtocolError | OwnReply | Idle]:
        for begin in range(0, len(data), _AT_ONCE):
            yield from self._asked_in(data[begin : begin + _AT_ONCE])
            if self._protocol.close_expected():
                return

    def _asked_in(self, data: bytes) -> Iterator[AnyRequest | ProtocolError | OwnReply | Idle]:
        """Yield what the frames in a part of what came ask."""
        protocol, idle = self._protocol, 0
        bad_length = self._lengths.bad_at(data)
        protocol.receive_data(data[:bad_length])
        if not protocol.close_expected():
            pongs = b"".join(protocol.data_to_send())
            if pongs:
                yield OwnReply(pongs)
        for event in protocol.events_received():
            assert isinstance(event, Frame)
            idle += event.opcode not in _DATA or not event.fin
            if event.opcode in _DATA:
                if event.opcode is Opcode.BINARY:
                    protocol.fail(CloseCode.UNSUPPORTED_DATA, "messages are text: JSON in UTF-8")
                    break
                try:  # each fragment: what is no text is refused as soon as that shows
                    self._text.decode(bytes(event.data), final=event.fin)
                except UnicodeDecodeError:
                    protocol.fail(CloseCode.INVALID_DATA, "a message is text in UTF-8")
                    break
                self._fragments.append(bytes(event.data))
                self._fragmented += _FRAGMENT_SIZE + len(event.data)
                if event.fin:
                    yield decoded(self._joined(), greeted=self.greeted)
        if bad_length is not None and not protocol.close_expected():
            protocol.fail(CloseCode.PROTOCOL_ERROR, "a length has to be written in as few bytes")
        if idle and not protocol.close_expected():
            yield Idle(idle)
        if protocol.close_expected():
            yield self._last_answer()

    def write(self, event: ServerMessage) -> bytes:
        """Return one event as one message; for a ping, and for the end, what WebSocket has, too."""
        written = WEBSOCKET.encode(event)
        if isinstance(event, ServerPing):
            return written + _frame(Opcode.PING, b"")
        if isinstance(event, Goodbye):
            code = _CLOSE_CODES.get(event.code, CloseCode.POLICY_VIOLATION)
            return written + _close(code, event.text)
        return written

    def write_shared(self, events: Broadcast) -> bytes:
        """Return events that many are sent."""
        return events.encoded(WEBSOCKET)

    def _joined(self) -> bytes:
        payload = b"".join(self._fragments)
        self._fragments.clear()
        self._fragmented = 0
        return payload

    def _last_answer(self) -> OwnReply:
        """The close frame that the client asked for, or got for what it broke."""
        broken = self._protocol.parser_exc is not None or self._protocol.close_rcvd is None
        written = b"".join(self._protocol.data_to_send())
        if broken:
            return OwnReply(written, ends=Code.BAD_FRAME)
        # A page that is loaded anew goes away as one that is closed.
        close = self._protocol.close_rcvd
        returns = close is not None and close.code == CloseCode.GOING_AWAY
        return OwnReply(written, ends=Code.BYE, returns=returns)


class _Lengths:
    """Finds a frame whose length is not written as it has to be (RFC 6455, 5.2): in as few bytes
    as it takes, its top bit 0. The library reads such a frame like any other.
    """

    __slots__ = ("_head", "_left", "_size")

    def __init__(self) -> None:
        self._head = b""  # of the frame under way, up to its length
        self._left = 0  # bytes of that frame, behind its length
        self._size = 0  # of all of it, as far as that is known

    @property
    def received(self) -> int:
        """How many bytes have come of the frame under way."""
        return self._size - self._left if self._left else len(self._head)

    def bad_at(self, data: bytes) -> int | None:
        """Return where the last byte of a bad length stands in what comes next; None if nowhere.

        It is not to be called again after that.
        """
        place = 0
        while place < len(data):
            if self._left:
                step = min(self._left, len(data) - place)
                self._left -= step
                place += step
                continue
            self._head += data[place : place + 1]
            place += 1
            length = _length(self._head)
            if length is None:
                continue
            if not _SHORTEST.get(self._head[1] & 0x7F, 0) <= length < 1 << 63:
                return place - 1
            self._left = length + _MASK_SIZE
            self._size = len(self._head) + self._left
            self._head = b""
        return None


_MASK_SIZE = 4
_LENGTH_SIZE, _SHORTEST = {126: 2, 127: 8}, {126: 126, 127: 65536}
"""By the seven bits that say that the length is in the bytes behind: how many, and the least that
may be written there.
"""


def _length(head: bytes) -> int | None:
    """The length in the head of a frame; None if it is not there yet."""
    if len(head) < 2:
        return None
    length = head[1] & 0x7F
    size = _LENGTH_SIZE.get(length, 0)
    if not size:
        return length
    return int.from_bytes(head[2:]) if len(head) == 2 + size else None


def _text_header(length: int) -> bytes:
    """What stands before a text of so many bytes: as `Frame` writes it, in a sixth of the time."""
    if length < 126:
        return bytes((_WHOLE_TEXT, length))
    if length < 65536:
        return _LENGTH_IN_2 + length.to_bytes(2)
    return _LENGTH_IN_8 + length.to_bytes(8)


_WHOLE_TEXT = 0x80 | Opcode.TEXT
_LENGTH_IN_2, _LENGTH_IN_8 = bytes((_WHOLE_TEXT, 126)), bytes((_WHOLE_TEXT, 127))


def _frame(opcode: Opcode, payload: bytes) -> bytes:
    return Frame(opcode, payload).serialize(mask=False)


def _close(code: int, reason: str) -> bytes:
    payload = code.to_bytes(2) + reason.encode()[:_REASON_LIMIT].decode(errors="ignore").encode()
    return _frame(Opcode.CLOSE, payload)
