"""A crowd: all come at once, all are there and say nothing, all go at once.

1. Storm. Thousands connect at once, without a look at who has got in, and say hello and join a
   room in one piece as soon as they are connected. How many got in, when had the last one? While
   all are there, the server is asked to stop: how long does that take?
2. Idle. A second server, more clients still, in a hundred rooms. What does each cost in memory,
   and what do all cost in processor time while they do nothing but answer the server's pings?
3. Gone. All of these close at once. When has the server noticed, which is when it has as few
   threads as before they came? Then it is asked to stop, as with Ctrl-C.

The audit is that everybody gets in and stays, that the servers end with 0, and that they log no
mistake of their own. Nothing fails for being slow.

All come from one address to one address and port, so there can be about as many clients as there
are ephemeral ports, and half as many as there may be descriptors, since the server has as many.
"""

import argparse
import contextlib
import errno
import select
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from benchmarks.command import add_server, exit_code_of, positive
from benchmarks.server_process import ServerProcess, running_server
from protocol import VERSION
from protocol.framing import FrameDecoder
from protocol.messages import (
    Error,
    Goodbye,
    Hello,
    Join,
    Ok,
    Pong,
    ServerPing,
    Welcome,
    decode_server_message,
    encode,
)

JOIN_ID = 1

ARRIVAL_PATIENCE = 120.0
"""Seconds for all to get in."""

DEPARTURE_PATIENCE = 60.0
"""Seconds for the server to notice that all are gone."""

EXIT_PATIENCE = 30.0
"""Seconds for the server to end."""

QUIET = 2.0
"""Seconds without a byte after which nothing more is taken to be coming."""

AT_ONCE = 250
"""How many come at once where it is not a storm: the kernel refuses none of them."""

LOOK = 0.01
"""Seconds between looks at the server's threads."""

_view = memoryview(bytearray(256 * 1024))


class Visitor:
    """One client: it comes in, and from then on only answers pings.

    Attributes:
        welcomed_at: when the welcome was there, or 0.
        joined_at: when it was in its room, or 0.
        fault: why it is not there any more, or "".
        pongs: how many pings it has answered.
    """

    __slots__ = ("_decoder", "_unsaid", "connection", "fault", "joined_at", "pongs", "welcomed_at")

    def __init__(self, nick: str, room: str) -> None:
        self.connection = socket.socket()
        self.connection.setblocking(False)
        self.welcomed_at = self.joined_at = 0.0
        self.fault = ""
        self.pongs = 0
        self._decoder = FrameDecoder()
        self._unsaid = encode(Hello(VERSION, nick, client="bench")) + encode(Join(JOIN_ID, room))

    def knock(self, address: tuple[str, int]) -> None:
        """Begin to connect."""
        error = self.connection.connect_ex(address)
        if error not in (0, errno.EINPROGRESS):
            self.fault = _kind(error)

    def turn(self, event: int) -> None:
        """Say hello when connected, and listen to what comes."""
        try:
            if self._unsaid:
                # Two small frames always fit; an attempt to connect that failed is told here.
                self.connection.send(self._unsaid)
                self._unsaid = b""
            if event & ~select.EPOLLOUT:
                self._listen()
        except OSError as error:
            self.fault = self.fault or _kind(error.errno)

    def _listen(self) -> None:
        count = self.connection.recv_into(_view)
        if not count:
            self.fault = self.fault or "closed without a word"
        for payload in self._decoder.feed(bytes(_view[:count])):
            # Most of it, where many meet. A server that wrote the members in another order would
            # cost a decode here, and nothing else.
            if not payload.startswith(b'{"type":"presence"'):
                self._take(payload)

    def _take(self, payload: bytes) -> None:
        match decode_server_message(payload):
            case Welcome():
                self.welcomed_at = time.perf_counter()
            case Ok():
                self.joined_at = time.perf_counter()
            case ServerPing(id=id_):
                self.connection.send(encode(Pong(id_)))
                self.pongs += 1
            case Error(code=code) | Goodbye(code=code):
                self.fault = code


def _kind(error: int | None) -> str:
    return errno.errorcode.get(error or 0, "error") if error else "error"


class Crowd:
    """Many visitors, and the loop that serves them."""

    def __init__(self, server: ServerProcess) -> None:
        self._server = server
        self._poll = select.epoll()
        self._here: dict[int, Visitor] = {}
        self._waiting: set[Visitor] = set()  # those that are on their way in
        self._count = 0
        self.faults: Counter[str] = Counter()  # of those that are gone

    def come(self, count: int, rooms: int) -> list[Visitor]:
        """Let `count` more knock at once."""
        numbers = range(self._count, self._count + count)
        visitors = [Visitor(f"c{number}", f"room-{number % rooms}") for number in numbers]
        self._count += count
        for visitor in visitors:
            visitor.knock(self._server.address)
            self._here[visitor.connection.fileno()] = visitor
            self._waiting.add(visitor)
            self._poll.register(visitor.connection, select.EPOLLIN | select.EPOLLOUT)
            if visitor.fault:
                self._forget(visitor)
        return visitors

    def wait_until_in(self, seconds: float) -> None:
        """Serve until each is in, or will never be."""
        self._serve(lambda: not self._waiting, seconds)
        for visitor in list(self._waiting):
            visitor.fault = "no answer"
            self._forget(visitor)

    def wait_until_quiet(self, seconds: float) -> None:
        """Serve until nobody has been told anything for a while."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and self._turns(QUIET):
            pass

    def idle(self, seconds: float) -> None:
        """Serve for so long."""
        self._serve(lambda: False, seconds)

    def wait_for_exit(self, seconds: float) -> None:
        """Serve until the server has ended."""
        self._serve(lambda: self._server.exit_code() is not None, seconds)

    def pongs(self) -> int:
        """Return how many pings those who are here have answered."""
        return sum(visitor.pongs for visitor in self._here.values())

    def go(self) -> None:
        """Close every connection."""
        for visitor in self._here.values():
            visitor.connection.close()
        self._here.clear()

    def close(self) -> None:
        """Close every connection, and what they were waited for with."""
        self.go()
        self._poll.close()

    def _serve(self, done: Callable[[], bool], seconds: float) -> None:
        until = time.monotonic() + seconds
        while not done() and (left := until - time.monotonic()) > 0:
            self._turns(min(left, LOOK))

    def _turns(self, seconds: float) -> bool:
        """Serve who is ready within so long; return whether somebody was."""
        ready = self._poll.poll(seconds)
        for fd, event in ready:
            visitor = self._here[fd]
            visitor.turn(event)
            if event & select.EPOLLOUT:
                self._poll.modify(fd, select.EPOLLIN)
            if visitor.joined_at:
                self._waiting.discard(visitor)
            if visitor.fault:
                self._forget(visitor)
        return bool(ready)

    def _forget(self, visitor: Visitor) -> None:
        self.faults[visitor.fault] += 1
        self._waiting.discard(visitor)
        del self._here[visitor.connection.fileno()]
        visitor.connection.close()


@dataclass
class Report:
    """What is printed, and what was wrong."""

    faults: list[str] = field(default_factory=list)

    def line(self, label: str, value: str) -> None:
        """Print what was measured."""
        print(f"  {label:<46} {value}", flush=True)

    def expect(self, right: bool, fault: str) -> None:
        """Note `fault` unless all is right."""
        if not right:
            self.faults.append(fault)
            print(f"  FAILED: {fault}", flush=True)


@contextlib.contextmanager
def _crowd(options: argparse.Namespace, report: Report) -> Iterator[tuple[ServerProcess, Crowd]]:
    """Run a server and a crowd that has not come yet while the block runs."""
    with (
        running_server(options.server, options.server_args) as server,
        contextlib.closing(Crowd(server)) as crowd,
    ):
        yield server, crowd
        mistakes = server.tracebacks()
        report.expect(not mistakes, f"the server's log holds {mistakes} tracebacks")


def storm(options: argparse.Namespace, report: Report) -> None:
    """Let all come at once; stop the server while they are there."""
    print(f"{options.storm:,} come at once, into {options.storm_rooms} room(s)", flush=True)
    with _crowd(options, report) as (server, crowd):
        began = time.perf_counter()
        visitors = crowd.come(options.storm, options.storm_rooms)
        report.line("all had knocked after", f"{time.perf_counter() - began:.2f} s")
        crowd.wait_until_in(ARRIVAL_PATIENCE)
        got_in = sum(bool(visitor.joined_at) for visitor in visitors)
        report.line("got in", f"{got_in:,} of {options.storm:,}")
        report.line("the last was welcomed after", _last(began, [v.welcomed_at for v in visitors]))
        report.line("the last was in its room after", _last(began, [v.joined_at for v in visitors]))
        report.line("server CPU until then", f"{server.cpu_seconds():.2f} s")
        report.line("errors", _lost(crowd) or "none")
        report.expect(got_in == options.storm, "not everybody got in")
        crowd.wait_until_quiet(ARRIVAL_PATIENCE)
        report.expect(not crowd.faults, f"not everybody stayed: {_lost(crowd)}")
        _stop(server, crowd, report, "with all of them there")


def idle_and_gone(options: argparse.Namespace, report: Report) -> None:
    """Let many be there and say nothing, then go at once; stop the server when they are gone."""
    print(f"{options.idle:,} are there, in {options.rooms} rooms, and say nothing", flush=True)
    with _crowd(options, report) as (server, crowd):
        threads, resident = server.threads(), server.resident_bytes()
        for first in range(0, options.idle, AT_ONCE):
            crowd.come(min(AT_ONCE, options.idle - first), options.rooms)
            crowd.wait_until_in(ARRIVAL_PATIENCE)
        crowd.wait_until_quiet(ARRIVAL_PATIENCE)
        report.expect(not crowd.faults, f"not everybody got in: {_lost(crowd)}")
        _report_memory(options, server, report, resident)
        _idle(options, server, crowd, report)
        _report_memory(options, server, report, resident)
        report.expect(not crowd.faults, f"not everybody stayed: {_lost(crowd)}")
        print(f"{options.idle:,} go at once", flush=True)
        _go(server, crowd, report, threads)
        _stop(server, crowd, report, "when all are gone")


def _report_memory(
    options: argparse.Namespace, server: ServerProcess, report: Report, before: int
) -> None:
    growth = server.resident_bytes() - before
    each = f"{growth / options.idle / 1000:.1f} KB, {growth / 1e6:.0f} MB in all"
    report.line("server memory for each", each)


def _idle(options: argparse.Namespace, server: ServerProcess, crowd: Crowd, report: Report) -> None:
    cpu, pongs = server.cpu_seconds(), crowd.pongs()
    crowd.idle(options.seconds)
    cpu, pongs = server.cpu_seconds() - cpu, crowd.pongs() - pongs
    share = f"{cpu:.2f} s, {cpu / options.seconds:.1%} of a core"
    report.line(f"server CPU in {options.seconds:g} s", share)
    each = f", {cpu / pongs * 1e6:.0f} us of server CPU for each" if pongs else ""
    report.line("pings answered meanwhile", f"{pongs:,}{each}")


def _go(server: ServerProcess, crowd: Crowd, report: Report, threads: int) -> None:
    cpu, began = server.cpu_seconds(), time.perf_counter()
    crowd.go()
    report.line("all had closed after", f"{time.perf_counter() - began:.2f} s")
    while (left := server.threads()) > threads and time.perf_counter() - began < DEPARTURE_PATIENCE:
        time.sleep(LOOK)
    noticed = time.perf_counter() - began
    report.line("the server had noticed after", f"{noticed:.2f} s")
    report.line("server CPU until then", f"{server.cpu_seconds() - cpu:.2f} s")
    report.expect(left <= threads, f"{left - threads} threads are left of connections that closed")


def _stop(server: ServerProcess, crowd: Crowd, report: Report, when: str) -> None:
    began = time.perf_counter()
    server.interrupt()
    crowd.wait_for_exit(EXIT_PATIENCE)
    code = server.exit_code()
    taken = f"{time.perf_counter() - began:.2f} s, exit code {code}"
    report.line(f"SIGINT {when}: ended after", taken)
    report.expect(code == 0, "the server did not end as it should")


def _lost(crowd: Crowd) -> str:
    return ", ".join(f"{kind}: {count:,}" for kind, count in crowd.faults.items())


def _last(began: float, times: Sequence[float]) -> str:
    """When the last had come, and when half; of those who came at all."""
    taken = sorted(at - began for at in times if at)
    return f"{taken[-1]:.2f} s (half after {taken[len(taken) // 2]:.2f} s)" if taken else "never"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print.

    Args:
        arguments: the command line; that of the process if None.

    Returns:
        The exit code: 0; 1 if an audit failed or a run could not be made; 130 after Ctrl-C.
    """
    options = _parser().parse_args(arguments)
    return exit_code_of(lambda: _measure_all(options))


def _measure_all(options: argparse.Namespace) -> int:
    report = Report()
    if options.storm:
        storm(options, report)
    if options.idle:
        idle_and_gone(options, report)
    print("the audit FAILED" if report.faults else "the audit passed")
    return int(bool(report.faults))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.crowd",
        description="Many come at once, are there, and go at once.",
    )
    add = parser.add_argument
    add("--storm", type=int, default=5000, help="clients that come at once; 0: none (5000)")
    add("--storm-rooms", type=positive, default=1, help="rooms that these join (1)")
    add("--idle", type=int, default=10000, help="clients that say nothing; 0: none (10000)")
    add("--rooms", type=positive, default=100, help="rooms that these join (100)")
    add("--seconds", type=float, default=30.0, help="of saying nothing (30)")
    add_server(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
