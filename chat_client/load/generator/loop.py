"""The event loop of a worker: ready sockets and timers, in one thread."""

import heapq
import itertools
import select
import selectors
import socket
import time
from collections.abc import Callable
from typing import IO

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE

Callback = Callable[[int], None]
"""The loop calls it with READ, WRITE or both."""


def clock() -> int:
    """Return the time in whole µs, from the monotonic clock that all processes share."""
    return time.monotonic_ns() // 1000


class Loop:
    """An event loop. All times are in µs, as `clock` returns them."""

    def __init__(self) -> None:
        selector = selectors.DefaultSelector()
        assert not isinstance(selector, selectors.SelectSelector)
        self._selector = selector
        self._timers: list[tuple[int, int, Callable[[], None]]] = []
        self._count = itertools.count()

    def watch(self, file: socket.socket | IO[bytes], events: int, callback: Callback) -> None:
        """Call `callback` whenever one of `events` is possible. With 0, stop watching `file`."""
        known = file in self._selector.get_map()
        if known and events:
            self._selector.modify(file, events, callback)
        elif events:
            self._selector.register(file, events, callback)
        elif known:
            self._selector.unregister(file)

    def call_at(self, when: int, call: Callable[[], None]) -> None:
        """Call `call` once, at `when` or soon after."""
        heapq.heappush(self._timers, (when, next(self._count), call))

    def run_timers(self) -> int | None:
        """Run the timers that are due. Return when the next one is due, None if there is none."""
        now = clock()
        while self._timers and self._timers[0][0] <= now:
            heapq.heappop(self._timers)[2]()
        return self._timers[0][0] if self._timers else None

    def poll(self, until: int) -> list[tuple[Callback, int]]:
        """Wait until a file is ready, or until `until`.

        Returns:
            The callback and the events of each file that is ready.
        """
        found = self._selector.select(0)
        wait = until - clock()
        if not found and wait > 0:
            # A selector waits for whole milliseconds, so every text would be late. `select` waits
            # for microseconds, and it can wait for the selector as for any other file.
            select.select([self._selector], [], [], wait / 1e6)
            found = self._selector.select(0)
        return [(key.data, events) for key, events in found]

    def close(self) -> None:
        """Close the selector."""
        self._selector.close()
