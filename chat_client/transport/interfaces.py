"""This machine's network interfaces and addresses."""

import ipaddress
import socket
import sys
from collections.abc import Collection
from dataclasses import dataclass

import ifaddr


def adapters() -> list[ifaddr.Adapter]:
    """Return the machine's interfaces with their addresses; none if the system does not tell."""
    try:
        return list(ifaddr.get_adapters())
    except OSError:
        return []


def interface_name(index: int) -> str:
    """Return what is typed behind the `%` of an address: an interface, on Windows its number."""
    if sys.platform == "win32":
        return str(index)
    try:
        return socket.if_indextoname(index)
    except OSError:  # it is gone
        return str(index)


def bare(host: str) -> str:
    """Return an address without its interface."""
    return host.partition("%")[0]


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """Where this machine stands.

    Attributes:
        own: its addresses.
        networks: the networks that it has an address in.
    """

    own: Collection[str] = ()
    networks: Collection[ipaddress.IPv4Network | ipaddress.IPv6Network] = ()

    @classmethod
    def here(cls) -> "Neighbourhood":
        """Return this machine's."""
        ips = [each for adapter in adapters() for each in adapter.ips]
        own = [each.ip[0] if isinstance(each.ip, tuple) else each.ip for each in ips]
        networks = [
            ipaddress.ip_network(f"{host}/{each.network_prefix}", strict=False)
            for host, each in zip(own, ips, strict=True)
        ]
        return cls(own, networks)

    def is_own(self, host: str) -> bool:
        """Whether an address is this machine's."""
        return bare(host) in self.own or ipaddress.ip_address(bare(host)).is_loopback

    def is_near(self, host: str) -> bool:
        """Whether an address is of one of this machine's networks."""
        address = ipaddress.ip_address(bare(host))
        return any(address in network for network in self.networks)
