"""Who may not come in is told so in their own language: the server is full, the address denied."""

import socket
import threading

import pytest

from chat_server.runtime.config.setting_types import network
from chat_server.server import Server
from tests.chat_server.house import House
from tests.support.peer import Peer, encode
from tests.support.servers import address_of, running_server
from tests.support.text_peer import TextPeer
from tests.support.waiting import eventually
from tests.support.web import get, upgrade

HELLO = encode({"type": "hello", "version": 1, "nick": "ada"})

# What comes first, what the answer begins with when the server is full, and when it is denied.
BEGINNINGS = {
    "page": (get("/"), b"HTTP/1.1 503 ", b"HTTP/1.1 403 "),
    "websocket": (upgrade(), b"HTTP/1.1 503 ", b"HTTP/1.1 403 "),
    "post": (get("/", method="POST"), b"HTTP/1.1 503 ", b"HTTP/1.1 403 "),
    "irc": (
        b"CAP LS 302\r\nNICK ana\r\n",
        b"ERROR :Closing link: * (at most",
        b":backchannel 465 * :",
    ),
    "lines": (b"ana\n", b"-- at most 1 clients", b"-- this server lets in nobody"),
    "telnet": (b"\xff\xfd\x03ana\r\n", b"-- at most 1 clients", b"-- this server lets in nobody"),
    "native": (HELLO, b"\0", b"\0"),
    "nothing": (b"", b"\0", b"\0"),
    "half a word": (b"GE", b"\0", b"\0"),
}


DENIED = (network("127.0.0.2"),)


class DeniedPeer(TextPeer):
    """A client from an address that is denied."""

    def __init__(self, server: Server) -> None:
        port = int(address_of(server).rpartition(":")[2])
        source = ("127.0.0.2", 0)
        self.socket = socket.create_connection(("127.0.0.1", port), source_address=source)
        self._received = b""


@pytest.mark.parametrize("kind", BEGINNINGS)
def test_a_full_server(kind: str) -> None:
    """Whoever is there goes on, and a place that is free again is given."""
    begin, answer, _ = BEGINNINGS[kind]
    with running_server(connections=1) as server, House(server) as house:
        ada = house.enter("ada", "lobby")
        with TextPeer(house.address) as peer:
            peer.send_raw(begin)
            found = peer.rest()
        assert found.startswith(answer)
        assert b"try again later" in found
        assert found.count(b"HTTP/1.1") <= 1
        ada.ping()
        ada.close()
        eventually(lambda: not server._crowd.connections())
        with Peer.connect(house.address) as late:
            assert late.hello("eva")["type"] == "welcome"


def test_a_browser_is_told_when_to_come_again() -> None:
    """In the header for that (RFC 9110, 10.2.3)."""
    with running_server(connections=1) as server, House(server) as house:
        house.enter("ada")
        with TextPeer(house.address) as peer:
            peer.send_raw(get("/"))
            assert b"\r\nRetry-After: 15\r\n" in peer.rest()


@pytest.mark.parametrize("kind", BEGINNINGS)
def test_a_denied_address(kind: str) -> None:
    """It costs no thread; others come in while it is waited for."""
    begin, _, answer = BEGINNINGS[kind]
    with running_server(deny=DENIED) as server, House(server) as house:
        ada = house.enter("ada")
        threads = threading.active_count()
        with DeniedPeer(server) as peer:
            peer.send_raw(begin)
            found = peer.rest()
            assert threading.active_count() == threads
        assert found.startswith(answer)
        ada.ping()


def test_many_who_are_denied_push_one_another_out() -> None:
    """All are told, and nobody else is held up."""
    with running_server(deny=DENIED) as server, House(server) as house:
        peers = [DeniedPeer(server) for _ in range(100)]
        house.enter("ada").ping()
        for peer in peers:
            with peer:
                assert b"banned" in peer.rest()


def test_a_stop_refuses_those_who_wait() -> None:
    """It waits for none of them."""
    with running_server(deny=DENIED) as server:
        peers = [DeniedPeer(server) for _ in range(5)]
    for peer in peers:
        with peer:
            peer.rest()
