"""Calls functions later, on one thread.

Time limits are here and not on the sockets: with a timeout on a socket every send waits as well,
and a client that sends one byte a second extends it for ever.
"""

import heapq
import itertools
import threading
from collections.abc import Callable

from chat_server.runtime.clock import Clock
from chat_server.runtime.threads import ServerThread, Survived, Vital

RETRY_AFTER = 1.0
"""Seconds after which what ran out of memory is tried again."""


class Timers:
    """Calls functions at given times. Any thread may add one.

    A function must be short and must not block: all others wait for it. Nothing can be cancelled:
    a function that is not needed any more has to notice that itself.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        # Guards _due and _stopped, and wakes the thread. A leaf.
        self._changed = threading.Condition()
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._stopped = False
        self._order = itertools.count()
        self._thread = ServerThread(self._run, "timers")
        self._adding = Vital("setting a timer")

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread; what is due later is not called."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        self._thread.join()

    def call_later(self, delay: float, function: Callable[[], None]) -> None:
        """Call `function` after `delay` seconds."""
        due = self._clock.monotonic() + delay
        with self._adding, self._changed:
            heapq.heappush(self._due, (due, next(self._order), function))
            if self._due[0][2] is function:
                self._changed.notify()

    def wake(self) -> None:
        """Look at the clock again: a test has moved it."""
        with self._changed:
            self._changed.notify()

    def _run(self) -> None:
        while function := self._next():
            with Survived("what was due"):
                self._call(function)
            del function  # or whoever it concerned would be held until the next is due

    def _call(self, function: Callable[[], None]) -> None:
        try:
            function()
        except MemoryError:  # what was due is still to be done
            self.call_later(RETRY_AFTER, function)
            raise

    def _next(self) -> Callable[[], None] | None:
        """Wait for the next function that is due; None when stopped."""
        with self._changed:
            while not self._stopped:
                if not self._due:
                    self._changed.wait()
                    continue
                wait = self._due[0][0] - self._clock.monotonic()
                if wait <= 0:
                    return heapq.heappop(self._due)[2]
                self._changed.wait(wait)
            return None
