"""Exercises that belong to a lesson and to no step."""

import contextlib
import random
import socket
import time
from pathlib import Path

from lab.exercises.peer import Peer, Wrong, shown
from lab.exercises.target import Target

_BLOCK = 1024 * 1024
_MOST = 24 * _BLOCK
"""Bytes: more than the buffers of two connections can hold (tcp(7), tcp_rmem and tcp_wmem)."""
_STUCK = 1.5  # seconds without a byte, after which somebody is held back

_CLIENTS = 150
_THREADS_MORE = 50
_UNREAD = 8 * _BLOCK

_PINGS = 2
_LATE = 2.4  # seconds: after 2.5 s of silence a server may close
_ATTEMPTS = 5

_LARGEST_DATAGRAM = 60_000
_SENDERS = 30


def check_backpressure(target: Target) -> None:
    """A relay holds its source back while its sink does not read."""
    with target.paragraph("What the source says, the sink hears"):
        source = target.connect("the source")
        sink = target.connect("the sink")
        source.send(b"hello")
        sink.note("waited for what the source had sent")
        sink.expect(b"hello")
    with target.paragraph("The sink stops reading"):
        stream = random.Random(8).randbytes(_MOST)
        sent = _push(source, stream)
        if sent == len(stream):
            raise Wrong(
                f"the source could send {_MOST // _BLOCK} MB while the sink read nothing",
                "a server that stops reading from the source when it cannot pass on what it has",
            )
    with target.paragraph("Nothing is lost by waiting"):
        source.end()
        sink.note(f"read on after the source had sent {sent:,} bytes and its end")
        sink.expect(stream[:sent], "all of it, unchanged,")
        sink.expect_end()


def _push(source: Peer, stream: bytes) -> int:
    try:
        return source.send_until_stuck(memoryview(stream), _STUCK)
    except ConnectionError:
        raise Wrong(
            "the server closed the source's connection while the sink read nothing",
            "a source that waits",
            closed=True,
        ) from None


def check_dead_peers(target: Target) -> None:
    """A client that says nothing is asked whether it lives, and closed if it does not answer."""
    dead = target.connect("a client that never answers")
    for attempt in range(1, _ATTEMPTS + 1):
        alive = target.connect("a client that answers pings")
        try:
            _keep_alive(target, alive)
            break
        except Wrong as wrong:
            # On a busy machine it may have been this client that was late.
            if attempt == _ATTEMPTS or not wrong.closed or alive.silent_for < _LATE:
                raise
    with target.paragraph("Close who does not answer"):
        dead.note("was silent")
        dead.expect(b"ping\n")
        dead.note("did not answer the ping")
        dead.expect_end()


def _keep_alive(target: Target, alive: Peer) -> None:
    """Say something, and answer pings, which may come at any time."""
    with target.paragraph("Lines come back"):
        _line_comes_back(alive, b"hello\n")
    with target.paragraph("Ask who says nothing"):
        for _ in range(_PINGS):
            alive.note("was silent")
            alive.expect(b"ping\n")
            alive.send(b"pong\n", "answered a ping")
    with target.paragraph("Keep who answers"):
        _line_comes_back(alive, b"still here\n")


def _line_comes_back(alive: Peer, line: bytes) -> None:
    alive.send(line)
    while (came := _line(alive)) == b"ping\n":
        alive.send(b"pong\n")
    if came != line:
        raise Wrong(f"{alive.name} sent {shown(line)} and received {shown(came)}", shown(line))


def _line(peer: Peer) -> bytes:
    line = b""
    while not line.endswith(b"\n") and len(line) < 100:
        line += peer.read_bytes(1, "a line")
    return line


def check_one_thread(target: Target) -> None:
    """One loop serves hundreds of clients, also while one of them does not read."""
    with target.paragraph("Hundreds of clients"):
        first = target.connect("client 1")
        _echoed(first, b"hello\n")
        before = _threads(target)
        crowd = [target.connect(f"client {number}") for number in range(2, _CLIENTS + 1)]
        for client in crowd:
            client.send(client.name.encode())
        for client in reversed(crowd):
            client.expect(client.name.encode())
    with target.paragraph("No thread for each"):
        more = _threads(target) - before
        if more > _THREADS_MORE:
            raise Wrong(
                f"{_CLIENTS} clients made your server start {more} threads",
                f"no more than {_THREADS_MORE}",
            )
    with target.paragraph("One does not read"):
        stream = random.Random(10).randbytes(_UNREAD)
        with contextlib.suppress(ConnectionError):  # `expect` below says it better
            sent = first.send_until_stuck(memoryview(stream), _STUCK / 3)
        for client in crowd[:10]:
            client.send(b"and me?", 'sent "and me?" while client 1 did not read')
            client.expect(b"and me?")
        first.end()
        first.note(f"read on after it had sent {sent:,} bytes and its end")
        first.expect(stream[:sent], "all of it, unchanged,")
        first.expect_end()


def _threads(target: Target) -> int:
    """Return how many threads the server has, in all its processes; 0 where there is no /proc."""
    total = 0
    for pid in target.process.left_running():
        with contextlib.suppress(OSError):
            status = Path(f"/proc/{pid}/status").read_text(errors="replace")
            total += int(status.partition("\nThreads:")[2].split()[0])
    return total


def _echoed(client: Peer, data: bytes) -> None:
    client.send(data)
    client.expect(data)


def check_both_families(target: Target) -> None:
    """The server is reached over IPv4 and IPv6, and tells each client its address."""
    with target.paragraph("Tell them who they are"):
        _told(target.connect("a client of 127.0.0.1", "127.0.0.1"), "127.0.0.1")
        _told(target.connect("another client of 127.0.0.1", "127.0.0.1"), "127.0.0.1")
    if _has_ipv6():
        with target.paragraph("The other localhost"):
            _told(target.connect("a client of ::1", "::1"), "::1")
            _told(target.connect("a client of 127.0.0.1", "127.0.0.1"), "127.0.0.1")


def _told(client: Peer, address: str) -> None:
    client.expect(f"{address} {client.port}\n".encode())
    client.expect_end()


def _has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


def check_udp(target: Target) -> None:
    """Each datagram is answered, to its sender, with its number and itself."""
    with contextlib.ExitStack() as sockets:
        with target.paragraph("Answer the sender"):
            _wait_for_datagrams(target, sockets.enter_context(_udp_socket()))
            first, second = (sockets.enter_context(_udp_socket()) for _ in range(2))
            _asked(target, first, b"hello", b"1 hello")
            _asked(target, first, b"again", b"2 again")
        with target.paragraph("Each sender has its own numbers"):
            _asked(target, second, b"hello", b"1 hello")
            _asked(target, first, b"and me", b"3 and me")
        with target.paragraph("An empty datagram"):
            _asked(target, first, b"", b"4 ")
        with target.paragraph("A large datagram"):
            large = b"x" * _LARGEST_DATAGRAM
            _asked(target, first, large, b"5 " + large)
        with target.paragraph("Many senders"):
            crowd = [sockets.enter_context(_udp_socket()) for _ in range(_SENDERS)]
            for number in (b"1", b"2"):
                for sock in crowd:
                    _asked(target, sock, b"hi", number + b" hi")


def _udp_socket() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    return sock


def _wait_for_datagrams(target: Target, sock: socket.socket) -> None:
    """Send datagrams until one is answered.

    Raises:
        Wrong: none was, in the time for a start.
    """
    sock.settimeout(0.05)
    try:
        for _ in target.wait_for_start():
            sock.sendto(b"are you there?", ("127.0.0.1", target.port))
            with contextlib.suppress(OSError):  # nobody is there yet
                sock.recv(100)
                return
    except Wrong as wrong:
        if not wrong.silent:
            raise
        raise Wrong(
            wrong.happened.replace("nobody listens on", "no datagram was answered by"),
            "a server that answers UDP datagrams",
        ) from None


def _asked(target: Target, sock: socket.socket, data: bytes, answer: bytes) -> None:
    """Send a datagram, and expect an answer to it."""
    sock.sendto(data, ("127.0.0.1", target.port))
    sock.settimeout(max(0.001, target.clock.until() - time.monotonic()))
    try:
        came = sock.recv(65_536)
    except OSError:
        raise Wrong(
            f"a client sent the datagram {shown(data)} and received nothing",
            f"the datagram {shown(answer)}",
            closed=True,
        ) from None
    if came != answer:
        raise Wrong(
            f"a client sent the datagram {shown(data)} and received {shown(came)}",
            f"the datagram {shown(answer)}",
        )
