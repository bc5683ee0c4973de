"""TLS on the server: the key, and the certificate that is shown."""

import logging
import os
import re
import ssl
from contextlib import suppress
from pathlib import Path

from chat_server.runtime.config.settings import Settings
from chat_server.runtime.errors import StartError
from protocol.common.private_files import write_private
from protocol.tls import Channel, fingerprint, restrict

log = logging.getLogger(__name__)

KEY_FILE = "tls-key.pem"
CERTIFICATE_FILE = "tls-certificate.pem"
"""Names in the data folder, where the server makes its own."""

_PEM_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


class Identity:
    """The key and certificate that new connections are shown. Any thread may use it.

    Attributes:
        fingerprint: the SHA-256 of the certificate, in hexadecimal digits.
    """

    def __init__(self, certificate: Path, key: Path) -> None:
        """
        Args:
            certificate: a file in PEM, the server's own first, then those that vouch for it.
            key: the file with its private key, in PEM and not encrypted.

        Raises:
            StartError: they cannot be used.
        """
        self.fingerprint = fingerprint(_read_certificate(certificate))
        self._context = restrict(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
        # Our clients do not resume TLS sessions, and each takes memory.
        self._context.num_tickets = 0
        _load_key(self._context, certificate, key)

    def channel(self) -> Channel:
        """Return a new connection's."""
        return Channel(self._context, server_side=True)


def identity(settings: Settings, *, make: bool = True) -> Identity | None:
    """Return what the server shows who connects with TLS; None if it does not speak TLS.

    If no files are named, a key and a certificate are made in the data folder, once.

    Args:
        settings: which files.
        make: whether they may be made. Not by a server that runs: one that has lost its files
            would show everybody another certificate than the one that they know.

    Raises:
        StartError: the files cannot be used, or not be made.
    """
    if not settings.speaks_tls:
        return None
    if settings.tls_cert is not None or settings.tls_key is not None:
        return _given(settings)
    certificate, key = settings.data / CERTIFICATE_FILE, settings.data / KEY_FILE
    if make and not certificate.exists():
        _make(certificate, key)
    return Identity(certificate, key)


def check(settings: Settings) -> None:
    """Look at the files that are named, without making any.

    Raises:
        StartError: they cannot be used.
    """
    if settings.tls_cert is not None or settings.tls_key is not None:
        _given(settings)


def _given(settings: Settings) -> Identity:
    if settings.tls_cert is None or settings.tls_key is None:
        raise StartError("--tls-cert and --tls-key belong together: give both, or none.")
    return Identity(settings.tls_cert, settings.tls_key)


def _make(certificate: Path, key: Path) -> None:
    # Only now: it takes longer to load than all the rest, and who has certificates does without it.
    from chat_server.network import certificates

    try:
        if not key.exists():
            write_private(key, certificates.new_key())
        write_private(certificate, certificates.self_signed(key.read_bytes()))
    except OSError as error:
        raise StartError(f"no key can be made in {key.parent}: {error.strerror}.") from error
    except ValueError as error:
        raise StartError(
            f"{key} holds no key ({error}). Put the right one there, or remove it: then the server "
            "makes another, and clients have to trust it anew."
        ) from error
    log.info("made a key and a certificate for TLS: %s", certificate)


def _load_key(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    _warn_if_open(key)
    try:
        key.read_bytes()  # OpenSSL does not say which of the files it cannot read
        context.load_cert_chain(certificate, key, _refuse_password)
    except _EncryptedKeyError:
        raise StartError(
            f"the key {key} is encrypted, and nobody is here to type its password. "
            "Decrypt it with `openssl pkey`, into a file that is private."
        ) from None
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise StartError(
                f"the key {key} is not the one of the certificate {certificate}."
            ) from error
        raise StartError(
            f"{key} holds no private key in PEM, or {certificate} no certificate "
            f"that OpenSSL takes ({error.reason or 'not PEM'})."
        ) from error
    except OSError as error:
        raise StartError(f"the key {key} cannot be read: {error.strerror}.") from error


class _EncryptedKeyError(Exception):
    """OpenSSL asks for a password."""


def _refuse_password() -> str:
    raise _EncryptedKeyError


def _read_certificate(path: Path) -> bytes:
    """The first certificate of a file, in DER."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise StartError(f"the certificate {path} cannot be read: {error.strerror}.") from error
    found = _PEM_CERTIFICATE.search(text)
    try:
        return ssl.PEM_cert_to_DER_cert(found[0] if found else "")
    except ValueError:
        raise StartError(f"{path} holds no certificate in PEM.") from None


def _warn_if_open(key: Path) -> None:
    with suppress(OSError):  # who reads it next says why it cannot be
        if os.name == "posix" and key.stat().st_mode & 0o007:
            log.warning("everybody on this machine can read the key %s", key)
