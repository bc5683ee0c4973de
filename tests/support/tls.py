"""Certificates for tests, made once, and old or broken ends of TLS."""

import functools
import ssl
import tempfile
import warnings
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives import serialization

from chat_server.network import certificates
from protocol.tls import restrict
from tests.support.peer import believing


class Files(NamedTuple):
    """A certificate and its key, in PEM."""

    certificate: Path
    key: Path


def make_files(folder: Path, name: str = "real") -> Files:
    """Make a certificate and its key in a folder."""
    files = Files(folder / f"{name}.crt", folder / f"{name}.key")
    key = certificates.new_key()
    files.key.touch(mode=0o600)
    files.key.write_bytes(key)
    files.certificate.write_bytes(certificates.self_signed(key))
    return files


def encrypt_key(key: Path) -> None:
    """Put a password on a key."""
    private = serialization.load_pem_private_key(key.read_bytes(), password=None)
    key.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )


@functools.cache
def server_context() -> ssl.SSLContext:
    """Return a server's context with a certificate of its own, as the server makes it."""
    context = restrict(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
    context.num_tickets = 0
    with tempfile.TemporaryDirectory() as folder:
        context.load_cert_chain(*make_files(Path(folder)))
    return context


def only(version: ssl.TLSVersion, *, server_side: bool = False) -> ssl.SSLContext:
    """Return a context that speaks one version, however old, and believes everybody."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if server_side else believing()
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that they are old is the matter
        context.minimum_version = context.maximum_version = version
    return context
