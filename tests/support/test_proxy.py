"""The proxy forwards what it is given, and does the harm it is told to do."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial

import pytest

from tests.support.leaks import nothing_left_behind
from tests.support.peer import connect_socket
from tests.support.proxy import Fault, Link, Proxy, mischief
from tests.support.waiting import DEADLINE, eventually


class Echo:
    """A server that sends back what it gets, and says END when there is no more of it."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(DEADLINE)
        self._listener.close()

    def _run(self) -> None:
        while True:
            try:
                connected, _ = self._listener.accept()
            except OSError:
                return
            with connected:
                self._echo(connected)

    def _echo(self, connected: socket.socket) -> None:
        try:
            while data := connected.recv(4096):
                connected.sendall(data)
            connected.sendall(b"END")
        except OSError:  # cut, as the tests order it
            return


@contextmanager
def proxied_echo(script: Fault | None = None) -> Iterator[tuple[Proxy, socket.socket]]:
    """A client's socket that reaches an echo server through a proxy."""
    with nothing_left_behind():
        echo = Echo()
        try:
            with Proxy(echo.address, script) as proxy, connect_socket(proxy.address) as client:
                yield proxy, client
        finally:
            echo.close()


def receive(client: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size and (more := client.recv(size - len(data))):
        data += more
    return data


def test_passes_bytes_both_ways() -> None:
    """Without a fault, what comes out is what went in."""
    with proxied_echo() as (proxy, client):
        client.sendall(b"hello")
        assert receive(client, 5) == b"hello"
        eventually(lambda: proxy.link().passed == 10)


def test_splits_into_single_bytes() -> None:
    """A split changes the pieces, not the bytes."""
    text = bytes(range(256)) * 4
    with proxied_echo(lambda link: link.split(1)) as (_, client):
        client.sendall(text)
        assert receive(client, len(text)) == text


def test_stalls_until_it_is_told_to_go_on() -> None:
    """A stall holds bytes back, and loses none."""
    with proxied_echo(Link.stall) as (proxy, client):
        client.sendall(b"hello")
        client.settimeout(0.05)
        with pytest.raises(TimeoutError):
            client.recv(1)
        client.settimeout(DEADLINE)
        proxy.link().resume()
        assert receive(client, 5) == b"hello"


def test_delays() -> None:
    """A delay holds each piece for its time, and then lets it go on by itself."""
    with proxied_echo(lambda link: link.delay(0.1)) as (_, client):
        client.sendall(b"hello")
        client.settimeout(0.05)
        with pytest.raises(TimeoutError):
            client.recv(1)
        client.settimeout(DEADLINE)
        assert receive(client, 5) == b"hello"


def test_cuts_at_a_byte() -> None:
    """A clean cut ends the stream at the client, near the byte that was named."""
    with proxied_echo(lambda link: link.after(10, Link.cut)) as (proxy, client):
        client.sendall(b"hello")
        assert receive(client, 100) == b"hello"
        eventually(lambda: proxy.link().over)


def test_resets() -> None:
    """A reset is a reset at the client."""
    with proxied_echo() as (proxy, client):
        client.sendall(b"hello")
        assert receive(client, 5) == b"hello"
        proxy.link().reset()
        with pytest.raises(ConnectionResetError):
            client.recv(1)


def test_half_closes() -> None:
    """After a half-close the server sees the end, and the client still hears the server."""
    with proxied_echo() as (proxy, client):
        client.sendall(b"hello")
        assert receive(client, 5) == b"hello"
        proxy.link().half_close()
        assert receive(client, 100) == b"END"


def test_nobody_upstream_ends_the_client() -> None:
    """A server that is down looks like one: the connection ends at once."""
    with nothing_left_behind(), socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
        held.close()
        with Proxy(f"tcp://127.0.0.1:{port}") as proxy, connect_socket(proxy.address) as client:
            assert client.recv(1) == b""


def test_mischief_breaks_a_link_before_its_life_ends() -> None:
    """Drawn faults are of three passing kinds and an end; no byte that arrives is wrong."""
    text = bytes(range(250)) * 20
    for seed in range(6):
        with proxied_echo(mischief(seed, life=2000, patience=0.02)) as (proxy, client):
            received = b""
            with suppress(OSError):
                client.sendall(text)
                received = receive(client, len(text) + 3)
            echoed = received.removesuffix(b"END")
            assert echoed == text[: len(echoed)]
            link = proxy.link()
            eventually(partial(is_spent, link))


def is_spent(link: Link) -> bool:
    """Whether the link is broken, or has carried so much that its end is ordered."""
    return link.over or link.passed >= 2000
