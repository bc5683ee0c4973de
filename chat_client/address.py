"""Where a server is: what a user types, and a connected socket made of it."""

import re
import socket
from dataclasses import dataclass

from chat_client.errors import AddressError, ConnectError
from chat_client.system import has_unix_sockets, unix_socket

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 7878

_USAGE = "an address is HOST, HOST:PORT or [IPV6]:PORT"


@dataclass(frozen=True, slots=True)
class TcpAddress:
    """A host (a name, an IPv4 or an IPv6 address) and a port."""

    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def open(self, timeout: float) -> socket.socket:
        """Connect, trying each address that the host has, `timeout` seconds each.

        Raises:
            ConnectError: none of them answers.
        """
        try:
            connected = socket.create_connection((self.host, self.port), timeout)
        except (socket.gaierror, UnicodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no host name"
            raise ConnectError(
                f"cannot find the host {self.host!r} ({reason})",
                "Check its spelling, or give the server's IP address.",
            ) from None
        except OSError as error:
            raise _unreachable(self, error) from None
        try:
            self._check(connected)
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        except OSError as error:
            connected.close()
            raise _unreachable(self, error) from None
        return connected

    def _check(self, connected: socket.socket) -> None:
        """Refuse to talk to ourselves.

        A client that tries a port of this machine on which nobody listens can be given the very
        same port as its own, and is then connected to itself (TCP's simultaneous open). It would
        also keep the server from taking its port again.
        """
        if connected.getsockname() == connected.getpeername():
            raise ConnectionRefusedError("nobody listens there")


@dataclass(frozen=True, slots=True)
class UnixAddress:
    """The path of a Unix socket."""

    path: str

    def __str__(self) -> str:
        return f"unix:{self.path}"

    def open(self, timeout: float) -> socket.socket:
        """Connect within `timeout` seconds.

        Raises:
            ConnectError: nobody answers there, or this platform has no Unix sockets.
        """
        if not has_unix_sockets:
            raise ConnectError("this system has no Unix sockets", "Give HOST:PORT instead.")
        connected = unix_socket()
        try:
            connected.settimeout(timeout)
            connected.connect(self.path)
        except (OSError, ValueError) as error:
            connected.close()
            raise _unreachable(self, error) from None
        return connected


Address = TcpAddress | UnixAddress


def parse_address(text: str) -> Address:
    """Return the address that a user typed.

    Args:
        text: `HOST`, `HOST:PORT`, `[IPV6]:PORT`, a bare IPv6 address, or either form that the
            server prints: `tcp://HOST:PORT`, `unix:PATH` and `unix://PATH`.

    Raises:
        AddressError: it is none of these.
    """
    scheme, separator, rest = text.partition(":")
    if separator and scheme == "unix":
        return UnixAddress(rest.removeprefix("//"))
    address = text.removeprefix("tcp://")
    if "/" in address:
        raise AddressError(f"{text!r} is no address: {_USAGE}, without a path")
    host, port = _split(address, text)
    if not host or re.search(r"[\s\x00-\x1f\x7f@\[\]]", host):
        raise AddressError(f"{text!r} names no host: {_USAGE}")
    return TcpAddress(host, DEFAULT_PORT if port is None else _parse_port(port))


def _split(address: str, text: str) -> tuple[str, str | None]:
    """The host, and the port if there is one."""
    if address.startswith("["):
        host, bracket, rest = address[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise AddressError(f"{text!r} is no address: {_USAGE}")
        return host, rest[1:] if rest else None
    if address.count(":") > 1:  # an IPv6 address without brackets has no room for a port
        return address, None
    host, colon, port = address.partition(":")
    return host, port if colon else None


def _parse_port(port: str) -> int:
    # int() alone would take "+1", "1_0" and the digits of every script.
    if re.fullmatch(r"[0-9]{1,5}", port) and 1 <= int(port) <= 65535:
        return int(port)
    raise AddressError(f"{port!r} is no port: a port is a number from 1 to 65535")


def _unreachable(address: Address, error: OSError | ValueError) -> ConnectError:
    reason, advice = str(error), "Check the address."
    if isinstance(error, ConnectionRefusedError):
        reason, advice = "nobody listens there", "Is the server running, and is this its port?"
    elif isinstance(error, TimeoutError):
        reason, advice = "no answer", "Is it on this network, and is the port open?"
    elif isinstance(error, OSError) and error.strerror:
        reason = error.strerror
    return ConnectError(f"cannot connect to {address}: {reason}", advice)
