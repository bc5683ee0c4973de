"""Members that stop reading while their room goes on: do the others notice?

All members are in one room, in which one publisher talks. In turn none, one and half of the
members do not read at all for as long as the clock runs; what counts is how the others fare then,
compared with how they do when everybody reads. So compare lines of one table, not of two machines.

- The publisher is paced (an open loop): each text has a moment at which it is due, and its latency
  counts from there to when each reader has it, however late the publisher was itself. Publisher
  and readers share a process and so a clock. With --burst it says as much as it can instead (a
  closed loop with a window). That is what shows a backlog: the kernel keeps some MB for everybody
  who does not read, and the server notices that somebody is behind only when these are full.
- Afterwards who had stopped reads again, and must get all that was missed, in order, once: the
  same bytes as the others (see audit.py). The publisher goes on meanwhile, paced in any case. The
  table says how long the catching up takes, and for that time the latencies of those who had read
  all along, and the most memory that the server held.

Half of 200 members are 100 readers instead of 200, and the generator has less to do for them. To
tell that from what the other half does to the server, compare with

    python -m benchmarks.slow_readers --members 100 --stopped 0

Deliveries are those to readers. What the kernel takes for the others is not counted as one, though
it costs the server as much: so its CPU for each doubles when half have stopped for a short time.
"""

import argparse
import contextlib
import select
import sys
import time
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from benchmarks.audit import SharedLog
from benchmarks.clients import Member, Publisher
from benchmarks.command import add_server, add_talk, counts_or_none, exit_code_of, positive, show
from benchmarks.fanout import DRAIN_PATIENCE, QUIET, ROOM, TURNS_PER_POLL, Mark, Room, undisturbed
from benchmarks.server_process import ServerProcess, running_server

RESOLUTION = 10e-6
"""Seconds to which latencies are counted: there are millions of them."""

CATCH_UP_PATIENCE = 120.0
"""Seconds for those who had stopped to get what they missed."""

MB = 1e6


class TimedMember(Member):
    """One that only reads, and notes when it had how much.

    Attributes:
        read_at: the moment of each read.
        read_to: the bytes of the log it had then.
    """

    def __init__(self, nick: str, room: "SlowRoom") -> None:
        super().__init__(nick, room.enter(nick), room.log)
        self.read_at = array("d")
        self.read_to = array("q")

    def turn(self, event: int) -> None:
        """Receive what is there and note when."""
        super().turn(event)
        self.read_at.append(time.perf_counter())
        self.read_to.append(self.offset)


class PacedPublisher(Publisher):
    """One that says a text whenever one is due, whatever became of those before."""

    _interval = 0.0  # from a text to the next; 0 is as many as the window lets through
    _next = 0.0  # when a text is due

    def pace(self, rate: float) -> None:
        """Say so many texts a second from now on; 0 is as many as the window lets through."""
        self._interval = 1 / rate if rate else 0.0
        self._next = time.perf_counter()

    def wait(self) -> float | None:
        """Return how many seconds are left until a text is due, or None."""
        if not self.talking or not self._interval:
            return None
        return max(0.0, self._next - time.perf_counter())

    def _fill(self) -> None:
        if not self._interval:
            super()._fill()
            return
        due, now = [], time.perf_counter()
        while self._next <= now:
            due.append(self._next)
            self._next += self._interval
        self._say(due)


@dataclass(frozen=True)
class Result:
    """What one run measured. Times are in seconds, sizes in bytes."""

    stopped: int
    readers: int
    seconds: float
    deliveries: int
    latencies: Counter[int]  # how many there were of each, in units of RESOLUTION
    meanwhile: Counter[int]  # the same while those who had stopped caught up
    server_cpu: float
    own_cpu: float
    growth: int  # of the server's memory while the room talked
    missed: int  # by whoever missed the most
    catch_up: float
    peak: int  # of the server's memory while those who had stopped caught up
    faults: list[str]


class SlowRoom(Room):
    """A room of which some members can stop to read."""

    def __init__(self, server: ServerProcess) -> None:
        super().__init__(server)
        self._stopped: list[Member] = []
        self.log: SharedLog = self._log
        self.enter = self._enter

    def fill(self, options: argparse.Namespace, members: int) -> None:
        """Connect everybody, and wait until the joins are no longer told."""
        for number in range(members):
            member = TimedMember(f"m{number}", self)
            self._by_fd[member.connection.fileno()] = member
            self._members.append(member)
        self._publisher = PacedPublisher(
            "p0",
            self._enter("p0"),
            self._poll,
            room=ROOM,
            window=options.window,
            text_bytes=options.text_bytes,
        )
        self._by_fd[self._publisher.connection.fileno()] = self._publisher
        self._publishers.append(self._publisher)
        self._discard_presence()

    def measure(self, options: argparse.Namespace, stopped: int) -> Result:
        """Let the publisher talk while the last `stopped` members do not read, then let them."""
        self._talk(0 if options.burst else options.rate)
        self._serve(_never, options.warm_up)
        self._stop(stopped)
        resident, start = self._server.resident_bytes(), self._mark()
        self._serve(_never, options.seconds)
        stop, growth = self._mark(), self._server.resident_bytes() - resident
        self._fall_silent()
        readers, behind, size = self._members, self._stopped, len(self._log.data)
        missed = max((size - member.offset for member in behind), default=0)
        self._resume()
        self._server.forget_peak()
        self._talk(options.rate)
        resumed_at = time.perf_counter()
        self._serve(lambda: all(m.offset >= size for m in behind), CATCH_UP_PATIENCE)
        caught_up_at, peak = time.perf_counter(), self._server.peak_resident_bytes()
        self._fall_silent()
        self._serve(_never, QUIET)  # so that what comes too much is seen as well
        self._reader.read(self._log.data)
        return Result(
            stopped=stopped,
            readers=len(readers),
            seconds=stop.time - start.time,
            deliveries=self._deliveries(start, stop),
            latencies=self._latencies(readers, start.time, stop.time),
            meanwhile=self._latencies(readers, resumed_at, caught_up_at),
            server_cpu=stop.server_cpu - start.server_cpu,
            own_cpu=stop.own_cpu - start.own_cpu,
            growth=growth,
            missed=missed,
            catch_up=caught_up_at - resumed_at,
            peak=peak,
            faults=self._faults(),
        )

    def _stop(self, count: int) -> None:
        kept = len(self._members) - count
        self._members, self._stopped = self._members[:kept], self._members[kept:]
        for member in self._stopped:
            self._poll.unregister(member.connection)

    def _resume(self) -> None:
        for member in self._stopped:
            self._poll.register(member.connection, select.EPOLLIN)
        self._members, self._stopped = self._members + self._stopped, []

    def _talk(self, rate: float) -> None:
        self._publisher.pace(rate)
        self._publisher.talking = True

    def _fall_silent(self) -> None:
        self._publisher.talking = False
        self._serve(self._all_heard, DRAIN_PATIENCE)

    def _serve(self, done: Callable[[], bool], seconds: float) -> None:
        """Serve whoever is ready, and talk when it is due, until it is done or time is over."""
        until = time.monotonic() + seconds
        while not done() and (left := until - time.monotonic()) > 0:
            self._keep_alive()
            self._publisher.talk()
            due = self._publisher.wait()
            # epoll waits for whole milliseconds, select for as long as it is told.
            select.select([self._poll], [], [], left if due is None else min(left, due))
            for fd, event in self._poll.poll(0, TURNS_PER_POLL):
                self._by_fd[fd].turn(event)

    def _keep_alive(self) -> None:
        # Who has stopped shows life as well. The ping that they would get after 30 seconds would
        # do no harm, but it is not in the others' bytes.
        reading = self._members
        self._members = reading + self._stopped
        super()._keep_alive()
        self._members = reading

    def _deliveries(self, start: Mark, stop: Mark) -> int:
        within = self._reader.messages_within
        pairs = zip(start.offsets, stop.offsets, strict=True)
        return sum(within(after) - within(before) for before, after in pairs)

    def _latencies(self, readers: Iterable[Member], start: float, stop: float) -> Counter[int]:
        """Those of the texts that were due between two moments, however late they came."""
        due = self._publisher.said_at
        first, end = bisect_left(due, start), bisect_left(due, stop)
        same = together(due)
        found: Counter[int] = Counter()
        for member in readers:
            assert isinstance(member, TimedMember)
            heard = map(self._reader.messages_within, member.read_to)
            found += latencies(due, same, first, end, zip(member.read_at, heard, strict=True))
        return found


def _never() -> bool:
    return False


def latencies(
    due: Sequence[float],
    together: Sequence[int],
    first: int,
    end: int,
    reads: Iterable[tuple[float, int]],
) -> Counter[int]:
    """Return how often there was each latency, in units of RESOLUTION.

    Args:
        due: when each text was due.
        together: for each text, how many are due in the same moment, from it on.
        first: the text to begin with, from 0.
        end: the text to end before.
        reads: of one member: when it read, and how many texts it had then.
    """
    found: Counter[int] = Counter()
    for at, heard in reads:
        while first < min(heard, end):
            # Texts of one moment are counted together: in a burst there are many.
            count = min(together[first], heard - first, end - first)
            found[int((at - due[first]) / RESOLUTION)] += count
            first += count
    return found


def together(due: Sequence[float]) -> Sequence[int]:
    """Return for each text how many are due in the same moment, from it on."""
    counts = array("q", [1]) * len(due)
    for number in range(len(due) - 2, -1, -1):
        if due[number] == due[number + 1]:
            counts[number] += counts[number + 1]
    return counts


def percentile(counts: Counter[int], share: float) -> int:
    """Return the value that `share` (0 to 1) of all that were counted do not exceed, or 0."""
    left = max(1, -int(-counts.total() * share // 1))
    for value in sorted(counts):
        left -= counts[value]
        if left <= 0:
            return value
    return 0


HEADINGS = (
    f"{'stopped':>7} {'readers':>7} {'deliveries/s':>12} {'each/s':>7}"
    f" {'p50':>8} {'p99':>8} {'p99.9':>8} {'max':>8}  {'CPU each':>8} {'own CPU':>7}"
    f" {'growth':>8}  {'missed':>8} {'caught up':>9} {'p50':>8} {'p99':>8} {'peak':>8}  audit"
)


def report_line(result: Result) -> str:
    """Return a result as a line below HEADINGS."""
    rate = result.deliveries / result.seconds
    cpu = result.server_cpu / result.deliveries if result.deliveries else 0.0
    return (
        f"{result.stopped:>7} {result.readers:>7} {rate:>12,.0f}"
        f" {rate / result.readers if result.readers else 0.0:>7,.0f}"
        f" {_times(result.latencies, 0.5, 0.99, 0.999, 1.0)}"
        f"  {cpu * 1e6:>5.2f} us {result.own_cpu / result.seconds:>7.0%}"
        f" {result.growth / MB:>5.1f} MB  {result.missed / MB:>5.1f} MB"
        f" {result.catch_up:>7.2f} s {_times(result.meanwhile, 0.5, 0.99)}"
        f" {result.peak / MB:>5.1f} MB"
        f"  {'FAILED' if result.faults else 'passed'}"
    )


def _times(counts: Counter[int], *shares: float) -> str:
    if not counts:
        return " ".join([f"{'-':>8}"] * len(shares))
    values = [percentile(counts, share) * RESOLUTION for share in shares]
    return " ".join(f"{value * 1000:>5.1f} ms" for value in values)


def measure(options: argparse.Namespace, stopped: int) -> Result:
    """Run a server and a room of which `stopped` members do not read.

    Raises:
        RunFailedError: the server refused something, or went away.
        ServerFailedError: it did not start.
        OSError: a connection could not be made.
    """
    with (
        running_server(options.server, options.server_args) as server,
        contextlib.closing(SlowRoom(server)) as room,
    ):
        room.fill(options, options.members)
        with undisturbed():
            return room.measure(options, stopped)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print.

    Args:
        arguments: the command line; that of the process if None.

    Returns:
        The exit code: 0; 1 if an audit failed or a run could not be made; 130 after Ctrl-C.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    if max(options.stopped) > options.members:
        parser.error("more members are to stop than there are")
    return exit_code_of(lambda: _measure_all(options))


def _measure_all(options: argparse.Namespace) -> int:
    pace = f"{options.window} under way" if options.burst else f"{options.rate:g} a second"
    print(
        f"{options.members} members; texts of {options.text_bytes} bytes, {pace};"
        f" {options.seconds:g} s after {options.warm_up:g} s of warm-up\n{HEADINGS}",
        flush=True,
    )
    passed = True
    for stopped in options.stopped * options.rounds:
        result = measure(options, stopped)
        passed = show(report_line(result), result.faults) and passed
    return int(not passed)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.slow_readers",
        description="How the others fare when members of their room do not read.",
    )
    add = parser.add_argument
    add("--members", type=positive, default=200, help="(200)")
    add("--stopped", type=counts_or_none, default=[0, 1, 100], help="one run for each (0,1,100)")
    add("--rounds", type=positive, default=2, help="how often all of them are run in turn (2)")
    add("--rate", type=positive, default=200, help="texts a second (200)")
    add("--burst", action="store_true", help="as many texts as the server takes, not --rate")
    add_talk(parser)
    add_server(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
