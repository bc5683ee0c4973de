"""What members over WebSocket receive is read as it was written, however it is cut."""

import pytest
from websockets.frames import Frame, Opcode

from benchmarks.wires import WEBSOCKET, TextDecoder
from protocol.errors import ProtocolError

PAYLOADS = [b"{}", b"x" * 125, b"y" * 126, b"z" * 65535, b"w" * 65536]


def frame(payload: bytes) -> bytes:
    return Frame(Opcode.TEXT, payload).serialize(mask=False)


@pytest.mark.parametrize("size", [1, 2, 3, 70_000, 1_000_000])
def test_texts_of_every_length(size: int) -> None:
    """And how many bytes each takes."""
    data = b"".join(map(frame, PAYLOADS))
    decoder = TextDecoder()
    found = [
        payload
        for start in range(0, len(data), size)
        for payload in decoder.feed(data[start : start + size])
    ]
    assert found == PAYLOADS
    assert decoder.buffered == 0
    assert [WEBSOCKET.size(len(payload)) for payload in PAYLOADS] == [
        len(frame(payload)) for payload in PAYLOADS
    ]


def test_half_a_text_waits() -> None:
    """For the rest of it."""
    decoder = TextDecoder()
    assert list(decoder.feed(frame(b"abc")[:-1])) == []
    assert decoder.buffered == 4
    assert list(decoder.feed(b"c")) == [b"abc"]


def test_another_kind_of_frame_is_a_fault() -> None:
    """Nobody pings a member that shows that it lives."""
    with pytest.raises(ProtocolError, match="a frame begins with 0x89"):
        list(TextDecoder().feed(Frame(Opcode.PING, b"").serialize(mask=False)))
