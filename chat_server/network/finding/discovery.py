"""How the server is found by who has no address: it answers a UDP query, and announces itself.

The UDP query works where networks drop multicast; mDNS (`network/finding/mdns.py`) where firewalls
drop the answer to a broadcast. Nobody needs either who knows the address. So what fails
here is logged in one line, and neither stops nor delays the server.
"""

import contextlib
import ipaddress
import logging
import selectors
import socket
import sysconfig
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from chat_server.network.addresses import (
    Address,
    Reachable,
    adapters,
    host_address,
    reachable_by,
    takes_both,
)
from chat_server.network.finding.mdns import Announcer, Service
from chat_server.network.wakeup import WakeUp
from chat_server.runtime.clock import Clock
from chat_server.runtime.config.settings import DEFAULT_PORT
from chat_server.runtime.threads import SideThread, Survived
from protocol.finding import QUERY_LIMIT, Answer, answer, label, read_query

log = logging.getLogger(__name__)

INTERVAL = 1.0
"""Seconds between two answers to one address: nobody can have others flooded by this server."""

ADDRESSES = 1_000
"""Addresses that are remembered for that; while so many ask within a second, others wait."""

PAUSE = 0.005
"""Seconds between two looks at what came, a packet from each socket: packets without end would take
the interpreter from everybody. The system keeps what comes meanwhile, or drops it.
"""

_ALL_NODES = "ff02::1"
"""RFC 4291, 2.7.1."""

_EVERYBODY = "255.255.255.255"


class ServerFacts(NamedTuple):
    """What those who look for the server learn of it.

    Attributes:
        name: what it is called; the machine's name if it is empty.
        fingerprint: the SHA-256 of its certificate; None without TLS.
        has_password: whether it lets in only who knows a password.
    """

    name: str
    fingerprint: str | None
    has_password: bool


class Discovery:
    """All by which the server is found: two threads at most."""

    def __init__(
        self,
        addresses: Sequence[Address],
        announce: bool | None,
        facts: Callable[[], ServerFacts],
        clock: Clock,
    ) -> None:
        """
        Args:
            addresses: where it listens.
            announce: whether it can be found; None leaves mDNS out where that costs more than it
                brings.
            facts: returns what it is now.
            clock: what the rate of the answers is kept by.
        """
        self._addresses = [each for each in addresses if each.path is None]
        self._facts = facts
        self._responder: Responder | None = None
        self._announcer: Announcer | None = None
        if announce is False or not self._addresses:
            return
        try:
            self._responder = Responder(self._addresses, self._answer, clock)
        except OSError as error:
            log.warning("nobody who looks for the server is answered: %s", error)
        if announce or self._is_worth_announcing():
            self._announcer = Announcer(self._places, self._service)

    def start(self) -> None:
        """Answer, and announce."""
        if self._responder:
            self._responder.start()
        if self._announcer:
            self._announcer.start()

    def refresh(self) -> None:
        """Announce the server anew, if it is another than it was: the settings have changed."""
        if self._announcer:
            self._announcer.refresh()

    def begin_stop(self) -> None:
        """Let nobody find the server any more."""
        if self._announcer:
            self._announcer.begin_stop()
        if self._responder:
            self._responder.stop()
            self._responder = None

    def stop(self) -> None:
        """End the threads, and wait for that; half a second at most."""
        self.begin_stop()
        if self._announcer:
            self._announcer.stop()

    def _is_worth_announcing(self) -> bool:
        if all(_is_loopback(each.host) for each in self._addresses):
            return False
        if sysconfig.get_config_var("Py_GIL_DISABLED"):
            log.info(
                "not announced by mDNS, whose library would switch the GIL on; --announce does it"
            )
            return False
        return True

    def _places(self) -> list[Reachable]:
        """The addresses by which others reach the server now."""
        return [
            place
            for each in self._addresses
            for place in reachable_by(each.host, both=takes_both(each, self._addresses))
        ]

    def _name(self) -> str:
        return self._facts().name or socket.gethostname().partition(".")[0] or "backchannel"

    def _answer(self) -> Answer:
        facts = self._facts()
        return Answer(self._addresses[0].port, facts.fingerprint is not None, self._name())

    def _service(self) -> Service:
        facts, port = self._facts(), self._addresses[0].port
        properties = {"v": "1", "tls": str(int(facts.fingerprint is not None))}
        if facts.fingerprint is not None:
            properties["fp"] = facts.fingerprint[:16]
        properties["auth"] = str(int(facts.has_password))
        return Service(label(self._name(), port, DEFAULT_PORT), port, properties)


class _Ear(NamedTuple):
    """A socket that queries come in by.

    Attributes:
        sock: the socket.
        mouth: what the answer leaves by. Its source is the address that clients connect to.
        neighbours: who is answered: those that can use that address; None is everybody.
    """

    sock: socket.socket
    mouth: socket.socket
    neighbours: ipaddress.IPv4Network | None = None


class Rate:
    """At most one answer in INTERVAL seconds to each address. For one thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._answered: dict[str, float] = {}

    def allows(self, host: str) -> bool:
        """Return whether `host` may be answered now, and remember that it is."""
        now = self._clock.monotonic()
        if now - self._answered.get(host, now - INTERVAL) < INTERVAL:
            return False
        if len(self._answered) >= ADDRESSES:
            since = now - INTERVAL
            self._answered = {each: at for each, at in self._answered.items() if at > since}
        if len(self._answered) >= ADDRESSES:
            return False
        self._answered[host] = now
        return True


class Responder:
    """The sockets that queries come in by, and the thread that answers."""

    def __init__(
        self, addresses: Sequence[Address], answered: Callable[[], Answer], clock: Clock
    ) -> None:
        """
        Args:
            addresses: where the server listens, Unix sockets left out.
            answered: returns what is answered.
            clock: what the rate of the answers is kept by.

        Raises:
            OSError: the process has no descriptors left.
        """
        self._answered = answered
        self._rate = Rate(clock)
        with contextlib.ExitStack() as opened:
            self._wakeup = opened.enter_context(contextlib.closing(WakeUp()))
            self._selector = opened.enter_context(selectors.DefaultSelector())
            self._sockets = opened.pop_all()
        self._ears = [ear for each in addresses for ear in self._open(each, addresses)]
        self._stopping = threading.Event()
        self._thread = SideThread(self._run, "discovery")
        self._started = False

    def start(self) -> None:
        """Start the thread, if there is anything to answer by."""
        if not self._ears:
            return
        try:
            self._thread.start()
        except RuntimeError as error:
            log.warning("nobody who looks for the server is answered: %s", error)
            return
        self._started = True

    def stop(self) -> None:
        """End the thread, and close the sockets."""
        self._stopping.set()
        if self._started:
            self._wakeup.wake()
            self._thread.join()
        self._sockets.close()

    def _open(self, address: Address, addresses: Sequence[Address]) -> Iterator[_Ear]:
        """The sockets for one address that the server listens on; what fails is logged."""
        try:
            mouth = self._bound(address.host, address.port, both=takes_both(address, addresses))
        except OSError as error:
            log.warning(
                "whoever looks for the server by UDP gets no answer from %s: %s",
                address.authority, error.strerror or error,
            )  # fmt: skip
            return
        yield _Ear(mouth, mouth)
        for host, neighbours in _groups(address.host):
            try:
                sock = self._bound(host, address.port, shared=True)
            except OSError as error:  # only a client that knows the address is answered
                log.info("queries to %s are not answered: %s", host, error.strerror or error)
                continue
            yield _Ear(sock, mouth, neighbours)

    def _bound(
        self, host: str, port: int, *, both: bool = False, shared: bool = False
    ) -> socket.socket:
        """A socket; it shares a broadcast address with other servers of this machine."""
        infos = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST)
        family, kind, _, _, where = infos[0]
        sock = self._sockets.enter_context(socket.socket(family, kind))
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, not both)
        if shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(where)
        sock.setblocking(False)
        return sock

    def _run(self) -> None:
        for ear in self._ears:
            self._selector.register(ear.sock, selectors.EVENT_READ, ear)
        self._selector.register(self._wakeup, selectors.EVENT_READ)
        while not self._stopping.is_set():
            for key, _ in self._selector.select():
                if isinstance(key.data, _Ear):
                    with Survived("answering who looks for the server"):
                        self._hear(key.data)
            self._stopping.wait(PAUSE)

    def _hear(self, ear: _Ear) -> None:
        """Take one packet, and answer it if it is a query."""
        # A packet that is too long is an error on Windows, as is the news that an earlier answer
        # reached nobody.
        with contextlib.suppress(OSError):
            packet, peer = ear.sock.recvfrom(QUERY_LIMIT)
            nonce = read_query(packet)
            if nonce is None or not _is_near(peer[0], ear.neighbours):
                return
            if self._rate.allows(str(host_address(peer[0]))):
                ear.mouth.sendto(answer(nonce, self._answered()), peer)


def _groups(host: str) -> Iterator[tuple[str, ipaddress.IPv4Network | None]]:
    """What a query to all is sent to, where a socket on `host` would not be given it.

    Yields:
        The address, and which askers on it can use `host`.
    """
    bare = host.partition("%")[0]
    address = ipaddress.ip_address(bare)
    if address.is_unspecified or address.is_loopback:
        return
    for adapter in adapters():
        for each in adapter.ips:
            if address.version == 4 and each.ip == host:
                network = ipaddress.IPv4Network(f"{host}/{each.network_prefix}", strict=False)
                yield str(network.broadcast_address), network
                yield _EVERYBODY, network
            elif isinstance(each.ip, tuple) and ipaddress.ip_address(each.ip[0]) == address:
                yield f"{_ALL_NODES}%{adapter.index}", None


def _is_near(host: str, neighbours: ipaddress.IPv4Network | None) -> bool:
    return neighbours is None or host_address(host) in neighbours


def _is_loopback(host: str) -> bool:
    address = host_address(host)
    return address is not None and address.is_loopback
