"""The pictures' colours are reduced without another picture coming out."""

import struct
import zlib

import pytest

from docs.pictures.palette import with_palette

Colour = tuple[int, int, int]
WIDTH = 6
COLOURS: list[Colour] = [(255, 255, 255), (0, 0, 0), (63, 81, 214), (200, 30, 90)]


def chunk(kind: bytes, data: bytes) -> bytes:
    """A piece of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def filtered(kind: int, row: bytes, above: bytes) -> bytes:
    """A row of RGB as the standard's section 9 writes it with one of its five filters."""
    written = bytearray([kind])
    for place, value in enumerate(row):
        left = row[place - 3] if place >= 3 else 0
        corner = above[place - 3] if place >= 3 else 0
        up = above[place]
        guess = left + up - corner
        paeth = min((left, up, corner), key=lambda each: abs(guess - each))
        written.append((value - [0, left, up, (left + up) // 2, paeth][kind]) % 256)
    return bytes(written)


def picture(rows: list[list[Colour]]) -> bytes:
    """A PNG whose rows take turns with the filters."""
    written, above = b"", bytes(3 * WIDTH)
    for number, row in enumerate(rows):
        plain = b"".join(bytes(pixel) for pixel in row)
        written += filtered(number % 5, plain, above)
        above = plain
    header = struct.pack(">IIBBBBB", WIDTH, len(rows), 8, 2, 0, 0, 0)
    parts = (b"IHDR", header), (b"IDAT", zlib.compress(written)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def pixels_of(png: bytes) -> list[list[Colour]]:
    """The pixels of a PNG with a palette and no filters."""
    found: dict[bytes, bytes] = {}
    place = 8
    while place < len(png):
        length, kind = struct.unpack_from(">I4s", png, place)
        found[kind] = png[place + 8 : place + 8 + length]
        place += 12 + length
    assert struct.unpack_from(">II", found[b"IHDR"])[0] == WIDTH
    colours = list(zip(*(found[b"PLTE"][each::3] for each in range(3)), strict=True))
    raw = zlib.decompress(found[b"IDAT"])
    rows = [raw[start : start + WIDTH + 1] for start in range(0, len(raw), WIDTH + 1)]
    assert all(row[0] == 0 for row in rows)
    return [[colours[pixel] for pixel in row[1:]] for row in rows]


def test_few_colours_stay_as_they_are() -> None:
    """Whatever filters the picture was written with."""
    rows = [[COLOURS[(x * y + x) % 4] for x in range(WIDTH)] for y in range(10)]
    assert pixels_of(with_palette(picture(rows))) == rows


def test_many_colours_become_what_is_nearest() -> None:
    """A rare one that is like no other is kept."""
    rare = (10, 240, 10)
    rows = [[(255 - y, x, 128)] * WIDTH for y in range(100) for x in range(5)]
    rows[0][3] = rare
    found = pixels_of(with_palette(picture(rows)))
    assert len({pixel for row in found for pixel in row}) <= 256
    assert found[0][3] == rare
    for row, wanted in zip(found, rows, strict=True):
        for pixel, colour in zip(row, wanted, strict=True):
            assert max(abs(a - b) for a, b in zip(pixel, colour, strict=True)) < 16


def test_what_is_no_such_picture_is_refused() -> None:
    """With a sentence."""
    with pytest.raises(ValueError, match="no PNG"):
        with_palette(b"GIF89a")
