"""The server's announcement by mDNS and DNS-SD (RFC 6762, RFC 6763).

The library is loaded by the thread that announces, and only where there is a network: it takes
12 MB of memory, and switches the GIL on where Python is built without one. Registering a service
takes it 1.6 s.
"""

import contextlib
import ipaddress
import logging
import os
import re
import secrets
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from chat_server.network.addresses import Reachable
from chat_server.runtime.threads import SideThread
from protocol.finding import SERVICE

if TYPE_CHECKING:
    from zeroconf import Zeroconf

log = logging.getLogger(__name__)

DELAY = 0.5
"""Seconds after the start: until then the thread would compete with it for the interpreter."""

INTERVAL = 10.0
"""Seconds between two looks at the machine's addresses, which come and go with its networks."""

END_TIMEOUT = 0.5
"""Seconds that the end waits for the farewell, which takes 0.3 s; a registration takes longer."""

_CONTAINER_MARKS = (Path("/.dockerenv"), Path("/run/.containerenv"))


class Service(NamedTuple):
    """What is announced.

    Attributes:
        label: the name of the service, at most 63 bytes in UTF-8, without a full stop.
        port: where the server listens.
        properties: the TXT record.
    """

    label: str
    port: int
    properties: dict[str, str]


class Announcer:
    """The thread that announces the server, and again when its addresses change."""

    def __init__(
        self, places: Callable[[], list[Reachable]], service: Callable[[], Service]
    ) -> None:
        """
        Args:
            places: returns the addresses by which others reach the server now.
            service: returns what is to be announced now.
        """
        self._places = places
        self._service = service
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._complaint = ""  # why there is no announcement, as it was last logged
        self._thread = SideThread(self._run, "mdns")
        self._started = False

    def start(self) -> None:
        """Start the thread."""
        try:
            self._thread.start()
        except RuntimeError as error:
            log.warning("the server is not announced by mDNS: %s", error)
            return
        self._started = True

    def refresh(self) -> None:
        """Announce the service as it is now, if it has changed."""
        self._wake.set()

    def begin_stop(self) -> None:
        """Take the announcement back, and end the thread; do not wait for that."""
        self._stopping.set()
        self._wake.set()

    def stop(self) -> None:
        """End the thread, and wait for END_TIMEOUT at most.

        A registration that is under way cannot be cut short; it ends with the process.
        """
        self.begin_stop()
        if self._started:
            self._thread.join(END_TIMEOUT)

    def _run(self) -> None:
        # What the library logs it logs for each packet; what concerns the user is logged here.
        logging.getLogger("zeroconf").setLevel(logging.CRITICAL)
        announced: tuple[list[Reachable], Service] | None = None
        self._stopping.wait(DELAY)
        with contextlib.ExitStack() as open_now:
            while not self._stopping.is_set():
                self._wake.clear()
                wanted = self._places(), self._service()
                if wanted != announced:
                    open_now.close()
                    announced = wanted if self._announce(*wanted, open_now) else None
                self._wake.wait(INTERVAL)

    def _announce(
        self, places: list[Reachable], service: Service, open_now: contextlib.ExitStack
    ) -> bool:
        """Announce the service at these addresses. Return whether that was possible."""
        if not places:
            self._complain("this machine has no network yet; the server is announced when it has")
            return False
        try:
            import zeroconf
        except ImportError as error:
            self._complain(f"the library zeroconf cannot be loaded ({error})")
            return False
        try:
            responder = zeroconf.Zeroconf(interfaces=[_bare(each.host) for each in places])
            open_now.callback(_close, responder)
            info = zeroconf.ServiceInfo(
                SERVICE,
                f"{service.label}.{SERVICE}",
                port=service.port,
                addresses=[_packed(each.host) for each in places],
                properties=service.properties,
                server=f"{_host_label()}-{secrets.token_hex(4)}.local.",
            )
            responder.register_service(info, allow_name_change=True)
        except (OSError, RuntimeError, zeroconf.Error) as error:
            open_now.close()
            self._complain(str(error) or type(error).__name__)
            return False
        self._complaint = ""
        log.info(
            "announced by mDNS as %r at %s%s",
            info.name.removesuffix(f".{SERVICE}"),
            ", ".join(_shown(each) for each in places),
            _container_note(),
        )
        return True

    def _complain(self, reason: str) -> None:
        """Log why there is no announcement: once, however often it is tried."""
        if reason != self._complaint:
            log.warning("the server is not announced by mDNS: %s%s", reason, _container_note())
            self._complaint = reason


def _close(responder: "Zeroconf") -> None:
    """Say that the service is gone. The network may be, so that this fails."""
    with contextlib.suppress(OSError, RuntimeError):
        responder.close()


def _bare(host: str) -> str:
    return host.partition("%")[0]


def _packed(host: str) -> bytes:
    return ipaddress.ip_address(_bare(host)).packed


def _shown(place: Reachable) -> str:
    return f"{_bare(place.host)} ({place.interface})" if place.interface else place.host


def _host_label() -> str:
    """This machine's name as the beginning of a label of DNS, which is ASCII.

    Machines that were set up from one image have one name, and the library does not notice that:
    each would be taken for the address of the others.
    """
    name = re.sub(r"[^A-Za-z0-9-]", "-", socket.gethostname().partition(".")[0])
    return name.strip("-")[:50] or "backchannel"


def _container_note() -> str:
    """What is so in a container, whose network is usually its own."""
    named = os.environ.get("container")  # noqa: SIM112 # https://systemd.io/CONTAINER_INTERFACE
    if not named and not any(mark.exists() for mark in _CONTAINER_MARKS):
        return ""
    return ". This is a container: other machines hear that only if it has the host's network"
