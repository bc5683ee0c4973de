"""Whom to believe that it is the server: a certificate alone says nothing.

What the user has pinned; or the authorities that the system or a file names; or whoever was there
first, as ssh does it.
"""

import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from chat_client.errors import SettingError, Untrusted
from chat_client.events import Trusted
from chat_client.files.known_servers import KnownServers, known_servers_file
from protocol.tls import fingerprint, parse_fingerprint, restrict, shown_fingerprint

SYSTEM = "system"
"""What stands for the authorities that the system trusts."""


class Trust(Protocol):
    """A way to find out whether a server is the one."""

    def context(self) -> ssl.SSLContext:
        """Return what a handshake is to check by itself.

        Raises:
            SettingError: what the user gave for it cannot be used.
        """

    def check(self, server: str, certificate: bytes, /) -> Trusted | None:
        """Look at what a server has shown in its handshake, before anything is said to it.

        Args:
            server: HOST:PORT.
            certificate: in DER.

        Returns:
            What is to be told to the user, if anything is.

        Raises:
            Untrusted: it is not to be believed.
        """


@dataclass(slots=True)
class FirstUse:
    """Believe who was there the first time, then and from then on.

    Attributes:
        known: where that is kept.
    """

    known: KnownServers = field(default_factory=lambda: KnownServers(known_servers_file()))
    # Those of this process: what it has seen holds, whatever becomes of the file.
    _seen: dict[str, str] = field(default_factory=dict)

    def context(self) -> ssl.SSLContext:
        """See Trust."""
        return _unchecked()

    def check(self, server: str, certificate: bytes, /) -> Trusted | None:
        """See Trust."""
        shown = fingerprint(certificate)
        if server in self._seen:
            if self._seen[server] != shown:
                raise _changed(server, self._seen[server], shown, None, self.known.path)
            return None
        problem = ""
        try:
            entry = self.known.add(server, shown)
        except OSError as error:
            entry, problem = None, error.strerror or str(error)
        if entry is not None and entry.fingerprint != shown:
            raise _changed(server, entry.fingerprint, shown, entry.line, self.known.path)
        self._seen[server] = shown
        if entry is not None:
            return None
        return Trusted(server, shown_fingerprint(shown), str(self.known.path), problem)


@dataclass(slots=True)
class Pinned:
    """Believe one certificate, and remember it for connections without a pin.

    Attributes:
        fingerprint: its SHA-256, as `protocol.tls.parse_fingerprint` returns it.
        known: where it is remembered.
    """

    fingerprint: str
    known: KnownServers = field(default_factory=lambda: KnownServers(known_servers_file()))

    def __post_init__(self) -> None:
        self.fingerprint = parse_fingerprint(self.fingerprint)

    def context(self) -> ssl.SSLContext:
        """See Trust."""
        return _unchecked()

    def check(self, server: str, certificate: bytes, /) -> Trusted | None:
        """See Trust."""
        shown = fingerprint(certificate)
        if shown != self.fingerprint:
            raise Untrusted(
                f"{server} is not the server of that fingerprint: its certificate has "
                f"{shown_fingerprint(shown)}. Somebody may be between you and it, or it has a new "
                "certificate: ask who runs it. Nothing was sent."
            )
        with suppress(OSError):  # the pin is enough, and is given again where this is not kept
            self.known.put(server, shown)
        return None


@dataclass(frozen=True, slots=True)
class Authorities:
    """Believe what the system's authorities vouch for, or those in a file.

    Attributes:
        file: the file, in PEM; None for the system's.
    """

    file: Path | None = None

    def context(self) -> ssl.SSLContext:
        """See Trust."""
        try:
            return restrict(ssl.create_default_context(cafile=self.file))
        except OSError as error:  # of ssl, too
            reason = "no certificate in PEM" if isinstance(error, ssl.SSLError) else error.strerror
            raise SettingError(f"{self.file} cannot be used as --ca: {reason}") from None

    def check(self, _server: str, _certificate: bytes, /) -> Trusted | None:
        """See Trust."""
        return None


class Anybody:
    """Believe everybody: for tests and measurements, where there is nothing to hide."""

    def context(self) -> ssl.SSLContext:
        """See Trust."""
        return _unchecked()

    def check(self, _server: str, _certificate: bytes, /) -> Trusted | None:
        """See Trust."""
        return None


def refuse_downgrade(server: str, known: KnownServers | None = None) -> None:
    """See that a server that is talked to without TLS was not known with it.

    Args:
        server: HOST:PORT.
        known: where that is kept; the user's file without.

    Raises:
        Untrusted: it was: what is said now, passwords first, anybody on the way can read.
    """
    known = known or KnownServers(known_servers_file())
    try:
        entry = known.find(server)
    except OSError:  # that is told where TLS is asked for
        return
    if entry is not None:
        raise Untrusted(
            f"{server} spoke TLS when you were there before, and without it others can read what "
            f"you say, your password too. Nothing was sent: connect with --tls. Only if whoever "
            f"runs the server has given TLS up, remove line {entry.line} of {known.path}"
        )


def _unchecked() -> ssl.SSLContext:
    """What checks nothing in the handshake, since that is done right after it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return restrict(context)


def _changed(server: str, known: str, shown: str, line: int | None, file: Path) -> Untrusted:
    where = f"line {line} of {file}" if line is not None else f"the line of {server} in {file}"
    return Untrusted(
        f"THE CERTIFICATE OF {server} HAS CHANGED, so this may be another server than the one you "
        f"know, and somebody may read what you say. It was {shown_fingerprint(known)}, and is "
        f"{shown_fingerprint(shown)}. Nothing was sent. Ask who runs the server. Only if it has a "
        f"new certificate: remove {where}, or give the new fingerprint with --fingerprint"
    )
