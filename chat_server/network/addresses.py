"""Where to listen: from the settings to bound sockets.

Binding comes before listening, so that the server knows all mistakes in an address before it starts
anything else.
"""

import contextlib
import errno
import ipaddress
import os
import socket
import stat
import sys
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import ifaddr

from chat_server.runtime.config.setting_types import Endpoint
from chat_server.runtime.errors import StartError

BACKLOG = 4096
"""Connections that the kernel completes while the accept loop is busy; it caps this itself."""

PORT_TRIES = 10
"""Where port 0 was asked for, the first host's port may be taken on another: how often to try."""


class Address(NamedTuple):
    """Where a listener is: a host and port, or a path."""

    host: str
    port: int
    path: Path | None = None
    tls: bool = False

    def __str__(self) -> str:
        if self.path:
            return f"unix://{self.path}"
        return f"{'tls' if self.tls else 'tcp'}://{self.authority}"

    @property
    def authority(self) -> str:
        """HOST:PORT, with an IPv6 address in brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def bind(hosts: tuple[str, ...], port: int) -> list[socket.socket]:
    """Return a bound socket for every address of `hosts`.

    Args:
        hosts: addresses or names; "" is every IPv4 interface, "::" every interface.
        port: 0 picks one that is free on all.

    Raises:
        StartError: an address cannot be listened on.
    """
    for _ in range(PORT_TRIES - 1):
        try:
            return _bind_all(hosts, port)
        except _PortTaken:
            continue  # what was picked for the first host is taken on another
    return _bind_all(hosts, port)


def bind_unix(path: Path) -> socket.socket:
    """Return a bound Unix socket that its owner and group may use; a stale one is replaced.

    Raises:
        StartError: a server is listening there, or the path is something else.
    """
    if not hasattr(socket, "AF_UNIX"):
        raise StartError("this system has no Unix sockets: leave --unix out.")
    _remove_stale(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o117)
    try:
        sock.bind(str(path))
    except OSError as error:
        sock.close()
        raise StartError(f"cannot listen on {path}: {error.strerror or error}.") from error
    finally:
        os.umask(mask)
    return sock


def bind_endpoint(endpoint: Endpoint) -> socket.socket:
    """Return a bound socket for the metrics.

    Raises:
        StartError: it cannot be listened on.
    """
    family, address = resolve_endpoint(endpoint)
    try:
        return socket.create_server(address, family=family)
    except OSError as error:
        raise _no_metrics(endpoint, str(error.strerror)) from error


def resolve_endpoint(endpoint: Endpoint) -> tuple[socket.AddressFamily, tuple[str, int]]:
    """Return the address for the metrics, and its family.

    Raises:
        StartError: there is none of that name.
    """
    try:
        found = socket.getaddrinfo(*endpoint, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a host name"
        raise _no_metrics(endpoint, str(reason)) from error
    family, _, _, _, address = found[0]
    return family, (str(address[0]), int(address[1]))


def _no_metrics(endpoint: Endpoint, reason: str) -> StartError:
    return StartError(
        f"there can be no metrics at {endpoint}: {reason}. Choose another place with --metrics."
    )


def resolve(hosts: tuple[str, ...]) -> list[tuple[socket.AddressFamily, tuple[Any, ...]]]:
    """Return every address that `hosts` stand for, once, and its family.

    Raises:
        StartError: one stands for none.
    """
    found: dict[tuple[Any, ...], socket.AddressFamily] = {}
    for host in hosts:
        try:
            infos = socket.getaddrinfo(
                host or "0.0.0.0", 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )
        except (socket.gaierror, UnicodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not a host name"
            raise StartError(
                f"cannot listen on {host!r}: {reason}. --host takes an address of this machine, "
                "a name that stands for one, '' or '::'."
            ) from error
        for family, _, _, _, address in infos:
            found.setdefault(address, family)
    return [(family, address) for address, family in found.items()]


def address_of(sock: socket.socket) -> Address:
    """Return where a bound socket is."""
    name = sock.getsockname()
    if isinstance(name, str):
        return Address("", 0, Path(name).resolve())  # a longer way round may be too long to connect
    scope = name[3] if len(name) == 4 else 0
    return Address(f"{name[0]}%{_scope_name(scope)}" if scope else name[0], name[1])


def release(sock: socket.socket) -> None:
    """Close a bound socket, and remove the path of a Unix socket; a second time do nothing."""
    if sock.fileno() == -1:
        return
    path = address_of(sock).path
    sock.close()
    if path is not None:
        with contextlib.suppress(OSError):
            path.unlink()


def check_unix(path: Path | None) -> None:
    """See whether a Unix socket could be at a path, if there is to be one, and make none.

    Raises:
        StartError: there is something else, or no folder for it that can be written.
    """
    if path is None:
        return
    if os.path.exists(path) and not stat.S_ISSOCK(path.stat().st_mode):
        raise StartError(f"cannot listen on {path}: it exists and is no socket.")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise StartError(f"cannot listen on {path}: {path.parent} is no folder to write in.")


@lru_cache(maxsize=10_000)
def host_of(peer: str) -> str:
    """Return the host of a peer, as the listener names it: HOST:PORT, [IPV6]:PORT or `unix`."""
    return peer.rpartition(":")[0].strip("[]") or peer


@lru_cache(maxsize=10_000)
def host_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the address of a peer, or None if it is none (a Unix socket).

    An IPv4 address that was mapped into IPv6, as a socket for both shows it, is itself; the name
    of an interface, which a link-local address has behind a `%`, is not part of it.

    The accept thread asks first. Others find it in the cache: they ask several times, and what is
    computed this deep would cost each connection's stack another page for good.
    """
    try:
        address = ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


@lru_cache(maxsize=10_000)
def neighbourhood(host: str) -> str:
    """Return what the connections and rooms of a peer are counted under.

    In IPv6 that is its /64, of which one machine may have every address.
    """
    address = host_address(host)
    if address is None or address.version == 4:
        return host
    return str(ipaddress.ip_network((int(address) >> 64 << 64, 64)))


class Reachable(NamedTuple):
    """An address of this machine that others can use, and the name of its network interface."""

    host: str
    interface: str


def lan_addresses(*, ipv4: bool = True, ipv6: bool = True) -> list[Reachable]:
    """Return every address that other machines may reach this one by, link-local ones last.

    A link-local IPv6 address has the interface as its scope: `fe80::1%eth0`.

    Args:
        ipv4: whether IPv4 addresses are wanted.
        ipv6: whether IPv6 addresses are wanted.
    """
    found: list[tuple[bool, bool, Reachable]] = []
    for adapter in adapters():
        for each in adapter.ips:
            is_ipv6 = isinstance(each.ip, tuple)
            host, scope = (each.ip[0], each.ip[2]) if isinstance(each.ip, tuple) else (each.ip, 0)
            address = ipaddress.ip_address(host)
            if address.is_loopback or address.is_unspecified or not (ipv6 if is_ipv6 else ipv4):
                continue
            if is_ipv6 and address.is_link_local:
                host += f"%{_scope_name(scope)}"
            key = (address.is_link_local, is_ipv6)
            found.append((*key, Reachable(host, adapter.nice_name)))
    return [each for *_, each in sorted(found, key=lambda entry: entry[:2])]


def takes_both(address: Address, addresses: Iterable[Address]) -> bool:
    """Return whether a listener on "::" takes IPv4, too: not beside one on "0.0.0.0"."""
    return address.host == "::" and all(each.host != "0.0.0.0" for each in addresses)


def reachable_by(host: str, *, both: bool) -> list[Reachable]:
    """Return the addresses by which other machines reach what listens on `host`.

    Args:
        host: an address of this machine, "0.0.0.0" or "::".
        both: whether "::" takes IPv4, too.
    """
    if host == "0.0.0.0":
        return lan_addresses(ipv6=False)
    if host == "::":
        return lan_addresses(ipv4=both)
    if ipaddress.ip_address(host.partition("%")[0]).is_loopback:
        return []
    return [each for each in lan_addresses() if each.host == host] or [Reachable(host, "")]


def is_loopback(host: str) -> bool:
    """Return whether a host, as it stands in a URL, is this machine and nobody else's."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def page_url(addresses: Sequence[Address]) -> str | None:
    """Return the URL by which other machines reach the server with a browser.

    Args:
        addresses: where it listens.

    Returns:
        The URL, of an IPv4 address if there is one; None if others cannot reach the server. A
        link-local IPv6 address is none that a browser takes.
    """
    found = [
        address._replace(host=each.host)
        for address in addresses
        if address.path is None
        for each in reachable_by(address.host, both=takes_both(address, addresses))
        if "%" not in each.host
    ]
    if not found:
        return None
    best = min(found, key=lambda address: ":" in address.host)  # of equals the first
    return f"{'https' if best.tls else 'http'}://{best.authority}/"


def adapters() -> list[ifaddr.Adapter]:
    """Return the machine's network interfaces; none if the system does not tell."""
    try:
        return list(ifaddr.get_adapters())
    except OSError:  # the system does not tell, as a service that may not ask (AF_NETLINK)
        return []


def _scope_name(index: int) -> str:
    """Return what is typed behind the `%`: the interface's name, on Windows its number."""
    if sys.platform == "win32":
        return str(index)
    try:
        return socket.if_indextoname(index)
    except OSError:  # it is gone
        return str(index)


class _PortTaken(StartError):
    """A port that was picked for one host is taken on another."""


def _bind_all(hosts: tuple[str, ...], port: int) -> list[socket.socket]:
    sockets: list[socket.socket] = []
    try:
        for family, address in resolve(hosts):
            picked = sockets[0].getsockname()[1] if port == 0 and sockets else port
            # "" and "::" on one port: the latter leaves IPv4 to the former.
            dual = address[0] == "::" and "" not in hosts and "0.0.0.0" not in hosts
            sockets.append(_bind_one(family, (address[0], picked, *address[2:]), dual, port == 0))
    except BaseException:
        for sock in sockets:
            sock.close()
        raise
    return sockets


def _bind_one(
    family: socket.AddressFamily, address: tuple[Any, ...], dual: bool, any_port: bool
) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform != "win32":  # there it would let another program take the port over
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, not dual)
        sock.bind(address)
        sock.listen(1)  # two can be bound to one port, but only one can listen
    except OSError as error:
        sock.close()
        if any_port and address[1] and error.errno == errno.EADDRINUSE:
            raise _PortTaken(f"port {address[1]} is taken") from error
        where = Address(str(address[0]), int(address[1]))
        raise StartError(_cannot_listen(where, error)) from error
    return sock


def _cannot_listen(address: Address, error: OSError) -> str:
    where = f"cannot listen on {address.authority}"
    if error.errno == errno.EADDRINUSE:
        return f"{where}: the port is in use. Choose another with --port, or 0 for a free one."
    if error.errno == errno.EACCES and address.port < 1024:
        return f"{where}: a port below 1024 needs privileges. Choose a higher one with --port."
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{where}: this machine does not have that address. Choose another with --host."
    return f"{where}: {error.strerror or error}."


def _remove_stale(path: Path) -> None:
    """Remove a socket that nobody listens on any more."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return  # binding says what is wrong, if anything is
    if not stat.S_ISSOCK(mode):
        raise StartError(f"cannot listen on {path}: it exists and is no socket.")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
            return
        except OSError as error:
            raise StartError(f"cannot listen on {path}: {error.strerror or error}.") from error
    raise StartError(f"cannot listen on {path}: another server is listening there.")
