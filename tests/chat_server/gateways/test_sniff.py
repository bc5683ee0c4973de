"""One port for everybody: the first bytes tell who speaks what."""

from typing import Any

import pytest

from tests.chat_server.house import House
from tests.support.peer import Peer, encode
from tests.support.servers import address_of, running_server
from tests.support.text_peer import TextPeer

HELLO = encode({"type": "hello", "version": 1, "nick": "ada"})

# What comes first, and what the answer begins with.
BEGINNINGS = {
    "native": (HELLO, b"\0"),
    "http": (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", b"HTTP/1.1 200"),
    "head": (b"HEAD /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", b"HTTP/1.1 200"),
    "post": (b"POST / HTTP/1.1\r\nHost: localhost\r\n\r\n", b"HTTP/1.1 405"),
    "http-2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"HTTP/1.1 400"),
    "line": (b"ada\n", b"* you are ada in #lobby"),
    "empty-line": (b"\n", b"nick?\n"),
    "long-word": (b"an-overlong-first-word\n", b"* you are an-overlong-first-word"),
    "lower-case": (b"get\n", b"* you are get in"),
    "accent": ("Änne\n".encode(), "* you are Änne".encode()),
    "irc": (b"PING x\r\n", b":backchannel PONG backchannel :x"),
    "irc-lower-case": (b"cap ls\n", b":backchannel CAP * LS :"),
    "irc-longest-word": (b"AUTHENTICATE PLAIN\r\n", b":backchannel 904 * :"),
    "telnet": (b"\xff\xfd\x03ada\n", b"\xff\xfc\x03"),
    "tls": (b"\x16\x03\x01\x02\x00", b"\x15\x03\x03\x00\x02\x02\x28"),
    "proxy-2": (b"\r\n\r\n\0\r\nQUIT\n", b"nick?\r\n"),
}


@pytest.mark.parametrize("byte_by_byte", [False, True], ids=["whole", "bytes"])
@pytest.mark.parametrize("kind", BEGINNINGS)
def test_it_is_told_by_what_comes_first(house: House, kind: str, byte_by_byte: bool) -> None:
    """However it is cut."""
    data, answer = BEGINNINGS[kind]
    with TextPeer(house.address) as peer:
        for piece in [data[n : n + 1] for n in range(len(data))] if byte_by_byte else [data]:
            peer.send_raw(piece)
        assert peer.exactly(len(answer)) == answer


@pytest.mark.parametrize("begin", [b"\x01", b"\x80", b"\x7f", b"\xc1", b"\xf5", b"\x05\x01\x00"])
def test_what_is_nothing_of_that(house: House, begin: bytes) -> None:
    """It is refused as a frame that is none."""
    with Peer.connect(house.address) as peer:
        peer.send_raw(begin + bytes(8))
        assert [frame["type"] for frame in peer.read_to_end()] == ["error", "goodbye"]


def test_who_never_says_enough_is_gone_in_time() -> None:
    """The time for a hello counts, whatever the beginning might become."""
    with running_server(hello_timeout=0.2) as server, Peer.connect(address_of(server)) as peer:
        peer.send_raw(b"GE")
        peer.expect_fatal("hello_timeout")


@pytest.mark.parametrize(
    ("setting", "kind"), [("web", "http"), ("lines", "line"), ("lines", "telnet"), ("irc", "irc")]
)
def test_each_can_be_turned_off(setting: str, kind: str) -> None:
    """Then it is refused as a frame that is none."""
    settings: dict[str, Any] = {setting: False}
    with running_server(**settings) as server, Peer.connect(address_of(server)) as peer:
        peer.send_raw(BEGINNINGS[kind][0])
        peer.expect_fatal("frame_too_large")


def test_on_a_port_with_tls_others_are_told_in_their_own_language() -> None:
    """A page that leads to https, a line, a frame."""
    with running_server(tls=True) as server:
        address = str(address_of(server)).replace("tls:", "tcp:")
        with TextPeer(address) as peer:
            peer.send_raw(b"GET / HTTP/1.1\r\nHost: 127.0.0.1:7878\r\n\r\n")
            answer = peer.rest()
            assert answer.startswith(b"HTTP/1.1 400")
            assert b'href="https://127.0.0.1:7878/"' in answer
        with TextPeer(address) as peer:
            peer.send("ada")
            assert "TLS" in peer.line()
        with Peer.connect(address) as native:
            native.send_raw(HELLO)
            assert "TLS" in native.expect_fatal("bad_frame")["text"]


@pytest.mark.parametrize("kind", [kind for kind in BEGINNINGS if kind != "tls"])
def test_inside_tls_the_same_again(kind: str) -> None:
    """The table holds there, too."""
    data, answer = BEGINNINGS[kind]
    with running_server(tls=True) as server, TextPeer(address_of(server)) as peer:
        peer.send_raw(data)
        assert peer.exactly(len(answer)) == answer
