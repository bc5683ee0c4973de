"""Where a server is: what a user types, and a connected socket made of it."""

import re
import socket
from dataclasses import dataclass, field
from ipaddress import ip_address

from chat_client.errors import AddressError, ConnectError, Untrusted
from chat_client.events import Trusted
from chat_client.files.osdep import has_unix_sockets, unix_socket
from chat_client.transport.tls import TlsSocket, handshake
from chat_client.transport.trust import FirstUse, Trust, refuse_downgrade
from protocol.tls import TlsError

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 7878

_USAGE = "an address is HOST, HOST:PORT or [IPV6]:PORT"

_SCHEME = re.compile(r"(tcp|tls|https?)://(.*?)/?", re.IGNORECASE | re.DOTALL)
"""What a server prints, and what a browser shows: both may be pasted, with the slash at the end."""


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
class TlsAddress(TcpAddress):
    """The same, for a server that speaks TLS.

    Attributes:
        trust: how to find out that it is the one. Without a word the first certificate that it
            shows is trusted from then on, and kept in the file of known servers.
    """

    trust: Trust = field(default_factory=FirstUse, compare=False)

    def __str__(self) -> str:
        return f"tls://{self.authority}"

    @property
    def authority(self) -> str:
        """HOST:PORT, by which the server is known."""
        return TcpAddress(self.host.lower(), self.port).__str__()

    def secure(self, connected: socket.socket, timeout: float) -> tuple[TlsSocket, Trusted | None]:
        """Agree on TLS with the server, and look at its certificate, before anything is said.

        Args:
            connected: the socket, which is closed if this fails.
            timeout: seconds that it may take.

        Returns:
            What to talk on, and what is to be told to the user, if anything is.

        Raises:
            ConnectError: the server does not speak TLS, or not one that we do.
            SettingError: the authorities that were named cannot be used.
            Untrusted: it is not the server that it should be.
        """
        try:
            name = self.host.partition("%")[0]  # without the interface of an IPv6 address
            secured = handshake(connected, self.trust.context(), str(self), name, timeout)
            return secured, self.trust.check(self.authority, secured.certificate())
        except TlsError as error:
            connected.close()
            raise Untrusted(
                f"nobody who is trusted vouches for the certificate of {self.authority}: "
                f"{error.untrusted}. Nothing was sent. If whoever runs the server tells you its "
                "fingerprint, give it with --fingerprint"
            ) from None
        except BaseException:  # whatever it is goes on; the socket is nobody's then
            connected.close()
            raise


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


Address = TcpAddress | TlsAddress | UnixAddress


def is_near(connected: socket.socket | TlsSocket) -> bool | None:
    """Return whether the other side is on a private network, on this machine for instance.

    Returns:
        None if that is not known: a connection that the other side has reset names no address.
    """
    if connected.family not in (socket.AF_INET, socket.AF_INET6):
        return True  # a Unix socket
    try:
        host = connected.getpeername()[0]
    except OSError:
        return None
    return is_private(host)


def is_private(host: str) -> bool:
    """Return whether an IP address is none that the whole world can reach."""
    address = ip_address(host.partition("%")[0])
    return not (getattr(address, "ipv4_mapped", None) or address).is_global


def open_connection(
    address: Address, timeout: float
) -> tuple[socket.socket | TlsSocket, Trusted | None]:
    """Return what to talk on with the server at `address`, and what is to be told of it.

    Args:
        address: where it is, and whether it speaks TLS.
        timeout: seconds for connecting, and again for TLS.

    Raises:
        ConnectError: nobody answers there, or not in TLS where that is to be spoken.
        SettingError: the authorities that were named cannot be used.
        Untrusted: it is not the server that it should be.
    """
    if isinstance(address, TlsAddress):
        return address.secure(address.open(timeout), timeout)
    if isinstance(address, TcpAddress):
        refuse_downgrade(TlsAddress(address.host, address.port).authority)
    return address.open(timeout), None


def parse_address(text: str) -> Address:
    """Return the address that a user typed.

    Args:
        text: `HOST`, `HOST:PORT`, `HOST PORT`, `[IPV6]:PORT`, a bare IPv6 address, or what a server
            prints: `tcp://HOST:PORT`, `tls://HOST:PORT`, `unix:PATH` and `unix://PATH`. `http://`
            stands for `tcp://`, `https://` for `tls://`.

    Raises:
        AddressError: it is none of these.
    """
    scheme, separator, rest = text.partition(":")
    if separator and scheme == "unix":
        return UnixAddress(rest.removeprefix("//"))
    found = _SCHEME.fullmatch(text.strip(" "))
    scheme, address = (found[1].lower(), found[2]) if found else ("tcp", text.strip(" "))
    if "/" in address:
        raise AddressError(f"{text!r} is no address: {_USAGE}, without a path")
    host, port = _split(address, text)
    if not host or re.search(r"[\s\x00-\x1f\x7f@\[\]]", host):
        raise AddressError(f"{text!r} names no host: {_USAGE}")
    kind = TlsAddress if scheme in ("tls", "https") else TcpAddress
    return kind(host, DEFAULT_PORT if port is None else _parse_port(port))


def _split(address: str, text: str) -> tuple[str, str | None]:
    """The host, and the port if there is one."""
    if len(words := address.split()) == 2 and _split(words[0], text)[1] is None:
        return _split(words[0], text)[0], words[1]
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
