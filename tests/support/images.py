"""Small images of every format that is shown, as browsers write and read them."""

import base64
import struct
import zlib

_JPEG = (
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABALDA4MChAODQ4SERATGCgaGBYWGDEjJR0oOjM9PDkzODdASFxO"
    "QERXRTc4UG1RV19iZ2hnPk1xeXBkeFxlZ2P/2wBDARESEhgVGC8aGi9jQjhCY2NjY2NjY2NjY2NjY2NjY2Nj"
    "Y2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2P/wAARCAACAAMDASIAAhEBAxEB/8QAFQABAQAAAAAA"
    "AAAAAAAAAAAAAAX/xAAUEAEAAAAAAAAAAAAAAAAAAAAA/8QAFQEBAQAAAAAAAAAAAAAAAAAABQb/xAAUEQEA"
    "AAAAAAAAAAAAAAAAAAAA/9oADAMBAAIRAxEAPwC2AnDD/9k="
)
_WEBP_LOSSY = (
    "UklGRjgAAABXRUJQVlA4ICwAAADQAQCdASoDAAIAAsBMJaACdLoB+AADsAD+7a/f/mwK5rn1R//A/LpwxAAAAA=="
)
_WEBP_LOSSLESS = "UklGRh4AAABXRUJQVlA4TBEAAAAvAkAAAAdQ1f53pv+BiOh/AAA="
_WEBP_WITH_ALPHA = (
    "UklGRl4AAABXRUJQVlA4WAoAAAAQAAAAAgAAAQAAQUxQSAcAAAAAgAAAgAAAAFZQOCAwAAAA0AEAnQEqAwAC"
    "AALATCWoAnRHAGSAA1AA/u5DE3hnul8Pr3y6onaEx3l7ekTtAAAA"
)
_GIF = "R0lGODdhAwACAIAAAP///wAAACwAAAAAAwACAAACAoRdADs="


def png(width: int, height: int, colour: bytes = b"\xff\xa0\x30") -> bytes:
    """Return a PNG of one colour, which is three bytes."""
    rows = zlib.compress((b"\0" + colour * width) * height)
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        map(_chunk, (b"IHDR", b"IDAT", b"IEND"), (head, rows, b""))
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    check = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)


JPEG, WEBP_LOSSY, WEBP_LOSSLESS, WEBP_WITH_ALPHA, GIF = map(
    base64.b64decode, (_JPEG, _WEBP_LOSSY, _WEBP_LOSSLESS, _WEBP_WITH_ALPHA, _GIF)
)
"""Each has three pixels in each of two rows."""

SMALL = {
    "png": ("image/png", png(3, 2)),
    "jpeg": ("image/jpeg", JPEG),
    "gif": ("image/gif", GIF),
    "webp": ("image/webp", WEBP_LOSSY),
    "lossless.webp": ("image/webp", WEBP_LOSSLESS),
    "alpha.webp": ("image/webp", WEBP_WITH_ALPHA),
}
"""The type and the content of each, by the ending of its name."""

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
"""No image that is shown."""
