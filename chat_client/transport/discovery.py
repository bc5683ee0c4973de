"""Looking for servers: a UDP query to all, and mDNS (`chat_client/transport/mdns.py`).

Anybody on the network may answer, and say what they like. What is taken from an answer is where to
connect, and what to show to the user, cleaned. Who the server is only TLS can tell.
"""

import contextlib
import ipaddress
import secrets
import select
import socket
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from chat_client.display.text import one_line
from chat_client.transport.address import DEFAULT_PORT, TcpAddress, TlsAddress
from chat_client.transport.interfaces import Neighbourhood, adapters, bare, interface_name
from chat_client.transport.mdns import Browser, Service
from protocol import finding

TIME_LIMIT = 1.5
"""Seconds that a search takes."""

_ASKED_AT = (0.0, 0.5, 1.05)
"""Seconds after the start at which the query is sent: a packet may be lost, and a server answers
each address once a second, so that another client of this machine may have been first."""

_MOST = 100
"""Answers that are listened to: a program that floods us fills no memory and no screen."""

_LONGEST_NAME = 60
_RECEIVE_SIZE = 512


@dataclass(frozen=True, slots=True)
class FoundServer:
    """A server that has answered.

    Attributes:
        name: what it calls itself, fit for a terminal.
        address: where to connect.
        needs_password: whether it says that it lets in only who knows one; None if it does not say.
    """

    name: str
    address: TcpAddress
    needs_password: bool | None = None


class Hit(NamedTuple):
    """An answer to the query.

    Attributes:
        host: the address that it came from, with its interface if it is link-local.
        answer: what it says.
    """

    host: str
    answer: finding.Answer


def find_servers(port: int = DEFAULT_PORT, within: float = TIME_LIMIT) -> list[FoundServer]:
    """Return the servers that answer, sorted by name: on this machine and on its networks.

    Args:
        port: the UDP port to ask at. By mDNS a server is found at any.
        within: seconds that this takes.
    """
    until = time.monotonic() + within
    with contextlib.ExitStack() as opened:
        search = _Search(port, opened)
        browser = Browser(search.ask, until)
        browser.start()
        search.run(until)
        services = browser.finish()
    return merged(search.hits, services, Neighbourhood.here())


class _Search:
    """The sockets of one search, and what came in by them. `ask` is for any thread."""

    def __init__(self, port: int, opened: contextlib.ExitStack) -> None:
        self.hits: list[Hit] = []
        self._port = port
        self._nonce = secrets.token_hex(finding.NONCE_BYTES)
        self._sockets: dict[int, socket.socket] = {}  # by the family
        for family in (socket.AF_INET, socket.AF_INET6):
            with contextlib.suppress(OSError):  # a machine may lack either
                sock = opened.enter_context(socket.socket(family, socket.SOCK_DGRAM))
                sock.setblocking(False)
                self._sockets[family] = sock
        if ipv4 := self._sockets.get(socket.AF_INET):
            ipv4.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)

    def ask(self, host: str, port: int) -> None:
        """Send the query to one address, or to all that an address stands for."""
        # Many of them lead nowhere: there is no such route, network or permission.
        with contextlib.suppress(OSError):
            infos = socket.getaddrinfo(
                host, port, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST
            )
            family, _, _, _, where = infos[0]
            if family in self._sockets:
                self._sockets[family].sendto(finding.query(self._nonce), where)

    def run(self, until: float) -> None:
        """Ask, several times, and collect what is answered until then (monotonic)."""
        begin = time.monotonic()
        moments = [begin + each for each in _ASKED_AT if begin + each < until]
        while (now := time.monotonic()) < until:
            if moments and now >= moments[0]:
                del moments[0]
                for host in _everybody():
                    self.ask(host, self._port)
            wait = min([*moments[:1], until]) - time.monotonic()
            ready, _, _ = select.select(list(self._sockets.values()), [], [], max(0.0, wait))
            for sock in ready:
                self._hear(sock)

    def _hear(self, sock: socket.socket) -> None:
        try:
            packet, peer = sock.recvfrom(_RECEIVE_SIZE)
        except OSError:  # an earlier query has reached nobody
            return
        answer = finding.read_answer(packet, self._nonce)
        hit = Hit(_host_of(peer), answer) if answer else None
        if hit and hit not in self.hits and len(self.hits) < _MOST:
            self.hits.append(hit)


def _everybody() -> Iterator[str]:
    """What a query to all is sent to: this machine, and each of its networks by itself.

    The limited broadcast address alone leaves by one interface, and by none without a default
    route.
    """
    yield from ("127.0.0.1", "::1", "255.255.255.255")
    for adapter in adapters():
        for each in adapter.ips:
            if isinstance(each.ip, str) and not each.ip.startswith("127."):
                network = ipaddress.IPv4Network(f"{each.ip}/{each.network_prefix}", strict=False)
                yield str(network.broadcast_address)
        if any(isinstance(each.ip, tuple) and each.ip[0] != "::1" for each in adapter.ips):
            yield f"ff02::1%{adapter.index}"


def _host_of(peer: tuple[Any, ...]) -> str:
    """The address of who sent a packet, as a user would type it."""
    host = str(peer[0]).partition("%")[0]
    scope = peer[3] if len(peer) == 4 else 0
    return f"{host}%{interface_name(scope)}" if scope else host


def merged(
    hits: Iterable[Hit], services: Iterable[Service], here: Neighbourhood
) -> list[FoundServer]:
    """Return each server once, though it may have answered on several addresses and ways.

    Args:
        hits: the answers to the query.
        services: what mDNS has found.
        here: where this machine stands.
    """
    found = [
        _Server(each.name, each.port, each.tls, each.needs_password, list(each.hosts))
        for each in services
    ]
    for hit in sorted(hits, key=lambda hit: ":" in hit.host):
        server = next((each for each in found if each.is_of(hit, here)), None)
        if server is None:
            server = _Server(hit.answer.name, hit.answer.port, hit.answer.tls)
            found.append(server)
        server.confirm(hit)
    shown = [each.shown(here) for each in found]
    return sorted(shown, key=lambda each: (each.name.casefold(), str(each.address)))


@dataclass(slots=True)
class _Server:
    """What is known of one server."""

    name: str
    port: int
    tls: bool
    needs_password: bool | None = None
    hosts: list[str] = field(default_factory=list)
    confirmed: list[str] = field(default_factory=list)  # those that have answered themselves

    def is_of(self, hit: Hit, here: Neighbourhood) -> bool:
        """Whether an answer is this server's: from an address of its, from this machine on the
        same port, or with the same name from an address of the other family.
        """
        if hit.answer.port != self.port:
            return False
        known = [*self.hosts, *self.confirmed]
        if bare(hit.host) in map(bare, known):
            return True
        if here.is_own(hit.host):
            return all(here.is_own(each) for each in known)
        if self.hosts or any((":" in each) == (":" in hit.host) for each in known):
            return False
        return (hit.answer.name, hit.answer.tls) == (self.name, self.tls)

    def confirm(self, hit: Hit) -> None:
        """Note an answer of this server."""
        self.tls = self.tls or hit.answer.tls
        if hit.answer.name.replace(".", "-") == self.name:  # which mDNS cannot write otherwise
            self.name = hit.answer.name
        if hit.host not in self.confirmed:
            self.confirmed.append(hit.host)

    def shown(self, here: Neighbourhood) -> FoundServer:
        """Return it with the best of its addresses."""
        host = min(self.confirmed or self.hosts, key=lambda host: _preference(host, here))
        kind = TlsAddress if self.tls else TcpAddress
        name = one_line(self.name).strip()[:_LONGEST_NAME] or host
        return FoundServer(name, kind(host, self.port), self.needs_password)


def _preference(host: str, here: Neighbourhood) -> tuple[bool, ...]:
    """By what an address is chosen: the smallest is the best."""
    address = ipaddress.ip_address(bare(host))
    return (
        not address.is_loopback,
        not here.is_near(host),
        address.version == 6,
        address.is_link_local,
    )
