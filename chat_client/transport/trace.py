"""Tells of every frame that a client sends and receives, with passwords and the like masked.

The threads of a connection hand over what they sent or received, and go on at once. A thread of
the trace's own masks it and shows it, so a slow disk or terminal holds up nobody.
"""

import re
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from types import TracebackType
from typing import Literal, NamedTuple, Self

import msgspec
from msgspec import UNSET, UnsetType

from chat_client.files.trace_file import Traced
from protocol.framing import HEADER_SIZE, encode_frame

_SECRET = re.compile(
    rb'("(?:password|account_password|session|old|new|secret)"\s*:\s*")'
    rb'((?:[^"\\]++|\\.)*+)"',
    re.DOTALL,
)
"""A member whose value nobody else may see, in a request or in `welcome`. In a string that holds
the same text the quotation marks are escaped, so it is not taken for one.
"""

_AHEAD = 10_000
"""Frames that may wait to be shown. Those that come while so many wait are counted as lost."""

_PATIENCE = 2.0
"""Seconds that showing the rest may take at the end, where a disk or a pipe takes nothing."""

_BROKEN_SHOWN = 256
"""Bytes that are shown of what is no frame."""

_What = Literal["connected", "sent", "received", "broken", "closed", "lost"]


class _Seen(NamedTuple):
    at: float
    what: _What
    data: bytes
    note: str


class Trace:
    """See the top of the module. A context manager; any thread may call any method.

    Attributes:
        show: called on the trace's thread with one thing after the other. It may be replaced at
            any time.
    """

    def __init__(self, show: Callable[[Traced], None]) -> None:
        self.show = show
        self._began = time.monotonic()
        self._seen: SimpleQueue[_Seen | None] = SimpleQueue()
        self._lost = 0  # only ever too low by a race, never by much
        self._thread = threading.Thread(target=self._run, name="chat-client trace", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._seen.put(None)
        self._thread.join(_PATIENCE)

    def connected(self, server: str) -> None:
        """There is a connection to `server`."""
        self._add("connected", note=server)

    def sent(self, frame: bytes) -> None:
        """A frame is about to be handed to the system."""
        self._add("sent", frame)

    def received(self, payload: bytes) -> None:
        """A frame with this payload has come."""
        self._add("received", encode_frame(payload))

    def broken(self, data: bytes, reason: str) -> None:
        """What came is no frame."""
        self._add("broken", data[:_BROKEN_SHOWN], reason)

    def closed(self) -> None:
        """The connection is gone."""
        self._add("closed")

    def _add(self, what: _What, data: bytes = b"", note: str = "") -> None:
        if self._seen.qsize() >= _AHEAD:
            self._lost += 1
            return
        self._seen.put(_Seen(time.monotonic() - self._began, what, data, note))

    def _run(self) -> None:
        told = 0
        for seen in iter(self._seen.get, None):
            lost = self._lost
            if lost > told:
                self.show(Traced(at=seen.at, what="lost", note=str(lost - told)))
                told = lost
            self.show(_traced(seen))


def masked(data: bytes) -> bytes:
    """Return a frame, or a payload, with `*` for each byte of what nobody else may see."""
    return _SECRET.sub(lambda found: found[1] + b"*" * len(found[2]) + b'"', data)


def _traced(seen: _Seen) -> Traced:
    data = masked(seen.data)
    return Traced(
        at=round(seen.at, 6),
        what=seen.what,
        hex=data.hex(),
        says=_object_in(data) if seen.what in ("sent", "received") else UNSET,
        note=seen.note,
    )


def _object_in(frame: bytes) -> msgspec.Raw | UnsetType:
    """The JSON value in a frame, where there is one in one line."""
    try:
        msgspec.json.decode(frame[HEADER_SIZE:])
    except (ValueError, RecursionError):
        return UNSET
    return msgspec.Raw(msgspec.json.format(frame[HEADER_SIZE:], indent=-1))
