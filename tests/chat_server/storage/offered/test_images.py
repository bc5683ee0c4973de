"""What is taken for an image: by what it holds, of a size that a browser can bear."""

import io
import struct

import pytest

from chat_server.storage.offered.images import BYTES_LIMIT, PIXELS_LIMIT, SCANS_LIMIT, image_of
from protocol.messages import ImageInfo
from tests.support.images import GIF, JPEG, SMALL, SVG, WEBP_LOSSLESS, WEBP_WITH_ALPHA, png


def _image(data: bytes) -> ImageInfo | None:
    return image_of(io.BytesIO(data), len(data))


@pytest.mark.parametrize("name", SMALL)
def test_an_image_is_known_by_what_it_holds(name: str) -> None:
    """Its type, and its size."""
    kind, data = SMALL[name]
    assert _image(data) == ImageInfo(kind, 3, 2)


@pytest.mark.parametrize("name", SMALL)
def test_half_a_head_is_no_image(name: str) -> None:
    """Wherever it ends: it is read, or it is none, and nothing breaks."""
    _, data = SMALL[name]
    whole = _image(data)
    assert [_image(data[:length]) for length in range(8)] == [None] * 8
    assert {_image(data[:length]) for length in range(len(data))} <= {None, whole}


@pytest.mark.parametrize(
    "data",
    [
        SVG,
        b"<!doctype html><script>alert(1)</script>",
        b"%PDF-1.7",
        b"BM" + bytes(60),
        b"GIF89a<script>alert(1)</script>" + bytes(20),
        b"RIFF\0\0\0\0WEBPVP8 " + bytes(30),
        b"RIFF\0\0\0\0WAVEfmt " + bytes(30),
        b"\xff\xd8\xff<html>" + bytes(200),
        b"\xff\xd8\xff\xff" + b"\xff" * 5000,
        b"\xff\xd8" + b"\xff\xe0\0\x02" * 5000,
    ],
    ids=lambda data: repr(data[:12]),
)
def test_everything_else_is_none(data: bytes) -> None:
    """Also what only begins like one."""
    assert _image(data) is None


def test_an_image_has_some_pixels_and_not_too_many() -> None:
    """A small file may hold a picture that takes gigabytes to show."""
    side = int(PIXELS_LIMIT**0.5)
    assert _image(_with_size(png(3, 2), side, side)) == ImageInfo("image/png", side, side)
    assert _image(_with_size(png(3, 2), side, side + 1)) is None
    assert _image(_with_size(png(3, 2), 0, 2)) is None
    # A browser enlarges the screen of a GIF to its first picture.
    at = GIF.index(b"\x2c") + 5
    assert _image(GIF[:at] + struct.pack("<HH", 60_000, 60_000) + GIF[at + 4 :]) is None
    at = JPEG.index(b"\xff\xc0") + 5
    assert _image(JPEG[:at] + struct.pack(">HH", 60_000, 60_000) + JPEG[at + 4 :]) is None
    large = b"\xff" * 3
    assert _image(WEBP_WITH_ALPHA[:24] + large + large + WEBP_WITH_ALPHA[30:]) is None
    assert _image(WEBP_LOSSLESS[:21] + b"\xff\xff\xff\x0f" + WEBP_LOSSLESS[25:]) is None


def test_a_large_file_is_not_shown() -> None:
    """Thirty people fetch it at once."""
    data = png(3, 2)
    assert image_of(io.BytesIO(data), BYTES_LIMIT) is not None
    assert image_of(io.BytesIO(data), BYTES_LIMIT + 1) is None


def test_a_jpeg_has_not_thousands_of_passes() -> None:
    """Each is the whole picture once more for a browser."""
    scan = b"\xff\xda\0\x08\x01\x01\0\0\x3f\0\0"
    some = JPEG.count(b"\xff\xda")
    assert _image(JPEG + scan * (SCANS_LIMIT - some)) is not None
    assert _image(JPEG + scan * (SCANS_LIMIT - some + 1)) is None
    apart = JPEG + bytes(65535 - len(JPEG)) + scan  # the marker lies on the edge of a piece
    assert _image(apart + scan * (SCANS_LIMIT - some)) is None


def test_a_picture_in_the_head_of_a_jpeg_does_not_count() -> None:
    """Cameras put a small one there."""
    inner = JPEG.replace(b"\0\x02\0\x03\x03", b"\0\x09\0\x09\x03")
    head = b"\xff\xe1" + struct.pack(">H", len(inner) + 2) + inner
    assert _image(JPEG[:2] + head + JPEG[2:]) == ImageInfo("image/jpeg", 3, 2)


def test_a_comment_before_the_picture_of_a_gif_is_passed_over() -> None:
    """As a browser does."""
    at = GIF.index(b"\x2c")
    comment = b"\x21\xfe\x05hello\x02ab\0"
    assert _image(GIF[:at] + comment + GIF[at:]) == ImageInfo("image/gif", 3, 2)


def _with_size(data: bytes, width: int, height: int) -> bytes:
    return data[:16] + struct.pack(">II", width, height) + data[24:]
