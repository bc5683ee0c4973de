"""The server is found by who does not know where it is; nothing of that stops or delays it."""

import contextlib
import logging
import socket
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from chat_server.network.finding import discovery
from chat_server.network.finding.discovery import Rate
from chat_server.server import Server
from protocol.finding import Answer, query, read_answer, read_query
from tests.chat_server.network.test_listener import greet, needs_ipv6, port_of
from tests.support.clock import ManualClock
from tests.support.networks import Lan, needs_networks
from tests.support.ports import free_port
from tests.support.servers import address_of
from tests.support.servers import running_server as unannounced
from tests.support.tls import make_files
from tests.support.waiting import DEADLINE, eventually

pytestmark = pytest.mark.usefixtures("registration_ends")

running_server = partial(unannounced, announce=None)  # as by itself

NONCE = "0123456789abcdef"
OTHER = "fedcba9876543210"


@contextlib.contextmanager
def asking(family: socket.AddressFamily = socket.AF_INET) -> Iterator[socket.socket]:
    """A socket of somebody who looks for a server."""
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.settimeout(DEADLINE)
        if family == socket.AF_INET:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        yield sock


def answered(
    sock: socket.socket, host: str, port: int, nonce: str = NONCE
) -> tuple[Answer | None, str]:
    """Ask, and return what is answered and from where."""
    (_, _, _, _, where) = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    sock.sendto(query(nonce), where)
    packet, peer = sock.recvfrom(512)
    return read_answer(packet, nonce), str(peer[0]).partition("%")[0]


def is_silent(server: Server, host: str = "127.0.0.1") -> bool:
    """Whether nobody answers at UDP where `server` listens: the system says so at once."""
    with asking() as sock:
        sock.connect((host, port_of(address_of(server))))
        sock.send(query(NONCE))
        try:
            sock.recv(512)
        except ConnectionRefusedError:
            return True
    return False


# -- the query on this machine ---------------------------------------------------------------------


def test_a_query_is_answered(tmp_path: Path) -> None:
    """With the port, whether there is TLS, and the name; from the address that was asked."""
    with running_server(tmp_path, name="Room 7 b") as server, asking() as sock:
        port = port_of(address_of(server))
        assert answered(sock, "127.0.0.1", port) == (Answer(port, False, "Room 7 b"), "127.0.0.1")


def test_without_a_name_it_is_that_of_the_machine(tmp_path: Path) -> None:
    """Up to the first full stop, and cut."""
    with running_server(tmp_path) as server, asking() as sock:
        answer, _ = answered(sock, "127.0.0.1", port_of(address_of(server)))
        assert answer is not None
        assert answer.name
        assert socket.gethostname().partition(".")[0].startswith(answer.name)


def test_it_says_that_it_speaks_tls(tmp_path: Path) -> None:
    """Which its certificate has to prove."""
    certificate, key = make_files(tmp_path)
    with (
        running_server(tmp_path / "data", tls_cert=certificate, tls_key=key) as server,
        asking() as sock,
    ):
        answer, _ = answered(sock, "127.0.0.1", port_of(address_of(server)))
        assert answer is not None
        assert answer.tls


@needs_ipv6
def test_a_query_by_ipv6(tmp_path: Path) -> None:
    """Where the server listens on that."""
    with running_server(tmp_path, hosts=("::1",)) as server, asking(socket.AF_INET6) as sock:
        answer, host = answered(sock, "::1", port_of(address_of(server)))
        assert answer is not None
        assert host == "::1"


def test_other_packets_are_dropped_in_silence(tmp_path: Path) -> None:
    """The first answer is to the query that came after them."""
    with running_server(tmp_path) as server, asking() as sock:
        port = port_of(address_of(server))
        for packet in (b"", b"backchannel?", query(NONCE) + b"x", b"\xff" * 1400, query("x" * 16)):
            sock.sendto(packet, ("127.0.0.1", port))
        answer, _ = answered(sock, "127.0.0.1", port, OTHER)
        assert answer is not None


def test_each_address_is_answered_once_a_second(tmp_path: Path) -> None:
    """A second query gets no answer until then. Each address is counted separately."""
    clock = ManualClock()
    with (
        running_server(tmp_path, clock=clock) as server,
        asking() as sock,
        asking() as neighbour,
    ):
        port = port_of(address_of(server))
        neighbour.bind(("127.0.0.9", 0))
        assert answered(sock, "127.0.0.1", port)[0]
        sock.sendto(query(OTHER), ("127.0.0.1", port))
        assert answered(neighbour, "127.0.0.1", port)[0]
        clock.advance(discovery.INTERVAL)
        # What comes next answers the third query: the second had no answer.
        assert answered(sock, "127.0.0.1", port)[0]


def test_a_flood_of_addresses_fills_no_memory() -> None:
    """While a thousand ask within a second, others wait; then they are forgotten."""
    clock = ManualClock()
    rate = Rate(clock)
    assert all(rate.allows(f"host {number}") for number in range(discovery.ADDRESSES))
    assert not rate.allows("one more")
    clock.advance(discovery.INTERVAL)
    assert rate.allows("one more")
    assert not rate.allows("one more")
    assert len(rate._answered) == 1


def test_a_flood_of_packets_is_read_a_packet_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a pause behind each, in which everybody else is served; the stop ends the pause."""
    monkeypatch.setattr(discovery, "PAUSE", 3600.0)
    heard = list[bytes]()

    def read(packet: bytes) -> str | None:
        heard.append(packet)
        return read_query(packet)

    monkeypatch.setattr(discovery, "read_query", read)
    with running_server(tmp_path) as server, asking() as sock:
        port = port_of(address_of(server))
        for _ in range(50):
            sock.sendto(b"nonsense", ("127.0.0.1", port))
        eventually(lambda: bool(heard))
        greet(address_of(server), "ada")
    assert len(heard) == 1


def test_it_can_be_turned_off(tmp_path: Path) -> None:
    """`--no-announce`: no socket, no thread."""
    with running_server(tmp_path, announce=False) as server:
        assert is_silent(server)
        assert not {"discovery", "mdns"} & {thread.name for thread in threading.enumerate()}
        greet(address_of(server))


def test_on_loopback_alone_mdns_would_reach_nobody(tmp_path: Path) -> None:
    """So it is left out."""
    with running_server(tmp_path) as server:
        names = {thread.name for thread in threading.enumerate()}
        assert "discovery" in names
        assert "mdns" not in names
        greet(address_of(server))


def test_a_unix_socket_alone_cannot_be_found(tmp_path: Path) -> None:
    """There is always a host beside it, whose port is what is answered."""
    with (
        running_server(tmp_path, unix=tmp_path / "chat.sock") as server,
        asking() as sock,
    ):
        port = port_of(address_of(server))
        answer, _ = answered(sock, "127.0.0.1", port)
        assert answer is not None
        assert answer.port == port


def test_a_port_that_is_taken_is_named_and_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Another program has it for UDP: one line, and people come in."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        port = free_port()
        taken.bind(("127.0.0.1", port))
        with (
            caplog.at_level(logging.WARNING),
            running_server(tmp_path, port=port) as server,
        ):
            greet(address_of(server))
    (record,) = caplog.records
    assert record.getMessage() == (
        f"whoever looks for the server by UDP gets no answer from 127.0.0.1:{port}: "
        "Address already in use"
    )


# -- on a network ----------------------------------------------------------------------------------


@needs_networks
@pytest.mark.parametrize("host", ["", "10.7.0.1"])
@pytest.mark.parametrize("to", ["10.7.0.1", "10.7.0.255"])
def test_a_broadcast_is_answered(tmp_path: Path, host: str, to: str) -> None:
    """Without a default route, whether the server listens on all addresses or on one."""
    with Lan() as lan:
        there, here = lan.machine("10.7.0.1/24"), lan.machine("10.7.0.2/24")
        with there.entered(), running_server(tmp_path, hosts=(host,), name="there") as server:
            port = port_of(address_of(server))
            with here.entered(), asking() as sock:
                assert answered(sock, to, port) == (Answer(port, False, "there"), "10.7.0.1")


@needs_networks
def test_who_cannot_use_the_address_is_not_answered(tmp_path: Path) -> None:
    """A query by another interface than that of the address that the server listens on."""
    with Lan() as lan:
        there, here = lan.machine("10.7.0.1/24"), lan.machine("10.8.0.2/24")
        lan.plug(there, "eth1", "10.8.0.1/24")
        here.run("ip", "route", "add", "default", "via", "10.8.0.1")
        with there.entered(), running_server(tmp_path, hosts=("10.7.0.1",)) as server:
            port = port_of(address_of(server))
            with here.entered(), asking() as sock:
                sock.sendto(query(NONCE), ("255.255.255.255", port))
                # It is reachable by a router, so that who asks at its own address is answered:
                # with the second query, as the first is passed over.
                answer, host = answered(sock, "10.7.0.1", port, OTHER)
                assert answer is not None
                assert host == "10.7.0.1"


@needs_networks
@pytest.mark.parametrize("host", ["::", "fe80::1%eth0"])
def test_all_nodes_of_a_link(tmp_path: Path, host: str) -> None:
    """IPv6 has no broadcast; its group of all nodes stands in."""
    with Lan() as lan:
        there, here = lan.machine("fe80::1/64"), lan.machine("fe80::2/64")
        with there.entered(), running_server(tmp_path, hosts=(host,)) as server:
            port = port_of(address_of(server))
            with here.entered(), asking(socket.AF_INET6) as sock:
                answer, source = answered(sock, "ff02::1%eth0", port)
                assert answer is not None
                assert source == "fe80::1"


@needs_networks
def test_two_servers_of_one_machine_on_one_port(tmp_path: Path) -> None:
    """Each has its own address, and both hear a broadcast."""
    with Lan() as lan:
        there, here = lan.machine("10.7.0.1/24", "10.7.0.3/24"), lan.machine("10.7.0.2/24")
        with (
            there.entered(),
            running_server(tmp_path / "a", hosts=("10.7.0.1",), name="a") as one,
            running_server(
                tmp_path / "b", hosts=("10.7.0.3",), port=port_of(address_of(one)), name="b"
            ),
            here.entered(),
            asking() as sock,
        ):
            sock.sendto(query(NONCE), ("10.7.0.255", port_of(address_of(one))))
            found = set()
            for _ in range(2):
                packet, peer = sock.recvfrom(512)
                answer = read_answer(packet, NONCE)
                assert answer is not None
                found.add((answer.name, peer[0]))
            assert found == {("a", "10.7.0.1"), ("b", "10.7.0.3")}
