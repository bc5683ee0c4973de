"""A trace: what went over the connections of one run, a line of JSON for each frame.

The first line says what the file is. `chat-client --trace FILE` writes it, `chat-lab replay FILE`
plays it back. Passwords, secrets and sessions' keys are masked before they come here.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Literal

import msgspec
from msgspec import UNSET, UnsetType

from protocol.common.private_files import private

_VERSION = 1

_LONGEST_LINE = 1_000_000
"""Characters. A frame of 64 KiB takes 131,072 in hexadecimal digits, and its text as many at most
in each of its escapes.
"""


class NotATraceError(Exception):
    """A file holds something else than a trace; the text says what and where."""


class Heading(msgspec.Struct, frozen=True, kw_only=True):
    """The first line of a trace.

    Attributes:
        trace: the version of the format.
        client: which program wrote it.
        began: when, in Unix seconds; what follows counts from there.
    """

    trace: int
    client: str
    began: float


class Traced(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that happened.

    Attributes:
        at: seconds since the trace began, by the monotonic clock.
        what: `connected` and `closed` are about the connection. `broken` is what came and is no
            frame. `lost` are frames that were not written down, as they came too fast.
        hex: a frame with its length, in hexadecimal digits; or what came that is none.
        says: the JSON value in it, where there is one.
        note: to which server; or why something is no frame; or how many are lost.
    """

    at: float
    what: Literal["connected", "sent", "received", "broken", "closed", "lost"]
    hex: str = ""
    says: msgspec.Raw | UnsetType = UNSET
    note: str = ""

    @property
    def data(self) -> bytes:
        """The bytes of `hex`."""
        return bytes.fromhex(self.hex)


_encoder = msgspec.json.Encoder()
_heading = msgspec.json.Decoder(Heading)
_traced = msgspec.json.Decoder(Traced)


class TraceFile:
    """A trace that is being written. One thread at a time uses it."""

    def __init__(self, path: Path, client: str, began: float) -> None:
        """Begin the file, which only its owner can read.

        Args:
            path: where; an earlier trace is overwritten, and nothing else is.
            client: which program writes.
            began: when, in Unix seconds.

        Raises:
            NotATraceError: there is something else in that place.
            OSError: it cannot be written.
        """
        if path.is_file() and path.stat().st_size:
            with path.open("rb") as there:
                _read_heading(there, path)
        # Unbuffered: a program that is killed leaves all but what is under way.
        self._file = open(path, "wb", buffering=0, opener=private)  # noqa: SIM115
        self._write(Heading(trace=_VERSION, client=client, began=began))

    def add(self, traced: Traced) -> None:
        """Write down what happened.

        Raises:
            OSError: it cannot be written.
        """
        self._write(traced)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _write(self, line: Heading | Traced) -> None:
        left = memoryview(_encoder.encode(line) + b"\n")
        while left:
            left = left[self._file.write(left) :]


def read_trace(path: Path) -> Iterator[Heading | Traced]:
    """Yield the heading of a trace, and then what happened.

    What was under way when the program was killed, the end of the last line, is left out.

    Raises:
        NotATraceError: it is none.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        yield _read_heading(file, path)
        number = 1
        while line := file.readline(_LONGEST_LINE):
            number += 1
            if not line.endswith(b"\n") and len(line) < _LONGEST_LINE:
                return
            yield _read_line(line, number, path)


def _read_heading(file: BinaryIO, path: Path) -> Heading:
    try:
        heading = _heading.decode(file.readline(_LONGEST_LINE))
    except (ValueError, RecursionError):
        raise NotATraceError(
            f"{os.fspath(path)!r} is no trace: `chat-client --trace FILE` writes one"
        ) from None
    if heading.trace != _VERSION:
        raise NotATraceError(
            f"{os.fspath(path)!r} is a trace of format {heading.trace}, which this version does "
            f"not know: it knows {_VERSION}"
        )
    return heading


def _read_line(line: bytes, number: int, path: Path) -> Traced:
    try:
        traced = _traced.decode(line)
        bytes.fromhex(traced.hex)
    except (ValueError, RecursionError) as error:
        raise NotATraceError(f"{os.fspath(path)!r}, line {number}: {error}") from None
    return traced
