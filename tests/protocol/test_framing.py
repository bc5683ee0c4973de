"""Frames come out of a stream as they went in, however the stream is cut."""

import struct
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import Code, ProtocolError
from protocol.framing import (
    FRAME_LIMIT,
    HEADER_SIZE,
    FrameDecoder,
    encode_frame,
    encode_frames,
    fit_frames,
    skip_frames,
)
from tests.protocol.attempts import attempt
from tests.protocol.strategies import payloads, pieces

HELLO = b'{"type":"hello","version":1,"nick":"ada"}'


def decode_all(decoder: FrameDecoder, stream: Iterable[bytes]) -> list[bytes]:
    """Feed every piece and return what came out."""
    return [payload for piece in stream for payload in decoder.feed(piece)]


def byte_by_byte(stream: bytes) -> list[bytes]:
    return [stream[place : place + 1] for place in range(len(stream))]


def test_a_frame_is_a_big_endian_length_and_the_payload() -> None:
    """The length counts bytes, takes four of them, and stands in network byte order."""
    assert encode_frame(b'{"type":"x"}') == b'\x00\x00\x00\x0c{"type":"x"}'
    assert encode_frame(b"a" * 258)[:HEADER_SIZE] == b"\x00\x00\x01\x02"
    assert HEADER_SIZE == 4
    assert FRAME_LIMIT == 65536


def test_the_first_byte_of_a_frame_is_zero_at_the_limit_too() -> None:
    """A listener tells a frame from HTTP, IRC and TLS by its first byte."""
    assert encode_frame(b"x" * FRAME_LIMIT)[0] == 0


@pytest.mark.parametrize("size", [1, 2, 255, 256, FRAME_LIMIT - 1, FRAME_LIMIT])
def test_every_size_up_to_the_limit_passes(size: int) -> None:
    """1 <= N <= 65536, both included."""
    payload = b"x" * size
    assert decode_all(FrameDecoder(), [encode_frame(payload)]) == [payload]


@pytest.mark.parametrize("size", [0, FRAME_LIMIT + 1])
def test_our_own_payload_outside_the_limit_is_a_value_error(size: int) -> None:
    """A payload that we must not send is our mistake, not the peer's."""
    with pytest.raises(ValueError, match="65536"):
        encode_frame(b"x" * size)
    with pytest.raises(ValueError, match="65536"):
        encode_frames([b"x", b"x" * size])


def test_many_at_once_are_the_same_frames() -> None:
    """One by one, or all of a batch."""
    sent = [b"x" * size for size in (1, 300, FRAME_LIMIT)]
    assert encode_frames(sent) == list(map(encode_frame, sent))
    assert encode_frames([]) == []


@pytest.mark.parametrize(
    ("length", "code"),
    [
        (0, Code.BAD_FRAME),
        (FRAME_LIMIT + 1, Code.FRAME_TOO_LARGE),
        (0x16030100, Code.FRAME_TOO_LARGE),  # TLS
        (int.from_bytes(b"GET "), Code.FRAME_TOO_LARGE),  # HTTP
        (0xFFFFFFFF, Code.FRAME_TOO_LARGE),
    ],
)
def test_a_bad_length_is_refused_from_its_four_bytes(length: int, code: Code) -> None:
    """No byte of the body is waited for: whole, byte by byte, and with the body behind it."""
    header = struct.pack("!I", length)
    for stream in ([header], byte_by_byte(header), [header + b"x" * 100]):
        decoder = FrameDecoder()
        with pytest.raises(ProtocolError) as raised:
            decode_all(decoder, stream)
        assert raised.value.code == code
        assert raised.value.fatal
        assert raised.value.re is None


def test_three_bytes_of_a_bad_length_are_not_refused_yet() -> None:
    """Only the four bytes say it: 00 00 00 may still become a good length."""
    decoder = FrameDecoder()
    assert decode_all(decoder, byte_by_byte(b"\x00\x00\x00")) == []
    assert decode_all(decoder, [b"\x01x"]) == [b"x"]


def test_frames_before_a_bad_length_still_come_out() -> None:
    """A mistake does not take back what came before it."""
    payloads = FrameDecoder().feed(encode_frame(HELLO) + encode_frame(b"{}") + bytes(4))
    assert [next(payloads), next(payloads)] == [HELLO, b"{}"]
    with pytest.raises(ProtocolError):
        next(payloads)


def test_a_limit_of_ones_own_is_enforced() -> None:
    """A decoder with a smaller limit refuses what is above it."""
    with pytest.raises(ProtocolError) as raised:
        decode_all(FrameDecoder(limit=10), [encode_frame(b"x" * 11)])
    assert raised.value.code == Code.FRAME_TOO_LARGE
    assert decode_all(FrameDecoder(limit=10), [encode_frame(b"x" * 10)]) == [b"x" * 10]


@pytest.mark.parametrize("trailing", [b"", b"\x00", b"\x00\x00\x00\x05", b"\x00\x00\x00\x05ab"])
def test_whole_byte_by_byte_and_with_trailing_data(trailing: bytes) -> None:
    """The same frames come out, and what begins behind them is kept, no more and no less."""
    stream = encode_frame(HELLO) + encode_frame(b"{}") + trailing
    for cut in ([stream], byte_by_byte(stream)):
        decoder = FrameDecoder()
        assert decode_all(decoder, cut) == [HELLO, b"{}"]
        assert decoder.buffered == len(trailing)


@given(st.data(), st.lists(payloads, max_size=8))
def test_any_split_decodes_to_the_same_sequence(data: st.DataObject, sent: list[bytes]) -> None:
    """A frame may arrive in any number of pieces, and many frames in one piece."""
    stream = b"".join(map(encode_frame, sent))
    decoder = FrameDecoder()
    assert decode_all(decoder, data.draw(pieces(stream))) == sent
    assert decoder.buffered == 0


@given(st.data(), st.lists(payloads, max_size=5))
def test_never_keeps_more_than_one_unfinished_frame(data: st.DataObject, sent: list[bytes]) -> None:
    """What is kept after each piece is exactly what belongs to no finished frame yet."""
    stream = b"".join(map(encode_frame, sent))
    decoder, fed, given_out = FrameDecoder(), 0, 0
    for piece in data.draw(pieces(stream)):
        fed += len(piece)
        given_out += sum(HEADER_SIZE + len(payload) for payload in decoder.feed(piece))
        assert decoder.buffered == fed - given_out
        assert decoder.buffered < HEADER_SIZE + max(map(len, sent), default=1)


def with_any_lengths(lengths: list[int]) -> bytes:
    return b"".join(struct.pack("!I", length) + b"x" * min(length, 50) for length in lengths)


streams = st.binary(max_size=2000) | st.lists(st.integers(0, 70000)).map(with_any_lengths)


@given(st.data(), streams)
def test_any_bytes_decode_or_raise_protocol_error(data: st.DataObject, stream: bytes) -> None:
    """Whatever comes, nothing but ProtocolError is raised and one frame at most is kept."""
    decoder = FrameDecoder()
    for piece in data.draw(pieces(stream)):
        outcome = attempt(lambda piece: list(decoder.feed(piece)), piece)
        if isinstance(outcome, ProtocolError):
            assert outcome.code in (Code.BAD_FRAME, Code.FRAME_TOO_LARGE)
            return
        assert all(1 <= len(payload) <= FRAME_LIMIT for payload in outcome)
        assert decoder.buffered < HEADER_SIZE + FRAME_LIMIT


def test_never_keeps_more_than_one_frame_of_the_largest_size() -> None:
    """A megabyte in one piece leaves behind only what begins the next frame."""
    decoder = FrameDecoder()
    frame = encode_frame(b"x" * FRAME_LIMIT)
    count = len(decode_all(decoder, [frame * 16 + frame[:-1]]))
    assert count == 16
    assert decoder.buffered == len(frame) - 1


@given(st.lists(payloads, min_size=1, max_size=8), st.data())
def test_skip_frames_finds_where_a_frame_begins(sent: list[bytes], data: st.DataObject) -> None:
    """Skipping n frames lands on the header of the next one."""
    stream = b"".join(map(encode_frame, sent))
    count = data.draw(st.integers(0, len(sent)))
    rest = stream[skip_frames(stream, count) :]
    assert decode_all(FrameDecoder(), [rest]) == sent[count:]


@given(sent=st.lists(payloads, min_size=1), data=st.data())
def test_fit_frames_takes_as_many_whole_frames_as_fit(
    sent: list[bytes], data: st.DataObject
) -> None:
    """At least one; no more than the size; and the next one would not have fitted."""
    stream = b"".join(map(encode_frame, sent))
    first = data.draw(st.integers(0, len(sent) - 1))
    size = data.draw(st.integers(0, len(stream)))
    start = skip_frames(stream, first)
    count, stop = fit_frames(stream, start, size)
    assert decode_all(FrameDecoder(), [stream[start:stop]]) == sent[first : first + count]
    assert count == 1 or stop - start <= size
    if stop < len(stream):
        assert skip_frames(stream, first + count + 1) - start > size
