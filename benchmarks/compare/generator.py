"""The load generator: the clients of a server, and the loop that serves them.

- Saturated: each talker keeps a window of texts that not all members have received yet. The slowest
  member closes the loop, so it works for servers with and without replies.
- Paced: each text is due at a moment and is said then, also if earlier ones were not delivered. Its
  latency counts from when it was due, for each member, also if it comes after the measured time.
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
from benchmarks.server_process import Measured
from benchmarks.slow_readers import RESOLUTION, latencies

DRAIN_PATIENCE = 6.0
"""Seconds after the last text for every message to come."""

LULL = 0.3
"""Seconds without a byte after which a run is over, if all members have every message."""

SILENCE = 3.0
"""Seconds without a byte from an idle server after which a missing message counts as lost."""

IDLE_SHARE = 0.1
"""The share of a core: a server that uses less is idle."""

KEEP_ALIVE = 8.0
"""Seconds between signs of life: less than the 30 after which our server sends a ping."""

LOOK = 0.002
"""Seconds between looks at how far the slowest member is."""

SOCKETS_PER_POLL = 64
"""How many sockets are served before the next look at what is due."""


@dataclass(frozen=True)
class Result:
    """The measurements of a run. Times are in seconds, latencies in units of RESOLUTION.

    Attributes:
        seconds: the measured time.
        deliveries: messages that members and talkers received in it.
        server_cpu: processor time of the server.
        engine_cpu: that of its log engine, if it is another process.
        own_cpu: processor time of the generator.
        latencies: how often each latency occurred.
        lateness: how often the generator was how late: from when a text was due until it was sent.
        troubles: what the server did wrong.
    """

    seconds: float
    deliveries: int
    server_cpu: float
    engine_cpu: float
    own_cpu: float
    latencies: Counter[int]
    lateness: Counter[int]
    troubles: list[str]


@dataclass(frozen=True)
class Mark:
    """A moment of the run.

    Attributes:
        time: seconds on the clock.
        server_cpu: seconds of processor time that the server has used.
        engine_cpu: those of its log engine, if it is another process.
        own_cpu: seconds of processor time that the generator has used.
        offsets: how many bytes of the log each member has received.
        heard: how many messages the talkers have received.
    """

    time: float
    server_cpu: float
    engine_cpu: float
    own_cpu: float
    offsets: list[int]
    heard: int


class Generator:
    """All clients of a server."""

    def __init__(self, server: Measured, wire: Wire, connecting: int = 200) -> None:
        self._server = server
        self._wire = wire
        self._books = Books()
        self._record = Record(wire.message)
        self._poll = select.epoll()
        self._entrance = Entrance(server, wire, self._poll, connecting)
        self._clients: dict[int, Member | Talker] = {}
        self._members: list[Member] = []
        self._talkers: list[Talker] = []
        self._cut_off = 0
        self._keep_alive_at = 0.0
        self._lateness: Counter[int] = Counter()

    # -- what can be measured

    def bytes_each(self, members: int, rooms: int) -> float:
        """Let members join rooms. Return the server's memory for each member, in bytes.

        Raises:
            RunFailedError: the server did not let all in, or not in time.
        """
        before = self._server.resident_bytes()
        who = [(f"m{number}", f"room{number % rooms}") for number in range(members)]
        self._entrance.let_in(who)
        return (self._server.resident_bytes() - before) / members

    def fill(self, members: int, talkers: int) -> None:
        """Let all members and talkers join one room.

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
        """Let the talkers say as much as all members can take."""
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
        """Let the talkers say `rate` texts a second together, one after the other."""
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
        """Measure. `talk` says what is due at a given time, and returns the seconds to wait."""
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
            engine_cpu=stop.engine_cpu - start.engine_cpu,
            own_cpu=stop.own_cpu - start.own_cpu,
            latencies=self._latencies(start.time, stop.time, ended),
            lateness=self._lateness,
            troubles=self._troubles(quiet),
        )

    def _serve(self, talk: Callable[[float], float], seconds: float) -> None:
        until = time.perf_counter() + seconds
        while (now := time.perf_counter()) < until:
            self._keep_alive(now)
            self._serve_ready(min(talk(now), until - now))

    def _drain(self) -> tuple[float, bool]:
        """Serve until every message has come. Return when, and whether the server is done."""
        now = time.perf_counter()
        until, silent_since, used = now + DRAIN_PATIENCE, now, self._server.cpu_seconds()
        while (now := time.perf_counter()) < until:
            self._keep_alive(now)
            if self._serve_ready(LULL):
                silent_since, used = time.perf_counter(), self._server.cpu_seconds()
                continue
            idle = self._server.cpu_seconds() - used < SILENCE * IDLE_SHARE
            if self._complete() or (now - silent_since >= SILENCE and idle):
                return silent_since, True
        self._record.read(self._books.log.data)
        return now, False

    def _complete(self) -> bool:
        return self._everybody_has() == sum(len(talker.due) for talker in self._talkers)

    def _serve_ready(self, wait: float) -> bool:
        """Serve the clients that are ready within `wait` seconds. Return whether there were any."""
        ready = self._poll.poll(0, SOCKETS_PER_POLL)
        if not ready:
            # epoll waits for whole milliseconds, select for microseconds.
            select.select([self._poll], [], [], max(0.0, wait))
            ready = self._poll.poll(0, SOCKETS_PER_POLL)
        for fd, event in ready:
            try:
                self._clients[fd].on_ready(event)
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
            engine_cpu=self._server.engine_cpu_seconds(),
            own_cpu=time.process_time(),
            offsets=[*self._books.offsets.values(), *self._books.closed],
            heard=sum(talker.heard for talker in self._talkers),
        )

    # -- what came of it

    def _everybody_has(self) -> int:
        """Return how many messages of the record the slowest client has."""
        self._record.read(self._books.log.data)
        slowest = min(self._books.offsets.values(), default=0)
        heard = (talker.has for talker in self._talkers if not talker.gone)
        return min(self._messages(slowest), min(heard, default=0))

    def _deliveries(self, mark: Mark) -> int:
        return mark.heard + sum(map(self._messages, mark.offsets))

    def _messages(self, offset: int) -> int:
        """Return how many messages a member has at an offset."""
        return self._record.messages_within(offset) if self._wire.ordered else offset

    def _latencies(self, start: float, stop: float, ended: float) -> Counter[int]:
        """The latencies of the texts due from `start` to `stop`. A lost text took until the end."""
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
        """Return when each text was due that no member received."""
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
        """Return how many clients have more or fewer messages than the record."""

        said = len(self._record.talkers)
        talkers = sum(talker.has != said for talker in self._talkers if not talker.gone)
        return talkers + sum(
            self._messages(offset) != said for offset in self._books.offsets.values()
        )
