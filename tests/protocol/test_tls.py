"""TLS without sockets: two channels, and the bytes between them in pieces of any size."""

import ssl
from collections.abc import Iterator

import pytest

from protocol import tls
from protocol.tls import (
    Channel,
    NotTlsError,
    TlsError,
    fingerprint,
    parse_fingerprint,
    shown_fingerprint,
)
from tests.support.peer import believing
from tests.support.tls import only, server_context

DIGITS = "0123456789abcdef" * 4
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


def whole(data: bytes) -> Iterator[bytes]:
    if data:
        yield data


def byte_by_byte(data: bytes) -> Iterator[bytes]:
    for place in range(len(data)):
        yield data[place : place + 1]


CUTS = [whole, byte_by_byte]


def ends(context: ssl.SSLContext | None = None) -> tuple[Channel, Channel]:
    """A client's channel and a server's, before the handshake."""
    client = Channel(context or believing(), server_side=False)
    return client, Channel(server_context(), server_side=True)


def shake(client: Channel, server: Channel, cut: object = whole) -> None:
    """Carry bytes to and fro until both are content."""
    assert callable(cut)
    client.begin()
    while not (client.established and server.established):
        for piece in cut(client.take()):
            assert server.receive(piece) == b""
        for piece in cut(server.take()):
            assert client.receive(piece) == b""


@pytest.fixture
def pair() -> tuple[Channel, Channel]:
    """Two channels whose handshake is done."""
    client, server = ends()
    shake(client, server)
    return client, server


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_said_arrives(version: ssl.TLSVersion, cut: object) -> None:
    """In both directions, in order, whatever way the bytes are cut."""
    assert callable(cut)
    client, server = ends(only(version))
    shake(client, server, cut)
    assert client.version() == version.name.replace("_", ".")
    for one, other in ((client, server), (server, client)):
        wire = one.encrypt(b"hello ") + one.encrypt(b"") + one.encrypt(b"x" * 40_000)
        said = b"".join(other.receive(piece) for piece in cut(wire))
        assert said == b"hello " + b"x" * 40_000


def test_what_follows_the_handshake_at_once_is_heard() -> None:
    """The client's last bytes of the handshake and its first words come in one piece."""
    client, server = ends(only(ssl.TLSVersion.TLSv1_3))
    client.begin()
    server.receive(client.take())
    client.receive(server.take())
    assert client.established
    assert not server.established
    assert server.receive(client.encrypt(b"hello")) == b"hello"
    assert server.established


def test_nothing_can_be_said_before_the_handshake() -> None:
    """It is not kept, either: sending too early raises an error."""
    client, _ = ends()
    with pytest.raises(TlsError):
        client.encrypt(b"hello")


def test_whoever_has_ended_can_still_hear(pair: tuple[Channel, Channel]) -> None:
    """Each side ends its own half."""
    client, server = pair
    assert server.receive(client.encrypt(b"bye") + client.end()) == b"bye"
    assert server.ended
    assert client.receive(server.encrypt(b"well, then") + server.end()) == b"well, then"
    assert client.ended
    assert client.end() == server.end() == b""


def test_what_follows_the_end_is_not_heard(pair: tuple[Channel, Channel]) -> None:
    """Whatever it is."""
    client, server = pair
    assert server.receive(client.encrypt(b"bye") + client.end() + b"GET / HTTP/1.1") == b"bye"
    assert server.receive(b"more") == b""


def test_nobody_says_goodbye_who_has_not_met() -> None:
    """There is no alert before there are keys."""
    _, server = ends()
    assert server.end() == b""


@pytest.mark.parametrize("data", [b"\0\0\0\x20{", b"GET / HTTP/1.1", b"NICK ada", b"\xff" * 50])
def test_what_is_not_tls_is_told_from_its_first_byte(data: bytes) -> None:
    """On either side, and nothing is owed to it."""
    for channel in ends():
        with pytest.raises(NotTlsError):
            channel.receive(data)
        assert channel.ended
        assert channel.take() == b""


@pytest.mark.parametrize("place", [5, 20, -1])
def test_what_was_changed_on_the_way_is_not_believed(
    pair: tuple[Channel, Channel], place: int
) -> None:
    """One bit is enough, and the other side is told."""
    client, server = pair
    wire = bytearray(client.encrypt(b"give me 10"))
    wire[place] ^= 1
    with pytest.raises(TlsError):
        server.receive(bytes(wire))
    assert server.ended
    with pytest.raises(TlsError):
        client.receive(server.take())


def test_a_piece_that_is_sent_twice_is_not_believed(pair: tuple[Channel, Channel]) -> None:
    """Nobody on the way can have somebody say the same again."""
    client, server = pair
    wire = client.encrypt(b"give me 10")
    assert server.receive(wire) == b"give me 10"
    with pytest.raises(TlsError):
        server.receive(wire)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_old_versions_are_refused(version: ssl.TLSVersion) -> None:
    """TLS 1.2 at least; and who comes with less is told why."""
    client, server = ends(only(version))
    client.begin()
    with pytest.raises(TlsError, match=r"1\.2"):
        server.receive(client.take())
    with pytest.raises(TlsError, match="no version of TLS"):
        client.receive(server.take())


@pytest.mark.parametrize(
    "text",
    [
        DIGITS,
        DIGITS.upper(),
        ":".join(DIGITS[n : n + 2].upper() for n in range(0, 64, 2)),
        " ".join(DIGITS[n : n + 4] for n in range(0, 64, 4)),
        shown_fingerprint(DIGITS),
        f"SHA256:{DIGITS}",
        f"sha256 Fingerprint={shown_fingerprint(DIGITS)}\n",
    ],
)
def test_a_fingerprint_is_read_however_it_is_written(text: str) -> None:
    """As we print it, as openssl does, as people copy it."""
    assert parse_fingerprint(text) == DIGITS


@pytest.mark.parametrize("text", ["", "12", DIGITS[1:], DIGITS + "0", "x" * 64, "sha1:" + DIGITS])
def test_what_is_no_fingerprint(text: str) -> None:
    """It is shown, and the rule is said."""
    with pytest.raises(ValueError, match="64 hexadecimal"):
        parse_fingerprint(text)


def test_a_fingerprint_is_the_certificates(pair: tuple[Channel, Channel]) -> None:
    """SHA-256, in groups of four that a shell takes as one word."""
    digits = fingerprint(pair[0].certificate())
    shown = shown_fingerprint(digits)
    assert len(shown) == 79
    assert parse_fingerprint(shown) == digits
    assert pair[1].certificate() == b""


def test_who_asks_and_does_not_read_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bytes that TLS sends by itself are bounded: a peer may ask for new keys without end."""
    client, server = ends()
    client.begin()
    monkeypatch.setattr(tls, "_OWED_LIMIT", 100)  # less than a certificate
    with pytest.raises(TlsError, match="asks for more than it takes"):
        server.receive(client.take())
    assert server.ended
