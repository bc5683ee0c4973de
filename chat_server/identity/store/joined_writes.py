"""Writes of many threads that are made as one, by whichever of them came first.

Where several servers share what is written, a write asks Redis and waits for the disk, one after
the other. So whoever comes while one is under way waits, and the next write is that of all who do.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from chat_server.runtime.errors import StoreError

LIMIT = 500
"""How many are written as one, so that the first of them does not wait for too long."""

Part = TypeVar("Part")


class _Waiting(Generic[Part]):
    """What somebody wants to be written.

    Attributes:
        part: that.
        woken: set when it is written, or could not be, or when its thread is to write.
        is_done: which of the two; read when `woken` is set.
        error: why it could not be written, if so; as `is_done`.
    """

    __slots__ = ("error", "is_done", "part", "woken")

    def __init__(self, part: Part) -> None:
        self.part = part
        self.woken = threading.Event()
        self.is_done = False
        self.error: StoreError | None = None


class JoinedWrites(Generic[Part]):
    """Joins them. Any thread may call any method."""

    def __init__(self, write: Callable[[Sequence[Part]], None]) -> None:
        """`write` writes what several want, all of it or, where it raises StoreError, nothing."""
        self._write = write
        # Guards who waits, in the order in which they came, and whether somebody writes. A leaf.
        self._lock = threading.Lock()
        self._waiting: list[_Waiting[Part]] = []
        self._is_writing = False

    def write(self, part: Part) -> None:
        """Write something together with what others want to be written.

        Raises:
            StoreError: it is not written.
        """
        own = _Waiting(part)
        with self._lock:
            self._waiting.append(own)
            leads, self._is_writing = not self._is_writing, True
        if not leads:
            own.woken.wait()
        if not own.is_done:
            self._write_next()
        if own.error is not None:
            raise StoreError(str(own.error)) from own.error

    def _write_next(self) -> None:
        """Write for those who have waited the longest, and let the next one do the same."""
        with self._lock:
            group, self._waiting = self._waiting[:LIMIT], self._waiting[LIMIT:]
        error: StoreError | None = StoreError("it was not written")
        try:
            self._write([each.part for each in group])
            error = None
        except StoreError as failed:
            error = failed
        finally:
            with self._lock:
                heir = self._waiting[0] if self._waiting else None
                self._is_writing = heir is not None
            for each in group:
                each.error, each.is_done = error, True
                each.woken.set()
            if heir is not None:
                heir.woken.set()
