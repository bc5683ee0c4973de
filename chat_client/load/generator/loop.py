"""The loop of a worker: sockets that are ready, moments that have come. One thread."""

import heapq
import itertools
import select
import selectors
import socket
import time
from collections.abc import Callable
from typing import IO

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE

Ready = Callable[[int], None]
"""Called with READ, WRITE or both."""


def clock() -> int:
    """Return the time in whole µs, on the one monotonic clock that all processes share."""
    return time.monotonic_ns() // 1000


class Loop:
    """Calls what is to be called. Times are in µs, as `clock` returns them."""

    def __init__(self) -> None:
        selector = selectors.DefaultSelector()
        assert not isinstance(selector, selectors.SelectSelector)
        self._selector = selector
        self._timers: list[tuple[int, int, Callable[[], None]]] = []
        self._count = itertools.count()

    def watch(self, file: socket.socket | IO[bytes], events: int, ready: Ready) -> None:
        """Call `ready` whenever one of `events` is possible, from now on; 0 is never."""
        known = file in self._selector.get_map()
        if known and events:
            self._selector.modify(file, events, ready)
        elif events:
            self._selector.register(file, events, ready)
        elif known:
            self._selector.unregister(file)

    def call_at(self, when: int, call: Callable[[], None]) -> None:
        """Call `call` once, at `when` or soon after."""
        heapq.heappush(self._timers, (when, next(self._count), call))

    def run_timers(self) -> int | None:
        """Call what is due, and return when the next is."""
        now = clock()
        while self._timers and self._timers[0][0] <= now:
            heapq.heappop(self._timers)[2]()
        return self._timers[0][0] if self._timers else None

    def poll(self, until: int) -> list[tuple[Ready, int]]:
        """Wait until something is ready or `until` has come, and return who is to be called."""
        found = self._selector.select(0)
        wait = until - clock()
        if not found and wait > 0:
            # A selector waits in whole milliseconds, which would make all that is said late;
            # select waits in microseconds, and a selector can be waited for like any file.
            select.select([self._selector], [], [], wait / 1e6)
            found = self._selector.select(0)
        return [(key.data, events) for key, events in found]

    def close(self) -> None:
        """Let go of the selector."""
        self._selector.close()
