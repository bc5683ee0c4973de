"""The client of the checks, against the other end of a real connection."""

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator

import pytest

from lab.exercises.peer import LONGEST_ANSWER, Clock, Peer, Wrong, frame, shown


@pytest.fixture
def ends() -> Iterator[tuple[Peer, socket.socket]]:
    """A peer, and the server's end of its connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        mine = socket.create_connection(listener.getsockname())
        theirs, _ = listener.accept()
        with mine, theirs:
            yield Peer(mine, "the client", Clock(answer=20, whole=60)), theirs


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"hello\n", '"hello\\n"'),
        ("grüße".encode(), '"grüße"'),
        (b"\xff\x00\x1b[2J", '"\\xff\\x00\\x1b[2J"'),
        (b'"quoted" \\', '"\\"quoted\\" \\\\"'),
        ("\u202e\u2028".encode(), '"\\u202e\\u2028"'),
        (b"x" * 1000, f'"{"x" * 60}…" (1,000 bytes)'),
        ("ü".encode() * 200, f'"{"ü" * 60}…" (400 bytes)'),
        (b"", '""'),
    ],
)
def test_data_is_shown_on_one_line(data: bytes, text: str) -> None:
    """Nothing in it moves a cursor, and nothing is lost but what is said to be."""
    assert shown(data) == text


def test_what_is_expected_may_come_in_parts(ends: tuple[Peer, socket.socket]) -> None:
    """What comes behind it is kept for the next time."""
    peer, server = ends
    server.sendall(b"hel")
    server.sendall(b"lo\nand ")
    peer.expect(b"hello\n")
    server.sendall(b"on\n")
    peer.expect(b"and on\n")


def test_a_wrong_byte_is_enough(ends: tuple[Peer, socket.socket]) -> None:
    """The rest is not waited for."""
    peer, server = ends
    server.sendall(b"hex")
    with pytest.raises(Wrong, match='connected and received "hex", but "hello" was expected'):
        peer.expect(b"hello")


def test_an_end_that_comes_too_soon(ends: tuple[Peer, socket.socket]) -> None:
    """How much had come by then is said."""
    peer, server = ends
    peer.send(b"x")
    server.recv(1)
    server.sendall(b"he")
    server.close()
    with pytest.raises(Wrong, match="connection after 2 of 5 bytes") as caught:
        peer.expect(b"hello")
    assert caught.value.closed


def test_a_reset_is_an_end(ends: tuple[Peer, socket.socket]) -> None:
    """Whoever sends to it then is told, too."""
    peer, server = ends
    server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    server.close()
    peer.expect_end()
    with pytest.raises(Wrong, match="the server had closed the connection when the client sent"):
        peer.send(b"x")


@pytest.mark.parametrize(
    ("answer", "whole", "text"),
    [
        (0.01, 1000, "received nothing more for a moment"),
        (1000, 0, "the check had not ended after 0 s"),
    ],
)
def test_silence_has_a_limit(answer: float, whole: float, text: str) -> None:
    """For each answer, and for the whole check."""
    clock = Clock(answer=answer, whole=whole)
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        contextlib.closing(
            Peer(socket.create_connection(listener.getsockname()), "the client", clock)
        ) as peer,
        pytest.raises(Wrong, match=text),
    ):
        peer.expect(b"hello")


def test_who_never_stops_sending_is_stopped() -> None:
    """There is always something to read, so nothing else would end it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        mine = socket.create_connection(listener.getsockname())
        theirs, _ = listener.accept()
        peer = Peer(mine, "the client", Clock(answer=20, whole=0.3))

        def send() -> None:
            with contextlib.suppress(OSError):
                while True:
                    theirs.sendall(bytes(65536))

        sender = threading.Thread(target=send, name="endless sender")
        sender.start()
        with pytest.raises(Wrong, match="the check had not ended after 0 s, but the end of the"):
            peer.skip_to_end()
        peer.close()
        sender.join(20)
        theirs.close()


def test_who_does_not_read_is_told_so() -> None:
    """The system takes some megabytes, and then no more."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        mine = socket.create_connection(listener.getsockname())
        peer = Peer(mine, "the client", Clock(answer=0.2, whole=60))
        with pytest.raises(Wrong, match="because the server stopped reading"):
            peer.send(b"x" * 50_000_000)
        peer.close()


def test_frames(ends: tuple[Peer, socket.socket]) -> None:
    """What is in them is compared; what is no frame is said to be none."""
    peer, server = ends
    server.sendall(frame(b"one") + frame(b"two") + frame(b"\xff") + frame(b"") + b"HTTP/1.1 400")
    peer.expect_frame("one")
    with pytest.raises(Wrong, match='the frame "two", but the frame "2" was expected'):
        peer.expect_frame("2")
    with pytest.raises(Wrong, match=r'the frame "\\xff", which is not UTF-8, but a frame was'):
        peer.read_text()
    assert peer.read_text() == ""
    assert int.from_bytes(b"HTTP", "big") > LONGEST_ANSWER
    with pytest.raises(Wrong, match=r'"HTTP/1\.1 400", of which the first four bytes would be'):
        peer.read_frame()


def test_the_end(ends: tuple[Peer, socket.socket]) -> None:
    """Before it nothing may come, unless it is skipped."""
    peer, server = ends
    server.sendall(b"still here")
    with pytest.raises(Wrong, match='received "still here", but the end of the connection was'):
        peer.expect_end()
    server.sendall(b"and on")
    server.close()
    peer.skip_to_end()


def test_waiting_until_the_server_has_read(ends: tuple[Peer, socket.socket]) -> None:
    """Nothing that it has not read is left when that returns, where the system can tell."""
    peer, server = ends
    peer.send(b"hello")
    peer.wait_until_read(0.01)  # it does not read, and this ends all the same
    assert server.recv(100) == b"hello"
    peer.wait_until_read(20)
    server.setblocking(False)
    with pytest.raises(BlockingIOError):
        server.recv(1)


def test_sending_what_fits(ends: tuple[Peer, socket.socket]) -> None:
    """Until the other end is stuck, or closes."""
    peer, server = ends
    sent = peer.send_until_stuck(memoryview(bytes(50_000_000)), 0.2)
    assert 0 < sent < 50_000_000
    assert peer.silent_for > 0
    server.close()
    with pytest.raises(ConnectionError):
        peer.send_until_stuck(memoryview(bytes(50_000_000)), 20)
