"""Looking for servers by mDNS and DNS-SD (RFC 6762, RFC 6763), where the library for it is there.

On a Python without a GIL the library would switch that on, and warn of it: there the UDP query
alone has to do.
"""

import contextlib
import ipaddress
import logging
import queue
import sysconfig
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from chat_client.transport.interfaces import Neighbourhood, interface_name
from protocol.finding import SERVICE, name_in

if TYPE_CHECKING:
    from zeroconf import ServiceInfo

_CLOSING = 0.3
"""Seconds that the library takes to stop."""

_PATIENCE = 0.5
"""Seconds after which a search that does not end is left alone; its thread is a daemon."""

_DETAILS = 300
"""Milliseconds that the details of a service may take which did not come along with its name."""

_MOST = 100
"""Services that are looked at."""


class Service(NamedTuple):
    """A server that is announced.

    Attributes:
        name: what it calls itself. It is untrusted text, as all of this may be anybody's.
        port: where it listens.
        tls: whether it speaks TLS there.
        needs_password: whether it lets in only who knows a password.
        hosts: its addresses, link-local ones with their interface; at least one.
    """

    name: str
    port: int
    tls: bool
    needs_password: bool
    hosts: tuple[str, ...]


class Browser:
    """The search, in a thread of its own."""

    def __init__(self, ask: Callable[[str, int], None], until: float) -> None:
        """
        Args:
            ask: called with each address and port that is found, to see whether it answers.
            until: when the search ends (monotonic).
        """
        self._ask = ask
        self._until = until - _CLOSING
        self._lock = threading.Lock()  # guards _found; a leaf
        self._found: dict[str, Service] = {}
        self._thread = threading.Thread(target=self._run, name="mdns", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def finish(self) -> list[Service]:
        """Wait for the end, for no longer than _PATIENCE after it, and return what was found."""
        self._thread.join(max(0.0, self._until + _CLOSING + _PATIENCE - time.monotonic()))
        with self._lock:
            return list(self._found.values())

    def _run(self) -> None:
        if sysconfig.get_config_var("Py_GIL_DISABLED"):
            return
        try:
            import zeroconf
        except ImportError:
            return
        logging.getLogger("zeroconf").addHandler(logging.NullHandler())
        logging.getLogger("zeroconf").propagate = False
        names: queue.SimpleQueue[str] = queue.SimpleQueue()

        def changed(name: str, state_change: zeroconf.ServiceStateChange, **_: Any) -> None:
            if state_change is zeroconf.ServiceStateChange.Added:
                names.put(name)

        # Without a network there is nothing to open; it may go while it is looked at.
        with contextlib.suppress(OSError, RuntimeError, zeroconf.Error, queue.Empty):
            own = Neighbourhood.here().own
            interfaces = [each for each in own if not ipaddress.ip_address(each).is_loopback]
            if not interfaces:
                return
            with contextlib.ExitStack() as opened:
                looking = zeroconf.Zeroconf(interfaces=interfaces)
                opened.callback(looking.close)
                browser = zeroconf.ServiceBrowser(looking, SERVICE, handlers=[changed])
                opened.callback(browser.cancel)
                for _ in range(_MOST):
                    name = names.get(timeout=max(0.0, self._until - time.monotonic()))
                    info = looking.get_service_info(SERVICE, name, _DETAILS)
                    service = _service(info) if info else None
                    if service:
                        self._keep(name, service)

    def _keep(self, name: str, service: Service) -> None:
        with self._lock:
            self._found[name] = service
        for host in service.hosts:
            self._ask(host, service.port)


def _service(info: "ServiceInfo") -> Service | None:
    """What is announced; None if it is nothing that can be connected to."""
    hosts = tuple(
        host for each in info.parsed_scoped_addresses() if (host := _usable(each)) is not None
    )
    if not hosts or not info.port:
        return None
    label = info.name.removesuffix(f".{SERVICE}")
    flags = info.decoded_properties
    return Service(
        name_in(label, info.port), info.port, flags.get("tls") == "1", flags.get("auth") == "1",
        hosts,
    )  # fmt: skip


def _usable(host: str) -> str | None:
    """An address as it is typed, or None for what is another machine's for no one."""
    bare, _, scope = host.partition("%")
    address = ipaddress.ip_address(bare)
    if address.is_loopback or address.is_unspecified or address.is_multicast:
        return None
    if address.version == 4 or not address.is_link_local:
        return bare
    if not scope:
        return None
    return f"{bare}%{interface_name(int(scope)) if scope.isdigit() else scope}"
