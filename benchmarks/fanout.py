"""Saturated fan-out: a few publishers say as much as they can, and all members of a room read it.

Each publisher keeps a window of texts without a reply, and says another text for each reply. This
closed loop measures throughput; its times to `ok` are those of a server at its limit. Members only
read. The publishers are members of the room too, but what they receive is not counted: `deliveries`
are those to members.

The generator is one process with one epoll. It costs a read and a memcmp for everything that a
member received since its socket was last served (see audit.py). To see what the generator can
measure at most, run it against a server that does nothing else:

    python -m benchmarks.fanout --server benchmarks.null_server
"""

import argparse
import contextlib
import gc
import select
import socket
import ssl
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from benchmarks.audit import LogReader, SharedLog
from benchmarks.clients import Member, Publisher, enter_room, receive
from benchmarks.command import add_server, add_talk, counts, exit_code_of, positive, show
from benchmarks.server_process import ServerProcess, running_server
from benchmarks.wires import NATIVE, WEBSOCKET, MemberWire

ROOM = "lobby"
"""The room that all clients are in."""

QUIET = 1.0
"""Seconds without a byte after which the server is taken to have sent everything."""

DRAIN_PATIENCE = 30.0
"""Seconds after the last text for every reply and message to come."""

KEEP_ALIVE = 8.0
"""Seconds between pongs of the members: less than the 30 after which the server sends a ping."""

SOCKETS_PER_POLL = 64
"""How many sockets are served before the next poll: a publisher waits for no more than these."""


@dataclass(frozen=True)
class Mark:
    """A moment of the run.

    Attributes:
        time: seconds on the clock.
        server_cpu: seconds of processor time that the server has used.
        own_cpu: seconds of processor time that the generator has used.
        offsets: how many bytes of the log each member has received.
        replies: how many replies each publisher has received.
    """

    time: float
    server_cpu: float
    own_cpu: float
    offsets: list[int]
    replies: list[int]


@dataclass(frozen=True)
class Result:
    """The measurements of a run between two marks. Times are in seconds.

    Attributes:
        members: how many members only read.
        seconds: time between the marks.
        messages: texts that got their reply.
        deliveries: messages that members received.
        server_cpu: processor time of the server.
        own_cpu: processor time of the generator.
        latencies: times from a text to its reply, ascending.
        faults: what the audit found.
    """

    members: int
    seconds: float
    messages: int
    deliveries: int
    server_cpu: float
    own_cpu: float
    latencies: list[float]
    faults: list[str]


class Room:
    """A room with its members and publishers, and the loop that serves them."""

    def __init__(
        self, server: ServerProcess, tls: ssl.SSLContext | None = None, wire: MemberWire = NATIVE
    ) -> None:
        """
        Args:
            server: the room's.
            tls: the context for TLS, None for plain connections.
            wire: what the members speak. The publishers are native.
        """
        self._server = server
        self._tls = tls
        self._wire = wire
        self._log = SharedLog()
        self._reader = LogReader(wire)
        self._poll = select.epoll()
        self._by_fd: dict[int, Member | Publisher] = {}
        self._members: list[Member] = []
        self._publishers: list[Publisher] = []
        self._keep_alive_at = 0.0

    def fill(self, options: argparse.Namespace, members: int) -> None:
        """Connect all clients, and wait until the server has announced every join."""
        for number in range(members):
            connection = self._enter(f"m{number}", self._wire)
            member = Member(f"m{number}", connection, self._log, self._wire)
            self._by_fd[member.connection.fileno()] = member
            self._members.append(member)
            self._keep_alive()  # on a busy machine the first would be taken for dead by now
        for number in range(options.publishers):
            publisher = Publisher(
                f"p{number}",
                self._enter(f"p{number}"),
                self._poll,
                room=ROOM,
                window=options.window,
                text_bytes=options.text_bytes,
            )
            self._by_fd[publisher.connection.fileno()] = publisher
            self._publishers.append(publisher)
        self._discard_presence()

    def talk(self, warm_up: float, seconds: float) -> tuple[Mark, Mark]:
        """Let the publishers talk. Return the marks where the measured time began and ended."""
        for publisher in self._publishers:
            publisher.talking = True
            publisher.talk()
        self._serve(lambda: False, warm_up)
        start = self._mark()
        self._serve(lambda: False, seconds)
        stop = self._mark()
        for publisher in self._publishers:
            publisher.talking = False
        self._serve(self._all_heard, DRAIN_PATIENCE)
        self._serve(lambda: False, QUIET)  # a message that comes twice is noticed here
        return start, stop

    def result(self, start: Mark, stop: Mark) -> Result:
        """Return what was measured between two marks, and what the audit found."""
        self._reader.read(self._log.data)
        within = self._reader.messages_within
        heard = [
            within(after) - within(before)
            for before, after in zip(start.offsets, stop.offsets, strict=True)
        ]
        latencies: list[float] = []
        for publisher, before, after in zip(
            self._publishers, start.replies, stop.replies, strict=True
        ):
            latencies += publisher.latencies[before:after]
        return Result(
            members=len(self._members),
            seconds=stop.time - start.time,
            messages=len(latencies),
            deliveries=sum(heard),
            server_cpu=stop.server_cpu - start.server_cpu,
            own_cpu=stop.own_cpu - start.own_cpu,
            latencies=sorted(latencies),
            faults=self._faults(),
        )

    def close(self) -> None:
        """Close every connection."""
        for client in self._by_fd.values():
            client.connection.close()
        self._poll.close()

    def _enter(self, nick: str, wire: MemberWire = NATIVE) -> socket.socket:
        connection = enter_room(self._server.address, nick, ROOM, self._tls, wire)
        self._poll.register(connection, select.EPOLLIN)
        return connection

    def _discard_presence(self) -> None:
        """Drop the presence events, which differ from member to member, until none comes."""
        while ready := self._poll.poll(QUIET):
            self._keep_alive()
            for fd, _ in ready:
                receive(self._by_fd[fd].connection, "somebody")

    def _serve(self, done: Callable[[], bool], seconds: float) -> None:
        """Serve the clients that are ready until `done` returns true, for at most `seconds`."""
        until = time.monotonic() + seconds
        while not done() and (left := until - time.monotonic()) > 0:
            self._keep_alive()
            for fd, event in self._poll.poll(left, SOCKETS_PER_POLL):
                self._by_fd[fd].on_ready(event)

    def _keep_alive(self) -> None:
        if time.monotonic() < self._keep_alive_at:
            return
        self._keep_alive_at = time.monotonic() + KEEP_ALIVE
        for member in self._members:
            member.show_life()

    def _all_heard(self) -> bool:
        if any(publisher.waiting for publisher in self._publishers):
            return False
        data = self._log.data
        if not all(member.offset >= len(data) or member.fault for member in self._members):
            return False
        # All members have the same, but all of them may lack the end.
        self._reader.read(data)
        return self._reader.last >= max(max(p.seqs, default=0) for p in self._publishers)

    def _mark(self) -> Mark:
        return Mark(
            time=time.perf_counter(),
            server_cpu=self._server.cpu_seconds(),
            own_cpu=time.process_time(),
            offsets=[member.offset for member in self._members],
            replies=[len(publisher.latencies) for publisher in self._publishers],
        )

    def _faults(self) -> list[str]:
        size = len(self._log.data)
        return [
            *(member.fault for member in self._members if member.fault),
            *(
                f"{member.nick} lacks the last {size - member.offset} bytes"
                for member in self._members
                if member.offset < size
            ),
            *(
                f"{publisher.nick} lacks {publisher.waiting} replies"
                for publisher in self._publishers
                if publisher.waiting
            ),
            *self._reader.faults({p.nick: p.seqs for p in self._publishers}),
        ]


def measure(
    options: argparse.Namespace, members: int, *, tls: bool = False, wire: MemberWire = NATIVE
) -> Result:
    """Run a server and a room, and return what was measured.

    Args:
        options: the options of the command line.
        members: how many members only read.
        tls: whether all clients speak TLS.
        wire: what the members speak.

    Raises:
        RunFailedError: the server refused a request, or closed a connection.
        ServerFailedError: the server did not start.
        OSError: a connection could not be made.
    """
    with (
        running_server(options.server, [*options.server_args, *["--tls"] * tls]) as server,
        contextlib.closing(Room(server, _unchecked() if tls else None, wire)) as room,
    ):
        room.fill(options, members)
        with undisturbed():
            marks = room.talk(options.warm_up, options.seconds)
        return room.result(*marks)


def _unchecked() -> ssl.SSLContext:
    """Return a context that checks no certificate: that is not what is measured."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Switch the garbage collector off: the objects of a run are not garbage."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def percentile(ascending: Sequence[float], share: float) -> float:
    """Return the value that `share` (0 to 1) of the values do not exceed; 0 if there are none."""
    if not ascending:
        return 0.0
    return ascending[max(0, -int(-len(ascending) * share // 1) - 1)]


HEADINGS = (
    f"{'members':>7} {'deliveries/s':>13} {'messages/s':>11} {'per server CPU s':>17}"
    f" {'server CPU':>10} {'own CPU':>8} {'ok p50':>9} {'ok p99':>9}  audit"
)


def report_line(result: Result) -> str:
    """Return a result as a line below HEADINGS."""
    per_cpu = result.deliveries / result.server_cpu if result.server_cpu else 0.0
    return (
        f"{result.members:>7,} {result.deliveries / result.seconds:>13,.0f}"
        f" {result.messages / result.seconds:>11,.0f} {per_cpu:>17,.0f}"
        f" {result.server_cpu / result.seconds:>10.0%} {result.own_cpu / result.seconds:>8.0%}"
        f" {percentile(result.latencies, 0.5) * 1000:>6.1f} ms"
        f" {percentile(result.latencies, 0.99) * 1000:>6.1f} ms"
        f"  {'FAILED' if result.faults else 'passed'}"
    )


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
    print(
        f"{options.publishers} publishers with {options.window} texts of {options.text_bytes}"
        f" bytes each under way; {options.seconds:g} s after {options.warm_up:g} s of warm-up\n"
        + HEADINGS,
        flush=True,
    )
    failed = False
    pairs = [(members, repeat) for members in options.members for repeat in range(options.pairs)]
    for members, _ in pairs:
        plain = _measure_one(options, members)
        failed = failed or bool(plain.faults)
        if options.tls:
            other = _measure_one(options, members, tls=True)
            print(ratio_line("with TLS", plain, other), flush=True)
            failed = failed or bool(other.faults)
        if options.websocket:
            other = _measure_one(options, members, wire=WEBSOCKET)
            print(ratio_line("over WebSocket", plain, other), flush=True)
            failed = failed or bool(other.faults)
    return int(failed)


def _measure_one(
    options: argparse.Namespace, members: int, *, tls: bool = False, wire: MemberWire = NATIVE
) -> Result:
    result = measure(options, members, tls=tls, wire=wire)
    show(report_line(result), result.faults)
    return result


def ratio_line(what: str, plain: Result, other: Result) -> str:
    """Return a line with the ratios of another run to a plain, native one."""
    rate = other.deliveries / other.seconds / (plain.deliveries / plain.seconds or 1.0)
    per_cpu = other.deliveries / (other.server_cpu or 1.0)
    per_cpu /= plain.deliveries / (plain.server_cpu or 1.0) or 1.0
    return f"        {what}: {rate:.2f} of the deliveries/s, {per_cpu:.2f} per server CPU s"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.fanout", description="Deliveries a second of one busy room."
    )
    add = parser.add_argument
    members = "how many members only read; a run for each number (100,1000)"
    add("--members", type=counts, default=[100, 1000], help=members)
    add("--publishers", type=positive, default=4, help="how many clients talk (%(default)s)")
    add("--tls", action="store_true", help="repeat each run with TLS, and print the ratio")
    websocket = "repeat each run with members over WebSocket, and print the ratio"
    add("--websocket", action="store_true", help=websocket)
    pairs = "how often each run is made, and what it is compared with (%(default)s)"
    add("--pairs", type=positive, default=1, help=pairs)

    add_talk(parser)
    add_server(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
