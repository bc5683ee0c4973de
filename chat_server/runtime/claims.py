"""Who changes what just now: two who change the same thing do so one after the other.

What is kept changes in the store first and in memory second, and the store waits for the disk. So
no lock is held from one to the other: what is changed is claimed, and only those wait who want the
same thing, in the order in which they came. Those who change something else share the commit.
"""

import threading
from collections import deque
from collections.abc import Hashable, Iterator
from contextlib import contextmanager


class Claims:
    """The things that are being changed. Any thread may call any method."""

    def __init__(self) -> None:
        # Guards what is claimed, and who waits for it: each for an event of its own, which whoever
        # was before it sets. A leaf.
        self._lock = threading.Lock()
        self._claimed: dict[Hashable, deque[threading.Event]] = {}

    @contextmanager
    def of(self, thing: Hashable) -> Iterator[None]:
        """Wait until nobody changes a thing, such as a room's poll, and be the one who does.

        It has to be claimed before any lock is taken.
        """
        turn = self._stand_in_line(thing)
        if turn is not None:
            turn.wait()
        try:
            yield
        finally:
            with self._lock:
                waiting = self._claimed[thing]
                if waiting:
                    waiting.popleft().set()
                else:
                    del self._claimed[thing]

    def has(self, thing: Hashable) -> bool:
        """Return whether somebody changes a thing."""
        with self._lock:
            return thing in self._claimed

    def _stand_in_line(self, thing: Hashable) -> threading.Event | None:
        """Claim a thing; or return what is set when it is this one's turn."""
        with self._lock:
            waiting = self._claimed.get(thing)
            if waiting is None:
                self._claimed[thing] = deque()
                return None
            turn = threading.Event()
            waiting.append(turn)
            return turn
