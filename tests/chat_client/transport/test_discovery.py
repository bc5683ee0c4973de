"""Looking for servers: what is made of the answers, and whole searches on networks of their own."""

import ipaddress
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chat_client.transport.address import TcpAddress, TlsAddress
from chat_client.transport.discovery import FoundServer, Hit, find_servers, merged
from chat_client.transport.interfaces import Neighbourhood
from chat_client.transport.mdns import Service
from protocol.finding import Answer, answer, query, read_query
from tests.support.networks import Lan, needs_networks
from tests.support.servers import address_of, running_server
from tests.support.tls import make_files
from tests.support.waiting import DEADLINE

HERE = Neighbourhood(
    ["127.0.0.1", "10.7.0.2", "fe80::2"],
    [ipaddress.ip_network("10.7.0.0/24"), ipaddress.ip_network("fe80::/64")],
)
SHORT = 0.3
"""Seconds for a search that the answer ends long before."""


def hit(host: str, name: str = "room", port: int = 7878, *, tls: bool = False) -> Hit:
    return Hit(host, Answer(port, tls, name))


def service(*hosts: str, name: str = "room", port: int = 7878, tls: bool = False) -> Service:
    return Service(name, port, tls, False, hosts)


def addresses(hits: list[Hit], services: list[Service]) -> list[str]:
    return [str(each.address) for each in merged(hits, services, HERE)]


# -- each server once ------------------------------------------------------------------------------


def test_a_server_on_this_machine_is_one() -> None:
    """It answers at loopback, at its broadcast address and by mDNS."""
    hits = [hit("10.7.0.2"), hit("::1"), hit("127.0.0.1"), hit("fe80::2%eth0")]
    assert addresses(hits, []) == ["127.0.0.1:7878"]
    assert addresses(hits, [service("10.7.0.2", "fe80::2%eth0")]) == ["127.0.0.1:7878"]


def test_two_servers_on_this_machine_are_two() -> None:
    """With the same name: the port is another."""
    hits = [hit("127.0.0.1"), hit("10.7.0.2", port=7879)]
    assert addresses(hits, []) == ["10.7.0.2:7879", "127.0.0.1:7878"]


def test_ipv4_and_ipv6_of_one_server() -> None:
    """It has answered by both; IPv4 is easier to read aloud."""
    assert addresses([hit("fe80::1%eth0"), hit("10.7.0.1")], []) == ["10.7.0.1:7878"]


def test_two_machines_with_one_name_are_two() -> None:
    """Whoever cannot tell them apart must at least see that there are two."""
    assert addresses([hit("10.7.0.1"), hit("10.7.0.3")], []) == ["10.7.0.1:7878", "10.7.0.3:7878"]


def test_mdns_says_which_addresses_are_one_server() -> None:
    """And what has answered is what is connected to: others may lead nowhere."""
    both = service("172.17.0.1", "10.7.0.1", "192.168.9.9")
    assert addresses([hit("10.7.0.1"), hit("192.168.9.9")], [both]) == ["10.7.0.1:7878"]
    assert addresses([hit("192.168.9.9")], [both]) == ["192.168.9.9:7878"]
    assert addresses([], [both]) == ["10.7.0.1:7878"]


def test_what_is_shown_of_a_server() -> None:
    """Only mDNS tells whether there is a password; only UDP keeps a full stop in the name."""
    (found,) = merged(
        [hit("10.7.0.1", "Room 2.13", tls=True)],
        [Service("Room 2-13", 7878, True, True, ("10.7.0.1",))],
        HERE,
    )
    assert found == FoundServer("Room 2.13", TlsAddress("10.7.0.1", 7878), True)
    (found,) = merged([hit("10.7.0.1")], [], HERE)
    assert found == FoundServer("room", TcpAddress("10.7.0.1", 7878), None)


def test_tls_is_not_talked_away() -> None:
    """An answer without TLS does not override an answer with TLS."""
    (found,) = merged([hit("10.7.0.1")], [service("10.7.0.1", tls=True)], HERE)
    assert found.address == TlsAddress("10.7.0.1", 7878)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("\x1b]0;owned\x07room\u202e", "]0;ownedroom"),
        ("a\nb", "a b"),
        ("x" * 500, "x" * 60),
        ("", "10.7.0.1"),
        (" \x00 ", "10.7.0.1"),
    ],
)
def test_a_name_does_nothing_to_a_terminal(name: str, shown: str) -> None:
    """It may be anybody's."""
    (found,) = merged([hit("10.7.0.1", name)], [], HERE)
    assert found.name == shown


# -- searching -------------------------------------------------------------------------------------


@contextmanager
def saying(*packets: bytes, echo_nonce: bool) -> Iterator[int]:
    """Something on this machine that answers each query with these; yields its port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        stop = b"stop"

        def run() -> None:
            while (received := sock.recvfrom(512))[0] != stop:
                packet, peer = received
                nonce = read_query(packet)
                for each in packets:
                    told = (nonce or "") if echo_nonce else "0" * 16
                    sock.sendto(each.replace(b"NONCE", told.encode()), peer)

        thread = threading.Thread(target=run, name="answers")
        thread.start()
        try:
            yield sock.getsockname()[1]
        finally:
            sock.sendto(stop, sock.getsockname())
            thread.join(DEADLINE)


def test_a_server_on_this_machine_is_found(tmp_path: Path) -> None:
    """Without any network."""
    with running_server(tmp_path, announce=None, name="here") as server:
        port = server.addresses[0].port
        (found,) = [each for each in find_servers(port, SHORT) if each.name == "here"]
        assert str(found.address) == f"127.0.0.1:{port}"


def test_an_answer_to_nobody_is_not_believed() -> None:
    """It has to have the nonce of this search, and the form of an answer."""
    forged = b"backchannel! 1 NONCE 7878 0 forged"
    with saying(forged, echo_nonce=False) as port:
        assert "forged" not in [each.name for each in find_servers(port, SHORT)]
    with saying(b"", b"\xff" * 500, forged + b"\n\n", query("NONCE"), echo_nonce=True) as port:
        assert "forged" not in [each.name for each in find_servers(port, SHORT)]


def test_a_flood_of_answers_is_cut_off() -> None:
    """Else whoever floods fills the memory and the screen."""
    flood = [answer("NONCE", Answer(number, False, "x")) for number in range(1, 400)]
    with saying(*flood, echo_nonce=True) as port:
        assert 0 < len([each for each in find_servers(port, SHORT) if each.name == "x"]) <= 100


@needs_networks
def test_without_a_network_nothing_is_found() -> None:
    """And nothing fails."""
    with Lan() as lan, lan.machine().entered():
        assert find_servers(within=SHORT) == []


@needs_networks
def test_several_servers_on_several_networks(tmp_path: Path) -> None:
    """By UDP at the usual port; by mDNS at another one, where its firewall drops the query."""
    certificate, key = make_files(tmp_path)
    with Lan() as lan, Lan() as beyond:
        near, other = lan.machine("10.7.0.1/24"), lan.machine("10.7.0.3/24")
        here, far = lan.machine("10.7.0.2/24"), beyond.machine("10.8.0.1/24")
        beyond.plug(here, "eth1", "10.8.0.2/24")
        with (
            near.entered(),
            running_server(
                tmp_path / "near", hosts=("",), port=7878, name="near", announce=None, password="x"
            ),
            far.entered(),
            running_server(
                tmp_path / "far",
                hosts=("",),
                port=7878,
                name="far",
                announce=None,
                tls_cert=certificate,
                tls_key=key,
            ),
            other.entered(),
            running_server(tmp_path / "other", hosts=("",), port=7900, name="other", announce=None),
            here.entered(),
        ):
            # They are announced two seconds after their start: before that, UDP finds two.
            found: list[FoundServer] = []
            while len(found) < 3 or None in [each.needs_password for each in found]:
                found = find_servers()
                assert len(found) <= 3
            assert found == [
                FoundServer("far", TlsAddress("10.8.0.1", 7878), False),
                FoundServer("near", TcpAddress("10.7.0.1", 7878), True),
                FoundServer("other", TcpAddress("10.7.0.3", 7900), False),
            ]


@needs_networks
def test_a_link_without_ipv4(tmp_path: Path) -> None:
    """The address comes with the interface, as it is typed."""
    with Lan() as lan:
        there, here = lan.machine("fe80::1/64"), lan.machine("fe80::2/64")
        with (
            there.entered(),
            running_server(
                tmp_path, hosts=("::",), port=7878, name="room", announce=None
            ) as server,
            here.entered(),
        ):
            (found,) = find_servers()
            assert str(found.address) == "[fe80::1%eth0]:7878"
            found.address.open(DEADLINE).close()
            assert address_of(server) == "tcp://[::]:7878"
