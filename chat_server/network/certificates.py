"""Makes a key and a certificate for a server that has none from an authority.

Nobody vouches for such a certificate: people tell a client its fingerprint, or it trusts the first
one that it sees. So the dates and names mean little; they are there for clients that check them.
"""

import datetime
import ipaddress
import socket

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from chat_server.network.addresses import lan_addresses

_VALID = datetime.timedelta(days=36525)
"""It is to outlive the server, and must not end one lesson with a date. Clocks may be wrong, too.
"""

_BEFORE = datetime.timedelta(days=366)


def new_key() -> bytes:
    """Return a new private key, for elliptic curve P-256, in PEM."""
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def self_signed(key: bytes) -> bytes:
    """Return a certificate for `key`, which stands for this machine, in PEM.

    Raises:
        ValueError: `key` is none for an elliptic curve, in PEM.
    """
    private = _load(key)
    host = socket.gethostname()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Backchannel")])
    now = datetime.datetime.now(datetime.UTC)
    public = private.public_key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BEFORE)
        .not_valid_after(now + _VALID)
        .add_extension(x509.SubjectAlternativeName(_names(host)), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_signatures_only(), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)
    )
    return builder.sign(private, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _load(key: bytes) -> ec.EllipticCurvePrivateKey:
    try:
        private = serialization.load_pem_private_key(key, password=None)
    except TypeError as error:  # it is encrypted
        raise ValueError(str(error)) from None
    if not isinstance(private, ec.EllipticCurvePrivateKey):
        raise ValueError("it is none for an elliptic curve")
    return private


def _names(host: str) -> list[x509.GeneralName]:
    """What this machine is called on itself and on the network, as far as it knows."""
    names = dict.fromkeys(["localhost", host] if host.isascii() and host else ["localhost"])
    lan = [each.host.partition("%")[0] for each in lan_addresses()]
    addresses = dict.fromkeys(["127.0.0.1", "::1", *lan])
    return [
        *(x509.DNSName(each) for each in names),
        *(x509.IPAddress(ipaddress.ip_address(each)) for each in addresses),
    ]


def _signatures_only() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
