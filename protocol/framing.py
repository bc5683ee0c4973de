"""Frames: a 4-byte big-endian length, then that many bytes.

The decoder's promise: whatever way the stream is cut into pieces, the same payloads come out; a
length of 0 or over the limit is refused from its four bytes alone; and no more than one
unfinished frame is ever kept.
"""

from collections.abc import Iterator, Sequence
from operator import add
from struct import Struct

from protocol.errors import Code, ProtocolError

FRAME_LIMIT = 65536
"""The longest payload in bytes, in both directions."""

_HEADER = Struct("!I")
HEADER_SIZE = _HEADER.size


def encode_frame(payload: bytes) -> bytes:
    """Return `payload` with its length before it.

    Raises:
        ValueError: the payload is empty or longer than FRAME_LIMIT. This is the caller's own
            mistake: what a peer may ask for is checked before it is encoded.
    """
    if not 1 <= len(payload) <= FRAME_LIMIT:
        raise ValueError(f"a payload has 1 to {FRAME_LIMIT} bytes, this one has {len(payload)}")
    return _HEADER.pack(len(payload)) + payload


def encode_frames(payloads: Sequence[bytes]) -> list[bytes]:
    """Return each of `payloads` with its length before it.

    Raises:
        ValueError: as `encode_frame`.
    """
    sizes = list(map(len, payloads))
    if sizes and not 1 <= min(sizes) <= max(sizes) <= FRAME_LIMIT:
        raise ValueError(f"a payload has 1 to {FRAME_LIMIT} bytes, and one of these has not")
    return list(map(add, map(_HEADER.pack, sizes), payloads))


def skip_frames(data: bytes, count: int) -> int:
    """Return where the frame after the first `count` frames of `data` begins.

    `data` holds whole frames that encode_frame made, at least `count` of them.
    """
    position = 0
    for _ in range(count):
        position += HEADER_SIZE + _HEADER.unpack_from(data, position)[0]
    return position


def fit_frames(data: bytes, start: int, size: int) -> tuple[int, int]:
    """Return how many of the frames of `data` from `start` on fit `size` bytes, and their end.

    At least one does, however large it is. `data` holds whole frames that encode_frame made, at
    least one from `start` on.
    """
    count, stop = 0, start
    while stop < len(data):
        after = stop + HEADER_SIZE + _HEADER.unpack_from(data, stop)[0]
        if count and after - start > size:
            break
        count, stop = count + 1, after
    return count, stop


class FrameDecoder:
    """Turns a stream that arrives in any pieces into payloads.

    Not thread-safe: one reader owns it.
    """

    __slots__ = (
        "_limit",
        "_partial",
        "_wanted",
    )

    def __init__(self, limit: int = FRAME_LIMIT) -> None:
        self._limit = limit
        self._partial = bytearray()  # the start of the one frame that is not complete yet
        self._wanted = 0  # how long `_partial` must grow before another look at it is worth it

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield each payload that `data` completes, in order.

        The iterator is to be run to its end before more is fed: what it has not looked at is
        not kept.

        Raises:
            ProtocolError: `bad_frame` for a length of 0, `frame_too_large` for one over the
                limit; after the payloads that came before it. The decoder is of no use then.
        """
        if self._partial:
            self._partial += data
            if len(self._partial) < self._wanted:
                return
            data = bytes(self._partial)
            self._partial.clear()
        position, end = 0, len(data)
        self._wanted = HEADER_SIZE
        while end - position >= HEADER_SIZE:
            (length,) = _HEADER.unpack_from(data, position)
            if not 0 < length <= self._limit:
                raise self._bad_length(length)
            stop = position + HEADER_SIZE + length
            if stop > end:
                self._wanted = stop - position
                break
            yield data[position + HEADER_SIZE : stop]
            position = stop
        self._partial += data[position:]

    @property
    def buffered(self) -> int:
        """How many bytes of an unfinished frame are kept."""
        return len(self._partial)

    def _bad_length(self, length: int) -> ProtocolError:
        if length == 0:
            return ProtocolError(Code.BAD_FRAME, "a frame has at least 1 byte, this one has 0")
        return ProtocolError(
            Code.FRAME_TOO_LARGE,
            f"a frame has at most {self._limit} bytes, this one announces {length}",
        )
