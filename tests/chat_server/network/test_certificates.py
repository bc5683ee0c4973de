"""The key and certificate that a server makes for itself."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from chat_server.network.certificates import new_key, self_signed


def test_a_certificate_is_of_its_key(tmp_path: Path) -> None:
    """OpenSSL takes the two together."""
    key = new_key()
    (tmp_path / "key").write_bytes(key)
    (tmp_path / "certificate").write_bytes(self_signed(key))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "certificate", tmp_path / "key")
    (tmp_path / "key").write_bytes(new_key())
    with pytest.raises(ssl.SSLError):
        context.load_cert_chain(tmp_path / "certificate", tmp_path / "key")


def test_it_names_this_machine_and_outlives_the_server() -> None:
    """A clock that is a year slow believes it as well; nobody can sign others with it."""
    certificate = x509.load_pem_x509_certificate(self_signed(new_key()))
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "localhost" in names.get_values_for_type(x509.DNSName)
    addresses = [str(each) for each in names.get_values_for_type(x509.IPAddress)]
    assert {"127.0.0.1", "::1"} <= set(addresses)
    now = datetime.now(UTC)
    assert certificate.not_valid_before_utc < now - timedelta(days=365)
    assert certificate.not_valid_after_utc > now + timedelta(days=365 * 90)
    limits = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert not limits.ca


def _pem(
    key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey,
    encryption: serialization.KeySerializationEncryption,
) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    )


@pytest.mark.parametrize(
    ("key", "says"),
    [
        (b"", "PEM"),
        (b"-----BEGIN PRIVATE KEY-----\nnonsense\n-----END PRIVATE KEY-----\n", "key data"),
        (
            _pem(ed25519.Ed25519PrivateKey.generate(), serialization.NoEncryption()),
            "none for an elliptic curve",
        ),
        (
            _pem(
                ec.generate_private_key(ec.SECP256R1()), serialization.BestAvailableEncryption(b"x")
            ),
            "encrypted",
        ),
    ],
    ids=["empty", "nonsense", "another kind", "encrypted"],
)
def test_a_key_that_cannot_be_used(key: bytes, says: str) -> None:
    """The reason is told: what the library says, or that it is of another kind."""
    with pytest.raises(ValueError, match=says):
        self_signed(key)
