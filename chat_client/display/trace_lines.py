"""The frames of a connection as lines for a person: hexadecimal bytes and the JSON text."""

from collections.abc import Iterator

import msgspec
from msgspec import UNSET

from chat_client.display.text import one_line
from chat_client.files.trace_file import Traced
from protocol.framing import HEADER_SIZE

_ROW = 16
"""Bytes in a row."""

_ROWS = 16
"""The most rows that are shown of one frame. A trace in a file has all of it."""

_ARROWS = {"sent": "->", "received": "<-"}


class _Typed(msgspec.Struct):
    type: str = "?"


def trace_lines(traced: Traced) -> Iterator[str]:
    """Yield the lines for one entry of a trace. The first has its time, in seconds."""
    data = traced.data
    yield f"{traced.at:10.6f}  {_title(traced, data)}"
    yield from _dump(data)
    if traced.says is not UNSET:
        said = bytes(traced.says)
        yield f"    length {len(said)}, then {one_line(said.decode('utf-8', 'replace'))}"


def _title(traced: Traced, data: bytes) -> str:
    note = one_line(traced.note)
    match traced.what:
        case "sent" | "received" as way:
            return f"{_ARROWS[way]} {way} {_type_in(traced)}, {_bytes(len(data))}"
        case "connected":
            return f"== connected to {note}"
        case "closed":
            return "== closed"
        case "broken":
            return f"<- this is no frame: {note}"
        case "lost":
            return f"== {note} frames came too fast to be shown"


def _type_in(traced: Traced) -> str:
    try:
        says = b"" if traced.says is UNSET else traced.says
        return one_line(msgspec.json.decode(says, type=_Typed).type)
    except (ValueError, RecursionError):
        return "what is no JSON object"


def _bytes(count: int) -> str:
    return "1 byte" if count == 1 else f"{count:,} bytes"


def _dump(data: bytes) -> Iterator[str]:
    """Yield rows of hexadecimal bytes, with their ASCII characters. The first row shows the length
    of the frame separately.
    """
    for start in range(0, min(len(data), _ROW * _ROWS), _ROW):
        row = data[start : start + _ROW]
        parts = (row[:HEADER_SIZE], row[HEADER_SIZE:8], row[8:])
        digits = "  ".join(part.hex(" ") for part in parts)
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        yield f"    {start:04x}  {digits:<49}  |{text}|"
    if len(data) > _ROW * _ROWS:
        yield f"    ... {_bytes(len(data) - _ROW * _ROWS)} more"
