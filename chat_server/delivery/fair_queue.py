"""The fair queue: the server answers one client at a time, each address and each client as often.

The total work is the same; fewer threads contend for the interpreter. Building a page holds the
interpreter for about a millisecond. A delivery needs it again after every step in SQLite and after
every send. With fifty clients that ask for pages, each of these steps waited for all fifty, and a
message took seconds to arrive. Fifty clients that send thousands of pings, or are refused as often,
slow a delivery almost as much. So one client is answered, and the others wait, each on its own
thread. With two at a time a message waited three times as long.

There are two such queues, so that a short request waits neither for a page nor for the disk. The
head of the queue of short requests stays there for a stretch of them: a change of threads costs
more than most of them do. Whoever has to wait for anything else leaves the queue before.

The client at the head hands over its reply before it leaves the queue: a thread that still encodes
one contends, too. A delivery worker takes turns with those who make short requests, where they are
a crowd and it has much to deliver: see `delivery.worker_turns`.

Each client waits for one thing at a time, so it has one place in the queue.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from chat_server.runtime.round_robin import Party, RoundRobin

STRETCH = 0.001
"""Seconds after which the head of the queue of short requests leaves it, if others wait."""

WORKS = 2
"""So many pieces of what takes long are done at once: parts of files, and what is made for HTTP."""

CROWD = 8
"""So many who wait are a crowd."""


class Waiter(Protocol):
    """Who can wait in a queue: an Outbox, or a thread of the server's."""

    @property
    def party(self) -> Party:
        """Whose place it is."""
        ...

    @property
    def is_gone(self) -> bool:
        """Whether nobody is there any more who would get an answer."""
        ...

    def wait_while(self, waits: Callable[[Any], bool]) -> bool:
        """Wait as long as `waits` says so of this. Return False if it gives up."""
        ...

    def wake(self) -> None:
        """Let it look again."""
        ...


class ServerWaiter:
    """A thread of the server's, which shares its places with no client's address."""

    is_gone = False

    def __init__(self, name: str) -> None:
        """`name` is the thread's."""
        self.party = Party("", name)
        # Guards the next, and the wait: `waits` is called with it held, and takes a leaf.
        self._woken = threading.Condition()
        self._stopping = False

    def wait_while(self, waits: Callable[["ServerWaiter"], bool]) -> bool:
        """See Waiter. It gives up when the server stops."""
        with self._woken:
            while waits(self):
                if self._stopping:
                    return False
                self._woken.wait()
        return True

    def give_up(self) -> None:
        """Wait no more, now and later: the server stops."""
        with self._woken:
            self._stopping = True
            self._woken.notify()

    def wake(self) -> None:
        """See Waiter."""
        with self._woken:
            self._woken.notify()


class FairQueue:
    """Who is answered, and who waits for it. Any thread may call any method."""

    def __init__(self, stretch: float = 0.0) -> None:
        """`stretch` is how long, in seconds, the head may stay while others wait."""
        self._stretch = stretch
        # Guards all below. A leaf: also taken with the lock of a waiter held.
        self._lock = threading.Lock()
        self._head: Waiter | None = None
        self._until = 0.0  # when the head's stretch ends, by the monotonic clock
        self._waiting: RoundRobin[Waiter] = RoundRobin()
        self._workers: deque[Waiter] = deque()  # that wait
        self._was_worker = False  # whether a worker had the last turn

    @property
    def waiting(self) -> int:
        """How many wait."""
        with self._lock:
            return len(self._waiting) + len(self._workers)

    @property
    def is_crowded(self) -> bool:
        """Whether a crowd waits. Read without the lock, as a guess will do."""
        return self._waiting.size >= CROWD

    def enter(self, waiter: Waiter, *, is_worker: bool = False) -> bool:
        """Wait until this one is at the head, on the thread that is to be there.

        Who is at the head stays there, unless its stretch is over and others wait.

        Args:
            waiter: the outbox of a connection, which stands for the client.
            is_worker: whether it is a delivery worker: those have every second turn.

        Returns:
            Whether it is at the head, and has to `leave`. False if the connection has ended
            meanwhile.
        """
        others_wait = self._waiting.size or self._workers
        if self._head is waiter and (not others_wait or time.monotonic() < self._until):
            return True
        with self._lock:
            following = None
            if self._head is waiter:
                following = self._advance()
                if following is None:
                    self._put_at_head(waiter)
                    return True
            elif self._head is None:
                self._put_at_head(waiter)
                return True
            if is_worker:
                self._workers.append(waiter)
            else:
                self._waiting.put(waiter.party, waiter)
        if following is not None:
            following.wake()
        if waiter.wait_while(self._waits):
            return True
        with self._lock:
            if waiter in self._workers:
                self._workers.remove(waiter)
            else:
                self._waiting.remove(waiter.party, waiter)
        self.leave(waiter)  # it may have come to the head in the same moment
        return False

    def leave(self, waiter: Waiter) -> None:
        """Leave the head to who is next, if `waiter` is there."""
        if self._head is not waiter:  # no other thread than its own puts it there
            return
        with self._lock:
            following = self._advance() if self._head is waiter else None
        if following is not None:
            following.wake()

    @contextmanager
    def at_head(self, waiter: Waiter, *, is_worker: bool = False) -> Iterator[bool]:
        """Enter, and leave when the block ends. Yields what `enter` returns."""
        is_head = self.enter(waiter, is_worker=is_worker)
        try:
            yield is_head
        finally:
            if is_head:
                self.leave(waiter)

    def _waits(self, waiter: Waiter) -> bool:
        with self._lock:
            return self._head is not waiter

    # -- with the lock held

    def _put_at_head(self, waiter: Waiter) -> None:
        assert self._lock.locked()
        self._head = waiter
        self._until = time.monotonic() + self._stretch

    def _advance(self) -> Waiter | None:
        """Put the next one at the head. Return it, which is to be woken; None if nobody waits."""
        assert self._lock.locked()
        self._was_worker = bool(self._workers) and not (self._was_worker and self._waiting.size)
        if self._was_worker:
            following = self._workers.popleft()
        elif self._waiting.size:
            following = self._waiting.take()
        else:
            self._head = None
            return None
        self._put_at_head(following)
        return following


class FairPlaces:
    """Places for what takes long and lets the interpreter go, such as searches.

    Each address has one of them at most, so another is left for somebody at another address. Those
    who wait at one address take turns. Any thread may call any method.
    """

    def __init__(self, places: int) -> None:
        """`places` is how many there are."""
        # Guards all below. A leaf: also taken with the lock of a waiter held.
        self._lock = threading.Lock()
        self._free = places
        self._taken: dict[str, Waiter] = {}  # who has a place, by address
        self._waiting: RoundRobin[Waiter] = RoundRobin()

    @property
    def waiting(self) -> int:
        """How many wait."""
        with self._lock:
            return len(self._waiting)

    @contextmanager
    def place(self, waiter: Waiter) -> Iterator[bool]:
        """Wait for a place, and have it while the block runs.

        Yields: whether something is to be done there. Not if the connection has ended meanwhile, or
            the client is gone.
        """
        with self._lock:
            self._waiting.put(waiter.party, waiter)
            self._let_in()
        has_place = waiter.wait_while(self._waits)
        try:
            yield has_place and not waiter.is_gone
        finally:
            self._leave(waiter)

    def _waits(self, waiter: Waiter) -> bool:
        with self._lock:
            return self._taken.get(waiter.party.address) is not waiter

    def _leave(self, waiter: Waiter) -> None:
        with self._lock:
            if self._taken.get(waiter.party.address) is waiter:
                del self._taken[waiter.party.address]
                self._free += 1
            else:
                self._waiting.remove(waiter.party, waiter)
            following = self._let_in()
        for each in following:
            each.wake()

    def _let_in(self) -> list[Waiter]:
        """With the lock held: give the places that are free away. Return who is to be woken."""
        assert self._lock.locked()
        found: list[Waiter] = []
        while self._free and len(self._waiting):
            following = self._waiting.take_where(lambda address: address not in self._taken)
            if following is None:
                break
            self._taken[following.party.address] = following
            self._free -= 1
            found.append(following)
        return found
