"""Members that stop reading while their room goes on: do the other members notice?

All members are in one room, in which one publisher talks. In a first run all members read, in the
next ones some of them do not read while the clock runs. The figures are those of the members that
read. Compare the lines of one table, not figures of two machines.

- The publisher is paced (an open loop): each text is due at a moment, and its latency counts from
  then until a reader has it, however late the publisher was. Publisher and readers share a process,
  and so a clock. With --burst the publisher says as much as it can instead (a closed loop with a
  window). That shows a backlog: the kernel buffers some MB for each member that does not read, and
  the server notices that a member lags only when these are full.
- Then the members that had stopped read again. They must receive everything that they missed, in
  order, once: the same bytes as the others (see audit.py). The publisher goes on meanwhile, paced
  in any case. The table says how long the catching up takes, and for that time the latencies of the
  other members and the peak of the server's memory.

If half of 200 members stop, the generator has half as many readers to serve. To tell that from what
the stopped members cost the server, compare with

    python -m benchmarks.slow_readers --members 100 --stopped 0

Deliveries are those to readers. What the kernel buffers for the stopped members is not counted,
though it costs the server as much. So the server's processor time for each delivery doubles if half
of the members stop for a short time.
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
from benchmarks.fanout import DRAIN_PATIENCE, QUIET, ROOM, SOCKETS_PER_POLL, Mark, Room, undisturbed
from benchmarks.server_process import ServerProcess, running_server

RESOLUTION = 10e-6
"""Seconds: latencies are counted in units of this, because there are millions of them."""

CATCH_UP_PATIENCE = 120.0
"""Seconds for the stopped members to catch up."""

MB = 1e6
"""Bytes in a megabyte."""


class TimedMember(Member):
    """A member that notes when it received how much.

    Attributes:
        read_at: the time of each read.
        read_to: how many bytes of the log it had received then.
    """

    def __init__(self, nick: str, room: "SlowRoom") -> None:
        super().__init__(nick, room.enter(nick), room.log)
        self.read_at = array("d")
        self.read_to = array("q")

    def on_ready(self, event: int) -> None:
        """Receive, and note when."""
        super().on_ready(event)
        self.read_at.append(time.perf_counter())
        self.read_to.append(self.offset)


class PacedPublisher(Publisher):
    """A publisher that says a text whenever one is due, also if earlier ones have no reply."""

    _interval = 0.0  # seconds between two texts; 0 for as many as the window allows
    _next = 0.0  # when the next text is due

    def pace(self, rate: float) -> None:
        """Say `rate` texts a second from now on; with 0, as many as the window allows."""
        self._interval = 1 / rate if rate else 0.0
        self._next = time.perf_counter()

    def wait(self) -> float | None:
        """Return the seconds until the next text is due, None if none will be."""
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
    """The measurements of a run. Times are in seconds, sizes in bytes.

    Attributes:
        stopped: how many members did not read.
        readers: how many members read.
        seconds: the measured time.
        deliveries: messages that readers received in it.
        latencies: how often each latency occurred, in units of RESOLUTION.
        meanwhile: the same, while the stopped members caught up.
        server_cpu: processor time of the server.
        own_cpu: processor time of the generator.
        growth: how much the server's memory grew in the measured time.
        missed: what the stopped member that missed most had missed.
        catch_up: time until all stopped members had caught up.
        peak: the server's peak memory while they caught up.
        faults: what the audit found.
    """

    stopped: int
    readers: int
    seconds: float
    deliveries: int
    latencies: Counter[int]
    meanwhile: Counter[int]
    server_cpu: float
    own_cpu: float
    growth: int
    missed: int
    catch_up: float
    peak: int
    faults: list[str]


class SlowRoom(Room):
    """A room of which some members can stop reading."""

    def __init__(self, server: ServerProcess) -> None:
        super().__init__(server)
        self._stopped: list[Member] = []
        self.log: SharedLog = self._log
        self.enter = self._enter

    def fill(self, options: argparse.Namespace, members: int) -> None:
        """Connect all clients, and wait until the server has announced every join."""
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
        """Let the publisher talk. The last `stopped` members read only when that is measured."""
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
        self._serve(_never, QUIET)  # a message that comes twice is noticed here
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
        """Serve the clients, and talk when a text is due, until `done`, for at most `seconds`."""
        until = time.monotonic() + seconds
        while not done() and (left := until - time.monotonic()) > 0:
            self._keep_alive()
            self._publisher.talk()
            due = self._publisher.wait()
            # epoll waits for whole milliseconds, select for microseconds.
            select.select([self._poll], [], [], left if due is None else min(left, due))
            for fd, event in self._poll.poll(0, SOCKETS_PER_POLL):
                self._by_fd[fd].on_ready(event)

    def _keep_alive(self) -> None:
        # Stopped members send pongs too. Without them the server sends a ping after 30 seconds,
        # which the other members do not get.
        reading = self._members
        self._members = reading + self._stopped
        super()._keep_alive()
        self._members = reading

    def _deliveries(self, start: Mark, stop: Mark) -> int:
        within = self._reader.messages_within
        pairs = zip(start.offsets, stop.offsets, strict=True)
        return sum(within(after) - within(before) for before, after in pairs)

    def _latencies(self, readers: Iterable[Member], start: float, stop: float) -> Counter[int]:
        """The latencies of the texts that were due from `start` to `stop`."""
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
    """Return how often each latency occurred, in units of RESOLUTION.

    Args:
        due: when each text was due.
        together: for each text, how many are due at the same time, from it on.
        first: the number of the first text, from 0.
        end: the number after that of the last text.
        reads: for each read of a member, when it was, and how many texts the member had then.
    """
    found: Counter[int] = Counter()
    for at, heard in reads:
        while first < min(heard, end):
            # Texts of the same time are counted together: in a burst there are many.
            count = min(together[first], heard - first, end - first)
            found[int((at - due[first]) / RESOLUTION)] += count
            first += count
    return found


def together(due: Sequence[float]) -> Sequence[int]:
    """Return for each text how many are due at the same time, from it on."""
    counts = array("q", [1]) * len(due)
    for number in range(len(due) - 2, -1, -1):
        if due[number] == due[number + 1]:
            counts[number] += counts[number + 1]
    return counts


def percentile(counts: Counter[int], share: float) -> int:
    """Return the value that `share` (0 to 1) of the values do not exceed; 0 if there are none."""
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
        RunFailedError: the server refused a request, or closed a connection.
        ServerFailedError: the server did not start.
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
    """Measure, and print the result.

    Args:
        arguments: the command line; that of the process if it is None.

    Returns:
        The exit code: 0; 1 if an audit failed or a run could not be made; 130 after Ctrl-C.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    if max(options.stopped) > options.members:
        parser.error(f"--stopped {max(options.stopped)} is more than --members {options.members}")
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
        description="The latency of a room's members while others of them do not read.",
    )
    add = parser.add_argument
    stopped = "how many members do not read; a run for each number (0,1,100)"
    add("--members", type=positive, default=200, help="how many there are (%(default)s)")
    add("--stopped", type=counts_or_none, default=[0, 1, 100], help=stopped)
    add("--rounds", type=positive, default=2, help="how often all runs are repeated (%(default)s)")
    add("--rate", type=positive, default=200, help="texts a second (%(default)s)")
    add("--burst", action="store_true", help="instead of a rate, as many texts as the server takes")

    add_talk(parser)
    add_server(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
