"""What the server counts while it works, for its metrics.

`Counters` counts nothing. A server without metrics has it, and each call costs a few dozen
nanoseconds. It keeps the latest commits while an owner looks (see `watch`). `RecordingCounters`
counts. What can be seen at any moment is not counted here: the metrics read it from the rooms when
somebody asks. Counting costs once a batch, not once a member.
"""

import threading
import time
from bisect import bisect_left
from collections import Counter, deque
from typing import NamedTuple

from chat_server.rooms.room import Room
from protocol.errors import Code

BATCH_SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)
"""Bounds of what is told apart, in messages."""

COMMIT_TIMES = (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2.0)
DELIVERY_TIMES = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0)
"""The same in seconds."""


class Commit(NamedTuple):
    """A transaction that is stored: when, by the monotonic clock, and how long it took."""

    at: float
    messages: int
    seconds: float


class Counters:
    """Counts nothing. Any thread may call any method.

    Attributes:
        latest: gets each commit, for as long as somebody looks; else None.
    """

    def __init__(self) -> None:
        self.latest: deque[Commit] | None = None

    def connected(self) -> None:
        """Somebody has connected."""

    def came_in(self, *, resumed: bool) -> None:
        """Somebody has begun a session, or taken one up."""

    def refused(self, code: Code) -> None:
        """A request was refused, or a connection for a mistake of its client's."""

    def closed(self, code: Code) -> None:
        """A connection has ended, and why."""

    def committed(self, messages: int, seconds: float) -> None:
        """A transaction is stored.

        Args:
            messages: how many are in it, of all rooms.
            seconds: how long it took.
        """
        latest = self.latest  # one value, whoever looks away meanwhile
        if latest is not None:
            latest.append(Commit(time.monotonic(), messages, seconds))

    def published(self, room: Room, posted_at: float) -> None:
        """A batch is the end of a room's log.

        Args:
            room: the room.
            posted_at: when its first message was posted, by the monotonic clock.
        """

    def fed(self, room: Room) -> None:
        """A worker, which has the room's turn, has fed some of its members."""


class Distribution:
    """How often something was how large. Its user takes care that one thread at a time is here."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        """Count one more."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


class Snapshot(NamedTuple):
    """What was counted up to a moment."""

    connected: int
    begun: int
    resumed: int
    refusals: dict[Code, int]
    closes: dict[Code, int]
    messages: int
    batches: tuple[tuple[int, ...], float]
    commits: tuple[tuple[int, ...], float]
    deliveries: tuple[tuple[int, ...], float]


class RecordingCounters(Counters):
    """Counts."""

    def __init__(self) -> None:
        super().__init__()
        # Guards all below. A leaf.
        self._lock = threading.Lock()
        self._connected = 0
        self._begun = 0
        self._resumed = 0
        self._refusals: Counter[Code] = Counter()
        self._closes: Counter[Code] = Counter()
        self._batches = Distribution(BATCH_SIZES)
        self._commits = Distribution(COMMIT_TIMES)
        self._deliveries = Distribution(DELIVERY_TIMES)
        # Of each room the batches that are on their way round: their last seq, and when their
        # first message was posted.
        self._under_way: dict[Room, deque[tuple[int, float]]] = {}

    def connected(self) -> None:
        with self._lock:
            self._connected += 1

    def came_in(self, *, resumed: bool) -> None:
        with self._lock:
            if resumed:
                self._resumed += 1
            else:
                self._begun += 1

    def refused(self, code: Code) -> None:
        with self._lock:
            self._refusals[code] += 1

    def closed(self, code: Code) -> None:
        with self._lock:
            self._closes[code] += 1

    def committed(self, messages: int, seconds: float) -> None:
        super().committed(messages, seconds)
        with self._lock:
            self._batches.add(messages)
            self._commits.add(seconds)

    def published(self, room: Room, posted_at: float) -> None:
        with self._lock:
            self._under_way.setdefault(room, deque()).append((room.last, posted_at))

    def fed(self, room: Room) -> None:
        fed = room.round.fed
        if fed is None:
            return
        now = time.monotonic()
        with self._lock:
            waiting = self._under_way.get(room)
            while waiting and waiting[0][0] <= fed:
                self._deliveries.add(now - waiting.popleft()[1])
            if waiting is not None and not waiting:
                del self._under_way[room]

    def snapshot(self) -> Snapshot:
        """Return what was counted so far."""
        with self._lock:
            return Snapshot(
                connected=self._connected,
                begun=self._begun,
                resumed=self._resumed,
                refusals=dict(self._refusals),
                closes=dict(self._closes),
                messages=int(self._batches.total),
                batches=_frozen(self._batches),
                commits=_frozen(self._commits),
                deliveries=_frozen(self._deliveries),
            )


def _frozen(distribution: Distribution) -> tuple[tuple[int, ...], float]:
    return tuple(distribution.counts), distribution.total
