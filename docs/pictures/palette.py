"""Makes a PNG smaller: at most 256 colours, which is plenty for a picture of a page.

The browser writes 8-bit RGB or RGBA without interlacing (https://www.w3.org/TR/png-3/); nothing
else is read.
"""

import struct
import zlib
from collections import Counter
from collections.abc import Iterator

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOURS = 256
_CHANNELS = {2: 3, 6: 4}  # by colour type: RGB, RGBA

Colour = tuple[int, int, int]


def with_palette(png: bytes) -> bytes:
    """Return the same picture with a palette of at most 256 of its colours.

    Raises:
        ValueError: it is no PNG of the kinds above.
    """
    width, height, pixels = _decoded(png)
    palette = _palette(Counter(pixels))
    places = {colour: place for place, colour in enumerate(palette)}
    for colour in set(pixels) - places.keys():
        places[colour] = _nearest(colour, palette)
    rows = [
        b"\0" + bytes(places[pixel] for pixel in pixels[y * width : (y + 1) * width])
        for y in range(height)
    ]
    return b"".join(
        (
            _SIGNATURE,
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
            _chunk(b"PLTE", b"".join(bytes(colour) for colour in palette)),
            _chunk(b"IDAT", zlib.compress(b"".join(rows), 9)),
            _chunk(b"IEND", b""),
        )
    )


def _palette(counts: Counter[Colour]) -> list[Colour]:
    """The most frequent colours, and then those that none of them is like: rare ones show, too."""
    ordered = [colour for colour, _ in counts.most_common()]
    chosen = ordered[: _COLOURS // 2]
    regions = {_region(colour) for colour in chosen}
    for colour in ordered[len(chosen) :]:
        if len(chosen) < _COLOURS and _region(colour) not in regions:
            regions.add(_region(colour))
            chosen.append(colour)
    return chosen


def _region(colour: Colour) -> tuple[int, ...]:
    return tuple(channel >> 4 for channel in colour)


def _nearest(colour: Colour, palette: list[Colour]) -> int:
    def distance(place: int) -> int:
        return sum((a - b) ** 2 for a, b in zip(colour, palette[place], strict=True))

    return min(range(len(palette)), key=distance)


def _decoded(png: bytes) -> tuple[int, int, list[Colour]]:
    """Return width, height and pixels."""
    chunks = dict.fromkeys([b"IHDR", b"IDAT"], b"")
    for kind, data in _chunks(png):
        chunks[kind] = chunks.get(kind, b"") + data
    width, height, depth, colour_type, *_, interlaced = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    if depth != 8 or colour_type not in _CHANNELS or interlaced:
        raise ValueError("this is no 8-bit RGB or RGBA picture without interlacing")
    size = _CHANNELS[colour_type]
    stride = width * size
    raw = zlib.decompress(chunks[b"IDAT"])
    before = bytearray(stride)
    pixels: list[Colour] = []
    for start in range(0, len(raw), stride + 1):
        before = _unfiltered(raw[start], raw[start + 1 : start + 1 + stride], before, size)
        pixels += zip(before[0::size], before[1::size], before[2::size], strict=True)
    return width, height, pixels


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    if not png.startswith(_SIGNATURE):
        raise ValueError("this is no PNG")
    place = len(_SIGNATURE)
    while place < len(png):
        length, kind = struct.unpack_from(">I4s", png, place)
        yield kind, png[place + 8 : place + 8 + length]
        place += 12 + length


def _unfiltered(kind: int, row: bytes, above: bytearray, size: int) -> bytearray:
    """Undo a row's filter (section 9 of the standard)."""
    found = bytearray(row)
    if kind == 2:
        return bytearray((a + b) & 255 for a, b in zip(found, above, strict=True))
    for place in range(len(found) if kind else 0):
        left = found[place - size] if place >= size else 0
        corner = above[place - size] if place >= size else 0
        if kind == 1:
            guess = left
        elif kind == 3:
            guess = (left + above[place]) // 2
        else:
            guess = _paeth(left, above[place], corner)
        found[place] = (found[place] + guess) & 255
    return found


def _paeth(left: int, above: int, corner: int) -> int:
    guess = left + above - corner
    return min((left, above, corner), key=lambda each: abs(guess - each))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I4s", len(data), kind) + data + struct.pack(">I", zlib.crc32(kind + data))
