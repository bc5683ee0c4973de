"""A crowd against a server, and the loop that serves it. All servers get exactly the same.

- Saturated: each talker keeps a window of texts that not everybody has yet. This closes the loop
  for servers with replies and without, by the slowest: nobody is fed faster than all can take it.
- Paced: each text is due at a moment, and said then, whatever became of those before. Its latency
  counts from when it was due, for each member, also where that is after the clock has stopped.
"""

import contextlib
import select
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.compare.entrance import Entrance
from benchmarks.compare.people import ROOM, Books, CountedMember, Member, Talker
from benchmarks.compare.record import Record
from benchmarks.compare.wires import Wire
from benchmarks.fanout import undisturbed
from benchmarks.server_process import ServerProcess
from benchmarks.slow_readers import RESOLUTION, latencies

DRAIN_PATIENCE = 6.0
"""Seconds after the last text in which all may still get what was said."""

LULL = 0.3
"""Seconds without a byte after which nothing more comes, if all have what they are owed."""

SILENCE = 3.0
"""Seconds without a byte, from a server that is idle, after which what is missing is lost."""

IDLE_SHARE = 0.1
"""Of a core: a server that uses less is idle."""

KEEP_ALIVE = 8.0
"""Seconds between signs of life: less than the 30 after which our server asks."""

LOOK = 0.002
"""Seconds between looks at how far the slowest has come."""

TURNS_PER_POLL = 64
"""How many sockets are served before another look at what is due."""


@dataclass(frozen=True)
class Result:
    """What one run measured. Times are in seconds; latencies are counted in units of RESOLUTION.

    `lateness` is the generator's own: from when a text was due to when it was sent.
    """

    seconds: float
    deliveries: int
    server_cpu: float
    own_cpu: float
    latencies: Counter[int]
    lateness: Counter[int]
    troubles: list[str]


@dataclass(frozen=True)
class Mark:
    """A moment of the run: clock and processors, and what all had received."""

    time: float
    server_cpu: float
    own_cpu: float
    offsets: list[int]
    heard: int


class Crowd:
    """Everybody who is connected to a server."""

    def __init__(self, server: ServerProcess, wire: Wire, knocking: int = 200) -> None:
        self._server = server
        self._wire = wire
        self._books = Books()
        self._record = Record(wire.message)
        self._poll = select.epoll()
        self._entrance = Entrance(server, wire, self._poll, knocking)
        self._clients: dict[int, Member | Talker] = {}
        self._members: list[Member] = []
        self._talkers: list[Talker] = []
        self._cut_off = 0
        self._keep_alive_at = 0.0
        self._lateness: Counter[int] = Counter()

    # -- what can be measured

    def bytes_each(self, members: int, rooms: int) -> float:
        """Let members into as many rooms; return the server's memory for each of them.

        Raises:
            RunFailedError: the server did not let all in, or not in time.
        """
        before = self._server.resident_bytes()
        who = [(f"m{number}", f"room{number % rooms}") for number in range(members)]
        self._entrance.let_in(who)
        return (self._server.resident_bytes() - before) / members

    def fill(self, members: int, talkers: int) -> None:
        """Let everybody into one room.

        Raises:
            RunFailedError: the server did not let all in, or not in time.
        """
        nicks = [f"m{number}" for number in range(members)]
        nicks += [f"p{number}" for number in range(talkers)]
        self._entrance.let_in([(nick, ROOM) for nick in nicks])
        connections = list(self._entrance.connections.values())
        self._members = [
            Member(self._books, connection)
            if self._wire.ordered
            else CountedMember(self._books, connection, writes=number == 0)
            for number, connection in enumerate(connections[:members])
        ]
        self._talkers = [
            Talker(self._wire, number, connection, self._poll)
            for number, connection in enumerate(connections[members:])
        ]
        self._books.offsets = {member.connection.fileno(): 0 for member in self._members}
        everybody: list[Member | Talker] = [*self._members, *self._talkers]
        self._clients = {client.connection.fileno(): client for client in everybody}

    def saturate(self, window: int, warm_up: float, seconds: float) -> Result:
        """Let everybody say as much as all can take."""
        settled, look_at = -1, 0.0

        def talk(now: float) -> float:
            nonlocal settled, look_at
            if now < look_at:
                return look_at - now
            look_at = now + LOOK
            if settled < 0:
                settled = 0
                for talker in self._talkers:
                    talker.say([now] * window)
                return LOOK
            everybody_has = self._everybody_has()
            for number, count in Counter(self._record.talkers[settled:everybody_has]).items():
                self._talkers[number].say([now] * count)
            settled = max(settled, everybody_has)
            return LOOK

        return self._measure(talk, warm_up, seconds)

    def pace(self, rate: float, warm_up: float, seconds: float) -> Result:
        """Let the talkers say, in turn, `rate` texts a second in all."""
        self._books.timed = True
        said, began = 0, 0.0

        def talk(now: float) -> float:
            nonlocal said, began
            began = began or now
            while (due := began + said / rate) <= now:
                self._talkers[said % len(self._talkers)].say([due])
                self._lateness[int((time.perf_counter() - due) / RESOLUTION)] += 1
                said += 1
            return due - now

        return self._measure(talk, warm_up, seconds)

    def close(self) -> None:
        """Close every connection."""
        self._entrance.close()
        self._poll.close()

    # -- a run

    def _measure(self, talk: Callable[[float], float], warm_up: float, seconds: float) -> Result:
        """Measure while `talk` says what is due at a moment, and returns how long it may wait."""
        with undisturbed():
            self._serve(talk, warm_up)
            start = self._mark()
            self._serve(talk, seconds)
            stop = self._mark()
            ended, quiet = self._drain()
        return Result(
            seconds=stop.time - start.time,
            deliveries=self._deliveries(stop) - self._deliveries(start),
            server_cpu=stop.server_cpu - start.server_cpu,
            own_cpu=stop.own_cpu - start.own_cpu,
            latencies=self._latencies(start.time, stop.time, ended),
            lateness=self._lateness,
            troubles=self._troubles(quiet),
        )

    def _serve(self, talk: Callable[[float], float], seconds: float) -> None:
        until = time.perf_counter() + seconds
        while (now := time.perf_counter()) < until:
            self._keep_alive(now)
            self._turns(min(talk(now), until - now))

    def _drain(self) -> tuple[float, bool]:
        """Serve until all have all, or the server is done; return when, and whether it is done."""
        now = time.perf_counter()
        until, silent_since, used = now + DRAIN_PATIENCE, now, self._server.cpu_seconds()
        while (now := time.perf_counter()) < until:
            self._keep_alive(now)
            if self._turns(LULL):
                silent_since, used = time.perf_counter(), self._server.cpu_seconds()
                continue
            idle = self._server.cpu_seconds() - used < SILENCE * IDLE_SHARE
            if self._complete() or (now - silent_since >= SILENCE and idle):
                return silent_since, True
        self._record.read(self._books.log.data)
        return now, False

    def _complete(self) -> bool:
        return self._everybody_has() == sum(len(talker.due) for talker in self._talkers)

    def _turns(self, wait: float) -> bool:
        """Serve some of those who are ready within `wait` seconds; return whether anybody was."""
        ready = self._poll.poll(0, TURNS_PER_POLL)
        if not ready:
            # epoll waits for whole milliseconds, select for as long as it is told.
            select.select([self._poll], [], [], max(0.0, wait))
            ready = self._poll.poll(0, TURNS_PER_POLL)
        for fd, event in ready:
            try:
                self._clients[fd].turn(event)
            except ConnectionError:
                self._cut(fd)
        return bool(ready)

    def _cut(self, fd: int) -> None:
        client = self._clients.pop(fd)
        self._poll.unregister(client.connection)
        self._cut_off += 1
        self._books.close(fd)
        if isinstance(client, Talker):
            client.gone = True

    def _keep_alive(self, now: float) -> None:
        if now < self._keep_alive_at or not self._wire.sign_of_life:
            return
        self._keep_alive_at = now + KEEP_ALIVE
        for member in self._members:
            with contextlib.suppress(ConnectionError):
                member.connection.send(self._wire.sign_of_life)

    def _mark(self) -> Mark:
        return Mark(
            time=time.perf_counter(),
            server_cpu=self._server.cpu_seconds(),
            own_cpu=time.process_time(),
            offsets=[*self._books.offsets.values(), *self._books.closed],
            heard=sum(talker.heard for talker in self._talkers),
        )

    # -- what came of it

    def _everybody_has(self) -> int:
        """Return how many messages of the record the slowest of all has."""
        self._record.read(self._books.log.data)
        slowest = min(self._books.offsets.values(), default=0)
        heard = (talker.has for talker in self._talkers if not talker.gone)
        return min(self._messages(slowest), min(heard, default=0))

    def _deliveries(self, mark: Mark) -> int:
        return mark.heard + sum(map(self._messages, mark.offsets))

    def _messages(self, offset: int) -> int:
        """Return how many messages a member has."""
        return self._record.messages_within(offset) if self._wire.ordered else offset

    def _latencies(self, start: float, stop: float, ended: float) -> Counter[int]:
        """Those of the texts due between start and stop; what never came took until the end."""
        if not self._books.timed:
            return Counter()
        record = self._record
        due = [
            self._talkers[talker].due[number]
            for talker, number in zip(record.talkers, record.numbers, strict=True)
        ]
        first = next((i for i, moment in enumerate(due) if moment >= start), len(due))
        end = first + sum(1 for moment in due[first:] if moment < stop)
        singly = [1] * len(due)
        found: Counter[int] = Counter()
        for member in self._members:
            heard = map(self._messages, member.read_to)
            reads = zip([*member.read_at, ended], [*heard, end], strict=True)
            found.update(latencies(due, singly, first, end, reads))
        for moment in self._never_delivered():
            if start <= moment < stop:
                found[int((ended - moment) / RESOLUTION)] += len(self._members)
        return found

    def _never_delivered(self) -> Sequence[float]:
        """When that was due which no member has received, at the end."""
        return [
            moment
            for number, talker in enumerate(self._talkers)
            for moment in talker.due[self._record.next[number] :]
        ]

    def _troubles(self, quiet: bool) -> list[str]:
        books, record = self._books, self._record
        counts = {
            "clients cut off": self._cut_off,
            "members got something else than the others": books.differed,
            "messages lost for all": record.lost,
            "messages doubled or out of order": record.disordered,
        }
        if quiet:
            counts["messages never delivered"] = len(self._never_delivered())
            counts["clients heard too much or too little"] = self._miscounts()
        elif books.timed:
            counts[f"messages not delivered {DRAIN_PATIENCE:g} s after the last"] = max(
                1, len(self._never_delivered())
            )
        troubles = [f"{count:,} {what}" for what, count in counts.items() if count]
        if record.broken:
            troubles.append(f"no message: {record.broken!r}")
        return troubles

    def _miscounts(self) -> int:
        """Return how many differ, in the end, from the record in how much they have."""
        said = len(self._record.talkers)
        talkers = sum(talker.has != said for talker in self._talkers if not talker.gone)
        return talkers + sum(
            self._messages(offset) != said for offset in self._books.offsets.values()
        )
