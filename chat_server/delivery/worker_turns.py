"""The turns that delivery workers take in the fair queue of short requests.

A worker there has the interpreter for itself, as nobody else in the queue computes meanwhile. Every
second turn may be a worker's, however many addresses ask. A worker whose turn takes too long, as
the disk hangs or somebody else writes, has it ended, and goes on beside the others. Then there are
no turns for a while: the next commits are likely to wait, too.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from chat_server.delivery.fair_queue import FairQueue, ServerWaiter
from chat_server.runtime.threads import ServerThread

TURN_LIMIT = 0.03
"""Seconds that a turn may take, some times what one mostly takes. It is ended after twice as many
at most.
"""

REST = 1.0
"""Seconds without turns, after one was ended."""


class WorkerTurns:
    """See the top of the module. The workers' threads call the rest, once it is started."""

    def __init__(self, queue: FairQueue, names: Sequence[str]) -> None:
        """
        Args:
            queue: the fair queue of short requests.
            names: the workers'.
        """
        self._queue = queue
        self._waiters = {name: ServerWaiter(name) for name in names}
        # When the turn of each began, by the monotonic clock; None for who has none. Its thread's.
        self._since: dict[str, float | None] = dict.fromkeys(names)
        self._rests_until = 0.0  # by the same clock; written by the thread that ends turns
        self._begun = threading.Event()  # a turn has
        self._stopping = threading.Event()
        self._thread = ServerThread(self._end_long_ones, "delivery-turns")

    def start(self) -> None:
        """Start the thread that ends turns."""
        self._thread.start()

    def stop(self) -> None:
        """End that thread, and let workers that wait for a turn go on without."""
        for waiter in self._waiters.values():
            waiter.give_up()
        self._stopping.set()
        self._begun.set()
        self._thread.join()

    @property
    def are_given(self) -> bool:
        """Whether there are turns just now."""
        return time.monotonic() >= self._rests_until

    @contextmanager
    def turn(self, name: str) -> Iterator[None]:
        """Wait for a worker's turn, and have it while the block runs, or until it is ended."""
        waiter = self._waiters[name]
        with self._queue.at_head(waiter, is_worker=True):
            self._since[name] = time.monotonic()
            self._begun.set()
            try:
                yield
            finally:
                self._since[name] = None

    def _end_long_ones(self) -> None:
        while True:
            self._begun.wait()
            self._begun.clear()
            if self._stopping.wait(TURN_LIMIT):
                return
            now = time.monotonic()
            for name, waiter in self._waiters.items():
                since = self._since[name]
                if since is not None and now - since >= TURN_LIMIT:
                    self._queue.leave(waiter)
                    self._rests_until = now + REST
