"""Thousands of clients connect at once, say nothing, and disconnect at once.

1. Storm. Thousands of clients connect without waiting for each other. Each sends `hello` and `join`
   in one piece as soon as it is connected. How many get in, and when is the last one in? Then the
   server is told to stop while all are connected: how long does that take?
2. Idle. More clients connect to a second server, in a hundred rooms. How much memory does each of
   them take, and how much processor time do all of them take while they only answer pings?
3. Gone. All of these close at once. When has the server as few threads as before they came? Then
   it is told to stop, as with Ctrl-C.

The audit passes if every client gets in and stays, both servers end with exit code 0, and they log
no traceback. Nothing fails for being slow.

All clients connect from one address to one port. So there can be at most as many as there are
ephemeral ports, and the limit on descriptors must allow as many for each side.
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
"""The request id of every client's `join`."""

ARRIVAL_PATIENCE = 120.0
"""Seconds for all clients to get in."""

DEPARTURE_PATIENCE = 60.0
"""Seconds for the server to notice that all clients are gone."""

EXIT_PATIENCE = 30.0
"""Seconds for the server to end."""

QUIET = 2.0
"""Seconds without a byte after which the server is taken to have sent everything."""

AT_ONCE = 250
"""How many clients connect at once outside the storm: few enough for the accept queue."""

LOOK = 0.01
"""Seconds between looks at the server's threads."""

_view = memoryview(bytearray(256 * 1024))


class Visitor:
    """A client that joins a room and then only answers pings.

    Attributes:
        connection: its socket.
        welcomed_at: when its `welcome` came, or 0.
        joined_at: when the reply to its `join` came, or 0.
        fault: why it was disconnected, or "".
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

    def connect(self, address: tuple[str, int]) -> None:
        """Begin to connect."""
        error = self.connection.connect_ex(address)
        if error not in (0, errno.EINPROGRESS):
            self.fault = _kind(error)

    def on_ready(self, event: int) -> None:
        """Send `hello` and `join` once connected, then receive."""
        try:
            if self._unsaid:
                # Two small frames always fit. A connection that failed raises its error here.
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
            # Most frames are presence. They are skipped without decoding. A server that writes the
            # members of the object in another order costs a decode, and nothing else.
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
    """Many clients, and the loop that serves them."""

    def __init__(self, server: ServerProcess) -> None:
        self._server = server
        self._poll = select.epoll()
        self._here: dict[int, Visitor] = {}
        self._waiting: set[Visitor] = set()  # those that are not in their room yet
        self._count = 0
        self.faults: Counter[str] = Counter()  # why clients were disconnected

    def come(self, count: int, rooms: int) -> list[Visitor]:
        """Let `count` more clients connect at once, and return them."""
        numbers = range(self._count, self._count + count)
        visitors = [Visitor(f"c{number}", f"room-{number % rooms}") for number in numbers]
        self._count += count
        for visitor in visitors:
            visitor.connect(self._server.address)
            self._here[visitor.connection.fileno()] = visitor
            self._waiting.add(visitor)
            self._poll.register(visitor.connection, select.EPOLLIN | select.EPOLLOUT)
            if visitor.fault:
                self._forget(visitor)
        return visitors

    def wait_until_in(self, seconds: float) -> None:
        """Serve until every client is in or disconnected, for at most `seconds`."""
        self._serve(lambda: not self._waiting, seconds)
        for visitor in list(self._waiting):
            visitor.fault = "no answer"
            self._forget(visitor)

    def wait_until_quiet(self, seconds: float) -> None:
        """Serve until nothing has come for QUIET seconds, for at most `seconds`."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and self._serve_ready(QUIET):
            pass

    def idle(self, seconds: float) -> None:
        """Serve for `seconds`."""
        self._serve(lambda: False, seconds)

    def wait_for_exit(self, seconds: float) -> None:
        """Serve until the server has ended, for at most `seconds`."""
        self._serve(lambda: self._server.exit_code() is not None, seconds)

    def pongs(self) -> int:
        """Return how many pings the connected clients have answered."""
        return sum(visitor.pongs for visitor in self._here.values())

    def go(self) -> None:
        """Close every connection."""
        for visitor in self._here.values():
            visitor.connection.close()
        self._here.clear()

    def close(self) -> None:
        """Close every connection, and the epoll."""
        self.go()
        self._poll.close()

    def _serve(self, done: Callable[[], bool], seconds: float) -> None:
        until = time.monotonic() + seconds
        while not done() and (left := until - time.monotonic()) > 0:
            self._serve_ready(min(left, LOOK))

    def _serve_ready(self, seconds: float) -> bool:
        """Serve the clients that are ready within `seconds`. Return whether there were any."""
        ready = self._poll.poll(seconds)
        for fd, event in ready:
            visitor = self._here[fd]
            visitor.on_ready(event)
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
    """Prints the figures, and collects the faults."""

    faults: list[str] = field(default_factory=list)

    def line(self, label: str, value: str) -> None:
        """Print a figure."""
        print(f"  {label:<46} {value}", flush=True)

    def expect(self, right: bool, fault: str) -> None:
        """Print and note `fault`, unless `right`."""
        if not right:
            self.faults.append(fault)
            print(f"  FAILED: {fault}", flush=True)


@contextlib.contextmanager
def _crowd(options: argparse.Namespace, report: Report) -> Iterator[tuple[ServerProcess, Crowd]]:
    """Run a server and a crowd without clients while the block runs."""
    with (
        running_server(options.server, options.server_args) as server,
        contextlib.closing(Crowd(server)) as crowd,
    ):
        yield server, crowd
        mistakes = server.tracebacks()
        report.expect(not mistakes, f"the server's log holds {mistakes} tracebacks")


def storm(options: argparse.Namespace, report: Report) -> None:
    """Let all clients connect at once, and stop the server while they are connected."""
    print(f"{options.storm:,} connect at once, into {options.storm_rooms} room(s)", flush=True)
    with _crowd(options, report) as (server, crowd):
        began = time.perf_counter()
        visitors = crowd.come(options.storm, options.storm_rooms)
        report.line("all had begun to connect after", f"{time.perf_counter() - began:.2f} s")
        crowd.wait_until_in(ARRIVAL_PATIENCE)
        got_in = sum(bool(visitor.joined_at) for visitor in visitors)
        report.line("got in", f"{got_in:,} of {options.storm:,}")
        report.line("the last was welcomed after", _last(began, [v.welcomed_at for v in visitors]))
        report.line("the last was in its room after", _last(began, [v.joined_at for v in visitors]))
        report.line("server CPU until then", f"{server.cpu_seconds():.2f} s")
        report.line("errors", _lost(crowd) or "none")
        report.expect(got_in == options.storm, "not all clients got in")
        crowd.wait_until_quiet(ARRIVAL_PATIENCE)
        report.expect(not crowd.faults, f"not all clients stayed: {_lost(crowd)}")
        _stop(server, crowd, report, "with all clients connected")


def idle_and_gone(options: argparse.Namespace, report: Report) -> None:
    """Let many clients be idle, then disconnect at once; stop the server when they are gone."""
    print(f"{options.idle:,} are idle, in {options.rooms} rooms", flush=True)
    with _crowd(options, report) as (server, crowd):
        threads, resident = server.threads(), server.resident_bytes()
        for first in range(0, options.idle, AT_ONCE):
            crowd.come(min(AT_ONCE, options.idle - first), options.rooms)
            crowd.wait_until_in(ARRIVAL_PATIENCE)
        crowd.wait_until_quiet(ARRIVAL_PATIENCE)
        report.expect(not crowd.faults, f"not all clients got in: {_lost(crowd)}")
        _report_memory(options, server, report, resident)
        _idle(options, server, crowd, report)
        _report_memory(options, server, report, resident)
        report.expect(not crowd.faults, f"not all clients stayed: {_lost(crowd)}")
        print(f"{options.idle:,} disconnect at once", flush=True)
        _go(server, crowd, report, threads)
        _stop(server, crowd, report, "without clients")


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
    report.expect(left <= threads, f"{left - threads} threads are left of closed connections")


def _stop(server: ServerProcess, crowd: Crowd, report: Report, when: str) -> None:
    began = time.perf_counter()
    server.interrupt()
    crowd.wait_for_exit(EXIT_PATIENCE)
    code = server.exit_code()
    taken = f"{time.perf_counter() - began:.2f} s, exit code {code}"
    report.line(f"SIGINT {when}: ended after", taken)
    report.expect(code == 0, f"the server ended with exit code {code}")


def _lost(crowd: Crowd) -> str:
    return ", ".join(f"{kind}: {count:,}" for kind, count in crowd.faults.items())


def _last(began: float, times: Sequence[float]) -> str:
    """When the last of `times` was, and when half of them were, in seconds since `began`."""
    taken = sorted(at - began for at in times if at)
    return f"{taken[-1]:.2f} s (half after {taken[len(taken) // 2]:.2f} s)" if taken else "never"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print the result.

    Args:
        arguments: the command line; that of the process if it is None.

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
        description="Many clients connect at once, are idle, and disconnect at once.",
    )
    add = parser.add_argument
    clients = "how many clients %s; 0 for none (%%(default)s)"
    rooms = "how many rooms they share (%(default)s)"
    add("--storm", type=int, default=5000, help=clients % "connect at once")
    add("--storm-rooms", type=positive, default=1, help=rooms)
    add("--idle", type=int, default=10000, help=clients % "are idle")
    add("--rooms", type=positive, default=100, help=rooms)
    add("--seconds", type=float, default=30.0, help="seconds that they are idle (%(default)g)")

    add_server(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
