"""What the server does at this moment, for an owner who looks.

It is read when somebody asks, at most ten times a second for all who ask together, and costs
nothing otherwise: `Counters.latest` alone is filled between two looks, and emptied when nobody has
looked for a while. A look reads every thread and every member, so it takes the longer the more
there are. Where it takes long it comes less often, so that looking never takes more than SHARE of a
processor.
"""

import heapq
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import NamedTuple, Protocol, TypeVar

from chat_server.delivery.counters import Commit, Counters
from chat_server.delivery.outbox import Outbox
from chat_server.delivery.watching.thread_states import LOCK, NOT_SEEN, RECV, Doing, ThreadStates
from chat_server.rooms.directory import RoomDirectory
from chat_server.rooms.room import Member
from chat_server.runtime.clock import Clock
from chat_server.runtime.timers import Timers
from protocol.messages import LiveCommit, LiveLock, LiveMember, LiveThread, Look, encoded_size

INTERVAL = 0.09
"""Seconds from one look to the next at least. Who asks ten times a second gets a new one each time.
"""

SHARE = 0.015
"""The part of one processor that looking may take; what it takes to send it comes on top."""

KEPT_UP = 2.0
"""Seconds after the last look in which the latest commits are kept for the next."""

ROWS = 200
"""Threads that are listed, and members."""

ROWS_SIZE = 28_000
"""Bytes that they may take: both lists fit one frame."""

COMMITS = 60
"""Transactions that are listed."""

LOCKS = 20
"""Locks that are listed."""

_MEMORY = 0.97
"""How much of a lock's share is left with each look in which nobody waits for it."""

_FORGOTTEN = 0.005
"""A lock with a smaller share is not listed any more."""

_SECOND = 1.0
"""Seconds over which a rate is measured."""


class Connected(Protocol):
    """A connection, as far as it is looked at."""

    @property
    def thread(self) -> threading.Thread:
        """That serves it."""
        ...

    @property
    def nick(self) -> str | None:
        """Who it is; None before the hello."""
        ...

    @property
    def host(self) -> str:
        """The address that it is from, without a port."""
        ...


class Seen(NamedTuple):
    """One look.

    Attributes:
        look: what is sent.
        members: whose rows are in it.
        connections: all there were.
    """

    look: Look
    members: Sequence[Member]
    connections: Sequence[Connected]

    def nicks_from(self, is_own: Callable[[str], bool]) -> list[str]:
        """Return those of the members in it who are connected from a host that `is_own`."""
        here = {each.nick for each in self.connections if is_own(each.host)}
        return sorted({each.session.nick for each in self.members if each.session.nick in here})


class _Rates:
    """Counts what comes in a second, from totals. One thread at a time uses it."""

    def __init__(self) -> None:
        self._totals: deque[tuple[float, int, int]] = deque()

    def of(self, now: float, messages: int, delivered: int) -> tuple[float, float]:
        """Return messages and deliveries a second since the earliest look that is young enough."""
        self._totals.append((now, messages, delivered))
        while len(self._totals) > 2 and now - self._totals[0][0] > _SECOND:
            self._totals.popleft()
        then, messages_then, delivered_then = self._totals[0]
        passed = now - then
        if passed <= 0:
            return 0.0, 0.0
        # What a removed room had is gone from the totals.
        return (
            max(0.0, (messages - messages_then) / passed),
            max(0.0, (delivered - delivered_then) / passed),
        )


class Watch:
    """See the top of the module. Any thread may call `look`."""

    def __init__(
        self,
        rooms: RoomDirectory,
        connections: Callable[[], Sequence[Connected]],
        counters: Counters,
        timers: Timers,
        clock: Clock,
    ) -> None:
        """
        Args:
            rooms: all there are.
            connections: returns all there are.
            counters: keep the latest commits while somebody looks.
            timers: end that.
            clock: the time.
        """
        self._rooms = rooms
        self._connections = connections
        self._counters = counters
        self._timers = timers
        self._clock = clock
        # Guards all below but for the last four. A leaf.
        self._lock = threading.Lock()
        self._taken = threading.Condition(self._lock)  # a look was taken, or failed
        self._seen: Seen | None = None  # the latest look, while somebody looks
        self._asked_at = 0.0
        self._next_at = 0.0  # when another look may be taken
        self._looking = False  # a thread is taking one
        # Of the thread that takes a look.
        self._states = ThreadStates()
        self._rates = _Rates()
        self._shares: dict[str, float] = {}
        self._took = 0.0  # seconds of the processor, at the look before

    def look(self) -> Seen:
        """Return what the server does now, or did at the latest look where that is young enough."""
        now = self._clock.monotonic()
        with self._lock:
            while self._looking and self._seen is None:  # the first look, and two ask for it
                self._taken.wait()
            begins = self._seen is None
            self._asked_at = now
            if self._seen is not None and (self._looking or now < self._next_at):
                return self._seen
            self._looking = True
        if begins:
            self._begin()
        seen = None
        try:
            seen = self._take(now)
        finally:
            with self._lock:
                self._looking = False
                self._seen = seen
                self._taken.notify_all()
        return seen

    def _begin(self) -> None:
        """Somebody looks, and nobody did: keep the latest commits."""
        self._rates = _Rates()
        self._shares = {}
        if self._counters.latest is None:
            self._counters.latest = deque(maxlen=COMMITS)
            self._timers.call_later(KEPT_UP, self._end_if_over)

    def _end_if_over(self) -> None:
        """Keep nothing, if nobody has looked for a while. On the timers' thread."""
        with self._lock:
            left = self._asked_at + KEPT_UP - self._clock.monotonic()
            if left <= 0:
                self._seen = None
                self._counters.latest = None
        if left > 0:
            self._timers.call_later(left, self._end_if_over)

    # -- taking a look

    def _take(self, now: float) -> Seen:
        begun = time.thread_time()
        latest = self._counters.latest
        commits = latest.copy() if latest is not None else ()
        doing = self._states.all()
        connections = self._connections()
        threads, states, more_threads, waited = self._threads(doing, connections)
        members, rows, more_members, lagging, totals = self._members()
        rates = self._rates.of(now, *totals[:2])
        took = time.thread_time() - begun
        # The lesser of two: a place in the source that is seen for the first time takes long.
        every = max(INTERVAL, min(took, self._took) / SHARE)
        self._took = took
        with self._lock:
            self._next_at = now + every
        look = Look(
            time=round(self._clock.time(), 3),
            every=round(every, 3),
            cost=round(took / every, 5),
            states=states,
            threads=threads,
            more_threads=more_threads,
            members=rows,
            more_members=more_members,
            lagging=lagging,
            messages=round(rates[0], 1),
            deliveries=round(rates[1], 1),
            drafts=totals[2],
            commits=[_shown(commit) for commit in commits],
            locks=self._locks(waited),
        )
        return Seen(look, members, connections)

    def _threads(
        self, doing: Mapping[int, Doing], connections: Sequence[Connected]
    ) -> tuple[list[LiveThread], dict[str, int], int, Counter[str]]:
        """The rows of the threads, how many are in each state and not listed, and who waits for
        which lock.
        """
        nicks = {each.thread: each.nick or "" for each in connections}
        own: list[tuple[threading.Thread, Doing]] = []
        busy: list[tuple[threading.Thread, Doing]] = []
        idle: list[tuple[threading.Thread, Doing]] = []
        states: Counter[str] = Counter()
        waited: Counter[str] = Counter()
        asker = threading.current_thread()
        for thread in threading.enumerate():
            if thread is asker:
                continue
            does = doing.get(thread.ident or 0, NOT_SEEN)
            states[does.state] += 1
            if does.state == LOCK:
                waited[does.what] += 1
            if thread not in nicks:
                own.append((thread, does))
            elif does.state != RECV and does is not NOT_SEEN:
                busy.append((thread, does))
            elif len(idle) < ROWS:
                idle.append((thread, does))
        rows = _fitting(
            LiveThread(thread.name, *does, nicks.get(thread, ""))
            for thread, does in (*own, *busy, *idle)
        )
        return rows, dict(states), states.total() - len(rows), waited

    def _members(
        self,
    ) -> tuple[list[Member], list[LiveMember], int, int, tuple[int, int, int]]:
        """The members with the largest lag, and their rows; how many are not listed; how many of
        all lag; how many messages there are, were delivered, and wait.
        """
        behind: list[tuple[int, int, Member]] = []
        others: list[Member] = []
        count = messages = delivered = drafts = 0
        for room in self._rooms.all():
            last, members = room.last, room.members()
            messages += last
            delivered += room.delivered
            drafts += room.waiting
            count += len(members)
            for member in members:
                lag = last - member.cursor
                if lag > 0:
                    behind.append((lag, len(behind), member))
                elif len(others) < ROWS:
                    others.append(member)
        worst = [member for _, _, member in heapq.nlargest(ROWS, behind)]
        listed = [*worst, *others][:ROWS]
        rows = _fitting(_member_row(member) for member in listed)
        return (
            listed[: len(rows)],
            rows,
            count - len(rows),
            len(behind),
            (messages, delivered, drafts),
        )

    def _locks(self, waited: Counter[str]) -> list[LiveLock]:
        """Every lock that somebody waits for, or did lately."""
        for name in {*self._shares, *waited}:
            share = self._shares.get(name, 0.0) * _MEMORY + (waited[name] > 0) * (1 - _MEMORY)
            self._shares[name] = share
            if share < _FORGOTTEN and not waited[name]:
                del self._shares[name]
        rows = [
            LiveLock(name, waited[name], round(share, 3)) for name, share in self._shares.items()
        ]
        return sorted(rows, key=lambda row: (-row.waiting, -row.share, row.name))[:LOCKS]


Row = TypeVar("Row", LiveThread, LiveMember)


def _fitting(rows: Iterable[Row]) -> list[Row]:
    """As many of `rows`, from the first, as may be listed."""
    listed: list[Row] = []
    space = ROWS_SIZE
    for row in islice(rows, ROWS):
        space -= encoded_size(row) + 1
        if space < 0:
            break
        listed.append(row)
    return listed


def _member_row(member: Member) -> LiveMember:
    outbox = member.outbox
    held, waiting, behind = "", 0, False
    if isinstance(outbox, Outbox):
        behind, waiting, held = outbox.backlog()
    lag = max(0, member.room.last - member.cursor)
    return LiveMember(member.session.nick, member.room.name, lag, waiting, behind, held)


def _shown(commit: Commit) -> LiveCommit:
    return LiveCommit(
        round(time.monotonic() - commit.at, 3), commit.messages, round(commit.seconds, 6)
    )
