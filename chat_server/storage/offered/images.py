"""Which files are images that a browser may show, found out from what they hold.

The name of a file says nothing here. An image may be small and its picture huge: a browser that
draws it needs four bytes for each pixel. So its size is read from its head, and bounded.

The formats: PNG (W3C, second edition, 5 and 11.2.2), JPEG (ITU T.81, B.2), GIF (GIF89a, 18 to 24)
and WebP (RFC 9649). SVG is none of them: it may hold scripts.
"""

import struct
from collections.abc import Iterator
from typing import BinaryIO

from protocol.messages import ImageInfo

BYTES_LIMIT = 8_000_000
"""Bytes of the largest file that is shown."""

PIXELS_LIMIT = 25_000_000
"""Pixels of the largest image that is shown: 100 MB in the memory of a browser."""

SCANS_LIMIT = 100
"""How often a JPEG may draw the whole picture: a hostile one has thousands of passes."""

_HEAD = 1_000_000
"""Bytes in which the size of an image stands, or it is not shown."""

_STEPS = 1000
"""Parts of a head that are looked at."""

_PIECE = 64 * 1024

_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Start of frame, but for DHT, JPG and DAC, which have numbers among those."""

_JPEG_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})
"""Markers without a length."""


def image_of(file: BinaryIO, size: int) -> ImageInfo | None:
    """Return what image a file is; None if it is none, or one that is not to be shown.

    Args:
        file: opened for reading.
        size: its bytes.

    Raises:
        OSError: it cannot be read.
    """
    if size > BYTES_LIMIT:
        return None
    file.seek(0)
    head = file.read(_HEAD)
    try:
        found = _read(head)
    except (struct.error, IndexError):  # it is cut off
        return None
    if found is None or found.width * found.height > PIXELS_LIMIT:
        return None
    if min(found.width, found.height) < 1 or _has_many_scans(file, found):
        return None
    return found


def _read(head: bytes) -> ImageInfo | None:
    if head.startswith(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"):
        return ImageInfo("image/png", *struct.unpack_from(">II", head, 16))
    if head.startswith((b"GIF87a", b"GIF89a")):
        return _read_gif(head)
    if head.startswith(b"\xff\xd8\xff"):
        return _read_jpeg(head)
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return _read_webp(head)
    return None


def _read_gif(head: bytes) -> ImageInfo | None:
    """A browser enlarges the screen to the first picture in it: so both are read."""
    width, height, flags = struct.unpack_from("<HHB", head, 6)
    at = 13 + _colours(flags)
    for _ in range(_STEPS):
        if head[at] == 0x2C:  # an image
            left, top, wide, high = struct.unpack_from("<HHHH", head, at + 1)
            return ImageInfo("image/gif", max(width, left + wide), max(height, top + high))
        if head[at] != 0x21:  # nor an extension: it ends
            return None
        at += 2
        while head[at]:  # blocks of an extension
            at += 1 + head[at]
        at += 1
    return None


def _colours(flags: int) -> int:
    """Bytes of a GIF's table of colours."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _read_jpeg(head: bytes) -> ImageInfo | None:
    at = 2
    for _ in range(_STEPS):
        if head[at] != 0xFF:
            return None
        marker = head[at + 1]
        if marker in _JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", head, at + 5)
            return ImageInfo("image/jpeg", width, height)
        if marker == 0xFF:  # fills
            at += 1
        elif marker in _JPEG_ALONE:
            at += 2
        else:
            (length,) = struct.unpack_from(">H", head, at + 2)
            at += 2 + length
    return None


def _read_webp(head: bytes) -> ImageInfo | None:
    kind = head[12:16]
    if kind == b"VP8X":
        width, height = (int.from_bytes(head[at : at + 3], "little") + 1 for at in (24, 27))
        return ImageInfo("image/webp", width, height) if len(head) >= 30 else None
    if kind == b"VP8L" and head[20] == 0x2F:
        (bits,) = struct.unpack_from("<I", head, 21)
        return ImageInfo("image/webp", (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if kind == b"VP8 " and head[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", head, 26)
        return ImageInfo("image/webp", width & 0x3FFF, height & 0x3FFF)
    return None


def _has_many_scans(file: BinaryIO, image: ImageInfo) -> bool:
    """Whether a JPEG has more passes than a picture needs. Its data never holds the marker."""
    if image.type != "image/jpeg":
        return False
    scans, before = 0, b""
    for piece in _pieces(file):
        scans += (before + piece).count(b"\xff\xda")
        before = piece[-1:]
    return scans > SCANS_LIMIT


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    file.seek(0)
    while piece := file.read(_PIECE):
        yield piece
